//! The nasty behaviours of real field devices: data that is switched on for one unit, and what it does to a right reply on its way
//! to the wire.
//!
//! A request passes three doors. `device` says whether the unit hears it at all and how it acts; `content` changes what it
//! says; `frame` and `timing` change the bytes and the moment at which they leave. None of them knows which way the line goes
//! beyond its frame.

pub mod catalogue;
mod content;
mod device;
mod frame;
mod timing;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::answer::answer;
use crate::field::Field;
use crate::wire::{Heard, Outgoing, Step, When};
pub(crate) use device::Manner;

/// One behaviour with its parameters. The number is that of the list in docs/simulator.md.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "each has its words in the catalogue")]
pub enum Behaviour {
    /// 1
    Late { delay_ms: u64 },
    /// 2
    Overtaken {},
    /// 3
    Twice { pause_ms: u64 },
    /// 4
    WrongTransaction { by: u16 },
    /// 5
    WrongUnit { unit: u8 },
    /// 6
    BadChecksum {},
    /// 6
    ShortFrame { bytes: usize },
    /// 6
    LongFrame { bytes: usize },
    /// 7
    Truncated { keep: usize },
    /// 8
    Split { pieces: usize, gap_ms: f64 },
    /// 9
    Noise { before: Vec<u8>, after: Vec<u8> },
    /// 10
    Echo {},
    /// 11
    Foreign { unit: u8, instead: bool },
    /// 12
    ByteCount { by: u8 },
    /// 12
    FewerRegisters { by: usize },
    /// 12
    MoreRegisters { by: usize },
    /// 13
    EchoValue { value: u16 },
    /// 13
    CoilValue { on: u16 },
    /// 13
    NotDone {},
    /// 14
    Busy { busy: u64, acknowledge: u64 },
    /// 15
    Holes { addresses: Vec<u16> },
    /// 15
    Exception { code: u8 },
    /// 16
    Gateway { code: u8, delay_ms: u64 },
    /// 16
    Silent {},
    /// 16
    OneClient {},
    /// 16
    HalfOpen {},
    /// 16
    ResetMidReply { keep: usize },
    /// 17
    NeedsPause { ms: u64 },
    /// 17
    NeedsWarmUp { ms: u64 },
    /// 18
    MaxRegisters { max: u16 },
    /// 19
    Reboot {
        shows: Blank,
        silent_ms: u64,
        blank_ms: u64,
        each_ms: u64,
    },
    /// 19
    Unlatched {},
    /// 19
    Shifted { by: i32 },
    /// 20
    Unplug { ms: u64 },
    /// 20
    Collision { garbled: bool },
    /// 20
    Watchdog { ms: u64 },
}

/// What a panel shows while it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blank {
    /// Every word is 0: all looks calm.
    Zeros,
    /// Every word is FFFF: no device is there.
    Ones,
}

impl Behaviour {
    /// `late`, `wrong_unit` …
    #[must_use]
    pub fn name(&self) -> &'static str {
        catalogue::name(self)
    }
}

/// A behaviour as it is switched on.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// What.
    pub behaviour: Behaviour,
    /// For so many replies; `None` until it is switched off.
    pub times: Option<u64>,
    /// Only for requests with this function code.
    pub function: Option<u8>,
}

/// A behaviour that is on, as the control API shows it.
#[derive(Clone, Debug, Serialize)]
pub struct ActiveView {
    /// What.
    #[serde(flatten)]
    pub behaviour: Behaviour,
    /// For so many more replies; `None` until it is switched off.
    pub left: Option<u64>,
    /// Only for requests with this function code.
    pub function: Option<u8>,
}

/// A behaviour that is on.
#[derive(Clone, Debug)]
struct Active {
    order: Order,
    since: Instant,
    /// Replies that it has spoiled.
    applied: u64,
}

impl Active {
    fn fits(&self, heard: &Heard<'_>) -> bool {
        let function = heard.asked.pdu.first();
        self.order.function.is_none() || self.order.function.as_ref() == function
    }
}

/// All that is on for one unit.
#[derive(Debug, Default)]
pub(crate) struct Set {
    active: Vec<Active>,
    /// How many replies each name has spoiled since the start.
    applied: BTreeMap<&'static str, u64>,
}

impl Set {
    fn hear(&mut self, field: &mut Field, line: usize, heard: &Heard<'_>) -> Vec<Outgoing> {
        let unit = heard.asked.unit;
        let mut manner = Manner::default();
        self.each(heard, |active| device::meet(active, heard, &mut manner));
        if manner.ignores {
            return Vec::new();
        }
        let Some(pdu) = answer(field, (line, unit), &heard.asked.pdu, manner) else {
            return Vec::new();
        };
        let mut draft = Draft::new(heard, pdu);
        self.each(heard, |active| content::spoil(active, heard, &mut draft));
        self.each(heard, |active| {
            frame::spoil(active, (&mut *field, line), heard, &mut draft)
        });
        self.each(heard, |active| timing::spoil(active, heard, &mut draft));
        draft.outgoing(heard)
    }

    /// Shows each behaviour that fits to `meet`, which says whether it has done something; one that is used up is switched off.
    fn each(&mut self, heard: &Heard<'_>, mut meet: impl FnMut(&Active) -> bool) {
        for active in &mut self.active {
            if active.fits(heard) && active.order.times != Some(0) && meet(active) {
                active.applied += 1;
                *self
                    .applied
                    .entry(active.order.behaviour.name())
                    .or_default() += 1;
                if let Some(left) = &mut active.order.times {
                    *left -= 1;
                }
            }
        }
    }

    fn clean(&mut self, now: Instant) {
        self.active
            .retain(|active| active.order.times != Some(0) && !device::is_over(active, now));
    }
}

/// A reply on its way.
struct Draft {
    transaction: u16,
    unit: u8,
    pdu: Vec<u8>,
    after: Duration,
    /// Changed in the checksum, on lines that have one.
    flip: u16,
    /// Only so many bytes of the frame leave.
    keep: Option<usize>,
    /// Bytes right before and right behind the frame.
    before: Vec<u8>,
    behind: Vec<u8>,
    /// Frames before and behind it, with the pause between.
    frames_before: Vec<Vec<u8>>,
    frames_behind: Vec<(Duration, Vec<u8>)>,
    /// In so many pieces, with a pause between.
    pieces: Option<(usize, Duration)>,
    /// Another device sends at the same time.
    against: Option<Vec<u8>>,
    is_held: bool,
    /// What becomes of the connection behind it.
    end: Option<Step>,
}

impl Draft {
    fn new(heard: &Heard<'_>, pdu: Vec<u8>) -> Self {
        Self {
            transaction: heard.asked.transaction,
            unit: heard.asked.unit,
            pdu,
            after: Duration::ZERO,
            flip: 0,
            keep: None,
            before: Vec::new(),
            behind: Vec::new(),
            frames_before: Vec::new(),
            frames_behind: Vec::new(),
            pieces: None,
            against: None,
            is_held: false,
            end: None,
        }
    }

    /// The frame as it stands.
    fn frame(&self, heard: &Heard<'_>) -> Vec<u8> {
        let mut frame = heard.framing.wrap(self.transaction, self.unit, &self.pdu);
        if let Some([low, high]) = frame.last_chunk_mut::<2>()
            && self.flip != 0
        {
            let [flip_low, flip_high] = self.flip.to_le_bytes();
            *low ^= flip_low;
            *high ^= flip_high;
        }
        if let Some(against) = &self.against {
            // Two drivers on one pair of wires: where either pulls low it is low.
            for (byte, other) in frame.iter_mut().zip(against) {
                *byte &= *other;
            }
        }
        frame
    }

    fn outgoing(self, heard: &Heard<'_>) -> Vec<Outgoing> {
        let mut frame = [self.before.clone(), self.frame(heard), self.behind.clone()].concat();
        if let Some(keep) = self.keep {
            frame.truncate(keep.min(frame.len().saturating_sub(1)));
        }
        let gap = heard.pace.map_or(Duration::ZERO, |pace| pace.silence);
        let mut steps = Vec::new();
        for other in self.frames_before {
            steps.extend([Step::Send(other), Step::Wait(gap)]);
        }
        let (pieces, pause) = self.pieces.unwrap_or((1, Duration::ZERO));
        let length = frame.len().div_ceil(pieces.max(1)).max(1);
        for (n, piece) in frame.chunks(length).enumerate() {
            if n > 0 {
                steps.push(Step::Wait(pause));
            }
            steps.push(Step::Send(piece.to_vec()));
        }
        for (pause, other) in self.frames_behind {
            steps.extend([Step::Wait(pause), Step::Send(other)]);
        }
        steps.extend(self.end);
        let when = if self.is_held {
            When::NextRequest
        } else {
            When::After(self.after)
        };
        vec![Outgoing { when, steps }]
    }
}

/// What is on for every unit of the campus.
#[derive(Debug, Default)]
pub(crate) struct Nasty {
    units: BTreeMap<(usize, u8), Set>,
    /// When each unit was asked last, in real milliseconds.
    heard: BTreeMap<(usize, u8), u64>,
}

/// Hears a request on a line and says what leaves.
pub(crate) fn hear(field: &mut Field, line: usize, heard: &Heard<'_>) -> Vec<Outgoing> {
    let unit = (line, heard.asked.unit);
    let now = field.now.at_ms;
    field.nasty.heard.insert(unit, now);
    let mut set = field.nasty.units.remove(&unit).unwrap_or_default();
    set.clean(heard.began);
    let outgoing = set.hear(field, line, heard);
    set.clean(heard.began);
    if !set.active.is_empty() || !set.applied.is_empty() {
        field.nasty.units.insert(unit, set);
    }
    outgoing
}

impl Nasty {
    /// Switches a behaviour on; one of the same name is replaced.
    pub(crate) fn switch_on(&mut self, unit: (usize, u8), order: Order) {
        let name = order.behaviour.name();
        let set = self.units.entry(unit).or_default();
        set.active
            .retain(|active| active.order.behaviour.name() != name);
        set.active.push(Active {
            order,
            since: Instant::now(),
            applied: 0,
        });
    }

    /// Switches one behaviour off, or all.
    pub(crate) fn switch_off(&mut self, unit: (usize, u8), name: Option<&str>) {
        if let Some(set) = self.units.get_mut(&unit) {
            set.active
                .retain(|active| name.is_some_and(|name| active.order.behaviour.name() != name));
        }
    }

    /// Everything behaves.
    pub(crate) fn calm(&mut self) {
        self.units.values_mut().for_each(|set| set.active.clear());
    }

    /// What is on for a unit, and how many replies each name has spoiled since the start.
    pub(crate) fn of(&self, unit: (usize, u8)) -> (Vec<ActiveView>, BTreeMap<&'static str, u64>) {
        let Some(set) = self.units.get(&unit) else {
            return Default::default();
        };
        let now = Instant::now();
        let active = set.active.iter();
        let active = active.filter(|active| !device::is_over(active, now));
        let view = |active: &Active| ActiveView {
            behaviour: active.order.behaviour.clone(),
            left: active.order.times,
            function: active.order.function,
        };
        (active.map(view).collect(), set.applied.clone())
    }

    fn on_line(&self, line: usize) -> impl Iterator<Item = &Active> {
        let sets = self.units.iter().filter(move |((on, _), _)| *on == line);
        sets.flat_map(|(_, set)| &set.active)
    }

    /// Whether the line takes one client only.
    pub(crate) fn refuses_second(&self, line: usize) -> bool {
        self.on_line(line)
            .any(|active| matches!(active.order.behaviour, Behaviour::OneClient {}))
    }

    /// For how long the line is pulled out, if it is to be now; it is told once.
    pub(crate) fn unplugged_for(&mut self, line: usize) -> Option<Duration> {
        let on_line = self.units.iter_mut().filter(|((on, _), _)| *on == line);
        for (_, set) in on_line {
            let place = set
                .active
                .iter()
                .position(|active| matches!(active.order.behaviour, Behaviour::Unplug { .. }));
            if let Some(place) = place
                && let Behaviour::Unplug { ms } = set.active.remove(place).order.behaviour
            {
                *set.applied.entry("unplug").or_default() += 1;
                return Some(Duration::from_millis(ms));
            }
        }
        None
    }

    /// Units whose relays drop now, because nobody has asked them for too long.
    pub(crate) fn fallen_silent(&self, now_ms: u64) -> Vec<(usize, u8)> {
        let fallen = self.units.iter().filter(|(unit, set)| {
            let heard = self.heard.get(unit).copied().unwrap_or_default();
            set.active.iter().any(|active| {
                matches!(active.order.behaviour, Behaviour::Watchdog { ms } if heard + ms < now_ms)
            })
        });
        fallen.map(|(unit, _)| *unit).collect()
    }
}
