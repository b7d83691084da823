//! The frame of a serial line (MODBUS over Serial Line V1.02, 2.5.1): unit, request or reply, checksum. Bytes in, values out;
//! no I/O.
//!
//! A serial line has no transaction: a reply is told from other frames by its unit, its function code, the length that the
//! request asks for and its checksum. Bytes are read from left to right. A whole frame of anybody is passed over as one, so a
//! reply is never found inside of another frame; bytes that begin no frame are noise and passed over one by one.

use super::fault::{Fault, Tally};
use super::identity;
use super::pdu::{BadReply, Lenient, Reply, Request};

/// The unit that means everybody. Nobody answers it, so it is never asked.
const BROADCAST: u8 = 0;
/// Unit and checksum around a request or reply.
const AROUND: usize = 3;
/// A refusal: unit, function code, exception code, checksum.
const REFUSAL: usize = 5;
/// Fewer bytes than the shortest reply has are noise, as a line without bias makes it.
const SHORTEST: usize = REFUSAL;
/// The longest frame.
const LONGEST: usize = 256;
/// The echo of a write: unit, function code, two words, checksum.
const WRITTEN: usize = 8;
/// The echo of a masked write has a word more.
const MASKED: usize = 10;

/// A request on its way. There is none to everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    unit: u8,
    request: Request,
    /// The adapter hears itself: the request comes back first.
    echo: bool,
    lenient: Lenient,
}

/// What the bytes since the request come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// The right reply.
    pub(crate) reply: Option<Reply>,
    /// The first whole frame that is not the reply.
    pub(crate) wrong: Option<BadReply>,
    /// Bytes that belong to no frame.
    pub(crate) noise: u32,
    /// How many bytes stand behind the reply.
    pub(crate) rest: usize,
}

/// What begins at one place of the bytes.
enum Piece {
    Reply(Reply, usize),
    Wrong(BadReply, usize),
    /// The beginning of a frame whose end is not here.
    Part,
    /// Not the beginning of a frame.
    Noise(Option<BadReply>),
}

impl Asked {
    /// `None` for the unit that means everybody.
    pub(crate) fn new(unit: u8, request: Request, echo: bool) -> Option<Self> {
        (unit != BROADCAST).then_some(Self {
            unit,
            request,
            echo,
            lenient: Lenient::default(),
        })
    }

    /// The same with what its device may do against the letter.
    pub(crate) fn accepting(self, lenient: Lenient) -> Self {
        Self { lenient, ..self }
    }

    /// The frame to send.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut frame = vec![self.unit];
        frame.extend(self.request.encode());
        frame.extend(checksum(&frame).to_le_bytes());
        frame
    }

    /// Most bytes of the frame of the reply that grants the request.
    pub(crate) fn reply_len(&self) -> usize {
        AROUND + usize::from(self.request.reply_len().most)
    }

    /// Looks at all bytes since the request. While the line is not quiet, a frame that has begun is waited for; when it is, the
    /// reply may also stand behind something that only looked like the beginning of a frame.
    pub(crate) fn look(&self, bytes: &[u8], is_quiet: bool) -> Look {
        let mut look = Look::default();
        let mut rest = bytes;
        if self.echo {
            let own = self.encode();
            match bytes.strip_prefix(own.as_slice()) {
                Some(after) => rest = after,
                None if own.starts_with(bytes) => return look,
                None => {}
            }
        }
        while !rest.is_empty() {
            let skip = match self.piece(rest) {
                Piece::Reply(reply, length) => {
                    look.reply = Some(reply);
                    look.rest = rest.len() - length;
                    return look;
                }
                Piece::Part if !is_quiet => return look,
                Piece::Wrong(BadReply::OwnEcho, _) => {
                    // As long as the echo is not expected, a written request would be taken for its own reply: nothing is believed.
                    look.wrong = Some(BadReply::OwnEcho);
                    return look;
                }
                Piece::Wrong(bad, length) => {
                    look.wrong.get_or_insert(bad);
                    length
                }
                Piece::Noise(bad) => {
                    look.wrong = look.wrong.or(bad);
                    look.noise += 1;
                    1
                }
                Piece::Part => {
                    look.noise += 1;
                    1
                }
            };
            rest = rest.get(skip..).unwrap_or_default();
        }
        look
    }

    /// What the bytes come to when no more are waited for.
    pub(crate) fn conclude(&self, bytes: &[u8], tally: &mut Tally) -> Result<Reply, Fault> {
        let look = self.look(bytes, true);
        tally.noise += look.noise;
        let is_frame = look.wrong.is_some_and(|bad| bad != BadReply::Checksum);
        tally.is_out_of_turn |= is_frame || look.rest >= SHORTEST;
        let Some(reply) = look.reply.clone() else {
            let verdict = self.verdict(bytes, &look);
            return Err(verdict.map_or(Fault::Timeout, Fault::Bad));
        };
        tally.strays += u32::from(look.rest > 0);
        tally.wrong = look.wrong;
        tally.is_out_of_turn |= usize::try_from(look.noise).is_ok_and(|noise| noise >= SHORTEST);
        let rest = bytes.len() - look.rest;
        if self.is_contradicted(&reply, bytes.get(rest..).unwrap_or_default()) {
            return Err(Fault::Bad(BadReply::TwoAnswers));
        }
        Ok(reply)
    }

    /// Whether another answer to the same question stands there.
    fn is_contradicted(&self, reply: &Reply, mut bytes: &[u8]) -> bool {
        loop {
            let look = self.look(bytes, true);
            match look.reply {
                Some(other) if other == *reply => {
                    bytes = bytes.get(bytes.len() - look.rest..).unwrap_or_default();
                }
                other => return other.is_some(),
            }
        }
    }

    /// Why there is no reply; `None` when nothing came at all.
    fn verdict(&self, bytes: &[u8], look: &Look) -> Option<BadReply> {
        if bytes.is_empty() {
            return None;
        }
        // After a good beginning nothing followed.
        let is_begun = bytes.first().is_some_and(|unit| self.is_from(*unit));
        let is_begun = is_begun && bytes.len() < self.reply_len();
        Some(look.wrong.unwrap_or(if is_begun {
            BadReply::Truncated { got: bytes.len() }
        } else {
            BadReply::Noise
        }))
    }

    fn piece(&self, bytes: &[u8]) -> Piece {
        let Some((&[unit, function], _)) = bytes.split_first_chunk::<2>() else {
            return Piece::Part;
        };
        if self.is_own_echo(bytes) {
            return Piece::Wrong(BadReply::OwnEcho, bytes.len());
        }
        let (content, length) = match framed(bytes) {
            Framed::Whole(content, length) => (content, length),
            Framed::Spoilt => {
                let is_ours = self.is_from(unit) && function & 0x7F == self.request.function();
                return Piece::Noise(is_ours.then_some(BadReply::Checksum));
            }
            Framed::Part => return Piece::Part,
            Framed::No => return Piece::Noise(None),
        };
        if !self.is_from(unit) {
            let (expected, got) = (self.unit, unit);
            return Piece::Wrong(BadReply::Unit { expected, got }, length);
        }
        match self.request.decode(content.get(1..).unwrap_or_default()) {
            Ok(reply) => Piece::Reply(reply, length),
            Err(bad) => Piece::Wrong(bad, length),
        }
    }

    fn is_from(&self, unit: u8) -> bool {
        unit == self.unit || unit == 0 && self.lenient.unit_zero
    }

    /// A request comes back as it is only from an adapter that hears itself, unless that is what its device answers.
    fn is_own_echo(&self, bytes: &[u8]) -> bool {
        !self.request.is_echoed() && !self.echo && bytes.starts_with(&self.encode())
    }
}

/// Whether the whole reply of anybody to anything stands somewhere in these bytes.
pub(super) fn has_frame(bytes: &[u8]) -> bool {
    let mut starts = (0..bytes.len()).filter_map(|start| bytes.get(start..));
    starts.any(|bytes| matches!(framed(bytes), Framed::Whole(..)))
}

/// What the bytes at one place are, whoever was asked whatever.
enum Framed<'a> {
    /// What stands before the checksum, and the length of the frame.
    Whole(&'a [u8], usize),
    Spoilt,
    Part,
    No,
}

fn framed(bytes: &[u8]) -> Framed<'_> {
    let length = match bytes.get(1) {
        Some(0x01..=0x04 | 0x17) => bytes.get(2).map(|count| AROUND + 2 + usize::from(*count)),
        Some(0x05 | 0x06 | 0x0F | 0x10) => Some(WRITTEN),
        Some(0x16) => Some(MASKED),
        Some(&identity::FUNCTION) => {
            identity::length(bytes.get(1..).unwrap_or_default()).map(|length| AROUND + length)
        }
        Some(0x81..=0x97 | 0xAB) => Some(REFUSAL),
        Some(_) => return Framed::No,
        None => None,
    };
    if length.is_some_and(|length| length > LONGEST) {
        return Framed::No;
    }
    let frame = length.and_then(|length| bytes.get(..length));
    let Some((content, check)) = frame.and_then(<[u8]>::split_last_chunk::<2>) else {
        return Framed::Part;
    };
    if *check == checksum(content).to_le_bytes() {
        Framed::Whole(content, content.len() + check.len())
    } else {
        Framed::Spoilt
    }
}

/// The checksum of a frame; its low byte is sent first (V1.02, 6.2.2).
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        let index = usize::from((crc ^ u16::from(*byte)) & 0xFF);
        // The table has an entry for every byte.
        let folded = TABLE.get(index).copied().unwrap_or_default();
        (crc >> 8) ^ folded
    })
}

const TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0_u16; 256];
    let mut index = 0;
    while index < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let mut crc = index as u16;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xA001
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests;
