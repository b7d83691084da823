//! Other ways to people: no broker at all.

use serde_json::{Value, json};

use super::site::{Person, TestSite, until};

/// A site without any broker, its field read.
async fn without_broker() -> TestSite {
    let mut site = TestSite::prepare(20.0).await;
    let file = site.config().join("fengsui.toml");
    let text = std::fs::read_to_string(&file).expect("a file");
    let (head, _) = text.split_once("\n[mqtt.embedded]").expect("a broker");
    std::fs::write(&file, head).expect("written");
    // The post has a second to have the order, so that the ladder is seen.
    site.edit(
        "procedures.toml",
        "receive_seconds = 15",
        "receive_seconds = 1",
    );
    site.run();
    site.status_until("ready", |status| {
        status["ready"] == true && status["links"]["up"] == status["links"]["total"]
    })
    .await;
    site
}

async fn replies(guard: &Person, order: &Value, reply_id: &str, verb: &str, cause: Option<&str>) {
    let id = order["id"].as_str().expect("an id");
    let reply = json!({ "v": 1, "reply_id": reply_id, "verb": verb, "cause": cause, "at": 0 });
    guard.does(&format!("orders/{id}/replies"), reply).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_broker_orders_go_over_http_and_are_shown_so() {
    let mut site = without_broker().await;
    let operator = site.sign_on("operator").await;
    let summary = operator.sees("summary", |_| true).await;
    assert_eq!(summary["broker"], "none");
    assert!(!summary["faults"].to_string().contains("broker"));
    let guard = site.sign_on("post2").await;
    let page = guard.follows_as_device().await;
    let post = operator
        .sees("recipient/post2", |post| post["online"] == true)
        .await;
    assert_eq!(
        (&post["http"], &post["mqtt"]),
        (&json!(true), &json!(false))
    );

    site.field("/points/P1-003/alarm").await;
    let order = guard.sees("order/post2", |_| true).await;
    assert_eq!(
        (&order["state"], &order["via"]),
        (&json!("queued"), &json!("http"))
    );
    let late = operator
        .sees("order/post2", |order| order["late"] == json!(["receive"]))
        .await;
    assert_eq!(late["state"], "queued", "nobody has it, and it is said");
    replies(&guard, &order, "r1", "received", None).await;
    let received = operator
        .sees("order/post2", |order| order["state"] == "received")
        .await;
    assert_eq!(received["via"], "http");
    for (reply_id, verb, state) in [("r2", "accept", "accepted"), ("r3", "arrive", "arrived")] {
        replies(&guard, &order, reply_id, verb, None).await;
        operator
            .sees("order/post2", |order| order["state"] == state)
            .await;
    }
    replies(&guard, &order, "r4", "report_false", Some("steam")).await;
    let incident = operator
        .sees("incident/", |incident| incident["stage"] == "false_alarm")
        .await;
    assert_eq!(incident["orders"].as_array().map(Vec::len), Some(1));
    let heard = guard
        .sees("order/post2", |order| order["open"] == false)
        .await;
    assert_eq!(heard["heard"], json!(["r1", "r2", "r3", "r4"]));
    drop(page);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_there_sends_orders_the_other_way_until_it_is() {
    let mut site = TestSite::prepare(20.0).await;
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = other.local_addr().expect("an address").to_string();
    let file = site.config().join("fengsui.toml");
    let text = std::fs::read_to_string(&file).expect("a file");
    let (head, mqtt) = text.split_once("\n[mqtt.embedded]").expect("a broker");
    let mqtt = mqtt.replacen("127.0.0.1:0", &taken, 1);
    std::fs::write(&file, format!("{head}\n[mqtt.embedded]{mqtt}")).expect("written");
    site.run();
    let operator = site.sign_on_when_ready("operator").await;
    let guard = site.sign_on("post2").await;
    let _page = guard.follows_as_device().await;
    operator
        .sees("recipient/post2", |post| post["online"] == true)
        .await;
    operator
        .sees("summary", |summary| summary["broker"] == "down")
        .await;
    site.field("/points/P1-003/alarm").await;
    let queued = guard.sees("order/post2", |_| true).await;
    assert_eq!(
        (&queued["state"], &queued["via"]),
        (&json!("queued"), &json!("http"))
    );
    drop(other);
    let sent = operator
        .sees("order/post2", |order| order["state"] == "at_broker")
        .await;
    assert_eq!(sent["via"], "mqtt");
    assert!(
        sent["seq"].as_u64() > queued["seq"].as_u64(),
        "the newer revision is known by its number"
    );
    replies(&guard, &queued, "r1", "received", None).await;
    let via = until("received", async || {
        let order = operator.sees("order/post2", |_| true).await;
        (order["state"] == "received").then(|| order["via"].clone())
    })
    .await;
    assert_eq!(via, "http");
    site.stop().await;
}
