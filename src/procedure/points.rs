//! What is believed of points, lines and units. A point is only as good as its line and its unit: a lost line, or one lost unit
//! of a line that stands, makes its points stale, as one fault.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::events::Event;
use super::{Campus, Cell, Stamp};
use crate::domain::ids::{BusId, PointId};
use crate::domain::input::{Observation, Telling, Transmission};
use crate::domain::point::{Conditions, PointKind, Quality};
use crate::domain::printer;
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
    /// When, by the device's own clock, where it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panel_at: Option<WallTime>,
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
    /// Units that do not answer while others on the line do.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lost: BTreeMap<u8, LostUnit>,
}

/// A unit that does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostUnit {
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: WallTime,
}

impl LinkState {
    /// Whether a unit on it is believed: the line stands and the unit is not lost.
    #[must_use]
    pub fn answers(&self, unit: u8) -> bool {
        self.up == Some(true) && !self.lost.contains_key(&unit)
    }

    /// Whether a unit that prints may have printed something unheard: what it has said stands, that it said nothing does not.
    fn has_gap(&self, unit: u8) -> bool {
        let lost = self.lost.get(&unit);
        self.up == Some(true) && lost.is_some_and(|lost| printer::is_gap(&lost.reason))
    }
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
        panel_at: reading.device_time,
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

/// How far a point can be believed now: never better than its line and its unit.
#[must_use]
pub fn quality(campus: &Campus, site: &Site, id: &PointId) -> Quality {
    let state = campus.points.get(id).copied().unwrap_or_default();
    let is_quiet = state.conditions == Conditions::default();
    let answers = site.points.get(id).is_some_and(|point| {
        let link = campus.links.get(&point.bus);
        link.is_some_and(|link| link.answers(point.unit) || !is_quiet && link.has_gap(point.unit))
    });
    match (state.quality, answers) {
        (Quality::Unknown, _) => Quality::Unknown,
        (Quality::Good, true) => Quality::Good,
        (Quality::Good, false) | (Quality::Stale, _) => Quality::Stale,
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

/// A unit of a line answers again or has gone silent.
#[must_use]
pub fn unit(campus: &Campus, (bus, unit): (&BusId, u8), up: bool, reason: &str) -> Vec<Event> {
    let link = campus.links.get(bus);
    let is_lost = link.is_some_and(|link| link.lost.contains_key(&unit));
    if is_lost != up {
        return Vec::new();
    }
    vec![Event::UnitChanged {
        bus: bus.clone(),
        unit,
        up,
        reason: reason.to_owned(),
    }]
}

/// What a transmission device told beside the states of points. The states themselves come as observations.
#[must_use]
pub fn transmitted(site: &Site, transmission: &Transmission) -> Vec<Event> {
    let Transmission { bus, unit, told } = transmission;
    if !site.buses.contains_key(bus) {
        return Vec::new();
    }
    let (bus, unit) = (bus.clone(), *unit);
    let event = |telling: &Telling| match telling.clone() {
        Telling::Part(part) => Event::PartTold {
            bus: bus.clone(),
            unit,
            part,
        },
        Telling::Operated(operated) => Event::PanelOperated {
            bus: bus.clone(),
            unit,
            operated,
        },
        Telling::Unread { type_flag, bytes } => Event::TransmissionUnread {
            bus: bus.clone(),
            unit,
            type_flag,
            bytes,
        },
    };
    told.iter().map(event).collect()
}

/// Changes points and lines.
pub fn apply(campus: &mut Campus, stamp: &Stamp, event: &Event, touched: &mut BTreeSet<Cell>) {
    if let Event::PointChanged {
        point,
        conditions,
        quality,
        edge,
        panel_at,
    } = event
    {
        let state = campus.points.entry(point.clone()).or_default();
        state.conditions = *conditions;
        state.quality = *quality;
        state.changed_at = stamp.now.wall;
        state.panel_at = *panel_at;
        if (*edge || conditions.fire || conditions.gas()) && !conditions.disabled {
            state.latched_at.get_or_insert(stamp.now.wall);
        }
        touched.insert(Cell::Point(point.clone()));
    }
    if let Event::LinkChanged { bus, up, reason } = event {
        let link = campus.links.entry(bus.clone()).or_default();
        link.up = Some(*up);
        link.reason.clone_from(reason);
        link.since = stamp.now.wall;
        touched.insert(Cell::Link(bus.clone()));
    }
    if let Event::UnitChanged {
        bus,
        unit,
        up,
        reason,
    } = event
    {
        let link = campus.links.entry(bus.clone()).or_default();
        if *up {
            link.lost.remove(unit);
        } else {
            let (reason, since) = (reason.clone(), stamp.now.wall);
            link.lost.insert(*unit, LostUnit { reason, since });
        }
        touched.insert(Cell::Link(bus.clone()));
    }
    if let Event::Started { .. } = event {
        for (id, link) in &mut campus.links {
            // Nothing is known of a line or its units until the bus tells; a unit that is still silent is told anew.
            link.up = None;
            link.lost.clear();
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
