//! The adapters' end of the engine: put inputs in, read documents out.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{broadcast, oneshot};

use super::board::Board;
use super::lanes::is_alarm;
use super::ports::{AccountRow, Answer, DeviceRow, Problem, RowChange, SessionRow, TokenRow};
pub use super::pulses::Pulse;
use super::pulses::Pulses;
use super::stages::{Histogram, Stage, Stages};
use crate::clock::Clock;
use crate::domain::actor::{Actor, Role};
use crate::domain::ids::{CommandId, PointId, RecipientId};
use crate::domain::input::{Input, Request};
use crate::domain::point::Reading;
use crate::domain::role::Power;
use crate::domain::text::Text;
use crate::domain::time::Now;

/// Most inputs of people that may wait; beyond it a caller gets 503. Alarms have slots, not a queue.
pub const PEOPLE_WAITING_MAX: usize = 1_024;
/// Most rows of one input of the bulk lane. An alarm may wait for the commit of so many.
pub const BULK_ROWS_MAX: usize = 64;
/// Most inputs of the bulk lane that may wait; whoever brings more waits for their answers first.
pub const BULK_WAITING_MAX: usize = 8;
/// Most committed changes a slow reader may lag behind before it must take a new snapshot.
pub const CHANGES_BEHIND_MAX: usize = 1_024;

/// A request that waits for the engine.
#[derive(Debug)]
pub struct Waiting {
    /// Who and what.
    pub request: Request,
    /// Erasable rows that go with it: a session, an account, a device.
    pub people: Vec<RowChange>,
    /// Where the answer goes once the entry is committed.
    pub reply: oneshot::Sender<Answer>,
}

/// The lanes, taken in this order.
#[derive(Debug, Default)]
pub struct Lanes {
    /// Permits, results of writes, links: with the board, the alarm lane.
    pub alarm: VecDeque<Waiting>,
    /// Verbs, replies, presence.
    pub people: VecDeque<Waiting>,
    /// Imports: one at a time, only when nothing else waits, in a batch of its own.
    pub bulk: VecDeque<Waiting>,
    /// A commit ended or the process stops: look again.
    pub nudged: bool,
    /// No more inputs.
    pub stopping: bool,
}

/// What one committed entry changed in the documents; a `None` document is gone.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The entry.
    pub seq: u64,
    /// Its hash, which stands for the whole journal up to it.
    pub hash: [u8; 32],
    /// Changed documents by key, as JSON text.
    pub documents: BTreeMap<Arc<str>, Option<Arc<str>>>,
}

/// All documents at one seq.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// The last committed entry.
    pub seq: u64,
    /// Its hash, which stands for the whole journal up to it.
    pub hash: [u8; 32],
    /// Identity of the journal.
    pub journal_id: String,
    /// JSON text by key.
    pub by_key: BTreeMap<Arc<str>, Arc<str>>,
}

/// Accounts, devices and sessions as they are committed.
#[derive(Clone, Debug, Default)]
pub struct People {
    /// By account id.
    pub accounts: BTreeMap<String, AccountRow>,
    /// By SHA-256 of the token.
    pub devices: BTreeMap<String, DeviceRow>,
    /// By SHA-256 of the cookie.
    pub sessions: BTreeMap<String, SessionRow>,
    /// By SHA-256 of the token.
    pub tokens: BTreeMap<String, TokenRow>,
}

/// How the engine and its journal are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// The journal is loaded and inputs are decided.
    pub ready: bool,
    /// Why the journal cannot be read or written now; `None` when it can.
    pub store: Option<String>,
}

/// What engine and adapters share.
#[derive(Debug)]
pub struct Shared {
    /// Slots of the points.
    pub board: Board,
    /// Waiting inputs.
    pub lanes: Mutex<Lanes>,
    /// Wakes the engine.
    pub wake: Condvar,
    /// The documents after the last commit.
    pub documents: RwLock<Documents>,
    /// Who may come in.
    pub people: RwLock<People>,
    /// Every committed change.
    pub changes: broadcast::Sender<Arc<Change>>,
    /// Not journalled: it must be known when the journal cannot be written.
    pub health: RwLock<Health>,
    /// How long the stages of an alarm take.
    pub stages: Stages,
    /// Signs of life of the loop and of the buses.
    pub pulses: Pulses,
}

impl Shared {
    /// Changes what is known of the engine's health.
    pub fn set_health(&self, change: impl FnOnce(&mut Health)) {
        change(&mut self.health.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A clonable handle to the engine.
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
    clock: Clock,
}

impl Handle {
    /// A handle on what is shared.
    #[must_use]
    pub fn new(shared: Arc<Shared>, clock: Clock) -> Self {
        Self { shared, clock }
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// Puts a reading into its slot and wakes the engine when it is new.
    pub fn observe(&self, point: &PointId, reading: Reading) {
        if self.shared.board.put(point, reading) {
            self.shared.wake.notify_all();
        }
    }

    /// The latest readings that say more than conditions; see [`Board::live`].
    #[must_use]
    pub fn live(&self) -> BTreeMap<PointId, Reading> {
        self.shared.board.live()
    }

    /// Puts an input in and waits for its commit.
    ///
    /// # Errors
    /// The [`Problem`] with which it was refused; `busy` when too many wait, `stopping` when the process ends.
    pub async fn submit(&self, actor: Actor, input: Input) -> Answer {
        self.submit_with(actor, input, Vec::new()).await
    }

    /// As [`Handle::submit`], with erasable rows (a session, an account) written in the same transaction.
    ///
    /// # Errors
    /// As [`Handle::submit`].
    pub async fn submit_with(&self, actor: Actor, input: Input, people: Vec<RowChange>) -> Answer {
        match self.enqueue(actor, input, people).await {
            Ok(answer) => answer,
            Err(_gone) => Err(stopping()),
        }
    }

    /// As [`Handle::submit_with`] in the bulk lane: alarms and people overtake it.
    ///
    /// # Errors
    /// As [`Handle::submit`]; `too_many_rows` for more than [`BULK_ROWS_MAX`].
    pub async fn import(&self, actor: Actor, input: Input, people: Vec<RowChange>) -> Answer {
        if people.len() > BULK_ROWS_MAX {
            return Err(too_many_rows());
        }
        let (reply, answer) = oneshot::channel();
        let request = Request { actor, input };
        let waiting = Waiting {
            request,
            people,
            reply,
        };
        {
            let mut lanes = self.lanes();
            if lanes.stopping {
                return Err(stopping());
            }
            if lanes.bulk.len() >= BULK_WAITING_MAX {
                return Err(busy());
            }
            lanes.bulk.push_back(waiting);
        }
        self.shared.wake.notify_all();
        answer.await.unwrap_or_else(|_gone| Err(stopping()))
    }

    /// Puts an input in without waiting.
    pub fn enqueue(
        &self,
        actor: Actor,
        input: Input,
        people: Vec<RowChange>,
    ) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting {
            request: Request { actor, input },
            people,
            reply,
        };
        let mut lanes = self.lanes();
        if lanes.stopping {
            // The sender is dropped here: the caller reads "stopping".
            return answer;
        }
        if is_alarm(&waiting.request.input) {
            lanes.alarm.push_back(waiting);
        } else if lanes.people.len() < PEOPLE_WAITING_MAX {
            lanes.people.push_back(waiting);
        } else {
            // A closed receiver has nobody to tell.
            let _ = waiting.reply.send(Err(busy()));
        }
        drop(lanes);
        self.shared.wake.notify_all();
        answer
    }

    /// Asks for the permit to write a command; true when it is committed and bytes may leave.
    pub async fn permit(&self, command: &CommandId) -> bool {
        let input = Input::Permit {
            command: command.clone(),
        };
        matches!(self.submit(Actor::Field, input).await, Ok(done) if done.granted == Some(true))
    }

    /// All documents that a role may see, at one seq.
    #[must_use]
    pub fn snapshot(&self, audience: &Audience) -> Documents {
        let documents = self
            .shared
            .documents
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let by_key = documents
            .by_key
            .iter()
            .filter(|(key, _)| audience.may_see(key))
            .map(|(key, text)| (Arc::clone(key), Arc::clone(text)))
            .collect();
        Documents {
            seq: documents.seq,
            hash: documents.hash,
            journal_id: documents.journal_id.clone(),
            by_key,
        }
    }

    /// The entry up to which the documents are.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.shared
            .documents
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .seq
    }

    /// One document.
    #[must_use]
    pub fn document(&self, key: &str) -> Option<Arc<str>> {
        let documents = self
            .shared
            .documents
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        documents.by_key.get(key).cloned()
    }

    /// Every change committed from now on. A reader that lags is told so and must take a new snapshot.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Arc<Change>> {
        self.shared.changes.subscribe()
    }

    /// Reads accounts, devices and sessions.
    pub fn people<T>(&self, read: impl FnOnce(&People) -> T) -> T {
        read(
            &self
                .shared
                .people
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// How the engine and its journal are, also before the first load.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared
            .health
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Somebody who must show signs of life from now on.
    #[must_use]
    pub fn pulse(&self, who: &str) -> Pulse {
        self.shared.pulses.of(who)
    }

    /// Who has shown no sign of life for too long.
    #[must_use]
    pub fn silent(&self) -> Vec<String> {
        self.shared.pulses.silent()
    }

    /// One more measurement of a stage.
    pub fn measured(&self, stage: Stage, took: Duration) {
        self.shared.stages.add(stage, took);
    }

    /// How long the stages took in this run.
    #[must_use]
    pub fn stages(&self) -> [(Stage, Histogram); Stage::ALL.len()] {
        self.shared.stages.read()
    }

    /// Every document whose key starts like this, by the rest of the key.
    #[must_use]
    pub fn with_prefix(&self, prefix: &str) -> Vec<(String, Arc<str>)> {
        let documents = self
            .shared
            .documents
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let from = documents
            .by_key
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        from.map_while(|(key, text)| Some((key.strip_prefix(prefix)?.to_owned(), Arc::clone(text))))
            .collect()
    }

    /// Ends the engine after the inputs that already wait.
    pub fn stop(&self) {
        self.lanes().stopping = true;
        self.shared.wake.notify_all();
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.shared
            .lanes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose eyes a document is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// The role.
    pub role: Role,
    /// The recipient, for guards.
    pub recipient: Option<RecipientId>,
}

impl Audience {
    /// Whether this audience sees a document. Everybody sees the site; whoever is a recipient its own orders; whoever sees only
    /// boards no order of others.
    #[must_use]
    pub fn may_see(&self, key: &str) -> bool {
        if key == "site" || self.role.may(Power::SeeAll) {
            return true;
        }
        if let Some(order) = key.strip_prefix("order/") {
            let own = self.recipient.as_ref().map(RecipientId::as_str);
            return own.is_some() && own == order.split_once('/').map(|(id, _)| id);
        }
        self.role.may(Power::SeeBoards)
    }
}

/// Waits on the lanes until woken or until `timeout`; for the engine alone.
pub fn wait<'a>(
    shared: &'a Shared,
    lanes: MutexGuard<'a, Lanes>,
    timeout: Duration,
) -> MutexGuard<'a, Lanes> {
    match shared.wake.wait_timeout(lanes, timeout) {
        Ok((guard, _timed_out)) => guard,
        Err(poisoned) => poisoned.into_inner().0,
    }
}

fn busy() -> Problem {
    problem(
        503,
        "busy",
        "系统繁忙,请再试一次",
        "Too many requests are waiting; try again",
    )
}

fn too_many_rows() -> Problem {
    problem(
        422,
        "too_many_rows",
        &format!("一次导入不能超过 {BULK_ROWS_MAX} 行"),
        &format!("An import takes at most {BULK_ROWS_MAX} rows at once"),
    )
}

fn stopping() -> Problem {
    problem(503, "stopping", "系统正在停止", "The daemon is stopping")
}

/// A problem without further facts.
#[must_use]
pub fn problem(status: u16, code: &str, zh: &str, en: &str) -> Problem {
    Problem {
        status,
        code: code.to_owned(),
        detail: Text::new(zh, en),
        settled_by: None,
        settled_at: None,
        how: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_sees_what_the_role_may_and_its_own_orders() {
        let sees = |role, recipient: Option<&str>, key: &str| {
            let recipient = recipient.map(Into::into);
            Audience { role, recipient }.may_see(key)
        };
        assert!(sees(Role::Guard, Some("post2"), "order/post2/F-1-1"));
        assert!(!sees(Role::Guard, Some("post2"), "order/post20/F-1-1"));
        assert!(!sees(Role::Guard, None, "order/post2/F-1-1"));
        assert!(!sees(Role::Guard, Some("post2"), "summary"));
        assert!(sees(Role::School, None, "incident/F-1"));
        assert!(!sees(Role::School, None, "order/post2/F-1-1"));
        for role in Role::all() {
            assert!(sees(role, None, "site"));
        }
        assert!(sees(Role::Viewer, None, "order/post2/F-1-1"));
    }
}
