//! From points and profiles to reads: which blocks are asked for, and which point stands where in each of them.
//!
//! A point is in a block only if its element is: [`Block::join`] is the one place that puts it there. Elements between points are
//! read along up to the profile's `gap_max`, and nothing is ever decoded from them.

use std::collections::BTreeMap;

use thiserror::Error;
use tokio::time::Instant;

use super::modbus::pdu::{BITS_MAX, REGISTERS_MAX, Span};
use crate::domain::ids::PointId;
use crate::domain::point::{Address, Point};
use crate::domain::profile::{Area, Layout, Profile, Scan};
use crate::domain::site::{Bus, Site};

/// A point with its place in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) point: PointId,
    /// Whether a single bit of it means fire.
    pub(crate) is_fire: bool,
    pub(crate) layout: Layout,
    /// Elements after the start of the block.
    pub(crate) offset: u16,
    /// For a bit in a register: which one, 0 = least significant.
    pub(crate) bit: u8,
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
    #[error("a word cannot be read from a table of bits")]
    Layout,
}

/// Most elements of one request, and most that may lie unused between two points.
#[derive(Clone, Copy, Debug)]
struct Limits {
    count_max: u16,
    gap_max: u16,
}

/// One point on its own: its element, and the block that would hold nothing else.
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
    let mut unplaced = Vec::new();
    let mut lone = Vec::new();
    for point in site.points.values().filter(|point| point.bus == bus.id) {
        match place(bus, point, profiles) {
            Ok(element) => lone.push(element),
            Err(why) => unplaced.push((point.id.clone(), why)),
        }
    }
    lone.sort_by_key(|lone| lone.block.rank());
    let mut blocks: Vec<Block> = Vec::new();
    for Lone { block, limits } in lone {
        match blocks.last_mut() {
            Some(last) if last.takes(&block, limits) => last.join(block),
            Some(_) | None => blocks.push(block),
        }
    }
    (blocks, unplaced)
}

fn place(bus: &Bus, point: &Point, profiles: &BTreeMap<String, Profile>) -> Result<Lone, Unplaced> {
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
    let is_bits = group.area.is_bits();
    let (elements_before, bit) = match (&group.layout, is_bits) {
        (Layout::Word { .. }, true) => return Err(Unplaced::Layout),
        (Layout::Word { .. }, false) | (Layout::Bit { .. }, true) => (index, 0),
        (Layout::Bit { .. }, false) => (index / 16, index % 16),
    };
    let address = group.start.checked_add(elements_before);
    let span = address.and_then(|address| Span::new(group.area, address, 1));
    let (most, allowed) = if is_bits {
        (profile.bits_max, BITS_MAX)
    } else {
        (profile.registers_max, REGISTERS_MAX)
    };
    let placed = Placed {
        point: point.id.clone(),
        is_fire: point.kind.is_fire(),
        layout: group.layout.clone(),
        offset: 0,
        bit: u8::try_from(bit).unwrap_or_default(),
    };
    let span = span.ok_or(Unplaced::Address)?;
    Ok(Lone {
        block: Block::new(group.scan, point.unit, span, vec![placed]),
        limits: Limits {
            count_max: most.clamp(1, allowed),
            gap_max: profile.gap_max,
        },
    })
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
        }
    }

    /// The order in which blocks are asked: alarms first.
    pub(crate) fn rank(&self) -> (Scan, u8, Area, u16) {
        (self.scan, self.unit, self.span.area(), self.span.start())
    }

    /// Whether a later element may be read with this block.
    fn takes(&self, next: &Self, limits: Limits) -> bool {
        let key = |block: &Self| (block.scan, block.unit, block.span.area());
        let Some(distance) = next.span.start().checked_sub(self.span.start()) else {
            return false;
        };
        let gap = (distance + 1).saturating_sub(self.span.count() + 1);
        key(self) == key(next) && gap <= limits.gap_max && distance < limits.count_max
    }

    /// Takes a later element in. A span that Modbus does not allow leaves the block as it was: `takes` has been asked.
    fn join(&mut self, next: Self) {
        let distance = next.span.start() - self.span.start();
        let count = self.span.count().max(distance + 1);
        if let Some(span) = Span::new(self.span.area(), self.span.start(), count) {
            self.span = span;
            let moved = next.points.into_iter().map(|placed| Placed {
                offset: distance,
                ..placed
            });
            self.points.extend(moved);
        }
    }

    /// Two blocks that hold the same points, each trimmed to its own; `None` for a single element.
    pub(crate) fn split(&self) -> Option<(Self, Self)> {
        let half = self.span.count().checked_div(2).filter(|half| *half > 0)?;
        let (low, high) = self.points.iter().partition(|placed| placed.offset < half);
        Some((self.part(low)?, self.part(high)?))
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

    fn part(&self, points: Vec<&Placed>) -> Option<Self> {
        let first = points.iter().map(|placed| placed.offset).min()?;
        let last = points.iter().map(|placed| placed.offset).max()?;
        let start = self.span.start().checked_add(first)?;
        let span = Span::new(self.span.area(), start, last - first + 1)?;
        let moved = points.into_iter().map(|placed| Placed {
            offset: placed.offset - first,
            ..placed.clone()
        });
        Some(Self::new(self.scan, self.unit, span, moved.collect()))
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
