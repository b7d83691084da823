//! Everything that a device tells and that no point of points.csv stands for. One point stands for all of it: its fire is loud, its
//! fault is seen, and nothing is dropped.

use std::collections::BTreeMap;

use super::places::Key;
use crate::domain::point::Conditions;

/// Most things that one device can tell beside its points; a device that tells more is answered for as a whole.
const OTHERS_MAX: usize = 512;

/// Who told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// A part.
    Part(Key),
    /// A facility as a whole.
    System(u8),
    /// The key 手动报警 of a panel, or of the device itself.
    Manual(Option<u8>),
    /// The transmission device.
    Device,
    /// Units of this type do not read as the standard says.
    Unread(u8),
}

impl Origin {
    /// Whether a reset of this panel (or of the device, `None`) ends its fire.
    fn is_reset_by(self, panel: Option<u8>) -> bool {
        match self {
            Self::Part((system, _)) | Self::System(system) => Some(system) == panel,
            Self::Manual(of) => of == panel,
            Self::Device => panel.is_none(),
            Self::Unread(_) => false,
        }
    }
}

/// What stands.
#[derive(Debug, Default)]
pub(super) struct Others {
    by: BTreeMap<Origin, Conditions>,
    /// There was no room for some; what they told stands until the process ends.
    beyond: Conditions,
}

impl Others {
    /// What is told now; true when it was not so before.
    pub(super) fn set(&mut self, origin: Origin, now: Conditions) -> bool {
        let before = self.by.get(&origin).copied();
        if before == Some(now) {
            return false;
        }
        if before.is_none() && self.by.len() >= OTHERS_MAX {
            let quiet = self.by.iter().find(|(_, told)| !told.fire && !told.fault);
            match quiet.map(|(origin, _)| *origin) {
                Some(quiet) => {
                    self.by.remove(&quiet);
                }
                None => {
                    self.beyond.fire |= now.fire;
                    self.beyond.fault = true;
                    return true;
                }
            }
        }
        self.by.insert(origin, now);
        true
    }

    /// Likewise, but of something that was never told of otherwise nothing is said now.
    pub(super) fn change(&mut self, origin: Origin, change: impl FnOnce(&mut Conditions)) -> bool {
        let mut now = self.by.get(&origin).copied().unwrap_or_default();
        let before = now;
        change(&mut now);
        now != before && self.set(origin, now)
    }

    /// A panel was reset: its fires are quiet until they are told again.
    pub(super) fn reset(&mut self, panel: Option<u8>) {
        let of_panel = self
            .by
            .iter_mut()
            .filter(|(origin, _)| origin.is_reset_by(panel));
        for (_, told) in of_panel {
            told.fire = false;
        }
    }

    /// Whether a part of this facility, or its key, stands in fire.
    pub(super) fn has_fire_of(&self, panel: Option<u8>) -> bool {
        let mut fires = self.by.iter().filter(|(_, told)| told.fire);
        fires.any(|(origin, _)| match origin {
            Origin::Part((system, _)) => panel.is_none() || panel == Some(*system),
            Origin::Manual(of) => panel.is_none() || panel == *of,
            Origin::System(_) => panel.is_none(),
            Origin::Device | Origin::Unread(_) => false,
        })
    }

    /// What the point for all of it shows.
    pub(super) fn conditions(&self) -> Conditions {
        let told = self.by.values().chain([&self.beyond]);
        told.fold(Conditions::default(), |all, told| Conditions {
            fire: all.fire || told.fire,
            fault: all.fault || told.fault,
            ..all
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fire(fire: bool) -> Conditions {
        Conditions {
            fire,
            ..Conditions::default()
        }
    }

    #[test]
    fn a_fire_stands_until_it_is_told_gone_or_its_panel_is_reset() {
        let mut others = Others::default();
        assert!(others.set(Origin::Part((1, 7)), fire(true)));
        assert!(
            !others.set(Origin::Part((1, 7)), fire(true)),
            "told already"
        );
        assert!(others.set(Origin::Part((2, 7)), fire(true)));
        others.reset(Some(1));
        assert!(others.conditions().fire && !others.has_fire_of(Some(1)));
        others.set(Origin::Part((2, 7)), fire(false));
        assert!(!others.conditions().fire);
        others.set(Origin::Manual(None), fire(true));
        others.reset(Some(2));
        assert!(others.conditions().fire, "the key is the device's own");
        others.reset(None);
        assert!(!others.conditions().fire);
    }

    #[test]
    fn when_there_is_no_room_quiet_ones_go_and_fires_stay() {
        let mut others = Others::default();
        for n in 0..600 {
            others.set(Origin::Part((1, n)), fire(n < 600 && n % 2 == 0));
        }
        for n in 600..1_500 {
            others.set(Origin::Part((1, n)), fire(true));
        }
        assert!(others.by.len() <= OTHERS_MAX);
        others.reset(Some(1));
        let conditions = others.conditions();
        assert!(
            conditions.fire && conditions.fault,
            "what had no room stands"
        );
    }
}
