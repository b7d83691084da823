//! A fire over MQTT: order, reply, heard; and what happens when the broker goes.

use serde_json::json;

use super::campus::{Campus, login};
use super::device::{Device, Message};

fn is_open_order(message: &Message) -> bool {
    message.topic.contains("/order/") && !message.payload.is_empty()
}

/// A device of a recipient that is there and listens to its orders.
async fn on_duty(address: std::net::SocketAddr, who: &str) -> Device {
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
    json!({ "v": 1, "reply_id": id, "verb": verb, "at": 0 }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fire_reaches_the_nearest_post_and_its_reply_is_heard() {
    let campus = Campus::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let address = campus.mqtt(folder.path()).await.tcp.expect("bound");
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
    campus.stop_mqtt().await;
}
