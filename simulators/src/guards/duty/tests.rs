//! A guard's device over field time, without a broker.

use serde_json::json;

use super::{Answer, Duty, ENDED_MAX, Reply, ReplyVerb};
use crate::clock::Moment;
use crate::guards::script::Script;

fn at(ms: u64) -> Moment {
    Moment {
        at_ms: ms,
        wall_ms: 1_800_000_000_000 + ms,
        field_ms: ms,
    }
}

fn duty(script: Script) -> Duty {
    Duty::new(script, "post1-sim".to_owned())
}

fn verifying(report: &str) -> Script {
    Script {
        accept_after_s: Some(4.0),
        arrive_after_s: Some(60.0),
        report: report.to_owned(),
        ..Script::default()
    }
}

/// An order document as the daemon would send it.
fn order(id: &str, kind: &str, state: &str, offers: &[&str], heard: &[&Reply]) -> Vec<u8> {
    json!({
        "v": 1, "id": id, "kind": kind, "state": state, "open": state != "done",
        "heard": heard.iter().map(|reply| &reply.reply_id).collect::<Vec<_>>(),
        "replies": offers.iter().map(|verb| json!({ "verb": verb })).collect::<Vec<_>>(),
        "title": { "zh": "核实", "en": "Verify" },
    })
    .to_string()
    .into_bytes()
}

/// What is due now, and given to the connection.
fn send(duty: &mut Duty, ms: u64) -> Vec<Reply> {
    let due = duty.due(at(ms));
    for (order, reply) in &due {
        duty.sent(order, &reply.reply_id, at(ms));
    }
    due.into_iter().map(|(_, reply)| reply).collect()
}

fn verbs(replies: &[Reply]) -> Vec<ReplyVerb> {
    replies.iter().map(|reply| reply.verb).collect()
}

#[test]
fn the_default_device_confirms_receipt_and_nothing_else() {
    let mut duty = duty(Script::default());
    let offers = ["accept", "unable"];
    duty.document(
        "o1",
        &order("o1", "verify", "at_broker", &offers, &[]),
        at(0),
    );
    let received = send(&mut duty, 0);
    assert_eq!(verbs(&received), [ReplyVerb::Received]);
    duty.document(
        "o1",
        &order("o1", "verify", "received", &offers, &[&received[0]]),
        at(100),
    );
    assert_eq!(send(&mut duty, 3_600_000), []);
}

#[test]
fn a_reply_is_said_again_until_it_is_heard() {
    let mut duty = duty(Script::default());
    duty.document(
        "o1",
        &order("o1", "verify", "at_broker", &["accept"], &[]),
        at(0),
    );
    let first = send(&mut duty, 0);
    assert_eq!(send(&mut duty, 1_999), []);
    assert_eq!(send(&mut duty, 2_000), first, "the same reply, the same id");
    duty.document(
        "o1",
        &order("o1", "verify", "at_broker", &["accept"], &[]),
        at(2_100),
    );
    assert_eq!(
        send(&mut duty, 4_000),
        first,
        "a document that does not list it changes nothing"
    );
    duty.document(
        "o1",
        &order("o1", "verify", "received", &["accept"], &[&first[0]]),
        at(4_100),
    );
    assert_eq!(send(&mut duty, 10_000), []);
}

#[test]
fn a_script_walks_through_a_verification() {
    let mut duty = duty(verifying("false:cooking"));
    let mut heard = Vec::new();
    let mut show = |duty: &mut Duty, ms, state: &str, offers: &[&str], said: Vec<Reply>| {
        heard.extend(said);
        let heard: Vec<&Reply> = heard.iter().collect();
        duty.document("o1", &order("o1", "verify", state, offers, &heard), at(ms));
    };
    let report = ["report_false", "report_real", "unable"];
    show(&mut duty, 0, "at_broker", &["accept", "unable"], vec![]);
    let said = send(&mut duty, 0);
    show(&mut duty, 100, "received", &["accept", "unable"], said);
    assert_eq!(send(&mut duty, 3_999), []);
    let said = send(&mut duty, 4_000);
    assert_eq!(verbs(&said), [ReplyVerb::Accept]);
    show(&mut duty, 4_100, "accepted", &["arrive", "unable"], said);
    assert_eq!(send(&mut duty, 64_099), []);
    let said = send(&mut duty, 64_100);
    assert_eq!(verbs(&said), [ReplyVerb::Arrive]);
    show(&mut duty, 64_200, "arrived", &report, said);
    assert_eq!(send(&mut duty, 69_199), []);
    let said = send(&mut duty, 69_200);
    assert_eq!(verbs(&said), [ReplyVerb::ReportFalse]);
    assert_eq!(said[0].cause.as_deref(), Some("cooking"));
    show(&mut duty, 69_300, "done", &[], said);
    assert_eq!(send(&mut duty, 600_000), []);
    assert!(duty.tasks()[0].said.iter().all(|said| said.heard));
}

#[test]
fn nobody_answers_what_is_not_offered() {
    let mut duty = duty(verifying("real"));
    duty.document(
        "o1",
        &order("o1", "verify", "arrived", &["unable"], &[]),
        at(0),
    );
    assert_eq!(verbs(&send(&mut duty, 600_000)), [ReplyVerb::Received]);
}

#[test]
fn a_group_order_is_accepted_and_done() {
    let mut duty = duty(Script {
        accept_after_s: Some(1.0),
        done_after_s: Some(2.0),
        ..Script::default()
    });
    duty.document(
        "o1",
        &order("o1", "group", "at_broker", &["accept", "unable"], &[]),
        at(0),
    );
    assert_eq!(
        verbs(&send(&mut duty, 1_000)),
        [ReplyVerb::Received, ReplyVerb::Accept]
    );
    duty.document(
        "o1",
        &order("o1", "group", "accepted", &["done", "unable"], &[]),
        at(1_100),
    );
    let said = send(&mut duty, 3_100);
    assert_eq!(said.last().map(|reply| reply.verb), Some(ReplyVerb::Done));
}

#[test]
fn a_cleared_order_is_over_and_nothing_of_it_is_said_again() {
    let mut duty = duty(Script::default());
    duty.document(
        "o1",
        &order("o1", "verify", "at_broker", &["accept"], &[]),
        at(0),
    );
    send(&mut duty, 0);
    duty.document("o1", b"", at(100));
    assert_eq!(send(&mut duty, 60_000), []);
    assert!(!duty.answer(None, ReplyVerb::Accept.into(), at(60_000)));
}

#[test]
fn a_report_is_still_said_when_its_order_was_withdrawn_meanwhile() {
    let mut duty = duty(Script::default());
    duty.document(
        "o1",
        &order("o1", "verify", "arrived", &["report_real"], &[]),
        at(0),
    );
    assert!(duty.answer(None, ReplyVerb::ReportReal.into(), at(0)));
    duty.document("o1", b"", at(0));
    let report = send(&mut duty, 0);
    assert_eq!(verbs(&report), [ReplyVerb::ReportReal]);
    assert_eq!(send(&mut duty, 2_000), report);
    duty.document(
        "o1",
        &order("o1", "verify", "done", &[], &[&report[0]]),
        at(2_100),
    );
    assert_eq!(send(&mut duty, 10_000), []);
}

#[test]
fn a_reply_to_an_ended_order_that_nobody_hears_is_given_up() {
    let mut duty = duty(Script::default());
    duty.document(
        "o1",
        &order("o1", "verify", "arrived", &["report_real"], &[]),
        at(0),
    );
    assert!(duty.answer(None, ReplyVerb::ReportReal.into(), at(0)));
    duty.document("o1", b"", at(0));
    assert_eq!(send(&mut duty, 29_999).len(), 1);
    assert_eq!(send(&mut duty, 60_000), []);
}

#[test]
fn an_order_that_the_new_connection_does_not_show_is_given_up() {
    let mut duty = duty(Script::default());
    duty.connected(at(0));
    for id in ["o1", "o2"] {
        duty.document(
            id,
            &order(id, "verify", "at_broker", &["accept"], &[]),
            at(0),
        );
    }
    duty.connected(at(1_000));
    duty.document(
        "o2",
        &order("o2", "verify", "at_broker", &["accept"], &[]),
        at(1_100),
    );
    assert_eq!(
        send(&mut duty, 31_000).len(),
        2,
        "until then it is said again"
    );
    assert_eq!(send(&mut duty, 34_000).len(), 1);
    let open: Vec<bool> = duty.tasks().iter().map(|task| task.open).collect();
    assert_eq!(open, [true, false]);
}

#[test]
fn a_hand_answers_the_newest_open_order_or_the_named_one() {
    let mut duty = duty(Script::default());
    for id in ["o1", "o2"] {
        duty.document(
            id,
            &order(id, "verify", "at_broker", &["accept"], &[]),
            at(0),
        );
    }
    let answer = Answer {
        verb: ReplyVerb::Unable,
        cause: None,
        reason: Some("locked".to_owned()),
    };
    assert!(duty.answer(None, answer, at(0)));
    assert!(duty.answer(Some("o1"), ReplyVerb::Accept.into(), at(0)));
    assert!(!duty.answer(Some("o3"), ReplyVerb::Accept.into(), at(0)));
    let said: Vec<_> = duty
        .tasks()
        .iter()
        .map(|task| task.said[0].reply.clone())
        .collect();
    assert_eq!(verbs(&said), [ReplyVerb::Unable, ReplyVerb::Accept]);
    assert_eq!(said[0].reason.as_deref(), Some("locked"));
    assert_ne!(said[0].reply_id, said[1].reply_id);
}

#[test]
fn what_is_no_order_is_counted_and_ended_orders_are_bounded() {
    let mut duty = duty(Script::default());
    duty.document("o1", b"not json", at(0));
    duty.document("o1", b"{\"id\":\"o1\"}", at(0));
    duty.document("o1", &order("o2", "verify", "at_broker", &[], &[]), at(0));
    assert_eq!((duty.unreadable, duty.tasks().len()), (3, 0));
    duty.document(
        "open",
        &order("open", "verify", "at_broker", &[], &[]),
        at(0),
    );
    for number in 0..2 * ENDED_MAX {
        let id = format!("o{number}");
        duty.document(&id, &order(&id, "verify", "done", &[], &[]), at(0));
    }
    assert_eq!(duty.tasks().len(), ENDED_MAX + 1);
    assert!(
        duty.tasks().last().is_some_and(|task| task.open),
        "an open order is never shed"
    );
}
