//! Small parts that several documents share.

use serde_json::{Value, json};

use super::super::By;
use super::Viewer;
use crate::domain::ids::{CompartmentId, FloorId};
use crate::domain::text::{Line, Text};
use crate::domain::time::EngineTime;
use crate::procedure::fire::{Incident, Signal};

/// What an incident is: a fire, or a gas leak.
#[must_use]
pub fn incident_kind(incident: &Incident) -> &'static str {
    if incident.leak.is_some() {
        "gas"
    } else {
        "fire"
    }
}

/// Who and when.
#[must_use]
pub fn stamp(viewer: &Viewer<'_>, by: &By) -> Value {
    json!({ "by": viewer.actor(&by.by), "at": by.at })
}

/// A limit that runs.
#[must_use]
pub fn limit(from: EngineTime, due: EngineTime) -> Value {
    json!({ "from": from, "due": due })
}

/// A line without arguments.
#[must_use]
pub fn line(key: &str) -> Value {
    json!(Line::new(key))
}

/// An alarm with its place in words.
#[must_use]
pub fn alarm(viewer: &Viewer<'_>, incident: &Incident, signal: &Signal) -> Value {
    let point = signal
        .point
        .as_ref()
        .and_then(|id| viewer.site.points.get(id));
    let floor = point.map_or(&incident.floor, |point| &point.floor);
    let (device, room) = match point {
        Some(point) => (point.name.clone(), point.room.clone()),
        None => (
            Text::new("人工报警", "Reported by a person"),
            reported_room(incident).unwrap_or_default(),
        ),
    };
    json!({
        "incident": incident.id,
        "point": signal.point,
        "building": building_name(viewer, incident),
        "floor": floor_name(viewer, floor),
        "room": room,
        "compartment": compartment_name(viewer, &incident.compartment),
        "device": device,
        "kind": signal.kind.map_or(json!("person"), |kind| json!(kind)),
        "at": signal.at,
        "panel_at": signal.panel_at,
    })
}

/// Name of the incident's building.
#[must_use]
pub fn building_name(viewer: &Viewer<'_>, incident: &Incident) -> Text {
    let building = viewer.site.buildings.get(&incident.building);
    building
        .map(|building| building.name.clone())
        .unwrap_or_default()
}

/// Name of a floor.
#[must_use]
pub fn floor_name(viewer: &Viewer<'_>, floor: &FloorId) -> Text {
    viewer
        .site
        .floors
        .get(floor)
        .map(|floor| floor.name.clone())
        .unwrap_or_default()
}

/// Name of a compartment.
#[must_use]
pub fn compartment_name(viewer: &Viewer<'_>, id: &CompartmentId) -> Text {
    viewer
        .site
        .compartments
        .get(id)
        .map(|found| found.name.clone())
        .unwrap_or_default()
}

/// The room that a person named, when no device has.
#[must_use]
pub fn reported_room(incident: &Incident) -> Option<Text> {
    let room = incident
        .reports
        .iter()
        .find_map(|told| told.room.as_ref())?;
    Some(Text::new(room, room))
}

/// Building, floor and room in one.
#[must_use]
pub fn place(viewer: &Viewer<'_>, incident: &Incident) -> Text {
    let first = incident
        .signals
        .first()
        .and_then(|signal| signal.point.as_ref());
    let room = first
        .and_then(|id| viewer.site.points.get(id))
        .map(|point| point.room.clone());
    let room = room
        .or_else(|| reported_room(incident))
        .unwrap_or_else(|| compartment_name(viewer, &incident.compartment));
    let (building, floor) = (
        building_name(viewer, incident),
        floor_name(viewer, &incident.floor),
    );
    Text::new(
        format!("{} {} {}", building.zh, floor.zh, room.zh),
        format!("{}, {}, {}", building.en, floor.en, room.en),
    )
}

/// An item of the restore checklist in words.
#[must_use]
pub fn restore_line(viewer: &Viewer<'_>, item: &str) -> Line {
    match viewer.site.outputs.get(item) {
        Some(output) => {
            let kind = json!(output.kind);
            let kind = kind.as_str().unwrap_or_default();
            Line::new(format!("restore.{kind}")).named("output", &output.name)
        }
        None => Line::new(format!("restore.{item}")),
    }
}
