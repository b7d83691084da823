//! One serial line with its clock: units that answer every read after the shortest silence the standard allows, and a record of
//! how well the client used the line.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::Measured;
use crate::wire::pty::{Ear, FarEnd, Pace, Pty};
use crate::wire::{Heard, Outgoing, Step, When, pdu};

/// Writes whose moment is kept; a measurement has far fewer.
const WRITES_MAX: usize = 10_000;

/// What the line is like.
#[derive(Clone, Debug)]
pub struct LineOptions {
    /// Bits per second; characters of ten bits (8N1).
    pub baud: u32,
    /// Units 1 to this answer.
    pub units: u8,
    /// Units that are asked and never answer.
    pub dead: Vec<u8>,
    /// From the end of a request to the first character of the reply; t3.5 when nothing is said.
    pub turn_round: Option<Duration>,
    /// A path that leads to the pseudo-terminal.
    pub link: Option<PathBuf>,
}

/// How the line was used.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LineReport {
    /// Requests that were heard.
    pub requests: u64,
    /// Of these, answered.
    pub replies: u64,
    /// Of these, begun before the line had been silent for 3.5 characters.
    pub early: u64,
    /// Bytes that were no request: a wrong checksum, or noise.
    pub bad_bytes: u64,
    /// From the start of the first request to the start of the last one.
    pub span_ms: f64,
    /// What the answered ones among these must take at this speed: both frames, the turn-round, and t3.5 before each.
    pub theory_ms: f64,
    /// `theory_ms / span_ms`
    pub utilisation: f64,
    /// t3.5 of this line, in microseconds.
    pub silence_us: f64,
    /// Silence before a request, the middle one and the shortest, in microseconds.
    pub gap_p50_us: f64,
    /// The shortest.
    pub gap_min_us: f64,
    /// Requests by unit.
    pub by_unit: BTreeMap<u8, u64>,
    /// Writes (05, 06, 15, 16): function code, and when each began, in milliseconds since the reset.
    pub writes: Vec<(u8, f64)>,
}

#[derive(Debug)]
struct Record {
    began: Instant,
    first: Option<Instant>,
    last: Option<Instant>,
    /// What the last request takes; it counts when another one follows.
    pending: Duration,
    theory: Duration,
    gaps_us: Vec<f64>,
    registers: BTreeMap<(u8, u16), u16>,
    report: LineReport,
}

impl Record {
    fn new(registers: BTreeMap<(u8, u16), u16>) -> Self {
        Self {
            began: Instant::now(),
            first: None,
            last: None,
            pending: Duration::ZERO,
            theory: Duration::ZERO,
            gaps_us: Vec::new(),
            registers,
            report: LineReport::default(),
        }
    }
}

/// A line at work; it ends when the last of its handles is dropped.
#[derive(Clone, Debug)]
pub struct BenchLine {
    record: Arc<Mutex<Record>>,
    pace: Pace,
    _far_end: Arc<FarEnd>,
}

impl BenchLine {
    /// Opens the pseudo-terminal; returns with what a client opens.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start(options: &LineOptions) -> io::Result<(Self, PathBuf)> {
        let pty = Pty::open(options.link.as_deref())?;
        let path = options.link.as_deref().unwrap_or(&pty.path).to_owned();
        let mut pace = Pace::new(options.baud);
        pace.turn_round = options.turn_round.unwrap_or(pace.silence);
        let record = Arc::new(Mutex::new(Record::new(Default::default())));
        let ear = Units {
            record: Arc::clone(&record),
            units: options.units,
            dead: options.dead.clone(),
            pace,
        };
        let far_end = FarEnd::start(pty, pace, ear)?;
        let line = Self {
            record,
            pace,
            _far_end: Arc::new(far_end),
        };
        Ok((line, path))
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Measured for BenchLine {
    type Report = LineReport;

    fn report(&self) -> LineReport {
        let record = self.record();
        let span = record.last.zip(record.first);
        let span = span.map_or(Duration::ZERO, |(last, first)| last - first);
        let mut gaps = record.gaps_us.clone();
        gaps.sort_by(f64::total_cmp);
        LineReport {
            span_ms: span.as_secs_f64() * 1000.0,
            theory_ms: record.theory.as_secs_f64() * 1000.0,
            utilisation: if span.is_zero() {
                0.0
            } else {
                record.theory.as_secs_f64() / span.as_secs_f64()
            },
            silence_us: self.pace.silence.as_secs_f64() * 1e6,
            gap_p50_us: gaps.get(gaps.len() / 2).copied().unwrap_or_default(),
            gap_min_us: gaps.first().copied().unwrap_or_default(),
            ..record.report.clone()
        }
    }

    fn reset(&self) {
        let mut record = self.record();
        let registers = std::mem::take(&mut record.registers);
        *record = Record::new(registers);
    }

    fn put(&self, n: usize, address: u16, value: u16) -> bool {
        let Ok(unit) = u8::try_from(n) else {
            return false;
        };
        self.record().registers.insert((unit, address), value);
        true
    }
}

/// What is on the line.
struct Units {
    record: Arc<Mutex<Record>>,
    units: u8,
    dead: Vec<u8>,
    pace: Pace,
}

impl Ear for Units {
    fn hear(&mut self, heard: &Heard<'_>) -> Vec<Outgoing> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let record = &mut *record;
        let function = heard.asked.pdu.first().copied().unwrap_or_default();
        let unit = heard.asked.unit;
        let report = &mut record.report;
        report.requests += 1;
        *report.by_unit.entry(unit).or_default() += 1;
        if record.first.is_some() {
            report.early += u64::from(heard.quiet < self.pace.silence);
            record.gaps_us.push(heard.quiet.as_secs_f64() * 1e6);
            record.theory += record.pending;
        }
        record.pending = Duration::ZERO;
        record.first.get_or_insert(heard.began);
        record.last = Some(heard.began);
        if matches!(function, 5 | 6 | 15 | 16) && report.writes.len() < WRITES_MAX {
            let at = heard.began.saturating_duration_since(record.began);
            report.writes.push((function, at.as_secs_f64() * 1000.0));
        }
        if !(1..=self.units).contains(&unit) || self.dead.contains(&unit) {
            return Vec::new();
        }
        report.replies += 1;
        let said = reply(&mut record.registers, unit, &heard.asked.pdu);
        let frame = heard.framing.wrap(0, unit, &said);
        let characters = self.pace.time_of(heard.raw.len() + frame.len());
        record.pending = characters + self.pace.turn_round + self.pace.silence;
        vec![Outgoing {
            when: When::After(Duration::ZERO),
            steps: vec![Step::Send(frame)],
        }]
    }

    fn noise(&mut self, bytes: usize) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.report.bad_bytes += u64::try_from(bytes).unwrap_or_default();
    }
}

/// Every register is there; one that was never written is 0.
fn reply(registers: &mut BTreeMap<(u8, u16), u16>, unit: u8, asked: &[u8]) -> Vec<u8> {
    let function = asked.first().copied().unwrap_or_default();
    let &[_, a1, a0, v1, v0, ..] = asked else {
        return pdu::refusal(function, 1);
    };
    let (address, value) = (u16::from_be_bytes([a1, a0]), u16::from_be_bytes([v1, v0]));
    let values = (address..address.saturating_add(value))
        .map(|at| registers.get(&(unit, at)).copied().unwrap_or_default());
    let said = match function {
        1 | 2 if value <= 2_000 => {
            let bits: Vec<bool> = values.map(|word| word & 1 == 1).collect();
            pdu::of_bits(function, &bits)
        }
        3 | 4 if value <= 125 => pdu::of_words(function, &values.collect::<Vec<_>>()),
        5 | 6 => {
            let word = if function == 5 {
                u16::from(value == 0xFF00)
            } else {
                value
            };
            registers.insert((unit, address), word);
            asked.get(..5).map(<[u8]>::to_vec)
        }
        15 | 16 => asked.get(..5).map(<[u8]>::to_vec),
        _ => None,
    };
    said.unwrap_or_else(|| pdu::refusal(function, 3))
}
