//! Who did it.

use serde::{Deserialize, Serialize};

use super::ids::{AccountId, RecipientId};
pub use super::role::Role;

/// Who caused an entry. Only ids: names are in erasable rows and in the site's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Actor {
    /// Fengsui itself: a deadline, a start, a rule.
    System,
    /// The field: a panel or an I/O module.
    Field,
    /// A signed-on person.
    Account(AccountId),
    /// A post or person answering on a device.
    Recipient(RecipientId),
}
