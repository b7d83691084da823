//! What happens when the broker goes, and when the journal is slow.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::campus::Campus;
use super::conformance::{Running, TOKEN, run_at};
use super::flow::{is_open_order, on_duty};
use crate::domain::settings::Broker;

/// A password file that only its owner can read.
fn password_file(folder: &Path) -> PathBuf {
    let path = folder.join("password");
    std::fs::write(&path, TOKEN).expect("written");
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&path, mode).expect("set");
    path
}

/// The link to a broker that is not the daemon's own.
async fn link(campus: &Campus, address: SocketAddr, folder: &Path) {
    let broker = Broker::External {
        address: address.to_string(),
        user: "fengsui".to_owned(),
        password_file: password_file(folder),
    };
    campus.mqtt_with(broker, folder).await;
    campus
        .until("summary", |summary| summary["broker_up"] == true)
        .await;
}

/// A broker at a port that another one may just be leaving.
async fn again(campus: &Campus, folder: &Path, address: SocketAddr) -> Running {
    for _ in 0..200 {
        if let Ok(running) = run_at(campus, folder, address).await {
            return running;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the port is never free");
}

/// A broker is killed and another one takes its place, with its files or without any.
async fn an_order_survives_its_broker(keeps_files: bool) {
    let campus = Campus::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let files = folder.path().join("first");
    let any = "127.0.0.1:0".parse().expect("an address");
    let broker = run_at(&campus, &files, any).await.expect("opens");
    let address = broker.address;
    link(&campus, address, folder.path()).await;
    let mut post2 = on_duty(address, "post2").await;
    campus
        .until("recipient/post2", |post| post["online"] == true)
        .await;
    campus.fire("P1-015", true);
    let order = post2.until(is_open_order).await.json();
    campus
        .until("order/post2", |order| order["state"] == "at_broker")
        .await;
    broker.kill().await;
    assert!(post2.is_sent_away().await);
    let summary = campus
        .until("summary", |summary| summary["broker_up"] == false)
        .await;
    assert_eq!(
        summary["posts"]["online"], 1,
        "a lost link says nothing of the posts"
    );

    let other = folder.path().join("second");
    let files = if keeps_files { &files } else { &other };
    let broker = again(&campus, files, address).await;
    campus
        .until("summary", |summary| summary["broker_up"] == true)
        .await;
    let mut post2 = on_duty(address, "post2").await;
    let again = post2.until(is_open_order).await;
    assert_eq!(again.json()["id"], order["id"]);
    campus.stop_mqtt().await;
    broker.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_retained_again_after_the_broker_was_killed() {
    an_order_survives_its_broker(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_retained_again_by_a_broker_that_knows_nothing() {
    an_order_survives_its_broker(false).await;
}
