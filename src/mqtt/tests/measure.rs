//! Figures, not judgements: run by hand with `cargo test --lib mqtt::tests::measure -- --ignored --nocapture`.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::campus::Campus;
use super::flow::{is_open_order, on_duty};

fn say(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    eprintln!(
        "{what}: n {} p50 {:?} p99 {:?} max {:?}",
        times.len(),
        at(50),
        at(99),
        at(100)
    );
}

/// From the first register to the order at the device, each on a fresh campus.
async fn first_orders(rounds: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let campus = Campus::new().await;
        let folder = tempfile::tempdir().expect("a folder");
        let address = campus.mqtt(folder.path()).await.tcp.expect("bound");
        let mut post2 = on_duty(address, "post2").await;
        campus
            .until("recipient/post2", |post| post["online"] == true)
            .await;
        let start = Instant::now();
        campus.fire("P1-015", true);
        post2.until(is_open_order).await;
        times.push(start.elapsed());
        campus.stop_mqtt().await;
    }
    times
}

/// From a reply to the order that lists it, while points flap or not.
async fn replies(rounds: usize, flapping: bool) -> Vec<Duration> {
    let campus = Campus::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let address = campus.mqtt(folder.path()).await.tcp.expect("bound");
    let mut post2 = on_duty(address, "post2").await;
    campus
        .until("recipient/post2", |post| post["online"] == true)
        .await;
    campus.fire("P1-015", true);
    let order = post2.until(is_open_order).await.json();
    let id = order["id"].as_str().expect("an id").to_owned();
    let topic = format!("fengsui/v1/test/reply/post2/{id}");
    let quiet = CancellationToken::new();
    let flap = async {
        let mut fault = false;
        while flapping && !quiet.is_cancelled() {
            fault = !fault;
            for n in 16..=30 {
                campus.fault(&format!("P1-{n:03}"), fault);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let measure = async {
        let mut times = Vec::new();
        for n in 0..rounds {
            // Slower than the pace of a recipient.
            tokio::time::sleep(Duration::from_millis(510)).await;
            let reply_id = format!("r{n}");
            let reply = json!({ "v": 1, "reply_id": reply_id, "verb": "accept", "at": 0 });
            let start = Instant::now();
            post2.publish(&topic, &reply.to_string(), false).await;
            post2
                .until(|message| {
                    is_open_order(message)
                        && message.json()["heard"]
                            .as_array()
                            .is_some_and(|heard| heard.contains(&json!(reply_id)))
                })
                .await;
            times.push(start.elapsed());
        }
        quiet.cancel();
        times
    };
    let (times, ()) = tokio::join!(measure, flap);
    campus.stop_mqtt().await;
    times
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn latency() {
    say("register to order", first_orders(30).await);
    say("reply to heard", replies(30, false).await);
    say(
        "reply to heard, 15 points flapping at 100 Hz",
        replies(30, true).await,
    );
}
