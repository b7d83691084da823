//! Why there is no reply, and what else was heard on the line.

use std::io;

use thiserror::Error;

use super::pdu::BadReply;

/// Why there is no reply.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing came in time.
    #[error("no answer in time")]
    Timeout,
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// The other side ended the connection.
    #[error("connection ended by the other side")]
    Reset,
    /// No way there, or no such name.
    #[error("not reachable")]
    Unreachable,
    /// A gateway is there, the device behind it is not.
    #[error("the gateway hears nothing from the device")]
    Gateway,
    /// Bytes that nobody had asked for.
    #[error("bytes that nobody had asked for")]
    Unsolicited,
    /// A reply that is not the reply.
    #[error("wrong reply")]
    Bad(#[source] BadReply),
    /// There is no such serial port.
    #[error("no such port")]
    Missing,
    /// Another program has the port.
    #[error("the port is in use")]
    Taken,
    /// The system does not let us open the port.
    #[error("no right to the port")]
    Denied,
    /// The port went away while it was open.
    #[error("the port is gone")]
    Unplugged,
    /// The line of a demo site that does not end at a pseudo-terminal.
    #[error("no simulated port")]
    NotSimulated,
    /// The kernel cannot switch the line driver of this port.
    #[error("the port cannot switch an RS-485 driver")]
    NoDriver,
    /// The line never falls silent.
    #[error("the line is never silent")]
    Babble,
}

impl Fault {
    /// The word of the catalogue: `fault.link.{word}`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Unreachable => "unreachable",
            Self::Gateway => "gateway",
            Self::Bad(BadReply::OwnEcho) => "echo",
            Self::Bad(
                BadReply::Checksum
                | BadReply::Truncated { .. }
                | BadReply::Noise
                | BadReply::TwoAnswers,
            ) => "garbled",
            Self::Unsolicited | Self::Bad(_) => "bad_reply",
            Self::Missing => "missing",
            Self::Taken => "taken",
            Self::Denied => "denied",
            Self::Unplugged => "unplugged",
            Self::NotSimulated => "not_simulated",
            Self::NoDriver => "no_rs485",
            Self::Babble => "babble",
        }
    }

    /// Whether the reply may still come: nothing of its unit was heard in its place.
    pub(crate) fn leaves_owed(self) -> bool {
        let is_of_others = matches!(
            self,
            Self::Bad(BadReply::Unit { .. } | BadReply::Noise | BadReply::OwnEcho)
        );
        is_of_others || !matches!(self, Self::Gateway | Self::Bad(_))
    }
}

impl From<io::Error> for Fault {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the list of causes is open; what is not named here is told as unreachable"
    )]
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::Timeout,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
            | io::ErrorKind::UnexpectedEof => Self::Reset,
            _ => Self::Unreachable,
        }
    }
}

/// An exchange that gave no reply.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no reply")]
pub(crate) struct Failure {
    /// A byte of the request may have left this machine.
    pub(crate) has_left: bool,
    #[source]
    pub(crate) fault: Fault,
}

/// What was heard beside a reply, to be counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Times that something came which nobody had asked for: a late or doubled reply.
    pub(crate) strays: u32,
    /// Bytes that belong to no frame.
    pub(crate) noise: u32,
    /// The first whole frame in the place of the reply that was not the reply.
    pub(crate) wrong: Option<BadReply>,
    /// Somebody spoke who had not been asked: enough bytes for a frame that is not the reply, before it or behind it.
    pub(crate) is_out_of_turn: bool,
}
