//! A guard's device: the orders it has, what it answered, and what it has to say again.
//!
//! A pure machine over field time. A reply is done only when the order document lists it in `heard`; until then it is said
//! again. What a guard may answer is what the document offers, never what this file believes.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Value;

use super::script::{Report, Script};
use super::task::{Answer, Document, Reply, ReplyVerb, Said, Task};
use crate::clock::Moment;

/// Ended orders that stay visible.
const ENDED_MAX: usize = 20;

/// An order that no document names for so long after a new connection has ended meanwhile. Real time: it is the daemon's.
const FORGOTTEN_MS: u64 = 30_000;

/// Everything on one guard's device.
#[derive(Debug)]
pub(crate) struct Duty {
    pub(crate) script: Script,
    reply_stem: String,
    replies: u64,
    tasks: BTreeMap<String, Task>,
    /// Order ids, oldest first.
    sequence: Vec<String>,
    connected_at: Option<u64>,
    /// Documents that could not be read.
    pub(crate) unreadable: u64,
}

impl Duty {
    /// `reply_stem` makes reply ids unique over devices and restarts.
    pub(crate) fn new(script: Script, reply_stem: String) -> Self {
        Self {
            script,
            reply_stem,
            replies: 0,
            tasks: BTreeMap::new(),
            sequence: Vec::new(),
            connected_at: None,
            unreadable: 0,
        }
    }

    /// A new connection: every open order has to be shown again.
    pub(crate) fn connected(&mut self, now: Moment) {
        self.connected_at = Some(now.at_ms);
        for task in self.tasks.values_mut() {
            task.is_confirmed = false;
        }
    }

    /// An order document, or an empty payload: the retained one is cleared.
    pub(crate) fn document(&mut self, order: &str, payload: &[u8], now: Moment) {
        if payload.is_empty() {
            self.end(order, now);
            return;
        }
        let document: Option<(Value, Document)> = serde_json::from_slice(payload)
            .ok()
            .and_then(|value: Value| Some((value.clone(), serde_json::from_value(value).ok()?)));
        match document {
            Some((document, parsed)) if parsed.id == order => {
                self.take(order, document, parsed, now);
            }
            Some(_) | None => {
                self.unreadable += 1;
                tracing::warn!(order.id = order, "an order document cannot be read");
            }
        }
    }

    fn take(&mut self, order: &str, document: Value, parsed: Document, now: Moment) {
        match self.tasks.entry(order.to_owned()) {
            Entry::Occupied(mut task) => task.get_mut().show(document, parsed, now.field_ms),
            Entry::Vacant(place) => {
                self.sequence.push(order.to_owned());
                place.insert(Task::new(document, parsed, now.field_ms));
            }
        }
        self.shed();
    }

    fn end(&mut self, order: &str, now: Moment) {
        if let Some(task) = self.tasks.get_mut(order) {
            task.end(now.field_ms);
        }
        self.shed();
    }

    fn shed(&mut self) {
        let is_open = |tasks: &BTreeMap<String, Task>, id: &String| {
            tasks.get(id).is_some_and(|task| task.open)
        };
        let mut ended = self
            .sequence
            .iter()
            .filter(|id| !is_open(&self.tasks, id))
            .count();
        let tasks = &mut self.tasks;
        self.sequence.retain(|id| {
            if ended > ENDED_MAX && !is_open(tasks, id) {
                ended -= 1;
                tasks.remove(id);
                return false;
            }
            true
        });
    }

    /// Answers by hand: the named order, or the newest open one. False when there is none.
    pub(crate) fn answer(&mut self, order: Option<&str>, reply: Answer, now: Moment) -> bool {
        let order = match order {
            Some(order) => Some(order.to_owned()),
            None => self.newest_open(),
        };
        let Some(order) = order.filter(|id| self.tasks.get(id).is_some_and(|task| task.open))
        else {
            return false;
        };
        self.say(&order, reply, now);
        true
    }

    fn newest_open(&self) -> Option<String> {
        self.sequence
            .iter()
            .rev()
            .find(|id| self.tasks.get(*id).is_some_and(|task| task.open))
            .cloned()
    }

    fn say(&mut self, order: &str, answer: Answer, now: Moment) {
        self.replies += 1;
        let reply_id = format!("{}-{}", self.reply_stem, self.replies);
        if let Some(task) = self.tasks.get_mut(order) {
            task.said.push(Said {
                reply: Reply {
                    v: 1,
                    reply_id,
                    verb: answer.verb,
                    cause: answer.cause,
                    reason: answer.reason,
                    at: now.wall_ms,
                },
                sent: 0,
                heard: false,
                sent_at: None,
            });
        }
    }

    /// Lets the script answer, and returns what has to be sent now, each with its order.
    pub(crate) fn due(&mut self, now: Moment) -> Vec<(String, Reply)> {
        let forgotten = self
            .connected_at
            .is_some_and(|at| now.at_ms.saturating_sub(at) > FORGOTTEN_MS);
        let mut answers = Vec::new();
        for (id, task) in &mut self.tasks {
            if forgotten && !task.is_confirmed {
                task.end(now.field_ms);
            }
            if !task.open {
                continue;
            }
            if !task.has_said(ReplyVerb::Received) {
                answers.push((id.clone(), ReplyVerb::Received.into()));
            }
            if let Some(answer) = scripted(&self.script, task, now.field_ms) {
                answers.push((id.clone(), answer));
            }
        }
        for (id, answer) in answers {
            self.say(&id, answer, now);
        }
        self.unheard(now.field_ms)
    }

    fn unheard(&self, now: u64) -> Vec<(String, Reply)> {
        self.tasks
            .iter()
            .flat_map(|(id, task)| task.unheard(now).map(|reply| (id.clone(), reply.clone())))
            .collect()
    }

    /// A reply has been given to the connection.
    pub(crate) fn sent(&mut self, order: &str, reply_id: &str, now: Moment) {
        if let Some(said) = self.tasks.get_mut(order).and_then(|task| {
            task.said
                .iter_mut()
                .find(|said| said.reply.reply_id == reply_id)
        }) {
            said.sent += 1;
            said.sent_at = Some(now.field_ms);
        }
    }

    /// Orders, newest first.
    pub(crate) fn tasks(&self) -> Vec<Task> {
        self.sequence
            .iter()
            .rev()
            .filter_map(|id| self.tasks.get(id).cloned())
            .collect()
    }
}

/// What the script answers to an order now, if the order offers it.
fn scripted(script: &Script, task: &Task, now: u64) -> Option<Answer> {
    let is_due = |from: Option<u64>, after_s: Option<f64>| {
        from.zip(after_s)
            .is_some_and(|(from, after_s)| now >= from.saturating_add(millis(after_s)))
    };
    if task.offers(ReplyVerb::Accept) {
        return is_due(Some(task.received_at), script.accept_after_s)
            .then(|| ReplyVerb::Accept.into());
    }
    if !task.is_walk() {
        return (task.offers(ReplyVerb::Done) && is_due(task.accepted_at, script.done_after_s))
            .then(|| ReplyVerb::Done.into());
    }
    if task.arrived_at.is_none() {
        return (task.offers(ReplyVerb::Arrive) && is_due(task.accepted_at, script.arrive_after_s))
            .then(|| ReplyVerb::Arrive.into());
    }
    if !is_due(task.arrived_at, Some(script.report_after_s())) {
        return None;
    }
    let (verb, cause) = match script.report() {
        Report::Nothing => return None,
        Report::Real => (ReplyVerb::ReportReal, None),
        Report::False(cause) => (ReplyVerb::ReportFalse, Some(cause)),
    };
    task.offers(verb).then_some(Answer {
        verb,
        cause,
        reason: None,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a script's times are checked to be finite and not negative; the cast saturates"
)]
fn millis(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}

#[cfg(test)]
mod tests;
