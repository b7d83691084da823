//! On what terms each unit of a bus is asked: how long it is waited for, how often it is tried, and what its profile says that it
//! does against the letter of the protocol.

use std::collections::BTreeMap;
use std::time::Duration;

use super::modbus::pdu::Lenient;
use crate::domain::line::Line;
use crate::domain::profile::{Profile, Quirks};
use crate::domain::site;

/// The terms of one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Longest wait for a reply.
    pub(crate) timeout: Duration,
    /// How often a read is repeated at once before its block is left alone for a time.
    pub(crate) retries: u8,
    /// Least silence before the unit is asked.
    pub(crate) gap: Duration,
    /// Whether its replies are told from older ones. They are where Modbus TCP numbers them and the unit repeats the number.
    pub(crate) tells_apart: bool,
    /// How long it may owe a reply before it counts as lost.
    pub(crate) patience: Duration,
    /// What it does against the letter.
    pub(crate) quirks: Quirks,
}

/// The terms of all units of a bus.
#[derive(Clone, Debug)]
pub(crate) struct AllTerms {
    by_unit: BTreeMap<u8, Terms>,
    /// Of the line itself, and of a unit that is on no list.
    line: Terms,
}

impl Terms {
    /// What its replies may be like.
    pub(crate) fn lenient(&self) -> Lenient {
        Lenient {
            unit_zero: self.quirks.unit_zero_replies,
            any_transaction: self.quirks.transaction_not_echoed,
        }
    }

    /// Failures in a row from which on a block is left alone for a time, and from which on the whole unit is.
    pub(crate) fn block_failures(&self) -> u32 {
        u32::from(self.retries) + 1
    }

    pub(crate) fn unit_failures(&self) -> u32 {
        u32::from(self.retries) + 2
    }
}

impl AllTerms {
    pub(crate) fn new(bus: &site::Bus, profiles: &BTreeMap<String, Profile>) -> Self {
        let is_tcp = matches!(bus.line, Line::Tcp(_));
        let pause = millis(bus.pause_after_connect_ms);
        let of = |timeout_ms: u32, retries: u8, gap_ms: u32, quirks: Quirks| {
            let timeout = millis(timeout_ms.max(1));
            let tells_apart = is_tcp && !quirks.transaction_not_echoed;
            // Where replies cannot be told apart each loss is followed by as long a pause.
            let tries = (u32::from(retries) + 1).max(2) * if tells_apart { 1 } else { 2 };
            Terms {
                timeout,
                retries,
                gap: millis(gap_ms),
                tells_apart,
                patience: timeout * tries + pause,
                quirks,
            }
        };
        let by_unit = bus.units.iter().map(|unit| {
            let profile = profiles.get(&unit.profile);
            let quirks = profile.map_or_else(Quirks::default, |profile| profile.quirks);
            let timeout_ms = unit.timeout_ms.unwrap_or(bus.timeout_ms);
            (unit.unit, of(timeout_ms, unit.retries, unit.gap_ms, quirks))
        });
        Self {
            by_unit: by_unit.collect(),
            line: of(bus.timeout_ms, site::RETRIES, 0, Quirks::default()),
        }
    }

    /// The terms of one unit.
    pub(crate) fn of(&self, unit: u8) -> Terms {
        self.by_unit.get(&unit).copied().unwrap_or(self.line)
    }

    /// The terms of the line: how long a connection may take, and when it counts as lost.
    pub(crate) fn line(&self) -> Terms {
        self.line
    }

    /// The longest that any reply is waited for.
    pub(crate) fn longest(&self) -> Duration {
        let units = self.by_unit.values().map(|terms| terms.timeout);
        units.fold(self.line.timeout, Duration::max)
    }
}

pub(crate) fn millis(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}
