//! Reading: one block, its values into the slots, and what follows when there are none.

use std::time::Duration;

use tokio::time::Instant;

use super::Bus;
use crate::domain::point::{Conditions, Quality, Reading};
use crate::domain::time::EngineTime;
use crate::engine::handle::Handle;
use crate::field::decode::{Element, decode};
use crate::field::modbus::fault::Fault;
use crate::field::modbus::pdu::{Reply, Request, Values};
use crate::field::plan::{Block, Placed, Standing};
use crate::field::units;

/// Exceptions of V1.1b3, 7 that have a meaning of their own here.
const ILLEGAL_FUNCTION: u8 = 0x01;
const ILLEGAL_ADDRESS: u8 = 0x02;
const ILLEGAL_VALUE: u8 = 0x03;
const ACKNOWLEDGE: u8 = 0x05;
const BUSY: u8 = 0x06;
const NO_GATEWAY_PATH: u8 = 0x0A;
const NO_GATEWAY_REPLY: u8 = 0x0B;

/// How long a device may be busy before its points are faulty.
const BUSY_MAX: Duration = Duration::from_secs(10);

impl Bus {
    /// Asks for one block.
    pub(super) async fn poll(&mut self, index: usize) {
        let Some((unit, span)) = self
            .cycle
            .block(index)
            .map(|block| (block.unit, block.span))
        else {
            return;
        };
        let started = Instant::now();
        match self.exchange(unit, Request::Read(span)).await {
            Ok(Reply::Values(values)) if self.believes(index, &values) => {
                self.take_values(index, &values);
            }
            Ok(Reply::Values(_)) => {}
            Ok(Reply::Exception(code)) => self.take_exception(index, code, started),
            // The other side had closed before anything was asked: the connection is made anew and nobody has failed.
            Err(failure) if !failure.has_left && self.failures == 1 => {}
            Err(failure) => self.no_reply(index, started, failure.fault),
        }
    }

    /// Whether the values are what the block reads now. On a line that does not tell replies apart the first reply after a lost one
    /// may be an older one: the same block is read again until two replies agree.
    fn believes(&mut self, index: usize, values: &Values) -> bool {
        let Some(block) = self.cycle.block_mut(index) else {
            return false;
        };
        if self.units.agrees(block.unit, block.span, values) {
            return true;
        }
        (block.failures, block.ask_after) = (0, None);
        self.units.heard(block.unit);
        self.port.counters.change(|counts| counts.doubted += 1);
        self.cycle.advance(true);
        false
    }

    /// Puts every point of the block into its slot.
    fn take_values(&mut self, index: usize, values: &Values) {
        let at = self.handle.now().engine;
        let Some(block) = self.cycle.block_mut(index) else {
            return;
        };
        let mut again = false;
        for placed in &block.points {
            let (conditions, changed) = self.memory.take(&placed.point, decode(placed, values));
            again |= changed;
            put(&self.handle, placed, conditions, (Quality::Good, at));
        }
        let (unit, was_hole) = (block.unit, block.is_hole());
        if was_hole {
            tracing::info!(bus.id = self.name, %block, "a hole answers");
        }
        block.standing = Standing::Fresh;
        (block.failures, block.ask_after, block.is_stale) = (0, None, false);
        self.unit_answered(unit);
        self.cycle.advance(again);
        if was_hole {
            self.learn_again(unit);
        }
        self.look_for_return();
    }

    /// A hole that answers means another map, so the blocks are planned anew. What was read stays read; while something else is
    /// wrong nothing is touched, so that no silence is forgotten.
    fn learn_again(&mut self, unit: u8) {
        if !self.cycle.is_well(unit) {
            return;
        }
        self.learn(|of| of == unit);
        let blocks = self.cycle.blocks_mut().iter_mut();
        for block in blocks.filter(|block| block.unit == unit) {
            block.standing = Standing::Fresh;
        }
    }

    fn unit_answered(&mut self, unit: u8) {
        if self.units.answered(unit, Instant::now() + self.timeout) {
            // It was left alone and is back: all of it is asked again now.
            let blocks = self.cycle.blocks_mut().iter_mut();
            for block in blocks.filter(|block| block.unit == unit) {
                block.ask_after = None;
            }
        }
    }

    /// The device answered that it does not give these elements.
    fn take_exception(&mut self, index: usize, code: u8, started: Instant) {
        if matches!(code, NO_GATEWAY_PATH | NO_GATEWAY_REPLY) {
            // The gateway is there, the device behind it is not.
            self.last_fault = Fault::Timeout;
            self.no_reply(index, started, Fault::Timeout);
            return;
        }
        let Some(unit) = self.cycle.block(index).map(|block| block.unit) else {
            return;
        };
        self.unit_answered(unit);
        self.units.any_block(unit);
        match code {
            ILLEGAL_ADDRESS | ILLEGAL_VALUE => {
                let is_hole = self.cycle.block(index).is_some_and(Block::is_hole);
                // Halves take the place of the block and are asked next.
                if is_hole || !self.cycle.split(index) {
                    self.found_hole(index, code);
                    self.cycle.advance(false);
                } else {
                    tracing::debug!(
                        bus.id = self.name,
                        index,
                        exception = code,
                        "a block is split"
                    );
                }
            }
            ILLEGAL_FUNCTION => {
                self.found_hole(index, code);
                self.cycle.advance(false);
            }
            _ => {
                self.refused(index, code, started);
                self.cycle.advance(false);
            }
        }
        self.look_for_return();
    }

    /// The points of this block do not exist for the device.
    fn found_hole(&mut self, index: usize, code: u8) {
        let Some(block) = self.cycle.block_mut(index) else {
            return;
        };
        (block.failures, block.ask_after) = (0, None);
        if !block.is_hole() {
            block.standing = Standing::Hole;
            tracing::error!(
                bus.id = self.name, %block, exception = code,
                "the device does not have what the configuration says; its points are faulty"
            );
        }
        self.put_faults(index);
    }

    /// The device cannot answer now. For a time that is no fault: nothing is put, so nothing wrong is put.
    fn refused(&mut self, index: usize, code: u8, started: Instant) {
        let patience = match code {
            BUSY | ACKNOWLEDGE => BUSY_MAX,
            _ => self.timeout * 2,
        };
        let Some(block) = self.cycle.block_mut(index) else {
            return;
        };
        (block.failures, block.ask_after) = (0, None);
        let (since, was_faulty) = match block.standing {
            Standing::Refused { since, is_faulty } => (since, is_faulty),
            Standing::Unread | Standing::Fresh | Standing::Silent { .. } | Standing::Hole => {
                (started, false)
            }
        };
        let is_faulty = Instant::now().saturating_duration_since(since) >= patience;
        block.standing = Standing::Refused { since, is_faulty };
        if !is_faulty {
            return;
        }
        if !was_faulty {
            tracing::warn!(
                bus.id = self.name, %block, exception = code,
                "the device keeps refusing; its points are faulty"
            );
        }
        self.put_faults(index);
    }

    fn put_faults(&mut self, index: usize) {
        let at = self.handle.now().engine;
        let points = self.cycle.block(index).map(|block| block.points.iter());
        for placed in points.into_iter().flatten() {
            let (conditions, _) = self.memory.take(&placed.point, Element::NotPresent);
            put(&self.handle, placed, conditions, (Quality::Good, at));
        }
    }

    /// No reply: the block keeps its readings, and is asked again at once the first time.
    fn no_reply(&mut self, index: usize, started: Instant, fault: Fault) {
        let now = Instant::now();
        let Some(block) = self.cycle.block_mut(index) else {
            return;
        };
        block.failures = block.failures.saturating_add(1);
        block.ask_after = units::block_pause(block.failures).map(|pause| now + pause);
        if !block.is_hole() && block.silent_since().is_none() {
            block.standing = Standing::Silent { since: started };
        }
        tracing::debug!(bus.id = self.name, %block, %fault, "no reply");
        let (unit, span) = (block.unit, block.span);
        self.units.failed(unit, fault, now);
        if !self.tells_apart {
            self.units.doubt(unit, Some(span));
        }
        self.forget_partial_cycle(|of| of == unit);
    }

    /// Points that have owed a reply for too long are stale: their last reading stays, marked.
    pub(super) fn mark_stale(&mut self, now: Instant) {
        let limit = self.patience;
        let is_late = |since: Option<Instant>| since.is_some_and(|since| since + limit <= now);
        let is_closed = is_late(self.closed_since);
        let at = self.handle.now().engine;
        for block in self.cycle.blocks_mut() {
            let is_silent = is_closed
                || is_late(block.silent_since())
                || self.units.is_silent(block.unit) && !block.is_hole();
            if block.is_stale || !is_silent {
                continue;
            }
            block.is_stale = true;
            for placed in &block.points {
                if let Some(conditions) = self.memory.last(&placed.point) {
                    put(&self.handle, placed, conditions, (Quality::Stale, at));
                }
            }
        }
    }
}

/// Puts a reading into the slot of its point.
fn put(
    handle: &Handle,
    placed: &Placed,
    conditions: Conditions,
    (quality, at): (Quality, EngineTime),
) {
    let reading = Reading::new(conditions, quality, at);
    handle.observe(&placed.point, reading);
}
