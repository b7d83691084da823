//! `fengsui rebuild`: drops every projection and makes it anew from the journal. Events are applied, nothing is decided again,
//! so the rows must be those that are there already; a difference is reported before it is mended.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chain::{Broken, verify};
use super::ledger::Ledger;
use super::ports::{Head, RowChange, Store, Table};
use crate::domain::site::Site;
use crate::domain::time::{EngineTime, WallTime};

/// Entries after which rows are made and closed incidents leave memory.
const EVERY: u64 = 2_000;

/// What a rebuild found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// Entries that were read.
    pub entries: u64,
    /// Rows that were made.
    pub rows: u64,
    /// Rows that were not as they should be, as `table id`; at most [`DIFFERENT_MAX`].
    pub different: Vec<String>,
}

/// Most differences that are named.
pub const DIFFERENT_MAX: usize = 20;

/// Replays the journal, compares every row of every projection, and writes them anew.
///
/// # Errors
/// The journal is broken, or the store fails; nothing is written then.
pub fn rebuild(store: &mut dyn Store, site: &Arc<Site>) -> Result<Rebuilt, Broken> {
    let mut replay = Replay::new(site);
    let verified = verify(store, |body, hash| replay.take(body, hash))?;
    let rows = replay.finish();
    let before = store.projections()?;
    let different = differences(&before, &rows);
    store.replace_projections(&rows)?;
    Ok(Rebuilt {
        entries: verified.entries,
        rows: rows.len() as u64,
        different,
    })
}

struct Replay {
    ledger: Ledger,
    rows: BTreeMap<(Table, String), RowChange>,
}

impl Replay {
    fn new(site: &Arc<Site>) -> Self {
        let head = Head {
            journal_id: String::new(),
            seq: 0,
            hash: [0; 32],
            epoch: 1,
            engine_time: EngineTime(0),
            wall_time: WallTime(0),
        };
        Self {
            ledger: Ledger::new(Arc::clone(site), head, String::new()),
            rows: BTreeMap::new(),
        }
    }

    fn take(&mut self, body: &super::ledger::EntryBody, hash: [u8; 32]) {
        self.ledger.apply(body, hash);
        if body.seq.is_multiple_of(EVERY) {
            self.fold();
        }
    }

    fn fold(&mut self) {
        let dirty = self.ledger.take_dirty();
        for row in self.ledger.rows(&dirty) {
            let key = (row.table, row.id.clone());
            if row.detail.is_some() {
                self.rows.insert(key, row);
            } else {
                self.rows.remove(&key);
            }
        }
        // Their rows are made; nothing names them again.
        drop(self.ledger.evict_closed());
    }

    fn finish(mut self) -> Vec<RowChange> {
        self.fold();
        self.rows.into_values().collect()
    }
}

fn differences(before: &[RowChange], after: &[RowChange]) -> Vec<String> {
    let index = |rows: &[RowChange]| -> BTreeMap<(Table, String), RowChange> {
        rows.iter()
            .map(|row| ((row.table, row.id.clone()), row.clone()))
            .collect()
    };
    let (before, after) = (index(before), index(after));
    let keys = before.keys().chain(after.keys());
    let mut different: Vec<String> = keys
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|(table, id)| format!("{} {id}", table.name()))
        .collect();
    different.sort();
    different.dedup();
    different.truncate(DIFFERENT_MAX);
    different
}
