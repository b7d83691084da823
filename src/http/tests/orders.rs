//! Guards: their orders, their replies, their devices.

use super::*;

fn reply(id: &str, verb: &str) -> Value {
    json!({ "v": 1, "reply_id": id, "verb": verb, "at": 1 })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_sees_the_site_and_its_own_orders_and_nothing_else() {
    let house = House::open().await;
    house.alarm().await;
    let keys = |state: Value| -> Vec<String> {
        let documents = state["documents"].as_object().expect("documents");
        documents.keys().cloned().collect()
    };
    let own = keys(house.signed_on("post2").await.state().await);
    assert_eq!(own.len(), 2, "{own:?}");
    assert!(own[0].starts_with("order/post2/") && own[1] == "site");
    let other = keys(house.signed_on("post1").await.state().await);
    assert_eq!(other, ["site"]);
    let all = keys(house.signed_on("op").await.state().await);
    assert!(all.len() > 20, "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_heard_once_however_often_it_is_sent() {
    let house = House::open().await;
    let (_, order) = house.alarm().await;
    let guard = house.signed_on("post2").await;
    let id = order["id"].as_str().expect("an id");
    let path = format!("/api/v1/orders/{id}/replies");
    let accept = reply("r1", "accept");
    let response = guard.post(&path, &accept).await;
    assert_eq!(response.status(), 200);
    let first: Value = response.json().await.expect("heard");
    assert!(first["seq"].is_u64());
    let response = guard.post(&path, &accept).await;
    assert_eq!(response.status(), 200);
    let order = house.document("order/post2/").expect("an order");
    assert_eq!(order["heard"], json!(["r1"]));
    assert_eq!(order["state"], "accepted");
    let mut caused = reply("r2", "report_false");
    refused(guard.post(&path, &caused).await, 422, "cause_missing").await;
    caused["cause"] = json!("steam");
    assert_eq!(guard.post(&path, &caused).await.status(), 200);
    let order = house.document("order/post2/").expect("an order");
    assert_eq!(order["heard"], json!(["r1", "r2"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_of_a_reply_has_its_status_and_words() {
    let house = House::open().await;
    let (_, order) = house.alarm().await;
    let id = order["id"].as_str().expect("an id");
    let path = format!("/api/v1/orders/{id}/replies");
    let accept = reply("r1", "accept");
    let response = house.browser().post(&path, &accept).await;
    refused(response, 401, "not_signed_on").await;
    let operator = house.signed_on("op").await;
    refused(operator.post(&path, &accept).await, 403, "no_recipient").await;
    let other = house.signed_on("post1").await;
    refused(other.post(&path, &accept).await, 403, "order_of_another").await;
    let mut guard = house.signed_on("post2").await;
    let nowhere = guard.post("/api/v1/orders/F-1-1-1/replies", &accept).await;
    refused(nowhere, 404, "order_unknown").await;
    let unreadable = [
        json!({ "v": 2, "reply_id": "r", "verb": "accept" }),
        json!({ "v": 1, "reply_id": "", "verb": "accept" }),
        json!({ "v": 1, "reply_id": "r".repeat(65), "verb": "accept" }),
        json!({ "v": 1, "reply_id": "r", "verb": "dance" }),
        json!({ "v": 1, "reply_id": "r", "verb": "unable", "reason": "x".repeat(65) }),
        json!({ "v": 1, "verb": "accept" }),
        json!("accept"),
    ];
    for body in unreadable {
        refused(guard.post(&path, &body).await, 422, "body_reply").await;
    }
    guard.csrf = None;
    refused(guard.post(&path, &accept).await, 403, "csrf_missing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_gets_credentials_for_several_devices() {
    let house = House::open().await;
    let guard = house.signed_on("post2").await;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let response = guard.post("/api/v1/device", &json!({})).await;
        assert_eq!(response.status(), 200);
        let issued: Value = response.json().await.expect("a device");
        assert_eq!(issued["recipient"], "post2");
        assert_eq!(issued["prefix"], "fengsui/v1/test/");
        assert_eq!(issued["websocket_port"], 8083);
        tokens.push(issued["token"].as_str().expect("a token").to_owned());
    }
    for token in &tokens {
        let hash = super::super::secret::sha256(token);
        let owner = house.handle.people(|people| {
            let device = people.devices.get(&hash).expect("known");
            device.recipient.to_string()
        });
        assert_eq!(owner, "post2");
    }
    for _ in 0..40 {
        guard.post("/api/v1/device", &json!({})).await;
    }
    let count = house.handle.people(|people| people.devices.len());
    assert_eq!(count, 32, "bounded");
    let operator = house.signed_on("op").await;
    let response = operator.post("/api/v1/device", &json!({})).await;
    refused(response, 403, "no_recipient").await;
}
