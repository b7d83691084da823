//! `[groups.*]` of a profile: tables of points of one shape.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::address::Base;
use super::names::{self, Word};
use super::number::{NumberEntry, OrderWord};
use super::parts::{self, AreaWord, ConditionWord, Fits, LayoutWord, PackingWord, PartEntry};
use super::scope::Scope;
use super::states::{BitsEntry, CodesEntry, MissingEntry};
use crate::domain::layout::{Group, Numbering, Part};
use crate::domain::profile::Scan;

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoopsEntry {
    count: Spanned<i64>,
    stride: Spanned<i64>,
    first: Spanned<i64>,
    last: Spanned<i64>,
    letter: Spanned<char>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ScanWord {
    First,
    Rest,
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
        let part = parts::read(entry, base, loop_stride, scope);
        let part = part.filter(|part| {
            let is_proven = numbered.is_none_or(|numbered| {
                let span = head.count.as_ref().map(Spanned::span);
                let span = span.or_else(|| head.loops.as_ref().map(Spanned::span));
                check_end(part, numbered, span.unwrap_or(name.span()), scope)
            });
            is_proven && parts::check_length(part, entry, fits, scope)
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
