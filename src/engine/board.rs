//! From the buses to the engine: no queue of readings but one slot per point (DESIGN.md 1).
//!
//! A reading can be overwritten, an edge cannot. The number of slots is the number of points, so this can never fill up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::ids::PointId;
use crate::domain::input::{Edge, Observation};
use crate::domain::point::{Conditions, Quality, Reading};

#[derive(Debug)]
struct Slot {
    latest: Reading,
    /// Conditions and quality when the engine last took the slot.
    taken: Option<(Conditions, Quality)>,
    edge: Option<Edge>,
    missed_edges: u32,
}

#[derive(Debug, Default)]
struct Slots {
    by_point: BTreeMap<PointId, Slot>,
    changed: BTreeSet<PointId>,
    /// The latest reading of every point that has ever measured something or said why it is faulty.
    live: BTreeMap<PointId, Reading>,
}

/// The slots of all points.
#[derive(Debug, Default)]
pub struct Board {
    slots: Mutex<Slots>,
}

impl Board {
    /// Puts a reading into its point's slot. Returns true when the engine has something new to take.
    pub fn put(&self, point: &PointId, reading: Reading) -> bool {
        let mut slots = self.lock();
        keep_live(&mut slots.live, point, reading);
        let Some(slot) = slots.by_point.get_mut(point) else {
            let mut edge = None;
            rise(&mut edge, Conditions::default(), reading);
            let slot = Slot {
                latest: reading,
                taken: None,
                edge,
                missed_edges: 0,
            };
            slots.by_point.insert(point.clone(), slot);
            slots.changed.insert(point.clone());
            return true;
        };
        if !rise(&mut slot.edge, slot.latest.conditions, reading) {
            slot.missed_edges = slot.missed_edges.saturating_add(1);
        }
        slot.latest = reading;
        let is_new =
            slot.edge.is_some() || slot.taken != Some((reading.conditions, reading.quality));
        if is_new {
            slots.changed.insert(point.clone());
        } else {
            slots.changed.remove(point);
        }
        is_new
    }

    /// Takes at most `limit` changed slots, alarms first.
    pub fn take(&self, limit: usize, wanted: impl Fn(&PointId) -> bool) -> Vec<Observation> {
        let mut slots = self.lock();
        let Slots {
            by_point, changed, ..
        } = &mut *slots;
        let burning = |point: &PointId| {
            by_point
                .get(point)
                .is_some_and(|slot| slot.edge.is_some() || is_alarm(slot.latest.conditions))
        };
        let (fire, rest): (Vec<PointId>, Vec<PointId>) = changed.iter().cloned().partition(burning);
        let rest = rest.into_iter().filter(wanted);
        let taken: Vec<PointId> = fire.into_iter().chain(rest).take(limit).collect();
        let mut observations = Vec::with_capacity(taken.len());
        for point in taken {
            changed.remove(&point);
            let Some(slot) = by_point.get_mut(&point) else {
                continue;
            };
            slot.taken = Some((slot.latest.conditions, slot.latest.quality));
            observations.push(Observation {
                point,
                latest: slot.latest,
                edge: slot.edge.take(),
                missed_edges: std::mem::take(&mut slot.missed_edges),
            });
        }
        observations
    }

    /// The latest readings that say more than conditions: values, and why a point is faulty. They are shown and not journalled.
    pub fn live(&self) -> BTreeMap<PointId, Reading> {
        self.lock().live.clone()
    }

    /// Whether something waits to be taken.
    pub fn is_waiting(&self) -> bool {
        !self.lock().changed.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep_live(live: &mut BTreeMap<PointId, Reading>, point: &PointId, reading: Reading) {
    if let Some(kept) = live.get_mut(point) {
        *kept = reading;
    } else if reading.value.is_some() || reading.trouble.is_some() {
        live.insert(point.clone(), reading);
    }
}

/// Fire, or a limit of a gas detector.
fn is_alarm(conditions: Conditions) -> bool {
    conditions.fire || conditions.gas()
}

/// Keeps the first edge of an alarm, and that a high limit was among them. False when an edge beside the first is only counted.
fn rise(edge: &mut Option<Edge>, before: Conditions, reading: Reading) -> bool {
    let now = reading.conditions;
    let high = now.high && !before.high;
    let rises = high || now.fire && !before.fire || now.low && !before.low;
    match edge {
        _ if !rises => true,
        Some(first) => {
            first.high |= high;
            false
        }
        None => {
            *edge = Some(Edge {
                at: reading.at,
                high,
            });
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::point::{Conditions, Milli, Quality};
    use crate::domain::time::EngineTime;

    fn reading(fire: bool, at: i64) -> Reading {
        Reading::new(
            Conditions {
                fire,
                ..Conditions::default()
            },
            Quality::Good,
            EngineTime(at),
        )
    }

    #[test]
    fn an_alarm_shorter_than_one_take_is_kept() {
        let board = Board::default();
        let point = PointId::from("P1-001");
        board.put(&point, reading(false, 1));
        assert_eq!(board.take(9, |_| true).len(), 1);
        board.put(&point, reading(true, 2));
        board.put(&point, reading(false, 3));
        board.put(&point, reading(true, 4));
        board.put(&point, reading(false, 5));
        let taken = board.take(9, |_| true);
        let first = Edge {
            at: EngineTime(2),
            high: false,
        };
        assert_eq!(taken[0].edge, Some(first));
        assert_eq!(taken[0].missed_edges, 1);
        assert!(!taken[0].latest.conditions.fire);
        assert!(board.take(9, |_| true).is_empty());
    }

    #[test]
    fn a_high_limit_shorter_than_one_take_is_kept_beside_a_low_one() {
        let board = Board::default();
        let point = PointId::from("C1-G01");
        let put = |low, high, at| {
            let conditions = Conditions {
                low,
                high,
                ..Conditions::default()
            };
            let reading = Reading {
                conditions,
                ..reading(false, at)
            };
            board.put(&point, reading)
        };
        put(true, false, 1);
        put(true, true, 2);
        put(true, false, 3);
        let taken = board.take(9, |_| true);
        let edge = Edge {
            at: EngineTime(1),
            high: true,
        };
        assert_eq!(taken[0].edge, Some(edge));
        assert!(!taken[0].latest.conditions.high);
    }

    #[test]
    fn a_value_is_kept_beside_the_slot_and_wakes_nobody() {
        let board = Board::default();
        let point = PointId::from("C1-G01");
        let measured = |value, at| Reading {
            value: Some(Milli(value)),
            ..reading(false, at)
        };
        board.put(&PointId::from("P1-001"), reading(false, 1));
        board.put(&point, measured(20, 1));
        assert_eq!(board.take(9, |_| true).len(), 2);
        assert!(!board.put(&point, measured(30, 2)));
        assert_eq!(board.live(), [(point.clone(), measured(30, 2))].into());
        board.put(&point, reading(false, 3));
        assert_eq!(board.live()[&point].value, None, "no value is no old value");
    }

    #[test]
    fn an_unchanged_reading_wakes_nobody_and_fire_is_taken_first() {
        let board = Board::default();
        let (calm, burning) = (PointId::from("A"), PointId::from("Z"));
        assert!(board.put(&calm, reading(false, 1)));
        assert!(board.put(&burning, reading(true, 1)));
        assert_eq!(board.take(1, |_| true)[0].point, burning);
        assert_eq!(board.take(1, |_| true)[0].point, calm);
        assert!(!board.put(&calm, reading(false, 2)));
        assert!(!board.is_waiting());
    }
}
