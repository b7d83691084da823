//! 人工报警 (process.md 76a).

use serde_json::{Value, json};

use crate::domain::actor::{Actor, Role};
use crate::domain::input::{Input, Report};
use crate::domain::note::Note;
use crate::domain::order::ReplyVerb;
use crate::engine::ports::Answer;
use crate::procedure::fire::testing::{Play, code};
use crate::procedure::fire::{Class, Stage};

fn told() -> Value {
    json!({ "compartment": "D1-2", "room": "203", "how": "phone", "note": "n1" })
}

fn guard(play: &mut Play, id: &str, real: bool) -> Answer {
    let report = Report {
        recipient: "post2".into(),
        report_id: id.into(),
        compartment: Some("D1-2".into()),
        room: None,
        real,
        note: None,
        via: crate::domain::order::Via::Mqtt,
    };
    play.take(Actor::Recipient("post2".into()), Input::Report(report))
}

#[test]
fn a_report_by_telephone_opens_an_incident_and_sends_the_nearest_post() {
    let mut play = Play::new();
    let note = Note {
        caller: Some("李四".into()),
        phone: Some("13800138000".into()),
        text: Some("203 冒烟".into()),
    };
    play.erasable.notes.insert("n1".into(), note);
    play.site_verb("report", told()).expect("opened");
    let incident = play.incident();
    assert_eq!(
        (incident.class, incident.stage),
        (Class::Alarm, Stage::Verifying)
    );
    assert!(incident.taken.is_some(), "who enters it has taken it");
    assert_eq!(play.ordered("verify"), ["post2"]);
    let document = play.incident_document();
    let reported =
        json!({ "by": "李四", "phone_last4": "8000", "how": "phone", "text": "203 冒烟" });
    assert_eq!(document["reported"], reported);
    assert_eq!(document["first"]["kind"], "person");
    assert_eq!(document["first"]["room"]["zh"], "203");
    // The note is erased: the incident stays.
    play.erasable.notes.clear();
    let reported = json!({ "by": "operator", "how": "phone", "text": "" });
    assert_eq!(play.incident_document()["reported"], reported);
}

#[test]
fn it_needs_no_detector_to_be_real_and_uses_the_chosen_compartment() {
    let mut play = Play::new();
    play.site_verb("report", told()).expect("opened");
    play.verb("confirm_fire", json!({})).expect("confirmed");
    let incident = play.incident();
    assert_eq!(incident.stage, Stage::Fighting);
    let plan = incident.plan.as_ref().expect("a plan");
    assert!(
        plan.iter()
            .any(|planned| planned.output.as_str() == "D1-SOUNDER")
    );
    assert!(!incident.asked.is_empty());
}

#[test]
fn a_report_joins_the_incident_of_its_compartment_and_never_makes_two_devices() {
    let mut play = Play::new();
    play.fire("P1-015", true);
    play.site_verb("report", told()).expect("joined");
    play.site_verb("report", told()).expect("joined");
    assert_eq!(play.ledger.campus.incidents.len(), 1);
    assert_eq!(play.incident().class, Class::Alarm);
    assert_eq!(play.incident().reports.len(), 2);
    assert!(play.incident().asked.is_empty());
}

#[test]
fn a_report_after_a_false_alarm_opens_it_again() {
    let mut play = Play::new();
    play.fire("P1-015", true);
    let order = play.order("post2", "verify");
    play.reply(&order, ReplyVerb::ReportFalse).expect("heard");
    assert_eq!(play.incident().stage, Stage::FalseAlarm);
    play.site_verb("report", told()).expect("joined");
    assert_eq!(
        (play.incident().class, play.incident().stage),
        (Class::Suspected, Stage::Verifying)
    );
}

#[test]
fn a_guard_at_the_scene_has_verified_and_nobody_else_is_sent() {
    let mut play = Play::new();
    guard(&mut play, "r1", false).expect("opened");
    assert_eq!(play.ordered("verify"), ["post2"]);
    let order = play.order("post2", "verify");
    assert!(order.arrived_at.is_some());
    assert_eq!(order.heard, ["r1"], "his device stops sending it");
    assert_eq!(play.incident().stage, Stage::Verifying);
    assert!(
        play.incident().taken.is_none(),
        "the room has still to take it"
    );
    // The same report again is one event.
    let seq = play.ledger.head.seq;
    guard(&mut play, "r1", false).expect("known");
    assert_eq!(play.ledger.head.seq, seq);
    play.reply(&order, ReplyVerb::ReportReal).expect("heard");
    assert_eq!(play.incident().stage, Stage::Fighting);
}

#[test]
fn a_guard_may_say_at_once_that_it_is_real() {
    let mut play = Play::new();
    guard(&mut play, "r1", true).expect("opened");
    assert_eq!(play.incident().stage, Stage::Fighting);
    assert_eq!(play.ordered("report"), ["director"]);
    assert!(!play.incident().asked.is_empty());
}

#[test]
fn a_guard_who_was_sent_and_reports_answers_his_own_order() {
    let mut play = Play::new();
    play.fire("P1-015", true);
    guard(&mut play, "r1", true).expect("joined");
    assert_eq!(play.orders("verify").len(), 1);
    assert_eq!(play.incident().stage, Stage::Fighting);
}

#[test]
fn a_report_without_a_place_or_from_nobody_is_refused() {
    let mut play = Play::new();
    let nowhere = json!({ "compartment": "X", "how": "phone" });
    assert_eq!(
        code(play.site_verb("report", nowhere)),
        "compartment_unknown"
    );
    let guard = json!({ "compartment": "D1-2", "how": "guard" });
    assert_eq!(code(play.site_verb("report", guard)), "body_report");
    assert_eq!(code(play.site_verb("report", json!({}))), "body_report");
    let viewer = ("viewer", Role::Viewer, None);
    assert_eq!(
        code(play.verb_as(viewer, "site", "report", told())),
        "role_sees_only"
    );
    let clerk = ("clerk", Role::Clerk, None);
    play.verb_as(clerk, "site", "report", told())
        .expect("opened");
    assert!(
        play.incident().taken.is_none(),
        "the room has not heard of it yet"
    );
    let report = Report {
        recipient: "duty-lead".into(),
        report_id: "r1".into(),
        compartment: None,
        room: None,
        real: false,
        note: None,
        via: crate::domain::order::Via::Mqtt,
    };
    let lead = Actor::Recipient("duty-lead".into());
    assert_eq!(
        code(play.take(lead, Input::Report(report))),
        "place_missing"
    );
}
