//! The wire: frames, sockets and pseudo-terminals. What stands between the right reply and the bytes that leave is a list of
//! steps, the same for every way, so that anything can be done wrong on any of them.

pub(crate) mod frame;
pub(crate) mod pdu;
pub(crate) mod pty;
pub(crate) mod serial;
pub(crate) mod tcp;

use std::time::Duration;

use tokio::time::Instant;

use frame::{Asked, Framing};
use pty::Pace;

/// A request as it was heard on a line.
#[derive(Debug)]
pub(crate) struct Heard<'a> {
    pub(crate) asked: Asked,
    /// Its bytes.
    pub(crate) raw: &'a [u8],
    pub(crate) framing: Framing,
    /// When its first byte came.
    pub(crate) began: Instant,
    /// How long the line was silent before it.
    pub(crate) quiet: Duration,
    /// How long the client has had the line open.
    pub(crate) open_for: Duration,
    /// The pace of the line; a socket has none.
    pub(crate) pace: Option<Pace>,
}

/// What a line does, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Silence.
    Wait(Duration),
    /// Bytes, whatever they are.
    Send(Vec<u8>),
    /// The connection is reset.
    Reset,
    /// The connection stays open, hears nothing more and says nothing more.
    Hang,
}

/// When something leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// So long after the moment at which a right reply begins.
    After(Duration),
    /// As soon as the next request has come over the same connection.
    NextRequest,
}

/// Something that leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) when: When,
    pub(crate) steps: Vec<Step>,
}
