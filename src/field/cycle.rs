//! The order and the pace of polling: which block is asked next. It knows time only as an argument and does no I/O.
//!
//! One cycle asks every block once, alarms first, then one of the holes. Cycles start at fixed moments; one that is missed is
//! left out, so a slow device is never flooded afterwards.

use std::time::Duration;

use tokio::time::Instant;

use super::plan::{Block, Standing};

/// How often one visit reads a block again because fire has changed in it.
const REREADS_MAX: u8 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cursor {
    /// Until the next cycle is due.
    Idle,
    /// The block to ask.
    At(usize),
    /// A hole that is asked at the end of a cycle.
    Hole(usize),
}

/// The blocks of a bus and where polling is.
#[derive(Debug)]
pub(crate) struct Cycle {
    /// As they were planned, before any was split.
    planned: Vec<Block>,
    blocks: Vec<Block>,
    interval: Duration,
    due: Instant,
    cursor: Cursor,
    rereads: u8,
    last_hole: usize,
    /// Counts the cycles.
    round: u64,
}

impl Cycle {
    pub(crate) fn new(planned: Vec<Block>, interval: Duration, now: Instant) -> Self {
        Self {
            blocks: planned.clone(),
            planned,
            interval: interval.max(Duration::from_millis(1)),
            due: now,
            cursor: Cursor::Idle,
            rereads: 0,
            last_hole: 0,
            round: 0,
        }
    }

    /// When the next cycle starts.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// The next cycle starts then at the latest.
    pub(crate) fn start_by(&mut self, at: Instant) {
        self.due = self.due.min(at);
    }

    pub(crate) fn blocks_mut(&mut self) -> &mut [Block] {
        &mut self.blocks
    }

    pub(crate) fn block(&self, index: usize) -> Option<&Block> {
        self.blocks.get(index)
    }

    pub(crate) fn block_mut(&mut self, index: usize) -> Option<&mut Block> {
        self.blocks.get_mut(index)
    }

    /// The cycle at work, or the last one.
    pub(crate) fn round(&self) -> u64 {
        self.round
    }

    /// The block to ask now; `None` until the next cycle is due. `may_ask` says whether a block is asked at all in this cycle.
    pub(crate) fn next(
        &mut self,
        now: Instant,
        may_ask: impl Fn(&Block, u64) -> bool,
    ) -> Option<usize> {
        loop {
            let round = self.round;
            let is_ready =
                |block: &Block| may_ask(block, round) && block.ask_after.is_none_or(|at| at <= now);
            match self.cursor {
                Cursor::Idle if now < self.due => return None,
                Cursor::Idle => {
                    self.due = following(self.due, self.interval, now);
                    self.round += 1;
                    self.cursor = Cursor::At(0);
                }
                Cursor::At(index) => match self.blocks.get(index) {
                    Some(block) if !block.is_hole() && is_ready(block) => return Some(index),
                    Some(_) => self.cursor = Cursor::At(index + 1),
                    None => {
                        self.cursor = self.next_hole().map_or(Cursor::Idle, Cursor::Hole);
                    }
                },
                Cursor::Hole(index) => {
                    if self.blocks.get(index).is_some_and(is_ready) {
                        return Some(index);
                    }
                    self.cursor = Cursor::Idle;
                }
            }
        }
    }

    /// The hole after the one that was asked last, round and round.
    fn next_hole(&mut self) -> Option<usize> {
        let holes =
            || (0..self.blocks.len()).filter(|n| self.blocks.get(*n).is_some_and(Block::is_hole));
        let next = holes()
            .find(|n| *n > self.last_hole)
            .or_else(|| holes().next())?;
        self.last_hole = next;
        Some(next)
    }

    /// The block has been asked. With `again` it is asked once more at once, a bounded number of times.
    pub(crate) fn advance(&mut self, again: bool) {
        if again && self.rereads < REREADS_MAX {
            self.rereads += 1;
            return;
        }
        self.rereads = 0;
        self.cursor = match self.cursor {
            Cursor::At(index) => Cursor::At(index + 1),
            Cursor::Idle | Cursor::Hole(_) => Cursor::Idle,
        };
    }

    /// Puts two halves in the place of a block; the first is asked next. False when it is a single element.
    pub(crate) fn split(&mut self, index: usize) -> bool {
        self.put_halves(index, Block::split)
    }

    /// The same for a block that is too long for its device.
    pub(crate) fn halve(&mut self, index: usize) -> bool {
        self.put_halves(index, Block::halve)
    }

    fn put_halves(&mut self, index: usize, of: impl Fn(&Block) -> Option<(Block, Block)>) -> bool {
        let Some((low, high)) = self.blocks.get(index).and_then(of) else {
            return false;
        };
        self.blocks.splice(index..=index, [low, high]);
        true
    }

    /// Forgets the holes and splits of these units: a device that comes back, or a hole that answers, may have another map. None
    /// of their blocks counts as read.
    pub(crate) fn learn_again(&mut self, of: impl Fn(u8) -> bool) {
        self.blocks.retain(|block| !of(block.unit));
        let planned = self.planned.iter().filter(|block| of(block.unit));
        self.blocks.extend(planned.cloned());
        self.blocks.sort_by_key(Block::rank);
        self.cursor = Cursor::Idle;
        self.rereads = 0;
    }

    /// Whether nothing is wrong with any block of a unit but that the device does not have it.
    pub(crate) fn is_well(&self, unit: u8) -> bool {
        self.of_unit(unit)
            .all(|block| matches!(block.standing, Standing::Fresh | Standing::Hole))
    }

    /// Since when the first block of a unit has owed a right reply, if one does.
    pub(crate) fn silent_since(&self, unit: u8) -> Option<Instant> {
        self.of_unit(unit).filter_map(Block::silent_since).min()
    }

    fn of_unit(&self, unit: u8) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(move |block| block.unit == unit)
    }

    /// Whether every block of a unit has been answered since the start or since it was lost.
    pub(crate) fn is_complete(&self, unit: u8) -> bool {
        self.of_unit(unit).all(|block| match block.standing {
            Standing::Fresh | Standing::Hole => true,
            Standing::Refused { is_faulty, .. } => is_faulty,
            Standing::Unread | Standing::Silent { .. } => false,
        })
    }
}

/// The first multiple of the interval after `now`, counted from `due`.
fn following(due: Instant, interval: Duration, now: Instant) -> Instant {
    let late = now.saturating_duration_since(due);
    let missed = late.as_nanos() / interval.as_nanos().max(1);
    let missed = u32::try_from(missed).unwrap_or(u32::MAX);
    interval
        .checked_mul(missed.saturating_add(1))
        .and_then(|ahead| due.checked_add(ahead))
        .unwrap_or(now + interval)
}

#[cfg(test)]
mod tests;
