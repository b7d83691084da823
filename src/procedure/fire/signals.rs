//! From a point's change to its incident: the first fire signal of a compartment opens one, later ones join it.

use crate::domain::ids::CaseId;
use crate::domain::input::Observation;
use crate::domain::point::{Conditions, Point};
use crate::domain::site::Site;

use super::super::events::{Event, SignalRef};
use super::super::points::PointState;
use super::super::{Campus, Stamp, desk};
use super::{Incident, Stage};
use crate::domain::time::{Now, WallTime};

/// What a changed point causes for its incident.
#[must_use]
pub fn observed(
    campus: &Campus,
    site: &Site,
    point: &Point,
    before: &PointState,
    (observation, now): (&Observation, Now),
) -> Vec<Event> {
    if !point.kind.is_fire() {
        return Vec::new();
    }
    let now_conditions = observation.latest.conditions;
    let is_excluded = |conditions: Conditions| conditions.disabled || conditions.test;
    let excluded = is_excluded(now_conditions);
    // A device that was 屏蔽 or in test while it stood in fire is an alarm from the moment in which it counts again.
    let was_fire = before.conditions.fire && !is_excluded(before.conditions);
    let raised = observation.edge.is_some() || (now_conditions.fire && !was_fire);
    let incident = of_compartment(campus, point);
    let mut events = Vec::new();
    if raised && !excluded {
        let signal = SignalRef {
            point: Some(point.id.clone()),
            kind: Some(point.kind),
        };
        events.extend(match incident {
            Some(incident) => join(campus, point, incident, signal),
            None => open(campus, site, point, signal, now),
        });
    }
    if !now_conditions.fire
        && let Some(incident) = incident.filter(|incident| holds(incident, point))
    {
        let (incident, point) = (incident.id.clone(), point.id.clone());
        events.push(Event::SignalRestored { incident, point });
    }
    events
}

/// The open incident of a point's compartment.
fn of_compartment<'a>(campus: &'a Campus, point: &Point) -> Option<&'a Incident> {
    let mut incidents = campus.incidents.values();
    incidents.find(|incident| incident.is_open_fire_in(&point.compartment))
}

/// The incident knows this point as standing.
fn holds(incident: &Incident, point: &Point) -> bool {
    incident
        .signals
        .iter()
        .any(|signal| signal.point.as_ref() == Some(&point.id) && signal.restored_at.is_none())
}

/// A later signal of a compartment that has an incident.
fn join(campus: &Campus, point: &Point, incident: &Incident, signal: SignalRef) -> Vec<Event> {
    let known = incident
        .signals
        .iter()
        .find(|known| known.point == signal.point);
    let id = incident.id.clone();
    let stands = known.is_some_and(|known| known.restored_at.is_none());
    let judged = match incident.stage {
        Stage::FalseAlarm => true,
        // What still stands since the fire is not a later signal.
        Stage::Restoring => !stands,
        Stage::Verifying | Stage::Unverified | Stage::Fighting | Stage::Closed => false,
    };
    let mut events = vec![match known {
        Some(_) if stands && !judged => return Vec::new(),
        Some(_) if !judged => Event::SignalReturned {
            incident: id.clone(),
            point: point.id.clone(),
        },
        Some(_) | None => Event::SignalJoined {
            incident: id.clone(),
            signal,
        },
    }];
    if judged {
        // DESIGN.md 4, rule 16: a verdict covers only signals older than itself.
        events.push(Event::Reopened { incident: id });
    }
    events.extend(returned_sound(campus));
    events
}

/// A new incident.
fn open(campus: &Campus, site: &Site, point: &Point, signal: SignalRef, now: Now) -> Vec<Event> {
    let Some(compartment) = site.compartments.get(&point.compartment) else {
        return Vec::new();
    };
    let id = desk::next_incident(&campus.desk, site.utc_offset_minutes, now.wall, 0);
    let mut events = vec![Event::IncidentOpened {
        incident: CaseId::from(id),
        building: point.building.clone(),
        floor: point.floor.clone(),
        zone: compartment.zone.clone(),
        compartment: point.compartment.clone(),
        sleeping: site
            .buildings
            .get(&point.building)
            .is_some_and(|building| building.sleeping),
        signal,
        take_by: now.engine + site.limits.take,
        verdict_by: now.engine + site.limits.verdict,
    }];
    events.extend(returned_sound(campus));
    events
}

/// A new alarm ends a mute.
pub(in crate::procedure) fn returned_sound(campus: &Campus) -> Option<Event> {
    campus.desk.mute.as_ref().map(|_| Event::SoundReturned {
        why: "new_alarm".to_owned(),
    })
}

/// What the panel's own clock said of the signal that an event brings, where the panel tells it.
pub(in crate::procedure) fn panel_time(campus: &Campus, event: &Event) -> Option<WallTime> {
    let (Event::IncidentOpened { signal, .. }
    | Event::GasDetected { signal, .. }
    | Event::SignalJoined { signal, .. }) = event
    else {
        return None;
    };
    let point = signal.point.as_ref()?;
    campus.points.get(point)?.panel_at
}

/// The time of the signal that came last.
pub(in crate::procedure) fn told_by_panel(incident: &mut Incident, panel_at: Option<WallTime>) {
    if let Some(latest) = incident.signals.last_mut() {
        latest.panel_at = panel_at;
    }
}

/// Changes what is latched.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only the events of signals are its business"
)]
pub(super) fn apply(
    incident: &mut Incident,
    stamp: &Stamp,
    event: &Event,
    panel_at: Option<WallTime>,
) {
    match event {
        Event::SignalJoined { signal, .. } => {
            let known = incident
                .signals
                .iter_mut()
                .find(|known| known.point == signal.point);
            match known {
                // The same device once more, after a verdict: it is a new signal at its old place in the list.
                Some(known) => {
                    known.seq = stamp.seq;
                    known.restored_at = None;
                    known.panel_at = panel_at;
                }
                None => {
                    incident.signals.push(Incident::latched(stamp, signal));
                    told_by_panel(incident, panel_at);
                }
            }
            incident.panel_reset_seen = false;
        }
        Event::SignalRestored { point, .. } => {
            for signal in incident
                .signals
                .iter_mut()
                .filter(|s| s.point.as_ref() == Some(point))
            {
                signal.restored_at = Some(stamp.now.wall);
            }
        }
        Event::SignalReturned { point, .. } => {
            for signal in incident
                .signals
                .iter_mut()
                .filter(|s| s.point.as_ref() == Some(point))
            {
                signal.restored_at = None;
            }
            incident.panel_reset_seen = false;
        }
        _ => {}
    }
}
