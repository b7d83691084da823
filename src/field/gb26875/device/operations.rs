//! What somebody does at a panel or at the transmission device.

use std::time::Duration;

use super::super::adu::{Operation, System};
use super::super::others::Origin;
use super::{Device, Taken};
use crate::domain::ids::PointId;
use crate::domain::input::{Act, Operated, Telling};
use crate::domain::point::Conditions;
use crate::domain::time::{EngineTime, Now, WallTime};

/// The same operation within this time is the same one, sent again.
const SAME_WITHIN: Duration = Duration::from_secs(60);
/// Operations that are remembered for that.
const REMEMBERED_MAX: usize = 32;

impl Device {
    pub(super) fn operation(&mut self, told: Operation, is_new: bool, now: Now, taken: &mut Taken) {
        let system = told.system.map(|system| system.address);
        let device_time = self.moment(told.label, now);
        for act in acts(told.acts, told.system.is_some()) {
            match (act, system) {
                (Act::Reset | Act::AlarmCleared, Some(system)) => {
                    self.panel_reset(system, (now, device_time), taken);
                }
                (Act::Reset | Act::AlarmCleared, None) => self.others.reset(None),
                (Act::ManualAlarm, system) => {
                    self.others
                        .change(Origin::Manual(system), |told| told.fire = true);
                }
                (
                    Act::Silence | Act::SelfTest | Act::Acknowledge | Act::DutyAnswer | Act::Test,
                    _,
                ) => {}
            }
            if is_new {
                taken.told.push(Telling::Operated(Operated {
                    system,
                    act,
                    operator: told.operator,
                    device_time,
                }));
            }
        }
    }

    /// Somebody reset the panel: what stood in fire is quiet until it is told again. Faults and disablements stay (DESIGN.md 4, rules 2
    /// and 10).
    pub(super) fn panel_reset(
        &mut self,
        system: u8,
        at: (Now, Option<WallTime>),
        taken: &mut Taken,
    ) {
        let of_system = self.places.parts.iter().filter(|(key, _)| key.0 == system);
        let of_system = of_system.map(|(_, place)| place);
        let alarming: Vec<(PointId, Conditions)> = of_system
            .filter_map(|place| {
                let conditions = self.believed.get(&place.point)?.conditions;
                (conditions.fire || conditions.gas()).then(|| (place.point.clone(), conditions))
            })
            .collect();
        for (point, conditions) in alarming {
            let quiet = Conditions {
                fire: false,
                low: false,
                high: false,
                ..conditions
            };
            self.put(&point, quiet, at, taken);
        }
        self.others.reset(Some(system));
        self.waiting.remove(&system);
        self.burning.insert(system, false);
        self.put_common_alarm(system, at.0, at.1, taken);
        if self.profile.answers {
            let kind = self.kind_of(system);
            let parts = self
                .places
                .parts
                .keys()
                .filter(|key| key.0 == system)
                .copied();
            self.asker.look_again(
                System {
                    kind,
                    address: system,
                },
                parts,
            );
        }
    }

    /// Whether this operation is not one that was sent again.
    pub(super) fn is_new(&mut self, sequence: u16, adu: &[u8], now: EngineTime) -> bool {
        self.operations.retain(|(_, _, at)| now - *at < SAME_WITHIN);
        let mut known = self.operations.iter();
        if known.any(|(number, bytes, _)| *number == sequence && bytes == adu) {
            return false;
        }
        if self.operations.len() >= REMEMBERED_MAX {
            self.operations.pop_front();
        }
        self.operations.push_back((sequence, adu.to_vec(), now));
        true
    }
}

/// The operations of a byte: figure 13 for a panel, figure 23 for a device.
fn acts(bits: u8, of_panel: bool) -> impl Iterator<Item = Act> {
    let fifth = if of_panel {
        Act::Acknowledge
    } else {
        Act::DutyAnswer
    };
    let acts = [
        Act::Reset,
        Act::Silence,
        Act::ManualAlarm,
        Act::AlarmCleared,
        Act::SelfTest,
        fifth,
        Act::Test,
    ];
    let set = acts.into_iter().enumerate();
    set.filter_map(move |(bit, act)| (bits >> bit & 1 == 1).then_some(act))
}
