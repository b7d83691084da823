//! Orders and status over MQTT, and the broker inside the process (docs/asyncapi.yaml).
//!
//! Owns the link to the broker, what is published over it, and the embedded broker. It decides nothing: documents go out as the
//! engine committed them, replies and presences go in as inputs, and without any broker the daemon goes on.

mod broker;
mod courier;
mod endpoint;
mod link;
mod pace;
mod payload;
mod presence;
mod publish;
mod retry;
mod session;
#[cfg(test)]
mod tests;
mod times;
mod topics;
mod websocket;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::courier::Courier;
use self::endpoint::Endpoint;
use self::topics::Topics;
use crate::domain::settings::{Broker, MqttSettings};
use crate::domain::site::Site;
use crate::engine::handle::Handle;

/// How long the broker inside outlives the link to it.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What MQTT needs to run.
pub struct MqttParts {
    /// The site's files.
    pub site: Arc<Site>,
    /// Which broker.
    pub settings: MqttSettings,
    /// The engine.
    pub handle: Handle,
    /// Ends everything.
    pub stop: CancellationToken,
    /// Counts the tasks.
    pub tracker: TaskTracker,
}

/// Where the embedded broker listens; nothing for an external one, or while it cannot be bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MqttAddresses {
    /// TCP.
    pub tcp: Option<SocketAddr>,
    /// WebSocket, path `/mqtt`.
    pub websocket: Option<SocketAddr>,
}

/// Starts the broker, when it is inside, and the link to it. A broker that cannot be opened now is tried again; it never keeps
/// the daemon from running.
///
/// # Errors
/// The settings cannot be used: a site id that fits no topic, an address without a port, a system without randomness.
pub async fn start(parts: MqttParts) -> io::Result<MqttAddresses> {
    let MqttParts {
        site,
        settings,
        handle,
        stop,
        tracker,
    } = parts;
    let topics = Topics::new(&site.id).ok_or_else(|| unusable("the site's id fits no topic"))?;
    match settings.broker {
        Broker::None => {
            tracing::warn!("there is no broker; orders go over HTTP to the pages that are open");
            Ok(MqttAddresses::default())
        }
        Broker::External {
            address,
            user,
            password_file,
        } => {
            let endpoint = Endpoint::external(&address, user, password_file)?;
            tracker.spawn(carry(topics, site, handle, endpoint, stop));
            Ok(MqttAddresses::default())
        }
        Broker::Embedded { listen, websocket } => {
            let place = broker::Place {
                tcp: listen,
                websocket,
            };
            let embedded = Embedded {
                topics,
                site,
                handle,
                place,
            };
            embedded.start(stop, &tracker).await
        }
    }
}

/// A broker inside and the link to it.
struct Embedded {
    topics: Topics,
    site: Arc<Site>,
    handle: Handle,
    place: broker::Place,
}

impl Embedded {
    async fn start(
        self,
        stop: CancellationToken,
        tracker: &TaskTracker,
    ) -> io::Result<MqttAddresses> {
        let token = token()?;
        let gate = broker::Gate::new(
            self.topics.clone(),
            Arc::clone(&self.site),
            self.handle.clone(),
            &token,
        );
        let gate = Arc::new(gate);
        let opened = broker::Server::open(self.place, Arc::clone(&gate)).await;
        let mut place = self.place;
        let mut addresses = MqttAddresses::default();
        let mut server = match opened {
            Ok(server) => {
                place = server.place();
                addresses.tcp = Some(place.tcp);
                addresses.websocket = Some(place.websocket);
                tracing::info!(tcp = %place.tcp, websocket = %place.websocket, "the broker listens");
                Some(server)
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the broker cannot be opened; trying again"
                );
                None
            }
        };
        let (up, address) = watch::channel(None);
        // The courier goes first, so that its last words still find a broker.
        let broker_stop = CancellationToken::new();
        let ends = broker_stop.clone();
        tracker.spawn(async move {
            let broker = || {
                let gate = Arc::clone(&gate);
                broker::keep(place, gate, server.take(), up.clone(), ends.clone())
            };
            retry::revive("broker", &ends, broker).await;
        });
        let endpoint = Endpoint::Embedded { address, token };
        let courier = carry(self.topics, self.site, self.handle, endpoint, stop);
        tracker.spawn(async move {
            let _broker = broker_stop.drop_guard();
            courier.await;
            // The broker has the last words; those who listen get them a moment later.
            tokio::time::sleep(LAST_WORDS).await;
        });
        Ok(addresses)
    }
}

/// A courier until the daemon stops, and another one when it fails.
async fn carry(
    topics: Topics,
    site: Arc<Site>,
    handle: Handle,
    endpoint: Endpoint,
    stop: CancellationToken,
) {
    let endpoint = Arc::new(endpoint);
    let courier = || {
        let (topics, site, handle) = (topics.clone(), Arc::clone(&site), handle.clone());
        Courier::new(topics, site, handle, Arc::clone(&endpoint), stop.clone()).keep()
    };
    retry::revive("courier", &stop, courier).await;
}

/// 256 random bits that nobody else ever sees.
fn token() -> io::Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn unusable(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
