//! What is not a call of a page: other addresses, other methods, broken bodies.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_security_headers() {
    let house = House::open().await;
    let browser = house.browser();
    for path in ["/", "/g", "/nothing", "/api/v1/status", "/api/v1/state"] {
        let response = browser.get(path).await;
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().expect("words");
        assert!(policy.starts_with("default-src 'self'"), "{path}");
        assert!(policy.ends_with("frame-ancestors 'none'"), "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert!(headers.contains_key("cache-control"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_addresses_and_methods_are_problems() {
    let house = House::open().await;
    let browser = house.browser();
    for path in [
        "/nothing.js",
        "/api/v1/nothing",
        "/../Cargo.toml",
        "/api/v1/site/%FF",
    ] {
        let response = browser.get(path).await;
        assert!([404, 405].contains(&response.status().as_u16()), "{path}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
    }
    refused(browser.get("/api/v1/nothing").await, 404, "route_unknown").await;
    refused(browser.get("/api/v1/session").await, 405, "method_unknown").await;
    let response = browser.post("/api/v1/state", &json!({})).await;
    refused(response, 405, "method_unknown").await;
    refused(browser.post("/", &json!({})).await, 405, "method_unknown").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_the_pages() {
    let house = House::open().await;
    for path in [
        "/../Cargo.toml",
        "/assets/../../Cargo.toml",
        "//etc/passwd",
        "/%2e%2e/Cargo.toml",
    ] {
        let mut socket = TcpStream::connect(house.address).await.expect("connected");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        let read = socket.read_to_string(&mut answer);
        let read = tokio::time::timeout(BOUND, read).await;
        read.expect("in time").expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_costs_one_answer_and_nothing_else() {
    let broken = axum::Router::new().route("/", axum::routing::get(broken));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = axum::serve(listener, super::super::guarded(broken)).into_future();
    let server = tokio::spawn(server);
    for _ in 0..2 {
        let response = reqwest::get(format!("http://{address}/")).await;
        refused(response.expect("an answer"), 500, "internal").await;
    }
    server.abort();
}

async fn broken() -> &'static str {
    panic!("on purpose")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_more_than_one_megabyte_is_refused() {
    let house = House::open().await;
    let body = "x".repeat(super::super::BODY_MAX + 1);
    let response = house.browser().sign_on("op", &body).await;
    refused(response, 413, "body_too_large").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_need_a_session() {
    let house = House::open().await;
    let path = "/api/v1/plans/d1-2f.svg";
    refused(house.browser().get(path).await, 401, "not_signed_on").await;
    let guard = house.signed_on("post2").await;
    let plan = guard.get(path).await;
    assert_eq!(plan.headers()["content-type"], "image/svg+xml");
    assert_eq!(plan.text().await.expect("a text"), "<svg/>");
    let other = guard.get("/api/v1/plans/..%2Fsecret").await;
    refused(other, 404, "plan_unknown").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_is_for_anybody() {
    let house = House::open().await;
    let status = house.browser().get("/api/v1/status").await;
    let status: Value = status.json().await.expect("a status");
    assert_eq!(status["ready"], true);
    assert_eq!(status["store"], Value::Null);
    assert_eq!(status["broker_up"], Value::Null);
    assert_eq!(status["links"], json!({ "up": 2, "total": 2 }));
    house
        .submit(Actor::System, Input::Broker { up: true })
        .await;
    let status = house.browser().get("/api/v1/status").await;
    let status: Value = status.json().await.expect("a status");
    assert_eq!(status["broker_up"], true);
    assert_eq!(status["seq"], house.handle.seq());
}

#[test]
fn no_body_and_no_path_makes_a_panic() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let house = runtime.block_on(House::open());
    let operator = runtime.block_on(house.signed_on("op"));
    let guard = runtime.block_on(house.signed_on("post2"));
    let paths = prop::sample::select(vec![
        "site/mute",
        "site/mode",
        "incidents/F-1-1/take",
        "outputs/GAS-VALVE/start",
        "orders/F-1-1-1/replies",
        "device",
        "session",
    ]);
    let any_word = prop::collection::vec(any::<u8>(), 0..12);
    let jsonish = "[\\[\\]{}:,\"a-z0-9 ]{0,40}".prop_map(String::into_bytes);
    let body = prop_oneof![prop::collection::vec(any::<u8>(), 0..64), jsonish];
    let config = Config {
        cases: 128,
        failure_persistence: None,
        ..Config::default()
    };
    let input = (paths, any_word, body, any::<bool>());
    let outcome = TestRunner::new(config).run(&input, |(path, word, body, room)| {
        let browser = if room { &operator } else { &guard };
        let word: String = word.iter().map(|byte| format!("%{byte:02X}")).collect();
        for path in [format!("/api/v1/{path}"), format!("/api/v1/site/{word}")] {
            let request = browser.request(Method::POST, &path);
            let request = request
                .header("idempotency-key", "k")
                .header("content-type", "application/json")
                .body(body.clone());
            let response = runtime.block_on(async { request.send().await.expect("an answer") });
            prop_assert_ne!(response.status(), 500);
        }
        Ok(())
    });
    outcome.expect("no panic");
    drop(house);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_described_route_is_there_and_says_what_the_description_says() {
    let house = House::open().await;
    let operator = house.signed_on("op").await;
    let api: Value = operator
        .get("/api/v1/openapi.json")
        .await
        .json()
        .await
        .expect("JSON");
    let mut routes = 0;
    for (path, operations) in api["paths"].as_object().expect("paths") {
        let asked = path.replace("{id}", "X").replace("{verb}", "x");
        let asked = asked.replace("{order}", "X").replace("{name}", "x");
        for (method, operation) in operations.as_object().expect("operations") {
            routes += 1;
            if method == "delete" {
                continue;
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let request = operator.request(method, &asked);
            let request = request.header("idempotency-key", "described");
            let response = request.send().await.expect("an answer");
            let status = response.status().as_u16().to_string();
            assert!(
                !operation["responses"][&status].is_null(),
                "{path} answers {status}"
            );
            let kind = response.headers().get("content-type");
            if kind.is_some_and(|kind| kind == "application/problem+json") {
                let problem: Value = response.json().await.expect("a problem");
                assert!(
                    !["route_unknown", "method_unknown"]
                        .contains(&problem["code"].as_str().expect("a code"))
                );
            }
        }
    }
    assert!(routes >= 14, "{routes}");
    let page = operator.get("/api").await.text().await.expect("a page");
    assert!(page.contains("POST /api/v1/incidents/{id}/{verb}") && page.contains("csrf_missing: "));
    assert!(
        !page.contains("http://") && !page.contains("https://"),
        "nothing is loaded from elsewhere"
    );
}
