//! 代录, 误报 by camera, the 119 card (process.md 80a, 86).

use serde_json::{Value, json};

use crate::domain::actor::{Actor, Role};
use crate::domain::input::{Input, Observation};
use crate::domain::order::OrderState;
use crate::domain::point::{Conditions, Quality, Reading};
use crate::domain::time::WallTime;
use crate::procedure::fire::testing::{Play, code};
use crate::procedure::fire::{Class, Stage};

fn said(order: &str, verb: &str) -> Value {
    json!({ "order": order, "verb": verb, "channel": "radio", "person": "post2" })
}

fn alarm() -> (Play, String) {
    let mut play = Play::new();
    play.fire("P1-015", true);
    let id = play.order("post2", "verify").given.id.to_string();
    (play, id)
}

#[test]
fn what_the_room_enters_for_a_guard_is_equal_to_his_own_answer() {
    let (mut play, id) = alarm();
    play.verb("record_reply", said(&id, "accept"))
        .expect("noted");
    assert_eq!(play.order("post2", "verify").state, OrderState::Accepted);
    play.verb("record_reply", said(&id, "arrive"))
        .expect("noted");
    play.verb("record_reply", said(&id, "report_real"))
        .expect("noted");
    assert_eq!(play.incident().stage, Stage::Fighting);
    assert_eq!(
        play.said()
            .iter()
            .filter(|key| *key == "reply_recorded")
            .count(),
        3
    );
    let document = play.document(&format!("order/post2/{id}"));
    assert_eq!(document["recorded"][2]["person"], "post2");
    assert_eq!(document["recorded"][2]["channel"], "radio");
    assert_eq!(document["recorded"][2]["by"]["id"], "operator");
    assert_eq!(
        code(play.verb("record_reply", said(&id, "accept"))),
        "order_ended"
    );
}

#[test]
fn a_false_alarm_by_radio_has_a_cause_and_a_named_person() {
    let (mut play, id) = alarm();
    assert_eq!(
        code(play.verb("record_reply", said(&id, "report_false"))),
        "cause_missing"
    );
    let mut nobody = said(&id, "report_false");
    nobody["cause"] = json!("steam");
    nobody["person"] = json!("somebody");
    assert_eq!(
        code(play.verb("record_reply", nobody.clone())),
        "person_missing"
    );
    nobody["note"] = json!("n1");
    play.verb("record_reply", nobody)
        .expect("the name is in the note");
    assert_eq!(play.incident().stage, Stage::FalseAlarm);
}

#[test]
fn the_step_offers_it_with_everything_filled_in() {
    let (play, id) = alarm();
    let document = play.incident_document();
    let verbs = document["steps"][2]["verbs"]
        .as_array()
        .expect("verbs")
        .clone();
    let record = verbs
        .iter()
        .find(|verb| verb["key"] == "F9")
        .expect("offered");
    let body = json!({ "order": id, "person": "post2", "channel": "radio" });
    assert_eq!(record["body"], body);
    assert_eq!(record["choice"]["field"], "verb");
    let offered = record["choice"]["options"].as_array().expect("options");
    let offered: Vec<_> = offered
        .iter()
        .map(|option| option["value"].clone())
        .collect();
    assert_eq!(
        json!(offered),
        json!(["accept", "unable", "arrive", "report_real"])
    );
    assert!(
        verbs
            .iter()
            .any(|verb| verb["body"]["verb"] == "report_false")
    );
}

#[test]
fn nothing_is_entered_for_a_device_or_for_an_order_that_is_not_there() {
    let (mut play, id) = alarm();
    for verb in ["received", "no_such"] {
        assert_eq!(
            code(play.verb("record_reply", said(&id, verb))),
            "body_record_reply"
        );
    }
    assert_eq!(
        code(play.verb("record_reply", said("F-1-1", "accept"))),
        "order_unknown"
    );
}

#[test]
fn a_camera_never_denies_a_fire_alone() {
    let (mut play, _) = alarm();
    let cause = json!({ "cause": "steam" });
    assert_eq!(code(play.verb("judge_false", cause)), "nobody_at_scene");
    let cctv = json!({ "cause": "steam", "cctv": true });
    assert_eq!(code(play.verb("judge_false", cctv)), "reason_missing");
    assert_eq!(
        code(play.verb("countersign_false", json!({}))),
        "nothing_proposed"
    );
    let cctv = json!({ "cause": "steam", "cctv": true, "note": "n1" });
    play.verb("judge_false", cctv.clone()).expect("proposed");
    assert_eq!(
        play.incident().stage,
        Stage::Verifying,
        "nothing is judged yet"
    );
    assert_eq!(
        code(play.verb("countersign_false", json!({}))),
        "countersign_role"
    );
    let case = play.incident().id.to_string();
    let himself = ("operator", Role::Supervisor, None);
    let own = play.verb_as(himself, &case, "countersign_false", json!({}));
    assert_eq!(code(own), "countersign_self");
    // The same device once more: what was seen by camera was before it.
    play.fire("P1-015", false);
    play.fire("P1-016", true);
    let late = play.verb_of("duty-lead", "countersign_false", json!({}));
    assert_eq!(code(late), "two_devices_stand");
    assert_eq!(
        code(play.verb("judge_false", cctv.clone())),
        "two_devices_stand"
    );
    assert_eq!(play.incident().class, Class::Suspected);

    let (mut play, _) = alarm();
    play.verb("judge_false", cctv).expect("proposed");
    play.verb_of("duty-lead", "countersign_false", json!({}))
        .expect("judged");
    assert_eq!(play.incident().stage, Stage::FalseAlarm);
}

#[test]
fn the_119_card_keeps_every_call() {
    let mut play = Play::confirmed();
    let call = |play: &mut Play, body: Value| play.verb("call_119", body);
    assert_eq!(code(call(&mut play, json!({}))), "body_call_119");
    let more = json!({ "outcome": "follow_up", "note": "n1" });
    assert_eq!(code(call(&mut play, more.clone())), "call_119_first");
    call(&mut play, json!({ "outcome": "failed", "used": "fixed" })).expect("noted");
    call(
        &mut play,
        json!({ "outcome": "connected", "used": "mobile" }),
    )
    .expect("noted");
    assert_eq!(
        code(call(&mut play, json!({ "connected": true }))),
        "call_119_done"
    );
    assert_eq!(
        code(call(&mut play, json!({ "outcome": "follow_up" }))),
        "text_missing"
    );
    call(&mut play, more).expect("noted");
    let card = play.incident_document()["card119"].clone();
    let kinds = card["calls"].as_array().expect("calls").iter();
    let kinds: Vec<_> = kinds.map(|call| call["kind"].clone()).collect();
    assert_eq!(json!(kinds), json!(["failed", "connected", "follow_up"]));
    assert_eq!(card["calls"][1]["used"]["key"], "call.used_mobile");
    assert_eq!(card["outcome"]["kind"], "connected");
}

#[test]
fn not_to_call_119_is_a_decision_with_a_name_and_a_reason() {
    let mut play = Play::confirmed();
    let body = json!({ "outcome": "not_called" });
    assert_eq!(code(play.verb("call_119", body)), "reason_missing");
    let body = json!({ "outcome": "not_called", "note": "n1" });
    play.verb("call_119", body).expect("noted");
    assert_eq!(
        play.incident_document()["card119"]["outcome"]["kind"],
        "not_called"
    );
    play.wait(100);
    assert!(!play.said().contains(&"call_119_late".into()));
    // It may still be called.
    play.verb("call_119", json!({ "connected": true }))
        .expect("noted");
    assert_eq!(
        play.incident_document()["card119"]["outcome"]["kind"],
        "connected"
    );
}

#[test]
fn a_signal_keeps_what_the_panels_own_clock_said() {
    let mut play = Play::new();
    let conditions = Conditions {
        fire: true,
        ..Conditions::default()
    };
    let panel_at = WallTime(1_767_225_590_000);
    let latest = Reading {
        device_time: Some(panel_at),
        ..Reading::new(conditions, Quality::Good, play.now.engine)
    };
    let observation = Observation {
        point: "P1-015".into(),
        latest,
        edge: None,
        missed_edges: 0,
    };
    play.take(Actor::Field, Input::Observed(observation))
        .expect("accepted");
    play.fire("P1-016", true);
    let document = play.incident_document();
    let signals = &document["signals"];
    assert_eq!(signals[0]["panel_at"], json!(panel_at));
    assert_eq!(
        signals[1]["panel_at"],
        Value::Null,
        "this panel does not tell"
    );
}
