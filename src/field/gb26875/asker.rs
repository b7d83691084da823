//! What is asked of a device: one question at a time, repeated with the same number, given up after the last repeat.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::adu::{Ask, Label, PARTS_MAX, System};
use super::frame::{Command, Header};
use super::places::Key;
use crate::domain::time::EngineTime;

/// The standard wants at most 10 s (6.5.4).
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Sent again so often, then the question is dropped (6.5.5).
const REPEATS: u8 = 3;
/// The device's clock is set again.
const CLOCK_EVERY: Duration = Duration::from_secs(86_400);

/// What a device is asked for when it connects.
pub(super) struct Wanted {
    pub(super) systems: Vec<System>,
    pub(super) parts: Vec<(System, u32)>,
}

/// A question on its way.
#[derive(Debug)]
struct Open {
    sequence: u16,
    ask: Question,
    sent_at: EngineTime,
    repeats_left: u8,
}

/// The clock is read when it is sent and not before.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Question {
    Clock,
    Of(Ask),
}

impl Question {
    fn ask(&self, now: Label) -> Ask {
        match self {
            Self::Clock => Ask::Clock(now),
            Self::Of(ask) => ask.clone(),
        }
    }

    /// What a device that refuses one of them refuses.
    fn kind(&self) -> Option<u8> {
        match self {
            Self::Clock => None,
            Self::Of(ask) => ask.answer(),
        }
    }
}

/// The questions of one device.
#[derive(Debug, Default)]
pub(super) struct Asker {
    waiting: VecDeque<Question>,
    open: Option<Open>,
    /// Our own numbers; the device has its own.
    sequence: u16,
    /// Types of answer that this device does not give.
    refused: BTreeSet<Option<u8>>,
    clock_at: Option<EngineTime>,
}

/// A frame to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) sequence: u16,
    pub(super) command: Command,
    pub(super) ask: Ask,
}

impl Asker {
    /// The device has connected: its clock is set, and what it can tell is asked.
    pub(super) fn connected(&mut self, wanted: Option<Wanted>, now: EngineTime) {
        self.waiting = VecDeque::from([Question::Clock]);
        (self.open, self.clock_at) = (None, Some(now + CLOCK_EVERY));
        self.refused.clear();
        let Some(wanted) = wanted else { return };
        let systems = wanted.systems.into_iter().map(Ask::System);
        let parts = wanted
            .parts
            .chunks(PARTS_MAX)
            .map(|parts| Ask::Parts(parts.to_vec()));
        let asks = systems.chain([Ask::Device]).chain(parts);
        self.waiting.extend(asks.map(Question::Of));
    }

    /// A panel was reset: its parts are looked at anew.
    pub(super) fn look_again(&mut self, system: System, parts: impl Iterator<Item = Key>) {
        let parts: Vec<(System, u32)> = parts.map(|(_, part)| (system, part)).collect();
        let asks = parts
            .chunks(PARTS_MAX)
            .map(|parts| Ask::Parts(parts.to_vec()));
        for question in [Ask::System(system)]
            .into_iter()
            .chain(asks)
            .map(Question::Of)
        {
            if !self.refused.contains(&question.kind()) && !self.waiting.contains(&question) {
                self.waiting.push_back(question);
            }
        }
    }

    /// What is to be sent now, if anything. `label` is the centre's time.
    pub(super) fn next(&mut self, now: EngineTime, label: Label) -> Option<Ready> {
        if self.clock_at.is_some_and(|at| at <= now) {
            self.clock_at = Some(now + CLOCK_EVERY);
            self.waiting.push_back(Question::Clock);
        }
        if let Some(open) = &mut self.open {
            if now - open.sent_at < ANSWER_WAIT {
                return None;
            }
            if let Some(left) = open.repeats_left.checked_sub(1) {
                (open.repeats_left, open.sent_at) = (left, now);
                return Some(ready(open, label));
            }
            let kind = open.ask.kind();
            self.refuse(kind);
        }
        let ask = self.waiting.pop_front()?;
        self.sequence = self.sequence.wrapping_add(1);
        let open = Open {
            sequence: self.sequence,
            ask,
            sent_at: now,
            repeats_left: REPEATS,
        };
        let ready = ready(&open, label);
        self.open = Some(open);
        Some(ready)
    }

    /// A confirm, an answer or a denial came. False when nobody asked.
    pub(super) fn answered(&mut self, header: &Header, type_flag: Option<u8>) -> bool {
        let Some(open) = self
            .open
            .as_ref()
            .filter(|open| open.sequence == header.sequence)
        else {
            return false;
        };
        let kind = open.ask.kind();
        match header.command {
            Command::Deny => self.refuse(kind),
            // A confirm may come before its answer.
            Command::Confirm if kind.is_some() => {}
            Command::Confirm | Command::Answer if kind.is_none() || type_flag == kind => {
                self.open = None;
            }
            Command::Confirm
            | Command::Answer
            | Command::Control
            | Command::Send
            | Command::Request
            | Command::Other(_) => return false,
        }
        true
    }

    /// The device does not answer questions of this kind on this connection: the others are not asked either.
    fn refuse(&mut self, kind: Option<u8>) {
        self.open = None;
        self.refused.insert(kind);
        self.waiting.retain(|question| question.kind() != kind);
    }
}

fn ready(open: &Open, label: Label) -> Ready {
    let ask = open.ask.ask(label);
    let command = match ask {
        Ask::Clock(_) => Command::Control,
        Ask::System(_) | Ask::Parts(_) | Ask::Device => Command::Request,
    };
    Ready {
        sequence: open.sequence,
        command,
        ask,
    }
}
