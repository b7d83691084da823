//! A panel that only prints: one task listens to its line and never writes a byte to it.
//!
//! `line` reads bytes, `records` cuts them, `text` makes words of them, `panel` knows what was said of which point.
//!
//! Silence proves nothing here. While the line was not listened to (before the start, while it was unplugged) or could not be
//! read, an alarm may have been printed that nobody heard. So the unit counts as lost from then on until the panel is seen to be
//! reset: then it prints again whatever still stands. What was printed stands all the while; only the quiet points are not
//! believed to be quiet. A start therefore puts no "normal" over anything: what the engine knows of the points is taken over.

mod line;
pub(crate) mod panel;
pub(crate) mod records;
pub(crate) mod text;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::line::Listening;
use self::panel::{Heard, Panel, Understood};
use self::records::{Cutter, Record};
use super::command::Port;
use super::counters::Counts;
use super::report::Reports;
use super::trace::Verdict;
use crate::domain::ids::BusId;
use crate::domain::line::PrinterLine;
use crate::domain::point::{Conditions, Quality, Reading};
use crate::domain::printer::{self, Printer};
use crate::domain::site::{Bus, Site};
use crate::engine::handle::{Handle, Pulse};

/// Pauses before a line is opened again: doubling from the first to the last of these.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LAST: Duration = Duration::from_secs(5);
/// Longest wait for a connection.
const OPEN_WITHIN: Duration = Duration::from_secs(5);
/// Pause between two looks whether the engine has its journal.
const READY_EVERY: Duration = Duration::from_millis(50);
/// Longest wait without a look around.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// How long a look around may take before the watchdog no longer believes in the task.
const SILENT_MAX: Duration = Duration::from_secs(12);
/// How long the engine's last answers are waited for at the end.
const FAREWELL: Duration = Duration::from_secs(1);
/// Pause after a panic of the task.
const AFTER_PANIC: Duration = Duration::from_secs(1);
/// Records in a row that cannot be read before the line is no longer believed: wrong speed, wrong wires, wrong encoding.
const DAMAGED_MAX: u32 = 3;

/// A line that is listened to.
pub(crate) struct Listener {
    bus: BusId,
    line: PrinterLine,
    unit: u8,
    silence_max: Option<Duration>,
    panel: Panel,
    cutter: Cutter,
    idle: Duration,
    handle: Handle,
    port: Arc<Port>,
    reports: Reports,
    stop: CancellationToken,
    /// The points are as the engine knew them.
    is_seeded: bool,
    /// The panel was reset since the line can be trusted.
    is_heard: bool,
    damaged_in_a_row: u32,
    /// When the last byte came, and the last record that was understood.
    last_byte: Instant,
    last_life: Instant,
    failures: u32,
}

impl Listener {
    pub(crate) fn new(
        (site, bus, line): (&Site, &Bus, PrinterLine),
        (unit, profile): (u8, &Printer),
        port: Arc<Port>,
        handle: Handle,
        stop: CancellationToken,
    ) -> Self {
        let of = |point: &crate::domain::point::Point| point.bus == bus.id && point.unit == unit;
        let now = Instant::now();
        Self {
            bus: bus.id.clone(),
            line,
            unit,
            silence_max: profile.silence_max,
            panel: Panel::new(site, profile.clone(), of),
            cutter: Cutter::new(profile.framing.clone()),
            idle: profile.framing.idle,
            reports: Reports::new(bus.id.clone(), handle.clone()),
            handle,
            port,
            stop,
            is_seeded: false,
            is_heard: false,
            damaged_in_a_row: 0,
            last_byte: now,
            last_life: now,
            failures: 0,
        }
    }

    /// Listens until it is told to stop. A panic is a fault of this line alone.
    pub(crate) async fn run(mut self) {
        while !self.stop.is_cancelled() {
            if AssertUnwindSafe(self.work()).catch_unwind().await.is_err() {
                tracing::error!(bus.id = %self.bus, "the task of a printer line panicked; starting it again");
                self.reports.set_link(false, "bad_reply");
                self.pause(Instant::now() + AFTER_PANIC).await;
            }
        }
        let farewell = async {
            while self.reports.is_waiting() {
                self.reports.answered().await;
            }
        };
        // Whoever does not answer now has ended before.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }

    async fn work(&mut self) {
        let pulse = self.handle.pulse(&format!("bus {}", self.bus));
        while !self.stop.is_cancelled() {
            pulse.good_for(SILENT_MAX);
            if !self.is_seeded && !self.seed() {
                self.pause(Instant::now() + READY_EVERY).await;
                continue;
            }
            let opened = tokio::select! {
                () = self.stop.cancelled() => return,
                opened = Listening::open(&self.line, OPEN_WITHIN) => opened,
            };
            let lost = match opened {
                Ok(listening) => {
                    self.opened();
                    self.listen(listening, &pulse).await
                }
                Err(fault) => Some(fault),
            };
            let Some(fault) = lost else { return };
            self.lost(fault.word());
            let retry_at = Instant::now() + retry_pause(self.failures);
            self.failures = self.failures.saturating_add(1);
            self.pause(retry_at).await;
        }
    }

    /// Takes over what the engine knows of the points, once it has its journal. What comes before that waits in the line.
    fn seed(&mut self) -> bool {
        if !self.handle.health().ready {
            return false;
        }
        let points: Vec<_> = self.panel.points().cloned().collect();
        for point in points {
            let document = self.handle.document(&format!("point/{point}"));
            let known = document.and_then(|text| serde_json::from_str::<Conditions>(&text).ok());
            if let Some(conditions) = known {
                self.panel.remember(&point, conditions);
            }
        }
        self.is_seeded = true;
        true
    }

    /// The line is open. What was printed before has not been heard.
    fn opened(&mut self) {
        let now = Instant::now();
        (self.last_byte, self.last_life) = (now, now);
        (self.failures, self.damaged_in_a_row) = (0, 0);
        self.port
            .counters
            .change(None, |counts| counts.connections += 1);
        self.not_believed(printer::NOT_HEARD);
        self.reports.set_link(true, "");
        tracing::info!(bus.id = %self.bus, "a printer line is open");
    }

    fn lost(&mut self, reason: &'static str) {
        if self.reports.link() != Some(false) {
            self.port.counters.change(None, |counts| counts.losses += 1);
            tracing::warn!(bus.id = %self.bus, reason, "a printer line is lost");
        }
        self.reports.set_link(false, reason);
    }

    /// From now on a point that was not printed of is not believed to be quiet.
    fn not_believed(&mut self, reason: &'static str) {
        self.is_heard = false;
        self.reports.set_unit(self.unit, false, reason);
    }

    /// Listens until the line is lost, and says why; `None` when told to stop.
    async fn listen(
        &mut self,
        mut listening: Listening,
        pulse: &Pulse,
    ) -> Option<super::modbus::fault::Fault> {
        loop {
            pulse.good_for(SILENT_MAX);
            crate::crash::hold("bus");
            self.reports.collect();
            let now = Instant::now();
            self.look_at_silence(now);
            let until = self.wake_at().unwrap_or(now + WAIT_MAX).min(now + WAIT_MAX);
            tokio::select! {
                () = self.stop.cancelled() => return None,
                _ = self.reports.answered() => {}
                () = sleep_until(until) => {}
                read = listening.read() => match read {
                    Ok(bytes) => self.heard(&bytes),
                    Err(fault) => {
                        self.end_record();
                        return Some(fault);
                    }
                },
            }
        }
    }

    /// When something is to be done though nothing is printed.
    fn wake_at(&self) -> Option<Instant> {
        let idle = self.cutter.is_held().then(|| self.last_byte + self.idle);
        let silence = self.silence_max.filter(|_| self.is_heard);
        let silence = silence.map(|silence| self.last_life + silence);
        idle.into_iter().chain(silence).min()
    }

    fn look_at_silence(&mut self, now: Instant) {
        if self.cutter.is_held() && self.last_byte + self.idle <= now {
            self.end_record();
        }
        let is_silent = self
            .silence_max
            .is_some_and(|silence| self.last_life + silence <= now);
        if is_silent && self.is_heard {
            tracing::warn!(bus.id = %self.bus, unit = self.unit, "the panel prints no sign of life");
            self.count(|counts| counts.units_lost += 1);
            self.not_believed(printer::NO_SIGN);
        }
    }

    fn heard(&mut self, bytes: &[u8]) {
        tracing::trace!(bus.id = %self.bus, ?bytes, "heard");
        self.last_byte = Instant::now();
        for record in self.cutter.push(bytes) {
            self.take(&record);
        }
    }

    fn end_record(&mut self) {
        if let Some(record) = self.cutter.idle() {
            self.take(&record);
        }
    }

    fn take(&mut self, record: &Record) {
        for heard in self.panel.hear(record) {
            let verdict = match heard.understood {
                Understood::Known | Understood::Reset => Verdict::Right,
                Understood::Unlisted => Verdict::Wrong("unlisted"),
                Understood::Unknown => Verdict::Wrong("unknown"),
                Understood::Damaged => Verdict::Wrong("damaged"),
            };
            self.port.ring.heard(&record.bytes, verdict);
            self.put(&heard);
            self.judge(&heard);
        }
    }

    fn put(&self, heard: &Heard) {
        let at = self.handle.now().engine;
        for change in &heard.changes {
            let reading = Reading {
                conditions: change.conditions,
                quality: Quality::Good,
                at,
                value: None,
                trouble: None,
                device_time: change.device_time,
            };
            self.handle.observe(&change.point, reading);
        }
    }

    /// Counts, logs, and believes the line or not.
    fn judge(&mut self, heard: &Heard) {
        let (bus, text) = (&self.bus, heard.text.as_str());
        let shown = heard.changes.len();
        match heard.understood {
            Understood::Known => tracing::debug!(bus.id = %bus, text, "printed"),
            Understood::Reset => tracing::info!(bus.id = %bus, text, "the panel was reset"),
            Understood::Unlisted => {
                tracing::warn!(bus.id = %bus, text, shown, "printed of something that points.csv does not know");
            }
            Understood::Unknown if shown > 0 => {
                tracing::warn!(bus.id = %bus, text, "an alarm that no pattern of the profile knows");
            }
            Understood::Unknown => {
                tracing::info!(bus.id = %bus, text, "printed, and no pattern of the profile knows it");
            }
            Understood::Damaged => {
                tracing::warn!(bus.id = %bus, text, shown, "printed, but it cannot be read");
            }
        }
        self.count(|counts| {
            counts.records += 1;
            match heard.understood {
                Understood::Known | Understood::Reset => counts.ok += 1,
                Understood::Unlisted => counts.records_unlisted += 1,
                Understood::Unknown => counts.records_unknown += 1,
                Understood::Damaged => counts.records_damaged += 1,
            }
        });
        if heard.understood == Understood::Damaged {
            self.damaged_in_a_row = self.damaged_in_a_row.saturating_add(1);
            if self.damaged_in_a_row == DAMAGED_MAX && self.is_heard {
                self.count(|counts| counts.units_lost += 1);
                self.not_believed(printer::UNREADABLE);
            }
            return;
        }
        self.damaged_in_a_row = 0;
        if heard.understood != Understood::Unknown {
            self.last_life = self.last_byte;
        }
        if heard.understood == Understood::Reset {
            self.is_heard = true;
            self.reports.set_unit(self.unit, true, "");
        }
    }

    fn count(&self, change: impl Fn(&mut Counts)) {
        self.port.counters.change(Some(self.unit), change);
    }

    async fn pause(&mut self, until: Instant) {
        while Instant::now() < until && !self.stop.is_cancelled() {
            tokio::select! {
                () = self.stop.cancelled() => {}
                _ = self.reports.answered() => {}
                () = sleep_until(until) => {}
            }
        }
    }
}

/// The pause before a line is opened again after so many failures in a row.
fn retry_pause(failures: u32) -> Duration {
    let factor = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
    RETRY_FIRST.saturating_mul(factor).min(RETRY_LAST)
}

#[cfg(test)]
mod tests;
