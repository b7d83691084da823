//! The room as a whole: linkage mode, sound, presence of recipients, maintenance, the broker, the counter of incidents.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::events::{Event, Mode};
use super::fire::Incident;
use super::maintenance::{self, Maintenance};
use super::{By, Campus, Cell, Stamp};
use crate::domain::ids::{OutputId, RecipientId};
use crate::domain::input::Durable;
use crate::domain::order::{OrderState, Via};
use crate::domain::site::Site;
use crate::domain::time::{EngineTime, Now, WallTime};

/// State of the room.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Desk {
    /// Fengsui's linkage mode.
    pub mode: Mode,
    /// Who set it.
    pub mode_by: Option<By>,
    /// Who sits at the positions of the shift.
    #[serde(default)]
    pub shift: Shift,
    /// Where authority is, when it was taken over: the station, and by whom.
    #[serde(default)]
    pub authority: Option<(String, By)>,
    /// 消音: by whom, and when the sound returns by itself.
    pub mute: Option<Mute>,
    /// The MQTT link; `None` until it is known.
    pub broker_up: Option<bool>,
    /// Where the record is kept, and since when if it is not the journal.
    #[serde(default)]
    pub durable: (Durable, WallTime),
    /// Last step of the wall clock, in ms.
    pub clock_step: Option<(WallTime, i64)>,
    /// The latest maintenance of each output that ever had one.
    #[serde(default)]
    pub maintenance: BTreeMap<OutputId, Maintenance>,
    /// The civil date and number of the last incident, for the next id.
    pub counter: (i64, u32),
    /// Until then nobody is taken for absent only because his device has not said that it is there.
    #[serde(default)]
    pub presence_by: Option<EngineTime>,
    /// Hash of the configuration.
    pub config_version: String,
    /// The boot of the machine at the last start.
    pub boot_id: String,
    /// What that boot's clock showed when engine time was zero, in ms.
    pub boot_ms_at_zero: i64,
}

/// A position of the shift 值班员.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// The first.
    First,
    /// The second.
    Second,
}

impl Position {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// Who sits where, and since when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// First position.
    pub first: Option<By>,
    /// Second position.
    pub second: Option<By>,
}

impl Shift {
    /// Who sits at a position.
    #[must_use]
    pub fn at(&self, position: Position) -> Option<&By> {
        match position {
            Position::First => self.first.as_ref(),
            Position::Second => self.second.as_ref(),
        }
    }

    fn put(&mut self, position: Position, by: Option<By>) {
        match position {
            Position::First => self.first = by,
            Position::Second => self.second = by,
        }
    }
}

/// A mute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// By whom.
    pub by: By,
    /// The sound returns by then unless there is a verdict.
    pub returns_by: EngineTime,
}

/// Presence of a post or person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientState {
    /// Any of its devices is there.
    pub online: bool,
    /// Nothing was heard of it since the start: it may be there.
    #[serde(default)]
    pub unsure: bool,
    /// Since when.
    pub since: WallTime,
    /// One is there over the broker.
    #[serde(default)]
    pub mqtt: bool,
    /// One has a page open.
    #[serde(default)]
    pub http: bool,
}

impl RecipientState {
    /// Whether a device is there by one way.
    #[must_use]
    pub fn is_there(&self, via: Via) -> bool {
        match via {
            Via::Mqtt => self.mqtt,
            Via::Http => self.http,
        }
    }

    fn change(&mut self, via: Via, is_there: bool, at: WallTime) {
        match via {
            Via::Mqtt => self.mqtt = is_there,
            Via::Http => self.http = is_there,
        }
        self.unsure = false;
        let online = self.mqtt || self.http;
        if self.online != online {
            (self.online, self.since) = (online, at);
        }
    }
}

/// A device came or went, by one way.
#[must_use]
pub fn presence(
    campus: &Campus,
    site: &Site,
    recipient: &RecipientId,
    via: Via,
    online: bool,
) -> Vec<Event> {
    let known = campus.recipients.get(recipient);
    let before = known.is_some_and(|state| state.is_there(via));
    let unsure = known.map_or(campus.desk.presence_by.is_some(), |state| state.unsure);
    if (before == online && !unsure) || !site.recipients.contains_key(recipient) {
        return Vec::new();
    }
    vec![Event::PresenceChanged {
        recipient: recipient.clone(),
        online,
        via,
    }]
}

/// How long after a start somebody who has not been heard of counts as reachable.
pub const PRESENCE_GRACE: Duration = Duration::from_secs(10);

/// Whether somebody can be reached by his device. Shortly after a start whoever is not known to be absent can: to pass somebody
/// over wrongly is worse than to wait ten seconds for him.
#[must_use]
pub fn is_reachable(campus: &Campus, now: Now, id: &RecipientId) -> bool {
    let early = campus.desk.presence_by.is_some_and(|by| now.engine < by);
    match campus.recipients.get(id) {
        Some(state) => state.online || (state.unsure && early),
        None => early,
    }
}

/// The broker came or went.
#[must_use]
pub fn broker(campus: &Campus, up: bool) -> Vec<Event> {
    if campus.desk.broker_up == Some(up) {
        return Vec::new();
    }
    vec![Event::BrokerChanged { up }]
}

/// Limits of the room: the sound returns only while somebody still has to judge (DESIGN.md 4, rule 9).
#[must_use]
pub fn passed(campus: &Campus, now: Now) -> Vec<Event> {
    let mut events = Vec::new();
    let over = |due: Option<EngineTime>| due.is_some_and(|due| now.engine >= due);
    let undecided = campus.incidents.values().any(Incident::is_undecided);
    if over(campus.desk.mute.as_ref().map(|mute| mute.returns_by)) && undecided {
        events.push(Event::SoundReturned {
            why: "mute_ended".to_owned(),
        });
    }
    if over(campus.desk.presence_by) {
        events.push(Event::PresenceSettled);
    }
    events.extend(maintenance::passed(campus, now));
    events
}

/// The next limit of the room.
#[must_use]
pub fn next_due(desk: &Desk) -> Option<EngineTime> {
    let mute = desk.mute.as_ref().map(|mute| mute.returns_by);
    let maintenance = maintenance::next_due(desk);
    [mute, desk.presence_by, maintenance]
        .into_iter()
        .flatten()
        .min()
}

/// Changes the room.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only the events of the room are its business"
)]
pub fn apply(campus: &mut Campus, stamp: &Stamp, event: &Event, touched: &mut BTreeSet<Cell>) {
    let desk = &mut campus.desk;
    match event {
        Event::Started {
            boot_id,
            boot_ms_at_zero,
            ..
        } => {
            desk.boot_id.clone_from(boot_id);
            desk.boot_ms_at_zero = *boot_ms_at_zero;
            desk.broker_up = None;
            desk.durable.0 = Durable::Journal;
            desk.presence_by = Some(stamp.now.engine + PRESENCE_GRACE);
            other_way(campus, stamp, touched);
            for (id, state) in &mut campus.recipients {
                // Who is there says so again.
                *state = RecipientState {
                    unsure: true,
                    since: state.since,
                    ..RecipientState::default()
                };
                touched.insert(Cell::Recipient(id.clone()));
            }
        }
        Event::PresenceSettled => {
            desk.presence_by = None;
            for (id, state) in &mut campus.recipients {
                state.unsure = false;
                touched.insert(Cell::Recipient(id.clone()));
            }
        }
        Event::Configured { version } => desk.config_version.clone_from(version),
        Event::DurabilityChanged { to } => desk.durable = (*to, stamp.now.wall),
        Event::ClockStepped { by_ms } => desk.clock_step = Some((stamp.now.wall, *by_ms)),
        Event::BrokerChanged { up } => {
            desk.broker_up = Some(*up);
            other_way(campus, stamp, touched);
        }
        Event::ModeChanged { mode } => {
            desk.mode = *mode;
            desk.mode_by = Some(stamp.by());
        }
        Event::Muted { returns_by } => {
            desk.mute = Some(Mute {
                by: stamp.by(),
                returns_by: *returns_by,
            });
        }
        Event::SoundReturned { .. } => desk.mute = None,
        Event::ShiftSignedOn { position } => desk.shift.put(*position, Some(stamp.by())),
        Event::ShiftSignedOff { position } => desk.shift.put(*position, None),
        Event::TakenOver { station } => desk.authority = Some((station.clone(), stamp.by())),
        Event::PresenceChanged {
            recipient,
            online,
            via,
        } => {
            let state = campus.recipients.entry(recipient.clone()).or_default();
            state.change(*via, *online, stamp.now.wall);
            touched.insert(Cell::Recipient(recipient.clone()));
            return;
        }
        Event::IncidentOpened { incident, .. } | Event::GasDetected { incident, .. } => {
            desk.counter = number_of(incident.as_str());
        }
        _ => return,
    }
    touched.insert(Cell::Desk);
}

/// Orders that nobody has yet go another way now, and show it.
fn other_way(campus: &mut Campus, stamp: &Stamp, touched: &mut BTreeSet<Cell>) {
    for (id, incident) in &mut campus.incidents {
        let waiting = incident.orders.values_mut();
        for order in waiting.filter(|order| order.state == OrderState::Queued) {
            order.changed = stamp.seq;
            touched.insert(Cell::Incident(id.clone()));
        }
    }
}

/// Date and number in an incident's id (`F-20261124-001`).
fn number_of(id: &str) -> (i64, u32) {
    let mut parts = id.split('-').skip(1);
    let date = parts.next().and_then(|text| text.parse().ok()).unwrap_or(0);
    let number = parts.next().and_then(|text| text.parse().ok()).unwrap_or(0);
    (date, number)
}

/// The id of the next incident: civil date and number of the day.
#[must_use]
pub fn next_incident(desk: &Desk, utc_offset_minutes: i32, wall: WallTime, ahead: u32) -> String {
    let (year, month, day) = wall.date(utc_offset_minutes);
    let date = year * 10_000 + i64::from(month) * 100 + i64::from(day);
    // A clock that stepped back must not give an id twice.
    let date = date.max(desk.counter.0);
    let number = if date == desk.counter.0 {
        desk.counter.1 + 1
    } else {
        1
    };
    format!("F-{date}-{:03}", number + ahead)
}
