//! Rule 16: 误报 after something has acted. What acted is put back by hand, what waited is not started, and the brigade knows.

use std::time::Duration;

use fengsui::domain::actor::Role;
use fengsui::domain::order::{Cause, ReplyVerb};
use serde_json::{Value, json};

use super::room::Room;

/// Two devices of one compartment: suspected, and the rule has written its plan.
fn suspected(room: &Room) -> (String, Value) {
    let (id, order) = room.alarm("P1-001");
    room.fire("P1-002", true);
    room.until("output/D1-SOUNDER", |output| output["state"] == "asked");
    (id, order)
}

fn judged_false(room: &Room, id: &str, order: &Value) {
    room.reply(order, ReplyVerb::ReportFalse, Some(Cause::Steam))
        .expect("heard");
    room.verb(id, "judge_false", json!({ "cause": "steam" }))
        .expect("the guard was at both");
    room.until(&format!("incident/{id}"), |i| i["stage"] == "false_alarm");
}

fn items(incident: &Value) -> Vec<String> {
    let items = incident["restore"].as_array().expect("items").iter();
    items
        .map(|item| item["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[test]
fn rule_16_after_a_false_alarm_nothing_that_waited_is_started_and_all_that_acted_is_put_back() {
    let room = Room::new();
    let (id, order) = suspected(&room);
    for effect in room.asked() {
        assert!(room.write(&effect));
    }
    judged_false(&room, &id, &order);
    // The lift comes home now: its feeder was waiting for that, and is not wanted any more.
    room.feed_back("D1-LIFT-HOME", true);
    room.until("output/D1-LIFT", |o| {
        o["id"] == "D1-LIFT" && o["state"] == "done"
    });
    assert_eq!(room.outputs_asked(), Vec::<String>::new());

    let key = format!("incident/{id}");
    let incident = room.until(&key, |i| !items(i).is_empty());
    for output in [
        "D1-SOUNDER",
        "D1-DOORS",
        "D1-FEEDER",
        "D1-LIFT",
        "GAS-VALVE",
    ] {
        assert!(items(&incident).contains(&output.to_owned()), "{output}");
    }
    for point in ["P1-001", "P1-002"] {
        room.fire(point, false);
    }
    room.verb(&id, "reset", json!({})).expect("asked");
    room.until("point/P1-002", |point| point["fire"] == false);
    let incident = room.until(&key, |_| true);
    assert_eq!(incident["stage"], "false_alarm", "items are open");
    for item in items(&incident) {
        let body = json!({ "item": item, "person": "chief-eng" });
        room.verb(&id, "restore", body).expect("ticked");
    }
    room.until(&key, |incident| incident["stage"] == "closed");
    let asked = room.outputs_asked();
    assert_eq!(asked, ["P1-RESET"], "nothing is put back by software");
}

#[test]
fn rule_16_after_a_false_alarm_one_device_drives_nothing_again() {
    let room = Room::new();
    let (id, order) = suspected(&room);
    judged_false(&room, &id, &order);
    room.asked();
    room.fire("P1-003", true);
    room.until(&format!("incident/{id}"), |i| i["stage"] == "verifying");
    room.until("point/P1-003", |point| point["fire"] == true);
    assert_eq!(room.outputs_asked(), Vec::<String>::new());
}

#[test]
fn rule_16_the_brigade_is_told_before_a_fire_is_taken_back() {
    let room = Room::new();
    let (id, order) = suspected(&room);
    room.verb(&id, "call_119", json!({ "connected": true }))
        .expect("noted");
    room.reply(&order, ReplyVerb::ReportFalse, Some(Cause::Steam))
        .expect("heard");
    let cause = json!({ "cause": "steam", "reason": "steam from the kettle" });
    let early = room.verb(&id, "judge_false", cause.clone());
    assert_eq!(early.expect_err("119 comes").code, "tell_119_first");
    let lead = |name, body| room.verb_as(Role::Supervisor, Some("duty-lead"), &id, name, body);
    let early = lead("correct_false", cause.clone());
    assert_eq!(early.expect_err("119 comes").code, "tell_119_first");
    let room_alone = room.verb(&id, "correct_false", cause.clone());
    assert_eq!(
        room_alone.expect_err("not commanding").code,
        "correct_by_holder"
    );
    let off = json!({ "outcome": "called_off", "reason": "false alarm" });
    room.verb(&id, "call_119", off).expect("noted");
    lead("correct_false", cause).expect("corrected");
    room.until(&format!("incident/{id}"), |i| {
        i["stage"] == "false_alarm" && !items(i).is_empty()
    });
}

#[test]
fn rule_16_a_guards_false_alarm_is_not_closed_while_the_brigade_comes() {
    let mut site = super::room::site();
    site.limits.verdict = Duration::from_millis(50);
    let store = fengsui::store::memory::MemoryStore::new("rules");
    let room = Room::on(Box::new(store), site);
    let (id, order) = room.alarm("P1-001");
    let key = format!("incident/{id}");
    room.until(&key, |incident| incident["stage"] == "unverified");
    room.verb(&id, "take", json!({})).expect("taken");
    room.verb(&id, "call_119", json!({ "connected": true }))
        .expect("noted");
    room.reply(&order, ReplyVerb::ReportFalse, Some(Cause::Steam))
        .expect("heard");
    room.until(&key, |incident| incident["stage"] == "false_alarm");
    room.fire("P1-001", false);
    room.until("point/P1-001", |point| point["fire"] == false);
    let incident = room.until(&key, |_| true);
    assert_eq!(incident["stage"], "false_alarm");
    let steps = incident["steps"].as_array().expect("steps");
    let now = steps.iter().find(|step| step["state"] == "now");
    assert_eq!(now.expect("a step to do")["id"], "call119", "{steps:#?}");
    let off = json!({ "outcome": "called_off", "reason": "false alarm" });
    room.verb(&id, "call_119", off).expect("noted");
    room.until(&key, |incident| incident["stage"] == "closed");
}
