//! The three ways to a device: Modbus TCP, RTU over TCP, a serial port. All that differs between them is behind these two types;
//! the bus knows only whether a line tells replies apart.
//!
//! A connection is used up by its request and comes back with a reply. What else gives it back is the way's own business: over
//! Modbus TCP nothing does, a serial port stays open until it is gone.

use std::sync::Arc;
use std::time::Duration;

use super::fault::{Failure, Fault, Tally};
use super::pdu::{Lenient, Reply, Request};
use super::{rtu_tcp, serial, tcp};
use crate::domain::line::Line;
use crate::field::trace::Ring;

/// A request with what it may take.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) unit: u8,
    pub(crate) request: Request,
    /// Longest wait for the reply; on a serial line without the time that the frames themselves take.
    pub(crate) limit: Duration,
    /// Least silence before it.
    pub(crate) gap: Duration,
    /// How long the line is listened to behind the reply, where replies are not numbered.
    pub(crate) settle: Duration,
    /// What its device may do against the letter.
    pub(crate) lenient: Lenient,
}

/// How a way is opened.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// Longest wait for a connection.
    pub(crate) limit: Duration,
    /// How long the device is left alone after it.
    pub(crate) pause: Duration,
    /// Where every frame is kept.
    pub(crate) ring: Arc<Ring>,
}

/// A way that is open and owes nothing.
#[derive(Debug)]
pub(crate) enum Connection {
    Tcp(tcp::Connection),
    RtuOverTcp(rtu_tcp::Connection),
    Serial(serial::Connection),
}

/// A way with a request in flight.
#[derive(Debug)]
pub(crate) enum Sent {
    Tcp(tcp::Sent),
    RtuOverTcp(rtu_tcp::Sent),
    Serial(serial::Sent),
}

/// An exchange without a reply.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) failure: Failure,
    pub(crate) tally: Tally,
    /// The way, when it can be used again.
    pub(crate) kept: Option<Connection>,
}

/// The reply with the way that brought it.
pub(crate) type Answer = (Connection, Reply, Tally);

impl Connection {
    pub(crate) async fn open(line: &Line, way: &Way) -> Result<Self, Fault> {
        match line {
            Line::Tcp(address) => tcp::Connection::open(address, way).await.map(Self::Tcp),
            Line::RtuOverTcp(address) => rtu_tcp::Connection::open(address, way)
                .await
                .map(Self::RtuOverTcp),
            Line::Serial(line) => serial::Connection::open(line, way).await.map(Self::Serial),
            // Nobody is asked there: devices come to us, or only speak.
            Line::Listen(_) | Line::Printer(_) => Err(Fault::Unreachable),
        }
    }

    /// Sends a request. Until this returns nothing is known but that bytes may have left.
    pub(crate) async fn send(self, ask: Ask) -> Result<Sent, Failed> {
        match self {
            Self::Tcp(connection) => connection.send(ask).await.map(Sent::Tcp).map_err(ended),
            Self::RtuOverTcp(connection) => {
                connection.send(ask).await.map(Sent::RtuOverTcp).map_err(
                    |(failure, tally, kept)| Failed {
                        failure,
                        tally,
                        kept: kept.map(Self::RtuOverTcp),
                    },
                )
            }
            Self::Serial(connection) => connection
                .send(ask)
                .await
                .map(Sent::Serial)
                .map_err(of_serial),
        }
    }
}

impl Sent {
    /// Waits for the reply.
    pub(crate) async fn reply(self) -> Result<Answer, Failed> {
        match self {
            Self::Tcp(sent) => {
                let (connection, reply) = sent.reply().await.map_err(ended)?;
                Ok((Connection::Tcp(connection), reply, Tally::default()))
            }
            Self::RtuOverTcp(sent) => match sent.reply().await {
                Ok((connection, reply, tally)) => {
                    Ok((Connection::RtuOverTcp(connection), reply, tally))
                }
                Err((failure, tally, kept)) => Err(Failed {
                    failure,
                    tally,
                    kept: kept.map(Connection::RtuOverTcp),
                }),
            },
            Self::Serial(sent) => {
                let (connection, reply, tally) = sent.reply().await.map_err(of_serial)?;
                Ok((Connection::Serial(connection), reply, tally))
            }
        }
    }
}

fn ended(failure: Failure) -> Failed {
    Failed {
        failure,
        tally: Tally::default(),
        kept: None,
    }
}

fn of_serial((failure, tally, kept): serial::Failed) -> Failed {
    Failed {
        failure,
        tally,
        kept: kept.map(Connection::Serial),
    }
}
