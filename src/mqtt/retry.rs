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

/// Runs a task, and runs it anew after every panic of it: a fault of ours must not end what orders people.
pub(super) async fn revive<F>(
    name: &'static str,
    stop: &CancellationToken,
    mut start: impl FnMut() -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut backoff = Backoff::default();
    loop {
        // Ends with this task, when that is ended from outside.
        let mut task = tokio::task::JoinSet::new();
        task.spawn(start());
        let ended = task.join_next().await;
        if !matches!(&ended, Some(Err(error)) if error.is_panic()) || stop.is_cancelled() {
            return;
        }
        tracing::error!(task = name, "a task panicked; it starts anew");
        backoff.pause(stop).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_starts_anew_until_it_ends_in_order() {
        let runs = Arc::new(AtomicU32::new(0));
        let start = || {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            async move { assert!(run >= 2, "a fault of ours") }
        };
        revive("test", &CancellationToken::new(), start).await;
        assert_eq!(runs.load(Ordering::Relaxed), 3);
    }
}
