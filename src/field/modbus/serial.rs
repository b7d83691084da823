//! A serial line: its own thread, because its silences are shorter than a timer of the runtime is exact.
//!
//! Before every request the line has been silent for 3.5 characters since its last byte (V1.02, 2.5.1.1), or for the unit's own
//! gap; what comes in that time is stale: it is thrown away, counted, and the silence begins anew. A request that is under way
//! is never abandoned: the thread ends it by reply, error or time.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustix::event::PollFlags;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::fault::{Failure, Fault, Tally};
use super::pdu::Reply;
use super::rtu::{self, Asked};
use super::transport::{Ask, Way};
use crate::domain::line::SerialLine;
use crate::field::port::Port;
use crate::field::trace::{Ring, Verdict};

/// Above this speed the silences are fixed.
const FAST: u32 = 19_200;
const SILENCE_FAST: Duration = Duration::from_micros(1_750);
/// A line that is not silent for so long never is.
const BABBLE: Duration = Duration::from_secs(1);
/// A frame that pauses for so long is not waited for if the reply stands behind it. Longer than a USB adapter's latency.
const PAUSE: Duration = Duration::from_millis(30);
/// Most bytes that are listened to for one reply: two whole frames.
const BYTES_MAX: usize = 512;

/// Silence before a request: 3.5 characters of eleven bits, fixed above 19,200 bits per second.
fn silence(baud: u32) -> Duration {
    if baud > FAST {
        SILENCE_FAST
    } else {
        Duration::from_micros(38_500_000) / baud.max(1)
    }
}

/// A port that is open and owes nothing.
#[derive(Debug)]
pub(crate) struct Connection {
    jobs: mpsc::Sender<Job>,
}

/// A port with a request in flight.
#[derive(Debug)]
pub(crate) struct Sent {
    jobs: mpsc::Sender<Job>,
    reply: oneshot::Receiver<Result<Reply, Failure>>,
    heard: oneshot::Receiver<Tally>,
}

#[derive(Debug)]
struct Job {
    ask: Ask,
    sent: oneshot::Sender<Result<(), Failure>>,
    reply: oneshot::Sender<Result<Reply, Failure>>,
    heard: oneshot::Sender<Tally>,
}

/// A failure, what was heard, and the port if it is still open.
pub(crate) type Failed = (Failure, Tally, Option<Connection>);

const GONE: Failure = Failure {
    has_left: true,
    fault: Fault::Unplugged,
};

impl Connection {
    /// Opens the port on a thread of its own. What comes in the pause after it is stale when the first request wants silence.
    pub(crate) async fn open(line: &SerialLine, way: &Way) -> Result<Self, Fault> {
        let (jobs, todo) = mpsc::channel();
        let (opened, is_open) = oneshot::channel();
        let (line, ring) = (line.clone(), Arc::clone(&way.ring));
        thread::Builder::new()
            .name("serial line".into())
            .spawn(move || match Port::open(&line) {
                Ok(port) => {
                    if opened.send(Ok(())).is_ok() {
                        Wire::new(port, &line, ring).serve(&todo);
                    }
                }
                // Nobody waits any more: there is nobody to tell.
                Err(fault) => drop(opened.send(Err(fault))),
            })
            .map_err(|_| Fault::Unreachable)?;
        is_open.await.unwrap_or(Err(Fault::Unplugged))?;
        sleep(way.pause).await;
        Ok(Self { jobs })
    }

    /// Sends a request; returns when its last byte has been given to the port.
    pub(crate) async fn send(self, ask: Ask) -> Result<Sent, Failed> {
        let (sent, is_sent) = oneshot::channel();
        let (reply, replied) = oneshot::channel();
        let (heard, told) = oneshot::channel();
        let job = Job {
            ask,
            sent,
            reply,
            heard,
        };
        if self.jobs.send(job).is_err() {
            let failure = Failure {
                has_left: false,
                ..GONE
            };
            return Err((failure, Tally::default(), None));
        }
        match is_sent.await.unwrap_or(Err(GONE)) {
            Ok(()) => Ok(Sent {
                jobs: self.jobs,
                reply: replied,
                heard: told,
            }),
            Err(failure) => {
                let tally = told.await.unwrap_or_default();
                Err((failure, tally, kept(failure, self.jobs)))
            }
        }
    }
}

impl Sent {
    /// Waits for the reply.
    pub(crate) async fn reply(self) -> Result<(Connection, Reply, Tally), Failed> {
        let reply = self.reply.await.unwrap_or(Err(GONE));
        let tally = self.heard.await.unwrap_or_default();
        match reply {
            Ok(reply) => Ok((Connection { jobs: self.jobs }, reply, tally)),
            Err(failure) => Err((failure, tally, kept(failure, self.jobs))),
        }
    }
}

/// A port stays open after everything but its own end.
fn kept(failure: Failure, jobs: mpsc::Sender<Job>) -> Option<Connection> {
    (failure.fault != Fault::Unplugged).then_some(Connection { jobs })
}

/// The thread's side of the port.
struct Wire {
    port: Port,
    silence: Duration,
    character: Duration,
    echo: bool,
    /// When the line was last heard, or will have sent what was given to it.
    last: Instant,
    tally: Tally,
    ring: Arc<Ring>,
}

impl Wire {
    fn new(port: Port, line: &SerialLine, ring: Arc<Ring>) -> Self {
        Self {
            port,
            silence: silence(line.baud),
            character: Duration::from_secs(line.bits_per_character().into()) / line.baud.max(1),
            echo: line.echo,
            last: Instant::now(),
            tally: Tally::default(),
            ring,
        }
    }

    /// Until the bus drops its end or the port is gone.
    fn serve(mut self, todo: &mpsc::Receiver<Job>) {
        while let Ok(job) = todo.recv() {
            self.tally = Tally::default();
            let sent = self.send(&job.ask);
            let mut end = sent.as_ref().err().map(|failure| failure.fault);
            // The bus waits for each of these unless it has ended.
            let (sent, asked) = match sent {
                Ok(asked) => (Ok(()), Some(asked)),
                Err(failure) => (Err(failure), None),
            };
            let _ = job.sent.send(sent);
            if let Some(asked) = asked {
                let reply = self.listen(&asked, &job.ask);
                end = reply.as_ref().err().copied();
                let reply = reply.map_err(|fault| Failure {
                    has_left: true,
                    fault,
                });
                let _ = job.heard.send(self.tally);
                let _ = job.reply.send(reply);
            } else {
                let _ = job.heard.send(self.tally);
            }
            if end == Some(Fault::Unplugged) {
                return;
            }
        }
    }

    fn send(&mut self, ask: &Ask) -> Result<Asked, Failure> {
        let not_left = |fault| Failure {
            has_left: false,
            fault,
        };
        // There is no request to everybody, so none leaves.
        let asked = Asked::new(ask.unit, ask.request.clone(), self.echo);
        let asked = asked.ok_or_else(|| not_left(Fault::Unreachable))?;
        let asked = asked.accepting(ask.lenient);
        self.wait_for_silence(self.silence.max(ask.gap))
            .map_err(not_left)?;
        let frame = asked.encode();
        tracing::trace!(bytes = ?frame, "request");
        let deadline = Instant::now() + ask.limit;
        let mut rest = frame.as_slice();
        while !rest.is_empty() {
            let has_left = rest.len() < frame.len();
            let failed = |fault| Failure { has_left, fault };
            let count = self.port.write(rest).map_err(failed)?;
            rest = rest.get(count..).unwrap_or_default();
            if count == 0 && !self.port.wait(PollFlags::OUT, deadline).map_err(failed)? {
                return Err(failed(Fault::Timeout));
            }
        }
        self.last = Instant::now() + self.time_of(frame.len());
        self.ring.sent(&frame);
        Ok(asked)
    }

    /// Returns when the line has been silent for so long; what comes in that time is stale.
    fn wait_for_silence(&mut self, silence: Duration) -> Result<(), Fault> {
        let mut strays = Vec::new();
        let waited = self.hear_out(silence, &mut strays);
        self.tally.strays += u32::from(!strays.is_empty());
        self.tally.is_out_of_turn |= rtu::has_frame(&strays);
        waited
    }

    fn hear_out(&mut self, silence: Duration, strays: &mut Vec<u8>) -> Result<(), Fault> {
        let patience = Instant::now() + silence + BABBLE;
        let mut bytes = [0_u8; 256];
        loop {
            while let Some(count) = self.port.read(&mut bytes)? {
                let stale = bytes.get(..count).unwrap_or_default();
                tracing::trace!(bytes = ?stale, "stale");
                self.ring.heard(stale, Verdict::Stray);
                self.last = Instant::now();
                if strays.len() < BYTES_MAX {
                    strays.extend_from_slice(stale);
                }
                if self.last >= patience {
                    return Err(Fault::Babble);
                }
            }
            let until = self.last + silence;
            if Instant::now() >= until {
                return Ok(());
            }
            self.port.wait(PollFlags::IN, until)?;
        }
    }

    /// Listens until the reply is whole or the time is over. Time runs from the end of the request; what the reply itself takes on
    /// the line is added to it.
    fn listen(&mut self, asked: &Asked, ask: &Ask) -> Result<Reply, Fault> {
        let deadline = self.last + ask.limit + self.time_of(asked.reply_len());
        let mut bytes = Vec::with_capacity(64);
        loop {
            let pause = Instant::now() + PAUSE;
            let until = if bytes.is_empty() {
                deadline
            } else {
                deadline.min(pause)
            };
            let has_more = self.port.wait(PollFlags::IN, until)? && self.take(&mut bytes)?;
            let look = asked.look(&bytes, !has_more && !bytes.is_empty());
            if look.reply.is_some() {
                self.listen_on(&mut bytes, ask.settle)?;
                return self.concluded(asked, &bytes);
            }
            let is_over = Instant::now() >= deadline || bytes.len() > BYTES_MAX;
            if is_over {
                return self.concluded(asked, &bytes);
            }
        }
    }

    /// Takes what comes behind a reply, until the line has been silent for so long.
    fn listen_on(&mut self, bytes: &mut Vec<u8>, settle: Duration) -> Result<(), Fault> {
        let patience = Instant::now() + settle + BABBLE;
        while bytes.len() <= BYTES_MAX {
            let until = patience.min(self.last + settle);
            if Instant::now() >= until {
                break;
            }
            if self.port.wait(PollFlags::IN, until)? {
                self.take(bytes)?;
            }
        }
        Ok(())
    }

    /// Reads what has come.
    fn take(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Fault> {
        let mut piece = [0_u8; 256];
        let mut has_more = false;
        while let Some(count) = self.port.read(&mut piece)? {
            self.last = Instant::now();
            bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
            has_more = true;
            if bytes.len() > BYTES_MAX {
                break;
            }
        }
        Ok(has_more)
    }

    fn concluded(&mut self, asked: &Asked, bytes: &[u8]) -> Result<Reply, Fault> {
        let concluded = asked.conclude(bytes, &mut self.tally);
        tracing::trace!(?bytes, ?concluded, "heard");
        self.ring.heard(bytes, &concluded);
        concluded
    }

    /// How long so many characters take on the line.
    fn time_of(&self, characters: usize) -> Duration {
        self.character * u32::try_from(characters).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_silence_is_that_of_the_guide() {
        let micros = |baud| silence(baud).as_micros();
        assert_eq!([micros(9_600), micros(19_200)], [4_010, 2_005]);
        // Fixed above (V1.02, 2.5.1.1).
        assert_eq!([micros(38_400), micros(115_200)], [1_750, 1_750]);
    }
}
