//! From points and profiles to reads: which blocks are asked for, and which point stands where in each of them.
//!
//! A point is in a block only if all its elements are: [`Block::join`] is the one place that puts it there, and no split cuts it.
//! Elements between points are read along up to the profile's `gap_max`, and nothing is ever decoded from them. A point whose group
//! has several tables is in one block for each of them. Where replies are not numbered, full blocks in a row differ in length.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use super::modbus::pdu::{BITS_MAX, REGISTERS_MAX, Span, Values};
use crate::domain::ids::PointId;
use crate::domain::layout::{self, Layout};
use crate::domain::line::Line;
use crate::domain::point::{Address, Condition, Point};
use crate::domain::profile::{Area, Profile, Scan};
use crate::domain::site::{Bus, Site};

/// Bytes of a reply beside its data: transaction, protocol, length, unit, function code and count on Modbus TCP; unit, function
/// code, count and check on a serial line.
const BESIDE_TCP: u16 = 9;
const BESIDE_RTU: u16 = 5;

/// A point, or one of its parts, with its place in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) point: PointId,
    /// Which of the tables of its group this is, and how many there are.
    pub(crate) part: u8,
    pub(crate) parts: u8,
    /// What a bare contact means.
    pub(crate) contact: Condition,
    pub(crate) layout: Arc<Layout>,
    /// Readings without an alarm in a row before it counts as gone.
    pub(crate) clear_after: u8,
    /// Elements after the start of the block.
    pub(crate) offset: u16,
    /// Elements that it is read from.
    pub(crate) len: u16,
    /// The lowest bit of a point that shares a register.
    pub(crate) bit: u8,
}

impl Placed {
    /// The element after its last.
    pub(crate) fn end(&self) -> u16 {
        self.offset.saturating_add(self.len)
    }
}

/// Where a block stands with its device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not read since the start or since the line was lost.
    #[default]
    Unread,
    /// The device's latest answer is in the slots.
    Fresh,
    /// The device answers with an exception since then. Its points keep their last reading until patience ends and they are
    /// put down as faulty.
    Refused { since: Instant, is_faulty: bool },
    /// No right reply since then.
    Silent { since: Instant },
    /// The device has no such element. It is asked again only now and then.
    Hole,
}

/// A block that need not be read while the summary of its unit says that nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Covered {
    /// The oldest that its readings may become all the same.
    pub(crate) max_age: Duration,
    /// When it was last read, and what the summary of its unit was then.
    pub(crate) read: Option<(Instant, u64)>,
}

/// Elements that are read with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) scan: Scan,
    pub(crate) unit: u8,
    pub(crate) span: Span,
    pub(crate) points: Vec<Placed>,
    pub(crate) standing: Standing,
    /// Failures in a row.
    pub(crate) failures: u32,
    /// Not asked before this moment.
    pub(crate) ask_after: Option<Instant>,
    /// Its points have been put down as stale.
    pub(crate) is_stale: bool,
    /// One element of it was answered since all of it was not.
    pub(crate) is_probed: bool,
    /// What it read last, when nothing of it was pending: read again it says nothing new.
    pub(crate) settled: Option<Values>,
    pub(crate) covered: Option<Covered>,
}

/// Why a point is not read. Its reading stays unknown, which is never normal.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum Unplaced {
    #[error("its unit is not on the bus")]
    Unit,
    #[error("the profile {0} does not exist")]
    Profile(String),
    #[error("the profile has no group {0}")]
    Group(String),
    #[error("its index is outside the group")]
    Index,
    #[error("its address is above 65535")]
    Address,
    #[error("more than one request would be needed to read it")]
    Length,
}

/// Most elements of one request, and most that may lie unused between two points.
#[derive(Clone, Copy, Debug)]
struct Limits {
    count_max: u16,
    gap_max: u16,
    /// Replies are not numbered: two of one length in a row would have to be kept apart.
    has_no_numbers: bool,
}

/// One part on its own: its elements, and the block that would hold nothing else.
struct Lone {
    block: Block,
    limits: Limits,
}

/// The blocks of a bus, alarms first, and the points that cannot be read.
pub(crate) fn blocks(
    site: &Site,
    bus: &Bus,
    profiles: &BTreeMap<String, Profile>,
) -> (Vec<Block>, Vec<(PointId, Unplaced)>) {
    blocks_of(site.points.values(), bus, profiles)
}

/// The same for those of these points that are on the bus.
pub(crate) fn blocks_of<'a>(
    points: impl Iterator<Item = &'a Point>,
    bus: &Bus,
    profiles: &BTreeMap<String, Profile>,
) -> (Vec<Block>, Vec<(PointId, Unplaced)>) {
    let mut unplaced = Vec::new();
    let mut lone = Vec::new();
    for point in points.filter(|point| point.bus == bus.id) {
        match place(bus, point, profiles) {
            Ok(parts) => lone.extend(parts),
            Err(why) => unplaced.push((point.id.clone(), why)),
        }
    }
    lone.sort_by_key(|lone| lone.block.rank());
    let mut blocks: Vec<Block> = Vec::new();
    for Lone { block, limits } in lone {
        match blocks.as_mut_slice() {
            [before @ .., last] if last.takes(&block, limits.unlike(before.last(), &block)) => {
                last.join(block);
            }
            _ => blocks.push(block),
        }
    }
    let summaries = summaries(bus, &blocks, profiles);
    blocks.splice(0..0, summaries);
    (blocks, unplaced)
}

/// The summaries of those units of which something is covered.
fn summaries(bus: &Bus, blocks: &[Block], profiles: &BTreeMap<String, Profile>) -> Vec<Block> {
    let covers = |unit: u8| {
        let mut blocks = blocks.iter();
        blocks.any(|block| block.unit == unit && block.covered.is_some())
    };
    let units = bus.units.iter().filter(|unit| covers(unit.unit));
    let summaries = units.filter_map(|unit| {
        let summary = profiles.get(&unit.profile)?.summary.as_ref()?;
        let span = Span::new(summary.area, summary.start, summary.count)?;
        Some(Block::new(Scan::Summary, unit.unit, span, Vec::new()))
    });
    let mut summaries: Vec<Block> = summaries.collect();
    summaries.sort_by_key(Block::rank);
    summaries
}

fn place(
    bus: &Bus,
    point: &Point,
    profiles: &BTreeMap<String, Profile>,
) -> Result<Vec<Lone>, Unplaced> {
    let unit = bus.units.iter().find(|unit| unit.unit == point.unit);
    let unit = unit.ok_or(Unplaced::Unit)?;
    let profile = profiles.get(&unit.profile);
    let profile = profile.ok_or_else(|| Unplaced::Profile(unit.profile.clone()))?;
    let group = profile.groups.get(&point.group);
    let group = group.ok_or_else(|| Unplaced::Group(point.group.clone()))?;
    let index = match point.address {
        Address::Index(index) if index < group.count => index,
        Address::Index(_) | Address::Part { .. } | Address::Label(_) => {
            return Err(Unplaced::Index);
        }
    };
    let summary = profile.summary.as_ref();
    let summary = summary.filter(|summary| summary.groups.contains(&point.group));
    let covered = summary.map(|summary| Covered {
        max_age: summary.max_age,
        read: None,
    });
    let parts = u8::try_from(group.parts.len()).unwrap_or(u8::MAX);
    let placed = (0..parts).zip(&group.parts).map(|(number, part)| {
        let place = part.place(group.numbering, index);
        let place = place.ok_or(Unplaced::Address)?;
        let placed = Placed {
            point: point.id.clone(),
            part: number,
            parts,
            contact: layout::contact(point.kind),
            layout: Arc::clone(&part.layout),
            clear_after: group.clear_after,
            offset: 0,
            len: place.len,
            bit: place.bit,
        };
        let limits = limits(bus, profile, part.area);
        let span = Span::new(part.area, place.start, place.len);
        let span = span.filter(|_| place.len <= limits.count_max);
        let span = span.ok_or(Unplaced::Length)?;
        let mut block = Block::new(group.scan, point.unit, span, vec![placed]);
        block.covered = covered;
        Ok(Lone { block, limits })
    });
    placed.collect()
}

/// What one request of this line may ask a device for.
fn limits(bus: &Bus, profile: &Profile, area: Area) -> Limits {
    let beside = match bus.line {
        Line::Tcp(_) => BESIDE_TCP,
        Line::RtuOverTcp(_) | Line::Serial(_) | Line::Listen(_) | Line::Printer(_) => BESIDE_RTU,
    };
    let has_no_numbers = !matches!(bus.line, Line::Tcp(_));
    let allowed = if area.is_bits() {
        BITS_MAX
    } else {
        REGISTERS_MAX
    };
    Limits {
        count_max: profile.count_max(area, beside).min(allowed),
        gap_max: profile.gap_max,
        has_no_numbers,
    }
}

impl Limits {
    /// The limits of a block behind this one that takes this part: a little less where the one before is full.
    fn unlike(self, before: Option<&Block>, part: &Block) -> Self {
        let is_full = |before: &&Block| {
            before.kind() == part.kind() && before.span.count() + part.span.count() > self.count_max
        };
        match before.filter(is_full) {
            Some(before) if self.has_no_numbers && before.span.shorter() > 0 => Self {
                count_max: before.span.shorter(),
                ..self
            },
            Some(_) | None => self,
        }
    }
}

impl Block {
    fn new(scan: Scan, unit: u8, span: Span, points: Vec<Placed>) -> Self {
        Self {
            scan,
            unit,
            span,
            points,
            standing: Standing::Unread,
            failures: 0,
            ask_after: None,
            is_stale: false,
            is_probed: false,
            settled: None,
            covered: None,
        }
    }

    /// The order in which blocks are asked: alarms first.
    pub(crate) fn rank(&self) -> (Scan, u8, Area, u16) {
        (self.scan, self.unit, self.span.area(), self.span.start())
    }

    /// What only blocks that may be read together have in common.
    fn kind(&self) -> (Scan, u8, Area, Option<Covered>) {
        (self.scan, self.unit, self.span.area(), self.covered)
    }

    /// Whether a later part may be read with this block.
    fn takes(&self, next: &Self, limits: Limits) -> bool {
        let Some(distance) = next.span.start().checked_sub(self.span.start()) else {
            return false;
        };
        let gap = distance.saturating_sub(self.span.count());
        let count = self
            .span
            .count()
            .max(distance.saturating_add(next.span.count()));
        self.kind() == next.kind() && gap <= limits.gap_max && count <= limits.count_max
    }

    /// Takes a later part in. A span that Modbus does not allow leaves the block as it was: `takes` has been asked.
    fn join(&mut self, next: Self) {
        let distance = next.span.start() - self.span.start();
        let count = self
            .span
            .count()
            .max(distance.saturating_add(next.span.count()));
        if let Some(span) = Span::new(self.span.area(), self.span.start(), count) {
            self.span = span;
            let moved = next.points.into_iter().map(|placed| Placed {
                offset: distance,
                ..placed
            });
            self.points.extend(moved);
        }
    }

    /// Two blocks that hold the same points, each trimmed to its own; `None` when no point can be told from the others. A point
    /// is never cut: one that lies across the middle goes with the first.
    pub(crate) fn split(&self) -> Option<(Self, Self)> {
        let half = self.span.count().checked_div(2).filter(|half| *half > 0)?;
        let (low, high): (Vec<_>, Vec<_>) =
            self.points.iter().partition(|placed| placed.offset < half);
        if !high.is_empty() {
            return Some((self.part(low)?, self.part(high)?));
        }
        // All start in the first half: those that end before the block does can be read without its end.
        let count = self.span.count();
        let (short, long): (Vec<_>, Vec<_>) =
            self.points.iter().partition(|placed| placed.end() < count);
        Some((self.part(short)?, self.part(long)?))
    }

    /// The same two blocks of a device that answers one element and not all of them: they still owe what the whole owed.
    pub(crate) fn halve(&self) -> Option<(Self, Self)> {
        let (low, high) = self.split()?;
        let owing = |half| Self {
            standing: self.standing,
            is_stale: self.is_stale,
            is_probed: true,
            ..half
        };
        Some((owing(low), owing(high)))
    }

    /// The block of some of its points; `None` without any.
    fn part(&self, points: Vec<&Placed>) -> Option<Self> {
        let first = points.iter().map(|placed| placed.offset).min()?;
        let end = points.iter().map(|placed| placed.end()).max()?;
        let start = self.span.start().checked_add(first)?;
        let span = Span::new(self.span.area(), start, end.checked_sub(first)?)?;
        let moved = points.into_iter().map(|placed| Placed {
            offset: placed.offset - first,
            ..placed.clone()
        });
        let mut part = Self::new(self.scan, self.unit, span, moved.collect());
        part.covered = self.covered.map(|covered| Covered {
            read: None,
            ..covered
        });
        Some(part)
    }

    /// Whether a point of it is measured: its value is told with its age, so every reading counts.
    pub(crate) fn measures(&self) -> bool {
        let mut layouts = self.points.iter().map(|placed| &*placed.layout);
        layouts.any(|layout| matches!(layout, Layout::Number(_)))
    }

    /// A single element that the device should have: the cheapest question. `None` when the block is no more than that.
    pub(crate) fn probe(&self) -> Option<Span> {
        if self.span.count() == 1 {
            return None;
        }
        let first = self.points.iter().map(|placed| placed.offset).min()?;
        let at = self.span.start().checked_add(first)?;
        Span::new(self.span.area(), at, 1)
    }

    pub(crate) fn is_hole(&self) -> bool {
        matches!(self.standing, Standing::Hole)
    }

    /// Since when the device owes a right reply, if it does.
    pub(crate) fn silent_since(&self) -> Option<Instant> {
        match self.standing {
            Standing::Silent { since } => Some(since),
            Standing::Unread | Standing::Fresh | Standing::Refused { .. } | Standing::Hole => None,
        }
    }
}

/// How a block is named in a log line: function table, first address and count.
impl std::fmt::Display for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let area = match self.span.area() {
            Area::Coil => "coil",
            Area::Discrete => "input bit",
            Area::Holding => "holding register",
            Area::Input => "input register",
        };
        let (start, count) = (self.span.start(), self.span.count());
        write!(f, "unit {}, {area} {start}, {count} of them", self.unit)
    }
}

#[cfg(test)]
mod tests;
