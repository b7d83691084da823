//! What is told of the line and its units: lost, and found again.

use std::time::Duration;

use tokio::time::Instant;

use super::Bus;
use crate::field::plan::Standing;

impl Bus {
    /// The next moment at which something counts as lost if nothing right comes before.
    pub(super) fn lost_at(&self) -> Option<Instant> {
        let is_down = self.reports.link() == Some(false);
        let closed = self.closed_since.filter(|_| !is_down);
        let closed = closed.map(|since| since + self.terms.line().patience);
        // While all is dark it stays one fault: a unit is told only beside one that answers.
        let may_tell = |unit: &u8| !is_down || self.others_answer(*unit);
        let silent = self.units.standing().filter(may_tell);
        let silent = silent.filter_map(|unit| {
            let since = self.cycle.silent_since(unit);
            since.map(|since| since + self.terms.of(unit).patience)
        });
        silent.chain(closed).min()
    }

    fn others_answer(&self, unit: u8) -> bool {
        let mut others = self.units.standing().filter(|other| *other != unit);
        others.any(|other| self.cycle.is_complete(other))
    }

    pub(super) fn look_for_loss(&mut self, now: Instant) {
        self.mark_stale(now);
        if is_late(self.closed_since, self.terms.line().patience, now) {
            self.line_lost();
        }
        let is_silent = |unit: &u8| {
            let since = self.cycle.silent_since(*unit);
            is_late(since, self.terms.of(*unit).patience, now)
        };
        let silent: Vec<u8> = self.units.standing().filter(is_silent).collect();
        for unit in silent {
            let is_last = self.units.standing().all(|other| other == unit);
            if is_last {
                self.line_lost();
            } else if self.reports.link() != Some(false) || self.others_answer(unit) {
                self.unit_lost(unit);
            }
        }
        self.look_for_return();
    }

    fn line_lost(&mut self) {
        if self.reports.link() == Some(false) {
            return;
        }
        let reason = self.last_fault.word();
        self.port.counters.change(None, |counts| counts.losses += 1);
        let counts = self.port.counters.read();
        tracing::warn!(
            bus.id = self.name,
            reason,
            ?counts,
            "a line of the field is lost"
        );
        self.learn(|_| true);
        self.reports.set_link(false, reason);
    }

    fn unit_lost(&mut self, unit: u8) {
        let reason = self.units.fault(unit).unwrap_or(self.last_fault).word();
        self.port
            .counters
            .change(Some(unit), |counts| counts.units_lost += 1);
        tracing::warn!(bus.id = self.name, unit, reason, "a unit of a line is lost");
        self.units.set_lost(unit, true);
        self.learn(|of| of == unit);
        self.reports.set_unit(unit, false, reason);
    }

    /// Forgets what was learnt of the map of these units.
    pub(super) fn learn(&mut self, of: impl Fn(u8) -> bool) {
        for unit in self
            .units
            .all()
            .filter(|unit| of(*unit))
            .collect::<Vec<u8>>()
        {
            self.units.choose(unit, None);
        }
        self.cycle.learn_again(of);
    }

    /// A unit is found when every block of it has been answered since it was lost; the line is up when that holds for every
    /// unit on it that is not told as lost.
    pub(super) fn look_for_return(&mut self) {
        let found: Vec<u8> = self
            .units
            .all()
            .filter(|unit| self.units.is_lost(*unit) && self.cycle.is_complete(*unit))
            .collect();
        for unit in found {
            tracing::info!(bus.id = self.name, unit, "a unit of a line is found");
            self.units.set_lost(unit, false);
            self.reports.set_unit(unit, true, "");
        }
        let mut standing = self.units.standing().peekable();
        let is_up = match standing.peek() {
            // Nothing is read here: the connection is all there is.
            None => self.units.all().next().is_none() && self.closed_since.is_none(),
            Some(_) => standing.all(|unit| self.cycle.is_complete(unit)),
        };
        if is_up && self.reports.link() != Some(true) {
            let counts = self.port.counters.read();
            tracing::info!(bus.id = self.name, ?counts, "a line of the field is up");
            self.reports.set_link(true, "");
        }
    }

    /// While these units are not told as good, a cycle of theirs must be whole: what was read before a failure is read again.
    pub(super) fn forget_partial_cycle(&mut self, of: impl Fn(u8) -> bool) {
        let is_up = self.reports.link() == Some(true);
        for block in self.cycle.blocks_mut() {
            if !of(block.unit) || is_up && !self.units.is_lost(block.unit) {
                continue;
            }
            match block.standing {
                Standing::Fresh | Standing::Refused { .. } => block.standing = Standing::Unread,
                Standing::Unread | Standing::Silent { .. } | Standing::Hole => {}
            }
        }
    }
}

/// Whether something has owed a reply for longer than it may.
pub(super) fn is_late(since: Option<Instant>, patience: Duration, now: Instant) -> bool {
    since.is_some_and(|since| since + patience <= now)
}
