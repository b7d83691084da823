//! The record of an incident with the journal's head.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_record_holds_everything_of_the_incident_and_the_journals_head() {
    let house = House::open().await;
    let (incident, order) = house.alarm().await;
    let operator = house.signed_on("op").await;
    let confirm = format!("/api/v1/incidents/{incident}/confirm_fire");
    assert_eq!(operator.verb(&confirm, "1", &json!({})).await.status(), 200);
    let path = format!("/api/v1/incidents/{incident}/record");
    let record = async || -> Value {
        let response = operator.get(&path).await;
        assert_eq!(response.status(), 200);
        response.json().await.expect("a record")
    };
    let first = record().await;
    assert_eq!(first["journal"]["seq"], house.handle.seq());
    assert_eq!(first["journal"]["id"], "test");
    let hash = |record: &Value| record["journal"]["hash"].as_str().expect("it").to_owned();
    assert!(hash(&first).len() == 64 && hash(&first) != "0".repeat(64));
    assert_eq!(first["made_for"], "张伟");
    assert_eq!(first["incident"]["verdict"]["kind"], "real");
    let orders = first["orders"].as_object().expect("orders");
    let key = format!("post2/{}", order["id"].as_str().expect("an id"));
    assert!(orders.contains_key(&key), "{:?}", orders.keys());
    let rows = first["incident"]["linkage"].as_array().expect("rows");
    let outputs = first["outputs"].as_object().expect("outputs");
    assert!(!rows.is_empty() && rows.len() == outputs.len());
    assert_eq!(outputs["GAS-VALVE"]["state"], "asked");
    let lines = first["timeline"]["lines"].as_array().expect("lines");
    for time in ["at", "engine", "seq"] {
        assert!(lines.iter().all(|line| line[time].is_i64()), "{time}");
    }
    // One entry more is another head.
    let call = format!("/api/v1/incidents/{incident}/call_119");
    let connected = json!({ "connected": true });
    assert_eq!(operator.verb(&call, "2", &connected).await.status(), 200);
    let second = record().await;
    assert_eq!(second["journal"]["seq"], house.handle.seq());
    assert_ne!(hash(&first), hash(&second));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_for_whoever_sees_the_incident() {
    let house = House::open().await;
    let (incident, _) = house.alarm().await;
    let path = format!("/api/v1/incidents/{incident}/record");
    refused(house.browser().get(&path).await, 401, "not_signed_on").await;
    let guard = house.signed_on("post2").await;
    refused(guard.get(&path).await, 404, "case_unknown").await;
    let school = house.signed_on("school").await;
    let record: Value = school.get(&path).await.json().await.expect("a record");
    assert_eq!(record["orders"], json!({}), "boards show no orders");
    for unknown in [
        "/api/v1/incidents/F-1-1/record",
        "/api/v1/incidents/a%2Fb/record",
    ] {
        let operator = house.signed_on("op").await;
        refused(operator.get(unknown).await, 404, "case_unknown").await;
    }
}
