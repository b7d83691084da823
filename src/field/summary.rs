//! The change counters of units: while they stand still the blocks that they speak of may be read less often.
//!
//! Nothing is believed of a counter but that it moved. A block is skipped only when it was read since the last move and not longer
//! ago than its `max_age`; when the counter itself cannot be read nothing is skipped. So an alarm that a device fails to announce is
//! seen after `max_age` and one cycle at the latest.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::modbus::pdu::Values;
use super::plan::{Block, Standing};

#[derive(Debug, Default)]
struct Counter {
    /// As last read; `None` when that is not known now.
    values: Option<Values>,
    moves: u64,
}

/// The counters of a bus.
#[derive(Debug, Default)]
pub(crate) struct Summaries {
    by_unit: BTreeMap<u8, Counter>,
}

impl Summaries {
    /// The counter of a unit was read.
    pub(crate) fn read(&mut self, unit: u8, values: &Values) {
        let counter = self.by_unit.entry(unit).or_default();
        if counter.values.as_ref() != Some(values) {
            counter.values = Some(values.clone());
            counter.moves += 1;
        }
    }

    /// The counter of a unit could not be read: whatever it says next is a move.
    pub(crate) fn forget(&mut self, unit: u8) {
        if let Some(counter) = self.by_unit.get_mut(&unit) {
            counter.values = None;
        }
    }

    /// A block was asked for at this moment and everything in it has settled.
    pub(crate) fn settled(&self, block: &mut Block, asked: Instant) {
        let moves = self.by_unit.get(&block.unit).map(|counter| counter.moves);
        if let Some(covered) = &mut block.covered {
            covered.read = moves.map(|moves| (asked, moves));
        }
    }

    /// Whether a block need not be read now.
    pub(crate) fn is_quiet(&self, block: &Block, now: Instant) -> bool {
        let Some(covered) = block.covered else {
            return false;
        };
        let counter = self.by_unit.get(&block.unit);
        let counter = counter.filter(|counter| counter.values.is_some());
        let (Some(counter), Some((asked, moves))) = (counter, covered.read) else {
            return false;
        };
        let is_young = now.saturating_duration_since(asked) < covered.max_age;
        block.standing == Standing::Fresh && !block.is_stale && is_young && moves == counter.moves
    }
}

#[cfg(test)]
mod tests;
