//! `[[buses]]` of site.toml: the lines to the field and the units on them.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use serde::Deserialize;
use toml::Spanned;

use super::callers::{Callers, Claim};
use super::lines::{self, LineEntry, PrinterEntry, SerialEntry};
use super::names::{Noun, Word};
use super::scope::Scope;
use super::section::Section;
use super::site::by_id;
use crate::domain::ids::BusId;
use crate::domain::line::{Line, PrinterLine};
use crate::domain::site::{Bus, RETRIES, Unit};
use crate::domain::text::Text;

/// A shorter interval than this starves slow devices and shows nothing sooner to anybody.
const POLL_INTERVAL_MS: RangeInclusive<i64> = 20..=60_000;
/// A longer wait than this hides a lost device.
const TIMEOUT_MS: RangeInclusive<i64> = 10..=60_000;
/// The slowest devices known want a third of a second between two requests.
const GAP_MS: RangeInclusive<i64> = 0..=500;
/// More repeats only make a lost device hold up the others for longer.
const REPEATS: RangeInclusive<i64> = 0..=2;
/// The slowest devices known want two seconds after a connection is made.
const PAUSE_AFTER_CONNECT_MS: RangeInclusive<i64> = 0..=5_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BusEntry {
    id: Word,
    name: Spanned<Text>,
    address: Option<Word>,
    rtu_address: Option<Word>,
    serial: Option<Spanned<SerialEntry>>,
    listen: Option<Word>,
    printer: Option<Spanned<PrinterEntry>>,
    poll_interval_ms: Option<Spanned<i64>>,
    timeout_ms: Option<Spanned<i64>>,
    pause_after_connect_ms: Option<Spanned<i64>>,
    units: Spanned<Vec<UnitEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitEntry {
    unit: Spanned<i64>,
    profile: Word,
    gap_ms: Option<Spanned<i64>>,
    timeout_ms: Option<Spanned<i64>>,
    retries: Option<Spanned<i64>>,
    source: Option<Word>,
    from: Option<Word>,
}

/// A unit's profile, where it is named.
pub(super) struct Wired {
    pub(super) bus: BusId,
    pub(super) line: Line,
    pub(super) profile: Word,
}

/// Reads `[[buses]]`. On a demo site a serial line may only be a pseudo-terminal.
pub(super) fn read(
    file: &mut Section<'_>,
    is_demo: bool,
    scope: &mut Scope<'_>,
) -> (BTreeMap<BusId, Bus>, Vec<Wired>) {
    let mut places = BTreeMap::new();
    let mut wired = Vec::new();
    let entries = file.list("buses", scope.reports);
    let buses = by_id(entries, |entry: BusEntry| {
        let units = entry.units.as_ref().iter();
        let profiles: Vec<Word> = units.map(|unit| unit.profile.clone()).collect();
        let (id, bus) = read_bus(entry, is_demo, &mut places, scope);
        wired.extend(profiles.into_iter().map(|profile| Wired {
            bus: id.clone(),
            line: bus.line.clone(),
            profile,
        }));
        Some((id, bus))
    });
    (buses, wired)
}

fn read_bus(
    entry: BusEntry,
    is_demo: bool,
    places: &mut BTreeMap<String, Range<usize>>,
    scope: &mut Scope<'_>,
) -> (BusId, Bus) {
    let line = LineEntry {
        bus: entry.id.span(),
        address: entry.address,
        rtu_address: entry.rtu_address,
        serial: entry.serial,
        listen: entry.listen,
        printer: entry.printer,
    };
    let (line, span) = lines::read(line, is_demo, scope);
    if let Some(first) = places.insert(line.place().to_owned(), span.clone()) {
        let what = match line {
            Line::Tcp(_)
            | Line::RtuOverTcp(_)
            | Line::Listen(_)
            | Line::Printer(PrinterLine::Tcp(_)) => "address",
            Line::Serial(_) | Line::Printer(PrinterLine::Serial(_)) => "port",
        };
        scope.clash(
            span,
            first,
            format!("two buses use the {what} `{}`", line.place()),
            "one line has one bus: put the units of both on it, so that they take turns",
        );
    }
    let here = entry.id.span();
    let mut figure = |value: Option<Spanned<i64>>, limits, what| match value {
        Some(value) => scope.number(&value, limits, what),
        // Whoever speaks without being asked is neither polled nor waited for.
        None if matches!(line, Line::Listen(_) | Line::Printer(_)) => None,
        None => {
            let message = format!("`{what}` is missing in this bus");
            scope.error(
                here.clone(),
                message,
                "add it; the file of the release shows how",
            );
            None
        }
    };
    let poll_interval_ms = figure(entry.poll_interval_ms, POLL_INTERVAL_MS, "poll_interval_ms");
    let timeout_ms = figure(entry.timeout_ms, TIMEOUT_MS, "timeout_ms");
    let pause = entry.pause_after_connect_ms;
    let pause = pause
        .and_then(|pause| scope.number(&pause, PAUSE_AFTER_CONNECT_MS, "pause_after_connect_ms"));
    let units = read_units(entry.units, &line, scope);
    let id: BusId = entry.id.into_inner().into();
    let bus = Bus {
        id: id.clone(),
        name: scope.text(entry.name),
        line,
        // A wrong figure is reported; the units are still needed to judge the points.
        poll_interval_ms: poll_interval_ms.unwrap_or_default(),
        timeout_ms: timeout_ms.unwrap_or_default(),
        pause_after_connect_ms: pause.unwrap_or_default(),
        units,
    };
    (id, bus)
}

fn read_units(entries: Spanned<Vec<UnitEntry>>, line: &Line, scope: &mut Scope<'_>) -> Vec<Unit> {
    if entries.as_ref().is_empty() {
        scope.error(
            entries.span(),
            "the bus has no unit",
            "name what is on the line: units = [{ unit = 1, profile = \"…\" }]",
        );
    }
    let mut seen: BTreeMap<u8, Range<usize>> = BTreeMap::new();
    let mut callers = Callers::default();
    let mut units = Vec::new();
    for entry in entries.into_inner() {
        scope.refer(Noun::Profile, &entry.profile);
        let gap_ms = entry.gap_ms;
        let gap_ms = gap_ms.map_or(Some(0), |gap| scope.number(&gap, GAP_MS, "gap_ms"));
        let timeout_ms = entry.timeout_ms;
        let timeout_ms = timeout_ms.and_then(|ms| scope.number(&ms, TIMEOUT_MS, "timeout_ms"));
        let retries = entry.retries;
        let retries = retries.and_then(|retries| scope.number(&retries, REPEATS, "retries"));
        // On a serial line 0 is everybody at once, and nobody answers (Modbus over Serial Line V1.02, 2.2). The numbers above
        // 247 are reserved there, and used all the same.
        let least = i64::from(!matches!(line, Line::Tcp(_) | Line::Listen(_)));
        let Some(unit) = scope.number(&entry.unit, least..=255, "unit") else {
            continue;
        };
        if let Some(first) = seen.insert(unit, entry.unit.span()) {
            let message = format!("unit {unit} stands twice on this bus");
            let help = "each device on a line has an address of its own; correct one of the two";
            scope.clash(entry.unit.span(), first, message, help);
        }
        let claim = Claim {
            unit: entry.unit.span(),
            source: entry.source,
            from: entry.from,
        };
        units.push(Unit {
            unit,
            profile: entry.profile.into_inner(),
            gap_ms: gap_ms.unwrap_or_default(),
            timeout_ms,
            retries: retries.unwrap_or(RETRIES),
            caller: callers.read(claim, line, scope),
        });
    }
    units
}
