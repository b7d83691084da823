//! Who did it.

use serde::{Deserialize, Serialize};

use super::ids::{AccountId, RecipientId};

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

/// What a signed-on person may do (DESIGN: protective verbs are open to everyone of the room).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees, does nothing.
    Viewer,
    /// A post's own account: answers its own orders.
    Guard,
    /// Duty operator of the control room.
    Operator,
    /// Shift leader or commander.
    Supervisor,
    /// Commissions and configures.
    Engineer,
}

impl Role {
    /// Whether this role belongs to the control room and so may use every protective verb.
    #[must_use]
    pub fn is_of_the_room(self) -> bool {
        matches!(self, Self::Operator | Self::Supervisor | Self::Engineer)
    }
}
