//! `[groups.*]` of a profile: tables of points of one shape.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::address::Base;
use super::names::{self, Word};
use super::number::{self, NumberEntry, OrderWord};
use super::scope::Scope;
use super::states::{self, BitsEntry, CodesEntry, MissingEntry, Said};
use crate::domain::layout::{Group, Layout, Meaning, Numbering, Packed, Part};
use crate::domain::point::Condition;
use crate::domain::profile::{Area, Scan};

/// The addresses of a table.
pub(super) const ADDRESSES: u32 = 65_536;
/// Tables that one point may be spread over: a status, a value and a few bit tables.
const PARTS_MAX: usize = 8;
/// Readings without an alarm before it counts as gone; one alone may be the panel between two states.
const CLEAR_AFTER: u8 = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupEntry {
    area: AreaWord,
    start: Spanned<i64>,
    count: Option<Spanned<i64>>,
    loops: Option<Spanned<LoopsEntry>>,
    first: Option<Spanned<i64>>,
    stride: Option<Spanned<i64>>,
    layout: Spanned<LayoutWord>,
    order: Option<Spanned<OrderWord>>,
    bits: Option<Spanned<BitsEntry>>,
    codes: Option<Spanned<CodesEntry>>,
    missing: Option<Spanned<MissingEntry>>,
    inverted: Option<Spanned<bool>>,
    shows: Option<Spanned<ConditionWord>>,
    width: Option<Spanned<i64>>,
    packing: Option<Spanned<PackingWord>>,
    skip: Option<Spanned<i64>>,
    number: Option<Spanned<NumberEntry>>,
    scan: ScanWord,
    clear_after: Option<Spanned<i64>>,
    #[serde(default)]
    also: Vec<Spanned<PartEntry>>,
}

/// One more table of the same points.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartEntry {
    area: AreaWord,
    start: Spanned<i64>,
    stride: Option<Spanned<i64>>,
    loop_stride: Option<Spanned<i64>>,
    layout: Spanned<LayoutWord>,
    order: Option<Spanned<OrderWord>>,
    bits: Option<Spanned<BitsEntry>>,
    codes: Option<Spanned<CodesEntry>>,
    missing: Option<Spanned<MissingEntry>>,
    inverted: Option<Spanned<bool>>,
    shows: Option<Spanned<ConditionWord>>,
    width: Option<Spanned<i64>>,
    packing: Option<Spanned<PackingWord>>,
    skip: Option<Spanned<i64>>,
    number: Option<Spanned<NumberEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoopsEntry {
    count: Spanned<i64>,
    stride: Spanned<i64>,
    first: Spanned<i64>,
    last: Spanned<i64>,
    letter: Spanned<char>,
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
enum LayoutWord {
    Word,
    Bit,
    Packed,
    Number,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PackingWord {
    MostFirst,
    LeastFirst,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ConditionWord {
    Fire,
    Fault,
    Disabled,
    Test,
    Active,
    Low,
    High,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ScanWord {
    First,
    Rest,
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

/// What a group says beside its tables.
struct Head {
    count: Option<Spanned<i64>>,
    loops: Option<Spanned<LoopsEntry>>,
    first: Option<Spanned<i64>>,
    scan: ScanWord,
    clear_after: Option<Spanned<i64>>,
}

impl GroupEntry {
    /// The head, the first table, and the others.
    fn apart(self) -> (Head, PartEntry, Vec<Spanned<PartEntry>>) {
        let head = Head {
            count: self.count,
            loops: self.loops,
            first: self.first,
            scan: self.scan,
            clear_after: self.clear_after,
        };
        let part = PartEntry {
            area: self.area,
            start: self.start,
            stride: self.stride,
            loop_stride: None,
            layout: self.layout,
            order: self.order,
            bits: self.bits,
            codes: self.codes,
            missing: self.missing,
            inverted: self.inverted,
            shows: self.shows,
            width: self.width,
            packing: self.packing,
            skip: self.skip,
            number: self.number,
        };
        (head, part, self.also)
    }
}

/// Whether so many elements of a table fit in one request of the device.
pub(super) type Fits<'a> = &'a dyn Fn(Area, u16) -> bool;

/// Reads every group; one with an error is left out.
pub(super) fn read(
    entries: Vec<(Word, GroupEntry)>,
    base: Base,
    fits: Fits<'_>,
    scope: &mut Scope<'_>,
) -> BTreeMap<String, Group> {
    let mut groups = BTreeMap::new();
    for (name, entry) in entries {
        names::check_id(scope.source, &name, scope.reports);
        if let Some(group) = read_group(&name, entry, (base, fits), scope) {
            groups.insert(name.into_inner(), group);
        }
    }
    groups
}

fn read_group(
    name: &Word,
    entry: GroupEntry,
    (base, fits): (Base, Fits<'_>),
    scope: &mut Scope<'_>,
) -> Option<Group> {
    let (head, first, also) = entry.apart();
    let numbered = read_numbering(name, &head, scope);
    let loop_stride = head.loops.as_ref().map_or(Some(0), |loops| {
        scope.number(&loops.as_ref().stride, 1..=65_535, "stride")
    });
    let clear_after = match &head.clear_after {
        Some(after) => scope.number(after, 1..=10, "clear_after"),
        None => Some(CLEAR_AFTER),
    };
    if let Some(one_more) = also.get(PARTS_MAX - 1) {
        let message = format!("a group has at most {PARTS_MAX} tables");
        let help = "divide the group, or leave a table out";
        scope.error(one_more.span(), message, help);
    }
    let mut parts = Vec::new();
    let mut is_whole = true;
    let also: Vec<PartEntry> = also.into_iter().map(Spanned::into_inner).collect();
    for entry in std::iter::once(&first).chain(&also) {
        let part = read_part(entry, base, loop_stride, scope);
        let part = part.filter(|part| {
            let is_proven = numbered.is_none_or(|numbered| {
                let span = head.count.as_ref().map(Spanned::span);
                let span = span.or_else(|| head.loops.as_ref().map(Spanned::span));
                check_end(part, numbered, span.unwrap_or(name.span()), scope)
            });
            is_proven && check_length(part, entry, fits, scope)
        });
        is_whole &= part.is_some();
        parts.extend(part);
    }
    let (count, numbering) = numbered?;
    is_whole.then_some(())?;
    Some(Group {
        count,
        numbering,
        parts,
        scan: match head.scan {
            ScanWord::First => Scan::First,
            ScanWord::Rest => Scan::Rest,
        },
        clear_after: clear_after?,
    })
}

/// How many points there are and how they are called.
fn read_numbering(name: &Word, head: &Head, scope: &mut Scope<'_>) -> Option<(u16, Numbering)> {
    match (&head.count, &head.loops) {
        (Some(count), None) => {
            let count = scope.number(count, 1..=65_535, "count");
            let first = match &head.first {
                Some(first) => scope.number(first, 0..=65_535, "first"),
                None => Some(0),
            };
            Some((count?, Numbering::Plain { first: first? }))
        }
        (None, Some(loops)) => {
            if let Some(first) = &head.first {
                let help = "write the first device of a loop inside `loops`";
                scope.error(first.span(), "`first` and `loops` say two things", help);
            }
            read_loops(loops, scope)
        }
        (Some(count), Some(loops)) => {
            let help = "write `count` for devices in one row, `loops` for several loops of devices";
            let message = "`count` and `loops` say two things";
            scope.clash(count.span(), loops.span(), message, help);
            None
        }
        (None, None) => {
            let message = format!("`{}` does not say how many points it has", name.as_ref());
            let help = "add `count = …`, or `loops = { count = …, stride = …, first = 1, last = …, letter = \"D\" }`";
            scope.error(name.span(), message, help);
            None
        }
    }
}

fn read_loops(entry: &Spanned<LoopsEntry>, scope: &mut Scope<'_>) -> Option<(u16, Numbering)> {
    let loops = entry.as_ref();
    let count: Option<u16> = scope.number(&loops.count, 1..=250, "count");
    let first: Option<u16> = scope.number(&loops.first, 0..=9_999, "first");
    let last: Option<u16> = scope.number(&loops.last, 0..=9_999, "last");
    let letter = *loops.letter.as_ref();
    if !letter.is_ascii_uppercase() {
        let help =
            "write one letter that stands between loop and device, for example \"D\" in L1D15";
        scope.error(
            loops.letter.span(),
            format!("`{letter}` is no capital letter"),
            help,
        );
        return None;
    }
    let (count, first, last) = (count?, first?, last?);
    let Some(devices) = (last + 1).checked_sub(first).filter(|devices| *devices > 0) else {
        let help = "write the first and the last device number of a loop";
        scope.error(loops.last.span(), "`last` is before `first`", help);
        return None;
    };
    let Some(all) = count.checked_mul(devices) else {
        let message = "more than 65535 points in one group";
        scope.error(entry.span(), message, "correct `count`, `first` or `last`");
        return None;
    };
    let numbering = Numbering::Loops {
        letter,
        first,
        devices,
    };
    Some((all, numbering))
}

fn read_part(
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

/// Loops do not run into each other, and the last point still has an address. With rising addresses that proves all of them.
fn check_end(
    part: &Part,
    (count, numbering): (u16, Numbering),
    span: Range<usize>,
    scope: &mut Scope<'_>,
) -> bool {
    let from_start = |index| part.end(numbering, index) - u32::from(part.start);
    if let Numbering::Loops { devices, .. } = numbering
        && count > devices
        && from_start(devices - 1) > u32::from(part.loop_stride)
    {
        let takes = from_start(devices - 1);
        let stride = part.loop_stride;
        let message = format!("a loop takes {takes} addresses, and the next begins after {stride}");
        scope.error(
            span,
            message,
            "correct the stride of the loops, or their devices",
        );
        return false;
    }
    let elements = from_start(count - 1);
    let most = ADDRESSES - u32::from(part.start);
    if elements <= most {
        return true;
    }
    let message =
        format!("the group ends {elements} addresses after its start, beyond the last one");
    let help = format!(
        "a table has 65536 addresses: only {most} follow from here; correct `start` or `count`"
    );
    scope.error(span, message, help);
    false
}

/// A value is read whole or not at all.
fn check_length(part: &Part, entry: &PartEntry, fits: Fits<'_>, scope: &mut Scope<'_>) -> bool {
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
