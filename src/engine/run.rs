//! The loop: take inputs by lane, decide and apply each, close a batch, have it committed, and only then let it be seen.
//!
//! One commit is in flight; the next batch is decided meanwhile. A failed commit is tried again with the same bytes; a different
//! entry in its place means another leader, and the process aborts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use super::handle::{Change, Handle, Lanes, Shared, Waiting, wait};
use super::ledger::Ledger;
use super::ports::{Answer, Batch, Field, RowChange, Store};
use super::stages::Stage;
use super::{commit, load, translate};
use crate::clock::{Clock, Stopwatch};
use crate::domain::actor::Actor;
use crate::domain::ids::PointId;
use crate::domain::input::{Input, Request};
use crate::domain::point::PointKind;
use crate::domain::site::Site;
use crate::domain::time::Now;
use crate::procedure::Owed;
use crate::procedure::fire::Incident;
use crate::procedure::view::{self, Erasable, Viewer};

/// Most inputs of one batch.
const BATCH_INPUTS_MAX: usize = 256;
/// How far wall time may drift from engine time between two looks before it is called a step.
const CLOCK_STEP_MS: i64 = 2_000;
/// The longest sleep: the loop looks at the wall clock this often.
const LOOK: Duration = Duration::from_millis(500);

/// What the engine needs to run.
pub struct Parts {
    /// The site's files.
    pub site: Arc<Site>,
    /// Hash of the configuration.
    pub config_version: String,
    /// The journal; opened again and again until it can be.
    pub store: Box<dyn Store>,
    /// Where commands go.
    pub field: Arc<dyn Field>,
    /// Both clocks.
    pub clock: Clock,
    /// What the engine shares with the adapters.
    pub shared: Arc<Shared>,
}

/// A running engine.
#[derive(Debug)]
pub struct Running {
    thread: JoinHandle<()>,
}

impl Running {
    /// Waits until the engine has ended.
    pub fn join(self) {
        // A panic of the loop has aborted the process already.
        let _ = self.thread.join();
    }
}

/// Starts the engine on its own thread. A panic of the loop aborts the process: systemd restarts it, the journal restores it.
///
/// # Errors
/// The operating system gives no thread.
pub fn spawn(parts: Parts) -> std::io::Result<Running> {
    let thread = std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                if let Some(engine) = Engine::start(parts) {
                    engine.run();
                }
            }));
            if outcome.is_err() {
                tracing::error!(
                    "the engine panicked; the process ends so that it can be started anew"
                );
                std::process::abort();
            }
        })?;
    Ok(Running { thread })
}

/// A batch being filled.
#[derive(Default)]
struct Open {
    batch: Batch,
    inputs: usize,
    replies: Vec<(oneshot::Sender<Answer>, Answer)>,
}

/// A batch whose commit is in flight, with everything that becomes visible afterwards.
struct InFlight {
    replies: Vec<(oneshot::Sender<Answer>, Answer)>,
    change: Option<Change>,
    people: Vec<RowChange>,
    effects: Vec<Owed>,
}

struct Engine {
    ledger: Ledger,
    field: Arc<dyn Field>,
    clock: Clock,
    shared: Arc<Shared>,
    erasable: Erasable,
    documents: BTreeMap<String, Arc<str>>,
    open: Open,
    in_flight: Option<InFlight>,
    to_commit: SyncSender<Batch>,
    committed: Receiver<()>,
    committer: JoinHandle<()>,
    wall_minus_engine: i64,
}

impl Engine {
    /// Loads the journal, waiting for it as long as it takes. `None` when the process stops first.
    fn start(parts: Parts) -> Option<Self> {
        let Parts {
            site,
            config_version,
            mut store,
            field,
            clock,
            shared,
        } = parts;
        let loaded = load::wait_for(&mut *store, &site, &config_version, &shared)?;
        load::continue_time(&clock, &loaded.ledger);
        let now = clock.now();
        let (to_commit, batches) = sync_channel(1);
        let (done, committed) = sync_channel(1);
        let waker = Arc::clone(&shared);
        let committer = std::thread::Builder::new()
            .name("committer".to_owned())
            .spawn(move || commit::commit_all(&mut *store, &batches, &done, &waker))
            .ok()?;
        let mut engine = Self {
            ledger: loaded.ledger,
            field,
            clock,
            shared,
            erasable: loaded.erasable,
            documents: BTreeMap::new(),
            open: Open::default(),
            in_flight: None,
            to_commit,
            committed,
            committer,
            wall_minus_engine: now.wall.0 - now.engine.0,
        };
        engine.started(now, &config_version);
        engine.shared.set_health(|health| health.ready = true);
        Some(engine)
    }

    /// The first entries of this run, and every document as it was.
    fn started(&mut self, now: Now, config_version: &str) {
        let viewer = Viewer {
            campus: &self.ledger.campus,
            site: &self.ledger.site,
            erasable: &self.erasable,
        };
        for (key, document) in view::all(&viewer) {
            let text = document
                .map(|document| document.to_string())
                .unwrap_or_default();
            self.documents.insert(key, text.into());
        }
        let mut shared = self
            .shared
            .documents
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        shared.seq = self.ledger.head.seq;
        shared.journal_id.clone_from(&self.ledger.head.journal_id);
        shared.by_key = self
            .documents
            .iter()
            .map(|(k, v)| (k.as_str().into(), Arc::clone(v)))
            .collect();
        drop(shared);
        let program = env!("CARGO_PKG_VERSION").to_owned();
        self.note(
            now,
            &Request {
                actor: Actor::System,
                input: Input::Started {
                    boot_id: crate::clock::boot_id(),
                    boot_ms_at_zero: crate::clock::boot_ms() - now.engine.0,
                    program,
                },
            },
        );
        if self.ledger.campus.desk.config_version != config_version {
            let input = Input::Configured {
                version: config_version.to_owned(),
            };
            self.note(
                now,
                &Request {
                    actor: Actor::System,
                    input,
                },
            );
        }
        // Commands that were asked before the restart and are not expired are owed still.
        let owed: Vec<Owed> = self.ledger.owed().cloned().collect();
        for owed in owed {
            self.offer(&owed);
        }
    }

    fn run(mut self) {
        loop {
            if self.committed.try_recv().is_ok() {
                self.show();
            }
            let worked = self.fill();
            if self.in_flight.is_none() && self.open.inputs > 0 {
                self.close();
                continue;
            }
            if worked && self.open.inputs < BATCH_INPUTS_MAX {
                continue;
            }
            if self.sleep() {
                break;
            }
        }
        // The store is closed before the process calls itself ended.
        drop(self.to_commit);
        let _ = self.committer.join();
    }

    /// Takes what waits, alarms first, until the batch is full. Returns whether anything was taken.
    fn fill(&mut self) -> bool {
        let mut worked = false;
        let now = self.clock.now();
        worked |= self.look_at_clock(now);
        while self.open.inputs < BATCH_INPUTS_MAX {
            let Some(cell) = self.ledger.pop_due(self.clock.now().engine) else {
                break;
            };
            let input = Input::Due {
                cell: cell.to_string(),
            };
            self.note(
                self.clock.now(),
                &Request {
                    actor: Actor::System,
                    input,
                },
            );
            worked = true;
        }
        // A line that says it is up has put its readings into their slots before: whatever waits in the lane now may be decided
        // only after the slots that are taken now, and what comes later waits for the next round.
        let mut alarms = self.lanes().alarm.len();
        let room = BATCH_INPUTS_MAX.saturating_sub(self.open.inputs);
        for observation in self.shared.board.take(room) {
            let is_feedback = self.is_feedback(&observation.point);
            let before = self.ledger.head.seq;
            let input = Input::Observed(observation);
            self.note(
                self.clock.now(),
                &Request {
                    actor: Actor::Field,
                    input,
                },
            );
            if is_feedback && self.ledger.head.seq != before {
                crate::crash::point("feedback_before_commit");
            }
            worked = true;
        }
        while self.open.inputs < BATCH_INPUTS_MAX {
            let next = if alarms > 0 {
                alarms -= 1;
                self.lanes().alarm.pop_front()
            } else {
                self.lanes().people.pop_front()
            };
            let Some(waiting) = next else { break };
            self.take(waiting);
            worked = true;
        }
        worked
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.shared
            .lanes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn is_feedback(&self, point: &PointId) -> bool {
        let point = self.ledger.site.points.get(point);
        point.is_some_and(|point| point.kind == PointKind::Feedback)
    }

    /// A step of the wall clock is an event and a fault on screen; it moves no limit.
    fn look_at_clock(&mut self, now: Now) -> bool {
        let difference = now.wall.0 - now.engine.0;
        let by_ms = difference - self.wall_minus_engine;
        if by_ms.abs() < CLOCK_STEP_MS {
            return false;
        }
        self.wall_minus_engine = difference;
        self.note(
            now,
            &Request {
                actor: Actor::System,
                input: Input::ClockStepped { by_ms },
            },
        );
        true
    }

    fn take(&mut self, waiting: Waiting) {
        let Waiting {
            request,
            people,
            reply,
        } = waiting;
        let answer = self.decide(self.clock.now(), &request);
        let seq = self.ledger.head.seq;
        // What a refused input brought along is not kept.
        let kept = people.into_iter().filter(|_| answer.is_ok());
        let stamped = kept.map(|row| RowChange { seq, ..row });
        self.open.batch.rows.extend(stamped);
        self.open.replies.push((reply, answer));
    }

    /// Decides an input that nobody waits for.
    fn note(&mut self, now: Now, request: &Request) {
        // A limit, an observation or a start is never refused.
        let _ = self.decide(now, request);
    }

    fn decide(&mut self, now: Now, request: &Request) -> Answer {
        let watch = Stopwatch::start();
        let taken = self.ledger.take(now, request);
        self.shared.stages.add(Stage::Decide, watch.elapsed());
        self.open.inputs += 1;
        self.open.batch.entries.extend(taken.entry);
        taken.answer
    }

    /// Closes the open batch and hands it to the committer. State and batch agree here: nothing younger is decided yet.
    fn close(&mut self) {
        let Open {
            mut batch, replies, ..
        } = std::mem::take(&mut self.open);
        let dirty = self.ledger.take_dirty();
        let people: Vec<RowChange> = std::mem::take(&mut batch.rows);
        self.erasable.remember(&people);
        batch.rows = self.ledger.rows(&dirty);
        batch.rows.extend(people.iter().cloned());
        let touched: BTreeSet<_> = dirty.cells.keys().cloned().collect();
        let nothing = batch.entries.is_empty() && batch.rows.is_empty();
        if !nothing {
            crate::crash::point("before_commit");
            // The committer ends only with the process.
            let _ = self.to_commit.send(batch);
        }
        // The documents are made while the commit is in flight; they are seen only after it.
        let mut change = self.changed_documents(&touched);
        for incident in self.ledger.evict_closed() {
            self.forget(&incident, change.as_mut());
        }
        let effects = dirty
            .outbox
            .into_values()
            .flatten()
            .map(|(_, owed)| owed)
            .collect();
        self.in_flight = Some(InFlight {
            replies,
            change,
            people,
            effects,
        });
        if nothing {
            self.show();
        }
    }

    fn changed_documents(&mut self, touched: &BTreeSet<crate::procedure::Cell>) -> Option<Change> {
        if touched.is_empty() {
            return None;
        }
        let viewer = Viewer {
            campus: &self.ledger.campus,
            site: &self.ledger.site,
            erasable: &self.erasable,
        };
        let mut documents = BTreeMap::new();
        for (key, document) in view::documents(&viewer, touched) {
            let text: Option<Arc<str>> = document.map(|document| document.to_string().into());
            if self.documents.get(&key) == text.as_ref() {
                continue;
            }
            match &text {
                Some(text) => self.documents.insert(key.clone(), Arc::clone(text)),
                None => self.documents.remove(&key),
            };
            documents.insert(Arc::from(key), text);
        }
        Some(Change {
            seq: self.ledger.head.seq,
            documents,
        })
    }

    /// The documents of an incident that left memory are gone.
    fn forget(&mut self, incident: &Incident, change: Option<&mut Change>) {
        let mut gone = Vec::new();
        for key in view::keys_of(incident) {
            if self.documents.remove(&key).is_some() {
                gone.push((Arc::from(key), None));
            }
        }
        // An incident leaves only when another one closes, and that is a change.
        if let Some(change) = change {
            change.documents.extend(gone);
        }
    }

    /// The batch is committed: documents, effects and replies go out.
    fn show(&mut self) {
        let Some(done) = self.in_flight.take() else {
            return;
        };
        crate::crash::point("after_commit_before_reply");
        load::remember(&self.shared, &done.people);
        if let Some(change) = done.change {
            let mut documents = self
                .shared
                .documents
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            documents.seq = change.seq;
            for (key, text) in &change.documents {
                match text {
                    Some(text) => documents.by_key.insert(Arc::clone(key), Arc::clone(text)),
                    None => documents.by_key.remove(key),
                };
            }
            drop(documents);
            // Nobody may be listening.
            let _ = self.shared.changes.send(Arc::new(change));
        }
        for owed in &done.effects {
            crate::crash::point("before_effect");
            self.offer(owed);
        }
        for (reply, answer) in done.replies {
            // A caller that has gone away needs no answer.
            let _ = reply.send(answer);
        }
    }

    fn offer(&self, owed: &Owed) {
        if let Some(effect) = translate::write(&self.ledger.site, owed) {
            self.field.write(effect);
        }
    }

    /// Waits for an input, a commit or the next limit. Returns true when the process stops and nothing is left to do.
    fn sleep(&mut self) -> bool {
        let now = self.clock.now().engine;
        let until = self
            .ledger
            .next_due()
            .map_or(LOOK, |due| (due - now).min(LOOK));
        let mut lanes = self
            .shared
            .lanes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let idle =
            |lanes: &Lanes| lanes.alarm.is_empty() && lanes.people.is_empty() && !lanes.nudged;
        let full = self.open.inputs >= BATCH_INPUTS_MAX;
        if lanes.stopping && idle(&lanes) && self.in_flight.is_none() && self.open.inputs == 0 {
            return true;
        }
        if (idle(&lanes) && !self.shared.board.is_waiting()) || (full && !lanes.nudged) {
            lanes = wait(&self.shared, lanes, until);
        }
        lanes.nudged = false;
        false
    }
}

/// A handle for the adapters of this engine.
#[must_use]
pub fn handle(shared: &Arc<Shared>, clock: &Clock) -> Handle {
    Handle::new(Arc::clone(shared), clock.clone())
}

/// What the engine and its adapters share, empty.
#[must_use]
pub fn shared() -> Arc<Shared> {
    let (changes, _) = tokio::sync::broadcast::channel(super::handle::CHANGES_BEHIND_MAX);
    Arc::new(Shared {
        board: super::board::Board::default(),
        lanes: std::sync::Mutex::default(),
        wake: std::sync::Condvar::new(),
        documents: std::sync::RwLock::default(),
        people: std::sync::RwLock::default(),
        changes,
        health: std::sync::RwLock::default(),
        stages: super::stages::Stages::default(),
    })
}
