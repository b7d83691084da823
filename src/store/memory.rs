//! A store that forgets: for tests and for measuring the engine without a disk. It obeys the same conformance test as SQLite.

use std::collections::BTreeMap;

use crate::domain::time::{EngineTime, WallTime};
use crate::engine::ports::{Batch, Entry, Head, RowChange, Store, StoreError, Table};

/// Journal and rows in memory.
#[derive(Debug)]
pub struct MemoryStore {
    journal_id: String,
    entries: Vec<Entry>,
    rows: BTreeMap<(Table, String), RowChange>,
}

impl MemoryStore {
    /// An empty journal with this identity.
    #[must_use]
    pub fn new(journal_id: &str) -> Self {
        Self {
            journal_id: journal_id.to_owned(),
            entries: Vec::new(),
            rows: BTreeMap::new(),
        }
    }

    fn put(&mut self, row: &RowChange) {
        let key = (row.table, row.id.clone());
        if row.detail.is_some() {
            self.rows.insert(key, row.clone());
        } else {
            self.rows.remove(&key);
        }
    }
}

impl Store for MemoryStore {
    fn head(&mut self) -> Result<Head, StoreError> {
        let last = self.entries.last();
        Ok(Head {
            journal_id: self.journal_id.clone(),
            seq: last.map_or(0, |entry| entry.seq),
            hash: last.map_or([0; 32], |entry| entry.hash),
            epoch: last.map_or(1, |entry| entry.epoch),
            engine_time: last.map_or(EngineTime(0), |entry| entry.engine_time),
            wall_time: last.map_or(WallTime(0), |entry| entry.wall_time),
        })
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let mut fresh = Vec::new();
        let mut next = self.entries.len() as u64 + 1;
        for entry in &batch.entries {
            let there = usize::try_from(entry.seq - 1)
                .ok()
                .and_then(|at| self.entries.get(at));
            match there {
                Some(there) if there.hash == entry.hash => {}
                Some(_) => return Err(StoreError::Conflict { seq: entry.seq }),
                None if entry.seq == next => {
                    fresh.push(entry.clone());
                    next += 1;
                }
                None => return Err(StoreError::Damaged(format!("entry {next} is missing"))),
            }
        }
        self.entries.append(&mut fresh);
        for row in &batch.rows {
            self.put(row);
        }
        Ok(())
    }

    fn rows(&mut self, table: Table) -> Result<Vec<RowChange>, StoreError> {
        let rows = self.rows.values().filter(|row| row.table == table);
        Ok(rows
            .filter(|row| table != Table::Cases || row.open)
            .cloned()
            .collect())
    }

    fn closed(&mut self, limit: u32) -> Result<Vec<RowChange>, StoreError> {
        let rows = self.rows.values();
        let mut rows: Vec<_> = rows
            .filter(|row| row.table == Table::Cases && !row.open)
            .cloned()
            .collect();
        rows.sort_by_key(|row| (std::cmp::Reverse(row.seq), row.id.clone()));
        rows.truncate(limit as usize);
        Ok(rows)
    }

    fn row(&mut self, table: Table, id: &str) -> Result<Option<RowChange>, StoreError> {
        Ok(self.rows.get(&(table, id.to_owned())).cloned())
    }

    fn entries(&mut self, seq: u64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let from = usize::try_from(seq.saturating_sub(1)).unwrap_or(usize::MAX);
        Ok(self
            .entries
            .iter()
            .skip(from)
            .take(limit as usize)
            .cloned()
            .collect())
    }

    fn replace_projections(&mut self, rows: &[RowChange]) -> Result<(), StoreError> {
        self.rows.retain(|(table, _), _| !table.is_projection());
        for row in rows {
            self.put(row);
        }
        Ok(())
    }

    fn projections(&mut self) -> Result<Vec<RowChange>, StoreError> {
        Ok(self
            .rows
            .values()
            .filter(|row| row.table.is_projection())
            .cloned()
            .collect())
    }
}
