//! A fire over MQTT: order, reply, heard; and what happens when the broker goes.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::campus::{Campus, login};
use super::device::{Device, Message};
use crate::domain::settings::Broker;
use crate::mqtt::MqttAddresses;

pub(super) fn is_open_order(message: &Message) -> bool {
    message.topic.contains("/order/") && !message.payload.is_empty()
}

/// A device of a recipient that is there and listens to its orders.
pub(super) async fn on_duty(address: SocketAddr, who: &str) -> Device {
    let mut login = login(who);
    let presence = |online: bool| {
        json!({ "v": 1, "device": login.client, "online": online, "at": 0 }).to_string()
    };
    let topic = format!("fengsui/v1/test/presence/{who}");
    let online = presence(true);
    login.will = Some((topic.clone(), presence(false)));
    let mut device = Device::connect(address, &login).await.expect("admitted");
    let orders = format!("fengsui/v1/test/order/{who}/#");
    assert_eq!(device.subscribe(&orders).await, 1);
    assert_eq!(device.publish(&topic, &online, true).await, 0);
    device
}

fn reply(id: &str, verb: &str) -> String {
    let reply = json!({ "v": 1, "reply_id": id, "verb": verb, "at": 0 });
    super::schemas::check("fengsui/v1/test/reply/post2/o1", &reply);
    reply.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fire_reaches_the_nearest_post_and_its_reply_is_heard() {
    let campus = Campus::new().await;
    let address = campus.mqtt().await.tcp.expect("bound");
    campus.until("summary", |_| true).await;
    let mut post2 = on_duty(address, "post2").await;
    campus
        .until("recipient/post2", |post| post["online"] == true)
        .await;
    campus.fire("P1-015", true);
    let order = post2.until(is_open_order).await.json();
    assert_eq!(order["recipient"], "post2");
    assert_eq!(order["open"], true);
    let id = order["id"].as_str().expect("an id").to_owned();
    campus
        .until("order/post2", |order| order["state"] == "at_broker")
        .await;
    let topic = format!("fengsui/v1/test/reply/post2/{id}");
    assert_eq!(
        post2.publish(&topic, &reply("r1", "received"), false).await,
        0
    );
    let heard =
        |message: &Message| is_open_order(message) && message.json()["heard"] == json!(["r1"]);
    let order = post2.until(heard).await.json();
    assert_eq!(order["state"], "received");
    let seq = campus.handle.seq();
    post2.publish(&topic, &reply("r1", "received"), false).await;
    post2.publish(&topic, &reply("r2", "accept"), false).await;
    campus
        .until("order/post2", |order| order["heard"] == json!(["r1", "r2"]))
        .await;
    assert_eq!(campus.handle.seq(), seq + 1, "a repeated reply is no entry");
    let [.., (_, publish), (_, receipt)] = campus.handle.stages();
    assert!(
        publish.count() > 0 && receipt.count() > 0,
        "both are measured"
    );
    campus.stop_mqtt().await;
}

/// A device of the chief engineer that reads the common topics.
async fn display(address: SocketAddr) -> Device {
    let mut login = login("chief-eng");
    login.client = "chief-eng-display".to_owned();
    let mut display = Device::connect(address, &login).await.expect("admitted");
    for filter in ["status/#", "alarm/#"] {
        let filter = format!("fengsui/v1/test/{filter}");
        assert_eq!(display.subscribe(&filter).await, 1);
    }
    display
}

fn at(topic: &str) -> impl Fn(&Message) -> bool {
    let topic = format!("fengsui/v1/test/{topic}");
    move |message| message.topic == topic
}

fn says(topic: &str, is: impl Fn(&Value) -> bool) -> impl Fn(&Message) -> bool {
    let at = at(topic);
    move |message| at(message) && !message.payload.is_empty() && is(&message.json())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_is_said_once_more_and_no_longer_retained() {
    let campus = Campus::new().await;
    let address = campus.mqtt().await.tcp.expect("bound");
    let mut post2 = on_duty(address, "post2").await;
    let mut display = display(address).await;
    display
        .until(says("status/daemon", |daemon| daemon["online"] == true))
        .await;
    campus
        .until("recipient/post2", |post| post["online"] == true)
        .await;
    campus.fire("P1-015", true);
    let order = post2.until(is_open_order).await.json();
    let (id, incident) = (&order["id"], &order["incident"]);
    let (id, incident) = (
        id.as_str().expect("an id"),
        incident.as_str().expect("an id"),
    );
    let alarm = format!("alarm/{incident}");
    let open = display
        .until(says(&alarm, |alarm| alarm["stage"] == "verifying"))
        .await
        .json();
    assert_eq!(
        (&open["point"], &open["open"]),
        (&json!("P1-015"), &json!(true))
    );
    display
        .until(says("status/point/P1-015", |point| point["fire"] == true))
        .await;
    let report =
        json!({ "v": 1, "reply_id": "r1", "verb": "report_false", "cause": "steam", "at": 0 });
    let topic = format!("fengsui/v1/test/reply/post2/{id}");
    post2.publish(&topic, &report.to_string(), false).await;
    let order = format!("order/post2/{id}");
    let last = post2
        .until(says(&order, |order| order["open"] == false))
        .await;
    assert!(!last.retain);
    assert_eq!(last.json()["heard"], json!(["r1"]));
    let cleared = post2.until(at(&order)).await;
    assert_eq!(cleared.payload, b"");
    campus.fire("P1-015", false);
    campus
        .until("incident/", |incident| incident["stage"] == "closed")
        .await;
    display
        .until(says(&alarm, |alarm| alarm["open"] == false))
        .await;
    assert_eq!(display.until(at(&alarm)).await.payload, b"");
    campus.stop_mqtt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_vanishes_takes_its_post_offline_and_a_second_one_keeps_it() {
    let campus = Campus::new().await;
    let address = campus.mqtt().await.tcp.expect("bound");
    let first = on_duty(address, "post2").await;
    campus
        .until("recipient/post2", |post| post["online"] == true)
        .await;
    let mut second = login("post2");
    second.client = "post2-second".to_owned();
    let mut second = Device::connect(address, &second).await.expect("admitted");
    let presence = |online: bool| {
        json!({ "v": 1, "device": "post2-second", "online": online, "at": 0 }).to_string()
    };
    let topic = "fengsui/v1/test/presence/post2";
    second.publish(topic, &presence(true), true).await;
    let mut changes = campus.handle.changes();
    first.vanish();
    second.publish(topic, &presence(false), true).await;
    campus
        .until("recipient/post2", |post| post["online"] == false)
        .await;
    let mut seen = Vec::new();
    while let Ok(change) = changes.try_recv() {
        let post2 = change.documents.get("recipient/post2").cloned().flatten();
        seen.extend(post2.map(|post2| post2.contains("\"online\":true")));
    }
    assert_eq!(seen, [false], "it went offline once, with its last device");
    campus.stop_mqtt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_stops_says_so_and_leaves_nothing_running() {
    let campus = Campus::new().await;
    let address = campus.mqtt().await.tcp.expect("bound");
    let mut display = display(address).await;
    display
        .until(says("status/daemon", |daemon| daemon["online"] == true))
        .await;
    campus.stop_mqtt().await;
    display
        .until(says("status/daemon", |daemon| daemon["online"] == false))
        .await;
    assert!(display.is_sent_away().await);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

/// A broker one of whose ports is taken until it was called away.
async fn a_taken_port(places: impl Fn(SocketAddr, SocketAddr) -> Broker) {
    let campus = Campus::new().await;
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let other = other.expect("a port");
    let taken = other.local_addr().expect("an address");
    let free = "127.0.0.1:0".parse().expect("an address");
    let addresses = campus.mqtt_with(places(taken, free)).await;
    assert_eq!(addresses, MqttAddresses::default());
    campus
        .until("summary", |summary| summary["broker_up"] == false)
        .await;
    drop(other);
    campus
        .until("summary", |summary| summary["broker_up"] == true)
        .await;
    campus.stop_mqtt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_tcp_port_stops_nothing_and_is_used_once_free() {
    a_taken_port(|listen, websocket| Broker::Embedded { listen, websocket }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_websocket_port_stops_nothing_and_is_used_once_free() {
    a_taken_port(|websocket, listen| Broker::Embedded { listen, websocket }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_reports_a_fire_that_no_device_has_seen() {
    let campus = Campus::new().await;
    let address = campus.mqtt().await.tcp.expect("bound");
    campus.until("summary", |_| true).await;
    let mut post2 = on_duty(address, "post2").await;
    campus
        .until("recipient/post2", |post| post["online"] == true)
        .await;
    let topic = "fengsui/v1/test/report/post2";
    let report = json!({ "v": 1, "report_id": "s1", "compartment": "D1-2", "real": true, "at": 0 });
    super::schemas::check(topic, &report);
    for _twice in 0..2 {
        post2.publish(topic, &report.to_string(), false).await;
    }
    let heard = |message: &Message| {
        let heard = || message.json()["heard"].to_string();
        message.topic.contains("/order/post2/")
            && !message.payload.is_empty()
            && heard().contains("s1")
    };
    post2.until(heard).await;
    let incident = campus
        .until("incident/", |incident| incident["stage"] == "fighting")
        .await;
    assert_eq!(incident["reported"]["how"], "guard");
    let incidents = campus.handle.snapshot(&crate::engine::handle::Audience {
        role: crate::domain::actor::Role::Engineer,
        recipient: None,
    });
    let count = incidents
        .by_key
        .keys()
        .filter(|key| key.starts_with("incident/"));
    assert_eq!(count.count(), 1, "the same report twice is one");
    campus.stop_mqtt().await;
}
