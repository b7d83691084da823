//! `[summary]` of a profile: the words that change whenever something changes in certain groups.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::address::Base;
use super::groups::ADDRESSES;
use super::names::{Word, advice};
use super::parts::{AreaWord, Fits};
use super::scope::Scope;
use crate::domain::profile::Summary;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SummaryEntry {
    area: AreaWord,
    start: Spanned<i64>,
    count: Spanned<i64>,
    groups: Vec<Word>,
    max_age_ms: Spanned<i64>,
}

/// Reads it; `declared` are the groups of the file.
pub(super) fn read(
    entry: &SummaryEntry,
    declared: &BTreeSet<String>,
    (base, fits): (Base, Fits<'_>),
    scope: &mut Scope<'_>,
) -> Option<Summary> {
    let area = entry.area.area();
    let start = base.address(area, &entry.start, scope);
    let count: Option<u16> = scope.number(&entry.count, 1..=2_000, "count");
    // An alarm that the device does not announce must still be seen within the time in which it is to be looked at.
    let max_age = scope.number(&entry.max_age_ms, 200..=10_000, "max_age_ms");
    for word in &entry.groups {
        if !declared.contains(word.as_ref()) {
            let message = format!("there is no group `{}`", word.as_ref());
            let help = advice(word.as_ref(), declared.iter().map(String::as_str));
            scope.error(word.span(), message, help);
        }
    }
    let (start, count) = (start?, count?);
    if !fits(area, count) || u32::from(start) + u32::from(count) > ADDRESSES {
        let message = "the summary is more than one request may ask for";
        scope.error(
            entry.count.span(),
            message,
            "correct `start`, `count` or [limits]",
        );
        return None;
    }
    Some(Summary {
        area,
        start,
        count,
        groups: entry
            .groups
            .iter()
            .map(|word| word.as_ref().clone())
            .collect(),
        max_age: Duration::from_millis(max_age?),
    })
}
