//! Requests as bytes and the replies to them (MODBUS Application Protocol V1.1b3, 6). Bytes in, values out; no I/O.

use super::identity::{self, Identity};
use super::pdu::{BadReply, Reply, Span};
use crate::domain::profile::Area;

/// Most coils of one write (V1.1b3, 6.11).
const WRITE_BITS_MAX: usize = 1_968;
/// Most registers of one write (V1.1b3, 6.12), and beside a read (6.17).
const WRITE_REGISTERS_MAX: usize = 123;
const WRITE_READ_MAX: usize = 121;
/// Added to the function code in a reply that refuses the request (V1.1b3, 7).
const REFUSAL: u8 = 0x80;

/// What a device is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Function codes 01 to 04.
    Read(Span),
    /// Function code 05.
    WriteCoil {
        /// Zero-based.
        address: u16,
        /// 0xFF00 is on, or what the device takes for it; 0 is off.
        value: u16,
    },
    /// Function code 06.
    WriteRegister {
        /// Zero-based.
        address: u16,
        /// The value.
        value: u16,
    },
    /// Function code 15. Made by [`Request::write_coils`].
    WriteCoils {
        /// Zero-based, of the first.
        address: u16,
        /// One to 1968 of them.
        bits: Vec<bool>,
    },
    /// Function code 16. Made by [`Request::write_registers`].
    WriteRegisters {
        /// Zero-based, of the first.
        address: u16,
        /// One to 123 of them.
        words: Vec<u16>,
    },
    /// Function code 22: the register becomes `(itself AND and) OR (or AND NOT and)`.
    MaskWrite {
        /// Zero-based.
        address: u16,
        /// Bits that stay.
        and: u16,
        /// What the others become.
        or: u16,
    },
    /// Function code 23: writes, then reads. Made by [`Request::write_read`].
    WriteRead {
        /// Zero-based, of the first that is written.
        address: u16,
        /// One to 121 of them.
        words: Vec<u16>,
        /// Holding registers.
        read: Span,
    },
    /// Function code 43, type 14: who are you.
    Identify {
        /// 1 basic, 2 regular, 3 extended, 4 one object.
        level: u8,
        /// The object to begin with.
        object: u8,
    },
}

/// How long the reply that grants a request is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length {
    pub(crate) least: u16,
    pub(crate) most: u16,
}

impl Length {
    fn exactly(length: u16) -> Self {
        let (least, most) = (length, length);
        Self { least, most }
    }

    /// Whether a reply may be so long.
    pub(crate) fn allows(self, length: u16) -> bool {
        (self.least..=self.most).contains(&length)
    }
}

impl Request {
    /// Switches consecutive coils; `None` when one request cannot.
    pub(crate) fn write_coils(address: u16, bits: Vec<bool>) -> Option<Self> {
        fits(address, bits.len(), WRITE_BITS_MAX).then_some(Self::WriteCoils { address, bits })
    }

    /// Writes consecutive holding registers; `None` when one request cannot.
    pub(crate) fn write_registers(address: u16, words: Vec<u16>) -> Option<Self> {
        let fits = fits(address, words.len(), WRITE_REGISTERS_MAX);
        fits.then_some(Self::WriteRegisters { address, words })
    }

    /// Writes holding registers and then reads some; `None` when one request cannot.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "no profile of a device asks for it yet")
    )]
    pub(crate) fn write_read(address: u16, words: Vec<u16>, read: Span) -> Option<Self> {
        let fits = fits(address, words.len(), WRITE_READ_MAX) && read.area() == Area::Holding;
        fits.then_some(Self::WriteRead {
            address,
            words,
            read,
        })
    }

    /// The function code.
    pub(crate) fn function(&self) -> u8 {
        match self {
            Self::Read(span) => match span.area() {
                Area::Coil => 0x01,
                Area::Discrete => 0x02,
                Area::Holding => 0x03,
                Area::Input => 0x04,
            },
            Self::WriteCoil { .. } => 0x05,
            Self::WriteRegister { .. } => 0x06,
            Self::WriteCoils { .. } => 0x0F,
            Self::WriteRegisters { .. } => 0x10,
            Self::MaskWrite { .. } => 0x16,
            Self::WriteRead { .. } => 0x17,
            Self::Identify { .. } => identity::FUNCTION,
        }
    }

    /// Whether the right reply is the request itself, byte for byte.
    pub(crate) fn is_echoed(&self) -> bool {
        match self {
            Self::WriteCoil { .. } | Self::WriteRegister { .. } | Self::MaskWrite { .. } => true,
            Self::Read(_)
            | Self::WriteCoils { .. }
            | Self::WriteRegisters { .. }
            | Self::WriteRead { .. }
            | Self::Identify { .. } => false,
        }
    }

    /// Whether a reply that grants this request may look like one that grants the other.
    pub(crate) fn is_answered_like(&self, other: &Self) -> bool {
        if self.is_echoed() {
            return self == other;
        }
        self.function() == other.function() && self.reply_len() == other.reply_len()
    }

    /// The bytes of the request.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.function()];
        match self {
            Self::Read(span) => put(&mut bytes, &[span.start(), span.count()]),
            Self::WriteCoil { address, value } | Self::WriteRegister { address, value } => {
                put(&mut bytes, &[*address, *value]);
            }
            Self::WriteCoils { address, bits } => {
                put(&mut bytes, &[*address, count(bits.len())]);
                let packed = bits.chunks(8).map(|bits| {
                    let ones = bits.iter().rev();
                    ones.fold(0_u8, |byte, bit| byte << 1 | u8::from(*bit))
                });
                bytes.push(size(bits.len().div_ceil(8)));
                bytes.extend(packed);
            }
            Self::WriteRegisters { address, words } => {
                put(&mut bytes, &[*address, count(words.len())]);
                bytes.push(size(words.len() * 2));
                put(&mut bytes, words);
            }
            Self::MaskWrite { address, and, or } => put(&mut bytes, &[*address, *and, *or]),
            Self::WriteRead {
                address,
                words,
                read,
            } => {
                let (start, of) = (read.start(), read.count());
                put(&mut bytes, &[start, of, *address, count(words.len())]);
                bytes.push(size(words.len() * 2));
                put(&mut bytes, words);
            }
            Self::Identify { level, object } => bytes.extend([identity::TYPE, *level, *object]),
        }
        bytes
    }

    /// How long the reply that grants the request is.
    pub(crate) fn reply_len(&self) -> Length {
        match self {
            Self::Read(span) | Self::WriteRead { read: span, .. } => {
                Length::exactly(2 + u16::from(span.bytes()))
            }
            Self::WriteCoil { .. }
            | Self::WriteRegister { .. }
            | Self::WriteCoils { .. }
            | Self::WriteRegisters { .. } => Length::exactly(5),
            Self::MaskWrite { .. } => Length::exactly(7),
            Self::Identify { .. } => Length {
                least: identity::HEAD,
                most: identity::MOST,
            },
        }
    }

    /// Reads the reply to this request.
    pub(crate) fn decode(&self, pdu: &[u8]) -> Result<Reply, BadReply> {
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
            Self::Read(span) | Self::WriteRead { read: span, .. } => {
                span.decode(body).map(Reply::Values)
            }
            Self::WriteCoil { address, value } | Self::WriteRegister { address, value } => {
                echo(body, *address, &[*value])
            }
            Self::WriteCoils { address, bits } => echo(body, *address, &[count(bits.len())]),
            Self::WriteRegisters { address, words } => echo(body, *address, &[count(words.len())]),
            Self::MaskWrite { address, and, or } => echo(body, *address, &[*and, *or]),
            Self::Identify { level, .. } => Identity::decode(body, *level).map(Reply::Identity),
        }
    }
}

/// A write is answered with the same address and the same words, or their number.
fn echo(body: &[u8], address: u16, words: &[u16]) -> Result<Reply, BadReply> {
    let length = 2 + 2 * words.len();
    if body.len() != length {
        return Err(BadReply::Length {
            expected: count(length + 1),
            got: body.len() + 1,
        });
    }
    let (pairs, _) = body.as_chunks::<2>();
    let mut heard = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
    let got = heard.next().unwrap_or_default();
    if got != address {
        let expected = address;
        return Err(BadReply::EchoAddress { expected, got });
    }
    for (&expected, got) in words.iter().zip(heard) {
        if got != expected {
            return Err(BadReply::EchoValue { expected, got });
        }
    }
    Ok(Reply::Written)
}

fn put(bytes: &mut Vec<u8>, words: &[u16]) {
    bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
}

/// Whether so many elements are at least one, not too many, and end inside of their table.
fn fits(address: u16, count: usize, most: usize) -> bool {
    (1..=most).contains(&count) && usize::from(address) + count <= usize::from(u16::MAX) + 1
}

/// Numbers that [`fits`] has bounded.
fn count(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

fn size(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
