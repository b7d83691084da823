//! The frames of a serial line behind a gateway that passes bytes on. The gateway keeps the silences of its line.
//!
//! The connection survives a reply that is late or wrong, as a port does: a new one would flush nothing behind the gateway. After
//! several silences in a row it is made anew, because the gateway itself may be gone.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::fault::{Failure, Fault, Tally};
use super::pdu::Reply;
use super::rtu::Asked;
use super::transport::Ask;

/// Exchanges without a reply after which the connection is made anew.
const MISSES_MAX: u32 = 3;
/// A frame that pauses for so long is not waited for if the reply stands behind it.
const PAUSE: Duration = Duration::from_millis(30);
/// Most bytes that are listened to for one reply: two whole frames.
const BYTES_MAX: usize = 512;

/// An open connection that owes nothing.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// When it last heard something.
    last: Instant,
    misses: u32,
}

/// A connection with a request in flight.
#[derive(Debug)]
pub(crate) struct Sent {
    connection: Connection,
    asked: Asked,
    deadline: Instant,
    tally: Tally,
}

/// A failure, what was heard, and the connection if it is still good.
pub(crate) type Failed = (Failure, Tally, Option<Connection>);

impl Connection {
    /// Connects to `host:port`.
    pub(crate) async fn open(address: &str, limit: Duration) -> Result<Self, Fault> {
        let stream = match timeout(limit, TcpStream::connect(address)).await {
            Ok(connected) => connected?,
            Err(_elapsed) => return Err(Fault::Timeout),
        };
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            last: Instant::now(),
            misses: 0,
        })
    }

    /// Sends a request. Until this returns nothing is known but that bytes may have left.
    pub(crate) async fn send(mut self, ask: Ask) -> Result<Sent, Failed> {
        sleep_until(self.last + ask.gap).await;
        let failed = |has_left, fault| (Failure { has_left, fault }, Tally::default(), None);
        let tally = Tally {
            strays: drain(&self.stream).map_err(|fault| failed(false, fault))?,
            ..Tally::default()
        };
        let Some(asked) = Asked::new(ask.unit, ask.request, false) else {
            return Err(failed(false, Fault::Unreachable));
        };
        let deadline = Instant::now() + ask.limit;
        let frame = asked.encode();
        tracing::trace!(bytes = ?frame, "request");
        let mut rest = frame.as_slice();
        while !rest.is_empty() {
            let has_left = rest.len() < frame.len();
            let written = match timeout_at(deadline, self.stream.write(rest)).await {
                Ok(Ok(0)) => Err(Fault::Reset),
                Ok(written) => written.map_err(Fault::from),
                Err(_elapsed) => Err(Fault::Timeout),
            };
            let written = written.map_err(|fault| failed(has_left, fault))?;
            rest = rest.get(written..).unwrap_or_default();
        }
        Ok(Sent {
            connection: self,
            asked,
            deadline,
            tally,
        })
    }
}

/// Throws away what nobody has asked for; 1 when there was something.
fn drain(stream: &TcpStream) -> Result<u32, Fault> {
    let mut bytes = [0_u8; 256];
    let mut strays = 0;
    loop {
        match rustix::io::read(stream, &mut bytes) {
            Ok(0) => return Err(Fault::Reset),
            Ok(_) => strays = 1,
            Err(rustix::io::Errno::AGAIN) => return Ok(strays),
            Err(error) => return Err(std::io::Error::from(error).into()),
        }
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
                let is_good = is_good && self.connection.misses < MISSES_MAX;
                Err((failure, self.tally, is_good.then_some(self.connection)))
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
            let read = timeout_at(until, self.connection.stream.read_buf(&mut bytes)).await;
            let is_quiet = match read {
                Ok(Ok(0)) => return Err((Fault::Reset, false)),
                Ok(Ok(_)) => {
                    self.connection.last = Instant::now();
                    false
                }
                Ok(Err(error)) => return Err((error.into(), false)),
                Err(_elapsed) => !bytes.is_empty(),
            };
            let look = self.asked.look(&bytes, is_quiet);
            if let Some(reply) = look.reply {
                tracing::trace!(?bytes, "reply");
                self.tally.noise += look.noise;
                self.tally.strays += u32::from(look.has_rest);
                self.tally.wrong = look.wrong;
                return Ok(reply);
            }
            if Instant::now() >= self.deadline || bytes.len() > BYTES_MAX {
                tracing::trace!(?bytes, "no reply in time");
                self.tally.noise += self.asked.look(&bytes, true).noise;
                let fault = self.asked.verdict(&bytes);
                return Err((fault.map_or(Fault::Timeout, Fault::Bad), true));
            }
        }
    }
}
