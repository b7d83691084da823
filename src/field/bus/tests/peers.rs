//! With a server of another make (tokio-modbus), so that our reading of the protocol is not checked against itself alone.

use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio_modbus::ExceptionCode;
use tokio_modbus::prelude::{Request, Response, SlaveRequest};
use tokio_modbus::server::Service;
use tokio_modbus::server::{rtu_over_tcp, tcp};

use super::libmodbus::{Terminal, behind};
use super::serial::line;
use crate::domain::line::Line;
use crate::domain::output::{Action, Target, WriteOutcome};
use crate::domain::point::Quality;
use crate::domain::site::Site;
use crate::engine::ports::Field;
use crate::field::testing::{Bench, effect, io_site, panel_site};

#[derive(Default)]
struct Tables {
    registers: BTreeMap<u16, u16>,
    coils: BTreeMap<u16, bool>,
}

/// Unit 1 with registers, and with inputs that follow its coils.
#[derive(Clone, Default)]
struct Peer(Arc<Mutex<Tables>>);

impl Service for Peer {
    type Request = SlaveRequest<'static>;
    type Response = Option<Response>;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Option<Response>, ExceptionCode>>;

    fn call(&self, asked: Self::Request) -> Self::Future {
        if asked.slave != 1 {
            return ready(Ok(None));
        }
        ready(self.answer(&asked.request).map(Some))
    }
}

impl Peer {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a device has the function codes that it has"
    )]
    fn answer(&self, request: &Request<'_>) -> Result<Response, ExceptionCode> {
        let mut tables = self.0.lock().unwrap();
        match request {
            Request::ReadHoldingRegisters(start, count) => {
                let words = (*start..start + count).map(|at| {
                    let word = tables.registers.get(&at).copied();
                    word.ok_or(ExceptionCode::IllegalDataAddress)
                });
                words
                    .collect::<Result<_, _>>()
                    .map(Response::ReadHoldingRegisters)
            }
            Request::ReadCoils(start, count) => {
                Ok(Response::ReadCoils(tables.bits(*start, *count)))
            }
            Request::ReadDiscreteInputs(start, count) => {
                Ok(Response::ReadDiscreteInputs(tables.bits(*start, *count)))
            }
            Request::WriteSingleCoil(at, on) => {
                tables.coils.insert(*at, *on);
                Ok(Response::WriteSingleCoil(*at, *on))
            }
            Request::WriteSingleRegister(at, value) => {
                tables.registers.insert(*at, *value);
                Ok(Response::WriteSingleRegister(*at, *value))
            }
            _ => Err(ExceptionCode::IllegalFunction),
        }
    }

    async fn serve(&self) -> SocketAddr {
        self.serve_as(false).await
    }

    /// The same with the frames of a serial line.
    async fn serve_rtu(&self) -> SocketAddr {
        self.serve_as(true).await
    }

    async fn serve_as(&self, is_rtu: bool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = self.clone();
        tokio::spawn(async move {
            let on_connected = |stream: TcpStream, _| {
                let peer = peer.clone();
                async move {
                    stream.set_nodelay(true)?;
                    Ok(Some((peer, stream)))
                }
            };
            let _ = match is_rtu {
                true => {
                    let server = rtu_over_tcp::Server::new(listener);
                    server.serve(&on_connected, |_| {}).await
                }
                false => {
                    tcp::Server::new(listener)
                        .serve(&on_connected, |_| {})
                        .await
                }
            };
        });
        address
    }
}

impl Tables {
    fn bits(&self, start: u16, count: u16) -> Vec<bool> {
        let bit = |at| self.coils.get(&at).copied().unwrap_or_default();
        (start..start + count).map(bit).collect()
    }
}

#[tokio::test]
async fn a_panel_of_another_make_is_read_and_commanded() {
    let peer = Peer::default();
    let site = panel_site(&peer.serve().await.to_string());
    panel_is_read_and_commanded(&peer, site).await;
}

#[tokio::test]
async fn a_panel_of_another_make_is_read_and_commanded_by_rtu_over_tcp() {
    let peer = Peer::default();
    let line = Line::RtuOverTcp(peer.serve_rtu().await.to_string());
    panel_is_read_and_commanded(&peer, behind(line)).await;
}

#[tokio::test]
async fn a_panel_of_another_make_is_read_and_commanded_on_a_terminal() {
    let peer = Peer::default();
    let address = peer.serve_rtu().await;
    let terminal = Terminal::before(&address.to_string());
    panel_is_read_and_commanded(&peer, behind(line(terminal.path()))).await;
}

async fn panel_is_read_and_commanded(peer: &Peer, site: Site) {
    peer.0.lock().unwrap().registers = (0..48).chain(200..204).map(|n| (n, 0)).collect();
    let bench = Bench::start(site);
    bench.up().await;
    peer.0.lock().unwrap().registers.insert(31, 0b101);
    let heard = bench
        .engine
        .until("fire", |heard| heard.has_edge("P031"))
        .await;
    let read = heard.latest("P031").unwrap().latest;
    assert!(read.conditions.fire && read.conditions.disabled);
    assert_eq!(read.quality, Quality::Good);
    let burning = |o: &&crate::domain::input::Observation| o.latest.conditions.fire;
    assert_eq!(heard.observations.iter().filter(burning).count(), 1);
    let target = Target::Register {
        register: 300,
        value: 1,
    };
    bench
        .field
        .write(effect("panel1", "P1-SILENCE#1", target, Action::Pulse));
    assert_eq!(bench.outcome("P1-SILENCE#1").await, WriteOutcome::Written);
    assert_eq!(peer.0.lock().unwrap().registers.get(&300), Some(&1));
    bench.end().await;
}

#[tokio::test]
async fn a_module_of_another_make_is_written_read_back_and_its_feedback_seen() {
    let peer = Peer::default();
    let bench = Bench::start(io_site(&peer.serve().await.to_string()));
    bench.up().await;
    let target = Target::Coil { register: 11 };
    bench
        .field
        .write(effect("io1", "A#1", target, Action::Level));
    assert_eq!(bench.outcome("A#1").await, WriteOutcome::Written);
    let heard = bench
        .engine
        .until("feedback", |heard| {
            heard
                .latest("I11")
                .is_some_and(|o| o.latest.conditions.active)
        })
        .await;
    let active = |o: &&crate::domain::input::Observation| o.latest.conditions.active;
    assert_eq!(heard.observations.iter().filter(active).count(), 1);
    bench.end().await;
}

#[tokio::test]
async fn a_panel_of_another_make_with_holes_is_read_around_them() {
    let peer = Peer::default();
    let there = (0..43).chain(44..48).chain(200..204);
    peer.0.lock().unwrap().registers = there.map(|n| (n, 0)).collect();
    let bench = Bench::start(panel_site(&peer.serve().await.to_string()));
    let heard = bench.up().await;
    let faulty = (0..48).filter(|n| {
        let latest = heard.latest(&format!("P{n:03}")).unwrap();
        latest.latest.conditions.fault
    });
    assert_eq!(faulty.collect::<Vec<u16>>(), [43]);
    bench.end().await;
}
