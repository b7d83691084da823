//! What the elements of a unit say of its points, in words, for whoever commissions it: the same plan and the same decoder as the
//! polling, over values that somebody else has read.

use std::collections::BTreeMap;

use super::decode::{self, Element};
use super::modbus::pdu::{Span, Values};
use super::plan::{self, Block, Placed};
use crate::domain::ids::PointId;
use crate::domain::point::{Conditions, Milli, Point};
use crate::domain::probe::{Ask, Question, Told};
use crate::domain::profile::UnitProfile;
use crate::domain::site::Bus;

/// Elements that one question asks for, and the points in them.
#[derive(Clone, Debug)]
pub struct Page {
    unit: u8,
    span: Span,
    points: Vec<Placed>,
}

/// What a point's elements say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The point.
    pub point: PointId,
    /// Zero-based address of its first element.
    pub address: u16,
    /// The element as it was read.
    pub raw: String,
    /// What it means.
    pub meaning: String,
}

/// The questions that read these points, and why the others cannot be read.
#[must_use]
pub fn pages(
    points: &[Point],
    bus: &Bus,
    profiles: &BTreeMap<String, UnitProfile>,
) -> (Vec<Page>, Vec<String>) {
    let (blocks, unplaced) = plan::blocks_of(points.iter(), bus, &super::register_maps(profiles));
    let page = |block: Block| Page {
        unit: block.unit,
        span: block.span,
        points: block.points,
    };
    let why = unplaced
        .into_iter()
        .map(|(point, why)| format!("{point}: {why}"));
    (blocks.into_iter().map(page).collect(), why.collect())
}

impl Page {
    /// What to ask.
    #[must_use]
    pub fn question(&self) -> Question {
        Question {
            unit: self.unit,
            ask: Ask::Read {
                area: self.span.area(),
                start: self.span.start(),
                count: self.span.count(),
            },
        }
    }

    /// What the answer says of each point; `None` when it does not carry what was asked for.
    #[must_use]
    pub fn explain(&self, told: &Told) -> Option<Vec<Explained>> {
        let values = match told {
            Told::Bits { bits } => Values::Bits(bits.clone()),
            Told::Registers { words } => Values::Registers(words.clone()),
            Told::Identity { .. } | Told::Exception { .. } | Told::Nothing { .. } => return None,
        };
        let explain = |placed: &Placed| Explained {
            point: placed.point.clone(),
            address: self.span.start().saturating_add(placed.offset),
            raw: raw(placed, &values),
            meaning: meaning(placed, &values),
        };
        Some(self.points.iter().map(explain).collect())
    }
}

/// The points of a unit that lie in a span with all that they are read from, as they stand in it.
pub(crate) fn within(blocks: &[Block], unit: u8, span: Span) -> Vec<Placed> {
    let of_table = |block: &&Block| block.unit == unit && block.span.area() == span.area();
    let mut found = Vec::new();
    for block in blocks.iter().filter(of_table) {
        let start = block.span.start();
        found.extend(block.points.iter().filter_map(|placed| {
            let offset = start
                .checked_add(placed.offset)?
                .checked_sub(span.start())?;
            let moved = Placed {
                offset,
                ..placed.clone()
            };
            (moved.end() <= span.count()).then_some(moved)
        }));
    }
    found
}

/// The elements of a point as they were read.
fn raw(placed: &Placed, values: &Values) -> String {
    let range = usize::from(placed.offset)..usize::from(placed.end());
    match values {
        Values::Registers(words) => {
            let words = words.get(range).unwrap_or_default().iter();
            words
                .map(|word| format!("0x{word:04X}"))
                .collect::<Vec<_>>()
                .join(" ")
        }
        Values::Bits(bits) => {
            let bits = bits.get(range).unwrap_or_default().iter();
            bits.map(|bit| if *bit { '1' } else { '0' }).collect()
        }
    }
}

/// What the decoder makes of it.
pub(crate) fn meaning(placed: &Placed, values: &Values) -> String {
    match decode::decode(placed, values) {
        Element::Read(conditions) => words(conditions),
        Element::Measured(value) => measured(value),
        Element::Faulty(trouble) => trouble.word().to_owned(),
    }
}

/// A value in its unit of measurement.
fn measured(value: Milli) -> String {
    let (sign, thousandths) = (if value.0 < 0 { "-" } else { "" }, value.0.unsigned_abs());
    format!("{sign}{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

/// The conditions that are so, by their names in documents; none is normal.
fn words(conditions: Conditions) -> String {
    // Values of our own types always serialise; a condition that is not so is left out.
    let value = serde_json::to_value(conditions).unwrap_or_default();
    let names = value
        .as_object()
        .map(|object| object.keys().cloned().collect::<Vec<_>>());
    match names {
        Some(names) if !names.is_empty() => names.join(" "),
        Some(_) | None => "normal".to_owned(),
    }
}
