//! The handshake of a WebSocket (RFC 6455), bounded in time and size, for the broker inside.
//!
//! The broker's own would wait for ever for one that says nothing and take 64 MiB from somebody whom it does not know yet.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

/// Where browsers find the broker (MQTT 5.0, 6.0).
const PATH: &str = "/mqtt";
/// The subprotocol of MQTT in WebSockets (MQTT 5.0, 6.0).
const PROTOCOL: &str = "mqtt";
/// How long a browser may take to ask for its WebSocket.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Largest message from a client; what a recipient sends is far smaller.
const MESSAGE_MAX: usize = 64 * 1024;

/// A WebSocket on a socket that asked for one in time.
pub(super) async fn handshake(
    stream: TcpStream,
    address: SocketAddr,
) -> Option<WebSocketStream<TcpStream>> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_MAX))
        .max_frame_size(Some(MESSAGE_MAX));
    let accepted = accept_hdr_async_with_config(stream, answer, Some(config));
    match tokio::time::timeout(HANDSHAKE, accepted).await {
        Ok(Ok(socket)) => Some(socket),
        Ok(Err(error)) => {
            tracing::debug!(%address, %error, "a socket asked for no WebSocket");
            None
        }
        Err(_late) => {
            tracing::debug!(%address, "a socket said nothing");
            None
        }
    }
}

fn answer(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    if request.uri().path() != PATH {
        let mut refusal = ErrorResponse::new(None);
        *refusal.status_mut() = StatusCode::NOT_FOUND;
        return Err(refusal);
    }
    let asked = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
    let asked = asked.and_then(|asked| asked.to_str().ok());
    if asked.is_some_and(|asked| asked.split(',').any(|one| one.trim() == PROTOCOL)) {
        let protocol = HeaderValue::from_static(PROTOCOL);
        let headers = response.headers_mut();
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    Ok(response)
}
