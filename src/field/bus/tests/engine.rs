//! The whole way with the real engine: a register of a panel to an incident, a verdict to coils and their feedback.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::domain::actor::{Actor, Role};
use crate::domain::input::{Input, Verb};
use crate::domain::output::Target;
use crate::domain::point::Address;
use crate::domain::site::Site;
use crate::engine::handle::{Audience, Handle};
use crate::engine::run::{Parts, Running, handle, shared, spawn};
use crate::engine::testing::dormitory;
use crate::field::testing::{Act, BOUND, Server, bus, unit_profiles};
use crate::store::memory::MemoryStore;

/// The dormitory, with its panel and its module at these addresses and each thing at a register of its own.
fn wired(panel: &str, module: &str) -> Site {
    let mut site = dormitory();
    site.buses = [
        bus("panel1", panel, &[(1, "panel")]),
        bus("io1", module, &[(1, "io")]),
    ]
    .map(|bus| (bus.id.clone(), bus))
    .into();
    let mut coil = 0;
    for output in site.outputs.values_mut() {
        if output.kind.is_panel() {
            output.target = Target::Register {
                register: 300,
                value: 4,
            };
            continue;
        }
        output.target = Target::Coil { register: coil };
        if let Some(feedback) = &output.feedback
            && let Some(point) = site.points.get_mut(&feedback.point)
        {
            (point.group, point.address) = ("inputs".to_owned(), Address::Index(coil));
        }
        coil += 1;
    }
    for (n, id) in ["P1-KEY", "P1-SILENCED", "P1-SOUNDERS"].iter().enumerate() {
        if let Some(point) = site.points.get_mut(*id) {
            point.group = "status".to_owned();
            point.address = Address::Index(u16::try_from(n).unwrap());
        }
    }
    for n in 15..=30 {
        if let Some(point) = site.points.get_mut(format!("P1-{n:03}").as_str()) {
            point.address = Address::Index(n - 1);
        }
    }
    site
}

struct Campus {
    handle: Handle,
    engine: Running,
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Campus {
    fn start(site: Site) -> Self {
        let (site, shared, clock) = (Arc::new(site), shared(), Clock::default());
        let handle = handle(&shared, &clock);
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let profiles = unit_profiles();
        let (ours, token) = (Arc::clone(&site), stop.clone());
        let field = crate::field::start(ours, &profiles, handle.clone(), token, &tracker);
        let parts = Parts {
            site,
            config_version: "1".into(),
            store: Box::new(MemoryStore::new("test")),
            spool: None,
            field,
            clock,
            shared,
        };
        Self {
            handle,
            engine: spawn(parts).unwrap(),
            stop,
            tracker,
        }
    }

    /// The document of this key once it is as wanted; a key that ends with a slash stands for all that begin so.
    async fn until(&self, key: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut changes = self.handle.changes();
        let audience = Audience {
            role: Role::Operator,
            recipient: None,
        };
        let find = || {
            let all = self.handle.snapshot(&audience).by_key;
            let is_meant = |found: &str| match key.strip_suffix('/') {
                Some(_) => found.starts_with(key),
                None => found == key,
            };
            let of_kind = all.iter().filter(|(found, _)| is_meant(found));
            let mut documents = of_kind.map(|(_, text)| serde_json::from_str(text).unwrap());
            documents.find(|document| is_so(document))
        };
        let wait = async {
            loop {
                if let Some(document) = find() {
                    return document;
                }
                changes.recv().await.unwrap();
            }
        };
        match tokio::time::timeout(BOUND, wait).await {
            Ok(document) => document,
            Err(_) => panic!("never: {key} {:?}", self.handle.document(key)),
        }
    }

    async fn verb(&self, case: &str, name: &str) {
        let verb = Verb {
            case: case.into(),
            name: name.to_owned(),
            body: json!({}),
            role: Role::Operator,
            recipient: None,
            idempotency: None,
        };
        let actor = Actor::Account("op1".into());
        self.handle.submit(actor, Input::Verb(verb)).await.unwrap();
    }

    async fn end(self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
        self.handle.stop();
        self.engine.join();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_becomes_an_incident_and_a_verdict_becomes_coils() {
    let (panel, module) = (Server::start().await, Server::start().await);
    panel.with(|device| device.registers.insert(200, 1));
    module.with(|device| device.inputs_follow_coils = true);
    let campus = Campus::start(wired(&panel.address, &module.address));
    let is_good = |point: &Value| point["quality"] == "good";
    campus.until("point/P1-015", is_good).await;
    campus.until("point/D1-LIFT-HOME", is_good).await;
    panel.with(|device| device.registers.insert(14, 1));
    let incident = campus.until("incident/", |_| true).await;
    let id = incident["id"].as_str().unwrap().to_owned();
    assert_eq!(incident["compartment"], "D1-2");
    // An alarm alone drives nothing.
    assert!(module.with(|device| device.coils.is_empty()));
    campus.verb(&id, "confirm_fire").await;
    let is_done = |output: &Value| output["state"] == "done";
    for output in ["D1-SOUNDER", "D1-DOORS", "D1-LIFT", "GAS-VALVE"] {
        campus.until(&format!("output/{output}"), is_done).await;
    }
    // The lift's feeder waits for the lift's feedback, and then goes.
    campus.until("output/D1-LIFT-FEEDER", is_done).await;
    let coils = module.with(|device| device.coils.values().filter(|on| **on).count());
    assert_eq!(coils, 7);
    let written = module.with(|device| {
        let writes = device.asked.iter().filter(|asked| asked.0 == 5);
        writes.count()
    });
    assert_eq!(written, 7, "each coil once");
    campus.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_waits_for_a_line_that_is_away_and_is_then_written_once() {
    let (panel, mut module) = (Server::start().await, Server::start().await);
    panel.with(|device| device.registers.insert(200, 1));
    module.with(|device| device.inputs_follow_coils = true);
    module.cut().await;
    let campus = Campus::start(wired(&panel.address, &module.address));
    campus
        .until("summary", |summary| {
            summary["faults"][0]["id"] == "link/io1"
        })
        .await;
    panel.with(|device| device.registers.insert(14, 1));
    let incident = campus.until("incident/", |_| true).await;
    campus
        .verb(incident["id"].as_str().unwrap(), "confirm_fire")
        .await;
    campus
        .until("output/D1-DOORS", |output| output["state"] == "asked")
        .await;
    module.restore().await;
    campus
        .until("output/D1-DOORS", |output| output["state"] == "done")
        .await;
    let writes = module.with(|device| {
        let doors = |asked: &&(u8, u8, u16, u16)| asked.0 == 5 && asked.2 == 0;
        device.asked.iter().filter(doors).count()
    });
    assert_eq!(writes, 1);
    campus.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_an_answer_is_unknown_until_the_feedback_tells() {
    let (panel, module) = (Server::start().await, Server::start().await);
    panel.with(|device| device.registers.insert(200, 1));
    let campus = Campus::start(wired(&panel.address, &module.address));
    let is_good = |point: &Value| point["quality"] == "good";
    campus.until("point/P1-015", is_good).await;
    campus.until("point/D1-LIFT-HOME", is_good).await;
    // Every write is acted on and its answer is lost.
    (0..20).for_each(|_| module.next(5, Act::Late));
    panel.with(|device| device.registers.insert(14, 1));
    let incident = campus.until("incident/", |_| true).await;
    campus
        .verb(incident["id"].as_str().unwrap(), "confirm_fire")
        .await;
    campus
        .until("output/D1-DOORS", |output| output["state"] == "unknown")
        .await;
    module.with(|device| device.inputs_follow_coils = true);
    campus
        .until("output/D1-DOORS", |output| output["state"] == "done")
        .await;
    campus.end().await;
}
