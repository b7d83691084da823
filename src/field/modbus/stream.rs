//! The TCP connection under Modbus TCP and under RTU over TCP: opened, asked whether it is quiet, written to, and given up.

use std::io;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::fault::{Failure, Fault};

/// A connection on which nothing is asked is probed after this pause, and is lost after so many probes without an answer: a bus
/// that only writes would else learn of a dead line from the first command.
const PROBE_AFTER: Duration = Duration::from_secs(5);
const PROBE_EVERY: Duration = Duration::from_secs(2);
const PROBES: u32 = 3;
/// So many bytes that nobody has asked for are looked at: two whole frames of a serial line.
const STRAYS_MAX: usize = 512;

/// Connects to `host:port`, then leaves the device alone for `pause`. What it says meanwhile is no reply to anything: it is thrown
/// away.
pub(super) async fn open(
    address: &str,
    limit: Duration,
    pause: Duration,
) -> Result<TcpStream, Fault> {
    let stream = match timeout(limit, TcpStream::connect(address)).await {
        Ok(connected) => connected?,
        Err(_elapsed) => return Err(Fault::Timeout),
    };
    // Requests are single small segments; none may wait for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    probe(&stream).map_err(io::Error::from)?;
    if !pause.is_zero() {
        sleep(pause).await;
        drain(&stream)?;
    }
    Ok(stream)
}

/// Waits until a moment; one that is past costs nothing. The runtime's own sleep would take up to a millisecond even then.
pub(super) async fn rest_until(moment: Instant) {
    if moment > Instant::now() {
        sleep_until(moment).await;
    }
}

fn probe(stream: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_tcp_keepidle(stream, PROBE_AFTER)?;
    sockopt::set_tcp_keepintvl(stream, PROBE_EVERY)?;
    sockopt::set_tcp_keepcnt(stream, PROBES)?;
    sockopt::set_socket_keepalive(stream, true)
}

/// Takes out what stands in the connection that nobody has asked for; gives the beginning of it. The socket itself is asked, because
/// the runtime may not have heard yet that the other side has closed: a command that is not sent is known to be not sent.
pub(super) fn drain(stream: &TcpStream) -> Result<Vec<u8>, Fault> {
    let mut bytes = [0_u8; 256];
    let mut strays = Vec::new();
    loop {
        match rustix::io::read(stream, &mut bytes) {
            Ok(0) => return Err(Fault::Reset),
            Ok(count) if strays.len() < STRAYS_MAX => {
                strays.extend_from_slice(bytes.get(..count).unwrap_or_default());
            }
            Ok(_) => {}
            Err(Errno::AGAIN) => return Ok(strays),
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
}

/// Writes a whole frame. It is never left half-way but by an error or when its time is over.
pub(super) async fn write(
    stream: &mut TcpStream,
    frame: &[u8],
    deadline: Instant,
) -> Result<(), Failure> {
    let mut rest = frame;
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
    Ok(())
}

/// Ends a connection that has failed, with a reset. An orderly end would go on sending for minutes what the other side has not
/// acknowledged, and a command that nobody waits for any more would act when the cable is back; and a gateway that takes one client
/// only keeps its place taken until it has heard of the end.
pub(super) fn give_up(stream: TcpStream) {
    // Without it the end is only an orderly one.
    let _ = stream.set_zero_linger();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_on_which_nothing_is_asked_is_probed() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let limit = Duration::from_secs(10);
        let stream = open(&address, limit, Duration::ZERO).await.unwrap();
        assert!(sockopt::socket_keepalive(&stream).unwrap());
        let lost_after = sockopt::tcp_keepidle(&stream).unwrap()
            + sockopt::tcp_keepintvl(&stream).unwrap() * sockopt::tcp_keepcnt(&stream).unwrap();
        assert_eq!(lost_after, Duration::from_secs(11));
        assert!(stream.nodelay().unwrap());
    }
}
