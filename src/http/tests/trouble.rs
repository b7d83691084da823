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
async fn what_is_not_recorded_is_not_called_done_and_the_same_key_finds_it_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("journal.db");
    let store = SqliteStore::new(&file).expect("a runtime");
    let house = House::furnished(Box::new(store)).await;
    let operator = house.signed_on("op").await;
    let options = SqliteConnectOptions::new().filename(&file);
    let mut other: SqliteConnection = options.connect().await.expect("opened");
    // Another process holds the file.
    other.execute("BEGIN IMMEDIATE").await.expect("locked");
    let path = "/api/v1/outputs/GAS-VALVE/start";
    let response = operator.verb(path, "1", &json!({})).await;
    refused(response, 503, "not_recorded").await;
    let unseen = house.document("output/GAS-VALVE").expect("an output");
    assert_eq!(unseen["state"], "idle", "nothing is seen before its commit");
    other.execute("ROLLBACK").await.expect("unlocked");
    other.close().await.expect("closed");
    let answer = operator.verb(path, "1", &json!({})).await;
    assert_eq!(answer.status(), 200);
    let first: Value = answer.json().await.expect("done");
    let seen = house.document("output/GAS-VALVE").expect("an output");
    assert_eq!(seen["state"], "asked");
    let again: Value = operator
        .verb(path, "1", &json!({}))
        .await
        .json()
        .await
        .expect("done");
    assert_eq!(first, again);
}
