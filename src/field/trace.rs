//! The frames of one bus as they went over its line: the latest of them, for whoever looks into a fault.
//!
//! The ring never holds up the bus and never grows: the oldest frames make room, and how many did is counted.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::modbus::fault::Fault;
use super::modbus::pdu::{BadReply, Reply};
use crate::domain::time::{EngineTime, WallTime};
use crate::engine::handle::Handle;

/// Most frames of one bus: at ten requests a second the last three minutes.
pub(crate) const FRAMES_MAX: usize = 4_096;
/// Most memory of one bus, with what the ring itself needs for a frame.
pub(crate) const BYTES_MAX: usize = 1024 * 1024;

/// What became of bytes on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// We sent them.
    Sent,
    /// The reply that was asked for.
    Right,
    /// The device refuses, with this exception code.
    Refused(u8),
    /// Not the reply, and why (a word of [`BadReply::word`]).
    Wrong(&'static str),
    /// Nobody had asked for them: late, doubled, noise between two requests.
    Stray,
    /// The time was over; what had come until then, often nothing.
    Timeout,
}

impl Verdict {
    /// One word for a list of frames.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Right => "right",
            Self::Refused(_) => "refused",
            Self::Wrong(why) => why,
            Self::Stray => "stray",
            Self::Timeout => "timeout",
        }
    }
}

impl From<BadReply> for Verdict {
    fn from(bad: BadReply) -> Self {
        Self::Wrong(bad.word())
    }
}

impl From<Fault> for Verdict {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Timeout => Self::Timeout,
            Fault::Bad(bad) => bad.into(),
            Fault::Unsolicited => Self::Stray,
            Fault::Refused
            | Fault::Reset
            | Fault::Unreachable
            | Fault::Gateway
            | Fault::Missing
            | Fault::Taken
            | Fault::Denied
            | Fault::Unplugged
            | Fault::NotSimulated
            | Fault::NoDriver
            | Fault::Babble => Self::Wrong(fault.word()),
        }
    }
}

impl From<&Result<Reply, Fault>> for Verdict {
    fn from(concluded: &Result<Reply, Fault>) -> Self {
        match concluded {
            Ok(reply) => reply.into(),
            Err(fault) => (*fault).into(),
        }
    }
}

impl From<&Reply> for Verdict {
    fn from(reply: &Reply) -> Self {
        match reply {
            Reply::Values(_) | Reply::Written | Reply::Identity(_) => Self::Right,
            Reply::Exception(code) => Self::Refused(*code),
        }
    }
}

/// Bytes on the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Counts from 0 on, without gaps; a gap to the frame before was dropped.
    pub number: u64,
    /// When, for distances between frames, in milliseconds.
    pub engine: EngineTime,
    /// When, for people.
    pub wall: WallTime,
    /// Whether we sent it, and if not what became of it.
    pub verdict: Verdict,
    /// All of it: header, request or reply, checksum.
    pub bytes: Box<[u8]>,
}

impl Frame {
    fn size(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }
}

/// The latest frames of one bus.
#[derive(Debug)]
pub struct Ring {
    handle: Handle,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    frames: VecDeque<Frame>,
    size: usize,
    next: u64,
}

impl Ring {
    pub(crate) fn new(handle: Handle) -> Self {
        let inner = Mutex::default();
        Self { handle, inner }
    }

    /// A request that has been given to the line.
    pub(crate) fn sent(&self, bytes: &[u8]) {
        self.put(bytes, Verdict::Sent);
    }

    /// Bytes that came, or a reply that did not.
    pub(crate) fn heard(&self, bytes: &[u8], verdict: impl Into<Verdict>) {
        self.put(bytes, verdict.into());
    }

    fn put(&self, bytes: &[u8], verdict: Verdict) {
        let now = self.handle.now();
        let bytes = Box::from(bytes);
        let mut inner = self.lock();
        let frame = Frame {
            number: inner.next,
            engine: now.engine,
            wall: now.wall,
            verdict,
            bytes,
        };
        inner.next += 1;
        inner.size += frame.size();
        inner.frames.push_back(frame);
        while inner.frames.len() > FRAMES_MAX || inner.size > BYTES_MAX {
            let Some(oldest) = inner.frames.pop_front() else {
                return;
            };
            inner.size -= oldest.size();
        }
    }

    /// The frames from this number on, oldest first, at most so many. What was asked for and is missing has been dropped.
    #[must_use]
    pub fn since(&self, number: u64, at_most: usize) -> Vec<Frame> {
        let inner = self.lock();
        let dropped = inner
            .frames
            .front()
            .map_or(inner.next, |frame| frame.number);
        let skip = usize::try_from(number.saturating_sub(dropped)).unwrap_or(usize::MAX);
        inner
            .frames
            .iter()
            .skip(skip)
            .take(at_most)
            .cloned()
            .collect()
    }

    /// How many frames made room for later ones.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let inner = self.lock();
        inner
            .frames
            .front()
            .map_or(inner.next, |frame| frame.number)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::testing::Engine;

    #[tokio::test]
    async fn the_latest_frames_are_kept_in_order_and_the_oldest_make_room() {
        let ring = Ring::new(Engine::start().handle.clone());
        ring.sent(&[1, 3, 0, 0, 0, 1]);
        ring.heard(&[], Verdict::Timeout);
        ring.heard(&[1, 3], BadReply::Checksum);
        let frames = ring.since(0, 10);
        let words: Vec<&str> = frames.iter().map(|frame| frame.verdict.word()).collect();
        assert_eq!(words, ["sent", "timeout", "checksum"]);
        assert_eq!(frames[0].bytes[..], [1, 3, 0, 0, 0, 1]);
        assert_eq!(ring.since(2, 10), frames[2..]);
        assert_eq!(ring.since(0, 2), frames[..2]);
        (0..FRAMES_MAX).for_each(|_| ring.sent(&[0]));
        assert_eq!(ring.dropped(), 3);
        assert_eq!(ring.since(0, 1)[0].number, 3);
        assert_eq!(ring.since(0, usize::MAX).len(), FRAMES_MAX);
    }

    #[tokio::test]
    async fn a_ring_of_long_frames_is_bounded_by_their_bytes() {
        let ring = Ring::new(Engine::start().handle.clone());
        (0..FRAMES_MAX).for_each(|_| ring.sent(&[0; 512]));
        let kept = ring.since(0, usize::MAX);
        let size: usize = kept.iter().map(Frame::size).sum();
        assert!(size <= BYTES_MAX && size > BYTES_MAX - 1_024, "{size}");
        assert_eq!(ring.dropped() + kept.len() as u64, FRAMES_MAX as u64);
    }
}
