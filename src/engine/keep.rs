//! Where the record of a batch is, and when the batch may be seen: in the journal, else in the spool, else in memory alone.
//!
//! ```text
//! Journal ── an urgent batch is not committed after 500 ms ──► Spool ── the spool fails or takes 500 ms ──► Memory
//!    ▲                                                          │ ▲                                           │
//!    └──────────────── the journal has everything ──────────────┴─┴── the spool has everything again ─────────┘
//! ```
//! Every batch goes to the committer, in order, whatever else becomes of it. While the journal answers, one batch is in flight
//! and is seen after its commit. While it does not, each batch goes to the spool as well and is seen as soon as the spool has it.
//! The committer goes on trying with the same bytes: what the journal has already is skipped there, so nothing is lost or doubled.
//! A restart reads the spool before anything else (`load`). Nothing in here decides what an input causes.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::commit;
use super::handle::Shared;
use super::ports::{Batch, Durable, Store};
use super::spool::{Record, SPOOL_BYTES, Spool};
use crate::clock::Stopwatch;

/// An urgent batch that is not committed after this time goes to the spool; DESIGN.md 1.
const JOURNAL_WAIT: Duration = Duration::from_millis(500);
/// A batch that the spool does not have after this time is seen all the same.
const SPOOL_WAIT: Duration = Duration::from_millis(500);
/// With more than this waiting for the journal only alarms and feedback are taken: telemetry is shed.
const WAITING_BYTES_MAX: u64 = SPOOL_BYTES / 4 * 3;

/// A batch that the journal does not have yet.
struct Waiting<T> {
    number: u64,
    record: Arc<Batch>,
    /// What is to be seen; `None` once it was.
    unseen: Option<T>,
    /// An alarm, a protective verb or what follows from one waits in it.
    urgent: bool,
    in_spool: bool,
    /// Since it was closed, and since it was handed to the spool.
    closed: Stopwatch,
    spooling: Option<Stopwatch>,
}

/// What the spool's thread is asked to do.
enum Job {
    Append { number: u64, record: Arc<Batch> },
    Clear,
}

/// Keeps the record. `T` is what becomes visible of a batch.
pub(super) struct Keeper<T> {
    to_commit: Sender<Arc<Batch>>,
    committed: Receiver<()>,
    committer: JoinHandle<()>,
    to_spool: Sender<Job>,
    spooled: Receiver<(u64, bool)>,
    waiting: VecDeque<Waiting<T>>,
    waiting_bytes: u64,
    next: u64,
    durable: Durable,
}

/// Where the spool is, and the journal whose record it keeps.
pub(super) struct SpoolPlace {
    pub(super) path: PathBuf,
    pub(super) journal_id: String,
}

impl<T> Keeper<T> {
    /// Starts the two threads that write.
    pub(super) fn start(
        mut store: Box<dyn Store>,
        place: Option<SpoolPlace>,
        shared: &Arc<Shared>,
    ) -> std::io::Result<Self> {
        let (to_commit, batches) = channel();
        let (done, committed) = channel();
        let waker = Arc::clone(shared);
        let committer = std::thread::Builder::new()
            .name("committer".to_owned())
            .spawn(move || commit::commit_all(&mut *store, &batches, &done, &waker))?;
        let (to_spool, jobs) = channel();
        let (done, spooled) = channel();
        let waker = Arc::clone(shared);
        std::thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || spool_all(place.as_ref(), &jobs, &done, &waker))?;
        Ok(Self {
            to_commit,
            committed,
            committer,
            to_spool,
            spooled,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            next: 0,
            durable: Durable::Journal,
        })
    }

    /// Where the record of what is seen now goes.
    pub(super) fn durable(&self) -> Durable {
        self.durable
    }

    /// Whether another batch may be closed: everything that was closed before has been seen.
    pub(super) fn is_free(&self) -> bool {
        match self.durable {
            Durable::Journal => self.waiting.is_empty(),
            Durable::Spool | Durable::Memory => self.waiting.iter().all(|w| w.unseen.is_none()),
        }
    }

    /// Whether so much waits for the journal that telemetry must be left in its slots.
    pub(super) fn is_short(&self) -> bool {
        self.waiting_bytes > WAITING_BYTES_MAX
    }

    /// Hands a closed batch to those that write. What is to be seen of it follows by [`Keeper::keep`].
    pub(super) fn send(&mut self, batch: Batch, urgent: bool) {
        let record = Arc::new(batch);
        // Both threads end only with the process.
        let _ = self.to_commit.send(Arc::clone(&record));
        self.waiting_bytes += bytes(&record);
        self.next += 1;
        self.waiting.push_back(Waiting {
            number: self.next,
            record,
            unseen: None,
            urgent,
            in_spool: false,
            closed: Stopwatch::start(),
            spooling: None,
        });
        if self.durable != Durable::Journal {
            self.spool();
        }
    }

    /// What is to be seen of the batch that was sent last.
    pub(super) fn keep(&mut self, unseen: T) {
        if let Some(sent) = self.waiting.back_mut() {
            sent.unseen = Some(unseen);
        }
    }

    /// What may be seen now, in order, and where its record is. `urgent` says that an alarm waits for the next batch.
    pub(super) fn ready(&mut self, urgent: bool) -> Vec<(T, Durable)> {
        let mut ready = Vec::new();
        while self.committed.try_recv().is_ok() {
            let Some(done) = self.waiting.pop_front() else {
                continue;
            };
            self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes(&done.record));
            ready.extend(done.unseen.map(|unseen| (unseen, Durable::Journal)));
        }
        if self.durable == Durable::Journal {
            if self.is_stalled(urgent) {
                self.durable = Durable::Spool;
                self.spool();
            }
        } else if self.waiting.is_empty() {
            let _ = self.to_spool.send(Job::Clear);
            self.durable = Durable::Journal;
        }
        if self.durable != Durable::Journal {
            self.look_at_spool();
            for waiting in &mut self.waiting {
                if !waiting.in_spool && self.durable == Durable::Spool {
                    break;
                }
                let unseen = waiting.unseen.take();
                ready.extend(unseen.map(|unseen| (unseen, self.durable)));
            }
        }
        ready
    }

    /// How long nothing can become ready by time alone.
    pub(super) fn patience(&self, urgent: bool) -> Option<Duration> {
        let unseen = self.waiting.iter().find(|w| w.unseen.is_some())?;
        let (since, wait) = match (self.durable, unseen.spooling) {
            (Durable::Journal, _) if !urgent && !unseen.urgent => return None,
            (Durable::Journal, _) | (_, None) => (unseen.closed, JOURNAL_WAIT),
            (_, Some(since)) => (since, SPOOL_WAIT),
        };
        Some(wait.saturating_sub(since.elapsed()))
    }

    /// Ends after the last commit; while the journal does not answer, the spool has everything and nobody waits.
    pub(super) fn end(self) {
        drop(self.to_commit);
        if self.durable == Durable::Journal {
            let _ = self.committer.join();
        }
    }

    /// Whether everything is where it survives the end of the process.
    pub(super) fn is_safe(&self) -> bool {
        self.waiting.iter().all(|waiting| waiting.in_spool)
    }

    fn is_stalled(&self, urgent: bool) -> bool {
        let oldest = self.waiting.front();
        oldest.is_some_and(|w| (urgent || w.urgent) && w.closed.elapsed() >= JOURNAL_WAIT)
    }

    /// Hands everything to the spool that it was not handed before.
    fn spool(&mut self) {
        for waiting in self.waiting.iter_mut().filter(|w| w.spooling.is_none()) {
            waiting.spooling = Some(Stopwatch::start());
            let job = Job::Append {
                number: waiting.number,
                record: Arc::clone(&waiting.record),
            };
            let _ = self.to_spool.send(job);
        }
    }

    fn look_at_spool(&mut self) {
        let mut failed = false;
        while let Ok((number, kept)) = self.spooled.try_recv() {
            let of = self.waiting.iter_mut().find(|w| w.number == number);
            // What the journal has meanwhile no longer matters here.
            if let Some(waiting) = of {
                waiting.in_spool = kept;
                failed |= !kept;
            }
        }
        let late = |w: &Waiting<T>| {
            !w.in_spool
                && w.spooling
                    .is_some_and(|since| since.elapsed() >= SPOOL_WAIT)
        };
        if failed || self.waiting.iter().any(late) {
            self.durable = Durable::Memory;
        } else if self.is_safe() {
            self.durable = Durable::Spool;
        }
    }
}

fn bytes(batch: &Batch) -> u64 {
    batch
        .entries
        .iter()
        .map(|entry| entry.bytes.len() as u64)
        .sum()
}

/// The spool's thread: a disk that hangs holds up nobody else.
fn spool_all(
    place: Option<&SpoolPlace>,
    jobs: &Receiver<Job>,
    done: &Sender<(u64, bool)>,
    shared: &Shared,
) {
    let mut spool: Option<Spool> = None;
    // A record can follow only when the one before it is there.
    let mut gap = false;
    while let Ok(job) = jobs.recv() {
        let open = || {
            let place = place.ok_or_else(|| std::io::Error::other("no spool is configured"))?;
            Spool::open(&place.path, &place.journal_id).map(|(spool, _)| spool)
        };
        let outcome = match spool.take().map_or_else(open, Ok) {
            Ok(mut open) => {
                let outcome = match &job {
                    Job::Append { .. } if gap => Err(std::io::Error::other("a record is missing")),
                    Job::Append { record, .. } => {
                        crate::crash::hold("spool");
                        open.append(&Record::of(record))
                    }
                    Job::Clear => open.clear(),
                };
                spool = Some(open);
                outcome
            }
            Err(error) => Err(error),
        };
        if let Err(error) = &outcome {
            tracing::error!(%error, "the spool cannot be written");
        }
        match job {
            Job::Append { number, .. } => {
                gap |= outcome.is_err();
                if done.send((number, outcome.is_ok())).is_err() {
                    return;
                }
                let mut lanes = shared.lanes.lock().unwrap_or_else(PoisonError::into_inner);
                lanes.nudged = true;
                drop(lanes);
                shared.wake.notify_all();
            }
            Job::Clear => gap = false,
        }
    }
}
