//! What happens when the broker goes, and when the journal is slow.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::campus::Campus;
use super::conformance::{TOKEN, run_at};
use super::device::{Message, Packets, text};
use super::flow::{is_open_order, on_duty};
use super::until;
use crate::domain::settings::Broker;
use crate::engine::ports::{Batch, Entry, Head, RowChange, Store, StoreError, Table};
use crate::store::memory::MemoryStore;

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
    campus.mqtt_with(broker).await;
    campus
        .until("summary", |summary| summary["broker_up"] == true)
        .await;
}

/// A broker is killed, and another one that knows nothing takes its place.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_retained_again_after_the_broker_was_killed() {
    let campus = Campus::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let any = "127.0.0.1:0".parse().expect("an address");
    let broker = run_at(&campus, any).await.expect("opens");
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

    let broker = until("the port", async || run_at(&campus, address).await.ok()).await;
    campus
        .until("summary", |summary| summary["broker_up"] == true)
        .await;
    let mut post2 = on_duty(address, "post2").await;
    let again = post2.until(is_open_order).await;
    assert_eq!(again.json()["id"], order["id"]);
    campus.stop_mqtt().await;
    broker.kill().await;
}

/// A device that keeps its session believes that an order is open which ended while it was away; everything at the broker is
/// lost with the process.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_a_device_hears_what_ended_and_what_was_heard_of_it() {
    let campus = Campus::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let any = "127.0.0.1:0".parse().expect("an address");
    let broker = run_at(&campus, any).await.expect("opens");
    let address = broker.address;
    link(&campus, address, folder.path()).await;
    let mut post2 = on_duty(address, "post2").await;
    campus
        .until("recipient/post2", |post| post["online"] == true)
        .await;
    campus.fire("P1-015", true);
    let order = post2.until(is_open_order).await.json();
    let id = order["id"].as_str().expect("an id");
    broker.kill().await;
    assert!(post2.is_sent_away().await);
    campus.judged_false(id, "r1").await;
    campus.judged_false(id, "r1").await;

    let broker = until("the port", async || run_at(&campus, address).await.ok()).await;
    campus
        .until("summary", |summary| summary["broker_up"] == true)
        .await;
    let mut post2 = on_duty(address, "post2").await;
    let is_over = |message: &Message| is_open_order(message) && message.json()["open"] == false;
    let over = post2.until(is_over).await.json();
    assert_eq!((&over["id"], &over["open"]), (&order["id"], &json!(false)));
    assert_eq!(over["heard"], json!(["r1"]));
    let topic = format!("fengsui/v1/test/reply/post2/{id}");
    for reply_id in ["r1", "r2"] {
        let reply = json!({ "v": 1, "reply_id": reply_id, "verb": "accept" });
        post2.publish(&topic, &reply.to_string(), false).await;
        let is_heard = |message: &Message| {
            let heard = |order: Value| order["heard"].to_string().contains(reply_id);
            is_over(message) && heard(message.json())
        };
        post2.until(is_heard).await;
    }
    campus.stop_mqtt().await;
    broker.kill().await;
}

/// A journal whose commits wait while it is held.
struct Slow {
    store: MemoryStore,
    held: Arc<(Mutex<bool>, Condvar)>,
}

impl Store for Slow {
    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let (held, released) = &*self.held;
        let held = held.lock().expect("not poisoned");
        drop(
            released
                .wait_while(held, |held| *held)
                .expect("not poisoned"),
        );
        self.store.commit(batch)
    }

    fn head(&mut self) -> Result<Head, StoreError> {
        self.store.head()
    }

    fn rows(&mut self, table: Table) -> Result<Vec<RowChange>, StoreError> {
        self.store.rows(table)
    }

    fn closed(&mut self, limit: u32) -> Result<Vec<RowChange>, StoreError> {
        self.store.closed(limit)
    }

    fn row(&mut self, table: Table, id: &str) -> Result<Option<RowChange>, StoreError> {
        self.store.row(table, id)
    }

    fn entries(&mut self, seq: u64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        self.store.entries(seq, limit)
    }

    fn replace_projections(&mut self, rows: &[RowChange]) -> Result<(), StoreError> {
        self.store.replace_projections(rows)
    }

    fn projections(&mut self) -> Result<Vec<RowChange>, StoreError> {
        self.store.projections()
    }
}

/// A broker that is played by the test: takes the link in and grants its subscriptions.
async fn play_broker(listener: &TcpListener) -> Packets {
    let (stream, _) = listener.accept().await.expect("the link");
    let mut packets = Packets::new(stream);
    let (kind, _) = packets.read().await.expect("CONNECT");
    assert_eq!(kind, 0x10);
    packets.send(0x20, &[0, 0, 0]).await;
    let (kind, body) = packets.read().await.expect("SUBSCRIBE before any PUBLISH");
    assert_eq!(kind, 0x82);
    packets
        .send(0x90, &[body[0], body[1], 0, 1, 1, 1, 1, 1, 1])
        .await;
    packets
}

/// The next packet of a kind; messages of the link are acknowledged meanwhile, pings answered.
async fn next(packets: &mut Packets, wanted: u8) -> Vec<u8> {
    loop {
        let (kind, body) = packets.read().await.expect("a packet");
        if kind == wanted {
            return body;
        }
        match kind & 0xf0 {
            0x30 => {
                let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                packets.send(0x40, &body[topic + 2..topic + 4]).await;
            }
            0xc0 => packets.send(0xd0, &[]).await,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_acknowledged_only_after_its_commit() {
    let held = Arc::new((Mutex::new(false), Condvar::new()));
    let store = Slow {
        store: MemoryStore::new("test"),
        held: Arc::clone(&held),
    };
    let campus = Campus::with(Box::new(store)).await;
    let folder = tempfile::tempdir().expect("a folder");
    campus.fire("P1-015", true);
    let order = campus.until("order/", |order| order["open"] == true).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (mut broker, ()) = tokio::join!(play_broker(&listener), async {
        let broker = Broker::External {
            address: address.to_string(),
            user: "fengsui".to_owned(),
            password_file: password_file(folder.path()),
        };
        campus.mqtt_with(broker).await;
    });
    let hold = |is: bool| {
        *held.0.lock().expect("not poisoned") = is;
        held.1.notify_all();
    };
    hold(true);
    let id = order["id"].as_str().expect("an id");
    let recipient = order["recipient"].as_str().expect("an id");
    let mut reply = Vec::new();
    text(
        &mut reply,
        &format!("fengsui/v1/test/reply/{recipient}/{id}"),
    );
    reply.extend([0, 77, 0]);
    reply.extend(br#"{"v":1,"reply_id":"r1","verb":"accept","at":0}"#);
    broker.send(0x32, &reply).await;
    // Well before the engine gives the journal up and goes on from memory.
    let early = tokio::time::timeout(Duration::from_millis(200), next(&mut broker, 0x40)).await;
    assert!(early.is_err(), "acknowledged before its commit");
    let key = format!("order/{recipient}/{id}");
    let document = campus.handle.document(&key).expect("the order");
    assert!(!document.contains("r1"), "seen before its commit");
    hold(false);
    let acknowledged = tokio::time::timeout(Duration::from_secs(10), next(&mut broker, 0x40)).await;
    assert_eq!(acknowledged.expect("in time")[..2], [0, 77]);
    campus
        .until("order/", |order| {
            order["heard"] == serde_json::json!(["r1"])
        })
        .await;
}
