//! From the bytes of a line to records. Pure: bytes and pauses in, records out.
//!
//! Printers know no checksum, so only the frame tells whether a record is whole: it began where records begin and ended where
//! they end. What is not whole is kept too, because an alarm may stand in it, but no point is ever placed by it.

use crate::domain::printer::Framing;

/// One printed record, without the bytes that begin and end it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) bytes: Vec<u8>,
    /// It began and ended as the profile says.
    pub(crate) is_whole: bool,
}

/// Cuts a stream into records. Holds at most one record.
#[derive(Debug)]
pub(crate) struct Cutter {
    framing: Framing,
    held: Vec<u8>,
    /// The beginning of a record was seen, or records have none.
    has_begun: bool,
    /// So many bytes at the beginning of what is held belong to the record before, which was too long.
    carried: usize,
}

impl Cutter {
    pub(crate) fn new(framing: Framing) -> Self {
        let has_begun = framing.starts.is_empty();
        Self {
            framing,
            held: Vec::new(),
            has_begun,
            carried: 0,
        }
    }

    /// Takes what was read; gives the records that ended with it.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Record> {
        let mut records = Vec::new();
        for byte in bytes {
            self.held.push(*byte);
            records.extend(self.cut());
        }
        records
    }

    /// The line was silent for [`Framing::idle`]; gives what was under way.
    pub(crate) fn idle(&mut self) -> Option<Record> {
        let is_end = self.framing.ends.is_empty() && self.framing.length.is_none();
        self.take(0, is_end)
    }

    /// Whether a record is under way.
    pub(crate) fn is_held(&self) -> bool {
        !self.held.is_empty()
    }

    fn cut(&mut self) -> Option<Record> {
        let Framing { starts, ends, .. } = &self.framing;
        if !starts.is_empty() && self.held.ends_with(starts) {
            // Only where nothing else ends a record does the next one end it.
            let is_end = ends.is_empty() && self.framing.length.is_none();
            let before = self.take(starts.len(), is_end);
            self.has_begun = true;
            return before;
        }
        if let Some(end) = ends.iter().find(|end| self.held.ends_with(end)) {
            return self.take(end.len(), true);
        }
        // The length counts the bytes that begin a record.
        let length = self
            .framing
            .length
            .map(|all| all.saturating_sub(starts.len()));
        if self.has_begun && length == Some(self.held.len()) {
            return self.take(0, true);
        }
        (self.held.len() >= self.framing.bytes_max).then(|| self.too_long())
    }

    /// What is held, without its last bytes; `None` when nothing was printed.
    fn take(&mut self, cut_off: usize, is_end: bool) -> Option<Record> {
        let mut bytes = std::mem::take(&mut self.held);
        bytes.truncate(bytes.len().saturating_sub(cut_off));
        let is_whole = self.has_begun && is_end && self.carried == 0;
        self.has_begun = self.framing.starts.is_empty();
        self.carried = 0;
        let is_printed = bytes.iter().any(|byte| !byte.is_ascii_whitespace());
        is_printed.then_some(Record { bytes, is_whole })
    }

    /// A record has no end. Its last bytes are kept with what follows, so that a word on the border is not torn.
    fn too_long(&mut self) -> Record {
        let carried = self.held.split_off(self.held.len().saturating_sub(CARRIED));
        let bytes = std::mem::replace(&mut self.held, carried);
        self.carried = self.held.len();
        self.has_begun = false;
        let bytes = [bytes, self.held.clone()].concat();
        Record {
            bytes,
            is_whole: false,
        }
    }
}

/// Longest alarm word in bytes.
pub(crate) const CARRIED: usize = 32;

#[cfg(test)]
mod tests;
