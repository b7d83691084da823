//! One connection of Modbus TCP, with at most one request in flight.
//!
//! A connection is used up by its request and given back only with a right reply. Whatever else happens (silence, a wrong byte,
//! a reset) the connection is gone, and with it every byte that might still come: an old reply can never answer a new request.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::fault::{Failure, Fault};
use super::mbap::{Asked, Progress};
use super::pdu::Reply;
use super::transport::Ask;

/// An open connection that owes nothing.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    transaction: u16,
    /// When it last heard something.
    last: Instant,
}

impl Connection {
    /// Connects to `host:port`.
    pub(crate) async fn open(address: &str, limit: Duration) -> Result<Self, Fault> {
        let stream = match timeout(limit, TcpStream::connect(address)).await {
            Ok(connected) => connected?,
            Err(_elapsed) => return Err(Fault::Timeout),
        };
        // Requests are single small segments; none may wait for the acknowledgement of the one before.
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            transaction: 0,
            last: Instant::now(),
        })
    }

    /// Sends a request. Until this returns nothing is known but that bytes may have left.
    pub(crate) async fn send(self, ask: Ask) -> Result<Sent, Failure> {
        let Self {
            mut stream,
            transaction,
            last,
        } = self;
        sleep_until(last + ask.gap).await;
        let deadline = Instant::now() + ask.limit;
        let not_left = |fault| Failure {
            has_left: false,
            fault,
        };
        is_quiet(&stream).map_err(not_left)?;
        let asked = Asked {
            transaction: transaction.wrapping_add(1),
            unit: ask.unit,
            request: ask.request,
        };
        let frame = asked.encode();
        tracing::trace!(bytes = ?frame, "request");
        let mut rest = frame.as_slice();
        while !rest.is_empty() {
            let has_left = rest.len() < frame.len();
            let written = match timeout_at(deadline, stream.write(rest)).await {
                Ok(Ok(0)) => Err(Fault::Reset),
                Ok(written) => written.map_err(Fault::from),
                Err(_elapsed) => Err(Fault::Timeout),
            };
            let written = written.map_err(|fault| Failure { has_left, fault })?;
            rest = rest.get(written..).unwrap_or_default();
        }
        Ok(Sent {
            stream,
            asked,
            deadline,
        })
    }
}

/// A connection must be silent before a request. The socket itself is asked, because the runtime may not have heard yet that
/// the other side has closed: a command that is not sent is known to be not sent.
fn is_quiet(stream: &TcpStream) -> Result<(), Fault> {
    let mut byte = [0_u8; 1];
    match rustix::io::read(stream, &mut byte) {
        Ok(0) => Err(Fault::Reset),
        Ok(_) => Err(Fault::Unsolicited),
        Err(rustix::io::Errno::AGAIN) => Ok(()),
        Err(error) => Err(io::Error::from(error).into()),
    }
}

/// A connection with a request in flight.
#[derive(Debug)]
pub(crate) struct Sent {
    stream: TcpStream,
    asked: Asked,
    deadline: Instant,
}

impl Sent {
    /// Waits for the reply; gives the connection back with it.
    pub(crate) async fn reply(self) -> Result<(Connection, Reply), Failure> {
        let Self {
            mut stream,
            asked,
            deadline,
        } = self;
        match read(&mut stream, &asked, deadline).await {
            Ok(reply) => {
                let transaction = asked.transaction;
                let connection = Connection {
                    stream,
                    transaction,
                    last: Instant::now(),
                };
                Ok((connection, reply))
            }
            Err(fault) => Err(Failure {
                has_left: true,
                fault,
            }),
        }
    }
}

async fn read(stream: &mut TcpStream, asked: &Asked, deadline: Instant) -> Result<Reply, Fault> {
    let mut bytes = Vec::with_capacity(64);
    loop {
        let at_most = match asked.decode(&bytes).map_err(Fault::Bad)? {
            Progress::Done(reply) => {
                tracing::trace!(?bytes, "reply");
                return Ok(reply);
            }
            Progress::More(at_most) => u64::try_from(at_most).unwrap_or(1),
        };
        let mut rest = stream.take(at_most);
        match timeout_at(deadline, rest.read_buf(&mut bytes)).await {
            Ok(Ok(0)) => return Err(Fault::Reset),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error.into()),
            Err(_elapsed) => {
                tracing::trace!(?bytes, "no whole reply in time");
                return Err(Fault::Timeout);
            }
        }
    }
}
