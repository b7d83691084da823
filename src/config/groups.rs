//! `[groups.*]` of a profile: tables of points of one shape.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::address::Base;
use super::names::{self, Word};
use super::scope::Scope;
use crate::domain::profile::{Area, Group, Layout, Scan};

/// The addresses of a table.
pub(super) const ADDRESSES: u32 = 65_536;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupEntry {
    area: AreaWord,
    start: Spanned<i64>,
    count: Spanned<i64>,
    layout: Spanned<LayoutWord>,
    bits: Option<Spanned<BitsEntry>>,
    missing: Option<Spanned<i64>>,
    inverted: Option<Spanned<bool>>,
    scan: ScanWord,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AreaWord {
    Coil,
    Discrete,
    Holding,
    Input,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LayoutWord {
    Word,
    Bit,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ScanWord {
    First,
    Rest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BitsEntry {
    fire: Option<Spanned<i64>>,
    fault: Option<Spanned<i64>>,
    disabled: Option<Spanned<i64>>,
    test: Option<Spanned<i64>>,
    active: Option<Spanned<i64>>,
    low: Option<Spanned<i64>>,
    high: Option<Spanned<i64>>,
}

/// Reads every group; one with an error is left out.
pub(super) fn read(
    entries: Vec<(Word, GroupEntry)>,
    base: Base,
    scope: &mut Scope<'_>,
) -> BTreeMap<String, Group> {
    let mut groups = BTreeMap::new();
    for (name, entry) in entries {
        names::check_id(scope.source, &name, scope.reports);
        if let Some(group) = read_group(&entry, base, scope) {
            groups.insert(name.into_inner(), group);
        }
    }
    groups
}

fn read_group(entry: &GroupEntry, base: Base, scope: &mut Scope<'_>) -> Option<Group> {
    let area = match entry.area {
        AreaWord::Coil => Area::Coil,
        AreaWord::Discrete => Area::Discrete,
        AreaWord::Holding => Area::Holding,
        AreaWord::Input => Area::Input,
    };
    let layout = read_layout(entry, area, scope);
    let start = base.address(area, &entry.start, scope);
    let count = scope.number(&entry.count, 1..=65_535, "count");
    let (start, count): (u16, u16) = (start?, count?);
    check_end(entry, area, (start, count), scope)?;
    Some(Group {
        area,
        start,
        count,
        layout: layout?,
        scan: match entry.scan {
            ScanWord::First => Scan::First,
            ScanWord::Rest => Scan::Rest,
        },
    })
}

/// The last point still has an address.
fn check_end(
    entry: &GroupEntry,
    area: Area,
    (start, count): (u16, u16),
    scope: &mut Scope<'_>,
) -> Option<()> {
    let elements = match (entry.layout.as_ref(), area.is_bits()) {
        (LayoutWord::Bit, false) => count.div_ceil(16),
        (LayoutWord::Bit, true) | (LayoutWord::Word, _) => count,
    };
    let most = ADDRESSES - u32::from(start);
    if u32::from(elements) <= most {
        return Some(());
    }
    scope.error(
        entry.count.span(),
        format!("the group ends {elements} addresses after its start, beyond the last one"),
        format!(
            "a table has 65536 addresses: only {most} follow from here; correct `start` or `count`"
        ),
    );
    None
}

fn read_layout(entry: &GroupEntry, area: Area, scope: &mut Scope<'_>) -> Option<Layout> {
    match entry.layout.as_ref() {
        LayoutWord::Word => read_word(entry, area, scope),
        LayoutWord::Bit => {
            let foreign = entry.bits.as_ref().map(Spanned::span);
            if let Some(span) = foreign.or_else(|| entry.missing.as_ref().map(Spanned::span)) {
                scope.error(
                    span,
                    "`bits` and `missing` belong to layout \"word\"",
                    "delete the key, or write layout = \"word\"",
                );
            }
            let inverted = entry.inverted.as_ref().is_some_and(|word| *word.as_ref());
            Some(Layout::Bit { inverted })
        }
    }
}

fn read_word(entry: &GroupEntry, area: Area, scope: &mut Scope<'_>) -> Option<Layout> {
    if area.is_bits() {
        scope.error(
            entry.layout.span(),
            "layout \"word\" needs registers, and this area has single bits",
            "write layout = \"bit\", or area = \"holding\" or \"input\"",
        );
        return None;
    }
    if let Some(inverted) = &entry.inverted {
        scope.error(
            inverted.span(),
            "`inverted` belongs to layout \"bit\"",
            "delete the key",
        );
    }
    let Some(bits) = &entry.bits else {
        scope.error(
            entry.layout.span(),
            "layout \"word\" does not say which bit means what",
            "add `bits = { fire = 0, fault = 1 }` with the numbers of the maker's map, 0 = least significant",
        );
        return None;
    };
    let missing = entry
        .missing
        .as_ref()
        .map(|missing| scope.number(missing, 0..=65_535, "missing"));
    let [fire, fault, disabled, test, active, low, high] = read_bits(bits, scope)?;
    Some(Layout::Word {
        fire,
        fault,
        disabled,
        test,
        active,
        low,
        high,
        missing: missing.flatten(),
    })
}

/// The bits in the order of [`BitsEntry`]; no two conditions may share one.
fn read_bits(entry: &Spanned<BitsEntry>, scope: &mut Scope<'_>) -> Option<[Option<u8>; 7]> {
    let bits = entry.as_ref();
    let named = [
        ("fire", &bits.fire),
        ("fault", &bits.fault),
        ("disabled", &bits.disabled),
        ("test", &bits.test),
        ("active", &bits.active),
        ("low", &bits.low),
        ("high", &bits.high),
    ];
    if named.iter().all(|(_, bit)| bit.is_none()) {
        let help = "name at least one: fire, fault, disabled, test, active, low or high";
        scope.error(entry.span(), "`bits` names no bit", help);
        return None;
    }
    let mut seen = BTreeMap::new();
    let mut is_right = true;
    let read = named.map(|(name, bit)| {
        let bit = bit.as_ref()?;
        let number = scope.number(bit, 0..=15, name);
        is_right &= number.is_some();
        if let Some(first) = seen.insert(*bit.as_ref(), bit.span()) {
            is_right = false;
            let message = format!("two conditions share bit {}", bit.as_ref());
            scope.clash(bit.span(), first, message, "correct one of the two");
        }
        number
    });
    is_right.then_some(read)
}
