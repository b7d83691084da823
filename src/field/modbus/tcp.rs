//! One connection of Modbus TCP, with at most one request in flight.
//!
//! A connection is used up by its request and given back only with a right reply. Whatever else happens (silence, a wrong byte,
//! a reset) the connection is gone, and with it every byte that might still come: an old reply can never answer a new request.

use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::fault::{Failure, Fault};
use super::mbap::{Asked, Progress};
use super::pdu::Reply;
use super::stream;
use super::transport::{Ask, Way};
use crate::field::trace::{Ring, Verdict};

/// An open connection that owes nothing.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    transaction: u16,
    /// When it last heard something.
    last: Instant,
    ring: Arc<Ring>,
}

impl Connection {
    /// Connects to `host:port`.
    pub(crate) async fn open(address: &str, way: &Way) -> Result<Self, Fault> {
        Ok(Self {
            stream: stream::open(address, way.limit, way.pause).await?,
            transaction: 0,
            last: Instant::now(),
            ring: Arc::clone(&way.ring),
        })
    }

    /// Sends a request. Until this returns nothing is known but that bytes may have left.
    pub(crate) async fn send(mut self, ask: Ask) -> Result<Sent, Failure> {
        stream::rest_until(self.last + ask.gap).await;
        let deadline = Instant::now() + ask.limit;
        let asked = Asked {
            transaction: self.transaction.wrapping_add(1),
            unit: ask.unit,
            request: ask.request,
            lenient: ask.lenient,
        };
        match self.write(&asked, deadline).await {
            Ok(()) => Ok(Sent {
                connection: self,
                asked,
                deadline,
            }),
            Err(failure) => {
                stream::give_up(self.stream);
                Err(failure)
            }
        }
    }

    async fn write(&mut self, asked: &Asked, deadline: Instant) -> Result<(), Failure> {
        let not_left = |fault| Failure {
            has_left: false,
            fault,
        };
        let strays = stream::drain(&self.stream).map_err(not_left)?;
        if !strays.is_empty() {
            self.ring.heard(&strays, Verdict::Stray);
            return Err(not_left(Fault::Unsolicited));
        }
        let frame = asked.encode();
        tracing::trace!(bytes = ?frame, "request");
        stream::write(&mut self.stream, &frame, deadline).await?;
        self.ring.sent(&frame);
        Ok(())
    }
}

/// A connection with a request in flight.
#[derive(Debug)]
pub(crate) struct Sent {
    connection: Connection,
    asked: Asked,
    deadline: Instant,
}

impl Sent {
    /// Waits for the reply; gives the connection back with it.
    pub(crate) async fn reply(self) -> Result<(Connection, Reply), Failure> {
        let Self {
            mut connection,
            asked,
            deadline,
        } = self;
        match read(&mut connection, &asked, deadline).await {
            Ok(reply) => {
                connection.transaction = asked.transaction;
                connection.last = Instant::now();
                Ok((connection, reply))
            }
            Err(fault) => {
                stream::give_up(connection.stream);
                Err(Failure {
                    has_left: true,
                    fault,
                })
            }
        }
    }
}

async fn read(
    connection: &mut Connection,
    asked: &Asked,
    deadline: Instant,
) -> Result<Reply, Fault> {
    let Connection { stream, ring, .. } = connection;
    let mut bytes = Vec::with_capacity(64);
    loop {
        let progress = asked.decode(&bytes).map_err(|bad| {
            ring.heard(&bytes, bad);
            Fault::Bad(bad)
        })?;
        let at_most = match progress {
            Progress::Done(reply) => {
                tracing::trace!(?bytes, "reply");
                ring.heard(&bytes, &reply);
                return Ok(reply);
            }
            Progress::More(at_most) => u64::try_from(at_most).unwrap_or(1),
        };
        let mut rest = stream.take(at_most);
        let fault = match timeout_at(deadline, rest.read_buf(&mut bytes)).await {
            Ok(Ok(0)) => Fault::Reset,
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => error.into(),
            Err(_elapsed) => Fault::Timeout,
        };
        tracing::trace!(?bytes, %fault, "no whole reply");
        ring.heard(&bytes, fault);
        return Err(fault);
    }
}
