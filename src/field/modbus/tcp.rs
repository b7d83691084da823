//! One TCP connection to a Modbus device, with at most one request in flight.
//!
//! A connection is used up by its request and given back only with a right reply. Whatever else happens (silence, a wrong byte,
//! a reset) the connection is gone, and with it every byte that might still come: an old reply can never answer a new request.

use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::mbap::{Asked, Progress};
use super::pdu::{BadReply, Reply, Request};

/// Why there is no reply.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing came in time.
    #[error("no answer in time")]
    Timeout,
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// The other side ended the connection.
    #[error("connection ended by the other side")]
    Reset,
    /// No way there, or no such name.
    #[error("not reachable")]
    Unreachable,
    /// Bytes that nobody had asked for.
    #[error("bytes that nobody had asked for")]
    Unsolicited,
    /// A reply that is not the reply.
    #[error("wrong reply")]
    Bad(#[source] BadReply),
}

impl Fault {
    /// The word of the catalogue: `fault.link.{word}`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Unreachable => "unreachable",
            Self::Unsolicited | Self::Bad(_) => "bad_reply",
        }
    }
}

impl From<io::Error> for Fault {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the list of causes is open; what is not named here is told as unreachable"
    )]
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::Timeout,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
            | io::ErrorKind::UnexpectedEof => Self::Reset,
            _ => Self::Unreachable,
        }
    }
}

/// An exchange that gave no reply.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no reply")]
pub(crate) struct Failure {
    /// A byte of the request may have left this machine.
    pub(crate) has_left: bool,
    #[source]
    pub(crate) fault: Fault,
}

/// An open connection that owes nothing.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    transaction: u16,
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
        })
    }

    /// Sends a request. Until this returns nothing is known but that bytes may have left.
    pub(crate) async fn send(
        self,
        unit: u8,
        request: Request,
        limit: Duration,
    ) -> Result<Sent, Failure> {
        let deadline = Instant::now() + limit;
        let Self {
            mut stream,
            transaction,
        } = self;
        let not_left = |fault| Failure {
            has_left: false,
            fault,
        };
        is_quiet(&stream).map_err(not_left)?;
        let asked = Asked {
            transaction: transaction.wrapping_add(1),
            unit,
            request,
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
