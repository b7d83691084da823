//! What a bus last read of its points. An error changes no condition: a reading is kept and marked, never set to zero.

use std::collections::BTreeMap;

use super::decode::Element;
use crate::domain::ids::PointId;
use crate::domain::point::Conditions;

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    conditions: Conditions,
    /// One reading without fire has been seen; the next one clears it.
    is_clearing: bool,
}

/// The last conditions of every point that was ever read.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    by_point: BTreeMap<PointId, Known>,
}

impl Memory {
    /// Takes what was read. Returns the conditions to believe, and whether fire has changed so that the block must be read again
    /// at once: a rise to locate it in the same moment, a fall because one reading alone does not clear a fire.
    pub(crate) fn take(&mut self, point: &PointId, element: Element) -> (Conditions, bool) {
        let before = self.by_point.get(point).copied().unwrap_or_default();
        let (now, again) = match element {
            Element::Read(read) => {
                let falls = before.conditions.fire && !read.fire && !before.is_clearing;
                let rises = read.fire && !before.conditions.fire;
                let conditions = Conditions {
                    fire: read.fire || falls,
                    ..read
                };
                let known = Known {
                    conditions,
                    is_clearing: falls,
                };
                (known, falls || rises)
            }
            // It tells nothing but that it is missing, so a fire that was seen stays seen.
            Element::NotPresent => {
                let conditions = Conditions {
                    fault: true,
                    ..before.conditions
                };
                let known = Known {
                    conditions,
                    ..before
                };
                (known, false)
            }
        };
        self.by_point.insert(point.clone(), now);
        (now.conditions, again)
    }

    /// The last conditions of a point; `None` when it was never read.
    pub(crate) fn last(&self, point: &PointId) -> Option<Conditions> {
        self.by_point.get(point).map(|known| known.conditions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fire: bool) -> Element {
        Element::Read(Conditions {
            fire,
            ..Conditions::default()
        })
    }

    #[test]
    fn a_fire_is_there_at_once_and_gone_after_two_readings() {
        let (mut memory, point) = (Memory::default(), PointId::from("P1-001"));
        let mut fire = |element| {
            let (conditions, again) = memory.take(&point, element);
            (conditions.fire, again)
        };
        assert_eq!(fire(read(false)), (false, false));
        assert_eq!(fire(read(true)), (true, true));
        assert_eq!(fire(read(true)), (true, false));
        assert_eq!(fire(read(false)), (true, true));
        assert_eq!(fire(read(true)), (true, false));
        assert_eq!(fire(read(false)), (true, true));
        assert_eq!(fire(read(false)), (false, false));
    }

    #[test]
    fn a_missing_device_is_faulty_and_keeps_its_fire() {
        let (mut memory, point) = (Memory::default(), PointId::from("P1-001"));
        memory.take(&point, read(true));
        let (conditions, again) = memory.take(&point, Element::NotPresent);
        assert!(conditions.fire && conditions.fault && !again);
        assert_eq!(memory.last(&point), Some(conditions));
    }
}
