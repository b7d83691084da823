//! procedures.toml: the limits. The figures are in the file only; here stands what a site may set them to.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::scope::Scope;
use super::section::Section;
use crate::domain::limits::FireLimits;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FireEntry {
    receive_seconds: Spanned<i64>,
    accept_seconds: Spanned<i64>,
    arrive_seconds: Spanned<i64>,
    verdict_seconds: Spanned<i64>,
    take_seconds: Spanned<i64>,
    mute_seconds: Spanned<i64>,
    call_119_seconds: Spanned<i64>,
    command_expiry_seconds: Spanned<i64>,
    two_posts_over_seconds: Spanned<i64>,
    succession_seconds: Spanned<i64>,
    start_answer_seconds: Spanned<i64>,
    maintenance_seconds: Spanned<i64>,
    #[serde(default)]
    single_device_suspects: bool,
}

/// Reads the file; `None` when a limit is missing or out of its own limits.
pub(super) fn read(mut file: Section<'_>, scope: &mut Scope<'_>) -> Option<FireLimits> {
    let entry = file.read("fire", scope.reports);
    file.finish(scope.reports);
    let entry: FireEntry = entry?;
    check_order(&entry, scope);
    let mut seconds = |value: &Spanned<i64>, limits: RangeInclusive<i64>, what: &str| {
        let seconds: Option<u64> = scope.number(value, limits, what);
        seconds.map(Duration::from_secs)
    };
    // All are asked before the first `?`, so that every wrong one is reported.
    let receive = seconds(&entry.receive_seconds, 1..=60, "receive_seconds");
    let accept = seconds(&entry.accept_seconds, 1..=120, "accept_seconds");
    let arrive = seconds(&entry.arrive_seconds, 1..=900, "arrive_seconds");
    let verdict = seconds(&entry.verdict_seconds, 1..=900, "verdict_seconds");
    let take = seconds(&entry.take_seconds, 1..=120, "take_seconds");
    let mute = seconds(&entry.mute_seconds, 1..=600, "mute_seconds");
    let call_119 = seconds(&entry.call_119_seconds, 1..=300, "call_119_seconds");
    let expiry = &entry.command_expiry_seconds;
    let command_expiry = seconds(expiry, 1..=120, "command_expiry_seconds");
    let two_posts = &entry.two_posts_over_seconds;
    let two_posts_over = seconds(two_posts, 1..=900, "two_posts_over_seconds");
    let succession = seconds(&entry.succession_seconds, 1..=300, "succession_seconds");
    let start_answer = &entry.start_answer_seconds;
    let start_answer = seconds(start_answer, 1..=120, "start_answer_seconds");
    let maintenance = seconds(&entry.maintenance_seconds, 1..=900, "maintenance_seconds");
    Some(FireLimits {
        receive: receive?,
        accept: accept?,
        arrive: arrive?,
        verdict: verdict?,
        take: take?,
        mute: mute?,
        call_119: call_119?,
        command_expiry: command_expiry?,
        two_posts_over: two_posts_over?,
        succession: succession?,
        start_answer: start_answer?,
        maintenance: maintenance?,
        single_device_suspects: entry.single_device_suspects,
    })
}

/// An order is received, accepted, then the post arrives, then judges: a later limit below an earlier one could never
/// be kept.
fn check_order(entry: &FireEntry, scope: &mut Scope<'_>) {
    let steps = [
        ("receive_seconds", &entry.receive_seconds),
        ("accept_seconds", &entry.accept_seconds),
        ("arrive_seconds", &entry.arrive_seconds),
        ("verdict_seconds", &entry.verdict_seconds),
    ];
    for pair in steps.windows(2) {
        let [(earlier, before), (later, after)] = pair else {
            continue;
        };
        if after.as_ref() < before.as_ref() {
            scope.clash(
                after.span(),
                before.span(),
                format!("`{later}` is shorter than `{earlier}`, which comes first"),
                format!("write {} or more", before.as_ref()),
            );
        }
    }
}
