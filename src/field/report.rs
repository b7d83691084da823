//! What a bus tells the engine and asks of it: the state of the line, results of writes, permits.
//!
//! The line is a level, not an edge: told again until the engine has taken it, and never told with an older state than the
//! present one. A result is told until it is taken. None of it holds up the bus: answers are collected between two frames.

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
    Link { up: bool, taken: bool },
    LinkAgain,
    Result,
}

/// Everything that is told and not answered yet. One permit, one line and as many results as the bus has commands.
pub(crate) struct Reports {
    bus: BusId,
    handle: Handle,
    waiting: FuturesUnordered<Pin<Box<dyn Future<Output = Answered> + Send>>>,
    link: Link,
}

#[derive(Default)]
struct Link {
    /// The state as the bus sees it; `None` until it knows.
    now: Option<(bool, &'static str)>,
    /// What the engine last took.
    taken: Option<bool>,
    is_telling: bool,
}

impl Reports {
    pub(crate) fn new(bus: BusId, handle: Handle) -> Self {
        Self {
            bus,
            handle,
            waiting: FuturesUnordered::new(),
            link: Link::default(),
        }
    }

    /// The state of the line as last set.
    pub(crate) fn link(&self) -> Option<bool> {
        self.link.now.map(|(up, _)| up)
    }

    /// Sets the state of the line.
    pub(crate) fn set_link(&mut self, up: bool, reason: &'static str) {
        self.link.now = Some((up, reason));
        self.tell_link();
    }

    fn tell_link(&mut self) {
        let Some((up, reason)) = self.link.now else {
            return;
        };
        if self.link.is_telling || self.link.taken == Some(up) {
            return;
        }
        self.link.is_telling = true;
        let handle = self.handle.clone();
        let input = Input::Link {
            bus: self.bus.clone(),
            up,
            reason: reason.to_owned(),
        };
        self.waiting.push(Box::pin(async move {
            let taken = handle.submit(Actor::Field, input).await.is_ok();
            Answered::Link { up, taken }
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
            Answered::Link { up, taken: true } => {
                self.link.is_telling = false;
                self.link.taken = Some(up);
                self.tell_link();
            }
            // The state may change before it is told again, so only the pause is kept, not the state.
            Answered::Link { taken: false, .. } => self.waiting.push(Box::pin(async {
                tokio::time::sleep(AGAIN_AFTER).await;
                Answered::LinkAgain
            })),
            Answered::LinkAgain => {
                self.link.is_telling = false;
                self.tell_link();
            }
            Answered::Result => {}
        }
        None
    }
}
