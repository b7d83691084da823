//! Connections: a bounded number of them, each ended when nothing moves on it for too long.
//!
//! A client that stops reading fills its socket, its stream waits, and the connection ends here; whatever was meant for it was
//! bounded by then. A client that never finishes its request ends the same way.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// Most connections at once; further ones wait in the kernel's backlog.
const CONNECTIONS_MAX: usize = 512;
/// Most of them from one address: a broken or hostile device must not shut everybody else out. A proxy on this machine
/// speaks for many.
const CONNECTIONS_OF_ADDRESS_MAX: usize = 128;
/// Longest time without a byte in either direction. The stream's heartbeat is shorter, a request's longest time as well.
const QUIET_MAX: Duration = Duration::from_secs(30);

/// Longest time that sent bytes may go unacknowledged, in ms: a phone without a network is noticed by the next heartbeats
/// and not by the kernel's own quarter of an hour.
const UNACKNOWLEDGED_MAX_MS: u32 = 10_000;

/// Who is on the other end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

impl Connected<IncomingStream<'_, Bounded>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// A listener that takes no more than a bounded number of connections.
pub(super) struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
    addresses: Arc<Addresses>,
}

impl Bounded {
    /// Bounds a listener.
    pub(super) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            addresses: Arc::default(),
        }
    }
}

impl Listener for Bounded {
    type Io = Held<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let Ok(permit) = Arc::clone(&self.places).acquire_owned().await else {
            // The semaphore is never closed.
            return pending().await;
        };
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            let Some(of_address) = Addresses::enter(&self.addresses, address.ip()) else {
                tracing::debug!(%address, "a connection too many from one address is closed");
                continue;
            };
            if let Err(error) = sockopt::set_tcp_user_timeout(&stream, UNACKNOWLEDGED_MAX_MS) {
                tracing::debug!(%error, "a dead line of a connection is noticed late");
            }
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection keeps its small packets back");
            }
            let place = Place {
                _permit: permit,
                _of_address: of_address,
            };
            return (Held::new(stream, Some(place), QUIET_MAX), address);
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// How many connections each address holds.
#[derive(Debug, Default)]
struct Addresses {
    held: Mutex<BTreeMap<IpAddr, usize>>,
}

impl Addresses {
    /// One connection more of an address; `None` when it has enough.
    fn enter(addresses: &Arc<Self>, address: IpAddr) -> Option<OfAddress> {
        let mut held = addresses.lock();
        let count = held.entry(address).or_default();
        if *count >= CONNECTIONS_OF_ADDRESS_MAX && !address.is_loopback() {
            return None;
        }
        *count += 1;
        Some(OfAddress {
            addresses: Arc::clone(addresses),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection of an address, counted while it lives.
struct OfAddress {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Drop for OfAddress {
    fn drop(&mut self) {
        let mut held = self.addresses.lock();
        if let Some(count) = held.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

/// What a connection takes of the bounds.
struct Place {
    _permit: OwnedSemaphorePermit,
    _of_address: OfAddress,
}

/// A connection that ends when nothing moves on it.
pub(super) struct Held<T> {
    stream: T,
    quiet_max: Duration,
    quiet: Pin<Box<Sleep>>,
    _place: Option<Place>,
}

impl<T> Held<T> {
    fn new(stream: T, place: Option<Place>, quiet_max: Duration) -> Self {
        Self {
            stream,
            quiet_max,
            quiet: Box::pin(tokio::time::sleep(quiet_max)),
            _place: place,
        }
    }

    /// Restarts the time when something moved; turns waiting into an error when it is over.
    fn watch<V>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<V>>) -> Poll<io::Result<V>> {
        if poll.is_ready() {
            let until = Instant::now() + self.quiet_max;
            self.quiet.as_mut().reset(until);
            return poll;
        }
        match self.quiet.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Held<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.watch(cx, poll)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Held<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.watch(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn a_client_that_does_not_read_is_let_go() {
        let (near, _far) = duplex(16);
        let mut held = Held::new(near, None, Duration::from_millis(20));
        let error = held.write_all(&[7; 64]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn one_address_cannot_take_every_place() {
        let addresses = Arc::new(Addresses::default());
        let (far, near) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([127, 0, 0, 1]));
        let enter = |address| Addresses::enter(&addresses, address);
        let held: Vec<_> = (0..200).filter_map(|_| enter(far)).collect();
        assert_eq!(held.len(), CONNECTIONS_OF_ADDRESS_MAX);
        let own: Vec<_> = (0..200).filter_map(|_| enter(near)).collect();
        assert_eq!(own.len(), 200, "a proxy on this machine speaks for many");
        drop(held);
        assert!(enter(far).is_some());
        drop(own);
        assert!(addresses.lock().is_empty());
    }

    #[tokio::test]
    async fn a_client_that_says_nothing_is_let_go() {
        let (near, mut far) = duplex(16);
        let mut held = Held::new(near, None, Duration::from_millis(20));
        far.write_all(b"GET").await.expect("written");
        let mut heard = [0; 4];
        let error = held.read_exact(&mut heard).await.expect_err("half a word");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
