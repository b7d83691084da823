//! Moves what is committed from the log beside the database into the database itself.
//!
//! That writes megabytes and syncs twice, and a commit beside it waits for the disk: so it is done on a connection of its own, and
//! once nothing has been committed for a second. While a fire is fought the log only grows.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use crate::engine::ports::Batch;

/// Entries and rows that are worth a checkpoint.
const ENOUGH: usize = 1_024;
/// Without a commit for so long nobody is in a hurry.
const QUIET: Duration = Duration::from_secs(1);
/// From here on it is done beside commits as well, before SQLite does all of it within one.
const TOO_MUCH: usize = 16 * ENOUGH;

/// The thread that does it; it ends when this is dropped.
pub(super) struct Checkpointer {
    since: Arc<AtomicUsize>,
    running: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl Checkpointer {
    /// Without a thread SQLite checkpoints by itself, later and in a commit.
    pub(super) fn start(path: &Path) -> Self {
        let (wake, woken) = sync_channel(1);
        let since = Arc::new(AtomicUsize::new(0));
        let (path, counted) = (path.to_owned(), Arc::clone(&since));
        let thread = std::thread::Builder::new().name("checkpoint".to_owned());
        let running = thread.spawn(move || run(&path, &woken, &counted));
        Self {
            since,
            running: running.ok().map(|thread| (wake, thread)),
        }
    }

    /// A batch was committed.
    pub(super) fn committed(&self, batch: &Batch) {
        let written = batch.entries.len() + batch.rows.len();
        let before = self.since.fetch_add(written, Ordering::Relaxed);
        if before + written < ENOUGH {
            return;
        }
        if let Some((wake, _)) = &self.running {
            // One that waits to be heard will do.
            let _ = wake.try_send(());
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        if let Some((wake, thread)) = self.running.take() {
            drop(wake);
            // A panic of it was told by its own hook; the journal is whole without it.
            let _ = thread.join();
        }
    }
}

fn run(path: &PathBuf, woken: &Receiver<()>, since: &AtomicUsize) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return;
    };
    let mut connection = None;
    while woken.recv().is_ok() {
        if !waits_for_quiet(woken, since) {
            break;
        }
        since.store(0, Ordering::Relaxed);
        let done = runtime.block_on(checkpoint(path, &mut connection));
        if let Err(error) = done {
            tracing::debug!(%error, "no checkpoint; it is tried again after the next commits");
            connection = None;
        }
    }
    if let Some(open) = connection {
        // Nothing is lost by a connection that does not close.
        let _ = runtime.block_on(open.close());
    }
}

/// False when the store is closed meanwhile, which does a checkpoint of its own.
fn waits_for_quiet(woken: &Receiver<()>, since: &AtomicUsize) -> bool {
    loop {
        match woken.recv_timeout(QUIET) {
            Ok(()) if since.load(Ordering::Relaxed) < TOO_MUCH => {}
            Ok(()) | Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

/// Passive: it never waits for the writer, and the writer never for it.
async fn checkpoint(
    path: &PathBuf,
    connection: &mut Option<SqliteConnection>,
) -> Result<(), sqlx::Error> {
    let open = match connection {
        Some(open) => open,
        None => {
            let options = SqliteConnectOptions::new().filename(path);
            let open = options.disable_statement_logging().connect().await?;
            connection.insert(open)
        }
    };
    sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
        .fetch_one(open)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::engine::ports::{Batch, RowChange, Store, Table};
    use crate::store::sqlite::SqliteStore;

    #[test]
    fn what_is_committed_reaches_the_database_while_it_is_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.db");
        let mut store = SqliteStore::new(&path).expect("a runtime");
        let row = |n: usize| RowChange {
            table: Table::Notes,
            id: format!("n-{n}"),
            seq: 1,
            open: false,
            due: None,
            detail: Some("x".repeat(1_000)),
        };
        store.commit(&Batch::default()).expect("commits");
        let length = || std::fs::metadata(&path).expect("a file").len();
        let before = length();
        for n in 0..3 {
            let rows = (n * 500..(n + 1) * 500).map(row).collect();
            let entries = Vec::new();
            store.commit(&Batch { entries, rows }).expect("commits");
        }
        let grown = || length() >= before + 1_000_000;
        let bound = crate::clock::Stopwatch::start();
        while !grown() && bound.elapsed() < Duration::from_secs(20) {
            std::thread::yield_now();
        }
        assert!(grown(), "{} bytes, {before} before", length());
    }
}
