//! The line of a printer: a serial port of this machine or a device server on the network. It is only read.

use std::thread;
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::net::sockopt;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use crate::domain::line::{PrinterLine, SerialLine};
use crate::field::modbus::fault::Fault;
use crate::field::port::Port;

/// Nothing is ever sent, so only these tell that a device server is gone: after so long without a byte it is asked, so often, in
/// such steps. No byte of them reaches the serial line behind it.
const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(10);
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(5);
const KEEP_ALIVE_TIMES: u32 = 3;
/// Most bytes of one read: about a second of the fastest printer line.
const BYTES: usize = 4_096;
/// Reads that may wait for the task; after them the port's own buffer fills.
const READS_WAITING_MAX: usize = 64;
/// How often the thread of a port looks whether anybody still listens.
const LOOK: Duration = Duration::from_millis(200);

/// What was read, or why nothing will be any more.
type Read = Result<Vec<u8>, Fault>;

/// An open line.
#[derive(Debug)]
pub(super) enum Listening {
    Serial(mpsc::Receiver<Read>),
    Server(TcpStream),
}

impl Listening {
    /// Opens the line.
    pub(super) async fn open(line: &PrinterLine, limit: Duration) -> Result<Self, Fault> {
        match line {
            PrinterLine::Serial(serial) => Self::serial(serial.clone()).await,
            PrinterLine::Tcp(address) => {
                let connecting = timeout(limit, TcpStream::connect(address));
                let stream = connecting.await.map_err(|_elapsed| Fault::Timeout)??;
                keep_alive(&stream).map_err(std::io::Error::from)?;
                Ok(Self::Server(stream))
            }
        }
    }

    /// Opens a port on a thread of its own, which ends when nobody listens any more.
    async fn serial(line: SerialLine) -> Result<Self, Fault> {
        let (reads, listening) = mpsc::channel(READS_WAITING_MAX);
        let (opened, is_open) = oneshot::channel();
        thread::Builder::new()
            .name("printer line".into())
            .spawn(move || match Port::open_to_listen(&line) {
                Ok(port) => {
                    if opened.send(Ok(())).is_ok() {
                        listen(port, &reads);
                    }
                }
                // Nobody waits any more: there is nobody to tell.
                Err(fault) => drop(opened.send(Err(fault))),
            })
            .map_err(|_| Fault::Unreachable)?;
        is_open.await.unwrap_or(Err(Fault::Unplugged))?;
        Ok(Self::Serial(listening))
    }

    /// What was printed; waits until something is. Nothing is lost when it is not waited for to the end.
    pub(super) async fn read(&mut self) -> Read {
        match self {
            Self::Serial(reads) => reads.recv().await.unwrap_or(Err(Fault::Unplugged)),
            Self::Server(stream) => {
                let mut bytes = Vec::with_capacity(BYTES);
                match stream.read_buf(&mut bytes).await? {
                    0 => Err(Fault::Reset),
                    _ => Ok(bytes),
                }
            }
        }
    }
}

fn listen(mut port: Port, reads: &mpsc::Sender<Read>) {
    let mut bytes = vec![0; BYTES];
    while !reads.is_closed() {
        let ready = port.wait(PollFlags::IN, Instant::now() + LOOK);
        let read = match ready {
            Ok(false) => continue,
            Ok(true) => port.read(&mut bytes),
            Err(fault) => Err(fault),
        };
        let read = match read {
            Ok(None) => continue,
            Ok(Some(count)) => Ok(bytes.get(..count).unwrap_or_default().to_vec()),
            Err(fault) => Err(fault),
        };
        let is_over = read.is_err();
        if reads.blocking_send(read).is_err() || is_over {
            return;
        }
    }
}

fn keep_alive(stream: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEP_ALIVE_AFTER)?;
    sockopt::set_tcp_keepintvl(stream, KEEP_ALIVE_EVERY)?;
    sockopt::set_tcp_keepcnt(stream, KEEP_ALIVE_TIMES)
}
