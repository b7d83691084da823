//! A journal that cannot be opened, and one that cannot be written for a while.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Executor};

use super::*;
use crate::store::sqlite::SqliteStore;

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_be_opened_is_said_and_not_called_signed_off() {
    let nowhere = std::path::Path::new("/proc/fengsui/journal");
    let house = House::with(Box::new(SqliteStore::new(nowhere).expect("a runtime"))).await;
    house.until(|| house.handle.health().store.is_some()).await;
    let browser = house.browser();
    for path in ["/api/v1/state", "/api/v1/me", "/api/v1/stream"] {
        let problem = refused(browser.get(path).await, 503, "journal_closed").await;
        let words = problem["detail"]["zh"].as_str().expect("words");
        assert!(words.contains("消防主机面板"), "{words}");
    }
    let verb = browser.verb("/api/v1/site/mute", "1", &json!({})).await;
    refused(verb, 503, "journal_closed").await;
    let session = browser.sign_on("op", PASSWORD).await;
    refused(session, 503, "journal_closed").await;
    let status: Value = browser
        .get("/api/v1/status")
        .await
        .json()
        .await
        .expect("a status");
    assert_eq!(status["ready"], false);
    assert!(status["store"].is_string());
    assert_eq!(browser.get("/").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_journal_is_held_protective_verbs_say_where_they_are_kept_and_others_wait() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("journal.db");
    let store = SqliteStore::new(&file).expect("a runtime");
    let house = House::furnished(Box::new(store)).await;
    let (operator, leader) = (house.signed_on("op").await, house.signed_on("lead").await);
    let options = SqliteConnectOptions::new().filename(&file);
    let mut other: SqliteConnection = options.connect().await.expect("opened");
    // Another process holds the file, and this house has no spool.
    other.execute("BEGIN IMMEDIATE").await.expect("locked");
    let path = "/api/v1/outputs/GAS-VALVE/start";
    let response = operator.verb(path, "1", &json!({})).await;
    assert_eq!(response.status(), 200);
    let first: Value = response.json().await.expect("done");
    assert_eq!(first["durable"], "memory");
    let seen = house.document("output/GAS-VALVE").expect("an output");
    assert_eq!(seen["state"], "asked");
    let manual = json!({ "mode": "manual", "reason": "test" });
    let response = leader.verb("/api/v1/site/mode", "2", &manual).await;
    refused(response, 503, "store_down").await;
    let ill: Value = house
        .browser()
        .get("/healthz")
        .await
        .json()
        .await
        .expect("JSON");
    let reasons = ill["reasons"].as_array().expect("reasons");
    assert!(
        reasons.iter().any(|reason| reason["what"] == "degraded"),
        "{ill}"
    );
    other.execute("ROLLBACK").await.expect("unlocked");
    other.close().await.expect("closed");
    house
        .until(|| {
            house
                .document("summary")
                .is_some_and(|summary| summary["degraded"] == "no")
        })
        .await;
    let again: Value = operator
        .verb(path, "1", &json!({}))
        .await
        .json()
        .await
        .expect("done");
    assert_eq!(first["seq"], again["seq"]);
    let response = leader.verb("/api/v1/site/mode", "2", &manual).await;
    assert_eq!(response.status(), 200);
}
