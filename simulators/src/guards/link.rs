//! The device's MQTT connection: presence with a last will, its own orders, its own replies. QoS 1, JSON, MQTT 5.
//!
//! Every connection starts clean: retained orders come again, and replies that were not heard are sent again, so nothing
//! rests on a session. The task that polls never publishes, so a full channel cannot stop it.

use std::time::Duration;

use rumqttc::mqttbytes::QoS;
use rumqttc::{AsyncClient, Event, EventLoop, Incoming, LastWill, MqttOptions, PublishOptions};
use serde_json::json;

use super::{Broker, Guard, lock};

/// Real time between two attempts to connect.
const RETRY: Duration = Duration::from_millis(500);

/// Requests that wait for the connection; when it is full, a reply waits for its next turn.
const REQUESTS_MAX: usize = 64;

/// The largest order document a device takes.
const PACKET_MAX: u32 = 1 << 20;

const KEEP_ALIVE_S: u16 = 5;

/// Connects again and again while the guard is meant to be online.
pub(super) async fn run(guard: &Guard, broker: &Broker) {
    let mut wanted = guard.wanted.subscribe();
    while wanted.wait_for(|online| *online).await.is_ok() {
        let why = {
            let mut cut = guard.wanted.subscribe();
            // Dropping the connection says nothing to the broker, which then publishes the last will.
            tokio::select! {
                why = connection(guard, broker) => Some(why),
                _ = cut.wait_for(|online| !online) => None,
            }
        };
        guard.online.send_replace(false);
        *lock(&guard.error) = why.clone();
        if let Some(why) = why {
            tracing::debug!(
                recipient = guard.recipient,
                why,
                "a guard's device is offline"
            );
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// One connection; returns why it ended.
async fn connection(guard: &Guard, broker: &Broker) -> String {
    let built = AsyncClient::builder(options(guard, broker))
        .capacity(REQUESTS_MAX)
        .try_build();
    let (client, events) = match built {
        Ok(built) => built,
        Err(error) => return error.to_string(),
    };
    tokio::select! {
        why = listen(guard, broker, &client, events) => why,
        () = talk(guard, broker, &client) => "stopped".to_owned(),
    }
}

fn options(guard: &Guard, broker: &Broker) -> MqttOptions {
    let mut options = MqttOptions::new(
        device(guard),
        (broker.address.ip().to_string(), broker.address.port()),
    );
    options
        .set_keep_alive(KEEP_ALIVE_S)
        .set_clean_start(true)
        .set_credentials(guard.recipient.clone(), guard.token.0.clone())
        .set_max_packet_size(Some(PACKET_MAX))
        .set_last_will(LastWill::new(
            presence_topic(guard, broker),
            presence(guard, false),
            QoS::AtLeastOnce,
            true,
            None,
        ));
    options
}

fn device(guard: &Guard) -> String {
    format!("{}-sim", guard.recipient)
}

fn presence_topic(guard: &Guard, broker: &Broker) -> String {
    format!("{}/presence/{}", broker.prefix, guard.recipient)
}

fn presence(guard: &Guard, online: bool) -> String {
    json!({ "v": 1, "device": device(guard), "online": online, "at": guard.now().wall_ms })
        .to_string()
}

/// Takes what the broker sends.
async fn listen(
    guard: &Guard,
    broker: &Broker,
    client: &AsyncClient,
    mut events: EventLoop,
) -> String {
    let orders = format!("{}/order/{}/", broker.prefix, guard.recipient);
    loop {
        let event = match events.poll().await {
            Ok(event) => event,
            Err(error) => return error.to_string(),
        };
        let Event::Incoming(incoming) = event else {
            continue;
        };
        if let Incoming::ConnAck(_) = incoming {
            // Room is certain: nothing else was asked of this connection yet.
            let subscribed = client.try_subscribe(format!("{orders}#"), QoS::AtLeastOnce);
            let present = client.try_publish(
                presence_topic(guard, broker),
                presence(guard, true),
                PublishOptions::at_least_once().retained(),
            );
            if let Err(error) = subscribed.and(present) {
                return error.to_string();
            }
            guard.duty().connected(guard.now());
            *lock(&guard.error) = None;
            guard.online.send_replace(true);
            guard.wake.notify_one();
        } else if let Incoming::Publish(publish) = incoming {
            let topic = String::from_utf8_lossy(&publish.topic);
            if let Some(order) = topic.strip_prefix(&orders) {
                guard.duty().document(order, &publish.payload, guard.now());
                guard.wake.notify_one();
            }
        }
    }
}

/// Says what is due, at once after news and otherwise a few times a second.
async fn talk(guard: &Guard, broker: &Broker, client: &AsyncClient) {
    // Fine enough for the fastest script, and never busier than 200 times a second.
    let pause = Duration::from_secs_f64((0.1 / guard.clock.speed()).clamp(0.005, 0.1));
    let mut online = guard.online.subscribe();
    if online.wait_for(|online| *online).await.is_err() {
        return;
    }
    loop {
        let now = guard.now();
        let due = guard.duty().due(now);
        for (order, reply) in due {
            let Ok(payload) = serde_json::to_string(&reply) else {
                continue;
            };
            let topic = format!("{}/reply/{}/{order}", broker.prefix, guard.recipient);
            match client.try_publish(topic, payload, PublishOptions::at_least_once()) {
                Ok(()) => guard.duty().sent(&order, &reply.reply_id, now),
                // It stays unheard and comes again.
                Err(error) => tracing::debug!(%error, "a reply waits"),
            }
        }
        tokio::select! {
            () = guard.wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}
