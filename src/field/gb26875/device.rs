//! One transmission device: what its frames mean for the points of the site, and what is asked of it. Frames and the time in, readings
//! and tellings out; no socket, no clock.
//!
//! A state is a level: a frame that comes twice changes nothing the second time. An operation is not, so one that comes twice within a
//! minute is told once.

mod operations;
mod states;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::adu::{self, Label, Remark, Shape, System, Unit};
use super::asker::{Asker, Wanted};
use super::frame::{Command, Frame, Header, Station};
use super::labels::Digits;
use super::others::{Origin, Others};
use super::places::{Key, Places};
use crate::domain::ids::PointId;
use crate::domain::input::Telling;
use crate::domain::point::{Conditions, Quality, Reading};
use crate::domain::time::{EngineTime, Now, WallTime};
use crate::domain::transmitter::{Caller, Transmitter};

/// What cannot be read is told once in this time for each type.
const UNREAD_AGAIN: Duration = Duration::from_secs(3_600);
/// Bytes of it that are kept.
const UNREAD_BYTES: usize = 64;
/// A clock that is further off than this is worth a line in the log.
const CLOCK_OFF_MS: i64 = 60_000;

/// What a frame brought.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Taken {
    pub(super) readings: Vec<(PointId, Reading)>,
    pub(super) told: Vec<Telling>,
}

/// How a frame is answered.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    /// 确认 as soon as what it brought is kept.
    WhenKept(Taken),
    /// 确认 at once, with these bytes: nothing was brought.
    Now(Vec<u8>),
    /// Nothing is expected, and this was brought.
    None(Taken),
    /// 否认.
    Deny,
}

/// A device with what is believed because of it.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) unit: u8,
    pub(super) caller: Caller,
    profile: Transmitter,
    utc_offset_minutes: i32,
    places: Places,
    /// What was last put down of each point.
    believed: BTreeMap<PointId, Reading>,
    others: Others,
    /// Fires of facilities that wait for their part.
    waiting: BTreeMap<u8, EngineTime>,
    /// Facilities whose common alarm stands.
    burning: BTreeMap<u8, bool>,
    /// The type of each facility, as the device last said.
    kinds: BTreeMap<u8, u8>,
    digits: Digits,
    operations: VecDeque<(u16, Vec<u8>, EngineTime)>,
    unread: BTreeMap<u8, EngineTime>,
    /// The version bytes and our own address, as the device writes them.
    spoken: Option<([u8; 2], Station)>,
    pub(super) heard_at: Option<EngineTime>,
    pub(super) asker: Asker,
}

impl Device {
    pub(super) fn new(
        unit: u8,
        caller: Caller,
        profile: Transmitter,
        places: Places,
        utc_offset_minutes: i32,
    ) -> Self {
        Self {
            unit,
            caller,
            profile,
            utc_offset_minutes,
            places,
            believed: BTreeMap::new(),
            others: Others::default(),
            waiting: BTreeMap::new(),
            burning: BTreeMap::new(),
            kinds: BTreeMap::new(),
            digits: Digits::default(),
            operations: VecDeque::new(),
            unread: BTreeMap::new(),
            spoken: None,
            heard_at: None,
            asker: Asker::default(),
        }
    }

    /// Without a valid frame for longer than this it is lost.
    pub(super) fn silent_after(&self) -> Duration {
        self.profile.silent_after
    }

    /// It has connected: what it can tell is asked.
    pub(super) fn connected(&mut self, now: EngineTime) {
        let wanted = self.profile.answers.then(|| Wanted {
            systems: self.systems(),
            parts: self.parts_to_ask(),
        });
        self.asker.connected(wanted, now);
    }

    /// The header of a frame of ours.
    pub(super) fn header(&self, sequence: u16, command: Command, time: Label) -> Header {
        let (version, centre) = self.spoken.unwrap_or(([1, 0], Station::default()));
        Header {
            sequence,
            version,
            time,
            source: centre,
            destination: Station::of(self.caller.source),
            command,
        }
    }

    /// Takes a frame of this device.
    pub(super) fn take(&mut self, frame: &Frame, now: Now) -> Reply {
        let header = &frame.header;
        self.heard_at = Some(now.engine);
        self.spoken = Some((header.version, header.destination));
        match header.command {
            Command::Send => match &frame.adu[..] {
                [] => Reply::Now(Vec::new()),
                // A heartbeat of one maker, and its answer.
                [0x16] => Reply::Now(vec![0x17]),
                adu => Reply::WhenKept(self.unit(header.sequence, adu, now)),
            },
            Command::Answer => {
                let type_flag = frame.adu.first().copied();
                self.asker.answered(header, type_flag);
                // An answer that comes late is a state all the same.
                Reply::None(self.unit(header.sequence, &frame.adu, now))
            }
            Command::Confirm | Command::Deny => {
                self.asker.answered(header, None);
                Reply::None(Taken::default())
            }
            Command::Control | Command::Request | Command::Other(_) => Reply::Deny,
        }
    }

    /// What has come due though nothing came: the fire of a facility whose part did not follow.
    pub(super) fn due(&mut self, now: Now) -> Taken {
        let mut taken = Taken::default();
        let due = |(system, at): (&u8, &EngineTime)| (*at <= now.engine).then_some(*system);
        let systems: Vec<u8> = self.waiting.iter().filter_map(due).collect();
        for system in systems {
            self.waiting.remove(&system);
            if !self.has_fire_of(system) {
                self.burning.insert(system, true);
                self.put_common_alarm(system, now, None, &mut taken);
            }
        }
        taken
    }

    /// When [`Device::due`] has something next.
    pub(super) fn next_due(&self) -> Option<EngineTime> {
        self.waiting.values().min().copied()
    }

    /// The engine did not keep what was told: it is told anew when the device sends it again.
    pub(super) fn forget(&mut self, sequence: u16) {
        self.operations.retain(|(known, _, _)| *known != sequence);
        self.unread.clear();
    }

    fn unit(&mut self, sequence: u16, adu: &[u8], now: Now) -> Taken {
        let mut taken = Taken::default();
        let shape = Shape {
            text: self.profile.text_bytes,
        };
        match adu::read(adu, shape) {
            Ok(unit) => {
                let type_flag = adu.first().copied().unwrap_or_default();
                self.others
                    .change(Origin::Unread(type_flag), |told| told.fault = false);
                self.understood(unit, (sequence, adu), now, &mut taken);
            }
            Err(error) => self.not_understood(error, adu, now, &mut taken),
        }
        self.put_other(now, &mut taken);
        taken
    }

    fn understood(
        &mut self,
        unit: Unit,
        (sequence, adu): (u16, &[u8]),
        now: Now,
        taken: &mut Taken,
    ) {
        match unit {
            // What is quiet goes first: a part that follows its facility's alarm is one alarm and not two.
            Unit::Parts(mut parts) => {
                parts.sort_by_key(|part| part.state.fire());
                for part in parts {
                    self.part(&part, now, taken);
                }
            }
            Unit::Systems(systems) => {
                for system in systems {
                    self.system(system, now, taken);
                }
            }
            Unit::Analogs(analogs) => {
                for analog in analogs {
                    self.analog(analog, now, taken);
                }
            }
            Unit::Operations(operations) => {
                let is_new = self.is_new(sequence, adu, now.engine);
                for operation in operations {
                    self.operation(operation, is_new, now, taken);
                }
            }
            Unit::Device(state, label) => self.device(state, label, now, taken),
            Unit::Remarks(remarks) => {
                for remark in remarks {
                    self.remark(&remark, now);
                }
            }
        }
    }

    fn remark(&self, remark: &Remark, now: Now) {
        if let Remark::Clock { label, system } = remark {
            let mut digits = self.digits;
            let at = digits.moment(*label, now.wall, self.utc_offset_minutes);
            let off = at.map(|at| at.0 - now.wall.0);
            if off.is_none_or(|off| off.abs() > CLOCK_OFF_MS) {
                tracing::warn!(
                    unit = self.unit,
                    ?system,
                    off_ms = off,
                    "the clock of a device is off"
                );
            }
        }
        tracing::info!(unit = self.unit, ?remark, "a device tells of itself");
    }

    fn not_understood(&mut self, error: adu::BadUnit, adu: &[u8], now: Now, taken: &mut Taken) {
        let type_flag = adu.first().copied().unwrap_or_default();
        // A fire may stand in what should be readable; a maker's own type is only told.
        if matches!(error, adu::BadUnit::Size { .. }) {
            self.others
                .change(Origin::Unread(type_flag), |told| told.fault = true);
        }
        let told_at = self.unread.get(&type_flag);
        if told_at.is_some_and(|at| now.engine - *at < UNREAD_AGAIN) {
            return;
        }
        self.unread.insert(type_flag, now.engine);
        tracing::warn!(unit = self.unit, %error, "a device sent what cannot be read");
        let first = adu.get(..UNREAD_BYTES).unwrap_or(adu);
        taken.told.push(Telling::Unread {
            type_flag,
            bytes: first.iter().map(|byte| format!("{byte:02X}")).collect(),
        });
    }

    fn put(
        &mut self,
        point: &PointId,
        conditions: Conditions,
        (now, device_time): (Now, Option<WallTime>),
        taken: &mut Taken,
    ) {
        let reading = Reading {
            device_time,
            ..Reading::new(conditions, Quality::Good, now.engine)
        };
        self.believed.insert(point.clone(), reading);
        taken.readings.push((point.clone(), reading));
    }

    /// The point for everything that has none.
    fn put_other(&mut self, now: Now, taken: &mut Taken) {
        let Some(point) = self.places.other.clone() else {
            return;
        };
        let conditions = self.others.conditions();
        let before = self.believed.get(&point).map(|reading| reading.conditions);
        if before != Some(conditions) {
            self.put(&point, conditions, (now, None), taken);
        }
    }

    /// Whether a part of a facility, or its key, stands in fire.
    fn has_fire_of(&self, system: u8) -> bool {
        let parts = self.places.parts.iter().filter(|(key, _)| key.0 == system);
        parts
            .map(|(_, place)| place)
            .any(|place| self.is_burning(&place.point))
            || self.others.has_fire_of(Some(system))
    }

    fn any_fire(&self) -> bool {
        let places = self
            .places
            .parts
            .values()
            .chain(self.places.systems.values().flatten());
        let mut points = places.map(|place| &place.point);
        !self.waiting.is_empty()
            || points.any(|point| self.is_burning(point))
            || self.others.has_fire_of(None)
    }

    fn is_burning(&self, point: &PointId) -> bool {
        self.believed
            .get(point)
            .is_some_and(|reading| reading.conditions.fire)
    }

    fn moment(&mut self, label: Option<Label>, now: Now) -> Option<WallTime> {
        let before = self.digits;
        let moment = self
            .digits
            .moment(label?, now.wall, self.utc_offset_minutes);
        if before != self.digits {
            tracing::warn!(
                unit = self.unit,
                "a device writes its times as decimal digits"
            );
        }
        moment
    }

    fn systems(&self) -> Vec<System> {
        let known = self.places.known_systems().into_iter();
        let system = |address| System {
            kind: self.kind_of(address),
            address,
        };
        known.map(system).collect()
    }

    fn parts_to_ask(&self) -> Vec<(System, u32)> {
        let part = |(address, part): &Key| {
            let system = System {
                kind: self.kind_of(*address),
                address: *address,
            };
            (system, *part)
        };
        self.places.parts.keys().map(part).collect()
    }

    /// As the device last said; a fire alarm system until then (table 4).
    fn kind_of(&self, system: u8) -> u8 {
        self.kinds.get(&system).copied().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests;
