//! Where the points of a group stand: labels, addresses, and the elements that hold what they say.

use std::collections::{BTreeMap, BTreeSet};

use super::Area;
use super::file::{File, Layout, Order, Packing, Table};
use super::number::Number;
use super::states::{Sign, States};

/// Every element that the device has: a register, or a bit as 0 or 1.
pub(super) type Elements = BTreeMap<(Area, u16), u16>;

const REGISTER_BITS: u16 = 16;

/// A group: how its points are called, and in which tables they stand.
#[derive(Clone, Debug)]
pub(super) struct Group {
    labels: Labels,
    pub(super) parts: Vec<Part>,
}

/// How points are called.
#[derive(Clone, Debug)]
enum Labels {
    Plain {
        first: u16,
        count: u16,
    },
    Loops {
        count: u16,
        first: u16,
        last: u16,
        letter: char,
    },
}

/// A point: its loop and its place on it, from 0 on.
pub(super) type At = (u16, u16);

/// One table of a group.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) area: Area,
    start: u16,
    stride: u16,
    loop_stride: u16,
    pub(super) meaning: Meaning,
}

/// How a point stands there.
#[derive(Clone, Debug)]
pub(super) enum Meaning {
    /// In a register of its own.
    Word { swap_bytes: bool, sign: Sign },
    /// In some bits beside others.
    Slot { slots: Slots, sign: Sign },
    /// As a number, perhaps with a register of its decimals so many addresses away.
    Number {
        number: Number,
        decimals: Option<i32>,
    },
}

/// Points side by side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slots {
    width: u16,
    most_first: bool,
    skip: u16,
}

impl Group {
    pub(super) fn read(file: &File, table: &Table) -> Result<Self, String> {
        let labels = match (&table.loops, table.count) {
            (Some(loops), None) if loops.first <= loops.last => Labels::Loops {
                count: loops.count,
                first: loops.first,
                last: loops.last,
                letter: loops.letter,
            },
            (None, Some(count)) => Labels::Plain {
                first: table.first.unwrap_or_default(),
                count,
            },
            (Some(_), _) | (None, None) => return Err("neither `count` nor `loops`".to_owned()),
        };
        let loop_stride = table.loops.as_ref().map_or(0, |loops| loops.stride);
        let tables = std::iter::once(table).chain(&table.also);
        let parts = tables.map(|table| Part::read(file, table, loop_stride));
        Ok(Self {
            labels,
            parts: parts.collect::<Result<_, _>>()?,
        })
    }

    /// Every point with what it is called.
    pub(super) fn points(&self) -> Vec<(String, At)> {
        match self.labels {
            Labels::Plain { first, count } => (0..count)
                .map(|n| ((u32::from(first) + u32::from(n)).to_string(), (0, n)))
                .collect(),
            Labels::Loops {
                count,
                first,
                last,
                letter,
            } => (0..count)
                .flat_map(|ring| (first..=last).map(move |device| (ring, device)))
                .map(|(ring, device)| {
                    let label = format!("L{}{letter}{device}", ring + 1);
                    (label, (ring, device - first))
                })
                .collect(),
        }
    }

    /// Every element of every point, empty.
    pub(super) fn elements(&self) -> Result<Elements, String> {
        let mut elements = Elements::new();
        for (label, at) in self.points() {
            for part in &self.parts {
                let places = part.places(at).map_err(|why| format!("{label}: {why}"))?;
                let places = places.into_iter().map(|place| (part.area, place));
                elements.extend(places.map(|place| (place, 0)));
            }
        }
        Ok(elements)
    }
}

impl Part {
    fn read(file: &File, table: &Table, of_loops: u16) -> Result<Self, String> {
        let start = file.address(table.area, table.start)?;
        let states = |width| States::read(table, width).map(Sign::States);
        let meaning = match table.layout {
            Layout::Word => Meaning::Word {
                swap_bytes: table.order == Some(Order::Ba),
                sign: states(16)?,
            },
            Layout::Bit => Meaning::Slot {
                slots: Slots::read(table, 1)?,
                sign: Sign::Contact {
                    inverted: table.inverted,
                    shows: table.shows,
                },
            },
            Layout::Packed => {
                let width = table.width.ok_or("`packed` without `width`")?;
                Meaning::Slot {
                    slots: Slots::read(table, width.into())?,
                    sign: states(width)?,
                }
            }
            Layout::Number => {
                let entry = table.number.as_ref().ok_or("`number` is not there")?;
                let decimals = entry.decimals.map(|at| file.address(table.area, at));
                let away = |at: u16| i32::from(at) - i32::from(start);
                Meaning::Number {
                    number: Number::read(entry),
                    decimals: decimals.transpose()?.map(away),
                }
            }
        };
        let mut part = Self {
            area: table.area,
            start,
            stride: 1,
            loop_stride: table.loop_stride.unwrap_or(of_loops),
            meaning,
        };
        // A point that takes several registers is as far from the next as they reach.
        let own = part.places((0, 0))?;
        let (first, last) = (own.first().copied(), own.last().copied());
        let span = last.zip(first).map_or(1, |(last, first)| last - first + 1);
        part.stride = table.stride.unwrap_or(span);
        Ok(part)
    }

    /// The elements of a point in order.
    pub(super) fn places(&self, at: At) -> Result<BTreeSet<u16>, String> {
        let from = self.start_of(at);
        let ends = match &self.meaning {
            Meaning::Word { .. } => (from, 1, None),
            Meaning::Slot { slots, .. } if self.area.is_bits() => (from, slots.width, None),
            Meaning::Slot { .. } => (from, 1, None),
            Meaning::Number { number, decimals } => (from, number.registers(), *decimals),
        };
        let (from, count, decimals) = ends;
        let own = (0..i64::from(count)).map(|n| from + n);
        let beside = decimals.map(|away| from + i64::from(away));
        own.chain(beside)
            .map(|place| u16::try_from(place).map_err(|_| format!("no address {place}")))
            .collect()
    }

    fn start_of(&self, (ring, device): At) -> i64 {
        let start = i64::from(self.start) + i64::from(ring) * i64::from(self.loop_stride);
        let device = i64::from(device);
        start
            + match &self.meaning {
                Meaning::Word { .. } | Meaning::Number { .. } => device * i64::from(self.stride),
                Meaning::Slot { slots, .. } => {
                    let slot = i64::from(slots.skip) + device;
                    let width = i64::from(slots.width);
                    if self.area.is_bits() {
                        slot * width
                    } else {
                        slot * width / i64::from(REGISTER_BITS)
                    }
                }
            }
    }

    /// Puts the words of a point where it stands; what others have beside it stays.
    pub(super) fn put(&self, elements: &mut Elements, at: At, words: &[u16]) {
        let start = self.start_of(at);
        let words = words.iter().copied();
        match &self.meaning {
            Meaning::Word { swap_bytes, .. } => {
                let swapped = |word: u16| if *swap_bytes { word.swap_bytes() } else { word };
                self.put_from(elements, start, words.map(swapped));
            }
            Meaning::Slot { slots, .. } if self.area.is_bits() => {
                let bits = words.flat_map(|word| slots.in_order(word));
                self.put_from(elements, start, bits);
            }
            Meaning::Slot { slots, .. } => {
                let place = u16::try_from(start).unwrap_or_default();
                let before = elements.get(&(self.area, place)).copied();
                let (mask, shift) = slots.in_register(at.1);
                let others = before.unwrap_or_default() & !(mask << shift);
                let word = words.map(|word| others | (word & mask) << shift);
                self.put_from(elements, start, word);
            }
            Meaning::Number { decimals, .. } => {
                self.put_from(elements, start, words);
                if let Some(away) = decimals {
                    let said = std::iter::once(Number::decimals());
                    self.put_from(elements, start + i64::from(*away), said);
                }
            }
        }
    }

    fn put_from(&self, elements: &mut Elements, start: i64, words: impl Iterator<Item = u16>) {
        let places = (start..).filter_map(|place| u16::try_from(place).ok());
        let places = places.map(|place| (self.area, place));
        elements.extend(places.zip(words));
    }
}

impl Slots {
    fn read(table: &Table, width: u16) -> Result<Self, String> {
        if !matches!(width, 1 | 2 | 4 | 8) {
            return Err(format!("a point of {width} bits"));
        }
        Ok(Self {
            width,
            most_first: table.packing == Some(Packing::MostFirst),
            skip: table.skip,
        })
    }

    /// The bits of a point as ones, and how far they are moved up in their register.
    fn in_register(self, device: u16) -> (u16, u16) {
        let slots = REGISTER_BITS / self.width;
        let slot = (self.skip % slots + device % slots) % slots;
        let from_low = slot * self.width;
        let shift = if self.most_first {
            REGISTER_BITS - self.width - from_low
        } else {
            from_low
        };
        ((1 << self.width) - 1, shift)
    }

    /// The bits of a point one after the other, as they stand in a table of bits.
    fn in_order(self, word: u16) -> impl Iterator<Item = u16> {
        (0..self.width).map(move |n| {
            let bit = if self.most_first {
                self.width - 1 - n
            } else {
                n
            };
            word >> bit & 1
        })
    }
}
