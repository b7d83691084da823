//! How the points of a group stand in the tables of a device, and what their elements mean. It is data: `config` proves that
//! every point is inside its table, `field` plans and decodes by it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::point::{Condition, Conditions, Milli, PointKind};
use super::profile::{Area, Scan};

/// Bits of a register.
const REGISTER_BITS: u16 = 16;
/// Elements of a table (MODBUS Application Protocol V1.1b3, 4.3).
const TABLE: u32 = 65_536;

/// Points of one shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// How many points there are.
    pub count: u16,
    /// How they are called.
    pub numbering: Numbering,
    /// Where what is known of a point stands: in one table, or in several side by side. Never empty.
    pub parts: Vec<Part>,
    /// How soon it is read.
    pub scan: Scan,
    /// After how many readings without it in a row an alarm counts as gone; 1 to 10.
    pub clear_after: u8,
}

impl Group {
    /// Whether a point of this kind can show a condition here.
    #[must_use]
    pub fn shows(&self, kind: PointKind, condition: Condition) -> bool {
        let mut parts = self.parts.iter();
        parts.any(|part| part.layout.shows(kind, condition))
    }

    /// The unit of measurement, for a group that measures; empty for a bare number.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        self.parts.iter().find_map(|part| match &*part.layout {
            Layout::Number(number) => Some(number.unit.as_str()),
            Layout::Word { .. } | Layout::Packed(_) => None,
        })
    }
}

/// How the points of a group are called in points.csv and by the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// By number.
    Plain {
        /// The number of the first.
        first: u16,
    },
    /// By loop and device, such as `L1D15`. Loops count from 1.
    Loops {
        /// Between the two numbers, for example D for detectors.
        letter: char,
        /// The number of the first device of a loop.
        first: u16,
        /// Devices of a loop; never 0.
        devices: u16,
    },
}

impl Numbering {
    /// The zero-based index of a point that is called so; `None` when this is no such name.
    #[must_use]
    pub fn index(self, name: &str) -> Option<u16> {
        match self {
            Self::Plain { first } => number(name)?.checked_sub(first),
            Self::Loops {
                letter,
                first,
                devices,
            } => {
                let (ring, device) = name.strip_prefix('L')?.split_once(letter)?;
                let ring = number(ring)?.checked_sub(1)?;
                let device = number(device)?.checked_sub(first)?;
                let before = ring.checked_mul(devices)?;
                before.checked_add((device < devices).then_some(device)?)
            }
        }
    }

    /// What a point is called.
    #[must_use]
    pub fn name(self, index: u16) -> String {
        let (ring, device) = self.split(index);
        match self {
            Self::Plain { first } => (u32::from(first) + u32::from(device)).to_string(),
            Self::Loops { letter, first, .. } => format!(
                "L{}{letter}{}",
                u32::from(ring) + 1,
                u32::from(first) + u32::from(device)
            ),
        }
    }

    /// Loop and place on it, both zero-based.
    fn split(self, index: u16) -> (u16, u16) {
        match self {
            Self::Plain { .. } => (0, index),
            Self::Loops { devices, .. } => {
                let devices = devices.max(1);
                (index / devices, index % devices)
            }
        }
    }
}

/// Digits only: `+5` or `-5` is no number of a device.
fn number(text: &str) -> Option<u16> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits)
}

/// One table of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The table of the data model.
    pub area: Area,
    /// Zero-based address of the first point's element.
    pub start: u16,
    /// Registers from one point to the next; packed points ignore it.
    pub stride: u16,
    /// Elements from one loop to the next.
    pub loop_stride: u16,
    /// What an element means.
    pub layout: Arc<Layout>,
}

/// The elements of a table that hold one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Zero-based address of the first.
    pub start: u16,
    /// How many; they are read with one request.
    pub len: u16,
    /// The lowest bit of a point that shares a register; 0 otherwise.
    pub bit: u8,
}

impl Part {
    /// Where a point stands; `None` beyond the end of the table.
    #[must_use]
    pub fn place(&self, numbering: Numbering, index: u16) -> Option<Place> {
        let (start, len, bit) = self.at(numbering, index);
        let is_inside = start.saturating_add(len.into()) <= TABLE;
        let start = u16::try_from(start).ok().filter(|_| is_inside)?;
        Some(Place { start, len, bit })
    }

    /// The address after a point, also where the table has ended.
    #[must_use]
    pub fn end(&self, numbering: Numbering, index: u16) -> u32 {
        let (start, len, _) = self.at(numbering, index);
        start.saturating_add(len.into())
    }

    /// First element, how many, lowest bit.
    fn at(&self, numbering: Numbering, index: u16) -> (u32, u16, u8) {
        let (ring, device) = numbering.split(index);
        let strides = u32::from(device).saturating_mul(self.stride.into());
        let (after, len, bit) = match &*self.layout {
            Layout::Word { .. } => (strides, 1, 0),
            Layout::Number(number) => (strides, number.len, 0),
            Layout::Packed(packed) => packed.place(self.area, device),
        };
        let loops = u32::from(ring).saturating_mul(self.loop_stride.into());
        let start = u32::from(self.start)
            .saturating_add(loops)
            .saturating_add(after);
        (start, len, bit)
    }
}

/// What an element means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One register a point.
    Word {
        /// Its two bytes come low byte first.
        swap_bytes: bool,
        /// Its bits.
        states: States,
    },
    /// 1, 2, 4 or 8 bits a point.
    Packed(Packed),
    /// One or two registers that hold a number.
    Number(Number),
}

impl Layout {
    fn shows(&self, kind: PointKind, condition: Condition) -> bool {
        match self {
            Self::Word { states, .. } => states.shows(condition),
            Self::Packed(packed) => match &packed.meaning {
                Meaning::Contact { shows, .. } => shows.unwrap_or(contact(kind)) == condition,
                Meaning::States(states) => states.shows(condition),
            },
            Self::Number(number) => {
                let mut limits = number.limits.iter();
                condition == Condition::Fault || limits.any(|limit| limit.shows == condition)
            }
        }
    }
}

/// What a bare contact of a device shows when nothing else is said.
#[must_use]
pub fn contact(kind: PointKind) -> Condition {
    if kind.is_fire() {
        Condition::Fire
    } else {
        Condition::Active
    }
}

/// Several points in a register, or bits of a table of bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Bits of a point: 1, 2, 4 or 8.
    pub width: u8,
    /// The first point has the most significant bits of a register; in a table of bits: the first bit is the most significant.
    pub most_first: bool,
    /// Places in the first register before the first point.
    pub skip: u16,
    /// What the bits mean.
    pub meaning: Meaning,
}

impl Packed {
    /// Elements before the point, elements of it, its lowest bit.
    fn place(&self, area: Area, device: u16) -> (u32, u16, u8) {
        let (width, slot) = (
            u16::from(self.width.max(1)),
            u32::from(self.skip) + u32::from(device),
        );
        if area.is_bits() {
            return (slot * u32::from(width), width, 0);
        }
        let in_register = u32::from((REGISTER_BITS / width).max(1));
        let from_first = slot % in_register * u32::from(width);
        let bit = if self.most_first {
            u32::from(REGISTER_BITS - width).saturating_sub(from_first)
        } else {
            from_first
        };
        (slot / in_register, 1, u8::try_from(bit).unwrap_or_default())
    }
}

/// What packed bits mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// One bit.
    Contact {
        /// 1 means off.
        inverted: bool,
        /// The condition; `None`: fire for a fire device, else active.
        shows: Option<Condition>,
    },
    /// Bits and codes, as in a word.
    States(States),
}

/// The conditions in the bits of a point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct States {
    /// Bits with a meaning of their own, 0 = least significant.
    pub bits: Vec<(u8, Condition)>,
    /// A number among the bits that stands for conditions.
    pub codes: Option<Codes>,
    /// What says "no such device": a fault, never normal.
    pub missing: Vec<Pattern>,
}

impl States {
    fn shows(&self, condition: Condition) -> bool {
        let mut bits = self.bits.iter();
        let mut codes = self.codes.iter().flat_map(|codes| codes.table.values());
        bits.any(|(_, shows)| *shows == condition) || codes.any(|shows| shows.has(condition))
    }
}

/// A code that is in the table, and only where the device says that it counts. One that is not in the table is a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codes {
    /// The bits of the code, side by side; never 0.
    pub mask: u16,
    /// The code counts only while this bit is 1.
    pub when: Option<u8>,
    /// Conditions by code; the code is shifted down to bit 0.
    pub table: BTreeMap<u16, Conditions>,
}

/// Bits that have a certain value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The bits that are looked at.
    pub mask: u32,
    /// What they are then.
    pub value: u32,
}

impl Pattern {
    /// Whether the bits have it.
    #[must_use]
    pub fn fits(self, bits: u32) -> bool {
        bits & self.mask == self.value
    }
}

/// A number in registers, and what it says of the point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// How it is written.
    pub format: Format,
    /// The order of its bytes.
    pub order: Order,
    /// Registers that are read with it, its own and that of the decimals.
    pub len: u16,
    /// Its first register among them.
    pub value_at: u16,
    /// The register among them that holds how many decimals the number has (0 to 6).
    pub decimals_at: Option<u16>,
    /// Millionths of the unit of measurement for each count.
    pub scale_micro: i64,
    /// Added after scaling.
    pub offset: Milli,
    /// The unit of measurement, for example `%LEL`; the same in both languages.
    pub unit: String,
    /// What says "no such value", before any scaling.
    pub missing: Vec<Pattern>,
    /// Counts below mean a broken wire.
    pub broken_below: Option<Milli>,
    /// Counts above mean a short circuit.
    pub shorted_above: Option<Milli>,
    /// The least and the greatest value that is believed.
    pub plausible: (Milli, Milli),
    /// What a value says of the point.
    pub limits: Vec<Limit>,
    /// How far a value must come back before a limit counts as left.
    pub hysteresis: Milli,
    /// A smaller change of a live value is not sent.
    pub dead_band: Milli,
}

/// How a number is written in its registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One register, signed.
    Int16,
    /// One register.
    Uint16,
    /// One register, four decimal digits.
    Bcd16,
    /// Two registers, signed.
    Int32,
    /// Two registers.
    Uint32,
    /// Two registers, eight decimal digits.
    Bcd32,
    /// Two registers, IEEE 754.
    Float32,
}

impl Format {
    /// Registers.
    #[must_use]
    pub fn registers(self) -> u16 {
        match self {
            Self::Int16 | Self::Uint16 | Self::Bcd16 => 1,
            Self::Int32 | Self::Uint32 | Self::Bcd32 | Self::Float32 => 2,
        }
    }
}

/// The order in which the bytes of a number come. Modbus itself says ABCD for one register only (V1.1b3, 4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The low register comes first: CDAB, DCBA.
    pub swap_words: bool,
    /// The low byte of a register comes first: BADC, DCBA.
    pub swap_bytes: bool,
}

/// A limit of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What the point shows beyond it.
    pub shows: Condition,
    /// Beyond is above; otherwise below.
    pub is_above: bool,
    /// The limit itself counts as beyond.
    pub at: Milli,
}

impl Limit {
    /// Whether a value is beyond; one that was beyond must come back by the hysteresis.
    #[must_use]
    pub fn is_passed(self, value: Milli, was: bool, hysteresis: Milli) -> bool {
        let back = if was { hysteresis.0 } else { 0 };
        if self.is_above {
            value.0 >= self.at.0.saturating_sub(back)
        } else {
            value.0 <= self.at.0.saturating_add(back)
        }
    }
}

#[cfg(test)]
mod tests;
