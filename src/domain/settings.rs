//! What fengsui.toml says of the daemon itself; each adapter gets its own slice.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where the journal and the spool are.
    pub data: PathBuf,
    /// HTTP.
    pub http: HttpSettings,
    /// MQTT.
    pub mqtt: MqttSettings,
}

/// The HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Cookies only over TLS; off only where a page is opened by `http://` on loopback.
    pub secure_cookies: bool,
    /// A verb that weakens protection asks for the password again when it was last given longer ago.
    pub step_up: Duration,
}

/// The MQTT link and, when it is inside, the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttSettings {
    /// Which broker.
    pub broker: Broker,
    /// What the guard page is told: the broker's port for WebSockets on the host that it was loaded from. 0: it uses HTTP alone.
    pub websocket_port: u16,
}

/// Which broker carries the orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broker {
    /// None at all: orders go over HTTP to the pages that are open.
    None,
    /// Inside this process.
    Embedded {
        /// TCP.
        listen: SocketAddr,
        /// WebSocket.
        websocket: SocketAddr,
    },
    /// Another process.
    External {
        /// `host:port`.
        address: String,
        /// User name of the daemon.
        user: String,
        /// File that holds the password; never readable by others.
        password_file: PathBuf,
    },
}
