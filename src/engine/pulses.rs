//! Signs of life of the loop and of every bus: what the service manager's watchdog is fed by.
//!
//! Whoever works says for how long it may now be silent. A task that hangs, or that is gone without having said so, is silent for
//! longer than that.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::boot_ms;

/// How long somebody may take from being made until its first sign of life.
const FIRST: Duration = Duration::from_secs(60);

/// All who must show signs of life.
#[derive(Debug, Default)]
pub struct Pulses(Mutex<BTreeMap<String, Pulse>>);

/// The signs of one of them.
#[derive(Clone, Debug)]
pub struct Pulse(Arc<AtomicI64>);

impl Pulse {
    /// It lives, and may be silent for so long.
    pub fn good_for(&self, span: Duration) {
        let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        self.0
            .store(boot_ms().saturating_add(span), Ordering::Relaxed);
    }
}

impl Pulses {
    /// The pulse of somebody, expected from now on.
    pub fn of(&self, who: &str) -> Pulse {
        let mut pulses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let pulse = Pulse(Arc::default());
            pulse.good_for(FIRST);
            pulse
        };
        pulses.entry(who.to_owned()).or_insert_with(new).clone()
    }

    /// Who has been silent for too long.
    pub fn silent(&self) -> Vec<String> {
        let now = boot_ms();
        let pulses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = pulses
            .iter()
            .filter(|(_, pulse)| pulse.0.load(Ordering::Relaxed) < now);
        silent.map(|(who, _)| who.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_says_nothing_for_longer_than_it_said_is_silent() {
        let pulses = Pulses::default();
        let engine = pulses.of("engine");
        let _bus = pulses.of("bus panel1");
        assert!(
            pulses.silent().is_empty(),
            "the first sign may take a while"
        );
        engine.0.store(boot_ms() - 1, Ordering::Relaxed);
        assert_eq!(pulses.silent(), ["engine"]);
        pulses.of("engine").good_for(Duration::from_secs(5));
        assert!(
            pulses.silent().is_empty(),
            "the same pulse by the same name"
        );
    }
}
