//! Frames of GB/T 26875.3-2011 (table 1): bytes in, values out, and the other way round.
//!
//! ```text
//! 40 40 | sequence 2 | version 2 | time 6 | source 6 | destination 6 | length 2 | command 1 | unit 0–1024 | sum 1 | 23 23
//! ```
//! Numbers are little-endian. Nothing is stuffed: `40 40` and `23 23` may stand inside, so a frame is cut by its length and never by
//! its marks. The sum is the low byte of the sum of everything between the marks.

use std::fmt;

/// Most bytes of an application unit.
pub(crate) const ADU_MAX: usize = 1_024;
/// Everything up to the application unit.
const HEADER: usize = 27;
/// Sum and end.
const TRAILER: usize = 3;
/// The longest frame.
pub(crate) const FRAME_MAX: usize = HEADER + ADU_MAX + TRAILER;
const START: [u8; 2] = [0x40, 0x40];
const END: [u8; 2] = [0x23, 0x23];

/// An address of six bytes. The centre assigns them; a number or a packed IP address, and only a claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Station(pub(crate) [u8; 6]);

impl Station {
    /// As a number, least significant byte first.
    pub(crate) fn number(self) -> u64 {
        self.0
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// Of the low 48 bits of a number.
    pub(crate) fn of(number: u64) -> Self {
        let [a, b, c, d, e, f, ..] = number.to_le_bytes();
        Self([a, b, c, d, e, f])
    }
}

impl fmt::Display for Station {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (", self.number())?;
        for byte in self.0 {
            write!(f, "{byte:02X}")?;
        }
        f.write_str(")")
    }
}

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// 控制, from the centre.
    Control,
    /// 发送数据, from the device.
    Send,
    /// 确认.
    Confirm,
    /// 请求, from the centre.
    Request,
    /// 应答, from the device.
    Answer,
    /// 否认.
    Deny,
    /// Reserved or a maker's own.
    Other(u8),
}

impl Command {
    fn of(byte: u8) -> Self {
        match byte {
            1 => Self::Control,
            2 => Self::Send,
            3 => Self::Confirm,
            4 => Self::Request,
            5 => Self::Answer,
            6 => Self::Deny,
            other => Self::Other(other),
        }
    }

    fn byte(self) -> u8 {
        match self {
            Self::Control => 1,
            Self::Send => 2,
            Self::Confirm => 3,
            Self::Request => 4,
            Self::Answer => 5,
            Self::Deny => 6,
            Self::Other(byte) => byte,
        }
    }
}

/// Everything of a frame but its application unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The business sequence: a reply carries that of what it answers.
    pub(crate) sequence: u16,
    /// Main and user version as they stand on the wire; makers write all kinds of things here.
    pub(crate) version: [u8; 2],
    /// When it was sent, by the sender's clock.
    pub(crate) time: [u8; 6],
    /// Who sent it.
    pub(crate) source: Station,
    /// To whom.
    pub(crate) destination: Station,
    /// What for.
    pub(crate) command: Command,
}

impl Header {
    /// The header of the reply to this frame: its sequence and version, addresses the other way round, and the replier's time.
    pub(crate) fn reply(&self, command: Command, time: [u8; 6]) -> Self {
        Self {
            time,
            source: self.destination,
            destination: self.source,
            command,
            ..*self
        }
    }
}

/// A frame whose marks, length and sum are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) header: Header,
    /// The application unit; empty in a confirm, a deny and most heartbeats.
    pub(crate) adu: Vec<u8>,
}

impl Frame {
    /// Its bytes. An application unit beyond [`ADU_MAX`] is cut; nothing of ours is that long.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let Header {
            sequence,
            version,
            time,
            source,
            destination,
            command,
        } = self.header;
        let adu = self.adu.get(..ADU_MAX).unwrap_or(&self.adu);
        let length = u16::try_from(adu.len()).unwrap_or(u16::MAX);
        let mut bytes = Vec::with_capacity(HEADER + adu.len() + TRAILER);
        bytes.extend(START);
        bytes.extend(sequence.to_le_bytes());
        bytes.extend(version);
        bytes.extend(time);
        bytes.extend(source.0);
        bytes.extend(destination.0);
        bytes.extend(length.to_le_bytes());
        bytes.push(command.byte());
        bytes.extend(adu);
        bytes.push(sum(bytes.get(START.len()..).unwrap_or_default()));
        bytes.extend(END);
        bytes
    }
}

/// What stands at the head of the bytes that have come.
#[derive(Debug, PartialEq, Eq)]
enum Head {
    /// Not all of it is there.
    Short,
    /// Marks, length and sum are right; so many bytes.
    Whole(Frame, usize),
    /// Marks and length are right, the sum is not.
    BadSum(Header, usize),
    /// No frame begins here.
    None,
}

/// What was found in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A frame.
    Frame(Frame),
    /// A frame with a wrong sum: it is dropped and denied.
    BadSum(Header),
    /// So many bytes belong to no frame.
    Noise(usize),
}

/// Cuts a stream of bytes into frames.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    bytes: Vec<u8>,
}

impl Decoder {
    /// Adds what has come. Take everything with [`Decoder::next`] before the next call: then at most [`FRAME_MAX`] bytes stay.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame, or what is none; `None` until more bytes come.
    pub(crate) fn next(&mut self) -> Option<Found> {
        let noise = self.start_from(0);
        if noise > 0 {
            self.bytes.drain(..noise);
            return Some(Found::Noise(noise));
        }
        match head(&self.bytes) {
            Head::Short => None,
            Head::Whole(frame, length) => {
                self.bytes.drain(..length);
                Some(Found::Frame(frame))
            }
            // The length may be what is wrong: a good frame inside comes first.
            Head::BadSum(header, length) => match self.whole_within(length) {
                Some(at) => Some(self.skip(at)),
                None => {
                    self.bytes.drain(..length);
                    Some(Found::BadSum(header))
                }
            },
            Head::None => Some(self.skip(1)),
        }
    }

    /// Bytes that wait for the rest of their frame.
    pub(crate) fn waiting(&self) -> usize {
        self.bytes.len()
    }

    /// Nothing has come for a while and the frame at the head is not whole: noise that looks like one may stand before a good frame,
    /// which is then taken. A good frame that is only slow stays.
    pub(crate) fn look_past(&mut self) -> Option<Found> {
        let at = self.whole_within(self.bytes.len())?;
        Some(self.skip(at))
    }

    fn skip(&mut self, count: usize) -> Found {
        self.bytes.drain(..count.min(self.bytes.len()));
        Found::Noise(count)
    }

    /// Where a frame may begin next; a last byte that is half a mark stays.
    fn start_from(&self, from: usize) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        let mark = rest.windows(START.len()).position(|pair| pair == START);
        let half = usize::from(rest.last() == START.first());
        from + mark.unwrap_or(rest.len() - half)
    }

    /// Where behind the head and before `end` a whole frame begins.
    fn whole_within(&self, end: usize) -> Option<usize> {
        let mut at = self.start_from(1);
        while at < end {
            let rest = self.bytes.get(at..).unwrap_or_default();
            if let Head::Whole(..) = head(rest) {
                return Some(at);
            }
            at = self.start_from(at + 1);
        }
        None
    }
}

fn head(bytes: &[u8]) -> Head {
    let Some((fixed, rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Head::Short;
    };
    let Some((header, length)) = header(fixed) else {
        return Head::None;
    };
    let Some((adu, rest)) = rest.split_at_checked(length) else {
        return Head::Short;
    };
    let Some(([stated, end @ ..], _)) = rest.split_first_chunk::<TRAILER>() else {
        return Head::Short;
    };
    let whole = HEADER + length + TRAILER;
    let summed = bytes.get(START.len()..HEADER + length).unwrap_or_default();
    if *end != END {
        Head::None
    } else if *stated == sum(summed) {
        let adu = adu.to_vec();
        Head::Whole(Frame { header, adu }, whole)
    } else {
        Head::BadSum(header, whole)
    }
}

/// The fixed part with the length of the unit; `None` where no frame can begin.
fn header(fixed: &[u8; HEADER]) -> Option<(Header, usize)> {
    let (start, rest) = fixed.split_first_chunk::<2>()?;
    let (sequence, rest) = rest.split_first_chunk()?;
    let (version, rest) = rest.split_first_chunk()?;
    let (time, rest) = rest.split_first_chunk()?;
    let (source, rest) = rest.split_first_chunk()?;
    let (destination, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::from(u16::from_le_bytes(*length));
    if *start != START || length > ADU_MAX {
        return None;
    }
    let header = Header {
        sequence: u16::from_le_bytes(*sequence),
        version: *version,
        time: *time,
        source: Station(*source),
        destination: Station(*destination),
        command: Command::of(*rest.first()?),
    };
    Some((header, length))
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

#[cfg(test)]
mod tests;
