//! linkage.toml: what Fengsui can be asked to write. prover.rs beside it holds what an output may never be.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::lookup::Lookup;
use super::names::{Noun, Word};
use super::profile::Known;
use super::prover;
use super::scope::Scope;
use super::section::Section;
use super::site::by_id;
use crate::domain::ids::{BuildingId, OutputId};
use crate::domain::output::{
    Action, Arming, Feedback, Master, Output, OutputKind, Stagger, Target,
};
use crate::domain::profile::Write;
use crate::domain::text::Text;

/// A longer pause from start to start keeps a pump from its fire.
const STAGGER_MAX: i64 = 10;
/// All pumps of one supply have started by then: well before a command expires.
const STARTS_MAX: i64 = 20;

/// An entry of `[[outputs]]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputEntry {
    pub(super) id: Word,
    pub(super) kind: Spanned<OutputKind>,
    name: Spanned<Text>,
    building: Option<Word>,
    zone: Option<Word>,
    pub(super) bus: Word,
    unit: Spanned<i64>,
    pub(super) write: Word,
    index: Option<Spanned<i64>>,
    pub(super) feedback: Option<FeedbackEntry>,
    pub(super) arming: Option<Spanned<Arming>>,
    pub(super) master: Option<Spanned<Master>>,
    pub(super) waits_for: Option<Word>,
    pub(super) stagger: Option<Spanned<StaggerEntry>>,
    pub(super) deferred: Option<Spanned<bool>>,
    pub(super) gas_detectors: Option<Spanned<Vec<Word>>>,
    pub(super) explosion_proof: Option<Spanned<bool>>,
    by_hand: Word,
}

/// `feedback = { … }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedbackEntry {
    pub(super) point: Word,
    active: bool,
    window_seconds: Spanned<i64>,
}

/// `stagger = { … }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StaggerEntry {
    pub(super) supply: Word,
    pub(super) seconds: Spanned<i64>,
}

impl OutputEntry {
    /// Who may write it; nobody when nothing is said.
    pub(super) fn arming(&self) -> Arming {
        self.arming
            .as_ref()
            .map(|word| *word.as_ref())
            .unwrap_or_default()
    }

    /// Who runs it; the panel when nothing is said.
    pub(super) fn master(&self) -> Master {
        self.master
            .as_ref()
            .map(|word| *word.as_ref())
            .unwrap_or_default()
    }

    /// Whether it waits for a person's start.
    pub(super) fn is_deferred(&self) -> bool {
        self.deferred.as_ref().is_some_and(|word| *word.as_ref())
    }

    /// The gas detectors that start it.
    pub(super) fn detectors(&self) -> &[Word] {
        let list = self.gas_detectors.as_ref();
        list.map(|list| list.as_ref().as_slice())
            .unwrap_or_default()
    }

    /// Where the arming stands, else the output itself.
    pub(super) fn arming_span(&self) -> Range<usize> {
        let span = self.arming.as_ref().map(Spanned::span);
        span.unwrap_or_else(|| self.id.span())
    }
}

/// What is written, and how it acts.
struct Means {
    unit: u8,
    target: Target,
    write: Write,
}

/// Reads every output; one with an error is left out.
pub(super) fn read(
    mut file: Section<'_>,
    lookup: &Lookup<'_>,
    scope: &mut Scope<'_>,
) -> BTreeMap<OutputId, Output> {
    let entries: Vec<OutputEntry> = file.list("outputs", scope.reports);
    file.finish(scope.reports);
    let kinds: BTreeMap<String, OutputKind> = entries
        .iter()
        .map(|entry| (entry.id.as_ref().clone(), *entry.kind.as_ref()))
        .collect();
    check_starts(&entries, scope);
    let mut targets = Vec::new();
    by_id(entries, |entry| {
        prover::check(&entry, &kinds, lookup, scope);
        let means = read_means(&entry, lookup, scope);
        if let Some(means) = &means {
            check_target(&entry, means, &mut targets, scope);
        }
        read_output(entry, means, lookup, scope)
    })
}

fn read_output(
    entry: OutputEntry,
    means: Option<Means>,
    lookup: &Lookup<'_>,
    scope: &mut Scope<'_>,
) -> Option<(OutputId, Output)> {
    let (arming, master, deferred) = (entry.arming(), entry.master(), entry.is_deferred());
    let detectors = entry.detectors().iter();
    let gas_detectors = detectors.map(|word| word.as_ref().clone().into()).collect();
    let building = read_building(&entry, lookup, scope);
    scope.refer(Noun::Recipient, &entry.by_hand);
    let name = scope.text(entry.name);
    let feedback = match entry.feedback {
        None => None,
        Some(feedback) => Some(read_feedback(feedback, scope)?),
    };
    let stagger = match entry.stagger {
        None => None,
        Some(stagger) => Some(read_stagger(stagger.into_inner(), scope)?),
    };
    let means = means?;
    let id: OutputId = entry.id.into_inner().into();
    let output = Output {
        id: id.clone(),
        kind: entry.kind.into_inner(),
        name,
        building,
        zone: entry.zone.map(|zone| zone.into_inner().into()),
        bus: entry.bus.into_inner().into(),
        unit: means.unit,
        target: means.target,
        action: if means.write.pulse {
            Action::Pulse
        } else {
            Action::Level
        },
        repeat_is_safe: means.write.repeat_is_safe,
        feedback,
        arming,
        master,
        waits_for: entry.waits_for.map(|output| output.into_inner().into()),
        stagger,
        deferred,
        gas_detectors,
        by_hand: entry.by_hand.into_inner().into(),
    };
    Some((id, output))
}

/// The last pump of a supply must start before its command expires.
fn check_starts(entries: &[OutputEntry], scope: &mut Scope<'_>) {
    let mut waits: BTreeMap<&str, i64> = BTreeMap::new();
    for stagger in entries.iter().filter_map(|entry| entry.stagger.as_ref()) {
        let (span, stagger) = (stagger.span(), stagger.as_ref());
        let seconds = *stagger.seconds.as_ref();
        let before = waits.entry(stagger.supply.as_ref()).or_default();
        if *before > STARTS_MAX {
            let message = format!(
                "this start of `{}` comes after {before} s",
                stagger.supply.as_ref()
            );
            let help = format!(
                "all starts of one supply must be made within {STARTS_MAX} s: shorten the pauses, or name the supplies apart"
            );
            scope.error(span, message, help);
        }
        *before = before.saturating_add(seconds);
    }
}

fn read_stagger(entry: StaggerEntry, scope: &mut Scope<'_>) -> Option<Stagger> {
    let seconds: u64 = scope.number(&entry.seconds, 1..=STAGGER_MAX, "seconds")?;
    Some(Stagger {
        supply: entry.supply.into_inner(),
        pause: Duration::from_secs(seconds),
    })
}

/// The building it serves: as named, else that of its zone.
fn read_building(
    entry: &OutputEntry,
    lookup: &Lookup<'_>,
    scope: &mut Scope<'_>,
) -> Option<BuildingId> {
    scope.refer_all(Noun::Building, &entry.building);
    scope.refer_all(Noun::Zone, &entry.zone);
    let zone = entry.zone.as_ref();
    let of_zone = zone.and_then(|zone| lookup.campus.zones.get(zone.as_ref().as_str()));
    if let (Some(building), Some(zone), Some(found)) = (&entry.building, zone, of_zone) {
        scope.same_building((Noun::Zone, zone), found.building.as_str(), building);
    }
    let named = entry.building.as_ref();
    let named = named.map(|word| word.as_ref().clone().into());
    named.or_else(|| of_zone.map(|zone| zone.building.clone()))
}

fn read_feedback(entry: FeedbackEntry, scope: &mut Scope<'_>) -> Option<Feedback> {
    let window: u64 = scope.number(&entry.window_seconds, 1..=600, "window_seconds")?;
    Some(Feedback {
        point: entry.point.into_inner().into(),
        active: entry.active,
        window: Duration::from_secs(window),
    })
}

/// Some ways only tell.
fn not_switched(entry: &OutputEntry, over: &str, scope: &mut Scope<'_>) -> Option<Means> {
    let message = format!("nothing can be switched over {over}");
    let help = "it only tells; name the bus and unit of the module that switches this output";
    scope.error(entry.bus.span(), message, help);
    None
}

fn read_means(entry: &OutputEntry, lookup: &Lookup<'_>, scope: &mut Scope<'_>) -> Option<Means> {
    let (unit, known) = lookup.profile(&entry.bus, &entry.unit, scope)?;
    let known = match known {
        Known::Registers(known) => known,
        Known::Transmitter(_) => return not_switched(entry, "a transmission device", scope),
        Known::Printer(_) => return not_switched(entry, "a printer's line", scope),
    };
    let write = known.write(&entry.write, scope)?;
    prover::check_silence(entry, known, scope);
    let target = read_target(entry, write, scope)?;
    Some(Means {
        unit,
        target,
        write,
    })
}

fn read_target(entry: &OutputEntry, write: Write, scope: &mut Scope<'_>) -> Option<Target> {
    let last = i64::from(write.count) - 1;
    let index: u16 = match &entry.index {
        None => 0,
        Some(index) => scope.number(index, 0..=last, "index")?,
    };
    write.target.nth(index)
}

/// Two outputs on one coil would start each other.
fn check_target(
    entry: &OutputEntry,
    means: &Means,
    targets: &mut Vec<(String, u8, Target, Range<usize>, String)>,
    scope: &mut Scope<'_>,
) {
    let earlier = targets.iter().find(|(bus, unit, target, ..)| {
        bus == entry.bus.as_ref() && *unit == means.unit && *target == means.target
    });
    let span = entry
        .index
        .as_ref()
        .map_or(entry.write.span(), Spanned::span);
    if let Some((.., first, other)) = earlier {
        let message = format!(
            "`{other}` and `{}` write the same coil or command",
            entry.id.as_ref()
        );
        let help = "correct write or index of one of the two: each would start the other";
        scope.clash(span.clone(), first.clone(), message, help);
    }
    targets.push((
        entry.bus.as_ref().clone(),
        means.unit,
        means.target,
        span,
        entry.id.as_ref().clone(),
    ));
}
