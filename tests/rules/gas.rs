//! Rule 6a: a gas leak closes its own valve by one healthy detector, and switches nothing else.

use fengsui::domain::actor::Role;
use fengsui::domain::ids::PointId;
use fengsui::domain::order::{Cause, ReplyVerb};
use fengsui::domain::output::OutputKind;
use fengsui::domain::point::{Conditions, PointKind};
use fengsui::domain::site::Site;
use fengsui::domain::text::Text;
use fengsui::store::memory::MemoryStore;
use fengsui::store::sqlite::SqliteStore;
use serde_json::{Value, json};

use super::room::{Room, site};

const LOW: Conditions = Conditions {
    fire: false,
    fault: false,
    disabled: false,
    test: false,
    active: false,
    low: true,
    high: false,
};
const HIGH: Conditions = Conditions { high: true, ..LOW };

/// The small campus with two gas detectors in the kitchen, its valve and an exhaust fan.
pub(crate) fn gas_site() -> Site {
    let mut site = site();
    let kitchen = site
        .points
        .values()
        .find(|point| point.compartment.as_str() == "C1-1K" && point.kind.is_fire())
        .expect("a detector in the kitchen")
        .clone();
    let detectors: Vec<PointId> = vec!["C1-G01".into(), "C1-G02".into()];
    for id in &detectors {
        let mut point = kitchen.clone();
        point.id = id.clone();
        point.kind = PointKind::Gas;
        site.points.insert(id.clone(), point);
    }
    let mut running = site.points["C1-SOUNDER-FB"].clone();
    running.id = "C1-FAN-RUN".into();
    site.points.insert(running.id.clone(), running);
    let valve = site.outputs.get_mut("GAS-VALVE").expect("a valve");
    valve.gas_detectors.clone_from(&detectors);
    let mut fan = site.outputs["C1-SOUNDER"].clone();
    fan.id = "C1-FAN".into();
    fan.kind = OutputKind::ExhaustFan;
    fan.name = Text::new("厨房事故排风", "Kitchen exhaust");
    fan.gas_detectors = detectors;
    fan.feedback.as_mut().expect("feedback").point = "C1-FAN-RUN".into();
    site.outputs.insert(fan.id.clone(), fan);
    site
}

pub(crate) fn gas_room() -> Room {
    Room::on(Box::new(MemoryStore::new("rules")), gas_site())
}

/// The leak in which a detector stands.
fn leak(room: &Room, point: &str) -> String {
    let document = room.until(&format!("point/{point}"), |p| !p["incident"].is_null());
    document["incident"].as_str().expect("an id").to_owned()
}

fn step<'a>(incident: &'a Value, id: &str) -> &'a Value {
    let steps = incident["steps"].as_array().expect("steps");
    let found = steps.iter().find(|step| step["id"] == id);
    found.unwrap_or_else(|| panic!("no step {id} in {steps:#?}"))
}

#[test]
fn rule_06a_a_low_limit_orders_a_post_and_switches_nothing() {
    let room = gas_room();
    room.observe("C1-G01", LOW);
    let id = leak(&room, "C1-G01");
    assert!(id.starts_with("G-"), "{id}");
    let order = room.order("verify");
    let body = order["body"]["zh"].as_str().expect("words");
    assert!(body.starts_with("燃气泄漏：勿开关电器"), "{body}");
    assert_eq!(order["confirmed"], false);
    assert_eq!(order["incident_kind"], "gas");
    let summary = room.until("summary", |summary| !summary["sound"].is_null());
    assert_eq!(summary["sound"], "gas", "no fire tone for a leak");
    let incident = room.until(&format!("incident/{id}"), |_| true);
    assert_eq!(
        (&incident["kind"], &incident["level"]),
        (&json!("gas"), &json!("low"))
    );
    assert!(incident["linkage"].as_array().expect("rows").is_empty());
    assert_eq!(room.outputs_asked(), Vec::<String>::new());
}

#[test]
fn rule_06a_one_healthy_detector_at_its_high_limit_closes_its_valve_and_starts_its_fan() {
    let room = gas_room();
    room.observe("C1-G01", HIGH);
    let id = leak(&room, "C1-G01");
    room.until("output/GAS-VALVE", |output| output["state"] == "asked");
    assert_eq!(
        room.outputs_asked(),
        ["C1-FAN", "GAS-VALVE"],
        "and nothing else"
    );
    let incident = room.until(&format!("incident/{id}"), |i| i["level"] == "high");
    for wanted in ["valve", "evacuated", "gas_company", "call119", "cordon"] {
        let wanted = if wanted == "valve" { "linkage" } else { wanted };
        step(&incident, wanted);
    }
    for group in ["evacuate", "cordon"] {
        let order = room.until("order/", |o| o["incident"] == id && o["group"] == group);
        let title = order["title"]["zh"].as_str().expect("words");
        assert!(title.starts_with("燃气泄漏"), "{title}");
    }
    // A second detector of the same space neither opens another leak nor writes again.
    room.observe("C1-G02", HIGH);
    assert_eq!(leak(&room, "C1-G02"), id);
    assert_eq!(room.outputs_asked(), Vec::<String>::new());
}

#[test]
fn rule_06a_a_high_limit_shorter_than_a_poll_still_closes_the_valve() {
    let room = gas_room();
    room.observe("C1-G01", Conditions::default());
    room.until("point/C1-G01", |point| point["quality"] == "good");
    room.observe("C1-G01", HIGH);
    room.observe("C1-G01", Conditions::default());
    room.until("output/GAS-VALVE", |output| output["state"] == "asked");
}

#[test]
fn rule_06a_a_detector_that_is_not_healthy_drives_nothing() {
    for (name, conditions) in [
        (
            "faulty",
            Conditions {
                fault: true,
                ..HIGH
            },
        ),
        (
            "disabled",
            Conditions {
                disabled: true,
                ..HIGH
            },
        ),
        ("in test", Conditions { test: true, ..HIGH }),
    ] {
        let room = gas_room();
        room.observe("C1-G01", conditions);
        room.until("point/C1-G01", |point| point["high"] == true);
        assert_eq!(room.outputs_asked(), Vec::<String>::new(), "{name}");
        // Sound again while the gas stands: now it counts.
        room.observe("C1-G01", HIGH);
        room.until("output/GAS-VALVE", |output| output["state"] == "asked");
        assert_eq!(room.outputs_asked(), ["C1-FAN", "GAS-VALVE"], "{name}");
    }
}

#[test]
fn rule_06a_gas_is_no_part_of_a_fires_and() {
    let room = gas_room();
    let smoke = room
        .site
        .points
        .values()
        .find(|p| p.kind == PointKind::Smoke && p.compartment.as_str() == "C1-1K")
        .map_or_else(
            || {
                let mut all = room.site.points.values();
                let found = all.find(|p| p.kind.is_fire() && p.compartment.as_str() == "C1-1K");
                found.expect("a fire device in the kitchen").id.to_string()
            },
            |point| point.id.to_string(),
        );
    room.observe("C1-G01", HIGH);
    let gas = leak(&room, "C1-G01");
    room.until("output/GAS-VALVE", |output| output["state"] == "asked");
    let (fire, order) = room.alarm(&smoke);
    assert_ne!(gas, fire, "a fire of its own");
    assert_eq!(order["incident_kind"], "fire");
    room.until("summary", |summary| summary["sound"] == "fire");
    let incident = room.until(&format!("incident/{fire}"), |_| true);
    assert_eq!(
        (&incident["kind"], &incident["class"]),
        (&json!("fire"), &json!("alarm"))
    );
    assert_eq!(room.outputs_asked(), ["C1-FAN", "GAS-VALVE"]);
    let summary = room.until("summary", |_| true);
    assert_eq!(
        summary["incidents"],
        json!([gas, fire]),
        "the leak is more urgent"
    );
    assert_eq!(
        summary["first_alarm"]["incident"],
        json!(fire),
        "the first fire is pinned"
    );

    // Gas and fire at one place: the fire procedure, and its plan shows the valve as it is, without writing it again.
    room.feed_back("GAS-VALVE-CLOSED", true);
    room.verb(&fire, "confirm_fire", json!({}))
        .expect("confirmed");
    let incident = room.until(&format!("incident/{fire}"), |i| {
        !i["linkage"].as_array().expect("rows").is_empty()
    });
    let rows = incident["linkage"].as_array().expect("rows");
    let valve = rows
        .iter()
        .find(|row| row["output"] == "GAS-VALVE")
        .expect("in the plan");
    assert_eq!(valve["state"], "done");
    assert!(
        rows.iter().all(|row| row["output"] != "C1-FAN"),
        "no fan feeds a fire"
    );
    let asked = room.outputs_asked();
    assert!(!asked.contains(&"GAS-VALVE".to_owned()), "{asked:?}");
    let summary = room.until("summary", |s| s["incidents"][0] == json!(fire));
    assert_eq!(
        summary["incidents"],
        json!([fire, gas]),
        "a confirmed fire comes first"
    );
}

#[test]
fn rule_06a_in_manual_the_hold_button_starts_it() {
    let room = gas_room();
    let body = json!({ "mode": "manual", "reason": "test" });
    room.verb_as(Role::Supervisor, None, "site", "mode", body)
        .expect("manual");
    room.observe("C1-G01", HIGH);
    let id = leak(&room, "C1-G01");
    let incident = room.until(&format!("incident/{id}"), |i| i["level"] == "high");
    assert_eq!(room.outputs_asked(), Vec::<String>::new());
    let offered = &step(&incident, "linkage")["verbs"][0];
    assert_eq!(
        (&offered["verb"], &offered["hold_ms"]),
        (&json!("start_gas"), &json!(1_500))
    );
    room.verb(&id, "start_gas", json!({})).expect("started");
    assert_eq!(room.outputs_asked(), ["C1-FAN", "GAS-VALVE"]);
    let summary = room.until("summary", |_| true);
    assert_eq!(summary["mode"], "manual", "the mode is not changed");
}

#[test]
fn rule_06a_a_restart_in_a_leak_adds_no_command() {
    let folder = crate::room::folder();
    let path = folder.path().join("fengsui.db");
    let store = || Box::new(SqliteStore::new(&path).expect("a runtime"));
    let room = Room::on(store(), gas_site());
    room.observe("C1-G01", HIGH);
    room.until("output/GAS-VALVE", |output| output["state"] == "asked");
    let asked = room.asked();
    for effect in &asked {
        assert!(room.write(effect));
    }
    room.feed_back("GAS-VALVE-CLOSED", true);
    room.feed_back("C1-FAN-RUN", true);
    room.until("output/C1-FAN", |output| output["state"] == "done");
    drop(room);
    let room = Room::on(store(), gas_site());
    room.observe("C1-G01", HIGH);
    room.feed_back("GAS-VALVE-CLOSED", false);
    room.until("point/C1-G01", |point| point["quality"] == "good");
    room.until("point/GAS-VALVE-CLOSED", |p| {
        p["active"] == false && p["quality"] == "good"
    });
    assert_eq!(room.outputs_asked(), Vec::<String>::new());
}

#[test]
fn rule_06a_a_leak_ends_with_normal_readings_a_leak_test_and_a_persons_report() {
    let room = gas_room();
    room.observe("C1-G01", HIGH);
    let id = leak(&room, "C1-G01");
    let key = format!("incident/{id}");
    room.until("output/GAS-VALVE", |output| output["state"] == "asked");
    for effect in room.asked() {
        assert!(room.write(&effect));
    }
    room.feed_back("GAS-VALVE-CLOSED", true);
    room.feed_back("C1-FAN-RUN", true);
    let far = room.verb(
        &id,
        "people_report",
        json!({ "leak": false, "cause": "cooking" }),
    );
    assert_eq!(far.expect_err("nobody is there").code, "nobody_at_scene");
    for task in ["evacuated", "gas_company", "cordon"] {
        room.verb(&id, task, json!({})).expect("ticked");
        room.verb(&id, task, json!({})).expect("twice is no error");
    }
    room.verb(&id, "call_119", json!({ "connected": true }))
        .expect("noted");
    let order = room.until("order/", |o| o["incident"] == id && o["kind"] == "verify");
    assert_eq!(order["replies"][0]["verb"], "accept");
    room.reply(&order, ReplyVerb::ReportReal, None)
        .expect("heard");
    room.until(&key, |incident| incident["stage"] == "fighting");

    // Lost, then faulty: neither is "no gas".
    room.observe(
        "C1-G01",
        Conditions {
            fault: true,
            ..Conditions::default()
        },
    );
    room.until("point/C1-G01", |point| point["fault"] == true);
    let incident = room.until(&key, |i| {
        step(i, "readings")["facts"][0]["key"] == "fact.gas_not_normal"
    });
    assert_eq!(incident["stage"], "fighting");
    room.observe("C1-G01", Conditions::default());
    let incident = room.until(&key, |incident| incident["stage"] == "restoring");
    let items: Vec<&str> = incident["restore"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| item["id"].as_str().expect("an id"))
        .collect();
    assert_eq!(items, ["leak_test", "C1-FAN", "GAS-VALVE", "people_back"]);
    let early = room.verb(&id, "restore", json!({ "item": "GAS-VALVE" }));
    assert_eq!(early.expect_err("no leak test").code, "restore_first");
    for item in ["leak_test", "C1-FAN", "GAS-VALVE", "people_back"] {
        room.verb(
            &id,
            "restore",
            json!({ "item": item, "person": "chief-eng" }),
        )
        .expect("ticked");
    }
    room.until(&key, |incident| incident["stage"] == "closed");
    assert_eq!(
        room.outputs_asked(),
        Vec::<String>::new(),
        "nothing is opened by software"
    );
}

#[test]
fn rule_06a_gas_that_comes_back_is_looked_at_again() {
    let room = gas_room();
    room.observe("C1-G01", LOW);
    let id = leak(&room, "C1-G01");
    let key = format!("incident/{id}");
    let order = room.order("verify");
    room.reply(&order, ReplyVerb::ReportFalse, Some(Cause::Cooking))
        .expect("heard");
    room.observe("C1-G01", Conditions::default());
    room.until(&key, |incident| incident["stage"] == "restoring");
    room.observe("C1-G01", HIGH);
    room.until(&key, |incident| incident["stage"] == "verifying");
    room.until("output/GAS-VALVE", |output| output["state"] == "asked");
}

#[test]
fn rule_06a_no_verb_opens_a_valve_and_a_leak_knows_no_fire_verbs() {
    let room = gas_room();
    room.observe("C1-G01", HIGH);
    let id = leak(&room, "C1-G01");
    for verb in [
        "confirm_fire",
        "all_clear",
        "stop_sounders",
        "reset",
        "open",
        "open_gas",
    ] {
        let refused = room.verb_as(Role::Engineer, Some("duty-lead"), &id, verb, json!({}));
        assert_eq!(
            refused.expect_err("no such verb").code,
            "verb_unknown",
            "{verb}"
        );
    }
}
