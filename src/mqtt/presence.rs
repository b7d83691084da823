//! Who is there: a recipient is online while any of its devices is. Pure.
//!
//! Owns the set of devices per recipient and what of it the engine was told. It never tells by itself: courier.rs does.

use std::collections::BTreeMap;
use std::time::Duration;

use super::payload;
use crate::domain::ids::RecipientId;
use crate::domain::time::EngineTime;

/// Most devices of one recipient that are kept; further ones change nothing, since it is online already.
const DEVICES_MAX: usize = 16;
/// The engine is told of one recipient at most this often.
const QUIET: Duration = Duration::from_secs(1);

/// The devices that are there.
#[derive(Debug, Default)]
pub(super) struct Presences {
    /// Devices that are there, each with whether it said so since the link was last made.
    devices: BTreeMap<RecipientId, BTreeMap<String, bool>>,
    /// What the engine was told, and when. It starts every run with everybody offline.
    told: BTreeMap<RecipientId, (bool, EngineTime)>,
}

impl Presences {
    /// A device said whether it is there. True when it was not, or not since the link was made.
    pub(super) fn heard(&mut self, recipient: &RecipientId, presence: payload::Presence) -> bool {
        let devices = self.devices.entry(recipient.clone()).or_default();
        if !presence.online {
            devices.remove(&presence.device);
            return false;
        }
        if devices.len() >= DEVICES_MAX && !devices.contains_key(&presence.device) {
            return true;
        }
        devices.insert(presence.device, true) != Some(true)
    }

    /// Who has a device that is there.
    pub(super) fn here(&self) -> impl Iterator<Item = &RecipientId> {
        let here = self
            .devices
            .iter()
            .filter(|(_, devices)| !devices.is_empty());
        here.map(|(recipient, _)| recipient)
    }

    /// The link was made anew: everybody has to be heard again.
    pub(super) fn reconnected(&mut self) {
        for heard in self.devices.values_mut().flat_map(BTreeMap::values_mut) {
            *heard = false;
        }
    }

    /// The time to be heard again is over: who was not is gone.
    pub(super) fn settle(&mut self) {
        for devices in self.devices.values_mut() {
            devices.retain(|_, heard| *heard);
        }
    }

    /// What the engine does not know yet.
    pub(super) fn news(&self) -> Vec<(RecipientId, bool)> {
        let online = |devices: &BTreeMap<String, bool>| !devices.is_empty();
        let told = |recipient: &RecipientId| self.told.get(recipient).is_some_and(|told| told.0);
        self.devices
            .iter()
            .map(|(recipient, devices)| (recipient.clone(), online(devices)))
            .filter(|(recipient, online)| told(recipient) != *online)
            .collect()
    }

    /// Whether the engine may be told of this recipient now: a device that flaps fills no journal.
    pub(super) fn may_tell(&self, recipient: &RecipientId, now: EngineTime) -> bool {
        let last = self.told.get(recipient);
        last.is_none_or(|(_, at)| now - *at >= QUIET)
    }

    /// The engine was told.
    pub(super) fn told(&mut self, recipient: RecipientId, online: bool, now: EngineTime) {
        self.told.insert(recipient, (online, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(presences: &mut Presences, device: &str, online: bool) -> Vec<(RecipientId, bool)> {
        let presence = payload::Presence {
            device: device.to_owned(),
            online,
        };
        presences.heard(&"post2".into(), presence);
        tell(presences)
    }

    fn tell(presences: &mut Presences) -> Vec<(RecipientId, bool)> {
        let news = presences.news();
        for (recipient, online) in news.clone() {
            presences.told(recipient, online, EngineTime(0));
        }
        news
    }

    #[test]
    fn a_recipient_is_online_while_any_of_its_devices_is() {
        let mut presences = Presences::default();
        let post2 = |online| vec![("post2".into(), online)];
        assert_eq!(says(&mut presences, "a", false), []);
        assert_eq!(says(&mut presences, "a", true), post2(true));
        assert_eq!(says(&mut presences, "a", true), []);
        assert_eq!(says(&mut presences, "b", true), []);
        assert_eq!(says(&mut presences, "a", false), []);
        assert_eq!(says(&mut presences, "b", false), post2(false));
    }

    #[test]
    fn a_lost_link_takes_nobody_offline_and_a_new_one_decides() {
        let mut presences = Presences::default();
        says(&mut presences, "a", true);
        presences.reconnected();
        assert_eq!(tell(&mut presences), []);
        assert_eq!(says(&mut presences, "a", true), []);
        presences.settle();
        assert_eq!(tell(&mut presences), []);
        presences.reconnected();
        presences.settle();
        assert_eq!(tell(&mut presences), [("post2".into(), false)]);
    }

    #[test]
    fn a_device_that_came_back_is_known_as_such() {
        let mut presences = Presences::default();
        let mut heard = |online| {
            let device = "a".to_owned();
            presences.heard(&"post2".into(), payload::Presence { device, online })
        };
        assert_eq!(
            [heard(true), heard(true), heard(false), heard(true)],
            [true, false, false, true]
        );
        presences.reconnected();
        let device = "a".to_owned();
        let online = true;
        assert!(presences.heard(&"post2".into(), payload::Presence { device, online }));
        assert_eq!(presences.here().count(), 1);
    }

    #[test]
    fn the_engine_is_told_at_once_and_then_not_too_often() {
        let mut presences = Presences::default();
        let post2 = "post2".into();
        assert!(presences.may_tell(&post2, EngineTime(5)));
        presences.told(post2.clone(), true, EngineTime(5));
        assert!(!presences.may_tell(&post2, EngineTime(1_004)));
        assert!(presences.may_tell(&post2, EngineTime(1_005)));
    }

    #[test]
    fn the_devices_of_a_recipient_are_bounded() {
        let mut presences = Presences::default();
        for n in 0..100 {
            says(&mut presences, &format!("d{n}"), true);
        }
        assert_eq!(presences.devices["post2"].len(), DEVICES_MAX);
    }
}
