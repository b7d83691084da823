//! States: of parts, of a panel as a whole, of the transmission device itself, and measured values.

use std::time::Duration;

use super::super::adu::{Analog, Label, PartState, System, SystemState};
use super::super::others::Origin;
use super::super::places::{self, Key, Place};
use super::{Device, Taken};
use crate::domain::ids::PointId;
use crate::domain::input::{Telling, ToldPart};
use crate::domain::point::{Conditions, Milli, PointKind, Quality, Reading};
use crate::domain::time::{Now, WallTime};
use crate::domain::transmitter::Quantity;

/// How long the fire of a facility as a whole waits for the part that says where. Devices send both, in either order.
const PART_FOLLOWS: Duration = Duration::from_secs(3);

impl Device {
    pub(super) fn part(&mut self, told: &PartState, now: Now, taken: &mut Taken) {
        let PartState { part, state, .. } = told;
        let System { kind, address } = part.system;
        self.kinds.insert(address, kind);
        let key: Key = (address, part.address);
        let device_time = self.moment(told.label, now);
        if state.fire() {
            self.waiting.remove(&address);
        }
        let (point, listed, conditions, is_news) = match self.places.parts.get(&key).cloned() {
            Some(Place { point, kind }) => {
                let conditions = places::of_part(kind, *state, &self.profile);
                let before = self.believed.get(&point).map(|reading| reading.conditions);
                let alarms = conditions.fire || conditions.gas();
                let is_news = alarms && before != Some(conditions);
                self.put(&point, conditions, (now, device_time), taken);
                (point, true, conditions, is_news)
            }
            None => {
                let conditions = places::of_part(PointKind::PanelFire, *state, &self.profile);
                let is_news = self.others.set(Origin::Part(key), conditions);
                let Some(point) = self.places.other.clone() else {
                    return;
                };
                (point, false, conditions, is_news)
            }
        };
        if is_news {
            taken.told.push(Telling::Part(ToldPart {
                point,
                listed,
                address: format!("{address}/{}", self.profile.part_address.text(part.address)),
                part_type: Some(part.kind),
                text: told.text.clone(),
                conditions,
                device_time,
            }));
        }
    }

    pub(super) fn system(&mut self, told: SystemState, now: Now, taken: &mut Taken) {
        let SystemState {
            system: System { kind, address },
            state,
            label,
        } = told;
        self.kinds.insert(address, kind);
        let device_time = self.moment(label, now);
        if state.reset() && !state.fire() {
            self.panel_reset(address, (now, device_time), taken);
        }
        if state.fire() {
            if !self.has_fire_of(address) && self.burning.get(&address) != Some(&true) {
                self.waiting
                    .entry(address)
                    .or_insert(now.engine + PART_FOLLOWS);
            }
        } else {
            self.waiting.remove(&address);
            self.burning.insert(address, false);
        }
        self.put_common_alarm(address, now, device_time, taken);
        let mut is_told = false;
        for Place { point, kind } in self
            .places
            .systems
            .get(&address)
            .cloned()
            .unwrap_or_default()
        {
            if let Some(conditions) = places::of_system(kind, state) {
                is_told |= kind == PointKind::Supervisory;
                self.put(&point, conditions, (now, device_time), taken);
            }
        }
        if !is_told {
            let fault = places::is_faulty(state);
            self.others
                .change(Origin::System(address), |told| told.fault = fault);
        }
        if places::is_quiet(state) && !(self.profile.honour_test_bit && state.is_test()) {
            self.quiet_parts(address, (now, device_time), taken);
        }
    }

    /// A facility of which nothing stands says of each of its parts that it is quiet; of those that are known the parts say it themselves.
    pub(super) fn quiet_parts(
        &mut self,
        system: u8,
        at: (Now, Option<WallTime>),
        taken: &mut Taken,
    ) {
        let of_system = |(key, _): &(&Key, &Place)| key.0 == system;
        let parts = self.places.parts.iter().filter(of_system);
        let unknown = parts.filter(|(_, place)| !self.believed.contains_key(&place.point));
        let unknown: Vec<PointId> = unknown.map(|(_, place)| place.point.clone()).collect();
        for point in unknown {
            self.put(&point, Conditions::default(), at, taken);
        }
    }

    /// The common alarm of a facility: a point of its own where there is one, else the point for everything else.
    pub(super) fn put_common_alarm(
        &mut self,
        system: u8,
        now: Now,
        device_time: Option<WallTime>,
        taken: &mut Taken,
    ) {
        let Some(fire) = self.burning.get(&system).copied() else {
            return;
        };
        let of_system = self.places.systems.get(&system).into_iter().flatten();
        let mut alarms = of_system.filter(|place| place.kind == PointKind::PanelFire);
        let point = alarms.next().map(|place| place.point.clone());
        let (listed, is_news) = match &point {
            Some(point) => {
                let before = self
                    .believed
                    .get(point)
                    .is_some_and(|reading| reading.conditions.fire);
                let conditions = Conditions {
                    fire,
                    ..Conditions::default()
                };
                self.put(point, conditions, (now, device_time), taken);
                (true, fire && !before)
            }
            None => {
                let is_news = self
                    .others
                    .change(Origin::System(system), |told| told.fire = fire);
                (false, fire && is_news)
            }
        };
        if let Some(point) = point
            .or_else(|| self.places.other.clone())
            .filter(|_| is_news)
        {
            taken.told.push(Telling::Part(ToldPart {
                point,
                listed,
                address: system.to_string(),
                part_type: None,
                text: String::new(),
                conditions: Conditions {
                    fire,
                    ..Conditions::default()
                },
                device_time,
            }));
        }
        self.put_other(now, taken);
    }

    pub(super) fn analog(&mut self, told: Analog, now: Now, taken: &mut Taken) {
        let key = (told.part.system.address, told.part.address);
        let quantity = Quantity::ALL
            .into_iter()
            .find(|known| known.code == told.quantity);
        let place = self.places.analogs.get(&(key, told.quantity)).cloned();
        let (Some(quantity), Some(place)) = (quantity, place) else {
            tracing::debug!(
                unit = self.unit, part = ?key, quantity = told.quantity, value = told.value,
                "a value that no point stands for"
            );
            return;
        };
        let (least, most) = quantity.counts;
        let is_possible = (least..=most).contains(&told.value);
        let before = self
            .believed
            .get(&place.point)
            .and_then(|reading| reading.value);
        let value = Milli(i64::from(told.value) * quantity.milli);
        let conditions = Conditions {
            fault: !is_possible,
            ..Conditions::default()
        };
        let device_time = self.moment(told.label, now);
        let reading = Reading {
            value: if is_possible { Some(value) } else { before },
            device_time,
            ..Reading::new(conditions, Quality::Good, now.engine)
        };
        self.believed.insert(place.point.clone(), reading);
        taken.readings.push((place.point, reading));
    }

    /// 用户信息传输装置运行状态 (figure 22): b0 normal, b1 fire, b2 fault, b3 mains, b4 battery, b5 link to the centre, b6 line.
    pub(super) fn device(&mut self, state: u8, label: Option<Label>, now: Now, taken: &mut Taken) {
        let device_time = self.moment(label, now);
        let bit = |bit: u8| state >> bit & 1 == 1;
        let fault = (2..=6).any(bit);
        let mut is_told = false;
        for Place { point, kind } in self.places.device.clone() {
            let conditions = if kind == PointKind::PanelMains {
                Conditions {
                    active: !bit(3),
                    ..Conditions::default()
                }
            } else {
                is_told = true;
                Conditions {
                    fault,
                    ..Conditions::default()
                }
            };
            self.put(&point, conditions, (now, device_time), taken);
        }
        // Its fire bit repeats what a part or a facility says; alone it is loud all the same.
        let fire = bit(1) && !self.any_fire();
        self.others.change(Origin::Device, |told| {
            told.fire = fire || told.fire && bit(1);
            told.fault = fault && !is_told;
        });
    }
}
