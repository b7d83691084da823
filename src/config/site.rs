//! site.toml: the campus itself. People, ways and lines of the same file have files of their own beside this one.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Deserialize;
use toml::Spanned;

use super::buses::{self, Wired};
use super::files::Source;
use super::names::{self, Names, Noun, Word};
use super::people;
use super::report::Report;
use super::routes;
use super::scope::Scope;
use super::section::Section;
use crate::domain::group::{Group, GroupId};
use crate::domain::ids::{
    BuildingId, BusId, CompartmentId, FloorId, OutputId, RecipientId, SiteId, ZoneId,
};
use crate::domain::site::{Building, Bus, Compartment, Floor, Recipient, Routes, Zone};
use crate::domain::text::Text;

/// Civil time is between UTC-12 and UTC+14.
const UTC_OFFSET_MINUTES: RangeInclusive<i64> = -720..=840;

/// Everything of the file that could be read.
#[derive(Default)]
pub(super) struct Campus {
    /// `[site]`; `None` when it could not be read.
    pub(super) head: Option<Head>,
    pub(super) buildings: BTreeMap<BuildingId, Building>,
    pub(super) floors: BTreeMap<FloorId, Floor>,
    pub(super) zones: BTreeMap<ZoneId, Zone>,
    pub(super) compartments: BTreeMap<CompartmentId, Compartment>,
    pub(super) recipients: BTreeMap<RecipientId, Recipient>,
    pub(super) groups: BTreeMap<GroupId, Group>,
    pub(super) routes: Routes,
    pub(super) buses: BTreeMap<BusId, Bus>,
    /// Where each unit names its profile.
    pub(super) wired: Vec<Wired>,
}

/// `[site]`.
pub(super) struct Head {
    pub(super) id: SiteId,
    pub(super) name: Text,
    pub(super) address: String,
    pub(super) phone: String,
    pub(super) utc_offset_minutes: i32,
    pub(super) demo: bool,
    pub(super) plan: Option<String>,
    pub(super) commander: RecipientId,
    pub(super) succession: Vec<RecipientId>,
    pub(super) powered_by: Vec<OutputId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadEntry {
    id: Word,
    name: Spanned<Text>,
    address: Word,
    phone: Word,
    utc_offset_minutes: Spanned<i64>,
    #[serde(default)]
    demo: bool,
    plan: Option<Word>,
    commander: Word,
    succession: Spanned<Vec<Word>>,
    #[serde(default)]
    powered_by: Vec<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BuildingEntry {
    id: Word,
    name: Spanned<Text>,
    sleeping: bool,
    place: Option<(f64, f64)>,
    gate: Spanned<Text>,
    hazards: Spanned<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FloorEntry {
    id: Word,
    building: Word,
    name: Spanned<Text>,
    level: Spanned<i64>,
    plan: Option<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ZoneEntry {
    id: Word,
    name: Spanned<Text>,
    building: Word,
    #[serde(default)]
    related: Vec<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CompartmentEntry {
    id: Word,
    name: Spanned<Text>,
    building: Word,
    floor: Word,
    zone: Word,
}

/// Declares every id of the file before anything refers to one.
pub(super) fn declare(
    file: &Section<'_>,
    source: &Source,
    names: &mut Names,
    reports: &mut Vec<Report>,
) {
    let lists: [(Noun, &[&str]); 7] = [
        (Noun::Building, &["buildings"]),
        (Noun::Floor, &["floors"]),
        (Noun::Zone, &["zones"]),
        (Noun::Compartment, &["compartments"]),
        (Noun::Recipient, &["recipients"]),
        (Noun::Bus, &["buses"]),
        (Noun::Node, &["routes", "nodes"]),
    ];
    for (noun, path) in lists {
        names.declare(noun, source, &file.ids(path), reports);
    }
}

/// Reads the whole file.
pub(super) fn read(mut file: Section<'_>, scope: &mut Scope<'_>) -> Campus {
    let head = file.read("site", scope.reports);
    let head = head.and_then(|entry| read_head(entry, scope));
    let mut places = Places::default();
    let buildings = file.list("buildings", scope.reports);
    let buildings = by_id(buildings, |entry| read_building(entry, scope));
    let floors = file.list("floors", scope.reports);
    let floors = by_id(floors, |entry| read_floor(entry, scope, &mut places));
    let zones = file.list("zones", scope.reports);
    let zones = by_id(zones, |entry| read_zone(entry, scope, &mut places));
    let compartments = file.list("compartments", scope.reports);
    let compartments = by_id(compartments, |entry| {
        read_compartment(entry, scope, &places)
    });
    let recipients = people::read(&mut file, scope);
    let groups = people::read_groups(&mut file, scope);
    let routes = routes::read(&mut file, scope);
    // Without a head nothing may be written either.
    let is_demo = head.as_ref().is_none_or(|head| head.demo);
    let (buses, wired) = buses::read(&mut file, is_demo, scope);
    file.finish(scope.reports);
    Campus {
        head,
        buildings,
        floors,
        zones,
        compartments,
        recipients,
        groups,
        routes,
        buses,
        wired,
    }
}

/// Entries as a map by id. Of two with one id, reported already, the later stays.
pub(super) fn by_id<E, K: Ord, V>(
    entries: Vec<E>,
    read: impl FnMut(E) -> Option<(K, V)>,
) -> BTreeMap<K, V> {
    entries.into_iter().filter_map(read).collect()
}

fn read_head(entry: HeadEntry, scope: &mut Scope<'_>) -> Option<Head> {
    names::check_id(scope.source, &entry.id, scope.reports);
    scope.refer_all(Noun::Plan, &entry.plan);
    scope.refer_all(Noun::Output, &entry.powered_by);
    people::check_command(&entry.succession, &entry.commander, scope);
    let utc_offset_minutes = scope.number(
        &entry.utc_offset_minutes,
        UTC_OFFSET_MINUTES,
        "utc_offset_minutes",
    );
    Some(Head {
        id: entry.id.into_inner().into(),
        name: scope.text(entry.name),
        address: scope.filled(entry.address, "address"),
        phone: scope.filled(entry.phone, "phone"),
        utc_offset_minutes: utc_offset_minutes?,
        demo: entry.demo,
        plan: entry.plan.map(Spanned::into_inner),
        commander: entry.commander.into_inner().into(),
        succession: ids(entry.succession.into_inner()),
        powered_by: ids(entry.powered_by),
    })
}

/// Words as ids of one kind.
pub(super) fn ids<T: From<String>>(words: Vec<Word>) -> Vec<T> {
    words
        .into_iter()
        .map(|word| word.into_inner().into())
        .collect()
}

fn read_building(entry: BuildingEntry, scope: &mut Scope<'_>) -> Option<(BuildingId, Building)> {
    let id: BuildingId = entry.id.into_inner().into();
    let building = Building {
        id: id.clone(),
        name: scope.text(entry.name),
        sleeping: entry.sleeping,
        place: entry.place,
        gate: scope.text(entry.gate),
        hazards: scope.text(entry.hazards),
    };
    Some((id, building))
}

/// Which building a floor or zone belongs to, for the compartments that name both.
#[derive(Default)]
struct Places {
    floors: BTreeMap<String, String>,
    zones: BTreeMap<String, String>,
}

fn read_floor(
    entry: FloorEntry,
    scope: &mut Scope<'_>,
    places: &mut Places,
) -> Option<(FloorId, Floor)> {
    scope.refer(Noun::Building, &entry.building);
    scope.refer_all(Noun::Plan, &entry.plan);
    let (id, building) = (entry.id.into_inner(), entry.building.into_inner());
    places.floors.insert(id.clone(), building.clone());
    let level = scope.number(&entry.level, -20..=200, "level");
    let floor = Floor {
        id: id.clone().into(),
        building: building.into(),
        name: scope.text(entry.name),
        plan: entry.plan.map(Spanned::into_inner),
        level: level?,
    };
    Some((id.into(), floor))
}

fn read_zone(
    entry: ZoneEntry,
    scope: &mut Scope<'_>,
    places: &mut Places,
) -> Option<(ZoneId, Zone)> {
    scope.refer(Noun::Building, &entry.building);
    scope.refer_all(Noun::Zone, &entry.related);
    let (id, building) = (entry.id.into_inner(), entry.building.into_inner());
    places.zones.insert(id.clone(), building.clone());
    let zone = Zone {
        id: id.clone().into(),
        name: scope.text(entry.name),
        building: building.into(),
        related: ids(entry.related),
    };
    Some((id.into(), zone))
}

fn read_compartment(
    entry: CompartmentEntry,
    scope: &mut Scope<'_>,
    places: &Places,
) -> Option<(CompartmentId, Compartment)> {
    scope.refer(Noun::Building, &entry.building);
    scope.refer(Noun::Floor, &entry.floor);
    scope.refer(Noun::Zone, &entry.zone);
    let of = [
        (Noun::Floor, &entry.floor, &places.floors),
        (Noun::Zone, &entry.zone, &places.zones),
    ];
    for (noun, word, buildings) in of {
        if let Some(building) = buildings.get(word.as_ref()) {
            scope.same_building((noun, word), building, &entry.building);
        }
    }
    let id = entry.id.into_inner();
    let compartment = Compartment {
        id: id.clone().into(),
        name: scope.text(entry.name),
        building: entry.building.into_inner().into(),
        floor: entry.floor.into_inner().into(),
        zone: entry.zone.into_inner().into(),
    };
    Some((id.into(), compartment))
}
