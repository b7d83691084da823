//! Several incidents at once: linked in one building, independent in two; suspected fires in manual mode; lifts and feeders.

use std::time::Duration;

use fengsui::domain::actor::Role;
use fengsui::domain::order::{Cause, ReplyVerb};
use fengsui::domain::output::{Arming, OutputKind};
use fengsui::domain::point::{Conditions, PointKind};
use fengsui::domain::site::Site;
use fengsui::store::memory::MemoryStore;
use serde_json::{Value, json};

use super::room::{Room, site};

/// Two detectors of one compartment.
fn pair(room: &Room, compartment: &str) -> [String; 2] {
    let points = room.site.points.values();
    let mut found = points
        .filter(|p| p.kind == PointKind::Smoke && p.compartment.as_str() == compartment)
        .map(|p| p.id.to_string());
    [found.next().expect("one"), found.next().expect("two")]
}

fn of_building(room: &Room, building: &str) -> String {
    let mut points = room.site.points.values();
    let found = points.find(|p| p.kind.is_fire() && p.building.as_str() == building);
    found.expect("a device").id.to_string()
}

fn manual(room: &Room) {
    let body = json!({ "mode": "manual", "reason": "test" });
    room.verb_as(Role::Supervisor, None, "site", "mode", body)
        .expect("manual");
}

fn keys(lines: &Value) -> Vec<&str> {
    let lines = lines.as_array().expect("lines");
    lines
        .iter()
        .map(|l| l["key"].as_str().expect("a key"))
        .collect()
}

fn on(site: Site) -> Room {
    Room::on(Box::new(MemoryStore::new("rules")), site)
}

#[test]
fn rule_03_signals_of_two_compartments_never_form_an_and() {
    let room = Room::new();
    let (west, east) = (pair(&room, "D1-2A"), pair(&room, "D1-2B"));
    let (first, _) = room.alarm(&west[0]);
    let (second, order) = room.alarm(&east[0]);
    assert_ne!(first, second);
    assert_eq!(room.outputs_asked(), Vec::<String>::new());
    assert_eq!(order["incident"], json!(second), "it sends its own post");
    for id in [&first, &second] {
        let incident = room.until(&format!("incident/{id}"), |_| true);
        assert_eq!(incident["class"], "alarm");
    }
}

#[test]
fn a_second_compartment_raises_both_above_another_buildings_suspected_fire() {
    let room = Room::new();
    manual(&room);
    let canteen: Vec<String> = {
        let points = room.site.points.values();
        let of = points.filter(|p| p.kind.is_fire() && p.compartment.as_str() == "C1-1D");
        of.map(|p| p.id.to_string()).take(2).collect()
    };
    let (first, _) = room.alarm(&canteen[0]);
    room.fire(&canteen[1], true);
    room.until(&format!("incident/{first}"), |i| i["class"] == "suspected");
    let (west, _) = room.alarm(&pair(&room, "D1-2A")[0]);
    let summary = room.until("summary", |s| {
        s["incidents"].as_array().is_some_and(|i| i.len() == 2)
    });
    assert_eq!(summary["incidents"], json!([first, west]));
    let (east, _) = room.alarm(&pair(&room, "D1-2B")[0]);
    let summary = room.until("summary", |s| {
        s["incidents"].as_array().is_some_and(|i| i.len() == 3)
    });
    assert_eq!(summary["incidents"], json!([west, east, first]));
    assert_eq!(
        summary["first_alarm"]["incident"],
        json!(first),
        "the first alarm stays"
    );
}

#[test]
fn once_one_is_confirmed_the_others_of_the_building_may_be_its_spread_and_end_with_it() {
    let room = Room::new();
    let (west, east) = (pair(&room, "D1-2A"), pair(&room, "D1-2B"));
    let (first, _) = room.alarm(&west[0]);
    let (second, _) = room.alarm(&east[0]);
    let (canteen, _) = room.alarm(&of_building(&room, "C1"));
    room.verb(&first, "confirm_fire", json!({}))
        .expect("confirmed");
    let key = format!("incident/{second}");
    let spread = room.until(&key, |i| i["spread_of"] == json!(first));
    assert_eq!(
        (&spread["stage"], &spread["class"]),
        (&json!("verifying"), &json!("alarm"))
    );
    let other = room.until(&format!("incident/{canteen}"), |_| true);
    assert!(
        other["spread_of"].is_null() && other["card119"].is_null(),
        "independent"
    );
    let summary = room.until("summary", |_| true);
    assert_eq!(summary["incidents"], json!([first, second, canteen]));

    // One 119 entry: the call tells of both.
    let asked = room.verb(&second, "call_119", json!({ "connected": true }));
    asked.expect("noted");
    for id in [&first, &second] {
        let incident = room.until(&format!("incident/{id}"), |i| {
            i["card119"]["outcome"]["kind"] == "connected"
        });
        assert_eq!(
            incident["card119"]["also"]
                .as_array()
                .expect("places")
                .len(),
            1
        );
    }
    let again = room.verb(&first, "call_119", json!({ "connected": true }));
    assert_eq!(again.expect_err("told").code, "call_119_done");

    // The building has one all-clear, and nobody is passed over silently.
    let lead = |over| json!({ "over": over, "reason": "test" });
    let early = room.verb_as(
        Role::Supervisor,
        Some("duty-lead"),
        &first,
        "all_clear",
        json!({}),
    );
    assert!(early.is_err());
    room.verb_as(
        Role::Supervisor,
        Some("duty-lead"),
        &first,
        "all_clear",
        lead(true),
    )
    .expect("clear");
    for id in [&first, &second] {
        let stage = room.until(&format!("incident/{id}"), |i| i["stage"] == "restoring");
        assert_eq!(stage["stage"], "restoring");
    }
    let other = room.until(&format!("incident/{canteen}"), |_| true);
    assert_eq!(
        other["stage"], "verifying",
        "another building is independent"
    );
}

#[test]
fn a_compartment_that_alarms_after_the_119_call_is_told_as_well() {
    let room = Room::new();
    let (west, east) = (pair(&room, "D1-2A"), pair(&room, "D1-2B"));
    let (first, _) = room.alarm(&west[0]);
    room.verb(&first, "confirm_fire", json!({}))
        .expect("confirmed");
    room.verb(&first, "call_119", json!({ "connected": true }))
        .expect("noted");
    let (second, _) = room.alarm(&east[0]);
    let key = format!("incident/{first}");
    let incident = room.until(&key, |i| keys(&i["notices"]).contains(&"notice.tell_119"));
    let call = incident["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .find(|s| s["id"] == "call119");
    assert_eq!(
        call.expect("a step")["verbs"][0]["line"]["key"],
        "verb.call_119_again"
    );
    room.verb(&first, "call_119", json!({ "connected": true }))
        .expect("noted");
    room.until(&key, |i| !keys(&i["notices"]).contains(&"notice.tell_119"));
    room.until(&format!("incident/{second}"), |i| {
        i["card119"]["outcome"]["kind"] == "connected"
    });
}

#[test]
fn two_fires_of_one_building_write_an_output_once_and_both_show_it() {
    let room = Room::new();
    let (west, east) = (pair(&room, "D1-2A"), pair(&room, "D1-2B"));
    let first = room.real_fire(&west[0]);
    let asked = room.outputs_asked();
    assert!(asked.contains(&"D1-SOUNDER".to_owned()));
    let second = room.real_fire(&east[0]);
    room.until(&format!("incident/{second}"), |i| {
        !i["linkage"].as_array().expect("rows").is_empty()
    });
    assert_eq!(room.outputs_asked(), Vec::<String>::new(), "written once");
    let rows = |id: &str| {
        let incident = room.until(&format!("incident/{id}"), |_| true);
        let rows = incident["linkage"].as_array().expect("rows").clone();
        let rows = rows.into_iter();
        rows.map(|r| (r["output"].to_string(), r["state"].to_string()))
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&first), rows(&second));
}

/// What the first fire commanded may be put back by now.
#[test]
fn a_fire_beside_one_that_is_being_restored_is_commanded_anew() {
    let room = Room::new();
    let (west, east) = (pair(&room, "D1-2A"), pair(&room, "D1-2B"));
    let first = room.real_fire(&west[0]);
    let asked = room.asked();
    let mut sounder = asked.iter().filter(|e| e.output.as_str() == "D1-SOUNDER");
    assert!(room.write(sounder.next().expect("asked")));
    room.feed_back("D1-SOUNDER-FB", true);
    room.verb(&first, "call_119", json!({ "connected": true }))
        .expect("noted");
    let lead = Some("duty-lead");
    let over = json!({ "over": true, "reason": "test" });
    room.verb_as(Role::Supervisor, lead, &first, "all_clear", over)
        .expect("clear");
    room.until(&format!("incident/{first}"), |i| i["stage"] == "restoring");
    room.feed_back("D1-SOUNDER-FB", false);
    room.real_fire(&east[0]);
    let again = room.outputs_asked();
    assert!(again.contains(&"D1-SOUNDER".to_owned()), "{again:?}");
}

#[test]
fn what_stood_by_itself_is_commanded_when_it_falls() {
    let room = Room::new();
    room.feed_back("D1-SOUNDER-FB", true);
    room.until("point/D1-SOUNDER-FB", |point| point["active"] == true);
    room.real_fire(&pair(&room, "D1-2A")[0]);
    let asked = room.outputs_asked();
    assert!(!asked.contains(&"D1-SOUNDER".to_owned()), "it stands");
    room.feed_back("D1-SOUNDER-FB", false);
    room.until("point/D1-SOUNDER-FB", |point| point["active"] == false);
    assert_eq!(room.outputs_asked(), ["D1-SOUNDER"]);
}

#[test]
fn two_buildings_at_once_are_independent() {
    let room = Room::new();
    let first = room.real_fire(&pair(&room, "D1-2A")[0]);
    let asked = room.outputs_asked();
    let second = room.real_fire(&of_building(&room, "C1"));
    let more = room.outputs_asked();
    assert!(more.contains(&"C1-SOUNDER".to_owned()), "{more:?}");
    assert!(
        more.iter().all(|output| !asked.contains(output)),
        "{more:?}"
    );
    for (id, other) in [(&first, &second), (&second, &first)] {
        let incident = room.until(&format!("incident/{id}"), |_| true);
        assert!(incident["spread_of"].is_null(), "{id} {other}");
        assert!(
            incident["card119"]["also"]
                .as_array()
                .expect("places")
                .is_empty()
        );
    }
}

#[test]
fn rule_04_in_manual_two_devices_offer_one_hold_button() {
    let room = Room::new();
    manual(&room);
    let west = pair(&room, "D1-2A");
    let (id, _) = room.alarm(&west[0]);
    room.fire(&west[1], true);
    let key = format!("incident/{id}");
    let offered = |i: &Value| {
        let steps = i["steps"].as_array().expect("steps");
        steps
            .iter()
            .any(|s| s["id"] == "start_offer" && s["verbs"][0]["hold_ms"] == 1_500)
    };
    let incident = room.until(&key, offered);
    assert_eq!(incident["class"], "suspected");
    assert!(!incident["card119"].is_null(), "the 119 card is open");
    let report = room.order("report");
    assert_eq!(
        report["title"]["zh"], "疑似火警报告",
        "the commander is told"
    );
    let posts = room.until("summary", |_| true);
    assert_eq!(posts["mode"], "manual");
    assert_eq!(room.outputs_asked(), Vec::<String>::new());
    room.verb(&id, "auto_and_start", json!({}))
        .expect("started");
    let summary = room.until("summary", |_| true);
    assert_eq!(summary["mode"], "auto");
    assert!(room.outputs_asked().contains(&"D1-SOUNDER".to_owned()));
    let after = room.until(&key, |_| true);
    assert!(!offered(&after));
}

#[test]
fn rule_04_an_unanswered_hold_button_escalates_and_writes_nothing() {
    let mut site = site();
    site.limits.start_answer = Duration::from_millis(50);
    let room = on(site);
    manual(&room);
    let west = pair(&room, "D1-2A");
    let (id, _) = room.alarm(&west[0]);
    room.fire(&west[1], true);
    let key = format!("incident/{id}");
    room.until(&key, |i| {
        keys(&i["notices"]).contains(&"notice.start_unanswered")
    });
    for who in room.site.succession.clone() {
        room.until("order/", |o| {
            o["kind"] == "report" && o["recipient"] == json!(who)
        });
    }
    assert_eq!(room.outputs_asked(), Vec::<String>::new());
    let summary = room.until("summary", |_| true);
    assert_eq!(summary["mode"], "manual", "no rule changes the mode");
    // It can still be answered.
    room.verb(&id, "auto_and_start", json!({}))
        .expect("started");
    assert!(room.outputs_asked().contains(&"D1-SOUNDER".to_owned()));
}

#[test]
fn rule_04_one_call_point_suspects_only_by_site_rule_and_never_writes() {
    for by_rule in [false, true] {
        let mut site = site();
        site.limits.single_device_suspects = by_rule;
        let point = site.points.get_mut("P1-001").expect("a point");
        point.kind = PointKind::CallPoint;
        let room = on(site);
        let (id, _) = room.alarm("P1-001");
        let class = if by_rule { "suspected" } else { "alarm" };
        let incident = room.until(&format!("incident/{id}"), |i| i["class"] == class);
        let sent = incident["orders"].as_array().expect("orders").len();
        assert_eq!(sent, if by_rule { 3 } else { 1 }, "posts and the commander");
        assert_eq!(room.outputs_asked(), Vec::<String>::new());
    }
}

#[test]
fn rule_03_hydrant_button_flow_and_pressure_switch_count_as_one_device_each() {
    for kind in [
        PointKind::HydrantButton,
        PointKind::FlowSwitch,
        PointKind::PressureSwitch,
    ] {
        let mut site = site();
        site.points.get_mut("P1-002").expect("a point").kind = kind;
        let room = on(site);
        room.alarm("P1-002");
        assert_eq!(room.outputs_asked(), Vec::<String>::new(), "{kind:?} alone");
        room.fire("P1-001", true);
        room.until("output/D1-SOUNDER", |output| output["state"] == "asked");
    }
}

#[test]
fn rule_10_a_device_that_counts_again_while_it_stands_in_fire_is_an_alarm() {
    let room = Room::new();
    let conditions = Conditions {
        fire: true,
        disabled: true,
        ..Conditions::default()
    };
    room.observe("P1-001", conditions);
    room.until("point/P1-001", |point| point["disabled"] == true);
    room.alarm("P1-001");
}

#[test]
fn rule_05_a_deferred_feeder_waits_for_a_person() {
    let mut site = site();
    let feeder = site.outputs.get_mut("D1-FEEDER").expect("a feeder");
    feeder.deferred = true;
    feeder.arming = Arming::Assist;
    let room = on(site);
    let id = room.real_fire("P1-001");
    let asked = room.outputs_asked();
    assert!(!asked.contains(&"D1-FEEDER".to_owned()), "{asked:?}");
    let row = |id: &str| {
        let incident = room.until(&format!("incident/{id}"), |_| true);
        let rows = incident["linkage"].as_array().expect("rows").clone();
        rows.into_iter()
            .find(|row| row["output"] == "D1-FEEDER")
            .expect("in the plan")
    };
    let waiting = row(&id);
    assert_eq!(
        (&waiting["state"], &waiting["deferred"]),
        (&json!("deferred"), &json!(true))
    );
    assert_eq!(waiting["person"]["id"], "chief-eng");
    assert_eq!(waiting["verbs"][0]["verb"], "start");
    room.verb("output/D1-FEEDER", "start", json!({}))
        .expect("started");
    assert_eq!(room.outputs_asked(), ["D1-FEEDER"]);
    assert_eq!(row(&id)["state"], "asked");
}

#[test]
fn rule_05a_a_person_at_the_landing_releases_the_lifts_feeder_and_nobody_else_does() {
    let mut site = site();
    let lift = site.outputs.get_mut("D1-LIFT").expect("a lift");
    lift.feedback.as_mut().expect("feedback").window = Duration::from_millis(50);
    assert_eq!(lift.kind, OutputKind::ElevatorRecall);
    let room = on(site);
    room.real_fire("P1-001");
    for effect in room
        .asked()
        .iter()
        .filter(|effect| effect.output.as_str() == "D1-LIFT")
    {
        assert!(room.write(effect));
    }
    let order = room.order("by_hand");
    assert_eq!(order["title"]["zh"], "电梯内可能有人");
    let refused = room.verb("output/D1-LIFT-FEEDER", "start", json!({}));
    assert_eq!(
        refused.expect_err("no blind override").code,
        "lift_not_home"
    );
    room.reply(&order, ReplyVerb::Accept, None).expect("heard");
    let order = room.until("order/", |o| {
        o["id"] == order["id"] && o["state"] == "accepted"
    });
    let offered: Vec<_> = order["replies"]
        .as_array()
        .expect("replies")
        .iter()
        .map(|r| r["verb"].clone())
        .collect();
    assert_eq!(offered, ["lift_clear", "unable"]);
    assert_eq!(room.outputs_asked(), Vec::<String>::new());
    room.reply(&order, ReplyVerb::LiftClear, None)
        .expect("heard");
    room.until("output/D1-LIFT-FEEDER", |output| output["state"] == "asked");
    assert_eq!(room.outputs_asked(), ["D1-LIFT-FEEDER"]);
}

#[test]
fn rule_05a_the_report_of_a_lift_is_no_answer_to_another_order() {
    let room = Room::new();
    let (_, order) = room.alarm("P1-001");
    let wrong = room.reply(&order, ReplyVerb::LiftClear, None);
    assert_eq!(wrong.expect_err("no lift").code, "order_of_no_lift");
    room.reply(&order, ReplyVerb::ReportFalse, Some(Cause::Dust))
        .expect("heard");
}

#[test]
fn a_linked_fire_confirmed_after_119_was_told_is_a_further_call() {
    let room = Room::new();
    let (west, east) = (pair(&room, "D1-2A"), pair(&room, "D1-2B"));
    let (first, _) = room.alarm(&west[0]);
    let (second, _) = room.alarm(&east[0]);
    room.verb(&first, "confirm_fire", json!({}))
        .expect("confirmed");
    room.until(&format!("incident/{second}"), |i| !i["spread_of"].is_null());
    room.verb(&first, "call_119", json!({ "connected": true }))
        .expect("noted: a fire, and a place to which it may have spread");
    let keys_of = |id: &str| format!("incident/{id}");
    room.until(&keys_of(&second), |i| {
        i["card119"]["outcome"]["kind"] == "connected"
    });
    let before = room.until(&keys_of(&first), |_| true);
    assert!(!keys(&before["notices"]).contains(&"notice.tell_119"));
    room.verb(&second, "confirm_fire", json!({}))
        .expect("confirmed");
    let told = |i: &Value| {
        let steps = i["steps"].as_array().expect("steps").iter();
        let mut call = steps.filter(|step| step["id"] == "call119");
        call.next().is_some_and(|step| step["state"] == "done")
    };
    room.until(&keys_of(&first), |i| {
        keys(&i["notices"]).contains(&"notice.tell_119")
    });
    let due = room.until(&keys_of(&second), |i| !told(i));
    let call = due["steps"].as_array().expect("steps").iter();
    let call = call
        .filter(|step| step["id"] == "call119")
        .collect::<Vec<_>>();
    assert!(!call[0]["limit"].is_null(), "its stopwatch runs");
    assert_eq!(call[0]["verbs"][0]["line"]["key"], "verb.call_119_again");
    room.verb(&second, "call_119", json!({ "outcome": "follow_up" }))
        .expect("told, without words");
    room.until(&keys_of(&second), told);
    room.until(&keys_of(&first), |i| {
        !keys(&i["notices"]).contains(&"notice.tell_119")
    });
}
