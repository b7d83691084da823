//! What happened on a bus, counted by kind, for the line and for each unit on it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::modbus::fault::{Fault, Tally};
use super::modbus::pdu::{BadReply, Reply};

/// The device is busy (V1.1b3, 7).
const BUSY: u8 = 0x06;

/// The counts of one bus, or of one unit on it, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Right replies that carry what was asked for.
    pub ok: u64,
    /// Right replies that refuse.
    pub exceptions: u64,
    /// The same by their code.
    pub by_exception: BTreeMap<u8, u64>,
    /// Of these, "busy" (06).
    pub busy: u64,
    /// No whole reply in time.
    pub timeouts: u64,
    /// The connection was refused.
    pub refused: u64,
    /// The connection was ended by the other side.
    pub resets: u64,
    /// No way to the device.
    pub unreachable: u64,
    /// Bytes that nobody had asked for: a late or doubled reply.
    pub unsolicited: u64,
    /// Replies with a protocol other than 0.
    pub bad_protocol: u64,
    /// Replies with another transaction.
    pub bad_transaction: u64,
    /// Replies of another unit.
    pub bad_unit: u64,
    /// Replies of another length, or with bytes after their end.
    pub bad_length: u64,
    /// Replies with another function code.
    pub bad_function: u64,
    /// Replies with another byte count.
    pub bad_count: u64,
    /// Writes answered with another address or value.
    pub bad_echo: u64,
    /// Replies with a wrong checksum.
    pub bad_checksum: u64,
    /// Replies that ended too early.
    pub truncated: u64,
    /// Bytes on a serial line that belong to no frame.
    pub noise: u64,
    /// Our own request heard where no echo is expected.
    pub own_echoes: u64,
    /// Questions with two answers that differ.
    pub two_answers: u64,
    /// The serial port was missing, in use, forbidden, unplugged or never silent.
    pub port_faults: u64,
    /// Records that a panel printed, of which those that were understood are `ok`.
    pub records: u64,
    /// Of these, such as name what points.csv does not know.
    pub records_unlisted: u64,
    /// Of these, such as no pattern of the profile knows.
    pub records_unknown: u64,
    /// Of these, such as cannot be read: not whole, or with bytes that are no text.
    pub records_damaged: u64,
    /// Right replies that were not believed until another said the same.
    pub doubted: u64,
    /// Connections made.
    pub connections: u64,
    /// Times the line was told as lost.
    pub losses: u64,
    /// Times a unit was told as lost while others on the line answered.
    pub units_lost: u64,
    /// Connections and frames of devices that nobody knows.
    pub strangers: u64,
    /// Frames that were answered with 否认.
    pub denied: u64,
    /// Commands that were dropped because too many waited.
    pub commands_dropped: u64,
}

impl Counts {
    /// Every kind with its count, under the names of `/metrics`; exceptions by their code as `exception_02`.
    #[must_use]
    pub fn kinds(&self) -> Vec<(String, u64)> {
        let named = [
            ("ok", self.ok),
            ("timeout", self.timeouts),
            ("late", self.unsolicited),
            ("checksum", self.bad_checksum),
            ("noise", self.noise),
            ("own_echo", self.own_echoes),
            ("two_answers", self.two_answers),
            ("truncated", self.truncated),
            ("protocol", self.bad_protocol),
            ("transaction", self.bad_transaction),
            ("unit", self.bad_unit),
            ("length", self.bad_length),
            ("function", self.bad_function),
            ("byte_count", self.bad_count),
            ("echo", self.bad_echo),
            ("record", self.records),
            ("record_unlisted", self.records_unlisted),
            ("record_unknown", self.records_unknown),
            ("record_damaged", self.records_damaged),
            ("doubted", self.doubted),
            ("reset", self.resets),
            ("refused", self.refused),
            ("unreachable", self.unreachable),
            ("port", self.port_faults),
            ("connected", self.connections),
            ("lost", self.losses + self.units_lost),
            ("command_dropped", self.commands_dropped),
        ];
        let named = named.map(|(kind, count)| (kind.to_owned(), count));
        let codes = self.by_exception.iter();
        let codes = codes.map(|(code, count)| (format!("exception_{code:02x}"), *count));
        named.into_iter().chain(codes).collect()
    }

    fn of_bad(&mut self, bad: BadReply) -> &mut u64 {
        match bad {
            BadReply::Protocol { .. } => &mut self.bad_protocol,
            BadReply::Transaction { .. } => &mut self.bad_transaction,
            BadReply::Unit { .. } => &mut self.bad_unit,
            BadReply::Length { .. } | BadReply::Surplus => &mut self.bad_length,
            BadReply::Function { .. } => &mut self.bad_function,
            BadReply::ByteCount { .. } | BadReply::Objects => &mut self.bad_count,
            BadReply::EchoAddress { .. } | BadReply::EchoValue { .. } => &mut self.bad_echo,
            BadReply::Checksum => &mut self.bad_checksum,
            BadReply::Truncated { .. } => &mut self.truncated,
            // The bytes are counted one by one.
            BadReply::Noise => &mut self.timeouts,
            BadReply::OwnEcho => &mut self.own_echoes,
            BadReply::TwoAnswers => &mut self.two_answers,
        }
    }

    fn of_fault(&mut self, fault: Fault) -> &mut u64 {
        match fault {
            // A gateway's exception is counted as what it is, too.
            Fault::Timeout | Fault::Gateway => &mut self.timeouts,
            Fault::Refused => &mut self.refused,
            Fault::Reset => &mut self.resets,
            Fault::Unreachable => &mut self.unreachable,
            Fault::Unsolicited => &mut self.unsolicited,
            Fault::Missing
            | Fault::Taken
            | Fault::Denied
            | Fault::Unplugged
            | Fault::NotSimulated
            | Fault::NoDriver
            | Fault::Babble => &mut self.port_faults,
            Fault::Bad(bad) => self.of_bad(bad),
        }
    }
}

/// Counts that a bus raises and others read.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    line: Counts,
    units: BTreeMap<u8, Counts>,
}

impl Counters {
    /// The counts of the line with all its units.
    pub(crate) fn read(&self) -> Counts {
        self.lock().line.clone()
    }

    /// The counts of each unit that was asked.
    pub(crate) fn units(&self) -> BTreeMap<u8, Counts> {
        self.lock().units.clone()
    }

    /// Changes the counts of the line, and of the unit that it happened with.
    pub(crate) fn change(&self, unit: Option<u8>, change: impl Fn(&mut Counts)) {
        let mut inner = self.lock();
        change(&mut inner.line);
        if let Some(unit) = unit {
            change(inner.units.entry(unit).or_default());
        }
    }

    pub(crate) fn fault(&self, unit: Option<u8>, fault: Fault) {
        self.change(unit, |counts| *counts.of_fault(fault) += 1);
    }

    pub(crate) fn reply(&self, unit: u8, reply: &Reply) {
        self.change(Some(unit), |counts| match reply {
            Reply::Values(_) | Reply::Written | Reply::Identity(_) => counts.ok += 1,
            Reply::Exception(code) => {
                counts.exceptions += 1;
                counts.busy += u64::from(*code == BUSY);
                *counts.by_exception.entry(*code).or_default() += 1;
            }
        });
    }

    /// What was heard beside a reply or instead of it.
    pub(crate) fn tally(&self, unit: u8, tally: Tally) {
        self.change(Some(unit), |counts| {
            counts.unsolicited += u64::from(tally.strays);
            counts.noise += u64::from(tally.noise);
            if let Some(bad) = tally.wrong {
                *counts.of_bad(bad) += 1;
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
