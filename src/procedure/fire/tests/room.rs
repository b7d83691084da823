//! The shift, and the room that does not answer.

use serde_json::{Value, json};

use crate::domain::actor::Role;
use crate::domain::order::OrderState;
use crate::engine::ports::Answer;
use crate::procedure::fire::testing::{Play, code};

fn sits(play: &mut Play, account: &str, name: &str, body: Value) -> Answer {
    play.verb_as((account, Role::Operator, None), "site", name, body)
}

#[test]
fn two_people_sit_at_the_two_positions() {
    let mut play = Play::new();
    let first = json!({ "position": "first" });
    sits(&mut play, "zhang", "sign_on_shift", first.clone()).expect("on");
    let twice = sits(
        &mut play,
        "zhang",
        "sign_on_shift",
        json!({ "position": "second" }),
    );
    assert_eq!(code(twice), "shift_two_positions");
    sits(
        &mut play,
        "li",
        "sign_on_shift",
        json!({ "position": "second" }),
    )
    .expect("on");
    let shift = play.document("summary")["shift"].clone();
    assert_eq!(
        (
            shift["first"]["id"].as_str(),
            shift["second"]["id"].as_str()
        ),
        (Some("zhang"), Some("li"))
    );
    // Relieved without having signed off.
    sits(&mut play, "wang", "sign_on_shift", first).expect("on");
    assert_eq!(
        code(sits(&mut play, "zhang", "sign_off_shift", json!({}))),
        "not_on_shift"
    );
    sits(&mut play, "wang", "sign_off_shift", json!({})).expect("off");
    assert_eq!(play.document("summary")["shift"]["first"], Value::Null);
}

#[test]
fn no_protective_verb_asks_who_is_on_shift() {
    let mut play = Play::new();
    play.fire("P1-015", true);
    for verb in ["take", "confirm_fire"] {
        play.verb(verb, json!({})).expect("nobody is on shift");
    }
    play.verb("call_119", json!({ "connected": true }))
        .expect("noted");
    play.site_verb("mute", json!({})).expect("muted");
}

#[test]
fn a_room_that_does_not_answer_rings_everywhere_until_somebody_takes_over() {
    let mut play = Play::new();
    play.fire("P1-015", true);
    play.wait(29);
    assert_eq!(play.document("summary")["room_lost"], Value::Null);
    assert_eq!(play.orders("support").len(), 0);
    play.wait(1);
    let lost = play.document("summary")["room_lost"].clone();
    assert_eq!(lost["incident"], json!(play.incident().id));
    assert_eq!(
        play.ordered("support"),
        ["director", "duty-lead", "post1", "post2"]
    );
    play.wait(100);
    assert_eq!(play.orders("support").len(), 4, "called once");

    assert_eq!(
        code(play.site_verb("take_over", json!({ "station": " " }))),
        "body_take_over"
    );
    let phone = ("lead", Role::Supervisor, Some("duty-lead"));
    let body = json!({ "station": "周敏 手机" });
    play.verb_as(phone, "site", "take_over", body)
        .expect("taken over");
    assert_eq!(play.document("summary")["room_lost"], Value::Null);
    assert_eq!(
        play.document("summary")["authority"]["station"],
        "周敏 手机"
    );
    let taken = play.incident().taken.clone().expect("with its alarms");
    assert_eq!(json!(taken.by)["id"], "lead");
    let orders = play.orders("support");
    assert!(
        orders
            .iter()
            .all(|order| order.state == OrderState::Withdrawn)
    );
}

#[test]
fn a_call_to_everybody_engages_nobody() {
    let mut play = Play::new();
    play.fire("P1-015", true);
    play.wait(30);
    let order = play.order("post1", "support");
    assert!(order.state.is_open());
    assert!(order.late.is_empty());
    play.wait(600);
    assert!(
        play.order("post1", "support").late.is_empty(),
        "nobody in particular is late"
    );
}
