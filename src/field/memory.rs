//! What a bus last read of its points. An error changes no condition: a reading is kept and marked, never set to zero.
//!
//! An alarm stands from the first reading that has it, and is gone after so many without it as the profile says. A value passes a
//! limit at the limit and leaves it beyond its hysteresis.

use std::collections::BTreeMap;

use super::decode::Element;
use super::plan::Placed;
use crate::domain::ids::PointId;
use crate::domain::layout::{Layout, Number};
use crate::domain::point::{Condition, Conditions, Milli, Quality, Reading, Trouble};
use crate::domain::time::EngineTime;

/// What is believed of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) conditions: Conditions,
    pub(crate) quality: Quality,
    pub(crate) value: Option<Milli>,
    pub(crate) trouble: Option<Trouble>,
}

impl Seen {
    /// As the engine is told it.
    pub(crate) fn reading(self, at: EngineTime) -> Reading {
        Reading {
            value: self.value,
            trouble: self.trouble,
            ..Reading::new(self.conditions, self.quality, at)
        }
    }
}

/// One table's word on a point.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    conditions: Conditions,
    quality: Quality,
    trouble: Option<Trouble>,
    value: Option<Milli>,
    /// Readings in a row without each of [`Condition::ALARMS`] while it still stands.
    clearing: [u8; Condition::ALARMS.len()],
}

#[derive(Clone, Debug, Default)]
struct Known {
    first: Part,
    /// The other tables of a group that has several.
    others: Vec<Part>,
    /// The value as it was last told.
    shown: Option<Milli>,
    /// The conditions that were told with it.
    told: Conditions,
}

/// The last conditions of every point that was ever read.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    by_point: BTreeMap<PointId, Known>,
}

impl Memory {
    /// Takes what was read. Returns what to believe of the point, `None` while another table of it has not been read and nothing
    /// is in alarm; and whether an alarm has changed so that the block must be read again at once: a rise to locate it in the same
    /// moment, a fall because one reading alone does not clear it.
    pub(crate) fn take(&mut self, placed: &Placed, element: Element) -> (Option<Seen>, bool) {
        let known = match self.by_point.get_mut(&placed.point) {
            Some(known) => known,
            None => self.by_point.entry(placed.point.clone()).or_default(),
        };
        let Some(part) = known.part_mut(placed) else {
            return (None, false);
        };
        let again = part.take(placed, element);
        if let Layout::Number(number) = &*placed.layout {
            known.show(number);
        }
        (known.seen(), again)
    }

    /// The part of a point that this block reads owes a reply for too long: its last reading stays, marked. `None` when the point
    /// was never read.
    pub(crate) fn stale(&mut self, placed: &Placed) -> Option<Seen> {
        let known = self.by_point.get_mut(&placed.point)?;
        let part = known.part_mut(placed)?;
        if part.quality == Quality::Good {
            part.quality = Quality::Stale;
        }
        known.seen()
    }
}

impl Known {
    fn part_mut(&mut self, placed: &Placed) -> Option<&mut Part> {
        let others = usize::from(placed.parts.saturating_sub(1));
        if self.others.len() < others {
            self.others.resize(others, Part::default());
        }
        match usize::from(placed.part).checked_sub(1) {
            None => Some(&mut self.first),
            Some(other) => self.others.get_mut(other),
        }
    }

    /// A value that has hardly moved is not told anew, unless it has passed a limit.
    fn show(&mut self, number: &Number) {
        let mut parts = std::iter::once(&self.first).chain(&self.others);
        let value = parts.find_map(|part| part.value);
        let has_moved = match (value, self.shown) {
            (Some(value), Some(shown)) => {
                value.0.abs_diff(shown.0) >= number.dead_band.0.unsigned_abs()
            }
            (Some(_), None) | (None, Some(_)) => true,
            (None, None) => false,
        };
        let conditions = self.conditions();
        if has_moved || conditions != self.told {
            (self.shown, self.told) = (value, conditions);
        }
    }

    fn conditions(&self) -> Conditions {
        let others = self.others.iter();
        others.fold(self.first.conditions, |all, part| all.or(part.conditions))
    }

    fn seen(&self) -> Option<Seen> {
        let conditions = self.conditions();
        let parts = || std::iter::once(&self.first).chain(&self.others);
        let has = |quality| parts().any(|part| part.quality == quality);
        let is_alarm = conditions.fire || conditions.gas();
        let quality =
            if has(Quality::Unknown) && !is_alarm || !has(Quality::Good) && !has(Quality::Stale) {
                return None;
            } else if has(Quality::Stale) {
                Quality::Stale
            } else {
                Quality::Good
            };
        Some(Seen {
            conditions,
            quality,
            value: self.shown,
            trouble: parts().find_map(|part| part.trouble),
        })
    }
}

impl Part {
    fn take(&mut self, placed: &Placed, element: Element) -> bool {
        self.quality = Quality::Good;
        match element {
            Element::Read(read) => {
                (self.trouble, self.value) = (None, None);
                self.settle(read, placed.clear_after)
            }
            Element::Measured(value) => {
                (self.trouble, self.value) = (None, Some(value));
                let read = match &*placed.layout {
                    Layout::Number(number) => self.beyond(number, value),
                    Layout::Word { .. } | Layout::Packed(_) => Conditions::default(),
                };
                self.settle(read, placed.clear_after)
            }
            // It tells nothing but that, so what was seen stays seen.
            Element::Faulty(trouble) => {
                (self.trouble, self.value) = (Some(trouble), None);
                self.conditions.fault = true;
                false
            }
        }
    }

    /// What a value says by the limits.
    fn beyond(&self, number: &Number, value: Milli) -> Conditions {
        let mut read = Conditions::default();
        for limit in &number.limits {
            let was = self.conditions.has(limit.shows);
            if limit.is_passed(value, was, number.hysteresis) {
                read = read.with(limit.shows, true);
            }
        }
        read
    }

    /// Takes conditions over; alarms that fall stay until enough readings agree. True when an alarm has risen or falls.
    fn settle(&mut self, read: Conditions, clear_after: u8) -> bool {
        let before = self.conditions;
        let (mut now, mut again) = (read, false);
        for (condition, clearing) in Condition::ALARMS.iter().zip(&mut self.clearing) {
            match (before.has(*condition), read.has(*condition)) {
                (true, false) => {
                    *clearing = clearing.saturating_add(1);
                    let is_gone = *clearing >= clear_after;
                    now = now.with(*condition, !is_gone);
                    again |= !is_gone;
                    if is_gone {
                        *clearing = 0;
                    }
                }
                (false, true) => {
                    *clearing = 0;
                    again = true;
                }
                (true, true) | (false, false) => *clearing = 0,
            }
        }
        self.conditions = now;
        again
    }
}

#[cfg(test)]
mod tests;
