//! Verbs and every refusal of one.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_is_done_once_however_often_it_is_sent() {
    let house = House::open().await;
    let (incident, _) = house.alarm().await;
    let operator = house.signed_on("op").await;
    let path = format!("/api/v1/incidents/{incident}/call_119");
    let confirm = format!("/api/v1/incidents/{incident}/confirm_fire");
    let response = operator.verb(&confirm, "k1", &json!({})).await;
    assert_eq!(response.status(), 200);
    let first: Value = response.json().await.expect("an answer");
    assert_eq!(first["durable"], "journal");
    let body = json!({ "connected": true, "note": "a" });
    let first: Value = operator
        .verb(&path, "k2", &body)
        .await
        .json()
        .await
        .expect("done");
    let seq = house.handle.seq();
    let turned = json!({ "note": "a", "connected": true });
    let again: Value = operator
        .verb(&path, "k2", &turned)
        .await
        .json()
        .await
        .expect("done");
    assert_eq!(first, again);
    assert_eq!(house.handle.seq(), seq, "a repeat leaves no entry");
    let other = json!({ "connected": false });
    let response = operator.verb(&path, "k2", &other).await;
    refused(response, 422, "idempotency_key_reused").await;
    let response = operator.verb(&confirm, "k2", &body).await;
    refused(response, 422, "idempotency_key_reused").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_step_says_by_whom() {
    let house = House::open().await;
    let (incident, _) = house.alarm().await;
    let (operator, leader) = (house.signed_on("op").await, house.signed_on("lead").await);
    let path = |verb: &str| format!("/api/v1/incidents/{incident}/{verb}");
    let done = operator.verb(&path("confirm_fire"), "1", &json!({})).await;
    assert_eq!(done.status(), 200);
    let connected = json!({ "connected": true });
    let done = operator.verb(&path("call_119"), "2", &connected).await;
    assert_eq!(done.status(), 200);
    let response = leader.verb(&path("call_119"), "2", &connected).await;
    let problem = refused(response, 409, "call_119_done").await;
    let who = json!({ "kind": "account", "id": "op", "name": "张伟" });
    assert_eq!(problem["settled_by"], who);
    assert_eq!(problem["how"], "connected");
    assert!(problem["settled_at"].is_i64());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_a_post_settled_names_the_post() {
    let house = House::open().await;
    let (incident, order) = house.alarm().await;
    let guard = house.signed_on("post2").await;
    let id = order["id"].as_str().expect("an id");
    let path = format!("/api/v1/orders/{id}/replies");
    for (n, verb) in ["accept", "arrive", "report_false"].into_iter().enumerate() {
        let body = json!({ "v": 1, "reply_id": n.to_string(), "verb": verb, "cause": "steam" });
        assert_eq!(guard.post(&path, &body).await.status(), 200, "{verb}");
    }
    let operator = house.signed_on("op").await;
    let path = format!("/api/v1/incidents/{incident}/judge_false");
    let cause = json!({ "cause": "dust" });
    let response = operator.verb(&path, "1", &cause).await;
    let problem = refused(response, 409, "verdict_given").await;
    let who = json!({ "kind": "recipient", "id": "post2", "name": "post2" });
    assert_eq!(problem["settled_by"], who);
    assert_eq!(problem["how"], "false");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_of_a_verb_has_its_status_and_words() {
    let house = House::open().await;
    let (incident, _) = house.alarm().await;
    let operator = house.signed_on("op").await;
    let take = format!("/api/v1/incidents/{incident}/take");
    let empty = json!({});
    let stranger = house.browser();
    refused(
        stranger.verb(&take, "1", &empty).await,
        401,
        "not_signed_on",
    )
    .await;
    let mut forged = operator.clone();
    forged.csrf = None;
    refused(forged.verb(&take, "1", &empty).await, 403, "csrf_missing").await;
    forged.csrf = Some("x".repeat(43));
    refused(forged.verb(&take, "1", &empty).await, 403, "csrf_missing").await;
    let response = operator.post(&take, &empty).await;
    refused(response, 422, "idempotency_key_missing").await;
    let response = operator.verb(&take, &"k".repeat(200), &empty).await;
    refused(response, 422, "idempotency_key_unusable").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_not_there_can_be_named() {
    let house = House::open().await;
    let operator = house.signed_on("op").await;
    let refusals = [
        (
            "/api/v1/incidents/F-1-1/take",
            json!({}),
            404,
            "case_unknown",
        ),
        (
            "/api/v1/incidents/site/mute",
            json!({}),
            404,
            "case_unknown",
        ),
        (
            "/api/v1/incidents/output%2FGAS-VALVE/start",
            json!({}),
            404,
            "case_unknown",
        ),
        ("/api/v1/site/open_gas", json!({}), 404, "verb_unknown"),
        ("/api/v1/site/%20", json!({}), 404, "verb_unknown"),
        (
            "/api/v1/outputs/NONE/start",
            json!({}),
            404,
            "output_unknown",
        ),
        ("/api/v1/site/mode", json!({}), 422, "body_mode"),
        ("/api/v1/site/mode", json!([]), 422, "body_unreadable"),
        (
            "/api/v1/site/mode",
            json!({ "mode": "manual" }),
            403,
            "mode_manual_role",
        ),
        (
            "/api/v1/site/mute",
            json!({ "x": "y".repeat(20_000) }),
            413,
            "body_too_large",
        ),
    ];
    for (n, (path, body, status, code)) in refusals.into_iter().enumerate() {
        let response = operator.verb(path, &format!("r{n}"), &body).await;
        refused(response, status, code).await;
    }
    let bad = operator
        .request(Method::POST, "/api/v1/site/mute")
        .header("idempotency-key", "2");
    let bad = bad.header("content-type", "application/json").body("{");
    refused(bad.send().await.expect("an answer"), 422, "body_unreadable").await;
    let form = operator
        .request(Method::POST, "/api/v1/site/mute")
        .header("idempotency-key", "3");
    let form = form.header("content-type", "text/plain").body("{}");
    refused(form.send().await.expect("an answer"), 415, "media_type").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_is_an_empty_one_and_an_output_is_started_by_a_person() {
    let house = House::open().await;
    let operator = house.signed_on("op").await;
    let path = "/api/v1/outputs/GAS-VALVE/start";
    let bare = operator
        .request(Method::POST, path)
        .header("idempotency-key", "1");
    assert_eq!(bare.send().await.expect("an answer").status(), 200);
    house
        .until(|| {
            let output = house.document("output/GAS-VALVE");
            output.is_some_and(|output| output["state"] == "asked")
        })
        .await;
    let response = operator.verb(path, "2", &json!({})).await;
    let problem = refused(response, 409, "output_running").await;
    assert_eq!(problem["settled_by"]["name"], "张伟");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_refuses_a_guard_and_a_viewer_and_keeps_it() {
    let house = House::open().await;
    let (incident, _) = house.alarm().await;
    for who in ["post2", "view"] {
        let guard = house.signed_on(who).await;
        let before = house.handle.seq();
        let path = format!("/api/v1/incidents/{incident}/take");
        refused(
            guard.verb(&path, "1", &json!({})).await,
            403,
            "role_sees_only",
        )
        .await;
        assert!(house.handle.seq() > before, "the refusal is in the journal");
    }
}
