//! The frames of a serial line behind a gateway that passes bytes on. The gateway keeps the silences of its line.
//!
//! The connection survives a reply that is late or wrong, as a port does: a new one would flush nothing behind the gateway. After
//! several silences in a row it is made anew, because the gateway itself may be gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::fault::{Failure, Fault, Tally};
use super::pdu::Reply;
use super::rtu::{self, Asked};
use super::stream;
use super::transport::{Ask, Way};
use crate::field::trace::{Ring, Verdict};

/// Exchanges without a reply after which the connection is made anew.
const MISSES_MAX: u32 = 3;
/// A frame that pauses for so long is not waited for if the reply stands behind it.
const PAUSE: Duration = Duration::from_millis(30);
/// Most bytes that are listened to for one reply: two whole frames.
const BYTES_MAX: usize = 512;
/// Behind a reply no more is waited for than this.
const BABBLE: Duration = Duration::from_secs(1);

/// An open connection that owes nothing.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// When it last heard something.
    last: Instant,
    misses: u32,
    ring: Arc<Ring>,
}

/// A connection with a request in flight.
#[derive(Debug)]
pub(crate) struct Sent {
    connection: Connection,
    asked: Asked,
    deadline: Instant,
    settle: Duration,
    tally: Tally,
}

/// A failure, what was heard, and the connection if it is still good.
pub(crate) type Failed = (Failure, Tally, Option<Connection>);

impl Connection {
    /// Connects to `host:port`.
    pub(crate) async fn open(address: &str, way: &Way) -> Result<Self, Fault> {
        Ok(Self {
            stream: stream::open(address, way.limit, way.pause).await?,
            last: Instant::now(),
            misses: 0,
            ring: Arc::clone(&way.ring),
        })
    }

    /// Sends a request. Until this returns nothing is known but that bytes may have left.
    pub(crate) async fn send(mut self, ask: Ask) -> Result<Sent, Failed> {
        stream::rest_until(self.last + ask.gap).await;
        let mut tally = Tally::default();
        match self.write(&ask, &mut tally).await {
            Ok((asked, deadline)) => Ok(Sent {
                connection: self,
                asked,
                deadline,
                settle: ask.settle,
                tally,
            }),
            Err(failure) => {
                stream::give_up(self.stream);
                Err((failure, tally, None))
            }
        }
    }

    async fn write(&mut self, ask: &Ask, tally: &mut Tally) -> Result<(Asked, Instant), Failure> {
        let not_left = |fault| Failure {
            has_left: false,
            fault,
        };
        let strays = stream::drain(&self.stream).map_err(not_left)?;
        if !strays.is_empty() {
            self.ring.heard(&strays, Verdict::Stray);
            tally.strays += 1;
            tally.is_out_of_turn |= rtu::has_frame(&strays);
        }
        let asked = Asked::new(ask.unit, ask.request.clone(), false);
        let asked = asked.ok_or(not_left(Fault::Unreachable))?;
        let asked = asked.accepting(ask.lenient);
        let deadline = Instant::now() + ask.limit;
        let frame = asked.encode();
        tracing::trace!(bytes = ?frame, "request");
        stream::write(&mut self.stream, &frame, deadline).await?;
        self.ring.sent(&frame);
        Ok((asked, deadline))
    }
}

impl Sent {
    /// Waits for the reply.
    pub(crate) async fn reply(mut self) -> Result<(Connection, Reply, Tally), Failed> {
        match self.listen().await {
            Ok(reply) => {
                self.connection.misses = 0;
                Ok((self.connection, reply, self.tally))
            }
            Err((fault, is_good)) => {
                let failure = Failure {
                    has_left: true,
                    fault,
                };
                self.connection.misses += 1;
                if is_good && self.connection.misses < MISSES_MAX {
                    return Err((failure, self.tally, Some(self.connection)));
                }
                stream::give_up(self.connection.stream);
                Err((failure, self.tally, None))
            }
        }
    }

    /// A fault, and whether the connection is still good.
    async fn listen(&mut self) -> Result<Reply, (Fault, bool)> {
        let mut bytes = Vec::with_capacity(64);
        loop {
            let pause = Instant::now() + PAUSE;
            let until = if bytes.is_empty() {
                self.deadline
            } else {
                self.deadline.min(pause)
            };
            let taken = self.take(&mut bytes, until).await;
            let has_more = taken.map_err(|fault| self.ended(&bytes, fault))?;
            let look = self.asked.look(&bytes, !has_more && !bytes.is_empty());
            if look.reply.is_some() {
                self.listen_on(&mut bytes).await;
                return self.concluded(&bytes);
            }
            if Instant::now() >= self.deadline || bytes.len() > BYTES_MAX {
                return self.concluded(&bytes);
            }
        }
    }

    /// Takes what comes behind a reply, until the line has been silent for as long as was asked. An end of the connection takes nothing
    /// from what was heard; the next request meets it.
    async fn listen_on(&mut self, bytes: &mut Vec<u8>) {
        let patience = Instant::now() + self.settle + BABBLE;
        while bytes.len() <= BYTES_MAX {
            let until = patience.min(self.connection.last + self.settle);
            if Instant::now() >= until || self.take(bytes, until).await.is_err() {
                break;
            }
        }
    }

    /// Reads what comes until then; false when nothing does.
    async fn take(&mut self, bytes: &mut Vec<u8>, until: Instant) -> Result<bool, Fault> {
        match timeout_at(until, self.connection.stream.read_buf(bytes)).await {
            Ok(Ok(0)) => Err(Fault::Reset),
            Ok(Ok(_)) => {
                self.connection.last = Instant::now();
                Ok(true)
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_elapsed) => Ok(false),
        }
    }

    fn concluded(&mut self, bytes: &[u8]) -> Result<Reply, (Fault, bool)> {
        let concluded = self.asked.conclude(bytes, &mut self.tally);
        tracing::trace!(?bytes, ?concluded, "heard");
        self.connection.ring.heard(bytes, &concluded);
        concluded.map_err(|fault| (fault, true))
    }

    fn ended(&self, bytes: &[u8], fault: Fault) -> (Fault, bool) {
        self.connection.ring.heard(bytes, fault);
        (fault, false)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::super::pdu::{Lenient, Request};
    use super::*;
    use crate::field::testing::Engine;

    #[tokio::test]
    async fn a_reply_is_kept_when_the_gateway_closes_behind_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let engine = Engine::start();
        let way = Way {
            limit: Duration::from_secs(5),
            pause: Duration::ZERO,
            ring: Arc::new(Ring::new(engine.handle.clone())),
        };
        let address = listener.local_addr().unwrap().to_string();
        let connection = Connection::open(&address, &way).await.unwrap();
        let (mut gateway, _) = listener.accept().await.unwrap();
        let ask = Ask {
            unit: 17,
            request: Request::WriteCoil {
                address: 3,
                value: 0xFF00,
            },
            limit: way.limit,
            gap: Duration::ZERO,
            settle: Duration::from_secs(5),
            lenient: Lenient::default(),
        };
        let sent = connection.send(ask.clone()).await.unwrap();
        let mut echo = [0_u8; 8];
        gateway.read_exact(&mut echo).await.unwrap();
        gateway.write_all(&echo).await.unwrap();
        drop(gateway);
        let (connection, reply, _) = sent.reply().await.unwrap();
        assert_eq!(reply, Reply::Written);
        let (failure, ..) = connection.send(ask).await.unwrap_err();
        assert!(!failure.has_left);
    }
}
