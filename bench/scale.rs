//! A journal of 1,000,000 entries with 500 open incidents: how long until a started daemon has read every line once, and how long
//! `rebuild` takes and whether its rows are identical.

#![expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]
#![expect(clippy::expect_used, reason = "a bench that cannot go on ends")]
#![expect(clippy::panic, reason = "a bench that cannot go on ends")]

mod common;

use std::cell::Cell;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::site::Bench;
use common::stopwatch;
use fengsui::config;
use fengsui::domain::actor::Actor;
use fengsui::domain::input::{Edge, Input, Observation, Reply, Request};
use fengsui::domain::order::{Cause, ReplyVerb, Via};
use fengsui::domain::point::{Conditions, Quality, Reading};
use fengsui::domain::site::Site;
use fengsui::domain::time::{EngineTime, Now, WallTime};
use fengsui::engine::ledger::Ledger;
use fengsui::engine::ports::{Batch, Store};
use fengsui::engine::rebuild;
use fengsui::store::sqlite::SqliteStore;

/// Entries of the journal.
const ENTRIES: u64 = 1_000_000;
/// Incidents that stay open.
const OPEN: usize = 500;
/// One entry in so many begins a false alarm that ends.
const EVERY: u64 = 100;
/// Entries of one transaction.
const BATCH: usize = 5_000;

fn main() {
    let took = Cell::new(Duration::ZERO);
    let mut bench = Bench::start(add_ghosts, |config, data| {
        let watch = stopwatch();
        fill(config, &data.join("fengsui.db"));
        took.set(watch.elapsed());
    });
    println!(
        "{ENTRIES} entries, {OPEN} open incidents, made in {:.1} s",
        took.get().as_secs_f64()
    );
    println!(
        "start of the process to the first whole poll      {:>8.2} s (goal: at most 3)",
        bench.up_after.as_secs_f64()
    );
    let (config, path) = bench.stop();
    let mut store = SqliteStore::new(&path).expect("a runtime");
    let watch = stopwatch();
    let rebuilt = rebuild::rebuild(&mut store, &Arc::new(site(&config))).expect("rebuilds");
    println!(
        "rebuild of {} rows                              {:>8.2} s (goal: at most 30), different: {}",
        rebuilt.rows,
        watch.elapsed().as_secs_f64(),
        rebuilt.different.len()
    );
    assert!(rebuilt.different.is_empty(), "{:?}", rebuilt.different);
}

fn site(config: &Path) -> Site {
    match config::load(config) {
        Ok(configuration) => configuration.site,
        Err(_) => panic!("the configuration of the bench is wrong"),
    }
}

/// A line that answers nobody, with one detector in each of 500 compartments.
fn add_ghosts(config: &Path) {
    let read = |file: &str| std::fs::read_to_string(config.join(file)).expect("text");
    let write = |file: &str, text: &str| std::fs::write(config.join(file), text).expect("written");
    let profile = read("panels/simulated_panel.toml")
        .replace("count = 120", "count = 600")
        .replace("start = 200", "start = 1200");
    write("panels/ghost_panel.toml", &profile);
    let mut site = read("site.toml");
    let mut points = read("points.csv");
    site += "\n[[buses]]\nid = \"ghost\"\nname = { zh = \"无\", en = \"Ghost\" }\naddress = \"127.0.0.1:9\"\n";
    site += "poll_interval_ms = 1000\ntimeout_ms = 500\nunits = [{ unit = 1, profile = \"ghost_panel\" }]\n";
    for n in 0..OPEN {
        let _ = write!(
            site,
            "\n[[compartments]]\nid = \"G-{n}\"\nname = {{ zh = \"G{n}\", en = \"G{n}\" }}\nbuilding = \"D1\"\nfloor = \"D1-2F\"\nzone = \"D1-2\"\n"
        );
        let _ = writeln!(
            points,
            "G-{n:04},smoke,感烟 9-{n:03},Smoke 9-{n:03},D1,D1-2F,{n}室,Room {n},G-{n},,,d1-201,ghost,1,devices,{n}"
        );
    }
    write("site.toml", &site);
    write("points.csv", &points);
}

/// Makes the journal by the same decisions that a daemon would take.
fn fill(config: &Path, path: &Path) {
    let mut store = SqliteStore::new(path).expect("a runtime");
    let head = store.head().expect("a journal");
    let mut maker = Maker {
        ledger: Ledger::new(Arc::new(site(config)), head, "bench".to_owned()),
        store,
        batch: Batch::default(),
        at: 0,
    };
    maker.observe("P1-SOUNDERS", Conditions::default());
    for n in 0..OPEN {
        maker.fire(&format!("G-{n:04}"), true);
    }
    let mut turn = 0_u64;
    while maker.ledger.head.seq < ENTRIES {
        turn += 1;
        if turn.is_multiple_of(EVERY) {
            maker.false_alarm("P1-001");
        }
        let active = turn.is_multiple_of(2);
        maker.observe(
            "GAS-VALVE-CLOSED",
            Conditions {
                active,
                ..Conditions::default()
            },
        );
    }
    maker.commit();
}

struct Maker {
    ledger: Ledger,
    store: SqliteStore,
    batch: Batch,
    at: i64,
}

impl Maker {
    fn take(&mut self, actor: Actor, input: Input) {
        self.at += 10;
        let now = Now {
            engine: EngineTime(self.at),
            wall: WallTime(1_795_000_000_000 + self.at),
        };
        let taken = self.ledger.take(now, &Request { actor, input });
        self.batch.entries.extend(taken.entry);
        if self.batch.entries.len() >= BATCH {
            self.commit();
        }
    }

    fn commit(&mut self) {
        let dirty = self.ledger.take_dirty();
        self.batch.rows = self.ledger.rows(&dirty);
        self.store
            .commit(&std::mem::take(&mut self.batch))
            .expect("commits");
        drop(self.ledger.evict_closed());
    }

    fn observe(&mut self, point: &str, conditions: Conditions) {
        let at = EngineTime(self.at);
        let observation = Observation {
            point: point.into(),
            latest: Reading::new(conditions, Quality::Good, at),
            edge: conditions.fire.then_some(Edge { at, high: false }),
            missed_edges: 0,
        };
        self.take(Actor::Field, Input::Observed(observation));
    }

    fn fire(&mut self, point: &str, fire: bool) {
        let conditions = Conditions {
            fire,
            ..Conditions::default()
        };
        self.observe(point, conditions);
    }

    fn false_alarm(&mut self, point: &str) {
        self.fire(point, true);
        let mut incidents = self.ledger.campus.incidents.values();
        let mine = incidents.find(|incident| {
            let here = incident
                .signals
                .iter()
                .any(|s| s.point.as_ref() == Some(&point.into()));
            here && incident.is_undecided()
        });
        let order = mine.and_then(|incident| incident.orders.values().next());
        let Some(order) = order else {
            panic!("nobody was sent")
        };
        let reply = Reply {
            recipient: order.given.recipient.clone(),
            order: order.given.id.clone(),
            reply_id: format!("bench-{}", self.at),
            verb: ReplyVerb::ReportFalse,
            cause: Some(Cause::Dust),
            reason: None,
            via: Via::Mqtt,
            figures: None,
        };
        self.take(
            Actor::Recipient(reply.recipient.clone()),
            Input::Reply(reply),
        );
        self.fire(point, false);
    }
}
