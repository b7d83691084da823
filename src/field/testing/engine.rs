//! The engine's end: it takes slots and inputs as the engine does, answers, and keeps what it heard.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::BOUND;
use crate::clock::Clock;
use crate::domain::input::{Input, Observation, Request};
use crate::domain::output::WriteOutcome;
use crate::domain::point::Quality;
use crate::engine::handle::{Handle, Shared, Waiting, problem};
use crate::engine::ports::{Done, Durable, Problem};
use crate::engine::run;

/// What the engine's end has heard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) observations: Vec<Observation>,
    pub(crate) inputs: Vec<Input>,
    /// Inputs that the end has refused as busy.
    pub(crate) refused: Vec<Input>,
    /// How many points had a good reading each time the line was told as up.
    pub(crate) good_at_up: Vec<usize>,
}

impl Heard {
    pub(crate) fn latest(&self, point: &str) -> Option<&Observation> {
        let of_point = |o: &&Observation| o.point.as_str() == point;
        self.observations.iter().rev().find(of_point)
    }

    pub(crate) fn has_edge(&self, point: &str) -> bool {
        let of_point = |o: &Observation| o.point.as_str() == point && o.edge.is_some();
        self.observations.iter().any(of_point)
    }

    /// How many points read well at last.
    fn good_points(&self) -> usize {
        let mut last = BTreeMap::new();
        for observation in &self.observations {
            last.insert(&observation.point, observation.latest.quality);
        }
        last.values().filter(|q| **q == Quality::Good).count()
    }

    /// Every state of the line that was taken, in order, as "up" or the reason.
    pub(crate) fn links(&self) -> Vec<&str> {
        self.inputs.iter().filter_map(link).collect()
    }

    /// Every state of a unit that was taken, in order, as "up" or the reason.
    pub(crate) fn units(&self) -> Vec<(u8, &str)> {
        let mut units = Vec::new();
        for input in &self.inputs {
            if let Input::Unit {
                unit, up, reason, ..
            } = input
            {
                units.push((*unit, if *up { "up" } else { reason }));
            }
        }
        units
    }

    pub(crate) fn outcomes(&self, command: &str) -> Vec<WriteOutcome> {
        let mut outcomes = Vec::new();
        for input in &self.inputs {
            if let Input::Written {
                command: c,
                outcome,
            } = input
                && c.as_str() == command
            {
                outcomes.push(*outcome);
            }
        }
        outcomes
    }

    pub(crate) fn permits(&self, command: &str) -> usize {
        let asked =
            |input: &&Input| matches!(input, Input::Permit { command: c } if c.as_str() == command);
        self.inputs.iter().filter(asked).count()
    }
}

fn link(input: &Input) -> Option<&str> {
    if let Input::Link { up, reason, .. } = input {
        return Some(if *up { "up" } else { reason });
    }
    None
}

/// How the engine's end answers.
pub(crate) struct Manners {
    pub(crate) grant: bool,
    /// So many inputs are refused as busy first.
    pub(crate) busy: usize,
    /// Permits wait until this is false.
    pub(crate) hold_permits: bool,
    /// What transmission devices told waits until this is false.
    pub(crate) hold_transmissions: bool,
    /// Where the record of an input is said to be.
    pub(crate) durable: Durable,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            grant: true,
            busy: 0,
            hold_permits: false,
            hold_transmissions: false,
            durable: Durable::Journal,
        }
    }
}

/// The engine's end: takes slots before lanes like the engine, and answers.
pub(crate) struct Engine {
    pub(crate) handle: Handle,
    pub(crate) manners: Arc<Mutex<Manners>>,
    shared: Arc<Shared>,
    heard: watch::Receiver<Heard>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Engine {
    pub(crate) fn start() -> Self {
        let shared = run::shared();
        shared.set_health(|health| health.ready = true);
        let handle = run::handle(&shared, &Clock::default());
        let (tell, heard) = watch::channel(Heard::default());
        let manners = Arc::<Mutex<Manners>>::default();
        let (ours, theirs) = (Arc::clone(&shared), Arc::clone(&manners));
        let thread = std::thread::spawn(move || listen(&ours, &theirs, &tell));
        Self {
            handle,
            manners,
            shared,
            heard,
            thread: Some(thread),
        }
    }

    /// Waits until what was heard is so; fails the test with all of it when it never is.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Heard) -> bool) -> Heard {
        let mut heard = self.heard.clone();
        match tokio::time::timeout(BOUND, heard.wait_for(|heard| is_so(heard))).await {
            Ok(Ok(heard)) => heard.clone(),
            Ok(Err(_)) => panic!("the engine's end has ended"),
            Err(_) => panic!("never: {what}\n{:#?}", self.heard.borrow().inputs),
        }
    }

    /// Lets the engine have known this before.
    pub(crate) fn knows(&self, key: &str, document: &str) {
        let mut documents = self.shared.documents.write().unwrap();
        documents.by_key.insert(key.into(), document.into());
    }

    /// Whether the engine has its journal.
    pub(crate) fn ready(&self, is_ready: bool) {
        self.shared.set_health(|health| health.ready = is_ready);
    }

    pub(crate) fn heard(&self) -> Heard {
        self.heard.borrow().clone()
    }

    pub(crate) fn manners(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.manners.lock().unwrap_or_else(PoisonError::into_inner));
        self.shared.wake.notify_all();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(shared: &Shared, manners: &Mutex<Manners>, tell: &watch::Sender<Heard>) {
    let mut held = VecDeque::new();
    loop {
        let mut lanes = shared.lanes.lock().unwrap();
        if lanes.stopping {
            return;
        }
        if lanes.alarm.is_empty() && !shared.board.is_waiting() {
            let wait = Duration::from_millis(2);
            lanes = shared.wake.wait_timeout(lanes, wait).unwrap().0;
        }
        // What waits in a lane is taken after every slot that was filled before it came.
        held.extend(std::mem::take(&mut lanes.alarm));
        drop(lanes);
        let observations = shared.board.take(1_000, |_| true);
        let mut manners = manners.lock().unwrap();
        let mut later = VecDeque::new();
        let (mut inputs, mut refused) = (Vec::new(), Vec::new());
        for waiting in held.drain(..) {
            let input = waiting.request.input;
            let is_permit = matches!(input, Input::Permit { .. });
            let is_told = matches!(input, Input::Transmitted(_));
            if is_permit && manners.hold_permits || is_told && manners.hold_transmissions {
                let request = Request {
                    input,
                    ..waiting.request
                };
                later.push_back(Waiting { request, ..waiting });
                continue;
            }
            if manners.busy > 0 && !is_permit {
                manners.busy -= 1;
                refused.push(input);
                let _ = waiting.reply.send(Err(busy()));
                continue;
            }
            let done = Done {
                seq: 1,
                durable: manners.durable,
                granted: is_permit.then_some(manners.grant),
            };
            inputs.push(input);
            let _ = waiting.reply.send(Ok(done));
        }
        drop(manners);
        held = later;
        if observations.is_empty() && inputs.is_empty() && refused.is_empty() {
            continue;
        }
        let is_up = |input: &&Input| matches!(input, Input::Link { up: true, .. });
        let ups = inputs.iter().filter(is_up).count();
        tell.send_modify(|heard| {
            heard.observations.extend(observations);
            let good = heard.good_points();
            heard.good_at_up.extend(std::iter::repeat_n(good, ups));
            heard.inputs.extend(inputs);
            heard.refused.extend(refused);
        });
    }
}

fn busy() -> Problem {
    problem(503, "busy", "忙", "busy")
}
