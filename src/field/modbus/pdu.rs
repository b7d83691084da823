//! Requests and replies as bytes (MODBUS Application Protocol V1.1b3, 6.1 to 6.6). Bytes in, values out; no I/O.
//!
//! Never guesses: a reply that is not exactly what its request asks for is a [`BadReply`], and no value comes out of it.

use thiserror::Error;

use crate::domain::profile::Area;

/// Most registers of one read (V1.1b3, 6.3).
pub(crate) const REGISTERS_MAX: u16 = 125;
/// Most coils or inputs of one read (V1.1b3, 6.1).
pub(crate) const BITS_MAX: u16 = 2_000;
/// Added to the function code in a reply that refuses the request (V1.1b3, 7).
const REFUSAL: u8 = 0x80;

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

    /// Bytes of data in the reply.
    fn bytes(self) -> u8 {
        let bytes = if self.area.is_bits() {
            self.count.div_ceil(8)
        } else {
            self.count * 2
        };
        // At most 250: `new` has checked the count.
        u8::try_from(bytes).unwrap_or(u8::MAX)
    }

    fn decode(self, body: &[u8]) -> Result<Values, BadReply> {
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

/// What a device is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Function codes 01 to 04.
    Read(Span),
    /// Function code 05.
    WriteCoil {
        /// Zero-based.
        address: u16,
        /// On or off.
        on: bool,
    },
    /// Function code 06.
    WriteRegister {
        /// Zero-based.
        address: u16,
        /// The value.
        value: u16,
    },
}

impl Request {
    /// The function code.
    pub(crate) fn function(self) -> u8 {
        match self {
            Self::Read(span) => match span.area {
                Area::Coil => 0x01,
                Area::Discrete => 0x02,
                Area::Holding => 0x03,
                Area::Input => 0x04,
            },
            Self::WriteCoil { .. } => 0x05,
            Self::WriteRegister { .. } => 0x06,
        }
    }

    /// Every request we send is a function code and two words.
    pub(crate) fn encode(self) -> [u8; 5] {
        let [address, value] = self.words();
        let ([a1, a0], [v1, v0]) = (address.to_be_bytes(), value.to_be_bytes());
        [self.function(), a1, a0, v1, v0]
    }

    fn words(self) -> [u16; 2] {
        match self {
            Self::Read(span) => [span.start, span.count],
            Self::WriteCoil { address, on } => [address, if on { 0xFF00 } else { 0x0000 }],
            Self::WriteRegister { address, value } => [address, value],
        }
    }

    /// Length of the reply that grants the request, in bytes.
    pub(crate) fn reply_len(self) -> u16 {
        match self {
            Self::Read(span) => 2 + u16::from(span.bytes()),
            Self::WriteCoil { .. } | Self::WriteRegister { .. } => 5,
        }
    }

    /// Reads the reply to this request.
    pub(crate) fn decode(self, pdu: &[u8]) -> Result<Reply, BadReply> {
        let expected = self.function();
        let Some((&got, body)) = pdu.split_first() else {
            return Err(BadReply::Function { expected, got: 0 });
        };
        if got == expected | REFUSAL {
            return match body {
                [code] => Ok(Reply::Exception(*code)),
                _ => Err(BadReply::Length {
                    expected: 2,
                    got: pdu.len(),
                }),
            };
        }
        if got != expected {
            return Err(BadReply::Function { expected, got });
        }
        match self {
            Self::Read(span) => span.decode(body).map(Reply::Values),
            Self::WriteCoil { on, .. } => self.echo(body, Values::Bits(vec![on])),
            Self::WriteRegister { value, .. } => self.echo(body, Values::Registers(vec![value])),
        }
    }

    /// A write is answered with the same address and the same value.
    fn echo(self, body: &[u8], written: Values) -> Result<Reply, BadReply> {
        let &[a1, a0, v1, v0] = body else {
            return Err(BadReply::Length {
                expected: 5,
                got: body.len() + 1,
            });
        };
        let [address, value] = self.words();
        let got = u16::from_be_bytes([a1, a0]);
        if got != address {
            return Err(BadReply::EchoAddress {
                expected: address,
                got,
            });
        }
        let got = u16::from_be_bytes([v1, v0]);
        if got != value {
            return Err(BadReply::EchoValue {
                expected: value,
                got,
            });
        }
        Ok(Reply::Values(written))
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
    /// What was read; for a write, what the device says it has taken.
    Values(Values),
    /// The device refuses, with this code.
    Exception(u8),
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
}
