//! Profiles with `protocol = "gb26875"`, the addresses of their points, and what must be true of a port for them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::buses::Wired;
use super::names::{Word, advice};
use super::profile::{self, Known};
use super::scope::Scope;
use super::section::Section;
use super::table::Row;
use crate::domain::ids::{BusId, PointId};
use crate::domain::line::Line;
use crate::domain::point::{Address, Point, PointKind};
use crate::domain::site::Bus;
use crate::domain::transmitter::{PartAddress, Told, Transmitter};

/// Three heartbeats of a slow device; a longer silence hides a lost one.
const SILENT_AFTER_S: std::ops::RangeInclusive<i64> = 10..=3_600;
/// The count of objects is a byte and a unit has at most 1024 bytes.
const TEXT_BYTES: std::ops::RangeInclusive<i64> = 0..=255;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuirksEntry {
    #[serde(default)]
    part_address: PartAddressEntry,
    text_bytes: Option<Spanned<i64>>,
    #[serde(default)]
    honour_test_bit: bool,
    #[serde(default)]
    started_is_feedback: bool,
    #[serde(default)]
    gas_alarm_is_high: bool,
    #[serde(default = "yes")]
    answers: bool,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PartAddressEntry {
    #[default]
    ZoneUnit,
    UnitZone,
}

/// Reads the rest of a profile.
pub(super) fn read(
    name: &str,
    mut file: Section<'_>,
    scope: &mut Scope<'_>,
) -> Option<Transmitter> {
    let described: Option<Word> = file.read("source", scope.reports);
    described.map(|word| scope.filled(word, "source"));
    let tier: Option<Word> = file.read("tier", scope.reports);
    tier.inspect(|word| profile::check_tier(word, scope));
    let silent_after: Option<Spanned<i64>> = file.read("silent_after_s", scope.reports);
    let silent_after =
        silent_after.and_then(|value| scope.number(&value, SILENT_AFTER_S, "silent_after_s"));
    let quirks: Option<QuirksEntry> = file.read("quirks", scope.reports);
    file.finish(scope.reports);
    let quirks = quirks?;
    let text_bytes = quirks.text_bytes;
    let text_bytes = text_bytes.map_or(Some(31), |value| {
        scope.number(&value, TEXT_BYTES, "text_bytes")
    });
    Some(Transmitter {
        name: name.to_owned(),
        silent_after: Duration::from_secs(silent_after?),
        part_address: match quirks.part_address {
            PartAddressEntry::ZoneUnit => PartAddress::ZoneUnit,
            PartAddressEntry::UnitZone => PartAddress::UnitZone,
        },
        text_bytes: text_bytes?,
        honour_test_bit: quirks.honour_test_bit,
        started_is_feedback: quirks.started_is_feedback,
        gas_alarm_is_high: quirks.gas_alarm_is_high,
        answers: quirks.answers,
    })
}

/// Where a point is told: its address, and the kind where several kinds of point are told by one.
pub(super) fn address(
    row: &Row,
    kind: Option<PointKind>,
    profile: &Transmitter,
    scope: &mut Scope<'_>,
) -> Option<(Address, Option<PointKind>)> {
    let (group, index) = (row.word("group"), row.word("index"));
    let Some(told) = Told::of(group.as_ref()) else {
        let message = format!(
            "profile `{}` has no group `{}`",
            profile.name,
            group.as_ref()
        );
        scope.error(
            group.span(),
            message,
            advice(
                group.as_ref(),
                Told::names().collect::<Vec<_>>().into_iter(),
            ),
        );
        return None;
    };
    if let Some(kind) = kind.filter(|kind| !told.can_tell(*kind)) {
        let word = row.word("kind").into_inner();
        let message = format!("group `{told}` never tells what a point of kind `{word}` shows");
        let help = match (told, kind) {
            (Told::Other, _) => {
                "write kind panel_fire: it stands for everything that has no point of its own"
            }
            (_, PointKind::PanelFire) => {
                "write group system (the panel as a whole) or other (what has no point)"
            }
            (_, _) => "correct the kind or the group; docs/gb26875.md has the table",
        };
        scope.error(group.span(), message, help);
    }
    let text = index.as_ref().as_str();
    let found = match told {
        Told::Part | Told::Analog(_) => part(text, profile.part_address),
        Told::System => text
            .parse()
            .ok()
            .map(|system| Address::Part { system, part: 0 }),
        Told::Device | Told::Other => (text == "0").then_some(Address::Part { system: 0, part: 0 }),
    };
    if found.is_none() {
        let message = format!("`{text}` is no address of group `{told}`");
        let help = match told {
            Told::Part | Told::Analog(_) => {
                "write SYSTEM/ZONE-UNIT, for example 1/6-217, or SYSTEM/0x with the four bytes as one number, low byte first: 1/0x000600D9"
            }
            Told::System => "write the system's address, 0 to 255",
            Told::Device | Told::Other => "write 0: there is one of them",
        };
        scope.error(index.span(), message, help);
    }
    let shared = matches!(told, Told::System | Told::Device);
    Some((found?, kind.filter(|_| shared)))
}

/// `1/6-217` or `1/0x000600D9`.
fn part(text: &str, split: PartAddress) -> Option<Address> {
    let (system, part) = text.split_once('/')?;
    let part = match (part.strip_prefix("0x"), part.split_once('-')) {
        (Some(hex), _) => u32::from_str_radix(hex, 16).ok()?,
        (None, Some((first, second))) => split.read(first.parse().ok()?, second.parse().ok()?),
        (None, None) => return None,
    };
    let system = system.parse().ok()?;
    Some(Address::Part { system, part })
}

/// Profile and line speak the same protocol. What prints is judged by `printer`.
pub(super) fn check(wired: &[Wired], profiles: &BTreeMap<String, Known>, scope: &mut Scope<'_>) {
    for Wired { line, profile, .. } in wired {
        let help = match (profiles.get(profile.as_ref()), line) {
            (None | Some(Known::Printer(_)), _)
            | (
                Some(Known::Registers(_)),
                Line::Tcp(_) | Line::RtuOverTcp(_) | Line::Serial(_) | Line::Printer(_),
            )
            | (Some(Known::Transmitter(_)), Line::Listen(_)) => continue,
            (Some(Known::Registers(_)), Line::Listen(_)) => {
                "on a bus with `listen` belong profiles with protocol = \"gb26875\""
            }
            (Some(Known::Transmitter(_)), _) => {
                "a device of GB/T 26875.3 connects to us: write listen = \"host:port\" for the bus"
            }
        };
        let message = format!(
            "profile `{}` does not speak what this line speaks",
            profile.as_ref()
        );
        scope.error(profile.span(), message, help);
    }
}

/// A device may tell of a part that points.csv does not have: that must be loud somewhere.
pub(super) fn check_others(
    buses: &BTreeMap<BusId, Bus>,
    points: &BTreeMap<PointId, Point>,
    wired: &[Wired],
    scope: &mut Scope<'_>,
) {
    for bus in buses
        .values()
        .filter(|bus| matches!(bus.line, Line::Listen(_)))
    {
        let of_bus = wired.iter().filter(|wired| wired.bus == bus.id);
        for (unit, place) in bus.units.iter().zip(of_bus) {
            let is_other = |point: &&Point| Told::of(&point.group) == Some(Told::Other);
            let mut others = points.values().filter(is_other);
            if others.any(|point| point.bus == bus.id && point.unit == unit.unit) {
                continue;
            }
            let message = format!(
                "nothing stands for what unit {} of bus `{}` tells and points.csv does not have",
                unit.unit, bus.id
            );
            let help = "add a row to points.csv with kind panel_fire, group other, index 0, in the compartment where somebody looks first: where the panel hangs";
            scope.error(place.profile.span(), message, help);
        }
    }
}
