//! 指挥权 and the all-clear (process.md 98).

use serde_json::{Value, json};

use crate::domain::order::{Figures, OrderState, ReplyVerb};
use crate::procedure::fire::Stage;
use crate::procedure::fire::testing::{Play, code, refused};

fn holder(play: &Play) -> (String, bool) {
    let (id, acting) = play.incident().holder.clone().expect("held");
    (id.to_string(), acting)
}

fn unmet(play: &Play) -> Vec<String> {
    let document = play.incident_document();
    let all = document["preconditions"]
        .as_array()
        .expect("a list")
        .clone();
    let open = all.iter().filter(|found| found["met"] == false);
    open.map(|found| found["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[test]
fn the_first_reachable_of_the_succession_holds_command_at_once() {
    let play = Play::confirmed();
    assert_eq!(holder(&play), ("duty-lead".into(), true));
    let command = &play.incident_document()["command"];
    assert_eq!(command["holder"]["id"], "duty-lead");
    assert_eq!(command["acting"], true);
    assert!(command["since"].is_i64());

    let mut play = Play::new();
    play.presence("duty-lead", false);
    play.burn();
    assert_eq!(holder(&play), ("director".into(), false));
}

#[test]
fn a_hand_over_is_an_act_of_both() {
    let mut play = Play::confirmed();
    let to = json!({ "to": "director" });
    assert_eq!(
        code(play.verb("offer_command", to.clone())),
        "not_the_holder"
    );
    play.verb_of("duty-lead", "offer_command", to)
        .expect("offered");
    assert_eq!(holder(&play).0, "duty-lead", "until it is accepted");
    let offered = play.incident_document()["command"]["offered"].clone();
    assert_eq!(offered["to"]["id"], "director");
    let accept = play.verb_of("warden", "accept_command", json!({}));
    assert_eq!(code(accept), "offered_to_another");
    play.verb_of("director", "accept_command", json!({}))
        .expect("accepted");
    assert_eq!(holder(&play), ("director".into(), false));
    assert_eq!(play.incident_document()["command"]["offered"], Value::Null);
    assert_eq!(
        code(play.verb_of("director", "accept_command", json!({}))),
        "nothing_offered"
    );
}

#[test]
fn an_offer_is_an_order_on_the_phone_and_accepting_it_takes_command() {
    let mut play = Play::confirmed();
    let to = json!({ "to": "director", "channel": "radio" });
    play.verb("offer_command", to)
        .expect("the room enters it for the holder");
    let order = play.order("director", "command");
    play.reply(&order, ReplyVerb::Accept).expect("heard");
    assert_eq!(holder(&play).0, "director");
}

#[test]
fn an_offer_that_nobody_answers_lapses_and_goes_to_the_next() {
    let mut play = Play::confirmed();
    play.verb_of("duty-lead", "offer_command", json!({ "to": "chief-eng" }))
        .expect("offered");
    play.wait(59);
    assert!(play.incident().handover.offer.is_some());
    play.wait(1);
    let offer = play
        .incident()
        .handover
        .offer
        .clone()
        .expect("the next is asked");
    assert_eq!(offer.to.as_str(), "director");
    assert_eq!(
        play.order("chief-eng", "command").state,
        OrderState::Withdrawn
    );
    play.reply(&play.order("director", "command"), ReplyVerb::Unable)
        .expect("heard");
    assert_eq!(
        play.incident().handover.offer,
        None,
        "nobody is left to ask"
    );
    assert_eq!(holder(&play).0, "duty-lead", "the holder keeps it");
    play.wait(300);
    assert_eq!(play.incident().handover.offer, None);
}

#[test]
fn command_is_not_taken_from_a_holder_who_is_there_but_by_the_commander() {
    let mut play = Play::new();
    play.presence("duty-lead", false);
    play.burn();
    assert_eq!(holder(&play).0, "director");
    play.presence("duty-lead", true);
    let taken = refused(play.verb_of("duty-lead", "take_command", json!({})));
    assert_eq!(
        (taken.code.as_str(), taken.how.as_deref()),
        ("command_held", Some("director"))
    );
    play.presence("director", false);
    play.verb_of("duty-lead", "take_command", json!({}))
        .expect("the holder is gone");
    assert_eq!(holder(&play), ("duty-lead".into(), true));
    play.presence("director", true);
    play.verb_of("director", "take_command", json!({}))
        .expect("he is the commander");
    let other = play.verb_of("warden", "take_command", json!({}));
    assert_eq!(code(other), "not_in_succession");
}

#[test]
fn the_all_clear_waits_for_what_should_be_true() {
    let mut play = Play::confirmed();
    play.verb("call_119", json!({ "connected": true }))
        .expect("noted");
    play.verb("brigade_command", json!({ "note": "n1" }))
        .expect("noted");
    assert_eq!(
        code(play.verb("brigade_command", json!({}))),
        "brigade_commands"
    );
    let all = ["scene", "extinguished", "head_count", "injured", "watch"];
    assert_eq!(unmet(&play), all);
    let clear = |play: &mut Play, body: Value| play.verb_of("duty-lead", "all_clear", body);
    let refusal = refused(clear(&mut play, json!({})));
    assert_eq!(refusal.code, "preconditions_open");
    assert_eq!(refusal.how.as_deref(), Some(all.join(", ").as_str()));
    assert_eq!(
        code(clear(&mut play, json!({ "over": true }))),
        "reason_missing"
    );

    // The groups report, one by device, one entered by the room.
    let order = play.order("post1", "extinguish");
    play.reply(&order, ReplyVerb::FireOut).expect("heard");
    let order = play.order("warden", "evacuate");
    let short = Figures {
        present: Some(298),
        missing: Some(2),
        ..Figures::default()
    };
    play.reply_with(&order, ReplyVerb::HeadCount, short)
        .expect("heard");
    assert!(
        unmet(&play).contains(&"head_count".into()),
        "two are missing"
    );
    play.verb("head_count", json!({ "present": 300, "missing": 0 }))
        .expect("noted");
    play.verb("casualties", json!({ "count": 1, "accounted": 0 }))
        .expect("noted");
    assert!(unmet(&play).contains(&"injured".into()));
    play.verb("casualties", json!({ "count": 1, "accounted": 1 }))
        .expect("noted");
    play.verb("name_watch", json!({ "person": "post2" }))
        .expect("noted");
    assert_eq!(unmet(&play), ["scene"]);
    assert_eq!(code(play.verb("handed_back", json!({}))), "not_the_holder");
    play.verb_of("duty-lead", "handed_back", json!({}))
        .expect("noted");
    assert_eq!(unmet(&play), Vec::<String>::new());
    assert_eq!(code(play.verb("all_clear", json!({}))), "not_the_holder");
    clear(&mut play, json!({})).expect("clear");
    assert_eq!(play.incident().stage, Stage::Restoring);
    assert!(!play.said().contains(&"all_clear_over".into()));
}

#[test]
fn a_fire_that_is_out_is_doubtful_after_a_later_signal() {
    let mut play = Play::confirmed();
    play.verb("fire_out", json!({})).expect("noted");
    assert!(!unmet(&play).contains(&"extinguished".into()));
    play.fire("P1-020", true);
    assert!(unmet(&play).contains(&"extinguished".into()));
}

#[test]
fn an_all_clear_over_open_conditions_is_recorded_with_them() {
    let mut play = Play::confirmed();
    let body = json!({ "over": true, "note": "n1" });
    play.verb_of("duty-lead", "all_clear", body).expect("clear");
    assert!(play.said().contains(&"all_clear_over".into()));
    let record = play.document(&format!("record/{}", play.incident().id));
    let unmet = record["cleared_over"]["unmet"].as_array().expect("lines");
    assert!(unmet.iter().any(|line| line["key"] == "clear.head_count"));
    let missing = record["missing"].as_array().expect("lines");
    for key in [
        "record.no_119",
        "record.group_missing",
        "restore.insulation",
    ] {
        assert!(missing.iter().any(|line| line["key"] == key), "{key}");
    }
    assert!(!missing.iter().any(|line| line["key"] == "record.not_taken"));
}

#[test]
fn a_group_reports_only_what_is_its_duty() {
    let mut play = Play::confirmed();
    let order = play.order("post1", "cordon");
    assert_eq!(
        code(play.reply(&order, ReplyVerb::FireOut)),
        "reply_of_another_group"
    );
    let order = play.order("warden", "evacuate");
    assert_eq!(
        code(play.reply(&order, ReplyVerb::HeadCount)),
        "figures_missing"
    );
    play.reply(&order, ReplyVerb::Accept).expect("heard");
    let document = play.document(&format!("order/warden/{}", order.given.id));
    let replies = document["replies"].as_array().expect("replies").clone();
    let verbs: Vec<_> = replies.iter().map(|reply| reply["verb"].clone()).collect();
    assert_eq!(
        json!(verbs),
        json!(["arrive", "head_count", "done", "unable"])
    );
    assert_eq!(replies[1]["fields"][0]["field"], "present");
}

#[test]
fn a_silent_first_holder_is_replaced_by_the_next_who_can_be_reached() {
    let mut play = Play::confirmed();
    let order = play.order("duty-lead", "command");
    assert_eq!(order.state, OrderState::Queued);
    let document = play.document(&format!("order/duty-lead/{}", order.given.id));
    assert_eq!(document["title"]["zh"], "您持现场指挥权");
    play.wait(59);
    assert_eq!(holder(&play), ("duty-lead".into(), true));
    play.wait(1);
    assert_eq!(holder(&play), ("director".into(), false));
    assert_eq!(
        play.order("duty-lead", "command").state,
        OrderState::Withdrawn
    );
    // Nobody is left after him: he keeps it, and that is said.
    play.wait(120);
    assert_eq!(holder(&play).0, "director");
    let notices = play.incident_document()["notices"].clone();
    assert!(notices.to_string().contains("notice.holder_silent"));
    play.verb_of("duty-lead", "take_command", json!({}))
        .expect_err("the commander can be reached");
}

#[test]
fn a_holder_shows_that_he_is_there_by_his_phone_or_by_anything_he_does() {
    let mut play = Play::confirmed();
    play.reply(&play.order("duty-lead", "command"), ReplyVerb::Accept)
        .expect("heard");
    play.wait(300);
    assert_eq!(holder(&play).0, "duty-lead");

    // At the desk, without a look at the phone.
    let mut play = Play::confirmed();
    play.wait(30);
    play.verb_of("duty-lead", "call_119", json!({ "connected": true }))
        .expect("noted");
    let order = play.order("duty-lead", "command");
    assert_eq!(order.state, OrderState::Accepted);
    play.wait(300);
    assert_eq!(holder(&play).0, "duty-lead");

    // By radio, entered by the room.
    let mut play = Play::confirmed();
    let order = play.order("duty-lead", "command").given.id;
    let body =
        json!({ "order": order, "verb": "accept", "channel": "radio", "person": "duty-lead" });
    play.verb("record_reply", body).expect("noted");
    play.wait(300);
    assert_eq!(holder(&play).0, "duty-lead");
}

#[test]
fn a_holder_who_says_that_he_cannot_is_replaced_at_once() {
    let mut play = Play::confirmed();
    play.reply(&play.order("duty-lead", "command"), ReplyVerb::Unable)
        .expect("heard");
    assert_eq!(holder(&play), ("director".into(), false));
}

#[test]
fn a_silent_holder_keeps_command_while_nobody_else_can_be_reached() {
    let mut play = Play::new();
    play.presence("director", false);
    play.burn();
    play.wait(120);
    assert_eq!(holder(&play).0, "duty-lead");
    play.presence("director", true);
    assert_eq!(holder(&play).0, "director", "as soon as he can be");
}

#[test]
fn whoever_could_not_and_takes_command_himself_later_keeps_it() {
    let mut play = Play::confirmed();
    play.reply(&play.order("duty-lead", "command"), ReplyVerb::Unable)
        .expect("heard");
    assert_eq!(holder(&play).0, "director");
    play.presence("director", false);
    play.verb_of("duty-lead", "take_command", json!({}))
        .expect("the holder is gone");
    play.presence("director", true);
    play.wait(300);
    assert_eq!(holder(&play), ("duty-lead".into(), true));
}
