//! The start: the rows of the store become the state again; the journal itself is read only by `rebuild` and `verify`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::handle::{Shared, wait};
use super::ledger::{CLOSED_KEPT_MAX, EntryBody, Ledger, entry_hash};
use super::ports::{
    AccountRow, Batch, DeviceRow, Entry, RowChange, SessionRow, Store, StoreError, Table, TokenRow,
};
use super::run::PULSE;
use super::spool::Spool;
use crate::clock::{Clock, boot_id};
use crate::domain::site::Site;
use crate::domain::time::EngineTime;
use crate::procedure::view::Erasable;

/// Closed incidents that are loaded so that people may still read them.
const CLOSED_KEPT: u32 = CLOSED_KEPT_MAX as u32;
/// How long a start may read its rows before the watchdog no longer believes in it.
const LOAD_MAX: Duration = Duration::from_mins(5);
/// Time between two tries to open a store that is not there.
const RETRY: Duration = Duration::from_millis(500);
/// Longest time that a stop of the machine counts for limits; a clock that went wild must not let every limit pass.
const GAP_MAX_MS: i64 = 7 * 24 * 3_600_000;

/// What a start found.
pub struct Loaded {
    /// State and head.
    pub ledger: Ledger,
    /// Names and notes.
    pub erasable: Erasable,
}

/// Loads the state once.
///
/// # Errors
/// The store's own; a row that cannot be read is [`StoreError::Damaged`].
pub fn load(
    store: &mut dyn Store,
    site: &Arc<Site>,
    (spool, config_version): (Option<&Path>, &str),
    shared: &Shared,
) -> Result<Loaded, StoreError> {
    let head = store.head()?;
    let mut ledger = Ledger::new(Arc::clone(site), head, config_version.to_owned());
    let mut rows = Vec::new();
    for table in [Table::Cells, Table::Cases, Table::Answers] {
        rows.extend(store.rows(table)?);
    }
    rows.extend(store.closed(CLOSED_KEPT)?);
    ledger.restore(&rows).map_err(StoreError::Damaged)?;
    if let Some(spool) = spool {
        recover(store, &mut ledger, spool)?;
    }
    let mut people = Vec::new();
    for table in Table::ALL
        .into_iter()
        .filter(|table| !table.is_projection())
    {
        people.extend(store.rows(table)?);
    }
    remember(shared, &people);
    let mut erasable = Erasable::default();
    erasable.remember(&people);
    Ok(Loaded { ledger, erasable })
}

/// Appends to the journal what only the spool has, and empties the spool.
fn recover(store: &mut dyn Store, ledger: &mut Ledger, path: &Path) -> Result<(), StoreError> {
    let (mut spool, records) = match Spool::open(path, &ledger.head.journal_id) {
        Ok(opened) => opened,
        Err(error) => {
            // Without it only memory keeps the record when the journal fails: said, and no reason not to run.
            tracing::error!(%error, path = %path.display(), "the spool cannot be used");
            return Ok(());
        }
    };
    if records.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::default();
    let from = ledger.head.seq;
    for record in &records {
        let damaged = |error| StoreError::Damaged(format!("the spool: {error}"));
        let before = ledger.head.seq;
        for (body, entry) in record.entries().map_err(damaged)? {
            if body.seq > ledger.head.seq {
                follows(ledger, &body, &entry)?;
                ledger.apply(&body, entry.hash);
            }
            batch.entries.push(entry);
        }
        // Erasable rows of what the journal has already may have been changed or erased since.
        if ledger.head.seq > before {
            batch.rows.extend(record.people());
        }
    }
    let dirty = ledger.take_dirty();
    let people = newest(std::mem::take(&mut batch.rows));
    batch.rows = ledger.rows(&dirty);
    batch.rows.extend(people);
    crate::crash::point("spool_append_before_commit");
    store.commit(&batch)?;
    let entries = ledger.head.seq - from;
    tracing::warn!(entries, "what only the spool had is in the journal now");
    spool
        .clear()
        .map_err(|error| StoreError::Unavailable(format!("{}: {error}", path.display())))
}

/// An entry of the spool continues the journal's chain.
fn follows(ledger: &Ledger, body: &EntryBody, entry: &Entry) -> Result<(), StoreError> {
    let next = body.seq == ledger.head.seq + 1;
    if next && entry_hash(&ledger.head.hash, &entry.bytes) == entry.hash {
        return Ok(());
    }
    Err(StoreError::Damaged(format!(
        "entry {} of the spool does not follow entry {} of the journal",
        body.seq, ledger.head.seq
    )))
}

/// The last change of each erasable row.
fn newest(rows: Vec<RowChange>) -> impl Iterator<Item = RowChange> {
    let by_key: BTreeMap<(Table, String), RowChange> = rows
        .into_iter()
        .map(|row| ((row.table, row.id.clone()), row))
        .collect();
    by_key.into_values()
}

/// Loads the state, as often as it takes. `None` when the process stops first.
pub fn wait_for(
    store: &mut dyn Store,
    site: &Arc<Site>,
    from: (Option<&Path>, &str),
    shared: &Shared,
) -> Option<Loaded> {
    let mut said = false;
    let pulse = shared.pulses.of(PULSE);
    loop {
        pulse.good_for(LOAD_MAX);
        match load(store, site, from, shared) {
            Ok(loaded) => {
                shared.set_health(|health| health.store = None);
                return Some(loaded);
            }
            Err(StoreError::Unavailable(why)) => {
                if !said {
                    tracing::error!(why, "the journal cannot be opened; trying again");
                }
                said = true;
                shared.set_health(|health| health.store = Some(why));
            }
            Err(error @ (StoreError::Conflict { .. } | StoreError::Damaged(_))) => {
                tracing::error!(%error, "the journal cannot be used; see `fengsui verify`");
                std::process::abort();
            }
        }
        let lanes = shared.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lanes = wait(shared, lanes, RETRY);
        if lanes.stopping {
            return None;
        }
    }
}

/// Engine time goes on: by the same boot's clock where the machine was not restarted, else by the time the wall clock says has
/// passed, within bounds.
pub fn continue_time(clock: &Clock, ledger: &Ledger) {
    let head = &ledger.head;
    if head.seq == 0 {
        clock.continue_at(EngineTime(0));
        return;
    }
    let now = clock.now();
    let gap = (now.wall.0 - head.wall_time.0).clamp(0, GAP_MAX_MS);
    let same_boot = ledger.campus.desk.boot_id == boot_id();
    let by_boot = crate::clock::boot_ms() - ledger.campus.desk.boot_ms_at_zero;
    if same_boot && by_boot >= head.engine_time.0 {
        clock.continue_at(EngineTime(by_boot));
    } else {
        clock.continue_at(EngineTime(head.engine_time.0 + gap));
    }
}

impl Erasable {
    /// Takes over what documents show of erasable rows.
    pub fn remember(&mut self, rows: &[RowChange]) {
        for row in rows {
            let detail = row.detail.as_deref();
            if row.table == Table::Accounts {
                // A name outlives its row here, as it does on paper, until the next start.
                let account = detail.and_then(|d| serde_json::from_str::<AccountRow>(d).ok());
                self.names
                    .extend(account.map(|account| (account.id.to_string(), account.name)));
            } else if row.table == Table::Notes {
                put(
                    &mut self.notes,
                    &row.id,
                    detail.and_then(|d| serde_json::from_str(d).ok()),
                );
            }
        }
    }
}

/// Puts committed accounts, devices, sessions and tokens where the adapters look them up.
pub fn remember(shared: &Shared, rows: &[RowChange]) {
    if rows.is_empty() {
        return;
    }
    let mut people = shared
        .people
        .write()
        .unwrap_or_else(PoisonError::into_inner);
    for row in rows {
        let detail = row.detail.as_deref();
        match row.table {
            Table::Accounts => {
                let parsed = detail.and_then(|d| serde_json::from_str::<AccountRow>(d).ok());
                put(&mut people.accounts, &row.id, parsed);
            }
            Table::Devices => {
                let parsed = detail.and_then(|d| serde_json::from_str::<DeviceRow>(d).ok());
                let key = parsed
                    .as_ref()
                    .map_or(row.id.clone(), |d| d.token_sha256.clone());
                put(&mut people.devices, &key, parsed);
            }
            Table::Sessions => {
                let parsed = detail.and_then(|d| serde_json::from_str::<SessionRow>(d).ok());
                put(&mut people.sessions, &row.id, parsed);
            }
            Table::Tokens => {
                let parsed = detail.and_then(|d| serde_json::from_str::<TokenRow>(d).ok());
                put(&mut people.tokens, &row.id, parsed);
            }
            Table::Cases | Table::Cells | Table::Outbox | Table::Answers | Table::Notes => {}
        }
    }
}

fn put<T>(map: &mut BTreeMap<String, T>, key: &str, value: Option<T>) {
    match value {
        Some(value) => map.insert(key.to_owned(), value),
        None => map.remove(key),
    };
}
