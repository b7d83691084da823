//! A broker, and a stand-in for the daemon: publishes orders, hears replies and presence.

use std::net::SocketAddr;

use mqtt5::broker::config::{StorageBackend, StorageConfig};
use mqtt5::broker::{BrokerConfig, MqttBroker};
use rumqttc::mqttbytes::QoS;
use rumqttc::{AsyncClient, Event, EventLoop, Incoming, MqttOptions, PublishOptions};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::BOUND;

/// A broker in memory; dropping it ends it.
pub(crate) struct Broker {
    pub(crate) address: SocketAddr,
    _task: JoinSet<()>,
}

pub(crate) async fn start_broker() -> Broker {
    let mut config = BrokerConfig::new()
        .with_bind_address(([127, 0, 0, 1], 0))
        .with_storage(StorageConfig::new().with_backend(StorageBackend::Memory))
        .with_sys_topics_enabled(false);
    config.auth_config.allow_anonymous = true;
    let mut broker = MqttBroker::with_config(config).await.expect("a broker");
    let address = broker.local_addr().expect("an address");
    let mut task = JoinSet::new();
    task.spawn(async move { broker.run().await.expect("the broker runs") });
    Broker {
        address,
        _task: task,
    }
}

/// What the daemon does on the wire, as far as guards see it.
pub(crate) struct Daemon {
    client: AsyncClient,
    heard: mpsc::UnboundedReceiver<(String, Value)>,
    _task: JoinSet<()>,
}

impl Daemon {
    /// Connected and subscribed when it returns.
    pub(crate) async fn connect(broker: SocketAddr) -> Self {
        let options = MqttOptions::new("daemon", (broker.ip().to_string(), broker.port()));
        let (client, events) = AsyncClient::builder(options).capacity(16).build();
        for filter in ["fengsui/v1/lin/reply/#", "fengsui/v1/lin/presence/#"] {
            client
                .subscribe(filter, QoS::AtLeastOnce)
                .await
                .expect("subscribes");
        }
        let (say, mut heard) = mpsc::unbounded_channel();
        let mut task = JoinSet::new();
        task.spawn(listen(events, say));
        for _ in 0..2 {
            let subscribed = tokio::time::timeout(BOUND, heard.recv()).await;
            assert_eq!(subscribed.expect("in time").expect("lives").0, "subscribed");
        }
        Self {
            client,
            heard,
            _task: task,
        }
    }

    /// Publishes the order document, retained; nothing clears it.
    pub(crate) async fn order(&self, recipient: &str, order: &str, document: Option<Value>) {
        self.client
            .publish(
                format!("fengsui/v1/lin/order/{recipient}/{order}"),
                document.map_or_else(String::new, |document| document.to_string()),
                PublishOptions::at_least_once().retained(),
            )
            .await
            .expect("publishes");
    }

    /// The next payload under a topic.
    pub(crate) async fn next(&mut self, topic: &str) -> Value {
        self.next_where(topic, |_| true).await
    }

    /// The next payload under a topic that is as wanted.
    pub(crate) async fn next_where(
        &mut self,
        topic: &str,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        tokio::time::timeout(BOUND, async {
            loop {
                let (heard_topic, payload) = self.heard.recv().await.expect("the daemon lives");
                if heard_topic == topic && is_wanted(&payload) {
                    return payload;
                }
            }
        })
        .await
        .unwrap_or_else(|_| panic!("nothing came under {topic}"))
    }
}

async fn listen(mut events: EventLoop, say: mpsc::UnboundedSender<(String, Value)>) {
    while let Ok(event) = events.poll().await {
        let said = if let Event::Incoming(Incoming::SubAck(_)) = event {
            ("subscribed".to_owned(), Value::Null)
        } else if let Event::Incoming(Incoming::Publish(publish)) = event {
            (
                String::from_utf8_lossy(&publish.topic).into_owned(),
                serde_json::from_slice(&publish.payload).expect("JSON"),
            )
        } else {
            continue;
        };
        if say.send(said).is_err() {
            return;
        }
    }
}
