//! `summary`, `point/{id}`, `link/{bus}`, `recipient/{id}`: the frame that every screen shows, and what it counts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::points;
use super::{Viewer, maintenance, parts};
use crate::domain::ids::{BusId, PointId, RecipientId};
use crate::domain::input::Durable;
use crate::domain::output::CommandState;
use crate::domain::point::{PointKind, Quality};
use crate::domain::text::Line;
use crate::procedure::By;
use crate::procedure::fire::{Class, Incident, Stage, room, spread};
use crate::procedure::gas::Level;

/// `point/{id}`
#[must_use]
pub fn point(viewer: &Viewer<'_>, id: &PointId) -> Option<Value> {
    let point = viewer.site.points.get(id)?;
    let state = viewer.campus.points.get(id).copied().unwrap_or_default();
    let conditions = state.conditions;
    let incident = viewer.campus.incidents.values().find(|incident| {
        incident
            .signals
            .iter()
            .any(|s| s.point.as_ref() == Some(id))
    });
    let read = state.quality != Quality::Unknown;
    Some(json!({
        "id": id,
        "kind": point.kind,
        "name": point.name,
        "address": format!("{}/{}/{}", point.bus, point.group, point.number),
        "building": point.building,
        "floor": point.floor,
        "room": point.room,
        "compartment": point.compartment,
        "x": point.place.map(|(x, _)| x),
        "y": point.place.map(|(_, y)| y),
        "bus": point.bus,
        "quality": points::quality(viewer.campus, viewer.site, id),
        "fire": conditions.fire,
        "fault": conditions.fault,
        "disabled": conditions.disabled,
        "test": conditions.test,
        "active": conditions.active,
        "low": conditions.low,
        "high": conditions.high,
        "unit": point.measured_in,
        "changed_at": read.then_some(state.changed_at),
        "latched_at": state.latched_at,
        "incident": incident.map(|incident| &incident.id),
    }))
}

/// `link/{bus}`
#[must_use]
pub fn link(viewer: &Viewer<'_>, id: &BusId) -> Option<Value> {
    let bus = viewer.site.buses.get(id)?;
    let link = viewer.campus.links.get(id).cloned().unwrap_or_default();
    let state = match link.up {
        Some(true) => "up",
        Some(false) => "down",
        None => "unknown",
    };
    let reason = (link.up == Some(false)).then(|| Line::new(format!("fault.link.{}", link.reason)));
    let lost: Vec<Value> = link
        .lost
        .iter()
        .map(|(unit, lost)| {
            let reason = Line::new(format!("fault.link.{}", lost.reason));
            let points = points_of(viewer, id, Some(*unit));
            json!({ "unit": unit, "reason": reason, "since": lost.since, "points": points })
        })
        .collect();
    Some(json!({
        "id": id,
        "name": bus.name,
        "state": state,
        "since": link.up.map(|_| link.since),
        "reason": reason,
        "points": points_of(viewer, id, None),
        "lost": lost,
    }))
}

/// How many points stand on a line, or on one unit of it.
fn points_of(viewer: &Viewer<'_>, bus: &BusId, unit: Option<u8>) -> usize {
    let points = viewer.site.points.values();
    let points = points.filter(|point| point.bus == *bus);
    points
        .filter(|point| unit.is_none_or(|unit| unit == point.unit))
        .count()
}

/// `recipient/{id}`
#[must_use]
pub fn recipient(viewer: &Viewer<'_>, id: &RecipientId) -> Option<Value> {
    let recipient = viewer.site.recipients.get(id)?;
    let state = viewer.campus.recipients.get(id);
    let order = viewer
        .campus
        .incidents
        .values()
        .flat_map(|incident| incident.orders.values())
        .find(|order| order.given.recipient == *id && order.state.is_open());
    Some(json!({
        "id": id,
        "kind": super::site::kind(recipient.kind),
        "name": recipient.name,
        "place": recipient.place,
        "online": state.is_some_and(|state| state.online),
        "since": state.map(|state| state.since),
        "mqtt": state.is_some_and(|state| state.mqtt),
        "http": state.is_some_and(|state| state.http),
        "order": order.map(|order| &order.given.id),
    }))
}

/// How urgent an open incident is, most urgent first. A gas leak at its high limit stands below a fire that is confirmed or
/// suspected and above a single device; what is only to be ended comes last.
fn urgency(viewer: &Viewer<'_>, incident: &Incident) -> u8 {
    let ending = matches!(incident.stage, Stage::FalseAlarm | Stage::Restoring);
    let level = incident.leak.as_ref().map(|leak| leak.level);
    match (level, incident.class) {
        _ if ending => 7,
        (None, Class::Confirmed) => 0,
        // Where a confirmed fire may have spread, then a second compartment of a building that alarms.
        _ if spread::part_of(viewer.campus, incident).is_some() => 1,
        _ if spread::is_linked(viewer.campus, incident) => 2,
        (None, Class::Suspected) => 3,
        (Some(Level::High), _) => 4,
        (None, Class::Alarm) => 5,
        (Some(Level::Low), _) => 6,
    }
}

/// Open incidents, most urgent first; of equal ones the older first.
fn by_urgency<'a>(viewer: &'a Viewer<'_>) -> Vec<&'a Incident> {
    let mut open: Vec<_> = viewer
        .campus
        .incidents
        .values()
        .filter(|i| i.stage != Stage::Closed)
        .collect();
    open.sort_by_key(|incident| {
        (
            urgency(viewer, incident),
            incident.opened,
            incident.id.clone(),
        )
    });
    open
}

/// `summary`
#[must_use]
pub fn summary(viewer: &Viewer<'_>) -> Value {
    let campus = viewer.campus;
    let open = by_urgency(viewer);
    let mut signals: Vec<_> = open
        .iter()
        .flat_map(|i| i.signals.iter().map(move |signal| (*i, signal)))
        .collect();
    // The first fire alarm of the campus is pinned; a leak stands there only while nothing burns.
    signals.sort_by_key(|(_, signal)| signal.seq);
    if signals.iter().any(|(incident, _)| incident.leak.is_none()) {
        signals.retain(|(incident, _)| incident.leak.is_none());
    }
    let alarm = |found: Option<&(&Incident, &crate::procedure::fire::Signal)>| {
        found.map(|(incident, signal)| parts::alarm(viewer, incident, signal))
    };
    let faults = faults(viewer);
    let sound = sound(&open, !faults.is_empty());
    let posts = viewer
        .site
        .recipients
        .values()
        .filter(|r| super::site::kind(r.kind) == "post");
    let (online, total) = posts.fold((0, 0), |(online, total), post| {
        let is = campus
            .recipients
            .get(&post.id)
            .is_some_and(|state| state.online);
        (online + u32::from(is), total + 1)
    });
    let lost = open.iter().filter(|incident| room::is_lost(incident));
    let lost = lost.min_by_key(|incident| (incident.opened, incident.id.clone()));
    json!({
        "mode": campus.desk.mode,
        "mode_by": campus.desk.mode_by.as_ref().map(|by| parts::stamp(viewer, by)),
        "panel_key": panel_key(viewer),
        "lamps": lamps(viewer, &open, faults.len()),
        "first_alarm": alarm(signals.first()),
        "latest_alarm": alarm(signals.last()),
        "incidents": open.iter().map(|incident| &incident.id).collect::<Vec<_>>(),
        "sound": sound,
        "mute": campus.desk.mute.as_ref().map(|mute| parts::stamp(viewer, &mute.by)),
        "posts": { "online": online, "total": total },
        "faults": faults,
        "maintenance": maintenance::all(viewer),
        "shift": shift(viewer),
        "room_lost": lost.map(|incident| json!({
            "since": incident.take_missed_at.unwrap_or(incident.opened_at),
            "incident": incident.id,
        })),
        "authority": campus.desk.authority.as_ref().map(|(station, by)| json!({
            "station": station,
            "by": viewer.actor(&by.by),
            "at": by.at,
        })),
        "degraded": degraded(campus.desk.durable.0),
        "broker_up": campus.desk.broker_up,
        "broker": match (viewer.site.has_broker, campus.desk.broker_up) {
            (false, _) => "none",
            (true, Some(true)) => "up",
            (true, Some(false)) => "down",
            (true, None) => "unknown",
        },
    })
}

/// What the room hears: the most urgent alone. A leak has a tone of its own, because what is right at a fire is wrong at a leak.
fn sound(open: &[&Incident], is_faulty: bool) -> Option<&'static str> {
    let sounds = |i: &&&Incident| i.is_undecided() || i.stage == Stage::Fighting;
    let mut sounding = open.iter().filter(sounds).map(|i| i.leak.is_some());
    match (sounding.clone().any(|leaks| !leaks), sounding.next()) {
        (true, _) => Some("fire"),
        (false, Some(_)) => Some("gas"),
        (false, None) => is_faulty.then_some("fault"),
    }
}

/// Where the record is kept while the journal does not answer.
fn degraded(durable: Durable) -> &'static str {
    match durable {
        Durable::Journal => "no",
        Durable::Spool => "spool",
        Durable::Memory => "memory",
    }
}

/// Who sits at the positions of the shift.
fn shift(viewer: &Viewer<'_>) -> Value {
    let shift = &viewer.campus.desk.shift;
    let actor = |by: &Option<By>| by.as_ref().map(|by| viewer.actor(&by.by));
    let since = [&shift.first, &shift.second];
    let since = since.into_iter().flatten().map(|by| by.at).min();
    json!({ "first": actor(&shift.first), "second": actor(&shift.second), "since": since })
}

/// The panels' own keys: `manual` when any is, `unknown` when any is not known.
fn panel_key(viewer: &Viewer<'_>) -> &'static str {
    let mut key = "auto";
    for point in viewer
        .site
        .points
        .values()
        .filter(|point| point.kind == PointKind::PanelKey)
    {
        let known = points::quality(viewer.campus, viewer.site, &point.id) == Quality::Good;
        let active = viewer
            .campus
            .points
            .get(&point.id)
            .is_some_and(|s| s.conditions.active);
        match (known, active) {
            (false, _) => return "unknown",
            (true, false) => key = "manual",
            (true, true) => {}
        }
    }
    key
}

fn lamps(viewer: &Viewer<'_>, open: &[&Incident], faults: usize) -> Value {
    let campus = viewer.campus;
    let of_fire = || open.iter().filter(|incident| incident.leak.is_none());
    let fires: usize = of_fire().map(|incident| incident.signals.len()).sum();
    let leaks = open.iter().filter(|incident| incident.leak.is_some());
    let gas: usize = leaks.map(|incident| incident.signals.len()).sum();
    let untaken: usize = of_fire()
        .filter(|i| i.taken.is_none())
        .map(|incident| incident.signals.len())
        .sum();
    let mut by_state: BTreeMap<&str, u32> = BTreeMap::new();
    let of_open = campus.outputs.values().filter(|state| {
        state
            .incident
            .as_ref()
            .is_some_and(|id| open.iter().any(|incident| incident.id == *id))
    });
    for state in of_open {
        let lamp = match state.state {
            CommandState::Done => "feedback",
            CommandState::Asked => "delayed",
            CommandState::Sending
            | CommandState::Sent
            | CommandState::NoFeedback
            | CommandState::Refused
            | CommandState::Unknown
            | CommandState::Expired => "started",
        };
        *by_state.entry(lamp).or_default() += 1;
    }
    let waiting = open
        .iter()
        .flat_map(|i| i.plan.iter().flatten().map(move |p| (i, p)));
    let waiting = waiting
        .filter(|(i, p)| p.automatic && p.waits_for.is_some() && !i.asked.contains(&p.output))
        .count();
    let count = |lamp: &str| by_state.get(lamp).copied().unwrap_or(0);
    let disabled = campus
        .points
        .values()
        .filter(|point| point.conditions.disabled)
        .count();
    let up = campus
        .links
        .values()
        .filter(|link| link.up == Some(true))
        .count();
    json!({
        "fire": { "untaken": untaken, "total": fires },
        "gas": gas,
        "started": count("started"),
        "feedback": count("feedback"),
        "delayed": count("delayed") + u32::try_from(waiting).unwrap_or(0),
        "supervisory": supervisory(viewer),
        "disabled": disabled,
        "fault": faults,
        "links": { "up": up, "total": viewer.site.buses.len() },
    })
}

/// Supervisory points that stand 监管; one that cannot be read is a fault of its line.
fn supervisory(viewer: &Viewer<'_>) -> usize {
    let points = viewer.site.points.values();
    let points = points.filter(|point| point.kind == PointKind::Supervisory);
    let states = points.filter_map(|point| viewer.campus.points.get(&point.id));
    states.filter(|state| state.conditions.active).count()
}

/// Faults of the campus: lines, units, points, the broker, the clock. A lost line is one fault, not one for each of its points,
/// and so is a lost unit; the units of a lost line are not told beside it.
fn faults(viewer: &Viewer<'_>) -> Vec<Value> {
    let campus = viewer.campus;
    let mut faults = Vec::new();
    for (id, bus) in &viewer.site.buses {
        let link = campus.links.get(id).cloned().unwrap_or_default();
        if link.up == Some(false) {
            let line = Line::new("fault.link_down").named("bus", &bus.name);
            let line = line.with("reason", format!("fault.link.{}", link.reason));
            faults.push(json!({ "id": format!("link/{id}"), "line": line, "since": link.since }));
            continue;
        }
        for (unit, lost) in &link.lost {
            let line = Line::new("fault.unit_down").named("bus", &bus.name);
            let line = line.with("unit", u32::from(*unit));
            let points = u32::try_from(points_of(viewer, id, Some(*unit))).unwrap_or(u32::MAX);
            let line = line.with("points", points);
            let line = line.with("reason", format!("fault.link.{}", lost.reason));
            let id = format!("link/{id}/{unit}");
            faults.push(json!({ "id": id, "line": line, "since": lost.since }));
        }
    }
    for (id, state) in &campus.points {
        if let Some(point) = viewer
            .site
            .points
            .get(id)
            .filter(|_| state.conditions.fault)
        {
            let line = Line::new("fault.point").named("point", &point.name);
            let since = state.changed_at;
            faults.push(json!({ "id": format!("point/{id}"), "line": line, "since": since }));
        }
    }
    for point in viewer
        .site
        .points
        .values()
        .filter(|point| point.kind == PointKind::PanelMains)
    {
        let state = campus.points.get(&point.id);
        if state.is_some_and(|state| !state.conditions.active && state.quality == Quality::Good) {
            let line = Line::new("fault.mains").named("point", &point.name);
            let since = state.map(|state| state.changed_at);
            faults
                .push(json!({ "id": format!("mains/{}", point.id), "line": line, "since": since }));
        }
    }
    if campus.desk.broker_up == Some(false) {
        faults.push(json!({ "id": "broker", "line": parts::line("fault.broker"), "since": null }));
    }
    if let (Durable::Spool | Durable::Memory, at) = campus.desk.durable {
        let line = Line::new(format!("fault.record_{}", degraded(campus.desk.durable.0)));
        faults.push(json!({ "id": "record", "line": line, "since": at }));
    }
    if let Some((at, by_ms)) = campus.desk.clock_step {
        let line = Line::new("fault.clock_stepped").with("seconds", by_ms / 1_000);
        faults.push(json!({ "id": "clock", "line": line, "since": at }));
    }
    faults
}
