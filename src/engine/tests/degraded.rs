//! The journal does not answer in the middle of an alarm: hangs, fails, or succeeds without saying so.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use serde_json::json;
use tempfile::TempDir;

use super::Room;
use crate::domain::actor::Actor;
use crate::domain::input::Input;
use crate::domain::order::Via;
use crate::engine::chain::verify;
use crate::engine::ports::{Batch, Durable, Entry, Head, RowChange, Store, StoreError, Table};
use crate::engine::spool::Found;
use crate::store::memory::MemoryStore;

/// What the disk does at a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disk {
    Works,
    Hangs,
    Fails,
    /// Writes, and says that it did not.
    Lies,
}

/// A store whose disk does as it is told; clones share it.
#[derive(Clone)]
struct Told {
    inner: Arc<Mutex<MemoryStore>>,
    disk: Arc<(Mutex<Disk>, Condvar)>,
}

impl Told {
    fn new() -> Self {
        Self {
            inner: Arc::new(Mutex::new(MemoryStore::new("test"))),
            disk: Arc::new((Mutex::new(Disk::Works), Condvar::new())),
        }
    }

    fn tell(&self, disk: Disk) {
        *self.disk.0.lock().expect("not poisoned") = disk;
        self.disk.1.notify_all();
    }

    fn with<T>(&self, work: impl FnOnce(&mut MemoryStore) -> T) -> T {
        work(&mut self.inner.lock().expect("not poisoned"))
    }

    /// The same journal on a disk of its own that works: what a restart finds.
    fn restarted(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            disk: Self::new().disk,
        }
    }
}

impl Store for Told {
    fn head(&mut self) -> Result<Head, StoreError> {
        self.with(|store| store.head())
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let disk = self.disk.0.lock().expect("not poisoned");
        let hangs = |disk: &mut Disk| *disk == Disk::Hangs;
        let disk = self.disk.1.wait_while(disk, hangs).expect("not poisoned");
        let unavailable = || StoreError::Unavailable("the disk is full".to_owned());
        match *disk {
            Disk::Fails => Err(unavailable()),
            Disk::Lies => {
                drop(disk);
                self.with(|store| store.commit(batch))?;
                self.tell(Disk::Works);
                Err(unavailable())
            }
            Disk::Works | Disk::Hangs => self.with(|store| store.commit(batch)),
        }
    }

    fn rows(&mut self, table: Table) -> Result<Vec<RowChange>, StoreError> {
        self.with(|store| store.rows(table))
    }

    fn closed(&mut self, limit: u32) -> Result<Vec<RowChange>, StoreError> {
        self.with(|store| store.closed(limit))
    }

    fn row(&mut self, table: Table, id: &str) -> Result<Option<RowChange>, StoreError> {
        self.with(|store| store.row(table, id))
    }

    fn entries(&mut self, seq: u64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        self.with(|store| store.entries(seq, limit))
    }

    fn replace_projections(&mut self, rows: &[RowChange]) -> Result<(), StoreError> {
        self.with(|store| store.replace_projections(rows))
    }

    fn projections(&mut self) -> Result<Vec<RowChange>, StoreError> {
        self.with(|store| store.projections())
    }
}

fn spool() -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("fengsui.spool");
    (folder, path)
}

/// A fire alarm with a post there to be sent; the journal hangs.
fn alarm_while_the_journal_hangs() -> (TempDir, std::path::PathBuf, Told, Room) {
    let (folder, path) = spool();
    let store = Told::new();
    let room = Room::with_spool(Box::new(store.clone()), Some(path.clone()));
    room.online("post2");
    store.tell(Disk::Hangs);
    room.fire("P1-015", true);
    (folder, path, store, room)
}

fn records(path: &Path) -> usize {
    let found = Found::read(path).expect("read").expect("a spool");
    found.records.len()
}

fn degraded(room: &Room, how: &str) {
    room.until("summary", |summary| summary["degraded"] == how);
}

/// Every entry is in the journal, once and in order, and its rows are those that a rebuild would make.
fn whole(store: &Told, room: &Room) {
    let mut store = store.clone();
    let verified = verify(&mut store, |_, _| {}).expect("the chain is whole");
    assert_eq!(verified.entries, room.handle.seq());
    let site = Arc::new(super::dormitory());
    let rebuilt = crate::engine::rebuild::rebuild(&mut store, &site).expect("rebuilt");
    assert!(rebuilt.different.is_empty(), "{:?}", rebuilt.different);
}

#[test]
fn an_alarm_goes_out_from_the_spool_while_the_journal_hangs() {
    let (_folder, path, store, room) = alarm_while_the_journal_hangs();
    let order = room.order("verify");
    degraded(&room, "spool");
    let incident = room.incident(|_| true);
    let case = incident["id"].as_str().expect("an id");
    let taken = room.verb(case, "take", json!({})).expect("protective");
    assert_eq!(taken.durable, Durable::Spool);
    let refused = room.verb(case, "judge_false", json!({ "cause": "dust" }));
    let refused = refused.expect_err("not while the journal hangs");
    assert_eq!((refused.status, refused.code.as_str()), (503, "store_down"));
    let real = room.reply(&order, super::ReplyVerb::ReportReal, None);
    assert_eq!(real.expect("heard").durable, Durable::Spool);
    room.order("report");
    assert!(records(&path) > 2);
    store.tell(Disk::Works);
    degraded(&room, "no");
    // The journal has everything; the file is emptied behind it.
    room.until("summary", |_| records(&path) == 0);
    let done = room.verb("site", "mute", json!({})).expect("accepted");
    assert_eq!(done.durable, Durable::Journal);
    whole(&store, &room);
}

#[test]
fn a_restart_finds_in_the_spool_what_the_journal_never_got() {
    let (folder, path) = spool();
    let store = Told::new();
    let room = Room::with_spool(Box::new(store.clone()), Some(path.clone()));
    room.online("post2");
    store.tell(Disk::Fails);
    room.fire("P1-015", true);
    let order = room.order("verify");
    let real = room.reply(&order, super::ReplyVerb::ReportReal, None);
    let seq = real.expect("heard").seq;
    // The first process is as good as dead: nothing of it reaches the journal any more.
    let copy = folder.path().join("copy.spool");
    std::fs::copy(&path, &copy).expect("copied");
    let restarted = store.restarted();
    let again = Room::with_spool(Box::new(restarted.clone()), Some(copy.clone()));
    let incident = again.incident(|_| true);
    assert_eq!(incident["class"], "confirmed");
    assert!(again.handle.seq() >= seq);
    assert_eq!(records(&copy), 0);
    whole(&restarted, &again);
    std::mem::forget(room);
}

#[test]
fn without_journal_and_spool_an_alarm_goes_out_from_memory() {
    let store = Told::new();
    let room = Room::with(Box::new(store.clone()));
    room.online("post2");
    store.tell(Disk::Fails);
    room.fire("P1-015", true);
    room.order("verify");
    degraded(&room, "memory");
    let taken = room.incident(|_| true);
    let case = taken["id"].as_str().expect("an id");
    let taken = room.verb(case, "take", json!({})).expect("protective");
    assert_eq!(taken.durable, Durable::Memory);
    store.tell(Disk::Works);
    degraded(&room, "no");
    whole(&store, &room);
}

#[test]
fn a_commit_that_succeeded_without_saying_so_is_not_done_twice() {
    let (_folder, path) = spool();
    let store = Told::new();
    let room = Room::with_spool(Box::new(store.clone()), Some(path));
    room.online("post2");
    store.tell(Disk::Lies);
    room.fire("P1-015", true);
    room.order("verify");
    whole(&store, &room);
}

#[test]
fn an_alarm_overtakes_an_import() {
    let store = Told::new();
    let room = Room::with(Box::new(store.clone()));
    room.online("post2");
    let before = room.handle.seq();
    store.tell(Disk::Hangs);
    let imports: Vec<_> = (0..5)
        .map(|n| {
            let handle = room.handle.clone();
            std::thread::spawn(move || {
                let subject = format!("import/{n}");
                let input = Input::PeopleChanged { subject };
                let answer = handle.import(Actor::System, input, Vec::new());
                futures_util::future::FutureExt::now_or_never(answer);
            })
        })
        .collect();
    for import in imports {
        import.join().expect("enqueued");
    }
    room.fire("P1-015", true);
    store.tell(Disk::Works);
    room.order("verify");
    let all = before + 6;
    let seq = || store.with(|store| store.head().expect("a journal").seq);
    room.until("summary", |_| seq() >= all);
    let mut seen = Vec::new();
    let mut copy = store.clone();
    verify(&mut copy, |body, _| {
        if matches!(body.input, Input::PeopleChanged { .. }) {
            seen.push("import");
        } else if matches!(body.input, Input::Observed(_)) {
            seen.push("alarm");
        }
    })
    .expect("the chain is whole");
    let alarm = seen.iter().position(|what| *what == "alarm");
    assert!(alarm.is_some_and(|at| at <= 1), "{seen:?}");
}

#[test]
fn what_is_not_urgent_waits_for_the_journal() {
    let (_folder, path) = spool();
    let store = Told::new();
    let room = Room::with_spool(Box::new(store.clone()), Some(path.clone()));
    store.tell(Disk::Hangs);
    let presence = Input::Presence {
        recipient: "post2".into(),
        online: true,
        via: Via::Mqtt,
    };
    let actor = Actor::Recipient("post2".into());
    let answer = room.handle.enqueue(actor, presence, Vec::new());
    // The alarm comes while a batch that nobody hurries for hangs: both go to the spool, in order.
    room.fire("P1-015", true);
    room.order("verify");
    let answer = answer.blocking_recv().expect("answered").expect("accepted");
    assert_eq!(answer.durable, Durable::Spool);
    store.tell(Disk::Works);
    degraded(&room, "no");
    whole(&store, &room);
}

#[test]
fn a_step_of_the_clock_while_the_journal_hangs_moves_no_limit_and_is_in_the_record() {
    let (_folder, _path, store, room) = alarm_while_the_journal_hangs();
    room.order("verify");
    degraded(&room, "spool");
    let due = |incident: &serde_json::Value| {
        let steps = incident["steps"].as_array().expect("steps").iter();
        let mut take = steps.filter(|step| step["id"] == "take");
        take.next().expect("a step")["limit"]["due"].as_i64()
    };
    let before = due(&room.incident(|_| true)).expect("a limit");
    for hours in [72, -144] {
        let from = room.handle.now();
        room.clock.step_wall(hours * 3_600_000);
        let seconds = hours * 3_600;
        room.until("summary", |summary| {
            let faults = summary["faults"].as_array().expect("faults").iter();
            let mut steps = faults.filter(|fault| fault["id"] == "clock");
            steps.any(|fault| {
                let said = fault["line"]["args"]["seconds"].as_str().expect("it");
                let said: i64 = said.parse().expect("a number");
                (said - seconds).abs() <= 5
            })
        });
        let passed = room.handle.now().engine - from.engine;
        assert!(passed < std::time::Duration::from_secs(10), "{passed:?}");
    }
    let incident = room.incident(|_| true);
    assert_eq!(due(&incident), Some(before), "the limit stands");
    assert_eq!(incident["stage"], "verifying");
    let case = incident["id"].as_str().expect("an id");
    let taken = room.verb(case, "take", json!({})).expect("protective");
    assert_eq!(taken.durable, Durable::Spool);
    store.tell(Disk::Works);
    degraded(&room, "no");
    whole(&store, &room);
    let (mut steps, mut engine) = (0, None);
    verify(&mut store.clone(), |body, _| {
        steps += usize::from(matches!(body.input, Input::ClockStepped { .. }));
        assert!(engine <= Some(body.engine_time), "engine time never steps");
        engine = Some(body.engine_time);
    })
    .expect("the chain is whole");
    assert_eq!(steps, 2, "both steps are in the record");
}
