//! One table of a group: where its points stand and what their elements mean.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::address::Base;
use super::number::{self, NumberEntry, OrderWord};
use super::scope::Scope;
use super::states::{self, BitsEntry, CodesEntry, MissingEntry, Said};
use crate::domain::layout::{Layout, Meaning, Numbering, Packed, Part};
use crate::domain::point::Condition;
use crate::domain::profile::Area;

/// A table of points, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartEntry {
    pub(super) area: AreaWord,
    pub(super) start: Spanned<i64>,
    pub(super) stride: Option<Spanned<i64>>,
    pub(super) loop_stride: Option<Spanned<i64>>,
    pub(super) layout: Spanned<LayoutWord>,
    pub(super) order: Option<Spanned<OrderWord>>,
    pub(super) bits: Option<Spanned<BitsEntry>>,
    pub(super) codes: Option<Spanned<CodesEntry>>,
    pub(super) missing: Option<Spanned<MissingEntry>>,
    pub(super) inverted: Option<Spanned<bool>>,
    pub(super) shows: Option<Spanned<ConditionWord>>,
    pub(super) width: Option<Spanned<i64>>,
    pub(super) packing: Option<Spanned<PackingWord>>,
    pub(super) skip: Option<Spanned<i64>>,
    pub(super) number: Option<Spanned<NumberEntry>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AreaWord {
    Coil,
    Discrete,
    Holding,
    Input,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LayoutWord {
    Word,
    Bit,
    Packed,
    Number,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PackingWord {
    MostFirst,
    LeastFirst,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ConditionWord {
    Fire,
    Fault,
    Disabled,
    Test,
    Active,
    Low,
    High,
}

impl AreaWord {
    pub(super) fn area(self) -> Area {
        match self {
            Self::Coil => Area::Coil,
            Self::Discrete => Area::Discrete,
            Self::Holding => Area::Holding,
            Self::Input => Area::Input,
        }
    }
}

impl LayoutWord {
    fn word(self) -> &'static str {
        match self {
            Self::Word => "word",
            Self::Bit => "bit",
            Self::Packed => "packed",
            Self::Number => "number",
        }
    }

    /// The keys that say more about it.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Word => &["stride", "order", "bits", "codes", "missing"],
            Self::Bit => &["inverted", "shows", "packing", "skip"],
            Self::Packed => &["width", "packing", "skip", "bits", "codes", "missing"],
            Self::Number => &["stride", "number"],
        }
    }
}

impl ConditionWord {
    fn condition(self) -> Condition {
        match self {
            Self::Fire => Condition::Fire,
            Self::Fault => Condition::Fault,
            Self::Disabled => Condition::Disabled,
            Self::Test => Condition::Test,
            Self::Active => Condition::Active,
            Self::Low => Condition::Low,
            Self::High => Condition::High,
        }
    }
}

/// Whether so many elements of a table fit in one request of the device.
pub(super) type Fits<'a> = &'a dyn Fn(Area, u16) -> bool;

/// Reads it; `None` after a report.
pub(super) fn read(
    entry: &PartEntry,
    base: Base,
    of_loops: Option<u16>,
    scope: &mut Scope<'_>,
) -> Option<Part> {
    let area = entry.area.area();
    check_keys(entry, scope);
    let start = base.address(area, &entry.start, scope);
    let loop_stride = match &entry.loop_stride {
        Some(stride) => scope.number(stride, 1..=65_535, "loop_stride"),
        None => of_loops,
    };
    let word = *entry.layout.as_ref();
    if area.is_bits() && matches!(word, LayoutWord::Word | LayoutWord::Number) {
        let message = format!(
            "layout \"{}\" needs registers, and this area has single bits",
            word.word()
        );
        let help = "write layout = \"bit\", or area = \"holding\" or \"input\"";
        scope.error(entry.layout.span(), message, help);
        return None;
    }
    let (start, layout) = match word {
        LayoutWord::Word => (start, read_word(entry, scope)),
        LayoutWord::Bit | LayoutWord::Packed => (start, read_packed(entry, scope)),
        LayoutWord::Number => {
            let Some(number) = &entry.number else {
                let help =
                    "add `number = { type = \"…\", unit = \"…\", plausible = [least, greatest] }`";
                scope.error(
                    entry.layout.span(),
                    "layout \"number\" does not say how it is written",
                    help,
                );
                return None;
            };
            let (first, number) = number::read(number, (base, area, start?), scope)?;
            (Some(first), Some(Layout::Number(number)))
        }
    };
    let (start, layout) = (start?, layout?);
    let least = match &layout {
        Layout::Number(number) => number.len,
        Layout::Word { .. } | Layout::Packed(_) => 1,
    };
    let stride = match &entry.stride {
        Some(stride) => scope.number(stride, i64::from(least)..=65_535, "stride"),
        None => Some(least),
    };
    Some(Part {
        area,
        start,
        stride: stride?,
        loop_stride: loop_stride?,
        layout: Arc::new(layout),
    })
}

/// Every key says something in this layout.
fn check_keys(entry: &PartEntry, scope: &mut Scope<'_>) {
    let word = *entry.layout.as_ref();
    let given: [(&str, Option<Range<usize>>); 11] = [
        ("stride", entry.stride.as_ref().map(Spanned::span)),
        ("order", entry.order.as_ref().map(Spanned::span)),
        ("bits", entry.bits.as_ref().map(Spanned::span)),
        ("codes", entry.codes.as_ref().map(Spanned::span)),
        ("missing", entry.missing.as_ref().map(Spanned::span)),
        ("inverted", entry.inverted.as_ref().map(Spanned::span)),
        ("shows", entry.shows.as_ref().map(Spanned::span)),
        ("width", entry.width.as_ref().map(Spanned::span)),
        ("packing", entry.packing.as_ref().map(Spanned::span)),
        ("skip", entry.skip.as_ref().map(Spanned::span)),
        ("number", entry.number.as_ref().map(Spanned::span)),
    ];
    for (key, span) in given {
        if let Some(span) = span.filter(|_| !word.keys().contains(&key)) {
            let message = format!("`{key}` says nothing in layout \"{}\"", word.word());
            let help = format!(
                "its keys are {}; delete this one or change the layout",
                word.keys().join(", ")
            );
            scope.error(span, message, help);
        }
    }
}

fn read_word(entry: &PartEntry, scope: &mut Scope<'_>) -> Option<Layout> {
    let order = OrderWord::read(entry.order.as_ref(), 1, scope);
    let states = states::read(said(entry, 16, scope)?, scope);
    Some(Layout::Word {
        swap_bytes: order?.swap_bytes,
        states: states?,
    })
}

fn read_packed(entry: &PartEntry, scope: &mut Scope<'_>) -> Option<Layout> {
    let is_bit = *entry.layout.as_ref() == LayoutWord::Bit;
    let width: u8 = match &entry.width {
        Some(width) if !is_bit => {
            let read: u8 = scope.number(width, 1..=8, "width")?;
            if !read.is_power_of_two() {
                let help =
                    "write 1, 2, 4 or 8: points of another width would lie across two registers";
                scope.error(width.span(), format!("`width` is {read}"), help);
                return None;
            }
            read
        }
        Some(_) => 1,
        None if is_bit => 1,
        None => {
            let message = "layout \"packed\" does not say how many bits a point has";
            scope.error(entry.layout.span(), message, "add `width = 2` or 4");
            return None;
        }
    };
    let most_first = match entry.packing.as_ref().map(|word| *word.as_ref()) {
        Some(PackingWord::MostFirst) => true,
        Some(PackingWord::LeastFirst) => false,
        // Bits count from the least significant, as Modbus numbers them; wider points come in both ways.
        None if is_bit || width == 1 => false,
        None => {
            let message = "layout \"packed\" does not say from which end the points come";
            let help = "add `packing = \"most_first\"` or \"least_first\" from the maker's map";
            scope.error(entry.layout.span(), message, help);
            return None;
        }
    };
    let skip = match &entry.skip {
        Some(skip) => scope.number(skip, 0..=i64::from(16 / width), "skip"),
        None => Some(0),
    };
    let meaning = if is_bit {
        Some(Meaning::Contact {
            inverted: entry.inverted.as_ref().is_some_and(|word| *word.as_ref()),
            shows: entry.shows.as_ref().map(|word| word.as_ref().condition()),
        })
    } else {
        let states = said(entry, width, scope).and_then(|said| states::read(said, scope));
        states.map(Meaning::States)
    };
    Some(Layout::Packed(Packed {
        width,
        most_first,
        skip: skip?,
        meaning: meaning?,
    }))
}

/// What stands in the entry about bits; reported when that is nothing.
fn said<'a>(entry: &'a PartEntry, width: u8, scope: &mut Scope<'_>) -> Option<Said<'a>> {
    if entry.bits.is_none() && entry.codes.is_none() {
        let layout = entry.layout.as_ref().word();
        scope.error(
            entry.layout.span(),
            format!("layout \"{layout}\" does not say which bit means what"),
            "add `bits = { fire = 0, fault = 1 }` with the numbers of the maker's map, 0 = least significant",
        );
        return None;
    }
    Some(Said {
        bits: entry.bits.as_ref(),
        codes: entry.codes.as_ref(),
        missing: entry.missing.as_ref(),
        width,
    })
}

/// A value is read whole or not at all.
pub(super) fn check_length(
    part: &Part,
    entry: &PartEntry,
    fits: Fits<'_>,
    scope: &mut Scope<'_>,
) -> bool {
    let place = part.place(Numbering::Plain { first: 0 }, 0);
    let len = place.map_or(1, |place| place.len);
    if fits(part.area, len) {
        return true;
    }
    let message = format!("a point takes {len} elements, more than one request may ask for");
    let help = "a value is never put together from two replies: correct [limits], or move `decimals` nearer";
    scope.error(entry.start.span(), message, help);
    false
}
