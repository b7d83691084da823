//! `[[buses]]` of site.toml: the lines to the field and the units on them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::{Range, RangeInclusive};

use serde::Deserialize;
use toml::Spanned;

use super::names::{Noun, Word};
use super::scope::Scope;
use super::section::Section;
use super::site::by_id;
use crate::domain::ids::BusId;
use crate::domain::site::{Bus, Unit};
use crate::domain::text::Text;

/// A shorter interval than this starves slow devices and shows nothing sooner to anybody.
const POLL_INTERVAL_MS: RangeInclusive<i64> = 20..=60_000;
/// A longer wait than this hides a lost device.
const TIMEOUT_MS: RangeInclusive<i64> = 10..=60_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BusEntry {
    id: Word,
    name: Spanned<Text>,
    address: Word,
    poll_interval_ms: Spanned<i64>,
    timeout_ms: Spanned<i64>,
    units: Spanned<Vec<UnitEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitEntry {
    unit: Spanned<i64>,
    profile: Word,
}

/// Reads `[[buses]]`.
pub(super) fn read(file: &mut Section<'_>, scope: &mut Scope<'_>) -> BTreeMap<BusId, Bus> {
    let mut addresses = BTreeMap::new();
    let entries = file.list("buses", scope.reports);
    by_id(entries, |entry| {
        Some(read_bus(entry, &mut addresses, scope))
    })
}

fn read_bus(
    entry: BusEntry,
    addresses: &mut BTreeMap<String, Range<usize>>,
    scope: &mut Scope<'_>,
) -> (BusId, Bus) {
    check_address(&entry.address, scope);
    if let Some(first) = addresses.insert(entry.address.as_ref().clone(), entry.address.span()) {
        scope.clash(
            entry.address.span(),
            first,
            format!("two buses use the address `{}`", entry.address.as_ref()),
            "one line has one bus: put the units of both on it, so that they take turns",
        );
    }
    let poll_interval_ms = scope.number(
        &entry.poll_interval_ms,
        POLL_INTERVAL_MS,
        "poll_interval_ms",
    );
    let timeout_ms = scope.number(&entry.timeout_ms, TIMEOUT_MS, "timeout_ms");
    let units = read_units(entry.units, scope);
    let id: BusId = entry.id.into_inner().into();
    let bus = Bus {
        id: id.clone(),
        name: scope.text(entry.name),
        address: entry.address.into_inner(),
        // A wrong figure is reported; the units are still needed to judge the points.
        poll_interval_ms: poll_interval_ms.unwrap_or_default(),
        timeout_ms: timeout_ms.unwrap_or_default(),
        units,
    };
    (id, bus)
}

fn read_units(entries: Spanned<Vec<UnitEntry>>, scope: &mut Scope<'_>) -> Vec<Unit> {
    if entries.as_ref().is_empty() {
        scope.error(
            entries.span(),
            "the bus has no unit",
            "name what is on the line: units = [{ unit = 1, profile = \"…\" }]",
        );
    }
    let mut seen: BTreeMap<u8, Range<usize>> = BTreeMap::new();
    let mut units = Vec::new();
    for entry in entries.into_inner() {
        scope.refer(Noun::Profile, &entry.profile);
        let Some(unit) = scope.number(&entry.unit, 0..=255, "unit") else {
            continue;
        };
        if let Some(first) = seen.insert(unit, entry.unit.span()) {
            let message = format!("unit {unit} stands twice on this bus");
            let help = "each device on a line has an address of its own; correct one of the two";
            scope.clash(entry.unit.span(), first, message, help);
        }
        units.push(Unit {
            unit,
            profile: entry.profile.into_inner(),
        });
    }
    units
}

pub(super) fn check_address(address: &Word, scope: &mut Scope<'_>) {
    let fits = split(address.as_ref())
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|p| p > 0));
    if !fits {
        scope.error(
            address.span(),
            format!("`{}` is not host:port", address.as_ref()),
            "write the host and the port, for example \"10.20.0.7:502\" (502 is the usual port of Modbus TCP)",
        );
    }
}

/// Host and port; an IPv6 host stands in brackets.
fn split(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match bracketed {
        Some(host) => Some((host, port)),
        None if host.contains(':') => None,
        None => Some((host, port)),
    }
}

/// Whether an address can only be this machine.
pub(super) fn is_loopback(address: &str) -> bool {
    let host = split(address).map_or(address, |(host, _)| host);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
