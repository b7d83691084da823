//! The log of every write that the field ever received: what really happened, whatever the daemon believes.

use std::collections::VecDeque;

use serde::Serialize;

use crate::clock::Moment;
use crate::io::Violation;

/// How many writes are kept. When there are more, the oldest go and `dropped` says how many.
pub const WRITES_MAX: usize = 100_000;

/// One write as it came over the wire.
#[derive(Clone, Debug, Serialize)]
pub struct Write {
    /// Counts from 1.
    pub seq: u64,
    /// Real milliseconds since the simulator started.
    pub at_ms: u64,
    /// Civil time in milliseconds since 1970.
    pub wall_ms: u64,
    /// The link it came over: `panel1`, `io1`.
    pub link: String,
    /// Unit identifier of the request.
    pub unit: u8,
    /// Function code.
    pub function: u8,
    /// Zero-based address.
    pub address: u16,
    /// The values, coils as 0 and 1.
    pub values: Vec<u16>,
    /// Whether it went to a command register.
    pub command: bool,
    /// The output of the first coil, when there is one; of a unit with a map, what the map calls this write.
    pub output: Option<String>,
    /// What the device answered.
    pub answer: Answer,
    /// What it asked that no program may ask.
    pub violation: Option<Violation>,
}

/// What the device answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Taken.
    Taken,
    /// Refused with this Modbus exception code.
    Exception(u8),
    /// Not answered: the unit identifier is not this device's.
    Silence,
}

/// The log, as the control API shows it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Writes {
    /// Most writes that are kept.
    pub bound: usize,
    /// Writes that came, the dropped ones too.
    pub total: u64,
    /// Writes that are gone because the log was full.
    pub dropped: u64,
    /// Oldest first.
    pub writes: Vec<Write>,
}

#[derive(Debug, Default)]
pub(crate) struct WriteLog {
    total: u64,
    kept: VecDeque<Write>,
}

impl WriteLog {
    /// Gives the write its number and time, and keeps it.
    pub(crate) fn push(&mut self, now: Moment, write: Write) {
        if self.kept.len() == WRITES_MAX {
            self.kept.pop_front();
        }
        self.total += 1;
        self.kept.push_back(Write {
            seq: self.total,
            at_ms: now.at_ms,
            wall_ms: now.wall_ms,
            ..write
        });
    }

    /// Writes after `since`; of those the newest `limit`.
    pub(crate) fn after(&self, since: u64, limit: usize) -> Writes {
        let first = self.kept.partition_point(|write| write.seq <= since);
        let first = first.max(self.kept.len().saturating_sub(limit));
        Writes {
            bound: WRITES_MAX,
            total: self.total,
            dropped: self.total - u64::try_from(self.kept.len()).unwrap_or(u64::MAX),
            writes: self.kept.range(first..).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, WRITES_MAX, Write, WriteLog};
    use crate::clock::Moment;

    fn write() -> Write {
        Write {
            seq: 0,
            at_ms: 0,
            wall_ms: 0,
            link: "io1".to_owned(),
            unit: 1,
            function: 5,
            address: 3,
            values: vec![1],
            command: false,
            output: None,
            answer: Answer::Taken,
            violation: None,
        }
    }

    #[test]
    fn a_full_log_drops_the_oldest_and_says_so() {
        let mut log = WriteLog::default();
        for _ in 0..WRITES_MAX + 3 {
            log.push(Moment::default(), write());
        }
        let writes = log.after(0, usize::MAX);
        assert_eq!((writes.total, writes.dropped), (100_003, 3));
        assert_eq!((writes.writes.len(), writes.writes[0].seq), (WRITES_MAX, 4));
        assert_eq!(log.after(0, 2).writes[0].seq, 100_002);
        assert_eq!(log.after(100_003, usize::MAX).writes.len(), 0);
    }
}
