//! Reading: one block, its values into the slots, and what follows when there are none.

use std::time::Duration;

use tokio::time::Instant;

use super::Bus;
use super::loss::is_late;
use crate::domain::point::Trouble;
use crate::domain::profile::Scan;
use crate::domain::time::EngineTime;
use crate::engine::handle::Handle;
use crate::field::Counts;
use crate::field::decode::{Element, decode};
use crate::field::memory::Seen;
use crate::field::modbus::fault::Fault;
use crate::field::modbus::pdu::{Reply, Request, Span, Values};
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
/// From here on codes are a gateway's own: 41 to 43 and 4B of the ICP DAS tGW-700 stand for silence and wrong checksums behind it.
const GATEWAYS_OWN: u8 = 0x40;

/// How long a device may be busy before its points are faulty.
const BUSY_MAX: Duration = Duration::from_secs(10);

impl Bus {
    /// Asks for one block.
    pub(super) async fn poll(&mut self, index: usize) {
        let Some((unit, span, scan)) = self
            .cycle
            .block(index)
            .map(|block| (block.unit, block.span, block.scan))
        else {
            return;
        };
        let started = Instant::now();
        self.written_in_a_row = 0;
        if let Some(probe) = self.probe(index) {
            return self.probe_unit(index, (unit, probe), started).await;
        }
        let answer = self.exchange(unit, Request::Read(span)).await;
        if scan == Scan::Summary && !matches!(answer, Ok(Reply::Values(_))) {
            self.summaries.forget(unit);
        }
        match answer {
            // The gateway is there, the device behind it is not.
            Ok(Reply::Exception(code)) if is_of_gateway(code) => {
                self.last_fault = Fault::Gateway;
                self.no_reply(index, started, Fault::Gateway);
            }
            Ok(reply) if !self.believes(index, &reply, started) => {}
            Ok(Reply::Values(values)) => self.take_values(index, &values, started),
            Ok(Reply::Exception(code)) => self.take_exception(index, code, started),
            Ok(Reply::Written | Reply::Identity(_)) => {}
            // The other side had closed before anything was asked: the connection is made anew and nobody has failed.
            Err(failure) if !failure.has_left && self.failures == 1 => {}
            Err(failure) => self.no_reply(index, started, failure.fault),
        }
    }

    /// The one element that is asked for where a unit or a block has been given up: long questions are for those that answer.
    fn probe(&self, index: usize) -> Option<Span> {
        let block = self.cycle.block(index)?;
        let is_given_up = self.units.is_silent(block.unit)
            || !block.is_probed && block.failures >= self.terms.of(block.unit).block_failures();
        is_given_up.then(|| block.probe()).flatten()
    }

    /// Whatever a unit answers, it is there: the whole block is asked next. What the one element reads is not believed.
    async fn probe_unit(&mut self, index: usize, (unit, probe): (u8, Span), started: Instant) {
        let is_there = match self.exchange(unit, Request::Read(probe)).await {
            Ok(Reply::Exception(code)) if is_of_gateway(code) => Err(Fault::Gateway),
            Ok(_) => Ok(()),
            Err(failure) if !failure.has_left && self.failures == 1 => return,
            Err(failure) => Err(failure.fault),
        };
        if let Some(block) = self.cycle.block_mut(index) {
            block.is_probed = is_there.is_ok();
            // All of it is tried as often as anything before it is taken for too long.
            if block.is_probed {
                block.failures = 0;
            }
        }
        match is_there {
            Ok(()) => {
                self.units.heard(unit);
                self.ask_all_of(unit);
            }
            Err(fault) => self.no_reply(index, started, fault),
        }
    }

    /// Whether the reply is what the block reads now. On a line that does not tell replies apart it may be an older one: the same
    /// block is read again until one can only be its own, and owes a reply until then.
    fn believes(&mut self, index: usize, reply: &Reply, started: Instant) -> bool {
        let Some(block) = self.cycle.block_mut(index) else {
            return false;
        };
        let unit = block.unit;
        if self.units.agrees(unit, block.span, reply) {
            return true;
        }
        (block.failures, block.ask_after) = (0, None);
        if matches!(block.standing, Standing::Unread | Standing::Fresh) {
            block.standing = Standing::Silent { since: started };
        }
        self.units.heard(unit);
        let doubted = |counts: &mut Counts| counts.doubted += 1;
        self.port.counters.change(Some(unit), doubted);
        false
    }

    /// Puts every point of the block into its slot.
    fn take_values(&mut self, index: usize, values: &Values, asked: Instant) {
        let at = self.handle.now().engine;
        let Some(block) = self.cycle.block_mut(index) else {
            return;
        };
        let mut again = false;
        let stands = matches!(block.standing, Standing::Fresh) && !block.is_stale;
        if !stands || block.settled.as_ref() != Some(values) {
            for placed in &block.points {
                let (seen, changed) = self.memory.take(placed, decode(placed, values));
                again |= changed;
                put(&self.handle, placed, seen, at);
            }
            block.settled = (!again && !block.measures()).then(|| values.clone());
        }
        let (unit, was_hole) = (block.unit, block.is_hole());
        if was_hole {
            tracing::info!(bus.id = self.name, %block, "a hole answers");
        }
        block.standing = Standing::Fresh;
        (block.failures, block.ask_after) = (0, None);
        (block.is_stale, block.is_probed) = (false, false);
        if block.scan == Scan::Summary {
            self.summaries.read(unit, values);
        } else if !again {
            self.summaries.settled(block, asked);
        }
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
        if self.units.answered(unit, Instant::now()) {
            self.ask_all_of(unit);
        }
    }

    /// A unit was left alone and is back: all of it is asked again now.
    fn ask_all_of(&mut self, unit: u8) {
        let blocks = self.cycle.blocks_mut().iter_mut();
        for block in blocks.filter(|block| block.unit == unit) {
            block.ask_after = None;
        }
    }

    /// The device answered that it does not give these elements.
    fn take_exception(&mut self, index: usize, code: u8, started: Instant) {
        let Some(unit) = self.cycle.block(index).map(|block| block.unit) else {
            return;
        };
        self.unit_answered(unit);
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
                self.refused(index, (unit, code), started);
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
    fn refused(&mut self, index: usize, (unit, code): (u8, u8), started: Instant) {
        let patience = match code {
            BUSY | ACKNOWLEDGE => BUSY_MAX,
            _ => self.terms.of(unit).timeout * 2,
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
            let element = Element::Faulty(Trouble::NotPresent);
            let (seen, _) = self.memory.take(placed, element);
            put(&self.handle, placed, seen, at);
        }
    }

    /// No reply: the block keeps its readings, and is asked again at once the first time. Where replies are not told apart it is asked
    /// when the lost one has had another timeout to come, and before any other block of the unit unless it may be left out.
    pub(super) fn no_reply(&mut self, index: usize, started: Instant, fault: Fault) {
        let now = Instant::now();
        let Some(block) = self.cycle.block_mut(index) else {
            return;
        };
        let terms = self.terms.of(block.unit);
        block.failures = block.failures.saturating_add(1);
        let pause = units::block_pause(block.failures, &terms);
        block.ask_after = pause.map(|pause| now + pause);
        if !block.is_hole() && block.silent_since().is_none() {
            block.standing = Standing::Silent { since: started };
        }
        tracing::debug!(bus.id = self.name, %block, %fault, "no reply");
        let is_first = !block.is_hole() && pause.is_none();
        let (unit, first) = (block.unit, is_first.then_some(block.span));
        let round = self.cycle.round();
        self.units.failed(unit, fault, (now, round), &terms);
        self.lost_reply(unit, fault);
        self.units.choose(unit, first);
        self.halve(index);
        self.forget_partial_cycle(|of| of == unit);
    }

    /// A device that answers one element of a block and not the whole of it takes no questions as long as that (Firetrol Mark II:
    /// frames of 64 bytes, else silence). Its halves take the place of the block.
    fn halve(&mut self, index: usize) {
        let Some(block) = self.cycle.block(index) else {
            return;
        };
        let is_too_long = block.failures >= self.terms.of(block.unit).block_failures();
        if !block.is_probed || !is_too_long || block.is_hole() {
            return;
        }
        let (unit, count, shown) = (block.unit, block.span.count(), block.to_string());
        if self.cycle.halve(index) {
            self.units.choose(unit, None);
            tracing::warn!(
                bus.id = self.name,
                block = shown,
                count,
                "the device answers one element and not so many at once; asking for half (lower the limits of its profile)"
            );
        }
    }

    /// Points that have owed a reply for too long are stale: their last reading stays, marked.
    pub(super) fn mark_stale(&mut self, now: Instant) {
        let is_closed = is_late(self.closed_since, self.terms.line().patience, now);
        let at = self.handle.now().engine;
        for block in self.cycle.blocks_mut() {
            let patience = self.terms.of(block.unit).patience;
            let is_silent = is_closed
                || is_late(block.silent_since(), patience, now)
                || self.units.is_silent(block.unit) && !block.is_hole();
            if block.is_stale || !is_silent {
                continue;
            }
            block.is_stale = true;
            for placed in &block.points {
                put(&self.handle, placed, self.memory.stale(placed), at);
            }
        }
    }
}

/// Whether an exception says that nothing was heard from the device behind a gateway.
fn is_of_gateway(code: u8) -> bool {
    matches!(code, NO_GATEWAY_PATH | NO_GATEWAY_REPLY) || code > GATEWAYS_OWN
}

/// Puts what is believed of a point into its slot.
fn put(handle: &Handle, placed: &Placed, seen: Option<Seen>, at: EngineTime) {
    if let Some(seen) = seen {
        handle.observe(&placed.point, seen.reading(at));
    }
}
