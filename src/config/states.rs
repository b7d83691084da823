//! `bits`, `codes` and `missing` of a group: which conditions the bits of a point mean.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::scope::Scope;
use crate::domain::layout::{Codes, Pattern, States};
use crate::domain::point::{Condition, Conditions};

/// What a group may say of the bits of its points.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) bits: Option<&'a Spanned<BitsEntry>>,
    pub(super) codes: Option<&'a Spanned<CodesEntry>>,
    pub(super) missing: Option<&'a Spanned<MissingEntry>>,
    /// Bits of a point.
    pub(super) width: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BitsEntry {
    fire: Option<Spanned<Listed>>,
    fault: Option<Spanned<Listed>>,
    disabled: Option<Spanned<Listed>>,
    test: Option<Spanned<Listed>>,
    active: Option<Spanned<Listed>>,
    low: Option<Spanned<Listed>>,
    high: Option<Spanned<Listed>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodesEntry {
    mask: Option<Spanned<i64>>,
    when: Option<Spanned<i64>>,
    normal: Option<Spanned<Listed>>,
    fire: Option<Spanned<Listed>>,
    fault: Option<Spanned<Listed>>,
    disabled: Option<Spanned<Listed>>,
    test: Option<Spanned<Listed>>,
    active: Option<Spanned<Listed>>,
    low: Option<Spanned<Listed>>,
    high: Option<Spanned<Listed>>,
}

/// One number or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a whole number or a list of them")]
pub(super) enum Listed {
    One(i64),
    Many(Vec<i64>),
}

/// `0xFFFF`, `{ mask = 0x00FF, value = 0x00FF }` or a list of the latter.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a whole number, { mask = …, value = … } or a list of these"
)]
pub(super) enum MissingEntry {
    Whole(i64),
    Masked(PatternEntry),
    Several(Vec<PatternEntry>),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PatternEntry {
    mask: i64,
    value: i64,
}

impl Listed {
    fn numbers(&self) -> &[i64] {
        match self {
            Self::One(number) => std::slice::from_ref(number),
            Self::Many(numbers) => numbers,
        }
    }
}

impl BitsEntry {
    fn by_condition(&self) -> [(Condition, &Option<Spanned<Listed>>); 7] {
        [
            (Condition::Fire, &self.fire),
            (Condition::Fault, &self.fault),
            (Condition::Disabled, &self.disabled),
            (Condition::Test, &self.test),
            (Condition::Active, &self.active),
            (Condition::Low, &self.low),
            (Condition::High, &self.high),
        ]
    }
}

impl CodesEntry {
    /// The lists with what they mean; `None` is nothing at all.
    fn by_condition(&self) -> [(Option<Condition>, &Option<Spanned<Listed>>); 8] {
        [
            (None, &self.normal),
            (Some(Condition::Fire), &self.fire),
            (Some(Condition::Fault), &self.fault),
            (Some(Condition::Disabled), &self.disabled),
            (Some(Condition::Test), &self.test),
            (Some(Condition::Active), &self.active),
            (Some(Condition::Low), &self.low),
            (Some(Condition::High), &self.high),
        ]
    }
}

/// Reads them; `None` after a report. Whoever calls has seen that there are bits or codes.
pub(super) fn read(said: Said<'_>, scope: &mut Scope<'_>) -> Option<States> {
    let bits = match said.bits {
        Some(bits) => read_bits(bits, said.width, scope),
        None => Some(Vec::new()),
    };
    let codes = match said.codes {
        Some(codes) => read_codes(codes, said, scope).map(Some),
        None => Some(None),
    };
    let missing = match said.missing {
        Some(missing) => read_missing(missing, said.width, scope),
        None => Some(Vec::new()),
    };
    Some(States {
        bits: bits?,
        codes: codes?,
        missing: missing?,
    })
}

/// Every bit with its condition; no two conditions may share one.
fn read_bits(
    entry: &Spanned<BitsEntry>,
    width: u8,
    scope: &mut Scope<'_>,
) -> Option<Vec<(u8, Condition)>> {
    let named = entry.as_ref().by_condition();
    if named.iter().all(|(_, bits)| bits.is_none()) {
        let help = "name at least one: fire, fault, disabled, test, active, low or high";
        scope.error(entry.span(), "`bits` names no bit", help);
        return None;
    }
    let mut seen = BTreeMap::new();
    let mut is_right = true;
    let mut read = Vec::new();
    for (condition, listed) in named {
        let Some(listed) = listed else {
            continue;
        };
        for number in listed.as_ref().numbers() {
            let number = Spanned::new(listed.span(), *number);
            let bit = scope.number(&number, 0..=i64::from(width) - 1, condition.word());
            if let Some(first) = seen.insert(*number.as_ref(), listed.span()) {
                is_right = false;
                let message = format!("two conditions share bit {}", number.as_ref());
                scope.clash(listed.span(), first, message, "correct one of the two");
            }
            match bit {
                Some(bit) => read.push((bit, condition)),
                None => is_right = false,
            }
        }
    }
    is_right.then_some(read)
}

fn read_codes(entry: &Spanned<CodesEntry>, said: Said<'_>, scope: &mut Scope<'_>) -> Option<Codes> {
    let codes = entry.as_ref();
    let all = most(said.width);
    let mask: u16 = match &codes.mask {
        Some(mask) => scope.number(mask, 1..=all, "mask")?,
        None => u16::try_from(all).ok()?,
    };
    let span = codes.mask.as_ref().map_or(entry.span(), Spanned::span);
    let shifted = mask >> mask.trailing_zeros();
    if shifted & shifted.wrapping_add(1) != 0 {
        let help = "write one run of ones, for example 0x00FF or 0x0F00";
        scope.error(span, "the bits of a code stand side by side", help);
        return None;
    }
    let when: Option<u8> = match &codes.when {
        Some(when) => Some(scope.number(when, 0..=i64::from(said.width) - 1, "when")?),
        None => None,
    };
    let own = said.bits.into_iter().flat_map(|bits| {
        let named = bits.as_ref().by_condition().into_iter();
        named.filter_map(|(_, listed)| listed.as_ref())
    });
    let own = own.flat_map(|listed| listed.as_ref().numbers());
    let beside = own.copied().chain(when.map(i64::from));
    let inside = |bit: &i64| (0..16).contains(bit) && i64::from(mask) >> bit & 1 == 1;
    if let Some(bit) = beside.into_iter().find(inside) {
        scope.error(
            span,
            format!("bit {bit} is part of the code and has a meaning of its own"),
            "write the `mask` of the code without the bits that stand in `bits` or `when`",
        );
        return None;
    }
    let table = read_table(entry, i64::from(shifted), scope)?;
    Some(Codes { mask, when, table })
}

/// The conditions of each code; a code may have several, but not `normal` and another.
fn read_table(
    entry: &Spanned<CodesEntry>,
    most: i64,
    scope: &mut Scope<'_>,
) -> Option<BTreeMap<u16, Conditions>> {
    let mut table: BTreeMap<u16, Conditions> = BTreeMap::new();
    let mut normal = BTreeMap::new();
    let mut is_right = true;
    for (condition, listed) in entry.as_ref().by_condition() {
        let Some(listed) = listed else {
            continue;
        };
        let what = condition.map_or("normal", Condition::word);
        for number in listed.as_ref().numbers() {
            let number = Spanned::new(listed.span(), *number);
            let Some(code) = scope.number::<u16>(&number, 0..=most, what) else {
                is_right = false;
                continue;
            };
            let conditions = table.entry(code).or_default();
            match condition {
                None => {
                    normal.insert(code, listed.span());
                }
                Some(condition) => *conditions = conditions.with(condition, true),
            }
            if let (Some(first), Some(_)) = (normal.get(&code), condition) {
                is_right = false;
                let message = format!("code {code} is normal and `{what}` at once");
                scope.clash(
                    listed.span(),
                    first.clone(),
                    message,
                    "correct one of the two",
                );
            }
        }
    }
    if table.is_empty() && is_right {
        let help = "name what they mean: normal = [0], fire = [1], fault = [2]; one that is not listed is a fault";
        scope.error(entry.span(), "`codes` names no code", help);
        return None;
    }
    is_right.then_some(table)
}

/// What says "no such device" among so many bits.
pub(super) fn read_missing(
    entry: &Spanned<MissingEntry>,
    width: u8,
    scope: &mut Scope<'_>,
) -> Option<Vec<Pattern>> {
    let all = most(width);
    let entries = match entry.as_ref() {
        MissingEntry::Whole(value) => {
            let value = Spanned::new(entry.span(), *value);
            let value = scope.number(&value, 0..=all, "missing")?;
            let mask = u32::try_from(all).ok()?;
            return Some(vec![Pattern { mask, value }]);
        }
        MissingEntry::Masked(one) => std::slice::from_ref(one),
        MissingEntry::Several(several) => several,
    };
    let mut patterns = Vec::new();
    for PatternEntry { mask, value } in entries {
        let mask: u32 = scope.number(&Spanned::new(entry.span(), *mask), 1..=all, "mask")?;
        let value: u32 = scope.number(&Spanned::new(entry.span(), *value), 0..=all, "value")?;
        if value & !mask != 0 {
            let message = "`value` has bits outside of its `mask`, so it would never be met";
            scope.error(entry.span(), message, "correct one of the two");
            return None;
        }
        patterns.push(Pattern { mask, value });
    }
    Some(patterns)
}

/// The greatest number of so many bits; at most 32.
fn most(width: u8) -> i64 {
    (1_i64 << width.min(32)) - 1
}
