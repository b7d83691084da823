//! What a bus tells the engine and asks of it: the state of the line and its units, results of writes, permits.
//!
//! The line and each unit are levels, not edges: told again until the engine has taken it, and never told with an older state than the
//! present one. A result is told until it is taken. None of it holds up the bus: answers are collected between two frames.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::domain::actor::Actor;
use crate::domain::ids::{BusId, CommandId};
use crate::domain::input::Input;
use crate::domain::output::WriteOutcome;
use crate::engine::handle::Handle;

/// Pause before something that the engine did not take is told again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// The engine's decision about a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Permit {
    pub(crate) command: CommandId,
    pub(crate) granted: bool,
}

enum Answered {
    Permit(Permit),
    /// The line, or one unit of it.
    Level {
        of: Option<u8>,
        up: bool,
        taken: bool,
    },
    Again {
        of: Option<u8>,
    },
    Result,
}

/// Everything that is told and not answered yet. One permit, one line, its units and as many results as the bus has commands.
pub(crate) struct Reports {
    bus: BusId,
    handle: Handle,
    waiting: FuturesUnordered<Pin<Box<dyn Future<Output = Answered> + Send>>>,
    /// The line (`None`) and every unit of which something was told.
    levels: BTreeMap<Option<u8>, Level>,
}

#[derive(Default)]
struct Level {
    /// The state as the bus sees it; `None` until it knows.
    now: Option<(bool, &'static str)>,
    /// What the engine last took.
    taken: Option<bool>,
    is_telling: bool,
}

impl Level {
    /// Whether the engine believes something else.
    fn is_open(&self) -> bool {
        self.now.is_some_and(|(up, _)| self.taken != Some(up))
    }
}

impl Reports {
    pub(crate) fn new(bus: BusId, handle: Handle) -> Self {
        Self {
            bus,
            handle,
            waiting: FuturesUnordered::new(),
            levels: BTreeMap::new(),
        }
    }

    /// The state of the line as last set.
    pub(crate) fn link(&self) -> Option<bool> {
        let level = self.levels.get(&None)?;
        level.now.map(|(up, _)| up)
    }

    /// Sets the state of the line.
    pub(crate) fn set_link(&mut self, up: bool, reason: &'static str) {
        self.set(None, (up, reason));
    }

    /// Sets the state of one unit.
    pub(crate) fn set_unit(&mut self, unit: u8, up: bool, reason: &'static str) {
        self.set(Some(unit), (up, reason));
    }

    fn set(&mut self, of: Option<u8>, now: (bool, &'static str)) {
        self.levels.entry(of).or_default().now = Some(now);
        self.tell(of);
    }

    fn tell(&mut self, of: Option<u8>) {
        let is_open = |(of, level): (&Option<u8>, &Level)| of.is_some() && level.is_open();
        let has_open_unit = self.levels.iter().any(is_open);
        let Some(level) = self.levels.get_mut(&of) else {
            return;
        };
        let Some((up, reason)) = level.now else {
            return;
        };
        // A line that is up is believed for all its units, so those that are lost must be known first.
        let too_early = of.is_none() && up && has_open_unit;
        if level.is_telling || !level.is_open() || too_early {
            return;
        }
        level.is_telling = true;
        let handle = self.handle.clone();
        let (bus, reason) = (self.bus.clone(), reason.to_owned());
        let input = match of {
            None => Input::Link { bus, up, reason },
            Some(unit) => Input::Unit {
                bus,
                unit,
                up,
                reason,
            },
        };
        self.waiting.push(Box::pin(async move {
            let taken = handle.submit(Actor::Field, input).await.is_ok();
            Answered::Level { of, up, taken }
        }));
    }

    /// Asks whether a command may be written.
    pub(crate) fn ask_permit(&mut self, command: CommandId) {
        let handle = self.handle.clone();
        self.waiting.push(Box::pin(async move {
            let granted = handle.permit(&command).await;
            Answered::Permit(Permit { command, granted })
        }));
    }

    /// Tells what became of a write, until the engine has taken it.
    pub(crate) fn result(&mut self, command: CommandId, outcome: WriteOutcome) {
        let handle = self.handle.clone();
        self.waiting.push(Box::pin(async move {
            let input = Input::Written { command, outcome };
            while handle.submit(Actor::Field, input.clone()).await.is_err() {
                tokio::time::sleep(AGAIN_AFTER).await;
            }
            Answered::Result
        }));
    }

    /// A permit that has been decided, without waiting. Everything that was told since the last call reaches the engine now.
    pub(crate) fn collect(&mut self) -> Option<Permit> {
        while let Some(Some(answered)) = self.waiting.next().now_or_never() {
            if let Some(permit) = self.take(answered) {
                return Some(permit);
            }
        }
        None
    }

    /// Waits for the next answer; for ever when nothing is open.
    pub(crate) async fn answered(&mut self) -> Option<Permit> {
        match self.waiting.next().await {
            Some(answered) => self.take(answered),
            None => std::future::pending().await,
        }
    }

    /// Whether an answer is open.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn take(&mut self, answered: Answered) -> Option<Permit> {
        match answered {
            Answered::Permit(permit) => return Some(permit),
            Answered::Level {
                of,
                up,
                taken: true,
            } => {
                let level = self.levels.entry(of).or_default();
                (level.is_telling, level.taken) = (false, Some(up));
                self.tell(of);
                // It may have waited for this unit.
                self.tell(None);
            }
            // The state may change before it is told again, so only the pause is kept, not the state.
            Answered::Level {
                of, taken: false, ..
            } => self.waiting.push(Box::pin(async move {
                tokio::time::sleep(AGAIN_AFTER).await;
                Answered::Again { of }
            })),
            Answered::Again { of } => {
                self.levels.entry(of).or_default().is_telling = false;
                self.tell(of);
            }
            Answered::Result => {}
        }
        None
    }
}
