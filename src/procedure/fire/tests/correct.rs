//! 更正为误报 (DESIGN.md 4, rule 16).

use serde_json::{Value, json};

use crate::domain::order::{OrderKind, ReplyVerb};
use crate::procedure::fire::testing::{Play, code};
use crate::procedure::fire::{Class, Stage};

fn said() -> Value {
    json!({ "cause": "steam", "note": "n1" })
}

fn correct(play: &mut Play, by: &str, body: Value) -> String {
    code(play.verb_of(by, "correct_false", body))
}

/// A confirmed fire with somebody at the scene.
fn fought() -> Play {
    let mut play = Play::confirmed();
    let order = play.order("post1", "cordon");
    play.reply(&order, ReplyVerb::Arrive).expect("heard");
    play
}

fn items(play: &Play) -> Vec<String> {
    let items = play.incident().restore.iter();
    items.map(|(item, _)| item.clone()).collect()
}

#[test]
fn only_the_holder_takes_a_fire_back_and_only_when_everything_is_told() {
    let mut play = Play::confirmed();
    let by_operator = play.verb("correct_false", said());
    assert_eq!(code(by_operator), "correct_by_holder");
    assert_eq!(correct(&mut play, "director", said()), "correct_by_holder");
    let lead = "duty-lead";
    let no_cause = json!({ "note": "n1" });
    assert_eq!(correct(&mut play, lead, no_cause), "body_correct_false");
    let no_reason = json!({ "cause": "steam" });
    assert_eq!(correct(&mut play, lead, no_reason), "reason_missing");
    assert_eq!(correct(&mut play, lead, said()), "nobody_at_scene");
    let order = play.order("post1", "cordon");
    play.reply(&order, ReplyVerb::Arrive).expect("heard");

    play.verb("call_119", json!({ "connected": true }))
        .expect("noted");
    play.verb("brigade_command", json!({ "note": "n2" }))
        .expect("noted");
    assert_eq!(correct(&mut play, lead, said()), "handed_back_first");
    play.verb_of(lead, "handed_back", json!({})).expect("noted");
    assert_eq!(correct(&mut play, lead, said()), "tell_119_first");
    let off = json!({ "outcome": "called_off", "note": "n3" });
    play.verb("call_119", off).expect("noted");
    play.verb_of(lead, "correct_false", said())
        .expect("corrected");

    let incident = play.incident();
    assert_eq!(
        (incident.stage, incident.class),
        (Stage::FalseAlarm, Class::Suspected)
    );
    for kind in [OrderKind::Group, OrderKind::Report, OrderKind::Command] {
        assert_eq!(incident.open_orders(kind).count(), 0, "{kind:?}");
    }
    assert!(play.said().contains(&"corrected_false".into()));
    assert_eq!(correct(&mut play, lead, said()), "verdict_given");
    let verdict = &play.incident_document()["verdict"];
    assert_eq!(
        (&verdict["kind"], &verdict["cause"]),
        (&json!("false"), &json!("steam"))
    );
}

#[test]
fn everything_that_acted_is_put_back_by_hand_in_its_order() {
    let mut play = fought();
    let acted: Vec<_> = play
        .incident()
        .asked
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(acted.len() > 3, "{acted:?}");
    play.verb_of("duty-lead", "correct_false", said())
        .expect("corrected");
    let listed = items(&play);
    for output in &acted {
        assert!(listed.contains(output), "{output} is not in {listed:?}");
    }
    assert!(!listed.contains(&"scene".into()) && !listed.contains(&"watch".into()));
    let place = |item: &str| listed.iter().position(|listed| listed == item);
    assert!(place("leak_test") < place("GAS-VALVE"), "{listed:?}");
    assert!(place("insulation") < place("D1-FEEDER"), "{listed:?}");
    let early = play.verb("restore", json!({ "item": "GAS-VALVE", "note": "n" }));
    assert_eq!(code(early), "restore_first");
    let document = play.incident_document();
    let steps = document["steps"].as_array().expect("steps");
    let restore = steps.iter().find(|step| step["id"] == "restore");
    assert_eq!(restore.expect("a step")["verbs"][0]["verb"], "restore");
    for item in &listed {
        let body = json!({ "item": item, "person": "chief-eng" });
        play.verb("restore", body).expect("ticked");
    }
    assert_eq!(items(&play), listed, "it is listed once");
}

#[test]
fn what_was_put_back_is_commanded_again_when_it_burns_after_all() {
    let mut play = fought();
    let before = play.incident().asked.clone();
    play.verb_of("duty-lead", "correct_false", said())
        .expect("corrected");
    // One later device alone drives nothing, whatever the former verdict had planned.
    play.fire("P1-016", true);
    assert_eq!(play.incident().stage, Stage::Verifying);
    assert!(play.incident().asked.is_empty() && play.incident().plan.is_none());
    let open = items(&play);
    assert!(!open.is_empty(), "what is not put back stays on the list");
    play.wait(60);
    play.verb("confirm_fire", json!({})).expect("confirmed");
    assert_eq!(play.incident().asked, before);
}

/// Rule 5a: the lift is in service again, and no word of the former verdict says where it is.
#[test]
fn a_lift_that_was_home_before_the_correction_must_come_home_again() {
    let mut play = Play::seen();
    play.burn();
    let order = play.order("post1", "cordon");
    play.reply(&order, ReplyVerb::Arrive).expect("heard");
    assert!(play.permit("D1-LIFT#1"));
    play.written("D1-LIFT#1");
    play.shows("D1-LIFT-HOME", true);
    play.verb_of("duty-lead", "correct_false", said())
        .expect("corrected");
    play.shows("D1-LIFT-HOME", false);
    let feeder = |play: &Play| play.ledger.campus.outputs["D1-LIFT-FEEDER"].count;
    let before = feeder(&play);
    play.fire("P1-016", true);
    play.wait(60);
    play.verb("confirm_fire", json!({})).expect("confirmed");
    assert_eq!(play.ledger.campus.outputs["D1-LIFT"].count, 2);
    assert_eq!(feeder(&play), before, "the lift is not home");
    assert!(play.permit("D1-LIFT#2"));
    play.written("D1-LIFT#2");
    play.shows("D1-LIFT-HOME", true);
    assert_eq!(feeder(&play), before + 1);
}

#[test]
fn a_fire_that_nobody_confirmed_and_for_which_nothing_acted_is_no_correction() {
    let mut play = Play::new();
    play.fire("P1-015", true);
    assert_eq!(
        correct(&mut play, "duty-lead", said()),
        "nothing_to_correct"
    );
}

#[test]
fn a_call_that_is_not_due_any_more_is_not_late() {
    let mut play = fought();
    play.verb_of("duty-lead", "correct_false", said())
        .expect("corrected");
    play.wait(120);
    assert!(!play.said().contains(&"call_119_late".into()));
}
