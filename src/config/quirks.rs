//! `[quirks]` of a profile: in what the device departs from the protocol.

use serde::Deserialize;
use toml::Spanned;

use super::scope::Scope;
use crate::domain::profile::Quirks;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuirksEntry {
    #[serde(default)]
    unit_zero_replies: bool,
    #[serde(default)]
    transaction_not_echoed: bool,
    coil_on: Option<Spanned<i64>>,
    #[serde(default)]
    writes_multiple: bool,
}

/// Reads the table; what it leaves out is as in the protocol.
pub(super) fn read(entry: &QuirksEntry, scope: &mut Scope<'_>) -> Quirks {
    let coil_on = entry.coil_on.as_ref();
    // 0 is "off" in every device: a quirk that wrote it would undo what was asked.
    let coil_on = coil_on.and_then(|value| scope.number(value, 1..=0xFFFF, "coil_on"));
    Quirks {
        unit_zero_replies: entry.unit_zero_replies,
        transaction_not_echoed: entry.transaction_not_echoed,
        coil_on: coil_on.unwrap_or(Quirks::default().coil_on),
        writes_multiple: entry.writes_multiple,
    }
}
