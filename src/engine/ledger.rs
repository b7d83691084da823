//! The state with its record: decides an input, applies it at once, and makes the entry, the rows and the index of limits.
//!
//! Live decisions, a start from rows and `fengsui rebuild` all go through [`Ledger::apply`], so they cannot differ. Nothing in
//! here is visible to the world before its batch has committed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ports::{Answer, Done, Durable, Entry, Head, Problem, RowChange, Table};
use super::translate;
use crate::domain::actor::Actor;
use crate::domain::ids::CaseId;
use crate::domain::input::{Input, Request, Verb};
use crate::domain::site::Site;
use crate::domain::time::{EngineTime, Now, WallTime};
use crate::procedure::events::Event;
use crate::procedure::fire::{Incident, Stage};
use crate::procedure::{self, Campus, Cell, Decided, Owed, Stamp};

/// Most rounds in which consequences may follow from consequences; more is a mistake in the procedure.
const ROUNDS_MAX: usize = 64;
/// How long an answer is kept for its idempotency key: 24 h.
const ANSWER_KEPT_MS: i64 = 24 * 3_600_000;

/// Most closed incidents that stay in memory with their documents.
pub const CLOSED_KEPT_MAX: usize = 20;

/// The whole of an entry: the hashed text is its JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryBody {
    /// 1, 2, 3 …
    pub seq: u64,
    /// Raised by every take-over.
    pub epoch: u64,
    /// When it was decided.
    pub engine_time: EngineTime,
    /// When it was decided, by civil time.
    pub wall_time: WallTime,
    /// Hash of the configuration in force.
    pub config_version: String,
    /// The case it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// Who caused it.
    pub actor: Actor,
    /// What came in.
    pub input: Input,
    /// All it caused.
    pub events: Vec<Event>,
    /// The refusal that the caller was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// An answer kept for its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// Hash of what was asked.
    pub body_hash: String,
    /// When it was answered, engine time.
    pub at: EngineTime,
    /// The entry.
    pub seq: u64,
    /// The refusal, if it was one.
    pub problem: Option<Problem>,
}

/// What one input came to.
#[derive(Debug)]
pub struct Taken {
    /// The entry, when the input changed something.
    pub entry: Option<Entry>,
    /// What the caller is told once the batch is committed.
    pub answer: Answer,
}

/// State, head of the journal, and everything derived from them.
#[derive(Debug)]
pub struct Ledger {
    /// The site's files.
    pub site: Arc<Site>,
    /// The state of the campus.
    pub campus: Campus,
    /// The last entry that was decided.
    pub head: Head,
    /// Hash of the configuration in force.
    pub config_version: String,
    answers: BTreeMap<String, KeptAnswer>,
    answers_by_age: BTreeSet<(EngineTime, String)>,
    due: BTreeSet<(EngineTime, Cell)>,
    due_of: BTreeMap<Cell, EngineTime>,
    owed_of: BTreeMap<Cell, BTreeMap<String, Owed>>,
    /// Outbox: key to the entry since which it is owed.
    outbox: BTreeMap<String, u64>,
    dirty: Dirty,
}

/// What changed since the last batch was closed.
#[derive(Debug, Default)]
pub struct Dirty {
    /// Touched cells with the entry that last touched them.
    pub cells: BTreeMap<Cell, u64>,
    /// Outbox rows: owed (with the entry) or no longer.
    pub outbox: BTreeMap<String, Option<(u64, Owed)>>,
    /// Answers: kept or dropped.
    pub answers: BTreeMap<String, Option<KeptAnswer>>,
}

impl Ledger {
    /// An empty campus at the end of an empty journal.
    #[must_use]
    pub fn new(site: Arc<Site>, head: Head, config_version: String) -> Self {
        Self {
            site,
            campus: Campus::default(),
            head,
            config_version,
            answers: BTreeMap::new(),
            answers_by_age: BTreeSet::new(),
            due: BTreeSet::new(),
            due_of: BTreeMap::new(),
            owed_of: BTreeMap::new(),
            outbox: BTreeMap::new(),
            dirty: Dirty::default(),
        }
    }

    /// Decides one input and applies it.
    ///
    /// # Panics
    /// When consequences do not end: a mistake in the procedure that must stop the process before it acts on it.
    pub fn take(&mut self, now: Now, request: &Request) -> Taken {
        if let Some(answer) = self.answered_before(request) {
            return Taken {
                entry: None,
                answer,
            };
        }
        let decided = procedure::decide(&self.campus, &self.site, now, request);
        let problem = decided.refusal.as_ref().map(translate::problem);
        let stamp = Stamp {
            seq: self.head.seq + 1,
            now,
            actor: request.actor.clone(),
        };
        let granted = decided.granted;
        let events = self.settle(&stamp, decided);
        if events.is_empty() {
            let done = Done {
                seq: self.head.seq,
                durable: Durable::Journal,
                granted,
            };
            return Taken {
                entry: None,
                answer: problem.map_or(Ok(done), Err),
            };
        }
        let body = EntryBody {
            seq: stamp.seq,
            epoch: self.head.epoch,
            engine_time: now.engine,
            wall_time: now.wall,
            config_version: self.config_version.clone(),
            case: case_of(&request.input, &events),
            actor: request.actor.clone(),
            input: request.input.clone(),
            events,
            problem: problem.clone(),
        };
        let entry = self.record(&body);
        let done = Done {
            seq: body.seq,
            durable: Durable::Journal,
            granted,
        };
        Taken {
            entry: Some(entry),
            answer: problem.map_or(Ok(done), Err),
        }
    }

    /// Applies the direct events and whatever follows from them; returns all in order.
    #[expect(
        clippy::panic,
        reason = "an endless procedure must not act; the restart shows it in the log"
    )]
    fn settle(&mut self, stamp: &Stamp, decided: Decided) -> Vec<Event> {
        let mut all = Vec::new();
        let mut next = decided.events;
        for _ in 0..ROUNDS_MAX {
            let mut touched = BTreeSet::new();
            for event in &next {
                touched.extend(procedure::apply(&mut self.campus, stamp, event));
            }
            for cell in &touched {
                self.dirty.cells.insert(cell.clone(), stamp.seq);
            }
            all.append(&mut next);
            next = procedure::follow(&self.campus, &self.site, stamp.now, &touched);
            self.index(stamp.seq, &touched);
            if next.is_empty() {
                return all;
            }
        }
        panic!(
            "the consequences of entry {} do not end: {next:?}",
            stamp.seq
        );
    }

    /// Applies an entry of the journal: what `rebuild` does. Events are applied, nothing is decided again.
    pub fn apply(&mut self, body: &EntryBody, hash: [u8; 32]) {
        let now = Now {
            engine: body.engine_time,
            wall: body.wall_time,
        };
        let stamp = Stamp {
            seq: body.seq,
            now,
            actor: body.actor.clone(),
        };
        let mut touched = BTreeSet::new();
        for event in &body.events {
            touched.extend(procedure::apply(&mut self.campus, &stamp, event));
        }
        for cell in &touched {
            self.dirty.cells.insert(cell.clone(), body.seq);
        }
        self.index(body.seq, &touched);
        self.keep_answer(body);
        self.head.seq = body.seq;
        self.head.hash = hash;
        self.head.epoch = body.epoch;
        self.head.engine_time = body.engine_time;
        self.head.wall_time = body.wall_time;
    }

    /// Makes the entry and moves the head.
    fn record(&mut self, body: &EntryBody) -> Entry {
        // Every field of an entry is a value of our own types: their serialisation cannot fail.
        let bytes: Arc<str> = serde_json::to_string(body).unwrap_or_default().into();
        let hash = entry_hash(&self.head.hash, &bytes);
        self.keep_answer(body);
        self.head.seq = body.seq;
        self.head.hash = hash;
        self.head.engine_time = body.engine_time;
        self.head.wall_time = body.wall_time;
        Entry {
            seq: body.seq,
            epoch: body.epoch,
            engine_time: body.engine_time,
            wall_time: body.wall_time,
            config_version: body.config_version.clone(),
            case: body.case.clone(),
            actor: body.actor.clone(),
            bytes,
            hash,
        }
    }

    /// Limits and owed effects of touched cells, computed again.
    fn index(&mut self, seq: u64, touched: &BTreeSet<Cell>) {
        for cell in touched {
            let due = procedure::due(&self.campus, cell);
            if let Some(before) = self.due_of.remove(cell) {
                self.due.remove(&(before, cell.clone()));
            }
            if let Some(due) = due {
                self.due_of.insert(cell.clone(), due);
                self.due.insert((due, cell.clone()));
            }
            let owed: BTreeMap<String, Owed> = procedure::owed(&self.campus, cell)
                .into_iter()
                .map(|owed| (owed.key(), owed))
                .collect();
            let before = self.owed_of.remove(cell).unwrap_or_default();
            for key in before.keys().filter(|key| !owed.contains_key(*key)) {
                self.outbox.remove(key);
                self.dirty.outbox.insert(key.clone(), None);
            }
            for (key, effect) in owed.iter().filter(|(key, _)| !before.contains_key(*key)) {
                self.outbox.insert(key.clone(), seq);
                self.dirty
                    .outbox
                    .insert(key.clone(), Some((seq, effect.clone())));
            }
            if !owed.is_empty() {
                self.owed_of.insert(cell.clone(), owed);
            }
        }
    }

    /// The earliest limit.
    #[must_use]
    pub fn next_due(&self) -> Option<EngineTime> {
        self.due.first().map(|(due, _)| *due)
    }

    /// A cell whose limit has passed. It is asked about once; deciding it moves its limit.
    pub fn pop_due(&mut self, now: EngineTime) -> Option<Cell> {
        let (due, cell) = self.due.first().filter(|(due, _)| *due <= now).cloned()?;
        self.due.remove(&(due, cell.clone()));
        self.due_of.remove(&cell);
        Some(cell)
    }

    /// Everything owed to the world now.
    pub fn owed(&self) -> impl Iterator<Item = &Owed> {
        self.owed_of.values().flat_map(BTreeMap::values)
    }

    /// Takes what changed since the last call.
    pub fn take_dirty(&mut self) -> Dirty {
        std::mem::take(&mut self.dirty)
    }

    /// Closed incidents leave memory, all but the latest [`CLOSED_KEPT_MAX`], which people may still want to read. Returns those
    /// that left.
    pub fn evict_closed(&mut self) -> Vec<Incident> {
        let incidents = &mut self.campus.incidents;
        let mut closed: Vec<(u64, CaseId)> = incidents
            .values()
            .filter(|incident| incident.stage == Stage::Closed)
            .map(|incident| (incident.last_seq(), incident.id.clone()))
            .collect();
        closed.sort();
        let leaving = closed.len().saturating_sub(CLOSED_KEPT_MAX);
        closed
            .into_iter()
            .take(leaving)
            .filter_map(|(_, id)| incidents.remove(&id))
            .collect()
    }

    fn answered_before(&self, request: &Request) -> Option<Answer> {
        let Input::Verb(Verb {
            idempotency: Some(key),
            ..
        }) = &request.input
        else {
            return None;
        };
        let kept = self.answers.get(&answer_key(&request.actor, &key.key))?;
        if kept.body_hash != key.body_hash {
            return Some(Err(translate::key_reused()));
        }
        let done = Done {
            seq: kept.seq,
            durable: Durable::Journal,
            granted: None,
        };
        Some(kept.problem.clone().map_or(Ok(done), Err))
    }

    fn keep_answer(&mut self, body: &EntryBody) {
        let Input::Verb(Verb {
            idempotency: Some(key),
            ..
        }) = &body.input
        else {
            return;
        };
        let id = answer_key(&body.actor, &key.key);
        let kept = KeptAnswer {
            body_hash: key.body_hash.clone(),
            at: body.engine_time,
            seq: body.seq,
            problem: body.problem.clone(),
        };
        self.answers_by_age.insert((kept.at, id.clone()));
        self.dirty.answers.insert(id.clone(), Some(kept.clone()));
        self.answers.insert(id, kept);
        while let Some((at, id)) = self.answers_by_age.first().cloned() {
            if at.0 + ANSWER_KEPT_MS > body.engine_time.0 {
                break;
            }
            self.answers_by_age.remove(&(at, id.clone()));
            self.answers.remove(&id);
            self.dirty.answers.insert(id, None);
        }
    }

    /// Puts rows of the store back in place: what a start does instead of replaying the journal.
    ///
    /// # Errors
    /// The row that cannot be read.
    pub fn restore(&mut self, rows: &[RowChange]) -> Result<(), String> {
        let mut touched = BTreeSet::new();
        for row in rows {
            let detail = row.detail.as_deref().unwrap_or_default();
            let unreadable = |error| format!("{} row {}: {error}", row.table.name(), row.id);
            match row.table {
                Table::Cells | Table::Cases => {
                    let cell = self.put(&row.id, row.table, detail).map_err(unreadable)?;
                    touched.extend(cell);
                }
                Table::Answers => {
                    let kept: KeptAnswer = serde_json::from_str(detail).map_err(unreadable)?;
                    self.answers_by_age.insert((kept.at, row.id.clone()));
                    self.answers.insert(row.id.clone(), kept);
                }
                Table::Outbox
                | Table::Accounts
                | Table::Devices
                | Table::Sessions
                | Table::Tokens
                | Table::Notes => {}
            }
        }
        self.index(self.head.seq, &touched);
        self.dirty = Dirty::default();
        Ok(())
    }

    fn put(&mut self, id: &str, table: Table, detail: &str) -> serde_json::Result<Option<Cell>> {
        let campus = &mut self.campus;
        if table == Table::Cases {
            let cell = Cell::Incident(id.into());
            campus
                .incidents
                .insert(id.into(), serde_json::from_str(detail)?);
            campus.note_fire(&cell);
            return Ok(Some(cell));
        }
        let Some(cell) = Cell::parse(id) else {
            return Ok(None);
        };
        match &cell {
            Cell::Desk => campus.desk = serde_json::from_str(detail)?,
            Cell::Recent => campus.recent = serde_json::from_str(detail)?,
            Cell::Point(id) => {
                campus
                    .points
                    .insert(id.clone(), serde_json::from_str(detail)?);
            }
            Cell::Link(id) => {
                campus
                    .links
                    .insert(id.clone(), serde_json::from_str(detail)?);
            }
            Cell::Output(id) => {
                campus
                    .outputs
                    .insert(id.clone(), serde_json::from_str(detail)?);
            }
            Cell::Recipient(id) => {
                campus
                    .recipients
                    .insert(id.clone(), serde_json::from_str(detail)?);
            }
            Cell::Incident(_) => {}
        }
        Ok(Some(cell))
    }

    /// The rows of what changed, sorted by table and key.
    #[must_use]
    pub fn rows(&self, dirty: &Dirty) -> Vec<RowChange> {
        let mut rows = Vec::new();
        for (cell, seq) in &dirty.cells {
            rows.extend(self.row(cell, *seq));
        }
        for (key, owed) in &dirty.outbox {
            let seq = owed.as_ref().map_or(0, |(seq, _)| *seq);
            let detail = owed.as_ref().map(|(_, owed)| json(owed));
            rows.push(plain(Table::Outbox, key.clone(), seq, detail));
        }
        for (key, kept) in &dirty.answers {
            let seq = kept.as_ref().map_or(0, |kept| kept.seq);
            rows.push(plain(
                Table::Answers,
                key.clone(),
                seq,
                kept.as_ref().map(json),
            ));
        }
        rows.sort_by(|a, b| (a.table, &a.id).cmp(&(b.table, &b.id)));
        rows
    }

    fn row(&self, cell: &Cell, seq: u64) -> Option<RowChange> {
        let campus = &self.campus;
        let detail = match cell {
            Cell::Incident(id) => {
                let incident = campus.incidents.get(id)?;
                return Some(RowChange {
                    table: Table::Cases,
                    id: id.to_string(),
                    seq,
                    open: incident.stage != Stage::Closed,
                    due: procedure::due(campus, cell).map(|due| due.0),
                    detail: Some(json(incident)),
                });
            }
            Cell::Desk => json(&campus.desk),
            Cell::Recent => json(&campus.recent),
            Cell::Point(id) => json(campus.points.get(id)?),
            Cell::Link(id) => json(campus.links.get(id)?),
            Cell::Output(id) => json(campus.outputs.get(id)?),
            Cell::Recipient(id) => json(campus.recipients.get(id)?),
        };
        Some(plain(Table::Cells, cell.to_string(), seq, Some(detail)))
    }
}

fn plain(table: Table, id: String, seq: u64, detail: Option<String>) -> RowChange {
    RowChange {
        table,
        id,
        seq,
        open: false,
        due: None,
        detail,
    }
}

/// State of our own types always serialises.
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn answer_key(actor: &Actor, key: &str) -> String {
    match actor {
        Actor::Account(id) => format!("{id}/{key}"),
        Actor::Recipient(id) => format!("recipient:{id}/{key}"),
        Actor::System | Actor::Field => key.to_owned(),
    }
}

/// The case an entry belongs to: the first incident that its events name.
fn case_of(input: &Input, events: &[Event]) -> Option<CaseId> {
    if let Input::Verb(verb) = input {
        return Some(verb.case.clone());
    }
    events.iter().find_map(procedure::fire::apply::case_of)
}

/// SHA-256 of the previous hash followed by the entry's bytes.
#[must_use]
pub fn entry_hash(previous: &[u8; 32], bytes: &str) -> [u8; 32] {
    Sha256::new()
        .chain_update(previous)
        .chain_update(bytes)
        .finalize()
        .into()
}
