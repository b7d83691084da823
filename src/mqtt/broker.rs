//! The broker inside the process: the only file that names `mqtt5`.
//!
//! Owns its two listeners and who may come in. It never stops the daemon: what it cannot open is tried again. It keeps everything
//! in memory and goes with the process: every order, alarm and status comes again from the documents (publish.rs), devices come
//! back by themselves and say so, and a reply is said again until the order lists it. So nothing here waits for a disk.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use mqtt5::QoS;
use mqtt5::broker::auth::AuthProvider;
use mqtt5::broker::client_handler::ClientHandler;
use mqtt5::broker::config::StorageBackend as Storage;
use mqtt5::broker::events::{BrokerEventHandler, ClientPublishEvent, PublishAction};
use mqtt5::broker::transport::BrokerTransport;
use mqtt5::broker::websocket_server::WebSocketStreamWrapper;
use mqtt5::broker::{AuthResult, BrokerConfig, MqttBroker, StorageConfig};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::packet::publish::PublishPacket;
use mqtt5::protocol::v5::reason_codes::ReasonCode;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::payload::PAYLOAD_MAX;
use super::retry::Backoff;
use super::topics::{DAEMON, Topics, is_client_of};
use super::websocket;
use crate::domain::site::Site;
use crate::engine::handle::Handle;

/// Most clients at once: every recipient with a few devices, and some displays.
const CLIENTS_MAX: usize = 1_000;
/// Largest packet from anybody.
const PACKET_MAX: usize = 1024 * 1024;
/// Most filters that one client may subscribe to.
const SUBSCRIPTIONS_MAX: usize = 32;
/// Most retained messages: points, links, open orders and presences of a large campus.
const RETAINED_MAX: usize = 100_000;
/// Most messages kept for one client that is away; the oldest goes first, and open orders are retained besides.
const QUEUED_MAX: usize = 1_000;
/// Most bytes kept for one client that is away.
const QUEUED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long the session of a device that is away is kept.
const SESSION_KEPT: Duration = Duration::from_hours(24);

/// Why the broker does not run.
#[derive(Debug, Error)]
pub(super) enum BrokerError {
    /// A listener cannot be bound.
    #[error("{address} cannot be listened on")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The broker itself does not start or go on.
    #[error("the broker does not run: {0}")]
    Broker(#[from] mqtt5::MqttError),
    /// The broker has no address after it was bound.
    #[error("the broker has no address")]
    NoAddress,
}

/// Where the broker listens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// TCP.
    pub(super) tcp: SocketAddr,
    /// WebSocket.
    pub(super) websocket: SocketAddr,
}

/// Who may come in, and what each may read and write.
pub(super) struct Gate {
    topics: Topics,
    site: Arc<Site>,
    handle: Handle,
    /// SHA-256 of the token that the daemon's own link was given at start.
    daemon: String,
}

impl Gate {
    /// A gate that knows the devices of the engine's people, and the daemon by its token.
    pub(super) fn new(topics: Topics, site: Arc<Site>, handle: Handle, token: &str) -> Self {
        let daemon = sha256(token.as_bytes());
        Self {
            topics,
            site,
            handle,
            daemon,
        }
    }

    /// Device tokens are random 256 bits, so a fast hash is enough, nothing slow stands between a guard and his order, and
    /// guessing needs no lock-out: with one, anybody could lock a post out by its name.
    fn admits(&self, user: &str, password: &[u8], client: &str) -> Result<(), ReasonCode> {
        let hash = sha256(password);
        if user == DAEMON {
            let known = hash == self.daemon;
            return known.then_some(()).ok_or(ReasonCode::BadUsernameOrPassword);
        }
        let recipients = &self.site.recipients;
        let known = recipients.contains_key(user)
            && self.handle.people(|people| {
                let device = people.devices.get(&hash);
                device.is_some_and(|device| device.recipient.as_str() == user)
            });
        if !known {
            return Err(ReasonCode::BadUsernameOrPassword);
        }
        let ids = recipients.keys().map(|id| id.as_str());
        is_client_of(client, user, ids)
            .then_some(())
            .ok_or(ReasonCode::ClientIdentifierNotValid)
    }
}

fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl AuthProvider for Gate {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        address: SocketAddr,
    ) -> Later<'a, mqtt5::Result<AuthResult>> {
        let user = connect.username.as_deref().unwrap_or_default();
        let password = connect.password.as_deref().unwrap_or_default();
        let result = match self.admits(user, password, &connect.client_id) {
            Ok(()) => AuthResult::success_with_user(user),
            Err(reason) => {
                tracing::debug!(mqtt.user = user, %address, ?reason, "a client was refused");
                AuthResult::fail(reason)
            }
        };
        Box::pin(std::future::ready(Ok(result)))
    }

    fn authorize_publish<'a>(
        &'a self,
        _client: &str,
        user: Option<&'a str>,
        topic: &'a str,
    ) -> Later<'a, bool> {
        let may = user.is_some_and(|user| self.topics.may_publish(user, topic));
        Box::pin(std::future::ready(may))
    }

    fn authorize_subscribe<'a>(
        &'a self,
        _client: &str,
        user: Option<&'a str>,
        filter: &'a str,
    ) -> Later<'a, bool> {
        let may = user.is_some_and(|user| self.topics.may_subscribe(user, filter));
        Box::pin(std::future::ready(may))
    }
}

/// What a recipient publishes is small, and only its presence is retained: else one device could fill the broker's memory.
struct Customs;

impl BrokerEventHandler for Customs {
    fn on_client_publish<'a>(&'a self, event: ClientPublishEvent) -> Later<'a, PublishAction> {
        Box::pin(std::future::ready(inspect(event)))
    }
}

fn inspect(event: ClientPublishEvent) -> PublishAction {
    if event.user_id.as_deref() == Some(DAEMON) {
        return PublishAction::Continue;
    }
    if event.payload.len() > PAYLOAD_MAX {
        return PublishAction::Handled;
    }
    let is_presence = event.topic.split('/').nth(3) == Some("presence");
    if !event.retain || is_presence {
        return PublishAction::Continue;
    }
    let mut packet = PublishPacket::new(event.topic.to_string(), event.payload, event.qos);
    packet.packet_id = event.packet_id;
    PublishAction::Transform(packet)
}

/// A broker that is bound and not yet running.
pub(super) struct Server {
    broker: MqttBroker,
    config: Arc<BrokerConfig>,
    gate: Arc<Gate>,
    websocket: TcpListener,
    place: Place,
}

impl Server {
    /// Binds both listeners.
    pub(super) async fn open(mut place: Place, gate: Arc<Gate>) -> Result<Self, BrokerError> {
        // The broker would go on without a WebSocket that it cannot bind, and finish one handshake before it accepts the next
        // connection: one silent socket would keep every guard's page out. So this listener is ours.
        let address = place.websocket;
        let websocket = TcpListener::bind(address)
            .await
            .map_err(|source| BrokerError::Listen { address, source })?;
        place.websocket = websocket
            .local_addr()
            .map_err(|source| BrokerError::Listen { address, source })?;
        let config = config(place);
        let broker = MqttBroker::with_config(config.clone())
            .await?
            .with_auth_provider(Arc::clone(&gate) as Arc<dyn AuthProvider>);
        place.tcp = broker.local_addr().ok_or(BrokerError::NoAddress)?;
        Ok(Self {
            broker,
            config: Arc::new(config),
            gate,
            websocket,
            place,
        })
    }

    /// Where it really listens.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Serves until `stop`.
    pub(super) async fn run(
        self,
        stop: &CancellationToken,
        up: &watch::Sender<Option<SocketAddr>>,
    ) -> Result<(), BrokerError> {
        let Self {
            mut broker,
            config,
            gate,
            websocket,
            place,
        } = self;
        let door = Door {
            config,
            gate,
            router: broker.router(),
            storage: broker.storage(),
            stats: broker.stats(),
            monitor: broker.resource_monitor(),
            closing: broadcast::channel(1).0,
            clients: TaskTracker::new(),
        };
        let closer = broker.shutdown_handle();
        let mut ready = broker.ready_receiver();
        let serve = broker.run();
        tokio::pin!(serve);
        let outcome = tokio::select! {
            outcome = &mut serve => outcome,
            () = async {
                // The sender lives in the broker that is polled beside this.
                let _ = ready.wait_for(|ready| *ready).await;
                up.send_replace(Some(place.tcp));
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = door.accept(&websocket) => {}
                }
            } => {
                closer.shutdown();
                serve.await
            }
        };
        up.send_replace(None);
        door.close().await;
        Ok(outcome?)
    }
}

/// What a WebSocket client is handed over to.
struct Door {
    config: Arc<BrokerConfig>,
    gate: Arc<Gate>,
    router: Arc<mqtt5::broker::router::MessageRouter>,
    storage: Option<Arc<mqtt5::broker::DynamicStorage>>,
    stats: Arc<mqtt5::broker::sys_topics::BrokerStats>,
    monitor: Arc<mqtt5::broker::ResourceMonitor>,
    closing: broadcast::Sender<()>,
    clients: TaskTracker,
}

impl Door {
    /// Takes in WebSocket clients, each in a task of its own from its first byte.
    async fn accept(&self, listener: &TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, address)) => {
                    if self.clients.len() < CLIENTS_MAX
                        && self.monitor.can_accept_connection(address.ip()).await
                    {
                        self.admit(stream, address);
                    } else {
                        tracing::warn!(%address, "too many clients; a WebSocket was turned away");
                    }
                }
                Err(error) => {
                    // Out of file descriptors or a connection that died early: others may come in later.
                    tracing::warn!(%error, "a WebSocket could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, address: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%address, %error, "a socket keeps its delay");
        }
        let (config, gate) = (Arc::clone(&self.config), Arc::clone(&self.gate));
        let (router, storage) = (Arc::clone(&self.router), self.storage.clone());
        let (stats, monitor) = (Arc::clone(&self.stats), Arc::clone(&self.monitor));
        let mut closing = self.closing.subscribe();
        let closing_client = self.closing.subscribe();
        self.clients.spawn(async move {
            let socket = tokio::select! {
                socket = websocket::handshake(stream, address) => socket,
                _ = closing.recv() => None,
            };
            let Some(socket) = socket else { return };
            let transport = BrokerTransport::websocket(WebSocketStreamWrapper::new(socket));
            let client = ClientHandler::new(
                transport,
                address,
                config,
                router,
                gate,
                storage,
                stats,
                monitor,
                closing_client,
            );
            if let Err(error) = client.run().await {
                tracing::debug!(%address, %error, "a WebSocket client ended");
            }
        });
    }

    /// Sends every WebSocket client away.
    async fn close(self) {
        // Nobody may be there.
        let _ = self.closing.send(());
        self.clients.close();
        let ended = tokio::time::timeout(Duration::from_secs(2), self.clients.wait()).await;
        if ended.is_err() {
            tracing::warn!("some WebSocket clients did not end in time");
        }
    }
}

fn config(place: Place) -> BrokerConfig {
    let storage = StorageConfig {
        backend: Storage::Memory,
        max_queued_messages_per_client: QUEUED_MAX,
        max_queued_bytes_per_client: QUEUED_BYTES_MAX,
        ..StorageConfig::default()
    };
    // `allow_anonymous` stays true: without password files the broker refuses to start otherwise, and the gate is set before it
    // runs and refuses whoever has no name.
    BrokerConfig {
        bind_addresses: vec![place.tcp],
        max_clients: CLIENTS_MAX,
        session_expiry_interval: SESSION_KEPT,
        max_packet_size: PACKET_MAX,
        maximum_qos: QoS::AtLeastOnce as u8,
        shared_subscription_available: false,
        max_subscriptions_per_client: SUBSCRIPTIONS_MAX,
        max_retained_messages: RETAINED_MAX,
        max_retained_message_size: PACKET_MAX,
        storage_config: storage,
        sys_topics_enabled: false,
        event_handler: Some(Arc::new(Customs)),
        ..BrokerConfig::default()
    }
}

/// Keeps the broker running: whatever ends it is logged once, and it is opened again, with longer and longer pauses.
pub(super) async fn keep(
    mut place: Place,
    gate: Arc<Gate>,
    mut server: Option<Server>,
    up: watch::Sender<Option<SocketAddr>>,
    stop: CancellationToken,
) {
    let mut backoff = Backoff::default();
    let mut failures = 0;
    while !stop.is_cancelled() {
        let opened = match server.take() {
            Some(server) => Ok(server),
            None => Server::open(place, Arc::clone(&gate)).await,
        };
        let outcome = match opened {
            Ok(server) => {
                // Clients find it at the same port again when the system chose one.
                place = server.place();
                if failures > 0 {
                    tracing::info!(tcp = %place.tcp, "the broker runs again");
                }
                let outcome = server.run(&stop, &up).await;
                if outcome.is_ok() {
                    (failures, backoff) = (0, Backoff::default());
                }
                outcome
            }
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            failures += 1;
            if failures == 1 {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the broker does not run; trying again"
                );
            }
        }
        backoff.pause(&stop).await;
    }
}
