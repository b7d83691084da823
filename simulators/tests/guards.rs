//! Guards over a real broker: presence and last will, replies until they are heard, scripts and hands.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not as it must be"
)]

#[allow(dead_code, reason = "each test program uses its part of it")]
mod common;

use common::Site;
use common::broker::{Daemon, start_broker};
use fengsui_sim::guards::script::{GuardSpec, Script, Token};
use serde_json::{Value, json};

const OFFERS: [&str; 2] = ["accept", "unable"];

async fn site(script: Script) -> (Site, Daemon, common::broker::Broker) {
    let broker = start_broker().await;
    let mut site = Site::start().await;
    let daemon = Daemon::connect(broker.address).await;
    site.running.start_guards(
        broker.address,
        vec![GuardSpec {
            recipient: "post1".to_owned(),
            token: Token("secret".to_owned()),
            script,
        }],
    );
    (site, daemon, broker)
}

fn order(state: &str, offers: &[&str], heard: &[Value]) -> Value {
    json!({
        "v": 1, "id": "o1", "kind": "verify", "state": state, "open": true, "heard": heard,
        "replies": offers.iter().map(|verb| json!({ "verb": verb })).collect::<Vec<_>>(),
    })
}

#[tokio::test]
async fn a_guard_is_present_while_its_device_is_and_the_will_says_when_not() {
    let (site, mut daemon, _broker) = site(Script::default()).await;
    let present = daemon.next("fengsui/v1/lin/presence/post1").await;
    assert_eq!(
        (&present["v"], &present["device"], &present["online"]),
        (&json!(1), &json!("post1-sim"), &json!(true))
    );
    assert_eq!(site.post("/guards/post1/offline").await.1["online"], false);
    let gone = daemon.next("fengsui/v1/lin/presence/post1").await;
    assert_eq!(
        (&gone["device"], &gone["online"]),
        (&json!("post1-sim"), &json!(false))
    );
    site.post("/guards/post1/online").await;
    assert_eq!(
        daemon.next("fengsui/v1/lin/presence/post1").await["online"],
        true
    );
}

#[tokio::test]
async fn replies_come_until_they_are_heard_and_hands_answer_the_open_order() {
    let (site, mut daemon, _broker) = site(Script::default()).await;
    daemon
        .order("post1", "o1", Some(order("at_broker", &OFFERS, &[])))
        .await;
    let reply = "fengsui/v1/lin/reply/post1/o1";
    let first = daemon.next(reply).await;
    assert_eq!(
        (&first["v"], &first["verb"]),
        (&json!(1), &json!("received"))
    );
    assert!(first["at"].as_u64().unwrap() > 1_700_000_000_000);
    assert_eq!(first.get("cause"), None);
    assert_eq!(
        daemon.next(reply).await,
        first,
        "the same reply again, with its id"
    );
    let heard = [first["reply_id"].clone()];
    daemon
        .order("post1", "o1", Some(order("received", &OFFERS, &heard)))
        .await;
    let body = json!({ "verb": "report_false", "cause": "cooking" });
    let (status, guard) = site.post_json("/guards/post1/reply", &body).await;
    assert_eq!(status, 200, "{guard}");
    let report = daemon
        .next_where(reply, |reply| reply["verb"] != "received")
        .await;
    assert_eq!(
        (&report["verb"], &report["cause"]),
        (&json!("report_false"), &json!("cooking"))
    );
    assert_ne!(report["reply_id"], first["reply_id"]);
}

#[tokio::test]
async fn a_script_can_be_changed_while_an_order_is_open() {
    let (site, mut daemon, _broker) = site(Script::default()).await;
    daemon
        .order("post1", "o1", Some(order("at_broker", &OFFERS, &[])))
        .await;
    let reply = "fengsui/v1/lin/reply/post1/o1";
    daemon.next(reply).await;
    let script = json!({ "accept_after_s": 1, "arrive_after_s": 10, "report": "real" });
    assert_eq!(site.post_json("/guards/post1/script", &script).await.0, 200);
    for (verb, state, offers) in [
        ("accept", "accepted", vec!["arrive"]),
        ("arrive", "arrived", vec!["report_false", "report_real"]),
    ] {
        daemon
            .next_where(reply, |reply| reply["verb"] == verb)
            .await;
        daemon
            .order("post1", "o1", Some(order(state, &offers, &[])))
            .await;
    }
    daemon
        .next_where(reply, |reply| reply["verb"] == "report_real")
        .await;
}

#[tokio::test]
async fn a_device_that_was_offline_gets_its_retained_order() {
    let (site, mut daemon, _broker) = site(Script::default()).await;
    daemon.next("fengsui/v1/lin/presence/post1").await;
    site.post("/guards/post1/offline").await;
    daemon
        .order("post1", "o1", Some(order("at_broker", &OFFERS, &[])))
        .await;
    site.post("/guards/post1/online").await;
    daemon.next("fengsui/v1/lin/reply/post1/o1").await;
    daemon.order("post1", "o1", None).await;
    common::until("the order to end", async || {
        let guards = site.campus().guards();
        guards[0].orders.first().is_some_and(|order| !order.open)
    })
    .await;
}

#[tokio::test]
async fn guards_refuse_with_a_code_and_words() {
    let (site, _daemon, _broker) = site(Script::default()).await;
    for (path, body, status, code) in [
        (
            "/guards/post9/reply",
            json!({ "verb": "accept" }),
            404,
            "not_found",
        ),
        (
            "/guards/post1/reply",
            json!({ "verb": "accept" }),
            422,
            "no_order",
        ),
        (
            "/guards/post1/reply",
            json!({ "verb": "shrug" }),
            422,
            "unreadable",
        ),
        (
            "/guards/post1/script",
            json!({ "report": "maybe" }),
            422,
            "script",
        ),
        (
            "/guards/post1/script",
            json!({ "acept_after_s": 1 }),
            422,
            "unreadable",
        ),
        ("/guards/post1/asleep", json!({}), 422, "unknown_verb"),
    ] {
        let (answered, answer) = site.post_json(path, &body).await;
        assert_eq!(
            (answered, answer["code"].as_str()),
            (status, Some(code)),
            "{path} {body}"
        );
    }
}

#[tokio::test]
async fn a_guard_without_a_broker_says_why_it_is_offline() {
    let mut site = Site::start().await;
    let nobody = site.running.addresses.control;
    site.running.start_guards(
        nobody,
        vec![GuardSpec {
            recipient: "post1".to_owned(),
            token: Token("secret".to_owned()),
            script: Script::default(),
        }],
    );
    common::until("the reason", async || {
        site.campus().guards()[0].error.is_some()
    })
    .await;
    assert!(!site.campus().guards()[0].online);
}
