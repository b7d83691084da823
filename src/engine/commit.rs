//! The committer's thread: the only caller that writes. One commit is in flight; a failed one is tried again with the same bytes.

use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::handle::Shared;
use super::ports::{Batch, Store, StoreError};
use super::stages::Stage;
use crate::clock::Stopwatch;

/// Time between two tries.
const RETRY: Duration = Duration::from_millis(100);

/// The committer: one batch after the other, each until it is in the journal.
pub(super) fn commit_all(
    store: &mut dyn Store,
    batches: &Receiver<Arc<Batch>>,
    done: &Sender<()>,
    shared: &Shared,
) {
    while let Ok(batch) = batches.recv() {
        let mut failed = false;
        let watch = Stopwatch::start();
        loop {
            crate::crash::hold("commit");
            match store.commit(&batch) {
                Ok(()) => break,
                Err(StoreError::Unavailable(why)) => {
                    if !failed {
                        tracing::error!(why, "the journal cannot be written; trying again");
                    }
                    shared.set_health(|health| health.store = Some(why));
                    failed = true;
                    std::thread::sleep(RETRY);
                }
                Err(error @ (StoreError::Conflict { .. } | StoreError::Damaged(_))) => {
                    tracing::error!(%error, "the journal cannot go on; the process ends");
                    std::process::abort();
                }
            }
        }
        shared.stages.add(Stage::Commit, watch.elapsed());
        if failed {
            tracing::info!("the journal can be written again");
            shared.set_health(|health| health.store = None);
        }
        if done.send(()).is_err() {
            return;
        }
        shared
            .lanes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .nudged = true;
        shared.wake.notify_all();
    }
}
