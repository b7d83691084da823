//! points.csv: what every device is, where it stands and where it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};
use toml::Spanned;

use super::lookup::Lookup;
use super::names::{Noun, Word, advice};
use super::printer;
use super::profile::{Known, Registers};
use super::routes;
use super::scope::Scope;
use super::table::Row;
use super::transmitters;
use crate::domain::ids::{NodeId, PointId};
use crate::domain::layout::{Group, Numbering, Place};
use crate::domain::point::{Address, Condition, Point, PointKind};
use crate::domain::profile::Area;
use crate::domain::text::Text;

/// The columns of the table.
pub const COLUMNS: [&str; 16] = [
    "id",
    "kind",
    "name_zh",
    "name_en",
    "building",
    "floor",
    "room_zh",
    "room_en",
    "compartment",
    "x",
    "y",
    "node",
    "bus",
    "unit",
    "group",
    "index",
];

/// What a point is read from: no two points may share it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Element {
    /// A register or bit of a unit.
    Register(String, u8, Area, Place),
    /// What a device tells of itself under this group and address; of a whole panel each kind of point is told for itself.
    Told(String, u8, String, Address, Option<PointKind>),
}

/// Where a point is read.
struct Wired {
    unit: u8,
    address: Address,
    measured_in: Option<String>,
    element: Element,
}

/// Reads every row; a point with an error is left out.
pub(super) fn read(
    rows: &[Row],
    lookup: &Lookup<'_>,
    scope: &mut Scope<'_>,
) -> BTreeMap<PointId, Point> {
    let (mut points, mut ids) = (Vec::new(), Ids::default());
    let mut elements: BTreeMap<Element, (Range<usize>, String)> = BTreeMap::new();
    let mut nodes: BTreeMap<String, (Word, usize)> = BTreeMap::new();
    for row in rows {
        let id = row.word("id");
        let node = row.word("node");
        let first = nodes.entry(node.as_ref().clone());
        first.or_insert((node, 0)).1 += 1;
        let Some((point, element)) = read_point(row, lookup, &mut ids, scope) else {
            continue;
        };
        let here = (row.word("index").span(), id.as_ref().clone());
        if let Some((first, other)) = elements.insert(element, here) {
            let message = format!(
                "`{other}` and `{}` are read from the same place",
                id.as_ref()
            );
            let help = "correct bus, unit, group or index: one register or bit is one device";
            scope.clash(row.word("index").span(), first, message, help);
        }
        points.push((point.id.clone(), point));
    }
    check_reachable(&nodes, lookup, scope);
    points.into_iter().collect()
}

/// Ids that many points share, each kept once.
#[derive(Default)]
struct Ids(BTreeSet<Arc<str>>);

impl Ids {
    fn shared<I: From<Arc<str>>>(&mut self, word: String) -> I {
        if let Some(kept) = self.0.get(word.as_str()) {
            return Arc::clone(kept).into();
        }
        let kept: Arc<str> = word.into();
        self.0.insert(Arc::clone(&kept));
        kept.into()
    }
}

fn read_point(
    row: &Row,
    lookup: &Lookup<'_>,
    ids: &mut Ids,
    scope: &mut Scope<'_>,
) -> Option<(Point, Element)> {
    check_location(row, lookup, scope);
    let place = read_place(row, lookup, scope);
    let kind = read_kind(&row.word("kind"), scope);
    let wired = read_address(row, kind, lookup, scope);
    let text = |zh: &'static str, en: &'static str, scope: &mut Scope<'_>| {
        Text::new(
            scope.filled(row.word(zh), zh),
            scope.filled(row.word(en), en),
        )
    };
    let name = text("name_zh", "name_en", scope);
    let room = text("room_zh", "room_en", scope);
    let wired = wired?;
    let word = |column| row.word(column).into_inner();
    let point = Point {
        id: word("id").into(),
        kind: kind?,
        name,
        building: ids.shared(word("building")),
        floor: ids.shared(word("floor")),
        room,
        compartment: ids.shared(word("compartment")),
        place,
        node: ids.shared(word("node")),
        bus: ids.shared(word("bus")),
        unit: wired.unit,
        group: word("group"),
        address: wired.address,
        number: word("index"),
        measured_in: wired.measured_in,
    };
    Some((point, wired.element))
}

/// Building, floor and compartment exist and contain each other.
fn check_location(row: &Row, lookup: &Lookup<'_>, scope: &mut Scope<'_>) {
    let (building, floor) = (row.word("building"), row.word("floor"));
    let compartment = row.word("compartment");
    scope.refer(Noun::Building, &building);
    scope.refer(Noun::Floor, &floor);
    scope.refer(Noun::Compartment, &compartment);
    scope.refer(Noun::Node, &row.word("node"));
    if let Some(found) = lookup.campus.floors.get(floor.as_ref().as_str()) {
        scope.same_building((Noun::Floor, &floor), found.building.as_str(), &building);
    }
    let id = compartment.as_ref().as_str();
    if let Some(found) = lookup.campus.compartments.get(id)
        && found.floor.as_str() != floor.as_ref()
    {
        let message = format!(
            "compartment `{id}` is on floor `{}`, not on `{}`",
            found.floor,
            floor.as_ref()
        );
        let help = "correct the floor or the compartment: two devices of one compartment make a fire suspected";
        scope.error(compartment.span(), message, help);
    }
}

/// `x` and `y`, inside the drawing of the floor.
fn read_place(row: &Row, lookup: &Lookup<'_>, scope: &mut Scope<'_>) -> Option<(f64, f64)> {
    let (x, y) = (row.word("x"), row.word("y"));
    if x.as_ref().is_empty() && y.as_ref().is_empty() {
        return None;
    }
    let place = (coordinate(&x, scope)?, coordinate(&y, scope)?);
    let floor = row.word("floor");
    let plan = lookup.campus.floors.get(floor.as_ref().as_str());
    let plan = plan.and_then(|floor| lookup.plans.get(floor.plan.as_ref()?));
    if let Some(plan) = plan
        && !plan.contains(place)
    {
        let message = format!(
            "x, y = {}, {} is outside of the floor's plan",
            place.0, place.1
        );
        let help = format!(
            "the drawing reaches {}; write a place inside, or leave x and y empty",
            plan.reach()
        );
        scope.error(x.span(), message, help);
    }
    Some(place)
}

fn coordinate(word: &Word, scope: &mut Scope<'_>) -> Option<f64> {
    let number = word.as_ref().parse::<f64>().ok().filter(|n| n.is_finite());
    if number.is_none() {
        let message = format!("`{}` is not a number", word.as_ref());
        let help = "write both x and y in the units of the floor's plan, or leave both empty";
        scope.error(word.span(), message, help);
    }
    number
}

fn read_kind(word: &Word, scope: &mut Scope<'_>) -> Option<PointKind> {
    let text = word.as_ref().as_str();
    match PointKind::deserialize(StrDeserializer::<Error>::new(text)) {
        Ok(kind) => Some(kind),
        Err(error) => {
            let words = error.to_string();
            let known = words.split('`').skip(1).step_by(2).skip(1);
            let help = advice(text, known.clone());
            scope.error(word.span(), format!("there is no kind `{text}`"), help);
            None
        }
    }
}

fn read_address(
    row: &Row,
    kind: Option<PointKind>,
    lookup: &Lookup<'_>,
    scope: &mut Scope<'_>,
) -> Option<Wired> {
    let bus = row.word("bus");
    let unit = integer(&row.word("unit"), scope);
    let (unit, known) = lookup.profile(&bus, &unit?, scope)?;
    let (address, shared) = match known {
        Known::Registers(known) => return read_register(row, (unit, kind), known, scope),
        Known::Transmitter(profile) => transmitters::address(row, kind, profile, scope)?,
        Known::Printer(profile) => (printer::address(row, kind, profile, scope)?, None),
    };
    let (bus, group) = (bus.into_inner(), row.word("group").into_inner());
    let element = Element::Told(bus, unit, group, address.clone(), shared);
    Some(Wired {
        unit,
        address,
        measured_in: None,
        element,
    })
}

/// The register or bit of a unit that speaks Modbus.
fn read_register(
    row: &Row,
    (unit, kind): (u8, Option<PointKind>),
    known: &Registers,
    scope: &mut Scope<'_>,
) -> Option<Wired> {
    let group = row.word("group");
    let found = known.group(&group, scope)?;
    if let Some(kind) = kind {
        check_bits(kind, found, &group, scope);
    }
    let index = read_index(&row.word("index"), found, scope)?;
    // The first table stands for the point; the others follow it.
    let part = found.parts.first()?;
    let place = part.place(found.numbering, index)?;
    let bus = row.word("bus").into_inner();
    Some(Wired {
        unit,
        address: Address::Index(index),
        measured_in: found.unit().map(str::to_owned),
        element: Element::Register(bus, unit, part.area, place),
    })
}

fn integer(word: &Word, scope: &mut Scope<'_>) -> Option<Spanned<i64>> {
    let number = word.as_ref().parse().ok();
    if number.is_none() {
        let message = format!("`{}` is not a whole number", word.as_ref());
        scope.error(word.span(), message, "write digits only");
    }
    number.map(|number| Spanned::new(word.span(), number))
}

/// The number of the point in its group, as the profile numbers it.
fn read_index(word: &Word, group: &Group, scope: &mut Scope<'_>) -> Option<u16> {
    let name = word.as_ref();
    let inside = group.numbering.index(name);
    let inside = inside.filter(|index| *index < group.count);
    if inside.is_some() {
        return inside;
    }
    let (first, last) = (
        group.numbering.name(0),
        group.numbering.name(group.count - 1),
    );
    let help = format!(
        "the group has {} points: write {first} to {last}",
        group.count
    );
    match group.numbering {
        // A letter in it is another mistake than a wrong number.
        Numbering::Plain { .. } => {
            integer(word, scope)?;
            scope.error(
                word.span(),
                format!("index {name} is outside of the group"),
                help,
            );
        }
        Numbering::Loops { letter, .. } => {
            let message = format!("`{name}` is no device of the group");
            let help = format!("{help}, loop and device with {letter} between them");
            scope.error(word.span(), message, help);
        }
    }
    None
}

/// A fire device that cannot show fire, or a state that cannot show "on", would be normal for ever.
fn check_bits(kind: PointKind, group: &Group, name: &Word, scope: &mut Scope<'_>) {
    let wanted = if kind.is_fire() {
        Condition::Fire
    } else if kind == PointKind::Gas {
        Condition::High
    } else {
        Condition::Active
    };
    if kind == PointKind::Gas && !group.shows(kind, Condition::Fault) {
        let message = format!(
            "group `{}` shows no fault: a gas detector with a broken wire would read as no gas",
            name.as_ref()
        );
        let help = "read it as a word with `bits = { low = …, high = …, fault = … }` or as a number, from its controller's map";
        scope.error(name.span(), message, help);
    } else if !group.shows(kind, wanted) {
        let message = format!(
            "group `{}` has no `{}` bit, so this point could never show it",
            name.as_ref(),
            wanted.word()
        );
        let help = "name another group, or add the bit to the profile from the maker's map";
        scope.error(name.span(), message, help);
    }
}

/// Somebody must be able to walk to every point; one report for each place.
fn check_reachable(
    nodes: &BTreeMap<String, (Word, usize)>,
    lookup: &Lookup<'_>,
    scope: &mut Scope<'_>,
) {
    let campus = lookup.campus;
    let reached = routes::reachable(&campus.routes, &campus.recipients);
    for (node, (first, count)) in nodes {
        let is_known = campus.routes.nodes.contains_key(node.as_str());
        if is_known && !reached.contains(&NodeId::from(node.as_str())) {
            let message =
                format!("no post can walk to `{node}`, where {count} point(s) are looked at");
            let help = "join it to the routes in site.toml with a way that is not closed";
            scope.error(first.span(), message, help);
        }
    }
}
