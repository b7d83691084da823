//! What happened on a bus, counted by kind.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::modbus::pdu::BadReply;
use super::modbus::tcp::Fault;

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
    /// Connections made.
    pub connections: u64,
    /// Times the line was told as lost.
    pub losses: u64,
    /// Times a unit was told as lost while others on the line answered.
    pub units_lost: u64,
    /// Commands that were dropped because too many waited.
    pub commands_dropped: u64,
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
            Fault::Bad(bad) => match bad {
                BadReply::Protocol { .. } => &mut counts.bad_protocol,
                BadReply::Transaction { .. } => &mut counts.bad_transaction,
                BadReply::Unit { .. } => &mut counts.bad_unit,
                BadReply::Length { .. } | BadReply::Surplus => &mut counts.bad_length,
                BadReply::Function { .. } => &mut counts.bad_function,
                BadReply::ByteCount { .. } => &mut counts.bad_count,
                BadReply::EchoAddress { .. } | BadReply::EchoValue { .. } => &mut counts.bad_echo,
            },
        };
        *count += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
