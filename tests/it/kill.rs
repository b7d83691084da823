//! `kill -9` anywhere in a real fire: at each named place, at every output and order, and at random moments. A restart goes on
//! with the same incident; nothing is lost, nothing is done twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use fengsui::domain::output::WriteOutcome;
use fengsui::engine::chain;
use fengsui::engine::ledger::EntryBody;
use fengsui::procedure::events::Event;
use fengsui::store::sqlite::SqliteStore;
use tokio::runtime::{Builder, Runtime};

use super::fire::{Fire, OUTPUTS};
use super::site::TestSite;

/// How much faster than real the outputs move.
const SPEED: f64 = 40.0;
/// Fires that burn at the same time.
const AT_ONCE: usize = 4;
/// Moments chosen by chance, from a seed that is printed.
const RANDOM: u64 = 20;
/// One write of these is one stroke: never two.
const PULSES: [&str; 1] = ["HYDRANT-PUMP"];

/// Every place, and how many of its hits are tried: all of those that stand for one output, some of the rest. With
/// `FENGSUI_KILL_ALL` set (`make night`) every hit of every place is tried.
const PLACES: [(&str, usize); 10] = [
    ("before_commit", 6),
    ("after_commit_before_reply", 6),
    ("before_effect", usize::MAX),
    ("after_permit_before_first_byte", usize::MAX),
    ("mid_write", usize::MAX),
    ("after_last_byte_before_result", usize::MAX),
    ("feedback_before_commit", usize::MAX),
    ("reply_received_before_commit", 12),
    ("reply_committed_before_ack", 12),
    ("order_published_before_at_broker", 12),
];

#[derive(Clone, Debug)]
pub(crate) enum Kill {
    /// At the n-th time that a place is reached.
    Place(&'static str, usize),
    /// So long after the alarm.
    After(Duration),
}

#[test]
fn a_fire_survives_kill_9_at_every_place() {
    let hits = runtime().block_on(uninterrupted());
    let mut kills: Vec<Kill> = Vec::new();
    let all = std::env::var_os("FENGSUI_KILL_ALL").is_some();
    for (place, most) in PLACES {
        let hit = hits.get(place).copied().unwrap_or(0);
        assert!(hit > 0, "the place {place} is never reached");
        let most = if all { hit } else { most.min(hit) };
        let step = hit.div_ceil(most);
        kills.extend((1..=hit).step_by(step).map(|n| Kill::Place(place, n)));
    }
    let seed: u64 = std::process::id().into();
    println!(
        "{} places, {RANDOM} random moments of seed {seed}",
        kills.len()
    );
    kills.extend((0..RANDOM).map(|n| {
        let mixed = (seed + n).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        Kill::After(Duration::from_millis(mixed % 3_000))
    }));
    let (kills, reached) = (Mutex::new(kills), Mutex::new(BTreeSet::new()));
    std::thread::scope(|threads| {
        for _ in 0..AT_ONCE {
            threads.spawn(|| burn_all(&kills, &reached));
        }
    });
    let reached = reached.into_inner().expect("not poisoned");
    let never: Vec<_> = PLACES
        .iter()
        .filter(|(place, _)| !reached.contains(place))
        .collect();
    assert!(never.is_empty(), "never killed at {never:?}");
}

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Says at which kill a fire went wrong.
struct Named(String);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("it went wrong at {}", self.0);
        }
    }
}

/// One thread's fires, until none is left.
fn burn_all(kills: &Mutex<Vec<Kill>>, reached: &Mutex<BTreeSet<&'static str>>) {
    let next = || kills.lock().expect("not poisoned").pop();
    while let Some(kill) = next() {
        let _named = Named(format!("{kill:?}"));
        let place = runtime().block_on(interrupted(kill));
        reached.lock().expect("not poisoned").extend(place);
    }
}

/// A fire without a kill: how often is each place reached?
async fn uninterrupted() -> BTreeMap<String, usize> {
    let mut site = prepared().await;
    let log = site.data().join("places");
    site.set("FENGSUI_CRASH_LOG", &log.display().to_string());
    site.run();
    site.ready().await;
    let mut fire = Fire::ready(site).await;
    // What happened before the fire is not its business.
    std::fs::write(&log, "").expect("emptied");
    fire.burn().await;
    check(&mut fire, &Kill::After(Duration::MAX)).await;
    let text = std::fs::read_to_string(&log).expect("a log of places");
    let mut hits = BTreeMap::new();
    for place in text.lines() {
        *hits.entry(place.to_owned()).or_default() += 1;
    }
    hits
}

pub(crate) async fn prepared() -> TestSite {
    let site = TestSite::prepare(SPEED).await;
    // Windows as fast as the outputs; a lost pulse then becomes a person's task within the test.
    site.edit("linkage.toml", "window_seconds = 120", "window_seconds = 4");
    site.edit("linkage.toml", "window_seconds = 60", "window_seconds = 4");
    site.edit("linkage.toml", "window_seconds = 10", "window_seconds = 3");
    site
}

/// A fire with one kill. Returns the place when it was really reached.
async fn interrupted(kill: Kill) -> Option<&'static str> {
    let mut site = prepared().await;
    site.run();
    site.ready().await;
    let mut fire = Fire::ready(site).await;
    let killer = match &kill {
        Kill::Place(place, n) => {
            fire.site.crash_at(place, *n);
            None
        }
        Kill::After(moment) => {
            let (process, moment) = (fire.site.process(), *moment);
            Some(tokio::spawn(async move {
                // The moment itself is what is tested; nothing waits for it.
                let _ = tokio::time::timeout(moment, std::future::pending::<()>()).await;
                // The daemon may have ended already when the fire was short.
                let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
            }))
        }
    };
    fire.burn().await;
    // A fire that was over before its moment is not interrupted any more.
    if let Some(killer) = killer {
        killer.abort();
        let _ = killer.await;
    }
    check(&mut fire, &kill).await;
    match kill {
        Kill::Place(place, _) => (fire.restarts > 0).then_some(place),
        Kill::After(_) => None,
    }
}

/// Nothing is lost, nothing is done twice.
pub(crate) async fn check(fire: &mut Fire, kill: &Kill) {
    same_as_the_field(fire, kill).await;
    let writes = written(fire).await;
    fire.site.stop().await;
    // The store has a runtime of its own.
    let doubts = tokio::task::block_in_place(|| journal(fire, kill));
    for output in OUTPUTS {
        let count = writes.get(output).copied().unwrap_or(0);
        let in_doubt = doubts.get(output).copied().unwrap_or(0);
        assert!(
            count <= 1 + in_doubt,
            "{kill:?}: {output} was written {count} times, {in_doubt} of them in doubt"
        );
        let pulse = PULSES.contains(&output);
        assert!(
            count < 2 || !pulse,
            "{kill:?}: the pulse {output} was repeated"
        );
    }
}

/// How often each output was written, by the field's own log.
pub(crate) async fn written(fire: &Fire) -> BTreeMap<String, usize> {
    let log = fire.site.field_says("/writes").await;
    let mut writes = BTreeMap::new();
    for write in log["writes"].as_array().expect("writes") {
        assert!(write["violation"].is_null(), "{write}");
        if let Some(output) = write["output"].as_str() {
            *writes.entry(output.to_owned()).or_default() += 1;
        }
    }
    writes
}

/// The journal's last word of each output is what the field shows.
async fn same_as_the_field(fire: &mut Fire, kill: &Kill) {
    let field = fire.site.field_says("/outputs").await;
    for output in OUTPUTS {
        let shown = fire
            .document(&format!("output/{output}"), |document| {
                document["id"] == output
            })
            .await;
        let real = field
            .as_array()
            .expect("outputs")
            .iter()
            .find(|real| real["id"] == output);
        let moved = real.is_some_and(|real| real["feedback"] == true);
        assert_eq!(
            shown["feedback_active"] == true,
            moved,
            "{kill:?}: {output}: {shown} {real:?}"
        );
        assert_eq!(
            shown["state"] == "done",
            moved,
            "{kill:?}: {output}: {shown} {real:?}"
        );
    }
}

/// The record: whole, one verdict, one order to each, every answer once, and a second permit only when the bus said that nothing
/// had left. Returns how often nobody knew what became of an output's write: the process ended between permit and result, or
/// the reply was lost.
fn journal(fire: &Fire, kill: &Kill) -> BTreeMap<String, usize> {
    let mut store = SqliteStore::reader(&fire.site.data().join("fengsui.db")).expect("a runtime");
    let mut events: Vec<Event> = Vec::new();
    let collect = |body: &EntryBody, _| events.extend(body.events.iter().cloned());
    chain::verify(&mut store, collect).unwrap_or_else(|broken| panic!("{kill:?}: {broken}"));
    let mut orders = BTreeSet::new();
    let mut answers = BTreeSet::new();
    let mut permits = BTreeSet::new();
    let mut doubts = BTreeMap::new();
    let (mut real, mut clear, mut closed) = (0, 0, 0);
    for event in &events {
        match event {
            Event::OrderIssued { order, .. } => {
                let what = (order.kind, order.group, order.output.clone());
                let fresh = orders.insert((order.recipient.clone(), what));
                assert!(fresh, "{kill:?}: a second order {order:?}");
            }
            Event::OrderReplied {
                order, reply_id, ..
            } => {
                assert!(
                    answers.insert((order.clone(), reply_id.clone())),
                    "{kill:?}: {reply_id} twice"
                );
            }
            Event::CommandPermitted { command, .. } => {
                assert!(
                    permits.insert(command.clone()),
                    "{kill:?}: a second permit for {command}"
                );
            }
            Event::CommandWritten {
                command,
                outcome: WriteOutcome::NotSent,
                ..
            } => {
                permits.remove(command);
            }
            Event::CommandUnknown { output, .. }
            | Event::CommandWritten {
                output,
                outcome: WriteOutcome::Unknown,
                ..
            } => {
                *doubts.entry(output.to_string()).or_default() += 1;
            }
            Event::JudgedReal { .. } => real += 1,
            Event::AllClear { .. } => clear += 1,
            Event::IncidentClosed { .. } => closed += 1,
            _ => {}
        }
    }
    assert_eq!((real, clear, closed), (1, 1, 1), "{kill:?}");
    let by: BTreeSet<String> = orders
        .iter()
        .map(|(who, (kind, ..))| format!("{who} {kind:?}"))
        .collect();
    for wanted in ["post2 Verify", "director Report", "warden Group"] {
        assert!(by.contains(wanted), "{kill:?}: no order {wanted} in {by:?}");
    }
    doubts
}
