//! One bus, one task: it alone owns the connection and the pace. Between two frames it decides what comes next: a command that
//! has its permit, then the next block.
//!
//! The connection is inside [`Line`] only while nothing is in flight. An exchange takes it out and puts it back with a right
//! reply; it is never cancelled half-way, it ends by reply, error or timeout.
//!
//! A lost reply that is repaired at once is no loss. A unit is told as lost when it has owed a reply for twice the timeout, and
//! as found only when every block of it has been read and put into its slots since then: a point that is not read must not be
//! believed. A line is lost when nothing on it answers; it is up when every unit on it that is not told as lost has been read.

mod loss;
mod poll;
mod probe;
mod write;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::write::Hand;
use super::command::Port;
use super::cycle::Cycle;
use super::memory::Memory;
use super::modbus::fault::{Failure, Fault, Tally};
use super::modbus::pdu::{Reply, Request};
use super::modbus::transport::{Ask, Connection, Failed, Sent, Way};
use super::plan::Block;
use super::recent::Recent;
use super::report::Reports;
use super::summary::Summaries;
use super::terms::{AllTerms, millis};
use super::units::Units;
use crate::domain::line;
use crate::domain::output::WriteOutcome;
use crate::domain::site;
use crate::engine::handle::Handle;

/// Pauses before the connection is tried again: none, then doubling from the first to the last of these.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(2);
/// How long the engine's last answers are waited for at the end.
const FAREWELL: Duration = Duration::from_secs(1);
/// Pause after a panic of the task.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// The connection between two exchanges.
#[derive(Debug)]
enum Line {
    Open(Connection),
    Closed { retry_at: Instant },
}

/// What comes next.
enum Step {
    Connect,
    Write,
    Poll(usize),
    /// A question of whoever commissions the site.
    Ask,
    Wait(Instant),
}

/// How long a step may take before the watchdog no longer believes in the task, beside the timeouts of its connection.
const SILENT_MAX: Duration = Duration::from_secs(4);
/// Timeouts that one step may meet: a connect, an exchange, what a write reads back.
const TIMEOUTS_MAX: u32 = 4;
/// Commands overtake polling, but after so many in a row a block that is due is read: a flood of commands keeps no alarm waiting
/// for longer than four of them a block.
const WRITTEN_IN_A_ROW_MAX: u32 = 4;
/// Longest wait without a look around.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// A bus at work.
pub(crate) struct Bus {
    name: String,
    place: line::Line,
    way: Way,
    terms: AllTerms,
    handle: Handle,
    port: Arc<Port>,
    stop: CancellationToken,
    line: Line,
    /// Failed connections and exchanges since the last right reply.
    failures: u32,
    /// Since when no connection could be made.
    closed_since: Option<Instant>,
    last_fault: Fault,
    cycle: Cycle,
    units: Units,
    recent: Recent,
    memory: Memory,
    summaries: Summaries,
    reports: Reports,
    hand: Hand,
    /// Commands since the last poll.
    written_in_a_row: u32,
}

impl Bus {
    pub(crate) fn new(
        bus: &site::Bus,
        (blocks, terms): (Vec<Block>, AllTerms),
        port: Arc<Port>,
        handle: Handle,
        stop: CancellationToken,
    ) -> Self {
        let now = Instant::now();
        let interval = millis(bus.poll_interval_ms);
        let way = Way {
            limit: terms.line().timeout,
            pause: millis(bus.pause_after_connect_ms),
            ring: Arc::clone(&port.ring),
        };
        let units = Units::new(blocks.iter().map(|block| block.unit));
        Self {
            name: bus.id.to_string(),
            place: bus.line.clone(),
            way,
            terms,
            reports: Reports::new(bus.id.clone(), handle.clone()),
            handle,
            port,
            stop,
            line: Line::Closed { retry_at: now },
            failures: 0,
            closed_since: None,
            last_fault: Fault::Timeout,
            cycle: Cycle::new(blocks, interval, now),
            units,
            recent: Recent::default(),
            memory: Memory::default(),
            summaries: Summaries::default(),
            hand: Hand::Empty,
            written_in_a_row: 0,
        }
    }

    /// Works until it is told to stop. A panic is a fault of this line alone: its points become stale and it starts again.
    pub(crate) async fn run(mut self) {
        while !self.stop.is_cancelled() {
            if AssertUnwindSafe(self.work()).catch_unwind().await.is_err() {
                tracing::error!(
                    bus.id = self.name,
                    "the task of a bus panicked; starting it again"
                );
                self.after_panic(Instant::now());
            }
        }
        self.line = Line::Closed {
            retry_at: Instant::now(),
        };
        // A permit that is granted now must not stay without a result.
        let _ = tokio::time::timeout(FAREWELL, self.farewell()).await;
    }

    async fn work(&mut self) {
        let pulse = self.handle.pulse(&format!("bus {}", self.name));
        while !self.stop.is_cancelled() {
            pulse.good_for(self.longest_step());
            crate::crash::hold("bus");
            while let Some(permit) = self.reports.collect() {
                self.decided(&permit);
            }
            self.look_for_loss(Instant::now());
            self.next_command().await;
            // A permit that came meanwhile is acted on now, not after one more frame.
            let now = Instant::now();
            match self.next_step(now) {
                Step::Connect => self.connect().await,
                Step::Write => self.write().await,
                Step::Poll(index) => self.poll(index).await,
                Step::Ask => self.ask().await,
                Step::Wait(until) => self.wait(until.min(now + WAIT_MAX)).await,
            }
        }
    }

    fn next_step(&mut self, now: Instant) -> Step {
        if let Line::Closed { retry_at } = self.line {
            if retry_at <= now {
                return Step::Connect;
            }
            return Step::Wait(self.lost_at().map_or(retry_at, |lost| lost.min(retry_at)));
        }
        let has_command = self.write_at().is_some_and(|at| at <= now);
        if has_command && self.written_in_a_row < WRITTEN_IN_A_ROW_MAX {
            return Step::Write;
        }
        if self.port.questions.is_overdue(now) {
            return Step::Ask;
        }
        let (units, summaries) = (&self.units, &self.summaries);
        let may_ask = |block: &Block, round| {
            units.may_ask(block.unit, block.span, (now, round)) && !summaries.is_quiet(block, now)
        };
        match self.cycle.next(now, may_ask) {
            Some(index) => Step::Poll(index),
            None if has_command => Step::Write,
            None if self.question_at().is_some_and(|at| at <= now) => Step::Ask,
            None => Step::Wait(self.wake_at()),
        }
    }

    /// How long one step may take, so that the watchdog believes in the task for as long.
    fn longest_step(&self) -> Duration {
        SILENT_MAX + self.way.pause + self.terms.longest() * TIMEOUTS_MAX
    }

    /// When something is to be done though nobody calls.
    fn wake_at(&self) -> Instant {
        let others = [self.write_at(), self.lost_at(), self.question_at()];
        let first = others.into_iter().flatten().min();
        first.map_or(self.cycle.due(), |at| at.min(self.cycle.due()))
    }

    async fn wait(&mut self, until: Instant) {
        let permit = tokio::select! {
            () = self.stop.cancelled() => None,
            () = self.port.commands.arrived() => None,
            () = self.port.questions.arrived() => None,
            () = sleep_until(until) => None,
            permit = self.reports.answered() => permit,
        };
        if let Some(permit) = permit {
            self.decided(&permit);
        }
    }

    async fn connect(&mut self) {
        let started = Instant::now();
        let connected = tokio::select! {
            () = self.stop.cancelled() => return,
            connected = Connection::open(&self.place, &self.way) => connected,
        };
        match connected {
            Ok(connection) => {
                tracing::debug!(bus.id = self.name, "connected");
                self.line = Line::Open(connection);
                self.closed_since = None;
                self.port
                    .counters
                    .change(None, |counts| counts.connections += 1);
                self.look_for_return();
            }
            Err(fault) => {
                self.closed_since.get_or_insert(started);
                self.port.counters.fault(None, fault);
                self.line_failed(fault);
                self.forget_partial_cycle(|_| true);
            }
        }
    }

    /// Takes the connection out, sends, and gives what is needed to wait for the reply.
    async fn send(&mut self, unit: u8, request: Request) -> Result<Sent, Failure> {
        let terms = self.terms.of(unit);
        if !terms.tells_apart {
            if let Some(free_at) = self.recent.free_at(unit, &request) {
                sleep_until(free_at).await;
            }
            self.recent.asks(unit, &request);
        }
        let retry_at = Instant::now();
        let line = std::mem::replace(&mut self.line, Line::Closed { retry_at });
        let ask = Ask {
            unit,
            request,
            limit: terms.timeout,
            gap: terms.gap,
            settle: self.units.settle(unit),
            lenient: terms.lenient(),
        };
        match line {
            Line::Open(connection) => match connection.send(ask).await {
                Ok(sent) => Ok(sent),
                Err(failed) => Err(self.failed(unit, failed)),
            },
            Line::Closed { retry_at } => {
                self.line = Line::Closed { retry_at };
                Err(Failure {
                    has_left: false,
                    fault: self.last_fault,
                })
            }
        }
    }

    /// Waits for the reply and puts the connection back.
    async fn reply(&mut self, unit: u8, sent: Sent) -> Result<Reply, Failure> {
        // The line is listened to for so long behind a reply before it is handed over.
        let settle = self.units.settle(unit);
        let (connection, reply, tally) = match sent.reply().await {
            Ok(answer) => answer,
            Err(failed) => return Err(self.failed(unit, failed)),
        };
        self.line = Line::Open(connection);
        self.failures = 0;
        self.heard_beside(unit, tally);
        self.recent.answered(&reply, Instant::now() - settle);
        self.port.counters.reply(unit, &reply);
        Ok(reply)
    }

    async fn exchange(&mut self, unit: u8, request: Request) -> Result<Reply, Failure> {
        let sent = self.send(unit, request).await?;
        self.reply(unit, sent).await
    }

    /// What was heard beside a reply or instead of it.
    fn heard_beside(&mut self, unit: u8, tally: Tally) {
        self.port.counters.tally(unit, tally);
        if tally.is_out_of_turn {
            for unit in self.recent.units() {
                self.units.spoke(unit);
            }
        }
    }

    /// A reply was lost. Where replies are not told apart the next one may be that: the unit is left alone for as long as it may still
    /// come, and then no cycle is waited for.
    fn lost_reply(&mut self, unit: u8, fault: Fault) {
        let terms = self.terms.of(unit);
        if terms.tells_apart {
            return;
        }
        let now = Instant::now();
        self.units.lost_reply(unit, fault, now);
        self.units.rest(unit, now + terms.timeout);
        if !self.units.is_silent(unit) {
            self.cycle.start_by(now + terms.timeout);
        }
    }

    /// An exchange without a reply. A serial port stays open.
    fn failed(&mut self, unit: u8, failed: Failed) -> Failure {
        self.heard_beside(unit, failed.tally);
        let fault = failed.failure.fault;
        self.port.counters.fault(Some(unit), fault);
        match failed.kept {
            Some(connection) => {
                self.last_fault = fault;
                self.line = Line::Open(connection);
            }
            None => self.line_failed(fault),
        }
        failed.failure
    }

    /// The connection is gone; the first new try is made at once.
    fn line_failed(&mut self, fault: Fault) {
        self.last_fault = fault;
        self.line = Line::Closed {
            retry_at: Instant::now() + retry_pause(self.failures),
        };
        self.failures = self.failures.saturating_add(1);
        tracing::debug!(bus.id = self.name, %fault, "the connection failed");
    }

    fn after_panic(&mut self, now: Instant) {
        self.line = Line::Closed {
            retry_at: now + AFTER_PANIC,
        };
        self.drop_hand(WriteOutcome::Unknown);
        self.learn(|_| true);
        self.reports.set_link(false, "bad_reply");
    }

    /// Hears the engine's last answers. Nothing is written any more, so a permit is answered with "not sent".
    async fn farewell(&mut self) {
        self.drop_hand(WriteOutcome::NotSent);
        while self.reports.is_waiting() {
            if let Some(permit) = self.reports.answered().await {
                self.decided(&permit);
                self.drop_hand(WriteOutcome::NotSent);
            }
        }
    }
}

/// The pause before a connection is tried again after so many failures in a row.
fn retry_pause(failures: u32) -> Duration {
    let Some(doublings) = failures.checked_sub(1) else {
        return Duration::ZERO;
    };
    let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
    RETRY_FIRST.saturating_mul(factor).min(RETRY_LAST)
}

#[cfg(test)]
mod tests;
