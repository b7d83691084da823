//! What is believed of points and lines. A point is only as good as its line: a lost line makes its points stale, as one fault.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::events::Event;
use super::{Campus, Cell, Stamp};
use crate::domain::ids::{BusId, PointId};
use crate::domain::input::Observation;
use crate::domain::point::{Conditions, PointKind, Quality};
use crate::domain::site::Site;
use crate::domain::time::{Now, WallTime};

/// A point as it was last read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointState {
    /// Last known conditions.
    pub conditions: Conditions,
    /// How far to believe them.
    pub quality: Quality,
    /// When they last changed.
    pub changed_at: WallTime,
    /// The alarm is latched since then, whatever the panel shows now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latched_at: Option<WallTime>,
}

/// A line of the field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkState {
    /// `None` until it is known.
    pub up: Option<bool>,
    /// Why it is down.
    pub reason: String,
    /// Since when.
    pub since: WallTime,
}

/// What an observation directly causes: the change itself. What follows for incidents is in `fire::signals`.
#[must_use]
pub fn observed(campus: &Campus, site: &Site, now: Now, observation: &Observation) -> Vec<Event> {
    let Some(point) = site.points.get(&observation.point) else {
        return Vec::new();
    };
    let before = campus
        .points
        .get(&observation.point)
        .copied()
        .unwrap_or_default();
    let reading = observation.latest;
    // A lost line makes all its points stale as one fault (`quality`); it is not an entry for each of them.
    let first = before.quality == Quality::Unknown;
    let changed = before.conditions != reading.conditions || first;
    if reading.quality != Quality::Good && observation.edge.is_none() {
        return Vec::new();
    }
    // An edge of a device that stands in fire already is the panel's reset and return within one cycle: worth an entry.
    let edge = observation.edge.is_some() && (point.kind.is_fire() || point.kind == PointKind::Gas);
    let stands = |conditions: Conditions| conditions.fire || conditions.gas();
    let repeated = edge && stands(before.conditions) && stands(reading.conditions);
    if !changed && (!edge || repeated) {
        return Vec::new();
    }
    let mut events = vec![Event::PointChanged {
        point: observation.point.clone(),
        conditions: reading.conditions,
        quality: Quality::Good,
        edge,
    }];
    let seen = (observation, now);
    events.extend(super::fire::signals::observed(
        campus, site, point, &before, seen,
    ));
    events.extend(super::gas::signals::observed(
        campus, site, point, &before, seen,
    ));
    events
}

/// How far a point can be believed now: never better than its line.
#[must_use]
pub fn quality(campus: &Campus, site: &Site, id: &PointId) -> Quality {
    let read = campus
        .points
        .get(id)
        .map_or(Quality::Unknown, |point| point.quality);
    let bus = site.points.get(id).map(|point| &point.bus);
    let up = bus
        .and_then(|bus| campus.links.get(bus))
        .and_then(|link| link.up);
    match (read, up) {
        (Quality::Unknown, _) => Quality::Unknown,
        (Quality::Good, Some(true)) => Quality::Good,
        (Quality::Good, Some(false) | None) | (Quality::Stale, _) => Quality::Stale,
    }
}

/// A line came up or was lost.
#[must_use]
pub fn link(campus: &Campus, bus: &BusId, up: bool, reason: &str) -> Vec<Event> {
    let before = campus.links.get(bus).and_then(|link| link.up);
    if before == Some(up) {
        return Vec::new();
    }
    vec![Event::LinkChanged {
        bus: bus.clone(),
        up,
        reason: reason.to_owned(),
    }]
}

/// Changes points and lines.
pub fn apply(campus: &mut Campus, stamp: &Stamp, event: &Event, touched: &mut BTreeSet<Cell>) {
    if let Event::PointChanged {
        point,
        conditions,
        quality,
        edge,
    } = event
    {
        let state = campus.points.entry(point.clone()).or_default();
        state.conditions = *conditions;
        state.quality = *quality;
        state.changed_at = stamp.now.wall;
        if (*edge || conditions.fire || conditions.gas()) && !conditions.disabled {
            state.latched_at.get_or_insert(stamp.now.wall);
        }
        touched.insert(Cell::Point(point.clone()));
    }
    if let Event::LinkChanged { bus, up, reason } = event {
        let link = LinkState {
            up: Some(*up),
            reason: reason.clone(),
            since: stamp.now.wall,
        };
        campus.links.insert(bus.clone(), link);
        touched.insert(Cell::Link(bus.clone()));
    }
    if let Event::Started { .. } = event {
        for (id, link) in &mut campus.links {
            link.up = None;
            touched.insert(Cell::Link(id.clone()));
        }
    }
}

/// The latch of a point ends with its incident.
pub fn unlatch(campus: &mut Campus, point: &PointId, touched: &mut BTreeSet<Cell>) {
    if let Some(state) = campus.points.get_mut(point) {
        state.latched_at = None;
        touched.insert(Cell::Point(point.clone()));
    }
}
