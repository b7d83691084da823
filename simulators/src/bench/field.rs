//! Many panels on sockets that answer every read after the same time, from one thread: what a client can reach is then a matter of
//! the client alone.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use tokio::time::Instant;

use super::Measured;
use crate::wire::frame::{Asked, Framing};
use crate::wire::pdu;

/// How often the thread looks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);

/// How many panels, and how slow they are.
#[derive(Clone, Debug)]
pub struct FieldOptions {
    /// So many servers.
    pub servers: u16,
    /// The port of the first, the others follow; 0 for free ones.
    pub port: u16,
    /// From a request to its reply.
    pub delay: Duration,
    /// A server that accepts and never answers.
    pub dead: Option<u16>,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
pub struct FieldReport {
    /// Milliseconds since the start or the last reset.
    pub span_ms: f64,
    /// Requests of all servers.
    pub requests: u64,
    /// Registers that were given.
    pub registers: u64,
    /// Connections that were accepted.
    pub connections: u64,
    /// Bytes that were no request.
    pub bad_frames: u64,
    /// Requests of each server.
    pub by_server: Vec<u64>,
}

#[derive(Debug, Default)]
struct Server {
    requests: AtomicU64,
    registers: Vec<AtomicU16>,
}

#[derive(Debug)]
struct Shared {
    servers: Vec<Server>,
    registers: AtomicU64,
    connections: AtomicU64,
    bad_frames: AtomicU64,
    began: std::sync::Mutex<Instant>,
    stop: AtomicBool,
}

/// A field at work. Its thread ends with the process, or when it is stopped.
#[derive(Clone, Debug)]
pub struct BenchField(Arc<Shared>);

impl BenchField {
    /// Listens everywhere and starts the thread; returns with the addresses.
    ///
    /// # Errors
    /// When a port cannot be taken.
    pub fn start(options: &FieldOptions) -> io::Result<(Self, Vec<SocketAddr>)> {
        let mut listeners = Vec::new();
        for n in 0..options.servers {
            let port = match options.port {
                0 => 0,
                first => first.saturating_add(n),
            };
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
            listener.set_nonblocking(true)?;
            listeners.push(listener);
        }
        let addresses = listeners.iter().map(TcpListener::local_addr);
        let addresses = addresses.collect::<io::Result<_>>()?;
        let server = |_| Server {
            requests: AtomicU64::new(0),
            registers: (0..=u16::MAX).map(|_| AtomicU16::new(0)).collect(),
        };
        let shared = Arc::new(Shared {
            servers: (0..options.servers).map(server).collect(),
            registers: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            bad_frames: AtomicU64::new(0),
            began: std::sync::Mutex::new(Instant::now()),
            stop: AtomicBool::new(false),
        });
        let work = Loop {
            shared: Arc::clone(&shared),
            listeners,
            delay: options.delay,
            dead: options.dead.map(usize::from),
            connections: Vec::new(),
            due: VecDeque::new(),
        };
        thread::Builder::new()
            .name("bench field".into())
            .spawn(move || work.run())?;
        Ok((Self(shared), addresses))
    }

    /// Ends the thread.
    pub fn stop(&self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

impl Measured for BenchField {
    type Report = FieldReport;

    fn report(&self) -> FieldReport {
        let shared = &self.0;
        let began = *shared
            .began
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let by_server: Vec<u64> = shared
            .servers
            .iter()
            .map(|server| server.requests.load(Ordering::Relaxed))
            .collect();
        FieldReport {
            span_ms: began.elapsed().as_secs_f64() * 1000.0,
            requests: by_server.iter().sum(),
            registers: shared.registers.load(Ordering::Relaxed),
            connections: shared.connections.load(Ordering::Relaxed),
            bad_frames: shared.bad_frames.load(Ordering::Relaxed),
            by_server,
        }
    }

    fn reset(&self) {
        let shared = &self.0;
        *shared
            .began
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Instant::now();
        for server in &shared.servers {
            server.requests.store(0, Ordering::Relaxed);
        }
        for count in [&shared.registers, &shared.connections, &shared.bad_frames] {
            count.store(0, Ordering::Relaxed);
        }
    }

    fn put(&self, n: usize, address: u16, value: u16) -> bool {
        let server = self.0.servers.get(n);
        let register = server.and_then(|server| server.registers.get(usize::from(address)));
        register
            .map(|register| register.store(value, Ordering::Relaxed))
            .is_some()
    }
}

struct Connection {
    server: usize,
    stream: TcpStream,
    bytes: Vec<u8>,
    /// Tells a reply that is due from one of an earlier connection at the same place.
    serial: u64,
}

struct Due {
    at: Instant,
    place: usize,
    serial: u64,
    reply: Vec<u8>,
}

struct Loop {
    shared: Arc<Shared>,
    listeners: Vec<TcpListener>,
    delay: Duration,
    dead: Option<usize>,
    connections: Vec<Option<Connection>>,
    /// Every delay is the same, so the first in is the first out.
    due: VecDeque<Due>,
}

impl Loop {
    fn run(mut self) {
        while !self.shared.stop.load(Ordering::Relaxed) {
            self.send_due();
            if let Err(error) = self.turn() {
                tracing::error!(%error, "the field stops");
                return;
            }
        }
    }

    fn send_due(&mut self) {
        let now = Instant::now();
        while self.due.front().is_some_and(|due| due.at <= now) {
            let Some(due) = self.due.pop_front() else {
                return;
            };
            let Some(Some(connection)) = self.connections.get_mut(due.place) else {
                continue;
            };
            // A reply is shorter than any socket's buffer.
            if connection.serial == due.serial && connection.stream.write_all(&due.reply).is_err() {
                self.end(due.place);
            }
        }
    }

    fn end(&mut self, place: usize) {
        if let Some(slot) = self.connections.get_mut(place) {
            *slot = None;
        }
    }

    fn turn(&mut self) -> io::Result<()> {
        let wait = self.due.front().map_or(LOOK, |due| {
            LOOK.min(due.at.saturating_duration_since(Instant::now()))
        });
        let timespec = Timespec::try_from(wait).map_err(io::Error::other)?;
        let open: Vec<usize> = (0..self.connections.len())
            .filter(|place| self.connections.get(*place).is_some_and(Option::is_some))
            .collect();
        let ready = {
            let streams = self.connections.iter().flatten();
            let streams = streams.map(|one| PollFd::new(&one.stream, PollFlags::IN));
            let listeners = self.listeners.iter();
            let listeners = listeners.map(|one| PollFd::new(one, PollFlags::IN));
            let mut fds: Vec<PollFd<'_>> = streams.chain(listeners).collect();
            poll(&mut fds, Some(&timespec))?;
            let is_ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
            fds.iter().map(is_ready).collect::<Vec<bool>>()
        };
        let (streams, listeners) = ready.split_at(open.len().min(ready.len()));
        for (place, _) in open.iter().zip(streams).filter(|(_, ready)| **ready) {
            if self.hear(*place).is_err() {
                self.end(*place);
            }
        }
        for (server, _) in listeners.iter().enumerate().filter(|(_, ready)| **ready) {
            self.accept(server);
        }
        Ok(())
    }

    fn accept(&mut self, server: usize) {
        let Some(Ok((stream, _))) = self.listeners.get(server).map(TcpListener::accept) else {
            return;
        };
        if stream.set_nonblocking(true).is_err() || stream.set_nodelay(true).is_err() {
            return;
        }
        let serial = self.shared.connections.fetch_add(1, Ordering::Relaxed);
        let connection = Some(Connection {
            server,
            stream,
            bytes: Vec::new(),
            serial,
        });
        match self.connections.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => *slot = connection,
            None => self.connections.push(connection),
        }
    }

    fn hear(&mut self, place: usize) -> io::Result<()> {
        let Some(Some(connection)) = self.connections.get_mut(place) else {
            return Ok(());
        };
        let mut piece = [0_u8; 2_048];
        let count = match connection.stream.read(&mut piece) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        let now = Instant::now();
        connection
            .bytes
            .extend_from_slice(piece.get(..count).unwrap_or_default());
        while let Some(taken) = Framing::Tcp.take(&connection.bytes) {
            connection.bytes.drain(..taken.length);
            let Some(asked) = taken.asked else {
                self.shared.bad_frames.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            let Some(server) = self.shared.servers.get(connection.server) else {
                continue;
            };
            server.requests.fetch_add(1, Ordering::Relaxed);
            if self.dead == Some(connection.server) {
                continue;
            }
            let pdu = reply(server, &asked, &self.shared.registers);
            self.due.push_back(Due {
                at: now + self.delay,
                place,
                serial: connection.serial,
                reply: Framing::Tcp.wrap(asked.transaction, asked.unit, &pdu),
            });
        }
        Ok(())
    }
}

/// Reads are answered from the server's registers, bits from their lowest; everything else is refused.
fn reply(server: &Server, asked: &Asked, given: &AtomicU64) -> Vec<u8> {
    let function = asked.pdu.first().copied().unwrap_or_default();
    let &[1..=4, a1, a0, c1, c0] = asked.pdu.as_slice() else {
        return pdu::refusal(function, 1);
    };
    let first = usize::from(u16::from_be_bytes([a1, a0]));
    let count = usize::from(u16::from_be_bytes([c1, c0]));
    let values = server.registers.get(first..first + count);
    let most = if function > 2 { 125 } else { 2_000 };
    let Some(values) = values.filter(|_| (1..=most).contains(&count)) else {
        return pdu::refusal(function, 2);
    };
    let values = values.iter().map(|value| value.load(Ordering::Relaxed));
    given.fetch_add(u64::try_from(count).unwrap_or_default(), Ordering::Relaxed);
    let said = if function > 2 {
        pdu::of_words(function, &values.collect::<Vec<_>>())
    } else {
        let bits: Vec<bool> = values.map(|value| value & 1 == 1).collect();
        pdu::of_bits(function, &bits)
    };
    said.unwrap_or_else(|| pdu::refusal(function, 4))
}
