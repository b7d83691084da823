//! A listening socket of the campus: its address, its switch, its connections. Raw bytes, because a well-behaved server cannot
//! misbehave.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::frame::Framing;
use super::{Heard, Step, When};
use crate::campus::Campus;

/// How long a switched link may take to follow.
const SWITCH_LIMIT: Duration = Duration::from_secs(5);
/// Connections that wait to be accepted.
const BACKLOG: u32 = 64;
/// Most bytes that a client may send without a whole request.
const BYTES_MAX: usize = 4_096;

/// A link: its address, its switch and its counters.
#[derive(Debug)]
pub(crate) struct Link {
    /// Which line of the layout.
    pub(crate) line: usize,
    pub(crate) framing: Framing,
    pub(crate) address: SocketAddr,
    pub(crate) connections: AtomicU64,
    pub(crate) requests: AtomicU64,
    /// Connections that are open now.
    open: AtomicUsize,
    wanted: watch::Sender<bool>,
    listening: watch::Sender<bool>,
    /// Bound and never listening: keeps the port ours while the link is down, so that a client is refused.
    reservation: TcpSocket,
}

impl Link {
    /// Takes the address; nothing is accepted yet.
    pub(crate) fn bind(line: usize, framing: Framing, address: SocketAddr) -> io::Result<Self> {
        let reservation = bind(address)?;
        Ok(Self {
            line,
            framing,
            address: reservation.local_addr()?,
            connections: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            wanted: watch::Sender::new(true),
            listening: watch::Sender::new(false),
            reservation,
        })
    }

    pub(crate) fn is_up(&self) -> bool {
        *self.listening.borrow()
    }

    /// Cuts or restores the link and returns when that has happened.
    pub(crate) async fn switch(&self, up: bool) -> bool {
        self.wanted.send_replace(up);
        let mut listening = self.listening.subscribe();
        tokio::time::timeout(SWITCH_LIMIT, listening.wait_for(|now| *now == up))
            .await
            .is_ok_and(|waited| waited.is_ok())
    }

    fn listen(&self) -> io::Result<TcpListener> {
        debug_assert!(self.reservation.local_addr().is_ok());
        bind(self.address)?.listen(BACKLOG)
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Serves a link for ever: while it is wanted it listens, while it is not every connection is cut.
pub(crate) async fn run(campus: Campus, link: Arc<Link>) {
    let mut wanted = link.wanted.subscribe();
    while wanted.wait_for(|up| *up).await.is_ok() {
        match link.listen() {
            Ok(listener) => serve(&campus, &link, listener, &mut wanted).await,
            Err(error) => {
                tracing::error!(%error, address = %link.address, "cannot listen; trying again");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn serve(
    campus: &Campus,
    link: &Arc<Link>,
    listener: TcpListener,
    wanted: &mut watch::Receiver<bool>,
) {
    // Dropping the set cuts every connection.
    let mut connections = JoinSet::new();
    link.listening.send_replace(true);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = wanted.wait_for(|up| !*up) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                link.connections.fetch_add(1, Ordering::Relaxed);
                let is_taken = link.open.load(Ordering::Relaxed) > 0;
                if !(is_taken && campus.refuses_second(link.line)) {
                    connections.spawn(connection(campus.clone(), Open::new(link), stream));
                }
            }
            Err(error) => {
                tracing::warn!(%error, address = %link.address, "accepting failed; listening again");
                break;
            }
        }
    }
    drop((listener, connections));
    link.listening.send_replace(false);
}

/// Counts a connection for as long as it is open.
struct Open(Arc<Link>);

impl Open {
    fn new(link: &Arc<Link>) -> Self {
        link.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(link))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One connection, until either side ends it.
async fn connection(campus: Campus, open: Open, stream: TcpStream) {
    let link = &open.0;
    // Small replies must not wait for more to send.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let wire = Arc::new(Wire {
        stream,
        sending: Mutex::new(()),
        end: Notify::new(),
    });
    let (opened, mut last) = (Instant::now(), Instant::now());
    let (mut bytes, mut held) = (Vec::new(), Vec::new());
    // Dropping the set forgets what was still to be said.
    let mut later = JoinSet::new();
    loop {
        tokio::select! {
            () = wire.end.notified() => return,
            got = wire.read(&mut bytes) => if !matches!(got, Ok(1..)) { return },
            Some(_) = later.join_next(), if !later.is_empty() => continue,
        }
        while let Some(taken) = link.framing.take(&bytes) {
            let raw: Vec<u8> = bytes.drain(..taken.length).collect();
            let Some(asked) = taken.asked else { continue };
            link.requests.fetch_add(1, Ordering::Relaxed);
            let began = Instant::now();
            let heard = Heard {
                asked,
                raw: &raw,
                framing: link.framing,
                began,
                quiet: began.saturating_duration_since(last),
                open_for: began.saturating_duration_since(opened),
                pace: None,
            };
            let outgoing = campus.hear(link.line, &heard);
            for steps in held.drain(..) {
                if !wire.perform(steps).await {
                    return;
                }
            }
            for one in outgoing {
                match one.when {
                    When::NextRequest => held.push(one.steps),
                    When::After(Duration::ZERO) => {
                        if !wire.perform(one.steps).await {
                            return;
                        }
                    }
                    When::After(pause) => {
                        let wire = Arc::clone(&wire);
                        later.spawn(async move { wire.perform_later(pause, one.steps).await });
                    }
                }
            }
            last = Instant::now();
        }
    }
}

struct Wire {
    stream: TcpStream,
    /// One reply after the other.
    sending: Mutex<()>,
    end: Notify,
}

impl Wire {
    /// How many bytes came; 0 at the end.
    async fn read(&self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        if bytes.len() > BYTES_MAX {
            return Ok(0);
        }
        loop {
            self.stream.readable().await?;
            match self.stream.try_read_buf(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Does all steps; false when the connection has ended by them.
    async fn perform(&self, steps: Vec<Step>) -> bool {
        let _sending = self.sending.lock().await;
        for step in steps {
            match step {
                Step::Wait(pause) => tokio::time::sleep(pause).await,
                Step::Send(bytes) => {
                    if self.write(&bytes).await.is_err() {
                        return false;
                    }
                }
                Step::Reset => {
                    // Closing with linger zero is a reset instead of an orderly end.
                    return self.stream.set_zero_linger().is_err();
                }
                Step::Hang => std::future::pending().await,
            }
        }
        true
    }

    async fn perform_later(&self, pause: Duration, steps: Vec<Step>) {
        tokio::time::sleep(pause).await;
        if !self.perform(steps).await {
            self.end.notify_one();
        }
    }
}
