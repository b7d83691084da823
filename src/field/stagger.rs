//! Motors of one supply start one after the other: two starting currents at once may trip it. The field keeps the pause, because only
//! the field knows when a start really left; a command that waits for it waits unexpired or expires as any other.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::output::Stagger;
use crate::domain::time::EngineTime;

/// When the next start of each supply may be written; shared by all buses.
#[derive(Debug, Default)]
pub(crate) struct Supplies(Mutex<BTreeMap<String, EngineTime>>);

impl Supplies {
    /// Whether the output may start now. When it may, no other of its supply may for the pause from now on.
    pub(crate) fn take(&self, stagger: Option<&Stagger>, now: EngineTime) -> bool {
        let Some(stagger) = stagger else {
            return true;
        };
        let mut next = self.lock();
        let is_free = next.get(&stagger.supply).is_none_or(|at| *at <= now);
        if is_free {
            next.insert(stagger.supply.clone(), now + stagger.pause);
        }
        is_free
    }

    /// A start has left: the pause runs from here.
    pub(crate) fn started(&self, stagger: Option<&Stagger>, now: EngineTime) {
        if let Some(stagger) = stagger {
            self.lock()
                .insert(stagger.supply.clone(), now + stagger.pause);
        }
    }

    /// Nothing has started after all: the next one need not wait.
    pub(crate) fn give_back(&self, stagger: Option<&Stagger>) {
        if let Some(stagger) = stagger {
            self.lock().remove(&stagger.supply);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, EngineTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
