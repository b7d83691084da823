//! The loop: take inputs by lane, decide and apply each, close a batch, have it committed, and only then let it be seen.
//!
//! One commit is in flight; the next batch is decided meanwhile. A failed commit is tried again with the same bytes; a different
//! entry in its place means another leader, and the process aborts. What happens while the journal does not answer is in `keep`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use super::handle::{Change, Handle, Lanes, Shared, Waiting, wait};
use super::keep::{Keeper, SpoolPlace};
use super::lanes::{is_urgent, waits};
use super::ledger::Ledger;
use super::pages::Pages;
use super::ports::{Answer, Batch, Done, Durable, Field, RowChange, Store};
use super::stages::Stage;
use super::{load, pages, tell, translate};
use crate::clock::{Clock, Stopwatch};
use crate::domain::actor::Actor;
use crate::domain::ids::PointId;
use crate::domain::input::{Input, Observation, Request};
use crate::domain::point::PointKind;
use crate::domain::site::Site;
use crate::domain::time::Now;
use crate::procedure::Owed;

/// Most inputs of one batch. In a flood the next one is decided while this one commits, so the first must not take long to fill.
pub const BATCH_INPUTS_MAX: usize = 128;
/// Limits are taken while no more inputs than these are in a batch, so that those of a long absence hold up no alarm.
const BATCH_LIMITS_MAX: usize = BATCH_INPUTS_MAX / 2;
/// How far wall time may drift from engine time between two looks before it is called a step.
const CLOCK_STEP_MS: i64 = 2_000;
/// The longest sleep: the loop looks at the wall clock this often.
const LOOK: Duration = Duration::from_millis(500);

/// The loop's name among the signs of life.
pub(super) const PULSE: &str = "engine";
/// How long one turn of the loop may take before the watchdog no longer believes in it; a turn takes milliseconds, and an idle one
/// [`LOOK`].
const SILENT_MAX: Duration = Duration::from_secs(5);

/// What the engine needs to run.
pub struct Parts {
    /// The site's files.
    pub site: Arc<Site>,
    /// Hash of the configuration.
    pub config_version: String,
    /// The journal; opened again and again until it can be.
    pub store: Box<dyn Store>,
    /// The file that keeps the record while the journal cannot be written; without it only memory does.
    pub spool: Option<PathBuf>,
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
    urgent: bool,
    replies: Vec<(oneshot::Sender<Answer>, Answer)>,
}

/// Everything that becomes visible of a batch once its record is kept.
struct Unseen {
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
    pages: Pages,
    open: Open,
    keeper: Keeper<Unseen>,
    durable: Durable,
    wall_minus_engine: i64,
    /// Up to this entry the log has what happened.
    told: u64,
}

impl Engine {
    /// Loads the journal, waiting for it as long as it takes. `None` when the process stops first.
    fn start(parts: Parts) -> Option<Self> {
        let Parts {
            site,
            config_version,
            mut store,
            spool,
            field,
            clock,
            shared,
        } = parts;
        let from = (spool.as_deref(), config_version.as_str());
        let loaded = load::wait_for(&mut *store, &site, from, &shared)?;
        load::continue_time(&clock, &loaded.ledger);
        let now = clock.now();
        let journal_id = loaded.ledger.head.journal_id.clone();
        let place = spool.map(|path| SpoolPlace { path, journal_id });
        let keeper = Keeper::start(store, place, &shared).ok()?;
        let mut engine = Self {
            pages: Pages::open(&loaded.ledger, loaded.erasable),
            ledger: loaded.ledger,
            field,
            clock,
            shared,
            open: Open::default(),
            keeper,
            durable: Durable::Journal,
            wall_minus_engine: now.wall.0 - now.engine.0,
            told: 0,
        };
        engine.told = engine.ledger.head.seq;
        // What is owed is offered before anybody can see that it is.
        let loaded_head = engine.ledger.head.clone();
        engine.started(now, &config_version);
        engine.pages.publish(&loaded_head, &engine.shared);
        engine.shared.set_health(|health| health.ready = true);
        Some(engine)
    }

    /// The first entries of this run.
    fn started(&mut self, now: Now, config_version: &str) {
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
        let pulse = self.shared.pulses.of(PULSE);
        loop {
            pulse.good_for(SILENT_MAX);
            crate::crash::hold("engine");
            self.show_ready();
            let worked = self.fill();
            if self.keeper.is_free() && self.open.inputs > 0 {
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
        self.keeper.end();
    }

    /// Lets everything be seen whose record is kept, and notes where it is kept when that has changed.
    fn show_ready(&mut self) {
        for (unseen, durable) in self.keeper.ready(self.is_urgent()) {
            self.show(unseen, durable);
        }
        let durable = self.keeper.durable();
        if durable == self.durable {
            return;
        }
        self.durable = durable;
        tracing::warn!(?durable, "the record is kept elsewhere from now on");
        self.shared.set_health(|health| match durable {
            Durable::Journal => health.store = None,
            Durable::Spool | Durable::Memory => {
                health
                    .store
                    .get_or_insert_with(|| "the journal does not answer".to_owned());
            }
        });
        let input = Input::Durability { to: durable };
        let actor = Actor::System;
        self.note(self.clock.now(), &Request { actor, input });
    }

    /// Whether something waits that must not wait for the journal.
    fn is_urgent(&self) -> bool {
        self.open.urgent || self.lanes().stopping
    }

    /// Takes what waits, alarms first, until the batch is full. Returns whether anything was taken.
    fn fill(&mut self) -> bool {
        let mut worked = false;
        let now = self.clock.now();
        worked |= self.look_at_clock(now);
        while self.open.inputs < BATCH_LIMITS_MAX {
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
        for observation in self.observations(room) {
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
        worked || self.fill_from_bulk()
    }

    /// An import makes a batch of its own, and only when nothing else waits: an alarm waits for one such commit at most.
    fn fill_from_bulk(&mut self) -> bool {
        if self.open.inputs > 0 || !self.keeper.is_free() {
            return false;
        }
        let waiting = self.lanes().bulk.pop_front();
        let is_there = waiting.is_some();
        waiting.into_iter().for_each(|waiting| self.take(waiting));
        is_there
    }

    /// Changed slots, fire first. Alarms and feedback alone while too much waits for the journal.
    fn observations(&self, room: usize) -> Vec<Observation> {
        let short = self.keeper.is_short();
        let wanted = |point: &PointId| !short || self.is_feedback(point);
        self.shared.board.take(room, wanted)
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
        if self.durable != Durable::Journal && !is_urgent(&request.input) && waits(&request.input) {
            // A caller that has gone away needs no answer.
            let _ = reply.send(Err(translate::store_down()));
            return;
        }
        let mut answer = self.decide(self.clock.now(), &request);
        if self.keeper.is_short() && matches!(request.input, Input::Transmitted(_)) {
            // What was told before it may have been left in its slot, so it is not said to be kept.
            answer = Err(translate::store_down());
        }
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
        self.open.urgent |= is_urgent(&request.input);
        self.open.batch.entries.extend(taken.entry);
        taken.answer
    }

    /// Closes the open batch and hands it to the keeper. State and batch agree here: nothing younger is decided yet.
    fn close(&mut self) {
        let Open {
            mut batch,
            replies,
            urgent,
            ..
        } = std::mem::take(&mut self.open);
        let dirty = self.ledger.take_dirty();
        let people: Vec<RowChange> = std::mem::take(&mut batch.rows);
        self.pages.remember(&people);
        batch.rows = self.ledger.rows(&dirty);
        batch.rows.extend(people.iter().cloned());
        let nothing = batch.entries.is_empty() && batch.rows.is_empty();
        if !nothing {
            crate::crash::point("before_commit");
            self.keeper.send(batch, urgent);
        }
        // The documents are made while the commit is in flight; they are seen only after it.
        let touched: BTreeSet<_> = dirty.cells.keys().cloned().collect();
        let mut change = self.pages.changed(&self.ledger, &touched);
        for incident in self.ledger.evict_closed() {
            self.pages.forget(&incident, change.as_mut());
        }
        let owed = dirty.outbox.into_values().flatten();
        let unseen = Unseen {
            replies,
            change,
            people,
            effects: owed.map(|(_, owed)| owed).collect(),
        };
        if nothing {
            self.show(unseen, self.durable);
        } else {
            self.keeper.keep(unseen);
        }
    }

    /// The record of a batch is kept: documents, effects and replies go out.
    fn show(&mut self, seen: Unseen, durable: Durable) {
        crate::crash::point("after_commit_before_reply");
        load::remember(&self.shared, &seen.people);
        // Commands first: a bus needs no document, and whoever sees one may count on them.
        for owed in &seen.effects {
            crate::crash::point("before_effect");
            self.offer(owed);
        }
        let seq = seen.change.as_ref().map(|change| change.seq);
        if let Some(change) = seen.change {
            pages::show(&self.shared, change);
        }
        for (reply, answer) in seen.replies {
            // A caller that has gone away needs no answer.
            let _ = reply.send(answer.map(|done| Done { durable, ..done }));
        }
        if let Some(seq) = seq {
            tell::lines(&self.ledger.campus, self.told, seq);
            self.told = seq;
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
        // Limits that have passed wait for the next batch when this one takes no more of them.
        let takes_limits = self.open.inputs < BATCH_LIMITS_MAX;
        let due = self.ledger.next_due().filter(|_| takes_limits);
        let until = due.map_or(LOOK, |due| (due - now).min(LOOK));
        let until = match self.keeper.patience(self.is_urgent()) {
            Some(patience) => until.min(patience),
            None => until,
        };
        let mut lanes = self
            .shared
            .lanes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let idle = |lanes: &Lanes| {
            let empty = lanes.alarm.is_empty() && lanes.people.is_empty();
            // An import waits until its turn comes.
            empty && (lanes.bulk.is_empty() || !self.keeper.is_free()) && !lanes.nudged
        };
        let full = self.open.inputs >= BATCH_INPUTS_MAX;
        if lanes.stopping && idle(&lanes) && self.keeper.is_safe() && self.open.inputs == 0 {
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
        pulses: super::pulses::Pulses::default(),
    })
}
