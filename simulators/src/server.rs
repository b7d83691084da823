//! The Modbus side: which unit, which function codes, and links that can be cut. The devices' own logic is in
//! `panel` and `io`.
//!
//! Refusals as in the MODBUS Application Protocol V1.1b3, 7: 01 for a function code the device does not have, 02 for an
//! address it does not have, 03 for a count or value it cannot take. A request for another unit gets no answer.

use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio_modbus::ExceptionCode;
use tokio_modbus::prelude::{Request, Response, SlaveRequest};
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::Server;

use crate::campus::Campus;
use crate::field::{Device, Field, Side};
use crate::io::{IoModule, Violation};
use crate::panel::Panel;
use crate::writes::{Answer, Write};

/// How long a switched link may take to follow.
const SWITCH_LIMIT: Duration = Duration::from_secs(5);

/// Connections that wait to be accepted.
const BACKLOG: u32 = 64;

/// A link: its address, its switch and its counters.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) side: Side,
    pub(crate) address: SocketAddr,
    pub(crate) connections: AtomicU64,
    pub(crate) requests: AtomicU64,
    wanted: watch::Sender<bool>,
    listening: watch::Sender<bool>,
    /// Bound and never listening: keeps the port ours while the link is down, so that a client is refused.
    reservation: TcpSocket,
}

impl Link {
    /// Takes the address; nothing is accepted yet.
    pub(crate) fn bind(side: Side, address: SocketAddr) -> io::Result<Self> {
        let reservation = bind(address)?;
        Ok(Self {
            side,
            address: reservation.local_addr()?,
            connections: AtomicU64::new(0),
            requests: AtomicU64::new(0),
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
    let server = Server::new(listener);
    let on_connected = |stream: tokio::net::TcpStream, peer: SocketAddr| {
        let port = Port {
            campus: campus.clone(),
            link: Arc::clone(link),
        };
        async move {
            // Small replies must not wait for more to send.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, %peer, "cannot set TCP_NODELAY");
            }
            port.link.connections.fetch_add(1, Ordering::Relaxed);
            Ok(Some((port, stream)))
        }
    };
    link.listening.send_replace(true);
    // Dropping the server's future closes the listener and every connection of it.
    tokio::select! {
        served = server.serve(&on_connected, |error| {
            tracing::debug!(%error, "connection ended");
        }) => {
            if let Err(error) = served {
                tracing::warn!(%error, address = %link.address, "accepting failed; listening again");
            }
        }
        _ = wanted.wait_for(|up| !*up) => {}
    }
    drop(server);
    link.listening.send_replace(false);
}

/// One connection's view of the device.
struct Port {
    campus: Campus,
    link: Arc<Link>,
}

pub(crate) type Reply = Result<Option<Response>, ExceptionCode>;

impl Service for Port {
    type Request = SlaveRequest<'static>;
    type Response = Option<Response>;
    type Exception = ExceptionCode;
    type Future = Ready<Reply>;

    fn call(&self, asked: Self::Request) -> Self::Future {
        self.link.requests.fetch_add(1, Ordering::Relaxed);
        // A connection that is being cut says nothing more.
        if !*self.link.wanted.borrow() {
            return ready(Ok(None));
        }
        ready(answer(&mut self.campus.field(), self.link.side, &asked))
    }
}

/// Answers one request, and logs it when it is a write, whatever the answer was.
pub(crate) fn answer(field: &mut Field, side: Side, asked: &SlaveRequest<'_>) -> Reply {
    let answer = field
        .device(side)
        .filter(|device| device.unit() == asked.slave)
        .map(|device| match device {
            Device::Panel(device) => panel(device, &asked.request),
            Device::Io(module) => io_module(module, &asked.request),
        });
    if let Some((address, values)) = written(&asked.request) {
        let (command, output) = match field.device(side) {
            Some(Device::Panel(panel)) => (panel.is_command(address), None),
            Some(Device::Io(module)) => (false, module.id_of(address).map(str::to_owned)),
            None => (false, None),
        };
        field.keep(Write {
            seq: 0,
            at_ms: 0,
            wall_ms: 0,
            link: field.link_id(side).to_owned(),
            unit: asked.slave,
            function: asked.request.function_code().value(),
            address,
            values,
            command,
            output,
            answer: match &answer {
                None => Answer::Silence,
                Some(Ok(_)) => Answer::Taken,
                Some(Err(code)) => Answer::Exception((*code).into()),
            },
            violation: match &answer {
                Some(Ok((_, violation))) => *violation,
                Some(Err(_)) | None => None,
            },
        });
    }
    answer
        .transpose()
        .map(|answered| answered.map(|(response, _)| response))
}

type Answered = Result<(Response, Option<Violation>), ExceptionCode>;

/// The panel has function codes 03 and 06.
fn panel(panel: &mut Panel, request: &Request<'_>) -> Answered {
    if let Request::ReadHoldingRegisters(address, count) = request {
        let words = panel.read(*address, *count)?;
        return Ok((Response::ReadHoldingRegisters(words), None));
    }
    if let Request::WriteSingleRegister(address, value) = request {
        panel.write(*address, *value)?;
        return Ok((Response::WriteSingleRegister(*address, *value), None));
    }
    Err(ExceptionCode::IllegalFunction)
}

/// The I/O module has function codes 01, 02, 05 and 15.
fn io_module(io: &mut IoModule, request: &Request<'_>) -> Answered {
    if let Request::ReadCoils(address, count) = request {
        let bits = io.read_coils(*address, *count)?;
        return Ok((Response::ReadCoils(bits), None));
    }
    if let Request::ReadDiscreteInputs(address, count) = request {
        let bits = io.read_inputs(*address, *count)?;
        return Ok((Response::ReadDiscreteInputs(bits), None));
    }
    if let Request::WriteSingleCoil(address, on) = request {
        let violation = io.write(*address, &[*on])?;
        return Ok((Response::WriteSingleCoil(*address, *on), violation));
    }
    if let Request::WriteMultipleCoils(address, values) = request {
        let violation = io.write(*address, values)?;
        let count = u16::try_from(values.len()).unwrap_or(u16::MAX);
        return Ok((Response::WriteMultipleCoils(*address, count), violation));
    }
    Err(ExceptionCode::IllegalFunction)
}

/// Address and values of a request that writes.
fn written(request: &Request<'_>) -> Option<(u16, Vec<u16>)> {
    match request {
        Request::WriteSingleCoil(address, on) => Some((*address, vec![u16::from(*on)])),
        Request::WriteMultipleCoils(address, values) => {
            Some((*address, values.iter().map(|on| u16::from(*on)).collect()))
        }
        Request::WriteSingleRegister(address, value) => Some((*address, vec![*value])),
        Request::WriteMultipleRegisters(address, values)
        | Request::ReadWriteMultipleRegisters(_, _, address, values) => {
            Some((*address, values.to_vec()))
        }
        Request::MaskWriteRegister(address, and, or) => Some((*address, vec![*and, *or])),
        Request::ReadCoils(..)
        | Request::ReadDiscreteInputs(..)
        | Request::ReadInputRegisters(..)
        | Request::ReadHoldingRegisters(..)
        | Request::ReportServerId
        | Request::ReadDeviceIdentification(..)
        | Request::Custom(..) => None,
    }
}
