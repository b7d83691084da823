//! The outbox by hand: what is sent, in which order, and what is sent again.

use serde_json::json;

use super::*;

fn order(id: &str, state: &str, open: bool) -> (String, Arc<str>) {
    let text = json!({ "v": 1, "id": id, "state": state, "open": open, "heard": [] });
    (format!("order/post2/{id}"), text.to_string().into())
}

/// A point in fire, or in fault.
fn point(id: &str, fire: bool) -> (String, Arc<str>) {
    conditions(id, fire, !fire)
}

fn conditions(id: &str, fire: bool, fault: bool) -> (String, Arc<str>) {
    let text = json!({
        "id": id, "fire": fire, "fault": fault, "disabled": false, "test": false, "active": false, "low": false, "high": false,
        "changed_at": 5, "latched_at": null, "incident": null,
    });
    (format!("point/{id}"), text.to_string().into())
}

fn take(outbox: &mut Outbox, document: &(String, Arc<str>)) {
    outbox.document(&document.0, Some(&document.1), 7);
}

fn next(outbox: &mut Outbox) -> (String, bool, bool) {
    let publish = outbox.next(WallTime(1)).expect("something to send");
    let empty = publish.payload.is_empty();
    (publish.topic.to_string(), publish.retain, empty)
}

#[test]
fn an_order_is_retained_while_open_and_cleared_after_its_last_word() {
    let mut outbox = Outbox::default();
    let topic = "order/post2/o1".to_owned();
    take(&mut outbox, &order("o1", "queued", true));
    assert_eq!(next(&mut outbox), (topic.clone(), true, false));
    assert_eq!(outbox.next(WallTime(1)), None);
    assert_eq!(outbox.acknowledged(&topic), Some("o1".into()));
    assert_eq!(outbox.next(WallTime(1)), None);
    take(&mut outbox, &order("o1", "at_broker", true));
    assert_eq!(next(&mut outbox), (topic.clone(), true, false));
    assert_eq!(outbox.acknowledged(&topic), None);
    take(&mut outbox, &order("o1", "done", false));
    assert_eq!(next(&mut outbox), (topic.clone(), false, false));
    assert_eq!(outbox.acknowledged(&topic), None);
    assert_eq!(next(&mut outbox), (topic.clone(), true, true));
    assert_eq!(outbox.acknowledged(&topic), None);
    assert_eq!(outbox.next(WallTime(1)), None);
}

#[test]
fn a_newer_revision_waits_for_the_older_one_and_skips_those_between() {
    let mut outbox = Outbox::default();
    take(&mut outbox, &order("o1", "queued", true));
    next(&mut outbox);
    take(&mut outbox, &order("o1", "at_broker", true));
    take(&mut outbox, &order("o1", "received", true));
    assert_eq!(outbox.next(WallTime(1)), None);
    outbox.acknowledged("order/post2/o1");
    let newest = outbox.next(WallTime(1)).expect("the newest");
    assert!(newest.payload.contains("received"));
    outbox.acknowledged("order/post2/o1");
    assert_eq!(outbox.next(WallTime(1)), None);
}

#[test]
fn what_was_under_way_at_a_loss_is_sent_again_and_what_was_acknowledged_is_not() {
    let mut outbox = Outbox::default();
    take(&mut outbox, &order("o1", "queued", true));
    take(&mut outbox, &order("o2", "queued", true));
    next(&mut outbox);
    next(&mut outbox);
    outbox.acknowledged("order/post2/o1");
    outbox.disconnected();
    assert_eq!(next(&mut outbox).0, "order/post2/o2");
    assert_eq!(outbox.next(WallTime(1)), None);
    outbox.disconnected();
    outbox.connected();
    let mut again = [next(&mut outbox).0, next(&mut outbox).0];
    again.sort();
    assert_eq!(again, ["order/post2/o1", "order/post2/o2"]);
}

#[test]
fn an_order_that_ended_while_its_first_revision_was_under_way_is_cleared() {
    let mut outbox = Outbox::default();
    take(&mut outbox, &order("o1", "queued", true));
    next(&mut outbox);
    take(&mut outbox, &order("o1", "withdrawn", false));
    outbox.disconnected();
    assert_eq!(
        next(&mut outbox),
        ("order/post2/o1".to_owned(), false, false)
    );
    outbox.acknowledged("order/post2/o1");
    assert!(next(&mut outbox).2);
}

#[test]
fn an_order_that_ended_before_this_run_is_silent_unless_the_broker_retains_it() {
    let mut outbox = Outbox::default();
    take(&mut outbox, &order("o1", "done", false));
    assert_eq!(outbox.next(WallTime(1)), None);
    outbox.found("order/post2/o1");
    outbox.found("order/post9/unknown");
    outbox.found("alarm/old");
    let mut sent = Vec::new();
    while let Some(publish) = outbox.next(WallTime(1)) {
        outbox.acknowledged(&publish.topic);
        sent.push((publish.topic.to_string(), publish.payload.is_empty()));
    }
    let expected = [
        ("order/post2/o1", false),
        ("order/post9/unknown", true),
        ("order/post2/o1", true),
        ("alarm/old", true),
    ];
    assert_eq!(
        sent,
        expected.map(|(topic, empty)| (topic.to_owned(), empty))
    );
}

#[test]
fn a_device_that_came_back_hears_once_more_what_ended_and_leaves_nothing_behind() {
    let mut outbox = Outbox::default();
    take(&mut outbox, &order("o1", "done", false));
    take(&mut outbox, &order("o2", "queued", true));
    next(&mut outbox);
    outbox.acknowledged("order/post2/o2");
    outbox.came_back("post");
    outbox.came_back("post22");
    assert_eq!(outbox.next(WallTime(1)), None, "others hear nothing");
    outbox.came_back("post2");
    let topic = "order/post2/o1".to_owned();
    assert_eq!(next(&mut outbox), (topic.clone(), false, false));
    outbox.acknowledged(&topic);
    assert_eq!(outbox.next(WallTime(1)), None);
    outbox.say_again("order/post2/unknown");
    outbox.say_again("order/post2/o2");
    assert_eq!(outbox.next(WallTime(1)), None);
}

#[test]
fn an_answer_that_comes_after_the_end_is_heard() {
    let mut outbox = Outbox::default();
    let topic = "order/post2/o1".to_owned();
    let (key, text) = order("o1", "done", false);
    take(&mut outbox, &(key.clone(), text.clone()));
    let heard: Arc<str> = text.replace("[]", "[\"r1\"]").into();
    take(&mut outbox, &(key, Arc::clone(&heard)));
    let said = outbox.next(WallTime(1)).expect("the answer");
    assert_eq!((said.payload, said.retain), (heard, false));
    outbox.acknowledged(&topic);
    assert_eq!(outbox.next(WallTime(1)), None);
    outbox.say_again(&topic);
    assert_eq!(next(&mut outbox), (topic, false, false));
}

#[test]
fn an_order_that_was_given_and_ended_at_once_has_its_last_word() {
    let mut outbox = Outbox::default();
    let (key, text) = order("o1", "done", false);
    outbox.changed(&key, Some(&text), 7);
    assert_eq!(next(&mut outbox), (key.clone(), false, false));
    outbox.acknowledged(&key);
    outbox.changed(&key, Some(&text), 8);
    assert_eq!(outbox.next(WallTime(1)), None);
}

#[test]
fn the_daemon_says_that_it_is_there_behind_every_order() {
    let mut outbox = Outbox::default();
    outbox.daemon(payload::daemon(true, "j", 1, WallTime(1)));
    for n in 0..50 {
        take(&mut outbox, &order(&format!("o{n}"), "queued", true));
    }
    let mut sent = Vec::new();
    while let Some(publish) = outbox.next(WallTime(1)) {
        outbox.acknowledged(&publish.topic);
        sent.push(publish.topic);
    }
    assert_eq!(sent.len(), 51);
    assert_eq!(sent.last().map(AsRef::as_ref), Some("status/daemon"));
}

#[test]
fn an_order_goes_before_a_thousand_points_and_behind_at_most_one() {
    let mut outbox = Outbox::default();
    for n in 0..1_000 {
        take(&mut outbox, &point(&format!("P{n}"), false));
    }
    assert_eq!(next(&mut outbox).0, "status/point/P0");
    assert_eq!(outbox.next(WallTime(1)), None);
    take(&mut outbox, &order("o1", "queued", true));
    assert_eq!(next(&mut outbox).0, "order/post2/o1");
}

#[test]
fn points_are_coalesced_and_taken_in_turn() {
    let mut outbox = Outbox::default();
    take(&mut outbox, &point("A", false));
    take(&mut outbox, &point("B", false));
    next(&mut outbox);
    for fire in [true, false, true] {
        take(&mut outbox, &point("A", fire));
    }
    outbox.acknowledged("status/point/A");
    assert_eq!(next(&mut outbox).0, "status/point/B");
    outbox.acknowledged("status/point/B");
    let latest = outbox.next(WallTime(1)).expect("the latest of A");
    assert!(latest.payload.contains("\"fire\":true"));
    outbox.acknowledged("status/point/A");
    take(&mut outbox, &point("A", true));
    assert_eq!(
        outbox.next(WallTime(1)),
        None,
        "unchanged content is not sent again"
    );
}

#[test]
fn urgent_messages_have_a_window() {
    let mut outbox = Outbox::default();
    for n in 0..100 {
        take(&mut outbox, &order(&format!("o{n}"), "queued", true));
    }
    let sent = std::iter::from_fn(|| outbox.next(WallTime(1))).count();
    assert_eq!(sent, URGENT_MAX);
}

#[test]
fn a_refused_message_waits_until_it_is_tried_again() {
    let mut outbox = Outbox::default();
    take(&mut outbox, &order("o1", "queued", true));
    next(&mut outbox);
    outbox.refused("order/post2/o1");
    assert_eq!(outbox.next(WallTime(1)), None);
    outbox.again();
    assert_eq!(next(&mut outbox).0, "order/post2/o1");
}

#[test]
fn a_snapshot_ends_what_is_no_longer_in_it() {
    let mut outbox = Outbox::default();
    let (key, text) = order("o1", "queued", true);
    take(&mut outbox, &(key.clone(), text.clone()));
    next(&mut outbox);
    outbox.acknowledged("order/post2/o1");
    let key: Arc<str> = key.into();
    outbox.snapshot([(&key, &text)].into_iter(), 9);
    assert_eq!(outbox.next(WallTime(1)), None);
    outbox.snapshot([].into_iter(), 10);
    assert_eq!(next(&mut outbox), ("order/post2/o1".to_owned(), true, true));
}

#[test]
fn the_daemon_says_again_that_it_is_there_after_every_connect() {
    let mut outbox = Outbox::default();
    let hello = || payload::daemon(true, "j", 1, WallTime(1));
    outbox.daemon(hello());
    assert_eq!(next(&mut outbox).0, "status/daemon");
    outbox.acknowledged("status/daemon");
    outbox.disconnected();
    outbox.daemon(hello());
    assert_eq!(next(&mut outbox).0, "status/daemon");
    outbox.acknowledged("status/daemon");
    outbox.snapshot([].into_iter(), 9);
    assert_eq!(
        outbox.next(WallTime(1)),
        None,
        "it is no document and does not end with one"
    );
}

#[test]
fn a_document_that_was_read_before_is_not_read_again() {
    let mut outbox = Outbox::default();
    take(&mut outbox, &point("A", true));
    next(&mut outbox);
    outbox.acknowledged("status/point/A");
    take(&mut outbox, &point("A", true));
    assert!(outbox.line.is_empty());
    take(&mut outbox, &point("A", false));
    take(&mut outbox, &point("A", true));
    assert_eq!(
        outbox.next(WallTime(1)),
        None,
        "it says nothing new in the end"
    );
}

#[test]
fn a_point_at_rest_has_no_topic_and_one_that_comes_to_rest_says_so_once() {
    let mut outbox = Outbox::default();
    let (calm, topic) = (conditions("A", false, false), "status/point/A".to_owned());
    take(&mut outbox, &calm);
    assert!(outbox.topics.is_empty());
    take(&mut outbox, &point("A", true));
    assert_eq!(next(&mut outbox), (topic.clone(), true, false));
    outbox.acknowledged(&topic);
    take(&mut outbox, &calm);
    assert_eq!(next(&mut outbox), (topic.clone(), false, false));
    outbox.acknowledged(&topic);
    assert_eq!(next(&mut outbox), (topic.clone(), true, true));
    outbox.acknowledged(&topic);
    assert_eq!(outbox.next(WallTime(1)), None);
    assert!(outbox.topics.is_empty());
}

#[test]
fn a_fire_that_a_broker_kept_over_a_restart_is_cleared_when_the_point_is_at_rest() {
    let mut outbox = Outbox::default();
    outbox.found("status/point/A");
    let (key, text) = conditions("A", false, false);
    let key: Arc<str> = key.into();
    outbox.snapshot([(&key, &text)].into_iter(), 9);
    let topic = "status/point/A".to_owned();
    assert_eq!(next(&mut outbox), (topic.clone(), false, false));
    outbox.acknowledged(&topic);
    assert_eq!(next(&mut outbox), (topic.clone(), true, true));
}
