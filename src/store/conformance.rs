//! One test of the port for every store.

use std::sync::Arc;

use super::memory::MemoryStore;
use super::sqlite::SqliteStore;
use crate::domain::actor::Actor;
use crate::domain::input::Input;
use crate::domain::time::{EngineTime, WallTime};
use crate::engine::chain::{Broken, verify};
use crate::engine::ledger::{EntryBody, entry_hash};
use crate::engine::ports::{Batch, Entry, RowChange, Store, StoreError, Table};
use crate::procedure::events::Event;

fn entry(seq: u64, previous: &[u8; 32], words: &str) -> Entry {
    let body = EntryBody {
        seq,
        epoch: 1,
        engine_time: EngineTime(i64::try_from(seq).expect("small") * 10),
        wall_time: WallTime(5),
        config_version: "c".into(),
        case: seq.is_multiple_of(2).then(|| "F-1".into()),
        actor: Actor::System,
        input: Input::Configured {
            version: words.into(),
        },
        events: vec![Event::Configured {
            version: words.into(),
        }],
        problem: None,
    };
    let bytes: Arc<str> = serde_json::to_string(&body).expect("serialises").into();
    let hash = entry_hash(previous, &bytes);
    Entry {
        seq,
        epoch: 1,
        engine_time: body.engine_time,
        wall_time: body.wall_time,
        config_version: "c".into(),
        case: body.case,
        actor: body.actor,
        bytes,
        hash,
    }
}

fn entries(count: u64) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for seq in 1..=count {
        let previous = entries.last().map_or([0; 32], |entry| entry.hash);
        entries.push(entry(seq, &previous, "北门烟感 \u{1f525} \"quoted\""));
    }
    entries
}

fn row(table: Table, id: &str, open: bool, detail: Option<&str>) -> RowChange {
    let detail = detail.map(str::to_owned);
    RowChange {
        table,
        id: id.into(),
        seq: 1,
        open,
        due: Some(7),
        detail,
    }
}

fn conforms(mut store: Box<dyn Store>) {
    assert_eq!(store.head().expect("opens").seq, 0);
    let all = entries(5);
    let rows = vec![
        row(Table::Cases, "F-1", true, Some("{\"a\":\"烟\"}")),
        row(Table::Cases, "F-2", false, Some("{}")),
        row(Table::Cells, "point/P1", false, Some("{}")),
        row(Table::Sessions, "s", false, Some("{}")),
    ];
    store
        .commit(&Batch {
            entries: all[..3].to_vec(),
            rows,
        })
        .expect("commits");
    // The same entries again, with more behind them: the known ones are skipped.
    let gone = vec![row(Table::Cells, "point/P1", false, None)];
    store
        .commit(&Batch {
            entries: all[1..].to_vec(),
            rows: gone,
        })
        .expect("commits again");
    let head = store.head().expect("reads");
    assert_eq!((head.seq, head.hash), (5, all[4].hash));
    assert_eq!(store.entries(2, 2).expect("reads"), all[1..3].to_vec());
    let open = store.rows(Table::Cases).expect("reads");
    assert_eq!(
        open.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(),
        ["F-1"]
    );
    assert_eq!(open[0].detail.as_deref(), Some("{\"a\":\"烟\"}"));
    let closed = store.closed(9).expect("reads");
    assert_eq!(
        closed.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(),
        ["F-2"]
    );
    assert_eq!(store.closed(0).expect("reads"), Vec::new());
    assert!(
        store
            .row(Table::Cases, "F-2")
            .expect("reads")
            .is_some_and(|row| !row.open)
    );
    assert_eq!(store.rows(Table::Cells).expect("reads"), Vec::new());
    // Another leader's entry at a known place, and a gap.
    let other = entry(5, &all[3].hash, "another");
    let conflict = store.commit(&Batch {
        entries: vec![other],
        rows: Vec::new(),
    });
    assert!(matches!(conflict, Err(StoreError::Conflict { seq: 5 })));
    let gap = entry(9, &all[4].hash, "later");
    assert!(
        store
            .commit(&Batch {
                entries: vec![gap],
                rows: Vec::new()
            })
            .is_err()
    );
    assert_eq!(store.head().expect("reads").seq, 5);
    // Projections are replaced as a whole; erasable rows stay.
    let new = [row(Table::Cells, "desk", false, Some("{}"))];
    store.replace_projections(&new).expect("replaces");
    assert_eq!(store.projections().expect("reads"), new);
    assert_eq!(store.rows(Table::Sessions).expect("reads").len(), 1);
    let mut seen = 0;
    let whole = verify(&mut *store, |_, _| seen += 1).expect("is whole");
    assert_eq!((whole.entries, whole.head, seen), (5, all[4].hash, 5));
}

#[test]
fn the_memory_store_obeys_the_port() {
    conforms(Box::new(MemoryStore::new("m")));
}

#[test]
fn the_sqlite_store_obeys_the_port() {
    let folder = tempfile::tempdir().expect("a folder");
    conforms(Box::new(
        SqliteStore::new(&folder.path().join("f.db")).expect("a runtime"),
    ));
}

#[test]
fn what_is_committed_is_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("f.db");
    let all = entries(300);
    let mut store = SqliteStore::new(&path).expect("a runtime");
    let id = store.head().expect("opens").journal_id;
    store
        .commit(&Batch {
            entries: all.clone(),
            rows: Vec::new(),
        })
        .expect("commits");
    drop(store);
    let head = SqliteStore::new(&path)
        .expect("a runtime")
        .head()
        .expect("opens");
    assert_eq!(
        (head.journal_id, head.seq, head.hash),
        (id, 300, all[299].hash)
    );
}

#[test]
fn a_store_that_is_not_there_is_found_when_it_comes() {
    let folder = tempfile::tempdir().expect("a folder");
    let later = folder.path().join("later");
    let mut store = SqliteStore::new(&later.join("f.db")).expect("a runtime");
    assert!(matches!(store.head(), Err(StoreError::Unavailable(_))));
    std::fs::create_dir(&later).expect("a folder");
    assert_eq!(store.head().expect("opens").seq, 0);
}

#[test]
fn verify_names_the_first_entry_that_was_touched() {
    let tampered = |change: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("f.db");
        let mut store = SqliteStore::new(&path).expect("a runtime");
        store
            .commit(&Batch {
                entries: entries(6),
                rows: Vec::new(),
            })
            .expect("commits");
        drop(store);
        sql(&path, change);
        let mut store = SqliteStore::new(&path).expect("a runtime");
        match verify(&mut store, |_, _| {}) {
            Err(Broken::At { seq, .. }) => seq,
            other => panic!("{change}: {other:?}"),
        }
    };
    assert_eq!(
        tampered("UPDATE journal SET bytes = replace(bytes, '北', '南') WHERE seq = 3"),
        3
    );
    assert_eq!(tampered("DELETE FROM journal WHERE seq = 4"), 4);
    assert_eq!(
        tampered("UPDATE journal SET case_id = 'F-9' WHERE seq = 2"),
        2
    );
    assert_eq!(
        tampered("UPDATE journal SET wall_time = 6 WHERE seq = 6"),
        6
    );
    let swap = "UPDATE journal SET seq = 100 WHERE seq = 2; UPDATE journal SET seq = 2 WHERE \
                seq = 3; UPDATE journal SET seq = 3 WHERE seq = 100";
    assert_eq!(tampered(swap), 2);
}

/// Runs statements as somebody with a database tool would.
fn sql(path: &std::path::Path, statements: &str) {
    use sqlx::Connection;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let mut open = sqlx::SqliteConnection::connect_with(&options)
            .await
            .expect("opens");
        let statements = sqlx::AssertSqlSafe(statements.to_owned());
        sqlx::raw_sql(statements)
            .execute(&mut open)
            .await
            .expect("runs");
        open.close().await.expect("closes");
    });
}
