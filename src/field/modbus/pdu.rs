//! What requests ask for and replies give (MODBUS Application Protocol V1.1b3, 4.3, 6 and 7): spans, values, replies, and why
//! bytes are not a reply. `request` has the bytes of each function code. No I/O.
//!
//! Never guesses: a reply that is not exactly what its request asks for is a [`BadReply`], and no value comes out of it.

use thiserror::Error;

pub(crate) use super::identity::Identity;
pub(crate) use super::request::Request;
use crate::domain::profile::Area;

/// Most registers of one read (V1.1b3, 6.3).
pub(crate) const REGISTERS_MAX: u16 = 125;
/// Most coils or inputs of one read (V1.1b3, 6.1).
pub(crate) const BITS_MAX: u16 = 2_000;

/// Consecutive elements of one table. It can only be made with a count and an end that Modbus allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    area: Area,
    start: u16,
    count: u16,
}

impl Span {
    /// `count` elements from `start` on; `None` when one request cannot ask for them.
    pub(crate) fn new(area: Area, start: u16, count: u16) -> Option<Self> {
        let most = if area.is_bits() {
            BITS_MAX
        } else {
            REGISTERS_MAX
        };
        let last = start.checked_add(count.checked_sub(1)?);
        (count <= most && last.is_some()).then_some(Self { area, start, count })
    }

    pub(crate) fn area(self) -> Area {
        self.area
    }

    pub(crate) fn start(self) -> u16 {
        self.start
    }

    pub(crate) fn count(self) -> u16 {
        self.count
    }

    /// The most elements of its table whose reply has fewer bytes.
    pub(crate) fn shorter(self) -> u16 {
        if self.area.is_bits() {
            (self.count.div_ceil(8) - 1) * 8
        } else {
            self.count - 1
        }
    }

    /// Bytes of data in the reply.
    pub(super) fn bytes(self) -> u8 {
        let bytes = if self.area.is_bits() {
            self.count.div_ceil(8)
        } else {
            self.count * 2
        };
        // At most 250: `new` has checked the count.
        u8::try_from(bytes).unwrap_or(u8::MAX)
    }

    pub(super) fn decode(self, body: &[u8]) -> Result<Values, BadReply> {
        let expected = self.bytes();
        let Some((&got, data)) = body.split_first() else {
            return Err(BadReply::ByteCount { expected, got: 0 });
        };
        if got != expected || data.len() != usize::from(expected) {
            return Err(BadReply::ByteCount { expected, got });
        }
        if self.area.is_bits() {
            let bits = data
                .iter()
                .flat_map(|byte| (0..8).map(move |n| byte >> n & 1 == 1));
            return Ok(Values::Bits(bits.take(usize::from(self.count)).collect()));
        }
        let (words, _) = data.as_chunks::<2>();
        let words = words.iter().map(|word| u16::from_be_bytes(*word));
        Ok(Values::Registers(words.collect()))
    }
}

/// The elements that were asked for: exactly as many as the request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    /// Coils or discrete inputs.
    Bits(Vec<bool>),
    /// Holding or input registers.
    Registers(Vec<u16>),
}

/// What a device answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// What was read.
    Values(Values),
    /// The device says that it has taken what was written.
    Written,
    /// What the device says it is.
    Identity(Identity),
    /// The device refuses, with this code.
    Exception(u8),
}

/// What a device may do against the letter of the protocol and is still understood. Only a profile can say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lenient {
    /// Its replies may carry unit 0.
    pub(crate) unit_zero: bool,
    /// Its replies carry any transaction: they do not tell which request they answer.
    pub(crate) any_transaction: bool,
}

/// Why bytes are not the reply to a request.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum BadReply {
    #[error("protocol {got} instead of 0")]
    Protocol { got: u16 },
    #[error("transaction {got} instead of {expected}")]
    Transaction { expected: u16, got: u16 },
    #[error("unit {got} instead of {expected}")]
    Unit { expected: u8, got: u8 },
    #[error("length {got} instead of {expected}")]
    Length { expected: u16, got: usize },
    #[error("function code {got} instead of {expected}")]
    Function { expected: u8, got: u8 },
    #[error("byte count {got} instead of {expected}")]
    ByteCount { expected: u8, got: u8 },
    #[error("echo of address {got} instead of {expected}")]
    EchoAddress { expected: u16, got: u16 },
    #[error("echo of value {got} instead of {expected}")]
    EchoValue { expected: u16, got: u16 },
    #[error("a list of objects that does not add up")]
    Objects,
    #[error("more bytes than the reply has")]
    Surplus,
    #[error("wrong checksum")]
    Checksum,
    #[error("the reply ends after {got} bytes")]
    Truncated { got: usize },
    #[error("bytes that are no frame")]
    Noise,
    #[error("our own request came back: the adapter hears itself")]
    OwnEcho,
    #[error("two answers to one question that differ")]
    TwoAnswers,
}

impl BadReply {
    /// One word, for counts and lists of frames.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Protocol { .. } => "protocol",
            Self::Transaction { .. } => "transaction",
            Self::Unit { .. } => "unit",
            Self::Length { .. } | Self::Surplus => "length",
            Self::Function { .. } => "function",
            Self::ByteCount { .. } | Self::Objects => "byte_count",
            Self::EchoAddress { .. } | Self::EchoValue { .. } => "echo",
            Self::Checksum => "checksum",
            Self::Truncated { .. } => "truncated",
            Self::Noise => "noise",
            Self::OwnEcho => "own_echo",
            Self::TwoAnswers => "two_answers",
        }
    }
}
