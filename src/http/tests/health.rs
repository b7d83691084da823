//! What programs that watch are told.

use super::*;

/// The value of a metric, whose labels stand in its name.
fn value(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok())
}

async fn metrics(house: &House) -> String {
    let response = house.browser().get("/metrics").await;
    assert_eq!(response.status(), 200);
    let kind = response.headers()["content-type"].to_str().expect("words");
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    response.text().await.expect("a text")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_works_says_so_and_a_lost_line_says_why_not() {
    let house = House::open().await;
    let healthy = house.browser().get("/healthz").await;
    assert_eq!(healthy.status(), 200);
    let healthy: Value = healthy.json().await.expect("JSON");
    assert_eq!(healthy, json!({ "ok": true, "reasons": [] }));
    let lost = Input::Link {
        bus: "panel1".into(),
        up: false,
        reason: "timeout".to_owned(),
    };
    house.submit(Actor::Field, lost).await;
    let ill = house.browser().get("/healthz").await;
    assert_eq!(ill.status(), 503);
    let ill: Value = ill.json().await.expect("JSON");
    let reason = json!({ "what": "link", "detail": "panel1: down" });
    assert_eq!(ill, json!({ "ok": false, "reasons": [reason] }));
    assert_eq!(
        value(&metrics(&house).await, "fengsui_link_up{bus=\"panel1\"}"),
        Some(0.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_be_opened_is_ill_and_said() {
    let nowhere = std::path::Path::new("/proc/fengsui/journal");
    let store = crate::store::sqlite::SqliteStore::new(nowhere).expect("a runtime");
    let house = House::with(Box::new(store)).await;
    house.until(|| house.handle.health().store.is_some()).await;
    let ill = house.browser().get("/healthz").await;
    assert_eq!(ill.status(), 503);
    let ill: Value = ill.json().await.expect("JSON");
    let what: Vec<&str> = ill["reasons"]
        .as_array()
        .expect("reasons")
        .iter()
        .map(|reason| reason["what"].as_str().expect("a word"))
        .collect();
    assert_eq!(what, ["starting", "store"]);
    let metrics = metrics(&house).await;
    assert_eq!(value(&metrics, "fengsui_ready"), Some(0.0));
    assert_eq!(value(&metrics, "fengsui_store_writable"), Some(0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_refusals_streams_and_stages_are_counted() {
    let house = House::open().await;
    house.alarm().await;
    let operator = house.signed_on("op").await;
    let mut events = operator.stream("").await;
    events.named("heartbeat").await;
    refused(
        house.browser().get("/api/v1/me").await,
        401,
        "not_signed_on",
    )
    .await;
    house
        .handle
        .measured(Stage::Receipt, Duration::from_millis(40));
    let text = metrics(&house).await;
    assert_eq!(value(&text, "fengsui_stream_clients"), Some(1.0));
    assert_eq!(
        value(&text, "fengsui_http_refusals_total{code=\"not_signed_on\"}"),
        Some(1.0)
    );
    assert_eq!(
        value(&text, "fengsui_http_answers_total{status=\"401\"}"),
        Some(1.0)
    );
    assert_eq!(value(&text, "fengsui_incidents_open"), Some(1.0));
    assert_eq!(value(&text, "fengsui_degraded{state=\"no\"}"), Some(1.0));
    let timeouts = |unit: &str| {
        let labels = format!("bus=\"panel1\",unit=\"{unit}\",kind=\"timeout\"");
        value(&text, &format!("fengsui_field_total{{{labels}}}"))
    };
    assert_eq!((timeouts("line"), timeouts("2")), (Some(3.0), Some(1.0)));
    let bucket = |le: &str| {
        value(
            &text,
            &format!("fengsui_stage_seconds_bucket{{stage=\"receipt\",le=\"{le}\"}}"),
        )
    };
    assert_eq!(
        (bucket("0.02"), bucket("0.05"), bucket("+Inf")),
        (Some(0.0), Some(1.0), Some(1.0))
    );
    assert_eq!(
        value(&text, "fengsui_stage_seconds_sum{stage=\"receipt\"}"),
        Some(0.04)
    );
    drop(events);
    house
        .until(|| house.handle.people(|people| !people.sessions.is_empty()))
        .await;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, number) = line.rsplit_once(' ').expect("a value");
        assert!(name.starts_with("fengsui_"), "{line}");
        number.parse::<f64>().expect("a number");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_on_this_machine_needs_a_token() {
    let house = House::open().await;
    let token = house.token("prometheus", Role::Viewer, None).await;
    for path in ["/metrics", "/healthz"] {
        // As a proxy on this machine passes a stranger on.
        let passed_on = || {
            let request = house.browser().request(Method::GET, path);
            request.header("x-forwarded-for", "203.0.113.7")
        };
        let stranger = passed_on().send().await.expect("an answer");
        refused(stranger, 403, "loopback_or_token").await;
        let wrong = passed_on().bearer_auth("fengsui_x").send().await;
        refused(wrong.expect("an answer"), 403, "loopback_or_token").await;
        let program = passed_on().bearer_auth(&token).send().await;
        assert_eq!(program.expect("an answer").status(), 200, "{path}");
    }
}
