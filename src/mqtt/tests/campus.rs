//! A real engine on a store in memory, with devices that may come in.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::device::Login;
use crate::clock::Clock;
use crate::domain::actor::{Actor, Role};
use crate::domain::input::{Input, Reply};
use crate::domain::order::{Cause, ReplyVerb, Via};
use crate::domain::point::{Conditions, Quality, Reading};
use crate::domain::settings::{Broker, MqttSettings};
use crate::domain::site::Site;
use crate::engine::handle::{Audience, Handle};
use crate::engine::ports::{DeviceRow, NoField, RowChange, Store, Table};
use crate::engine::run::{Parts, Running, handle, shared, spawn};
use crate::engine::testing::dormitory;
use crate::mqtt::{MqttAddresses, MqttParts};
use crate::store::memory::MemoryStore;

/// A campus of one dormitory.
pub(super) struct Campus {
    pub(super) site: Arc<Site>,
    pub(super) handle: Handle,
    pub(super) stop: CancellationToken,
    pub(super) tracker: TaskTracker,
    engine: Option<Running>,
}

/// SHA-256 of a token, as a device row has it.
pub(super) fn token_hash(token: &str) -> String {
    Sha256::digest(token.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The token of a recipient's device in these tests.
pub(super) fn login(user: &str) -> Login {
    Login::new(user, &format!("token of {user}"))
}

impl Campus {
    /// The engine runs, the lines are up, and every recipient has a device.
    pub(super) async fn new() -> Self {
        Self::with(Box::new(MemoryStore::new("test"))).await
    }

    pub(super) async fn with(store: Box<dyn Store>) -> Self {
        let site = Arc::new(dormitory());
        let shared = shared();
        let clock = Clock::default();
        let parts = Parts {
            site: Arc::clone(&site),
            config_version: "1".into(),
            store,
            spool: None,
            field: Arc::new(NoField),
            clock: clock.clone(),
            shared: Arc::clone(&shared),
        };
        let campus = Self {
            site,
            engine: Some(spawn(parts).expect("a thread")),
            handle: handle(&shared, &clock),
            stop: CancellationToken::new(),
            tracker: TaskTracker::new(),
        };
        for bus in ["panel1", "io1"] {
            let input = Input::Link {
                bus: bus.into(),
                up: true,
                reason: String::new(),
            };
            let answer = campus.handle.submit(Actor::Field, input).await;
            answer.expect("accepted");
        }
        campus.read("P1-SOUNDERS", Conditions::default());
        let recipients: Vec<String> = campus
            .site
            .recipients
            .keys()
            .map(ToString::to_string)
            .collect();
        for recipient in recipients {
            let token = login(&recipient).password;
            campus.device(&recipient, &token, true).await;
        }
        campus
    }

    /// Adds or revokes a device.
    pub(super) async fn device(&self, recipient: &str, token: &str, is_valid: bool) {
        let hash = token_hash(token);
        let row = DeviceRow {
            recipient: recipient.into(),
            token_sha256: hash.clone(),
        };
        let change = RowChange {
            table: Table::Devices,
            id: hash,
            seq: 0,
            open: false,
            due: None,
            detail: is_valid.then(|| serde_json::to_string(&row).expect("JSON")),
        };
        let input = Input::PeopleChanged {
            subject: format!("device/{recipient}"),
        };
        let answer = self.handle.submit_with(Actor::System, input, vec![change]);
        answer.await.expect("accepted");
    }

    /// MQTT with a broker inside, on any free ports.
    pub(super) async fn mqtt(&self) -> MqttAddresses {
        let any = "127.0.0.1:0".parse().expect("an address");
        let broker = Broker::Embedded {
            listen: any,
            websocket: any,
        };
        self.mqtt_with(broker).await
    }

    pub(super) async fn mqtt_with(&self, broker: Broker) -> MqttAddresses {
        let parts = MqttParts {
            site: Arc::clone(&self.site),
            settings: MqttSettings {
                broker,
                websocket_port: 0,
            },
            handle: self.handle.clone(),
            stop: self.stop.clone(),
            tracker: self.tracker.clone(),
        };
        crate::mqtt::start(parts).await.expect("usable settings")
    }

    /// The post answers by another way.
    pub(super) async fn judged_false(&self, order: &str, reply_id: &str) {
        let reply = Reply {
            recipient: "post2".into(),
            order: order.into(),
            reply_id: reply_id.to_owned(),
            verb: ReplyVerb::ReportFalse,
            cause: Some(Cause::Steam),
            reason: None,
            via: Via::Mqtt,
            figures: None,
        };
        let actor = Actor::Recipient("post2".into());
        let answer = self.handle.submit(actor, Input::Reply(reply)).await;
        answer.expect("accepted");
    }

    /// A detector reads fire, or no longer.
    pub(super) fn fire(&self, point: &str, fire: bool) {
        let conditions = Conditions {
            fire,
            ..Conditions::default()
        };
        self.read(point, conditions);
    }

    fn read(&self, point: &str, conditions: Conditions) {
        let reading = Reading::new(conditions, Quality::Good, self.handle.now().engine);
        self.handle.observe(&point.into(), reading);
    }

    /// The document once it satisfies `is`, within a bound.
    pub(super) async fn until(&self, prefix: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut changes = self.handle.changes();
        let everything = Audience {
            role: Role::Engineer,
            recipient: None,
        };
        let wait = async {
            loop {
                let documents = self.handle.snapshot(&everything).by_key;
                let found = documents
                    .iter()
                    .filter(|(key, _)| key.starts_with(prefix))
                    .map(|(_, text)| serde_json::from_str(text).expect("JSON"))
                    .find(|document| is(document));
                if let Some(found) = found {
                    return found;
                }
                // A lagging reader looks again at once.
                let _ = changes.recv().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait)
            .await
            .unwrap_or_else(|_| panic!("no such {prefix} in time"))
    }

    /// Ends MQTT and waits for its tasks.
    pub(super) async fn stop_mqtt(&self) {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(Duration::from_secs(20), self.tracker.wait())
            .await
            .expect("every task ends");
    }
}

impl Drop for Campus {
    fn drop(&mut self) {
        self.stop.cancel();
        self.handle.stop();
        if let Some(engine) = self.engine.take() {
            engine.join();
        }
    }
}
