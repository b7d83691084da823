//! Trying again: longer and longer pauses, and inputs that the engine was too busy to take.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::domain::actor::Actor;
use crate::domain::input::Input;
use crate::engine::handle::Handle;
use crate::engine::ports::Answer;

/// The first pause.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5);

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

/// Puts an input in now, in order with others, and gives the answer later; while the engine is too busy it is put in again.
pub(super) fn submit(
    handle: &Handle,
    actor: Actor,
    input: Input,
) -> impl Future<Output = Option<Answer>> + Send + use<> {
    let first = handle.enqueue(actor.clone(), input.clone(), Vec::new());
    let handle = handle.clone();
    async move {
        let mut answer = settled(first).await;
        let mut pause = FIRST;
        while matches!(&answer, Some(Err(problem)) if problem.code == "busy") {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
            let again = handle.enqueue(actor.clone(), input.clone(), Vec::new());
            answer = settled(again).await;
        }
        answer
    }
}

/// `None` when the engine has stopped before it decided.
async fn settled(answer: oneshot::Receiver<Answer>) -> Option<Answer> {
    answer.await.ok()
}

/// Puts an input in without waiting for its commit. False when the engine is too busy to take it.
pub(super) fn put(handle: &Handle, actor: Actor, input: Input) -> bool {
    let mut answer = handle.enqueue(actor, input, Vec::new());
    !matches!(answer.try_recv(), Ok(Err(problem)) if problem.code == "busy")
}
