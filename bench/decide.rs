//! How long until alarms are decided and committed, and until they are to be seen: one at a time, and 500 at once in 50
//! compartments, on SQLite with `synchronous=FULL`. A loop of `fdatasync` in the same minute says what the disk gives.

#![expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]
#![expect(clippy::expect_used, reason = "a bench that cannot go on ends")]
#![expect(clippy::panic, reason = "a bench that cannot go on ends")]

mod common;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use common::{Engine, Figures, engine, stopwatch};
use fengsui::domain::actor::Actor;
use fengsui::domain::input::{Edge, Input, Observation, Request};
use fengsui::domain::point::{Conditions, Quality, Reading};
use fengsui::domain::site::Site;
use fengsui::domain::time::{EngineTime, Now, WallTime};
use fengsui::engine::handle::BULK_ROWS_MAX;
use fengsui::engine::ledger::Ledger;
use fengsui::engine::ports::{Batch, Entry, RowChange, Store, Table};
use fengsui::engine::run::BATCH_INPUTS_MAX;
use fengsui::store::sqlite::SqliteStore;

/// Alarms at once.
const ALARMS: usize = 500;
/// Compartments that they stand in.
const COMPARTMENTS: usize = 50;
/// Rounds of [`ALARMS`] until they are seen.
const ROUNDS: usize = 20;
/// Rounds until they are committed. All of a round end together, so fewer would make a p99 of the slowest one.
const COMMITTED_ROUNDS: usize = 100;
/// Rows of an import.
const IMPORTED: usize = 20_000;
/// Single alarms.
const SINGLES: usize = 200;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let sync = fdatasync(folder.path());
    sync.print("fdatasync of 4 KiB");
    let mut single = Figures::default();
    let mut many = Figures::default();
    for round in 0..ROUNDS {
        let path = folder.path().join(format!("{round}.db"));
        let running = engine(&path, Arc::new(site()));
        let points: Vec<_> = (0..ALARMS)
            .map(|n| format!("B-{n:04}").as_str().into())
            .collect();
        let mut changes = running.handle.changes();
        let watch = stopwatch();
        for point in &points {
            running
                .handle
                .observe(point, reading(&running.handle, true));
        }
        let mut left: std::collections::BTreeSet<String> = points
            .iter()
            .map(|point| format!("point/{point}"))
            .collect();
        while !left.is_empty() {
            let change = changes.blocking_recv().expect("a change");
            let elapsed = watch.elapsed();
            for key in change.documents.keys() {
                if left.remove(&**key) {
                    many.push(elapsed);
                }
            }
        }
        running.stop();
    }
    for round in 0..SINGLES / COMPARTMENTS {
        let path = folder.path().join(format!("single-{round}.db"));
        let running = engine(&path, Arc::new(site()));
        for n in 0..COMPARTMENTS {
            single.push(one_alarm(&running, n));
        }
        running.stop();
    }
    decided(folder.path()).print("500 alarms at once, decide + commit");
    single.print("1 alarm, until its documents are to be seen");
    many.print("500 alarms at once, until each is to be seen");
    beside_an_import(folder.path()).print("1 alarm while 20,000 rows are imported, until seen");
}

/// Single alarms, each in a compartment of its own and as soon as the one before was seen, while accounts are imported.
fn beside_an_import(folder: &Path) -> Figures {
    let mut figures = Figures::default();
    for round in 0..SINGLES / COMPARTMENTS {
        let path = folder.join(format!("import-{round}.db"));
        let running = engine(&path, Arc::new(site()));
        let handle = running.handle.clone();
        let import = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.expect("a runtime").block_on(import(&handle));
        });
        for n in 0..COMPARTMENTS {
            figures.push(one_alarm(&running, n));
        }
        assert!(
            !import.is_finished(),
            "the import was over before the alarms"
        );
        import.join().expect("imported");
        running.stop();
    }
    figures
}

/// From an alarm to its documents.
fn one_alarm(running: &Engine, n: usize) -> Duration {
    let handle = &running.handle;
    let point = format!("B-{n:04}").as_str().into();
    let key = format!("point/{point}");
    let mut changes = handle.changes();
    let watch = stopwatch();
    handle.observe(&point, reading(handle, true));
    while !changes
        .blocking_recv()
        .expect("a change")
        .documents
        .contains_key(key.as_str())
    {}
    watch.elapsed()
}

async fn import(handle: &fengsui::engine::handle::Handle) {
    for part in 0..IMPORTED.div_ceil(BULK_ROWS_MAX) {
        let row = |n: usize| RowChange {
            table: Table::Accounts,
            id: format!("a{part}-{n}"),
            seq: 0,
            open: false,
            due: None,
            detail: Some(format!(
                r#"{{"id":"a{part}-{n}","name":"{n}","role":"viewer","recipient":null,"password_hash":""}}"#
            )),
        };
        let rows = (0..BULK_ROWS_MAX).map(row).collect();
        let subject = "accounts".to_owned();
        let input = Input::PeopleChanged { subject };
        let answer = handle.import(Actor::System, input, rows).await;
        answer.expect("imported");
    }
}

/// 500 alarms decided and committed in batches: as in the engine, the next batch is decided while the last one commits.
fn decided(folder: &Path) -> Figures {
    let site = Arc::new(site());
    let mut figures = Figures::default();
    for round in 0..COMMITTED_ROUNDS {
        let path = folder.join(format!("decided-{round}.db"));
        let mut store = SqliteStore::new(&path).expect("a runtime");
        let head = store.head().expect("a journal");
        let mut ledger = Ledger::new(Arc::clone(&site), head, "bench".to_owned());
        // The journal of the round before is on the disk, not on its way there.
        rustix::fs::sync();
        let (batches, waiting) = sync_channel::<(Batch, usize)>(0);
        let watch = stopwatch();
        let committer = std::thread::spawn(move || {
            let mut committed = Vec::new();
            for (batch, alarms) in waiting {
                store.commit(&batch).expect("commits");
                committed.extend(vec![watch.elapsed(); alarms]);
            }
            committed
        });
        for batch in (0..ALARMS).collect::<Vec<_>>().chunks(BATCH_INPUTS_MAX) {
            let entries = batch
                .iter()
                .filter_map(|n| alarm(&mut ledger, *n))
                .collect();
            let dirty = ledger.take_dirty();
            let rows = ledger.rows(&dirty);
            let decided = (Batch { entries, rows }, batch.len());
            batches.send(decided).expect("the committer waits");
        }
        drop(batches);
        for took in committer.join().expect("it ends") {
            figures.push(took);
        }
    }
    figures
}

fn alarm(ledger: &mut Ledger, n: usize) -> Option<Entry> {
    let at = EngineTime(1_000);
    let wall = WallTime(1_795_000_000_000);
    let conditions = Conditions {
        fire: true,
        ..Conditions::default()
    };
    let observation = Observation {
        point: format!("B-{n:04}").into(),
        latest: Reading::new(conditions, Quality::Good, at),
        edge: Some(Edge { at, high: false }),
        missed_edges: 0,
    };
    let request = Request {
        actor: Actor::Field,
        input: Input::Observed(observation),
    };
    ledger.take(Now { engine: at, wall }, &request).entry
}

fn reading(handle: &fengsui::engine::handle::Handle, fire: bool) -> Reading {
    Reading::new(
        Conditions {
            fire,
            ..Conditions::default()
        },
        Quality::Good,
        handle.now().engine,
    )
}

/// The shipped site with 500 more smoke detectors in 50 compartments of their own.
fn site() -> Site {
    let mut site = common::shipped().site;
    let model = site
        .points
        .values()
        .find(|point| point.kind.is_fire())
        .cloned()
        .expect("a detector");
    let compartment = site.compartments[&model.compartment].clone();
    for n in 0..COMPARTMENTS {
        let mut new = compartment.clone();
        new.id = format!("B-{n}").into();
        site.compartments.insert(new.id.clone(), new);
    }
    for n in 0..ALARMS {
        let mut new = model.clone();
        new.id = format!("B-{n:04}").into();
        new.compartment = format!("B-{}", n % COMPARTMENTS).into();
        site.points.insert(new.id.clone(), new);
    }
    site
}

fn fdatasync(folder: &Path) -> Figures {
    let mut file = std::fs::File::create(folder.join("sync")).expect("a file");
    let mut figures = Figures::default();
    for _ in 0..500 {
        let watch = stopwatch();
        file.write_all(&[7; 4096]).expect("written");
        file.sync_data().expect("synced");
        figures.push(watch.elapsed());
    }
    figures
}
