//! Which point stands for what a device tells, and what a state means for a point of its kind.

use std::collections::{BTreeMap, BTreeSet};

use super::adu::State;
use crate::domain::ids::PointId;
use crate::domain::point::{Address, Conditions, Point, PointKind};
use crate::domain::transmitter::{Told, Transmitter};

/// A part of a device: the address of its facility and its own.
pub(super) type Key = (u8, u32);

/// A point with what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) point: PointId,
    pub(super) kind: PointKind,
}

/// The points of one device.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) parts: BTreeMap<Key, Place>,
    pub(super) analogs: BTreeMap<(Key, u8), Place>,
    /// By the facility's address.
    pub(super) systems: BTreeMap<u8, Vec<Place>>,
    pub(super) device: Vec<Place>,
    /// What stands for everything else; the configuration asks for it.
    pub(super) other: Option<PointId>,
}

impl Places {
    /// Of these points, with those that cannot be placed.
    pub(super) fn new<'a>(points: impl Iterator<Item = &'a Point>) -> (Self, Vec<PointId>) {
        let (mut places, mut unplaced) = (Self::default(), Vec::new());
        for point in points {
            if places.add(point).is_none() {
                unplaced.push(point.id.clone());
            }
        }
        (places, unplaced)
    }

    fn add(&mut self, point: &Point) -> Option<()> {
        let Address::Part { system, part } = point.address else {
            return None;
        };
        let place = Place {
            point: point.id.clone(),
            kind: point.kind,
        };
        match Told::of(&point.group)? {
            Told::Part => {
                self.parts.insert((system, part), place);
            }
            Told::Analog(quantity) => {
                self.analogs.insert(((system, part), quantity.code), place);
            }
            Told::System => self.systems.entry(system).or_default().push(place),
            Told::Device => self.device.push(place),
            Told::Other => self.other = Some(place.point),
        }
        Some(())
    }

    /// The facilities that any point names.
    pub(super) fn known_systems(&self) -> BTreeSet<u8> {
        let parts = self.parts.keys().map(|(system, _)| *system);
        let analogs = self.analogs.keys().map(|((system, _), _)| *system);
        parts
            .chain(analogs)
            .chain(self.systems.keys().copied())
            .collect()
    }
}

/// What the state of a part means for the point that stands for it.
pub(super) fn of_part(kind: PointKind, state: State, profile: &Transmitter) -> Conditions {
    let common = Conditions {
        fault: state.fault() || state.power_fault(),
        disabled: state.disabled(),
        test: profile.honour_test_bit && state.is_test(),
        ..Conditions::default()
    };
    match kind {
        // A switch in the water or a button in a box reports 启动, 反馈 or 监管 where a detector reports 火警.
        PointKind::HydrantButton | PointKind::FlowSwitch | PointKind::PressureSwitch => {
            Conditions {
                fire: state.fire() || state.acted() || state.supervisory(),
                ..common
            }
        }
        PointKind::Smoke | PointKind::Heat | PointKind::CallPoint | PointKind::PanelFire => {
            Conditions {
                fire: state.fire(),
                ..common
            }
        }
        PointKind::Gas => Conditions {
            low: state.fire(),
            high: state.fire() && profile.gas_alarm_is_high,
            ..common
        },
        PointKind::Feedback => Conditions {
            active: state.feedback() || profile.started_is_feedback && state.started(),
            ..common
        },
        PointKind::Supervisory
        | PointKind::PanelKey
        | PointKind::PanelSilenced
        | PointKind::PanelSounders
        | PointKind::PanelMains => Conditions {
            active: state.fire() || state.supervisory() || state.acted(),
            ..common
        },
    }
}

/// What the state of a facility means for a point of it, but for the common alarm. `None` where it says nothing.
pub(super) fn of_system(kind: PointKind, state: State) -> Option<Conditions> {
    let active = match kind {
        PointKind::PanelKey => !state.manual(),
        PointKind::PanelMains => !state.power_fault(),
        PointKind::Supervisory => state.supervisory(),
        PointKind::Smoke
        | PointKind::Heat
        | PointKind::CallPoint
        | PointKind::HydrantButton
        | PointKind::FlowSwitch
        | PointKind::PressureSwitch
        | PointKind::Gas
        | PointKind::Feedback
        | PointKind::PanelSilenced
        | PointKind::PanelSounders
        | PointKind::PanelFire => return None,
    };
    // The key and the mains are what they are; the fault of the panel as a whole is told once.
    let fault = kind == PointKind::Supervisory && is_faulty(state);
    Some(Conditions {
        active,
        fault,
        ..Conditions::default()
    })
}

/// A fault of the facility as a whole.
pub(super) fn is_faulty(state: State) -> bool {
    state.fault() || state.power_fault() || state.supply_fault()
}

/// Nothing of the facility is in alarm, faulty, disabled or started: so is none of its parts.
pub(super) fn is_quiet(state: State) -> bool {
    let stands = state.fire() || state.supervisory() || state.acted() || state.disabled();
    !stands && !is_faulty(state)
}
