//! From a gas detector's change to its incident. A limit opens one for the compartment or joins it; it never joins a fire's.

use super::Level;
use crate::domain::ids::CaseId;
use crate::domain::input::Observation;
use crate::domain::point::{Conditions, Point, PointKind};
use crate::domain::site::Site;
use crate::domain::time::Now;
use crate::linkage;
use crate::procedure::events::{Event, SignalRef};
use crate::procedure::fire::{Incident, Stage, signals};
use crate::procedure::points::PointState;
use crate::procedure::{Campus, desk, outputs};

/// What a changed detector causes.
#[must_use]
pub fn observed(
    campus: &Campus,
    site: &Site,
    point: &Point,
    before: &PointState,
    (observation, now): (&Observation, Now),
) -> Vec<Event> {
    if point.kind != PointKind::Gas {
        return Vec::new();
    }
    let read = observation.latest.conditions;
    let excluded = |conditions: Conditions| conditions.disabled || conditions.test;
    let rises = read.gas() && (!before.conditions.gas() || excluded(before.conditions));
    let raised = (observation.edge.is_some() || rises) && !excluded(read);
    let incident = of_compartment(campus, point);
    let mut events = Vec::new();
    if raised {
        let high = read.high || observation.edge.is_some_and(|edge| edge.high);
        let (id, opened) = match incident {
            Some(incident) => (incident.id.clone(), join(campus, incident, point)),
            None => open(campus, site, point, (high, now)),
        };
        events.extend(opened);
        let is_up = campus.links.get(&point.bus).and_then(|link| link.up) == Some(true);
        // Also one that was shorter than a poll: an edge cannot be lost.
        if observation.edge.is_some_and(|edge| edge.high) && read.is_healthy() && is_up {
            events.push(high_limit(campus, site, now, (&id, point, true)));
        }
    }
    if !read.gas()
        && let Some(incident) = incident.filter(|incident| holds(incident, point))
    {
        let (incident, point) = (incident.id.clone(), point.id.clone());
        events.push(Event::SignalRestored { incident, point });
    }
    events
}

/// The open leak of a detector's compartment.
fn of_compartment<'a>(campus: &'a Campus, point: &Point) -> Option<&'a Incident> {
    campus.incidents.values().find(|incident| {
        incident.leak.is_some()
            && incident.compartment == point.compartment
            && incident.stage != Stage::Closed
    })
}

fn holds(incident: &Incident, point: &Point) -> bool {
    incident
        .signals
        .iter()
        .any(|signal| signal.point.as_ref() == Some(&point.id) && signal.restored_at.is_none())
}

fn signal_of(point: &Point) -> SignalRef {
    SignalRef {
        point: Some(point.id.clone()),
        kind: Some(point.kind),
    }
}

/// A further limit in a compartment that has its leak.
fn join(campus: &Campus, incident: &Incident, point: &Point) -> Vec<Event> {
    let known = incident
        .signals
        .iter()
        .find(|known| known.point.as_ref() == Some(&point.id));
    let id = incident.id.clone();
    let mut events = match known {
        Some(known) if known.restored_at.is_none() => Vec::new(),
        Some(_) => vec![Event::SignalReturned {
            incident: id.clone(),
            point: point.id.clone(),
        }],
        None => vec![Event::SignalJoined {
            incident: id.clone(),
            signal: signal_of(point),
        }],
    };
    // A report covers only what it has seen: gas that is back is looked at again (DESIGN.md 4, rule 16).
    let reported = matches!(incident.stage, Stage::FalseAlarm | Stage::Restoring);
    if reported && !events.is_empty() {
        events.push(Event::GasReturned { incident: id });
    }
    events.extend(signals::returned_sound(campus));
    events
}

/// A new leak.
fn open(
    campus: &Campus,
    site: &Site,
    point: &Point,
    (high, now): (bool, Now),
) -> (CaseId, Vec<Event>) {
    let id = desk::next_incident(&campus.desk, site.utc_offset_minutes, now.wall, 0);
    let id = CaseId::from(id.replacen('F', "G", 1));
    let Some(compartment) = site.compartments.get(&point.compartment) else {
        return (id, Vec::new());
    };
    let opened = Event::GasDetected {
        incident: id.clone(),
        building: point.building.clone(),
        floor: point.floor.clone(),
        zone: compartment.zone.clone(),
        compartment: point.compartment.clone(),
        signal: signal_of(point),
        level: if high { Level::High } else { Level::Low },
        take_by: now.engine + site.limits.take,
        verdict_by: now.engine + site.limits.verdict,
    };
    let sound = signals::returned_sound(campus);
    (id, std::iter::once(opened).chain(sound).collect())
}

/// A detector reached its high limit. Its own valve and fan are named here; with `counts` (it is healthy) the rule starts them.
#[must_use]
pub(super) fn high_limit(
    campus: &Campus,
    site: &Site,
    now: Now,
    (incident, point, counts): (&CaseId, &Point, bool),
) -> Event {
    let own: Vec<_> = linkage::outputs_of_gas(site, &point.id).collect();
    let start = own
        .iter()
        .filter(|output| counts && !outputs::is_in_place(campus, site, output))
        .map(|output| output.id.clone());
    Event::GasHigh {
        incident: incident.clone(),
        point: point.id.clone(),
        counts,
        start: start.collect(),
        outputs: own.iter().map(|output| outputs::planned(output)).collect(),
        call_119_by: now.engine + site.limits.call_119,
    }
}
