//! The whole engine on a store in memory, with a stand-in for the field: both branches of a fire.

mod degraded;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::handle::Handle;
use super::ports::{Answer, Field, Store, WriteEffect};
use super::run::{Parts, Running, handle, shared, spawn};
use super::testing::{dormitory, output_feedback};
use crate::clock::Clock;
use crate::domain::actor::{Actor, Role};
use crate::domain::ids::{OrderId, PointId, RecipientId};
use crate::domain::input::{Input, Reply, Verb};
use crate::domain::order::{Cause, ReplyVerb, Via};
use crate::domain::output::WriteOutcome;
use crate::domain::point::{Conditions, Quality, Reading};
use crate::store::memory::MemoryStore;
use crate::store::sqlite::SqliteStore;

/// Keeps what the field was asked to write.
#[derive(Default)]
struct Asked(Mutex<Vec<WriteEffect>>);

impl Field for Asked {
    fn write(&self, effect: WriteEffect) {
        self.0.lock().expect("not poisoned").push(effect);
    }
}

struct Room {
    handle: Handle,
    field: Arc<Asked>,
    clock: Clock,
    engine: Option<Running>,
}

impl Room {
    fn new() -> Self {
        Self::with(Box::new(MemoryStore::new("test")))
    }

    fn with(store: Box<dyn Store>) -> Self {
        Self::with_spool(store, None)
    }

    fn with_spool(store: Box<dyn Store>, spool: Option<PathBuf>) -> Self {
        let field = Arc::new(Asked::default());
        let shared = shared();
        let clock = Clock::default();
        let parts = Parts {
            site: Arc::new(dormitory()),
            config_version: "1".into(),
            store,
            spool,
            field: Arc::clone(&field) as Arc<dyn Field>,
            clock: clock.clone(),
            shared: Arc::clone(&shared),
        };
        let engine = spawn(parts).expect("a thread");
        let room = Self {
            handle: handle(&shared, &clock),
            field,
            clock,
            engine: Some(engine),
        };
        room.until("summary", |_| true);
        let up = Input::Link {
            bus: "panel1".into(),
            up: true,
            reason: String::new(),
        };
        room.submit(Actor::Field, up).expect("accepted");
        let up = Input::Link {
            bus: "io1".into(),
            up: true,
            reason: String::new(),
        };
        room.submit(Actor::Field, up).expect("accepted");
        room
    }

    fn submit(&self, actor: Actor, input: Input) -> Answer {
        self.handle
            .enqueue(actor, input, Vec::new())
            .blocking_recv()
            .expect("answered")
    }

    fn observe(&self, point: &str, conditions: Conditions) {
        let reading = Reading::new(conditions, Quality::Good, self.handle.now().engine);
        self.handle.observe(&PointId::from(point), reading);
    }

    fn fire(&self, point: &str, fire: bool) {
        self.observe(
            point,
            Conditions {
                fire,
                ..Conditions::default()
            },
        );
    }

    fn feed_back(&self, point: &str, active: bool) {
        self.observe(
            point,
            Conditions {
                active,
                ..Conditions::default()
            },
        );
    }

    fn online(&self, who: &str) {
        let input = Input::Presence {
            recipient: who.into(),
            online: true,
            via: Via::Mqtt,
        };
        self.submit(Actor::Recipient(who.into()), input)
            .expect("accepted");
    }

    fn verb(&self, case: &str, name: &str, body: Value) -> Answer {
        self.verb_as(case, name, body, None)
    }

    fn verb_as(&self, case: &str, name: &str, body: Value, who: Option<&str>) -> Answer {
        let verb = Verb {
            case: case.into(),
            name: name.into(),
            body,
            role: Role::Operator,
            recipient: who.map(Into::into),
            idempotency: None,
        };
        self.submit(Actor::Account("op1".into()), Input::Verb(verb))
    }

    fn reply(&self, order: &Value, verb: ReplyVerb, cause: Option<Cause>) -> Answer {
        let recipient: RecipientId = order["recipient"].as_str().expect("a recipient").into();
        let reply = Reply {
            recipient: recipient.clone(),
            order: OrderId::from(order["id"].as_str().expect("an id")),
            reply_id: format!("{verb:?}"),
            verb,
            cause,
            reason: None,
            via: Via::Mqtt,
            figures: None,
        };
        self.submit(Actor::Recipient(recipient), Input::Reply(reply))
    }

    /// The document once it satisfies `is`, within a bound.
    fn until(&self, key: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.until_any(|found, document| found == key && is(document))
    }

    fn until_any(&self, is: impl Fn(&str, &Value) -> bool) -> Value {
        let audience = super::handle::Audience {
            role: Role::Operator,
            recipient: None,
        };
        let mut seen = BTreeMap::new();
        for _ in 0..1_000 {
            seen = self.handle.snapshot(&audience).by_key;
            for (key, text) in &seen {
                let document: Value = serde_json::from_str(text).expect("a document");
                if is(key, &document) {
                    return document;
                }
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        panic!("no such document in 5 s among {:#?}", seen.keys());
    }

    fn order(&self, kind: &str) -> Value {
        self.until_any(|key, document| {
            key.starts_with("order/") && document["kind"] == kind && document["open"] == true
        })
    }

    fn incident(&self, is: impl Fn(&Value) -> bool) -> Value {
        self.until_any(|key, document| key.starts_with("incident/") && is(document))
    }

    /// Does what a bus does with the commands that are owed: permit, write, feedback.
    fn act(&self, skip: &str) -> Vec<String> {
        let mut written = Vec::new();
        let effects: Vec<WriteEffect> = self
            .field
            .0
            .lock()
            .expect("not poisoned")
            .drain(..)
            .collect();
        for effect in effects {
            let permit = Input::Permit {
                command: effect.command.clone(),
            };
            let granted = self.submit(Actor::Field, permit).expect("answered").granted;
            assert_eq!(granted, Some(true), "{}", effect.command);
            let outcome = WriteOutcome::Written;
            let done = Input::Written {
                command: effect.command.clone(),
                outcome,
            };
            self.submit(Actor::Field, done).expect("accepted");
            written.push(effect.output.to_string());
            if effect.output.as_str() != skip
                && let Some((point, active)) = output_feedback(&effect.output)
            {
                self.feed_back(&point, active);
            }
        }
        written
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(engine) = self.engine.take() {
            engine.join();
        }
    }
}

#[test]
fn a_false_alarm_ends_when_the_panel_shows_it() {
    let room = Room::new();
    room.online("post2");
    room.feed_back("P1-SOUNDERS", true);
    room.fire("P1-015", true);
    let order = room.order("verify");
    assert_eq!(order["recipient"], "post2");
    let id = order["incident"].as_str().expect("an id").to_owned();
    room.verb(&id, "take", json!({})).expect("taken");
    assert_eq!(
        room.verb(&id, "reset", json!({}))
            .expect_err("too early")
            .code,
        "verdict_first"
    );
    room.reply(&order, ReplyVerb::Accept, None).expect("heard");
    room.reply(&order, ReplyVerb::ReportFalse, Some(Cause::Steam))
        .expect("heard");
    room.incident(|incident| incident["stage"] == "false_alarm");
    room.verb(&id, "stop_sounders", json!({})).expect("sent");
    room.verb(&id, "reset", json!({})).expect("sent");
    assert_eq!(room.act(""), ["P1-STOP-SOUNDERS", "P1-RESET"]);
    room.feed_back("P1-SOUNDERS", false);
    room.fire("P1-015", false);
    room.incident(|incident| incident["stage"] == "closed");
    room.until("summary", |summary| {
        summary["incidents"] == json!([]) && summary["sound"].is_null()
    });
}

#[test]
fn a_real_fire_starts_everything_at_once_and_only_the_lift_feeder_waits() {
    let room = Room::new();
    room.online("post2");
    room.online("duty-lead");
    room.fire("P1-015", true);
    let order = room.order("verify");
    let id = order["incident"].as_str().expect("an id").to_owned();
    room.reply(&order, ReplyVerb::ReportReal, None)
        .expect("heard");
    let incident = room.incident(|incident| incident["stage"] == "fighting");
    assert_eq!(incident["holder"]["id"], "duty-lead");
    assert!(incident["card119"].is_object());
    assert_eq!(room.order("report")["recipient"], "director");
    let first = room.act("D1-LIFT");
    let all = [
        "D1-DOORS",
        "D1-FEEDER",
        "D1-LIFT",
        "D1-SOUNDER",
        "GAS-VALVE",
        "HYDRANT-PUMP",
    ];
    let mut sorted = first;
    sorted.sort();
    assert_eq!(sorted, all);
    room.incident(|incident| {
        let rows = incident["linkage"].as_array().expect("rows");
        rows.iter()
            .any(|row| row["output"] == "D1-LIFT-FEEDER" && row["state"] == "waiting")
    });
    room.feed_back("D1-LIFT-HOME", true);
    room.until("output/D1-LIFT-FEEDER", |output| output["state"] == "asked");
    assert_eq!(room.act(""), ["D1-LIFT-FEEDER"]);
    assert_eq!(
        room.verb(&id, "all_clear", json!({}))
            .expect_err("refused")
            .code,
        "not_the_holder"
    );
    let lead = Some("duty-lead");
    let early = room
        .verb_as(&id, "all_clear", json!({}), lead)
        .expect_err("refused");
    assert_eq!(early.code, "preconditions_open");
    for (verb, body) in [
        ("call_119", json!({ "connected": true })),
        ("fire_out", json!({})),
        ("head_count", json!({ "present": 300, "missing": 0 })),
        ("casualties", json!({ "count": 0, "accounted": 0 })),
        ("name_watch", json!({ "person": "post2" })),
    ] {
        room.verb(&id, verb, body).expect("noted");
    }
    for verb in ["handed_back", "all_clear"] {
        room.verb_as(&id, verb, json!({}), lead).expect("clear");
    }
    let incident = room.incident(|incident| incident["stage"] == "restoring");
    let items: Vec<&str> = incident["restore"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|item| item["id"].as_str())
        .collect();
    assert_eq!((items[0], items[items.len() - 1]), ("scene", "people_back"));
    for item in items {
        let ticked = json!({ "item": item, "person": "chief-eng" });
        room.verb(&id, "restore", ticked).expect("ticked");
    }
    room.fire("P1-015", false);
    room.incident(|incident| incident["stage"] == "closed");
}

#[test]
fn two_devices_are_suspected_and_start_the_plan_by_rule() {
    let room = Room::new();
    room.online("post2");
    room.online("post1");
    room.fire("P1-015", true);
    room.order("verify");
    room.until("summary", |summary| summary["sound"] == "fire");
    assert_eq!(
        room.act(""),
        Vec::<String>::new(),
        "one device never drives an output"
    );
    room.fire("P1-016", true);
    let incident = room.incident(|incident| incident["class"] == "suspected");
    // Two posts, and the commander is told.
    assert_eq!(incident["orders"].as_array().map(Vec::len), Some(3));
    room.until("output/D1-SOUNDER", |output| output["state"] == "asked");
}

#[test]
fn nobody_to_send_is_said_at_once_and_suspected_where_people_sleep() {
    let room = Room::new();
    room.fire("P1-015", true);
    // Posts are reachable by radio only, so they are ordered and called by radio.
    let order = room.order("verify");
    assert_eq!(order["state"], "queued");
    let incident = room.incident(|incident| incident["stage"] == "verifying");
    let reasons: Vec<_> = incident["choice"]
        .as_array()
        .expect("posts")
        .iter()
        .collect();
    assert!(
        reasons
            .iter()
            .all(|post| post["reason"]["key"] == "reason.radio_only")
    );
}

#[test]
fn a_reply_that_comes_twice_is_one_event() {
    let room = Room::new();
    room.online("post2");
    room.fire("P1-015", true);
    let order = room.order("verify");
    let first = room
        .reply(&order, ReplyVerb::Accept, None)
        .expect("heard")
        .seq;
    let second = room
        .reply(&order, ReplyVerb::Accept, None)
        .expect("heard")
        .seq;
    assert_eq!(first, second);
}

/// Ends a false alarm of one device from its first signal to the close; returns the incident.
fn false_alarm(room: &Room, point: &str) -> String {
    room.fire(point, true);
    let order = room.order("verify");
    let id = order["incident"].as_str().expect("an id").to_owned();
    room.reply(&order, ReplyVerb::ReportFalse, Some(Cause::Dust))
        .expect("heard");
    room.fire(point, false);
    room.until(&format!("incident/{id}"), |incident| {
        incident["stage"] == "closed"
    });
    id
}

#[test]
fn closed_incidents_stay_readable_up_to_a_bound() {
    let room = Room::new();
    room.online("post2");
    room.feed_back("P1-SOUNDERS", false);
    let first = false_alarm(&room, "P1-015");
    for _ in 0..super::ledger::CLOSED_KEPT_MAX {
        false_alarm(&room, "P1-015");
    }
    assert!(room.handle.document(&format!("incident/{first}")).is_none());
    assert!(room.handle.document(&format!("timeline/{first}")).is_none());
    let orders = room.handle.snapshot(&super::handle::Audience {
        role: Role::Operator,
        recipient: None,
    });
    let orders = orders
        .by_key
        .keys()
        .filter(|key| key.starts_with("order/"))
        .count();
    assert_eq!(orders, super::ledger::CLOSED_KEPT_MAX);
}

#[test]
fn rebuild_gives_identical_rows_and_a_restart_the_same_documents() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("fengsui.db");
    let store = || Box::new(SqliteStore::new(&path).expect("a runtime"));
    let audience = super::handle::Audience {
        role: Role::Operator,
        recipient: None,
    };
    let room = Room::with(store());
    room.online("post2");
    room.online("duty-lead");
    room.feed_back("P1-SOUNDERS", false);
    false_alarm(&room, "P1-015");
    room.fire("P1-016", true);
    let order = room.order("verify");
    room.reply(&order, ReplyVerb::ReportReal, None)
        .expect("heard");
    room.incident(|incident| incident["stage"] == "fighting");
    room.act("D1-LIFT");
    let before = room.handle.snapshot(&audience).by_key;
    drop(room);

    let mut reader = SqliteStore::new(&path).expect("a runtime");
    let rebuilt = super::rebuild::rebuild(&mut reader, &Arc::new(dormitory())).expect("rebuilds");
    assert_eq!(rebuilt.different, Vec::<String>::new());
    assert!(rebuilt.entries > 20 && rebuilt.rows > 20);
    drop(reader);

    let room = Room::with(store());
    let after = room.handle.snapshot(&audience).by_key;
    let stable = |key: &&Arc<str>| key.starts_with("incident/") || key.starts_with("timeline/");
    let differ: Vec<_> = before
        .keys()
        .filter(stable)
        .filter(|key| before.get(*key) != after.get(*key))
        .collect();
    assert!(differ.len() <= 2, "{differ:?}");
    assert_eq!(
        before.keys().filter(stable).count(),
        after.keys().filter(stable).count()
    );
}
