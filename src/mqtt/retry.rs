//! Trying again: longer and longer pauses, and inputs that the engine was too busy to take.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::actor::Actor;
use crate::domain::input::Input;
use crate::engine::handle::Handle;

/// The first pause.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5);

/// The code of a refusal that is none: too many inputs wait.
const BUSY: &str = "busy";

/// Pauses that double up to a bound.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Backoff {
    /// Waits, or until `stop`.
    pub(super) async fn pause(&mut self, stop: &CancellationToken) {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// What became of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is in the journal, or it changed nothing.
    Committed,
    /// It was refused for good, with this code.
    Refused(String),
    /// The engine stopped before it decided.
    Stopped,
    /// There was no input.
    Nothing,
}

/// Puts an input in now, in order with others, and tells later what became of it; while the engine is too busy it is put in again.
pub(super) fn submit(
    handle: &Handle,
    actor: Actor,
    input: Input,
) -> impl Future<Output = Outcome> + Send + use<> {
    let mut waiting = handle.enqueue(actor.clone(), input.clone(), Vec::new());
    let handle = handle.clone();
    async move {
        let mut pause = FIRST;
        loop {
            match waiting.await {
                Ok(Ok(_)) => return Outcome::Committed,
                Ok(Err(problem)) if problem.code == BUSY => {}
                Ok(Err(problem)) if problem.code == "stopping" => return Outcome::Stopped,
                Ok(Err(problem)) => return Outcome::Refused(problem.code),
                Err(_gone) => return Outcome::Stopped,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
            waiting = handle.enqueue(actor.clone(), input.clone(), Vec::new());
        }
    }
}

/// Puts an input in without waiting for its commit. False when the engine is too busy to take it.
pub(super) fn put(handle: &Handle, actor: Actor, input: Input) -> bool {
    let mut answer = handle.enqueue(actor, input, Vec::new());
    !matches!(answer.try_recv(), Ok(Err(problem)) if problem.code == BUSY)
}
