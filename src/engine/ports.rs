//! What the engine asks of the world, and what the world may ask of the engine. Adapters know this file and `domain` alone.

use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::domain::actor::{Actor, Role};
use crate::domain::ids::{AccountId, BusId, CaseId, CommandId, OutputId, RecipientId};
pub use crate::domain::input::Durable;
use crate::domain::output::{Action, Stagger, Target};
use crate::domain::probe::{Frame, LinePlace, Question, Told};
use crate::domain::text::Text;
use crate::domain::time::{EngineTime, WallTime};

// ---------------------------------------------------------------------------------------------------------------- store

/// One input with all it caused: the bytes are the record, the other fields stand beside them to be searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// 1, 2, 3 … without gaps.
    pub seq: u64,
    /// Raised by every take-over of the journal.
    pub epoch: u64,
    /// When it was decided, by the engine's clock.
    pub engine_time: EngineTime,
    /// When it was decided, by civil time.
    pub wall_time: WallTime,
    /// Hash of the configuration in force.
    pub config_version: String,
    /// The case it belongs to, if to one.
    pub case: Option<CaseId>,
    /// Who caused it.
    pub actor: Actor,
    /// JSON of the whole entry, the hashed text.
    pub bytes: Arc<str>,
    /// SHA-256 of the previous hash followed by `bytes`.
    pub hash: [u8; 32],
}

/// A table whose rows the engine writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Cases: `open` 0|1, `due` engine ms or null, `state` JSON. Open ones are loaded at start.
    Cases,
    /// Everything that is not a case: points, outputs, links, recipients, the site. `state` JSON. All loaded at start.
    Cells,
    /// What is owed to the world right now, for people to read: `detail` JSON.
    Outbox,
    /// Answers kept per idempotency key: `detail` JSON.
    Answers,
    /// Erasable: accounts, `detail` JSON [`AccountRow`]. Not a projection of the journal.
    Accounts,
    /// Erasable: device tokens, `detail` JSON [`DeviceRow`]. Not a projection of the journal.
    Devices,
    /// Erasable: sessions, `detail` JSON [`SessionRow`]. Not a projection of the journal.
    Sessions,
    /// Erasable: tokens of programs, `detail` JSON [`TokenRow`]. Not a projection of the journal.
    Tokens,
    /// Erasable: what was reported in words, `detail` JSON [`Note`](crate::domain::note::Note). Not a projection of the journal.
    Notes,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 9] = [
        Self::Cases,
        Self::Cells,
        Self::Outbox,
        Self::Answers,
        Self::Accounts,
        Self::Devices,
        Self::Sessions,
        Self::Tokens,
        Self::Notes,
    ];

    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cases => "cases",
            Self::Cells => "cells",
            Self::Outbox => "outbox",
            Self::Answers => "answers",
            Self::Accounts => "accounts",
            Self::Devices => "devices",
            Self::Sessions => "sessions",
            Self::Tokens => "tokens",
            Self::Notes => "notes",
        }
    }

    /// Whether `fengsui rebuild` drops it and makes it anew from the journal.
    #[must_use]
    pub fn is_projection(self) -> bool {
        matches!(
            self,
            Self::Cases | Self::Cells | Self::Outbox | Self::Answers
        )
    }
}

/// One row as it is after the entry, or gone. Every table has the columns `id, seq, open, due, detail`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowChange {
    /// Which table.
    #[serde(skip, default = "cells")]
    pub table: Table,
    /// Primary key.
    pub id: String,
    /// The entry that last changed it.
    pub seq: u64,
    /// For cases: still open.
    pub open: bool,
    /// For cases: the next limit in engine ms.
    pub due: Option<i64>,
    /// JSON; `None` deletes the row.
    pub detail: Option<String>,
}

fn cells() -> Table {
    Table::Cells
}

/// What one transaction writes. Rows are already folded: at most one change per table and key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// In order of seq, without gaps.
    pub entries: Vec<Entry>,
    /// Sorted by table and key.
    pub rows: Vec<RowChange>,
}

/// The end of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Identity of this journal: 32 hexadecimal digits made with the database.
    pub journal_id: String,
    /// Last seq; 0 when empty.
    pub seq: u64,
    /// Hash of the last entry; zeros when empty.
    pub hash: [u8; 32],
    /// Epoch of the last entry.
    pub epoch: u64,
    /// Engine time of the last entry.
    pub engine_time: EngineTime,
    /// Wall time of the last entry.
    pub wall_time: WallTime,
}

/// Why a commit did not happen.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The store cannot be reached or written now: try again with the same bytes.
    #[error("the store cannot be used now: {0}")]
    Unavailable(String),
    /// A different entry stands at this seq: another leader wrote. The process must end.
    #[error("entry {seq} of the journal is another one: a second leader has written")]
    Conflict {
        /// Where.
        seq: u64,
    },
    /// What is in the store cannot be right.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

/// The journal and its rows. Calls block; the engine's committer thread is the only caller that writes.
pub trait Store: Send {
    /// The end of the journal.
    fn head(&mut self) -> Result<Head, StoreError>;
    /// Writes entries and rows in one transaction. Entries that are already there with the same hash are skipped (their rows
    /// are written again, which changes nothing); a different hash is [`StoreError::Conflict`].
    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError>;
    /// Every row of a table; for `Cases` only open ones.
    fn rows(&mut self, table: Table) -> Result<Vec<RowChange>, StoreError>;
    /// The closed cases that ended last, at most `limit`.
    fn closed(&mut self, limit: u32) -> Result<Vec<RowChange>, StoreError>;
    /// One row, also of a closed case.
    fn row(&mut self, table: Table, id: &str) -> Result<Option<RowChange>, StoreError>;
    /// At most `limit` entries from `seq` on, in order.
    fn entries(&mut self, seq: u64, limit: u32) -> Result<Vec<Entry>, StoreError>;
    /// Drops every projection and writes these rows instead, in one transaction.
    fn replace_projections(&mut self, rows: &[RowChange]) -> Result<(), StoreError>;
    /// Every row of every projection, closed cases too, sorted by table and id: what `rebuild` compares.
    fn projections(&mut self) -> Result<Vec<RowChange>, StoreError>;
}

// --------------------------------------------------------------------------------------------------------------- people

/// An account, in an erasable row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRow {
    /// Its id.
    pub id: AccountId,
    /// The person's name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The recipient it is, when it is one.
    pub recipient: Option<RecipientId>,
    /// Argon2id hash as a PHC string.
    pub password_hash: String,
    /// Nobody signs on with it any more. Accounts are never deleted: the journal names them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

/// A program's credential, in an erasable row. Its key is the SHA-256 of the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    /// The program, as the journal names it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub made_at: WallTime,
    /// It is good before this moment; without one until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<WallTime>,
}

/// A device's credential, in an erasable row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRow {
    /// Whose device.
    pub recipient: RecipientId,
    /// SHA-256 of the token in hexadecimal.
    pub token_sha256: String,
}

/// A session, in an erasable row. Its key is the SHA-256 of the cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// SHA-256 of the cookie's token in hexadecimal.
    pub id: String,
    /// Who is signed on.
    pub account: AccountId,
    /// Sent back in a header with every verb.
    pub csrf: String,
    /// Wall ms when it was opened.
    pub opened_at: WallTime,
    /// When the person last gave the password, by the engine's time, which no step of a clock moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proved_at: Option<EngineTime>,
}

// ---------------------------------------------------------------------------------------------------------------- field

/// A command for a bus. The bus asks for a permit and writes only with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteEffect {
    /// The command: the idempotency key of the effect.
    pub command: CommandId,
    /// The output.
    pub output: OutputId,
    /// The bus that carries it.
    pub bus: BusId,
    /// The unit on it.
    pub unit: u8,
    /// What is written.
    pub target: Target,
    /// Level or pulse.
    pub action: Action,
    /// The supply on which it starts something, if it must not start together with others.
    pub stagger: Option<Stagger>,
    /// After this moment nothing may be written.
    pub expires: EngineTime,
}

/// What the engine tells the field.
pub trait Field: Send + Sync {
    /// A command is owed. Called again after a restart; repeated calls for the same command are harmless.
    fn write(&self, effect: WriteEffect);

    /// What happened on the lines since the start, by kind, for those who watch.
    fn counts(&self) -> Vec<Count> {
        Vec::new()
    }

    /// Every line with its address or port.
    fn places(&self) -> Vec<LinePlace> {
        Vec::new()
    }

    /// The frames of a line from this number on, oldest first, at most so many; `None` when there is no such line.
    fn frames(&self, _bus: &BusId, _from: u64, _at_most: usize) -> Option<Vec<Frame>> {
        None
    }

    /// Asks a unit between two frames of the polling, which goes before it. No question changes anything in a device, and no answer
    /// is a reading.
    fn ask(&self, _bus: &BusId, _question: Question) -> Asking {
        Box::pin(std::future::ready(Err(NotAsked::NoBus)))
    }
}

/// How often something happened on a line of the field, or with one unit of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The line.
    pub bus: BusId,
    /// The unit; `None` is the line with all its units.
    pub unit: Option<u8>,
    /// What happened.
    pub kind: String,
    /// How often.
    pub count: u64,
}

/// A field for tests and for a site without outputs: it does nothing.
#[derive(Debug, Default)]
pub struct NoField;

impl Field for NoField {
    fn write(&self, _effect: WriteEffect) {}
}

/// The way to an answer.
pub type Asking = Pin<Box<dyn Future<Output = Result<Told, NotAsked>> + Send>>;

/// Why a question was not asked.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NotAsked {
    /// There is no such line.
    #[error("there is no such bus")]
    NoBus,
    /// The line has no units that can be asked.
    #[error("nobody can be asked on this line: it only listens")]
    OnlyListens,
    /// Modbus has no such request.
    #[error(
        "no request can ask for so much: at most 125 registers or 2000 bits, up to address 65535"
    )]
    Impossible,
    /// Others wait to ask.
    #[error("too many questions wait for this line; ask again")]
    Full,
    /// The line was busy with its own work, or down.
    #[error("the line had no time for the question, or is down")]
    NoTime,
}

// -------------------------------------------------------------------------------------------------------------- answers

/// What a caller gets after its input is committed (or refused without an entry).
pub type Answer = Result<Done, Problem>;

/// It was done, or it had been done before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The entry that did it; the journal's end for an input that changed nothing.
    pub seq: u64,
    /// `journal` or `spool`.
    pub durable: Durable,
    /// For a permit: whether it is granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<bool>,
}

/// Why an input was refused: RFC 9457 at the HTTP edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Stable code, for example `step_settled`.
    pub code: String,
    /// What happened and what to do, in both languages.
    pub detail: Text,
    /// Who settled the step before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_by: Option<Actor>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<WallTime>,
    /// How.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
}
