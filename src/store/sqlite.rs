//! The default store: one SQLite file, WAL, `synchronous=FULL`, one connection that writes, one statement per table and batch.
//!
//! Calls block: the committer thread is the only writer. A file that cannot be opened or written is [`StoreError::Unavailable`]
//! and is opened again at the next call.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Row};
use tokio::runtime::{Builder, Runtime};

use super::checkpoint::Checkpointer;
use super::open::{Access, failed, hex, open};
use super::sql::{self, TableSql};
use crate::domain::time::{EngineTime, WallTime};
use crate::engine::ports::{Batch, Entry, Head, RowChange, Store, StoreError, Table};

/// A store in one file.
pub struct SqliteStore {
    path: PathBuf,
    access: Access,
    runtime: Runtime,
    connection: Option<SqliteConnection>,
    /// Works from the first commit on.
    checkpointer: Option<Checkpointer>,
}

impl SqliteStore {
    /// A store at `path` that this process alone writes; the file is made at the first use when it is not there.
    ///
    /// # Errors
    /// The operating system gives no runtime.
    pub fn new(path: &Path) -> std::io::Result<Self> {
        Self::with_access(path, Access::Write { lock: None })
    }

    /// A store at `path` that is only read, also while a daemon writes it.
    ///
    /// # Errors
    /// The operating system gives no runtime.
    pub fn reader(path: &Path) -> std::io::Result<Self> {
        Self::with_access(path, Access::Read)
    }

    fn with_access(path: &Path, access: Access) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self {
            path: path.to_owned(),
            access,
            runtime,
            connection: None,
            checkpointer: None,
        })
    }

    /// Runs `work` on the open connection; after a failure the connection is opened anew.
    fn with<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Self {
            path,
            access,
            runtime,
            connection,
            ..
        } = self;
        runtime.block_on(async {
            let mut open = match connection.take() {
                Some(open) => open,
                None => open(path, access).await?,
            };
            let result = work(&mut open).await;
            if result.is_ok() {
                *connection = Some(open);
            }
            result
        })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        drop(self.checkpointer.take());
        if let Some(open) = self.connection.take() {
            // Closing only checkpoints the WAL; the next start does it otherwise.
            let _ = self.runtime.block_on(open.close());
        }
    }
}

fn table(table: Table) -> TableSql {
    match table {
        Table::Cases => sql::CASES,
        Table::Cells => sql::CELLS,
        Table::Outbox => sql::OUTBOX,
        Table::Answers => sql::ANSWERS,
        Table::Accounts => sql::ACCOUNTS,
        Table::Devices => sql::DEVICES,
        Table::Sessions => sql::SESSIONS,
        Table::Tokens => sql::TOKENS,
        Table::Notes => sql::NOTES,
    }
}

/// SQLite's integers are signed; a seq never comes near the end of them.
fn signed(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn hash_of(bytes: &[u8]) -> Result<[u8; 32], StoreError> {
    bytes
        .try_into()
        .map_err(|_| StoreError::Damaged("a hash of the journal is not 32 bytes".into()))
}

/// The entries of a batch that are not in the journal yet.
async fn fresh<'a>(
    connection: &mut SqliteConnection,
    entries: &'a [Entry],
) -> Result<Vec<&'a Entry>, StoreError> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return Ok(Vec::new());
    };
    let rows = sqlx::query(sql::HASHES)
        .bind(signed(first.seq))
        .bind(signed(last.seq))
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
    let mut there = BTreeMap::new();
    for row in rows {
        let seq: i64 = row.try_get(0).map_err(failed)?;
        let hash: Vec<u8> = row.try_get(1).map_err(failed)?;
        there.insert(unsigned(seq), hash_of(&hash)?);
    }
    let mut fresh = Vec::new();
    for entry in entries {
        match there.get(&entry.seq) {
            Some(hash) if *hash == entry.hash => {}
            Some(_) => return Err(StoreError::Conflict { seq: entry.seq }),
            None => fresh.push(entry),
        }
    }
    Ok(fresh)
}

async fn append(connection: &mut SqliteConnection, entries: &[&Entry]) -> Result<(), StoreError> {
    let Some(first) = entries.first() else {
        return Ok(());
    };
    let last: Option<i64> = sqlx::query_scalar("SELECT max(seq) FROM journal")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if signed(first.seq) != last.unwrap_or(0) + 1 {
        return Err(StoreError::Damaged(format!(
            "entry {} is missing",
            last.unwrap_or(0) + 1
        )));
    }
    let mut texts = Texts::default();
    let batch: Vec<_> = entries
        .iter()
        .map(|entry| {
            let (from, length) = texts.put(&entry.bytes);
            json!({
                "seq": entry.seq,
                "epoch": entry.epoch,
                "engine_time": entry.engine_time,
                "wall_time": entry.wall_time,
                "config_version": entry.config_version,
                "case": entry.case,
                "actor": json!(entry.actor).to_string(),
                "from": from,
                "length": length,
                "hash": hex(&entry.hash),
            })
        })
        .collect();
    let text = json!(batch).to_string();
    sqlx::query(sql::APPEND)
        .bind(text)
        .bind(texts.0)
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Writes rows, one statement per table and kind of change.
async fn write_rows(
    connection: &mut SqliteConnection,
    rows: &[RowChange],
) -> Result<(), StoreError> {
    for kind in Table::ALL {
        let of_table = || rows.iter().filter(|row| row.table == kind);
        let sql = table(kind);
        let gone: Vec<_> = of_table()
            .filter(|row| row.detail.is_none())
            .map(|row| &row.id)
            .collect();
        if !gone.is_empty() {
            let text = json!(gone).to_string();
            sqlx::query(sql.delete)
                .bind(text)
                .execute(&mut *connection)
                .await
                .map_err(failed)?;
        }
        let kept: Vec<_> = of_table().filter(|row| row.detail.is_some()).collect();
        if !kept.is_empty() {
            let mut texts = Texts::default();
            let listed: Vec<_> = kept.iter().map(|row| plain(row, &mut texts)).collect();
            sqlx::query(sql.upsert)
                .bind(json!(listed).to_string())
                .bind(texts.0)
                .execute(&mut *connection)
                .await
                .map_err(failed)?;
        }
    }
    Ok(())
}

/// Texts one after the other, as one parameter of a statement.
#[derive(Default)]
struct Texts(Vec<u8>);

impl Texts {
    /// Where SQL finds the text: its first byte, counted from 1, and its length.
    fn put(&mut self, text: &str) -> (usize, usize) {
        let from = self.0.len() + 1;
        self.0.extend_from_slice(text.as_bytes());
        (from, text.len())
    }
}

/// A row as the statement reads it; `open` is 0 or 1.
fn plain(row: &RowChange, texts: &mut Texts) -> serde_json::Value {
    let (from, length) = texts.put(row.detail.as_deref().unwrap_or_default());
    json!({
        "id": row.id,
        "seq": row.seq,
        "open": i32::from(row.open),
        "due": row.due,
        "from": from,
        "length": length,
    })
}

fn read_row(table: Table, row: &SqliteRow) -> Result<RowChange, StoreError> {
    let seq: i64 = row.try_get(1).map_err(failed)?;
    let open: i64 = row.try_get(2).map_err(failed)?;
    Ok(RowChange {
        table,
        id: row.try_get(0).map_err(failed)?,
        seq: unsigned(seq),
        open: open != 0,
        due: row.try_get(3).map_err(failed)?,
        detail: Some(row.try_get(4).map_err(failed)?),
    })
}

fn read_entry(row: &SqliteRow) -> Result<Entry, StoreError> {
    let integer = |at: usize| row.try_get::<i64, _>(at).map_err(failed);
    let actor: String = row.try_get(6).map_err(failed)?;
    let bytes: String = row.try_get(7).map_err(failed)?;
    let hash: Vec<u8> = row.try_get(8).map_err(failed)?;
    let case: Option<String> = row.try_get(5).map_err(failed)?;
    let unreadable = |error: serde_json::Error| StoreError::Damaged(format!("actor: {error}"));
    Ok(Entry {
        seq: unsigned(integer(0)?),
        epoch: unsigned(integer(1)?),
        engine_time: EngineTime(integer(2)?),
        wall_time: WallTime(integer(3)?),
        config_version: row.try_get(4).map_err(failed)?,
        case: case.map(Into::into),
        actor: serde_json::from_str(&actor).map_err(unreadable)?,
        bytes: bytes.into(),
        hash: hash_of(&hash)?,
    })
}

impl Store for SqliteStore {
    fn head(&mut self) -> Result<Head, StoreError> {
        self.with(async |connection| {
            let journal_id: String =
                sqlx::query_scalar("SELECT value FROM meta WHERE key = 'journal_id'")
                    .fetch_one(&mut *connection)
                    .await
                    .map_err(failed)?;
            let row = sqlx::query(sql::HEAD)
                .fetch_optional(connection)
                .await
                .map_err(failed)?;
            let mut head = Head {
                journal_id,
                seq: 0,
                hash: [0; 32],
                epoch: 1,
                engine_time: EngineTime(0),
                wall_time: WallTime(0),
            };
            if let Some(row) = row {
                let hash: Vec<u8> = row.try_get(4).map_err(failed)?;
                head.seq = unsigned(row.try_get(0).map_err(failed)?);
                head.epoch = unsigned(row.try_get(1).map_err(failed)?);
                head.engine_time = EngineTime(row.try_get(2).map_err(failed)?);
                head.wall_time = WallTime(row.try_get(3).map_err(failed)?);
                head.hash = hash_of(&hash)?;
            }
            Ok(head)
        })
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.with(async |connection| {
            let mut transaction = connection
                .begin_with("BEGIN IMMEDIATE")
                .await
                .map_err(failed)?;
            let fresh = fresh(&mut transaction, &batch.entries).await?;
            append(&mut transaction, &fresh).await?;
            write_rows(&mut transaction, &batch.rows).await?;
            transaction.commit().await.map_err(failed)
        })?;
        let path = &self.path;
        let checkpointer = self
            .checkpointer
            .get_or_insert_with(|| Checkpointer::start(path));
        checkpointer.committed(batch);
        Ok(())
    }

    fn rows(&mut self, kind: Table) -> Result<Vec<RowChange>, StoreError> {
        self.with(async |connection| {
            let rows = sqlx::query(table(kind).all)
                .fetch_all(connection)
                .await
                .map_err(failed)?;
            rows.iter().map(|row| read_row(kind, row)).collect()
        })
    }

    fn closed(&mut self, limit: u32) -> Result<Vec<RowChange>, StoreError> {
        self.with(async |connection| {
            let query = sqlx::query(sql::CASES_CLOSED).bind(i64::from(limit));
            let rows = query.fetch_all(connection).await.map_err(failed)?;
            rows.iter().map(|row| read_row(Table::Cases, row)).collect()
        })
    }

    fn row(&mut self, kind: Table, id: &str) -> Result<Option<RowChange>, StoreError> {
        self.with(async |connection| {
            let query = sqlx::query(table(kind).one).bind(id.to_owned());
            let row = query.fetch_optional(connection).await.map_err(failed)?;
            row.map(|row| read_row(kind, &row)).transpose()
        })
    }

    fn entries(&mut self, seq: u64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        self.with(async |connection| {
            let query = sqlx::query(sql::ENTRIES)
                .bind(signed(seq))
                .bind(i64::from(limit));
            let rows = query.fetch_all(connection).await.map_err(failed)?;
            rows.iter().map(read_entry).collect()
        })
    }

    fn replace_projections(&mut self, rows: &[RowChange]) -> Result<(), StoreError> {
        self.with(async |connection| {
            let mut transaction = connection
                .begin_with("BEGIN IMMEDIATE")
                .await
                .map_err(failed)?;
            for kind in Table::ALL.into_iter().filter(|kind| kind.is_projection()) {
                let clear = sqlx::query(table(kind).clear);
                clear.execute(&mut *transaction).await.map_err(failed)?;
            }
            write_rows(&mut transaction, rows).await?;
            transaction.commit().await.map_err(failed)
        })
    }

    fn projections(&mut self) -> Result<Vec<RowChange>, StoreError> {
        self.with(async |connection| {
            let mut rows = Vec::new();
            for kind in Table::ALL.into_iter().filter(|kind| kind.is_projection()) {
                let all = if kind == Table::Cases {
                    sql::CASES_ALL
                } else {
                    table(kind).all
                };
                let found = sqlx::query(all)
                    .fetch_all(&mut *connection)
                    .await
                    .map_err(failed)?;
                for row in &found {
                    rows.push(read_row(kind, row)?);
                }
            }
            Ok(rows)
        })
    }
}

#[cfg(test)]
mod tests {
    use sqlx::ConnectOptions;
    use sqlx::sqlite::SqliteConnectOptions;

    use super::*;

    #[test]
    fn a_journal_of_the_first_schema_keeps_its_identity_and_gets_the_new_tables() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.db");
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let options = SqliteConnectOptions::new().filename(&path);
            let mut old = options
                .create_if_missing(true)
                .connect()
                .await
                .expect("made");
            for text in [
                sql::MIGRATION_1,
                "INSERT INTO meta VALUES ('journal_id', 'old'); PRAGMA user_version = 1",
            ] {
                sqlx::raw_sql(text).execute(&mut old).await.expect("old");
            }
            old.close().await.expect("closed");
        });
        for _ in 0..2 {
            let mut store = SqliteStore::new(&path).expect("a runtime");
            assert_eq!(store.head().expect("reads").journal_id, "old");
            for table in Table::ALL {
                assert_eq!(store.rows(table).expect("reads"), Vec::new());
            }
        }
    }
}
