//! 看守复燃, and a fire that burns again after the all-clear or after 误报.

use serde_json::{Value, json};

use crate::domain::order::{OrderState, ReplyVerb};
use crate::procedure::fire::testing::{Play, code};
use crate::procedure::fire::{Class, Stage};

/// After the all-clear, the second post watching.
fn cleared() -> Play {
    let mut play = Play::confirmed();
    play.verb("call_119", json!({ "connected": true }))
        .expect("noted");
    play.verb("name_watch", json!({ "person": "post2" }))
        .expect("noted");
    assert!(play.orders("watch").is_empty(), "not before the all-clear");
    let body = json!({ "over": true, "note": "n1" });
    play.verb_of("duty-lead", "all_clear", body).expect("clear");
    play
}

fn verbs(document: &Value) -> Vec<&str> {
    let replies = document["replies"].as_array().expect("replies").iter();
    replies
        .map(|reply| reply["verb"].as_str().expect("a verb"))
        .collect()
}

#[test]
fn the_watch_for_re_ignition_is_an_order_to_whoever_was_named() {
    let mut play = cleared();
    assert_eq!(play.ordered("watch"), ["post2"]);
    let order = play.order("post2", "watch");
    play.reply(&order, ReplyVerb::Accept).expect("heard");
    let document = play.document(&format!("order/post2/{}", order.given.id));
    assert_eq!(document["title"]["zh"], "看守复燃");
    assert_eq!(
        verbs(&document),
        ["arrive", "report_real", "done", "unable"]
    );
    assert_eq!(
        document["replies"][1]["line"]["key"],
        "reply.watch_report_real"
    );
    // Somebody else is named: he gets the order, and the first one's is taken back.
    play.verb("name_watch", json!({ "person": "post1" }))
        .expect("noted");
    assert_eq!(play.order("post2", "watch").state, OrderState::Withdrawn);
    assert_eq!(play.ordered("watch"), ["post2", "post1"]);
}

#[test]
fn a_watch_that_nobody_keeps_is_said_and_can_be_given_to_another() {
    let mut play = cleared();
    let restore = |play: &Play| {
        let document = play.incident_document();
        let steps = document["steps"].as_array().expect("steps").iter();
        let mut found = steps.filter(|step| step["id"] == "restore");
        found.next().expect("a step").to_string()
    };
    assert!(!restore(&play).contains("fact.nobody_watches"));
    play.reply(&play.order("post2", "watch"), ReplyVerb::Unable)
        .expect("heard");
    assert!(restore(&play).contains("fact.nobody_watches"));
    assert!(restore(&play).contains("name_watch"));
}

#[test]
fn whoever_watches_reports_that_it_burns_again_and_everything_starts_anew() {
    let mut play = cleared();
    let before = play.ordered("group").len();
    let asked = play.incident().asked.clone();
    // The commands of the first fire were never carried out here.
    play.wait(60);
    let order = play.order("post2", "watch");
    play.reply(&order, ReplyVerb::ReportReal).expect("heard");
    let incident = play.incident();
    assert_eq!(
        (incident.stage, incident.class),
        (Stage::Fighting, Class::Confirmed)
    );
    assert_eq!(incident.all_clear, None);
    assert_eq!(incident.asked, asked, "everything is commanded again");
    assert_eq!(play.ordered("group").len(), 2 * before, "every group again");
    let card = incident.call_119.as_ref().expect("a card");
    assert!(card.outcome.is_none() && card.due.is_some(), "119 again");
    assert!(!incident.is_out());
    let body = json!({ "over": true, "note": "n2" });
    play.verb_of("duty-lead", "all_clear", body)
        .expect("its own all-clear");
}

#[test]
fn a_device_that_alarms_after_the_all_clear_is_heard_and_looked_at() {
    let mut play = cleared();
    // What stands since the fire is no later signal.
    play.fire("P1-015", true);
    assert_eq!(play.incident().stage, Stage::Restoring);
    play.fire("P1-015", false);
    play.wait(10);
    play.fire("P1-015", true);
    let incident = play.incident();
    assert_eq!(
        (incident.stage, incident.class),
        (Stage::Verifying, Class::Suspected)
    );
    assert_eq!(incident.standing().count(), 1, "one device, not two");
    assert!(incident.plan.is_none(), "it drives nothing");
    assert_eq!(play.document("summary")["sound"], "fire");
    let sent = play.orders("verify").into_iter();
    let sent = sent.filter(|order| order.state.is_open());
    assert!(sent.count() >= 2, "two posts look");
    play.wait(290);
    assert_eq!(play.incident().stage, Stage::Verifying);
    play.wait(10);
    assert_eq!(play.incident().stage, Stage::Unverified, "its own limit");
}

#[test]
fn a_false_alarm_that_burns_after_all_sends_the_same_posts_again() {
    let mut play = Play::new();
    play.fire("P1-015", true);
    let first = play.orders("verify").remove(0);
    play.reply(&first, ReplyVerb::Arrive).expect("heard");
    play.reply(&first, ReplyVerb::ReportFalse).expect("heard");
    assert_eq!(play.incident().stage, Stage::FalseAlarm);
    play.wait(400);
    play.fire("P1-016", true);
    assert_eq!(play.incident().stage, Stage::Verifying);
    let nearest = first.given.recipient.as_str();
    assert!(
        play.order(nearest, "verify").state.is_open(),
        "the nearest again"
    );
    let away = play.verb("judge_false", json!({ "cause": "dust" }));
    assert_eq!(code(away), "nobody_at_scene", "nobody is there this time");
}
