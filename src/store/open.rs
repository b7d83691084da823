//! Opens the database file: who may write it, how it is kept, and which schema it has.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row};

use super::sql;
use crate::engine::ports::StoreError;

/// What this process may do with the file.
pub(super) enum Access {
    /// Reads beside a running daemon.
    Read,
    /// Writes, as the only one: the lock file beside the journal is held from the first use on.
    Write { lock: Option<File> },
}

/// Takes the lock beside the journal: a second process that wrote it would make the first one abort.
fn lock(path: &Path, held: &mut Option<File>) -> Result<(), StoreError> {
    if held.is_some() {
        return Ok(());
    }
    let beside = path.with_extension("lock");
    let unavailable =
        |error: std::io::Error| StoreError::Unavailable(format!("{}: {error}", beside.display()));
    // The folder is never made here: when its disk is not mounted, the journal must not begin anew on another one.
    let file = File::create(&beside).map_err(unavailable)?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(
        |_| StoreError::Unavailable(format!("{} is in use by another fengsui", path.display())),
    )?;
    *held = Some(file);
    Ok(())
}

pub(super) async fn open(path: &Path, access: &mut Access) -> Result<SqliteConnection, StoreError> {
    let writes = match access {
        Access::Write { lock: held } => {
            lock(path, held)?;
            true
        }
        Access::Read => false,
    };
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(writes)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true)
        // The checkpointer does it beside the commits; this many pages (64 MiB) mean that it cannot.
        .pragma("wal_autocheckpoint", "16384")
        .disable_statement_logging();
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .map_err(failed)?;
    if writes {
        migrate(&mut connection).await?;
    }
    Ok(connection)
}

async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let row = sqlx::query("PRAGMA user_version")
        .fetch_one(&mut *connection)
        .await;
    let version: i64 = row.and_then(|row| row.try_get(0)).map_err(failed)?;
    if version > sql::SCHEMA_VERSION {
        return Err(StoreError::Damaged(format!(
            "the database has schema {version}, this program knows {}; use the newer program",
            sql::SCHEMA_VERSION
        )));
    }
    if version == sql::SCHEMA_VERSION {
        return Ok(());
    }
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let mut transaction = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(failed)?;
    if version < 1 {
        sqlx::raw_sql(sql::MIGRATION_1)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        sqlx::query("INSERT INTO meta VALUES ('journal_id', $1)")
            .bind(hex(&random))
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    sqlx::raw_sql(sql::MIGRATION_2)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    sqlx::raw_sql("PRAGMA user_version = 2")
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

/// Which failures go away by themselves or by somebody's help, and which never do.
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    let code = error
        .as_database_error()
        .and_then(|e| e.code())
        .unwrap_or_default();
    match code.parse::<i32>().map(|code| code & 0xff) {
        // SQLITE_CORRUPT, SQLITE_NOTADB
        Ok(11 | 26) => StoreError::Damaged(error.to_string()),
        Ok(_) | Err(_) => StoreError::Unavailable(error.to_string()),
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
