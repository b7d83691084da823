//! Addresses as makers write them, as addresses on the wire. Makers count from 0, from 1, or in the 4xxxx notation.

use std::ops::RangeInclusive;

use serde::Deserialize;
use toml::Spanned;

use super::scope::Scope;
use crate::domain::profile::Area;

/// How a file writes addresses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    /// As on the wire.
    Zero,
    /// The first element is 1.
    One,
    /// 40001 or 400001: the leading digit names the table.
    Reference,
}

/// `base = 0`, also written `"raw"`, `base = 1` or `base = "reference"`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum BaseEntry {
    Number(i64),
    Word(String),
}

impl Base {
    /// Reads `base`.
    pub(super) fn read(entry: &Spanned<BaseEntry>, scope: &mut Scope<'_>) -> Option<Self> {
        match entry.as_ref() {
            BaseEntry::Number(0) => Some(Self::Zero),
            BaseEntry::Word(word) if word == "raw" => Some(Self::Zero),
            BaseEntry::Number(1) => Some(Self::One),
            BaseEntry::Word(word) if word == "reference" => Some(Self::Reference),
            BaseEntry::Number(_) | BaseEntry::Word(_) => {
                scope.error(
                    entry.span(),
                    "`base` says how the addresses of this file are counted",
                    "write 0 (as on the wire), 1 (the first register is 1) or \"reference\" (40001 or 400001)",
                );
                None
            }
        }
    }

    /// The zero-based address of `value`; reported when it cannot be one.
    pub(super) fn address(
        self,
        area: Area,
        value: &Spanned<i64>,
        scope: &mut Scope<'_>,
    ) -> Option<u16> {
        match self {
            Self::Zero => scope.number(value, 0..=65_535, "address"),
            Self::One => {
                let one_based: i64 = scope.number(value, 1..=65_536, "address")?;
                u16::try_from(one_based - 1).ok()
            }
            Self::Reference => reference(area, value, scope),
        }
    }
}

/// The address behind a reference such as 40001.
fn reference(area: Area, value: &Spanned<i64>, scope: &mut Scope<'_>) -> Option<u16> {
    let number = *value.as_ref();
    let ranges = references(area);
    let range = ranges.iter().find(|range| range.contains(&number));
    let Some(range) = range else {
        let listed: Vec<String> = ranges
            .iter()
            .map(|range| format!("{} to {}", range.start(), range.end()))
            .collect();
        scope.error(
            value.span(),
            format!("{number} is not a reference of this table"),
            format!("write {}, or set `base` to 0 or 1", listed.join(" or ")),
        );
        return None;
    };
    u16::try_from(number - range.start()).ok()
}

/// The references of a table, five and six digits long. Those of coils differ only in leading zeros.
fn references(area: Area) -> Vec<RangeInclusive<i64>> {
    let digit = match area {
        Area::Coil => return vec![1..=65_536],
        Area::Discrete => 1,
        Area::Input => 3,
        Area::Holding => 4,
    };
    let (short, long) = (digit * 10_000, digit * 100_000);
    vec![short + 1..=short + 9_999, long + 1..=long + 65_536]
}
