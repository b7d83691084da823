//! What happened on a bus, counted by kind.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::modbus::fault::{Fault, Tally};
use super::modbus::pdu::BadReply;

/// The counts of one bus since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Right replies that carry what was asked for.
    pub ok: u64,
    /// Right replies that refuse.
    pub exceptions: u64,
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
    /// The serial port was missing, in use, forbidden, unplugged or never silent.
    pub port_faults: u64,
    /// Right replies that were not believed until another said the same.
    pub doubted: u64,
    /// Connections made.
    pub connections: u64,
    /// Times the line was told as lost.
    pub losses: u64,
    /// Times a unit was told as lost while others on the line answered.
    pub units_lost: u64,
    /// Commands that were dropped because too many waited.
    pub commands_dropped: u64,
}

impl Counts {
    fn of_bad(&mut self, bad: BadReply) -> &mut u64 {
        match bad {
            BadReply::Protocol { .. } => &mut self.bad_protocol,
            BadReply::Transaction { .. } => &mut self.bad_transaction,
            BadReply::Unit { .. } => &mut self.bad_unit,
            BadReply::Length { .. } | BadReply::Surplus => &mut self.bad_length,
            BadReply::Function { .. } => &mut self.bad_function,
            BadReply::ByteCount { .. } => &mut self.bad_count,
            BadReply::EchoAddress { .. } | BadReply::EchoValue { .. } => &mut self.bad_echo,
            BadReply::Checksum => &mut self.bad_checksum,
            BadReply::Truncated { .. } => &mut self.truncated,
            // The bytes are counted one by one.
            BadReply::Noise => &mut self.timeouts,
            BadReply::OwnEcho => &mut self.own_echoes,
        }
    }
}

/// Counts that a bus raises and others read.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Counts>);

impl Counters {
    pub(crate) fn read(&self) -> Counts {
        *self.lock()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.lock());
    }

    pub(crate) fn fault(&self, fault: Fault) {
        let mut counts = self.lock();
        let count = match fault {
            Fault::Timeout => &mut counts.timeouts,
            Fault::Refused => &mut counts.refused,
            Fault::Reset => &mut counts.resets,
            Fault::Unreachable => &mut counts.unreachable,
            Fault::Unsolicited => &mut counts.unsolicited,
            Fault::Missing
            | Fault::Taken
            | Fault::Denied
            | Fault::Unplugged
            | Fault::NotSimulated
            | Fault::Babble => &mut counts.port_faults,
            Fault::Bad(bad) => counts.of_bad(bad),
        };
        *count += 1;
    }

    /// What was heard beside a reply or instead of it.
    pub(crate) fn tally(&self, tally: Tally) {
        let mut counts = self.lock();
        counts.unsolicited += u64::from(tally.strays);
        counts.noise += u64::from(tally.noise);
        if let Some(bad) = tally.wrong {
            *counts.of_bad(bad) += 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
