//! `number = { … }` of a group: a measured value, its limits, and what cannot be one.

use serde::Deserialize;
use toml::Spanned;

use super::address::Base;
use super::scope::Scope;
use super::states::{self, MissingEntry};
use crate::domain::layout::{Format, Limit, Number, Order};
use crate::domain::point::{Condition, Milli};
use crate::domain::profile::Area;

/// A unit of measurement is a few signs beside a number on a screen.
const UNIT_CHARS_MAX: usize = 12;
/// Digits after the point: thousandths of a unit, and millionths of it for each count.
const MILLI: usize = 3;
const MICRO: usize = 6;
/// What fits a value in thousandths and a scale in millionths, with room to multiply them.
const VALUE_MAX: f64 = 1e12;
const SCALE_MAX: f64 = 1e6;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberEntry {
    #[serde(rename = "type")]
    format: FormatWord,
    order: Option<Spanned<OrderWord>>,
    scale: Option<Spanned<f64>>,
    offset: Option<Spanned<f64>>,
    unit: Spanned<String>,
    decimals: Option<Spanned<i64>>,
    missing: Option<Spanned<MissingEntry>>,
    broken_below: Option<Spanned<f64>>,
    shorted_above: Option<Spanned<f64>>,
    plausible: Spanned<[f64; 2]>,
    limits: Option<Spanned<LimitsEntry>>,
    hysteresis: Option<Spanned<f64>>,
    dead_band: Option<Spanned<f64>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FormatWord {
    Int16,
    Uint16,
    Bcd16,
    Int32,
    Uint32,
    Bcd32,
    Float32,
}

/// The order of the bytes; A is the most significant.
#[derive(Clone, Copy, Deserialize)]
pub(super) enum OrderWord {
    #[serde(rename = "AB")]
    Ab,
    #[serde(rename = "BA")]
    Ba,
    #[serde(rename = "ABCD")]
    Abcd,
    #[serde(rename = "CDAB")]
    Cdab,
    #[serde(rename = "BADC")]
    Badc,
    #[serde(rename = "DCBA")]
    Dcba,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsEntry {
    fire: Option<Spanned<LimitEntry>>,
    active: Option<Spanned<LimitEntry>>,
    low: Option<Spanned<LimitEntry>>,
    high: Option<Spanned<LimitEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitEntry {
    above: Option<Spanned<f64>>,
    below: Option<Spanned<f64>>,
}

impl OrderWord {
    /// The order of a value of so many registers; reported when it is one of the other length.
    pub(super) fn read(
        word: Option<&Spanned<Self>>,
        registers: u16,
        scope: &mut Scope<'_>,
    ) -> Option<Order> {
        let Some(word) = word else {
            return Some(Order::default());
        };
        let (swap_words, swap_bytes, length) = match word.as_ref() {
            Self::Ab => (false, false, 1),
            Self::Ba => (false, true, 1),
            Self::Abcd => (false, false, 2),
            Self::Cdab => (true, false, 2),
            Self::Badc => (false, true, 2),
            Self::Dcba => (true, true, 2),
        };
        if length != registers {
            let message = format!(
                "the value has {} bytes, and `order` names {}",
                registers * 2,
                length * 2
            );
            let help = "write AB or BA for one register; ABCD, CDAB, BADC or DCBA for two";
            scope.error(word.span(), message, help);
            return None;
        }
        Some(Order {
            swap_words,
            swap_bytes,
        })
    }
}

/// Reads it, with the first register that has to be read for a value that starts at `start`.
pub(super) fn read(
    entry: &Spanned<NumberEntry>,
    (base, area, start): (Base, Area, u16),
    scope: &mut Scope<'_>,
) -> Option<(u16, Number)> {
    let said = entry.as_ref();
    let format = match said.format {
        FormatWord::Int16 => Format::Int16,
        FormatWord::Uint16 => Format::Uint16,
        FormatWord::Bcd16 => Format::Bcd16,
        FormatWord::Int32 => Format::Int32,
        FormatWord::Uint32 => Format::Uint32,
        FormatWord::Bcd32 => Format::Bcd32,
        FormatWord::Float32 => Format::Float32,
    };
    let order = OrderWord::read(said.order.as_ref(), format.registers(), scope);
    let scale_micro = match &said.scale {
        Some(scale) => read_scale(scale, scope),
        None => Some(1_000_000),
    };
    let missing = match &said.missing {
        Some(missing) if format.registers() == 1 => states::read_missing(missing, 16, scope),
        Some(missing) => states::read_missing(missing, 32, scope),
        None => Some(Vec::new()),
    };
    let plausible = read_plausible(&said.plausible, scope);
    let limits = read_limits(said, plausible, scope);
    let mut optional = |value: &Option<Spanned<f64>>, what| match value {
        Some(value) => milli(value, what, scope).map(Some),
        None => Some(None),
    };
    let broken_below = optional(&said.broken_below, "broken_below");
    let shorted_above = optional(&said.shorted_above, "shorted_above");
    let offset = optional(&said.offset, "offset");
    let hysteresis = positive(said.hysteresis.as_ref(), "hysteresis", scope);
    let dead_band = positive(said.dead_band.as_ref(), "dead_band", scope);
    let unit = read_unit(&said.unit, scope);
    let decimals = match &said.decimals {
        Some(decimals) => base.address(area, decimals, scope).map(Some),
        None => Some(None),
    };
    let decimals = decimals?;
    let first = decimals.map_or(start, |at| at.min(start));
    let last = u32::from(start) + u32::from(format.registers()) - 1;
    let last = decimals.map_or(last, |at| last.max(at.into()));
    let number = Number {
        format,
        order: order?,
        len: u16::try_from(last - u32::from(first) + 1).ok()?,
        value_at: start - first,
        decimals_at: decimals.map(|at| at - first),
        scale_micro: scale_micro?,
        offset: offset?.unwrap_or_default(),
        unit: unit?,
        missing: missing?,
        broken_below: broken_below?,
        shorted_above: shorted_above?,
        plausible: plausible?,
        limits: limits?,
        hysteresis: hysteresis?,
        dead_band: dead_band?,
    };
    Some((first, number))
}

fn read_unit(unit: &Spanned<String>, scope: &mut Scope<'_>) -> Option<String> {
    let text = unit.as_ref();
    if text.chars().count() > UNIT_CHARS_MAX {
        let message = format!("a unit of measurement has at most {UNIT_CHARS_MAX} signs");
        scope.error(
            unit.span(),
            message,
            "write its symbol, for example %LEL or kPa",
        );
        return None;
    }
    Some(text.clone())
}

fn read_scale(scale: &Spanned<f64>, scope: &mut Scope<'_>) -> Option<i64> {
    let micro = fixed(*scale.as_ref(), MICRO, SCALE_MAX).filter(|micro| *micro != 0);
    if micro.is_none() {
        let message = format!("`scale` is {}", scale.as_ref());
        let help = "write how much of the unit one count is, not 0, with at most six digits after the point";
        scope.error(scale.span(), message, help);
    }
    micro
}

fn read_plausible(range: &Spanned<[f64; 2]>, scope: &mut Scope<'_>) -> Option<(Milli, Milli)> {
    let [least, greatest] = *range.as_ref();
    let least = milli(&Spanned::new(range.span(), least), "plausible", scope)?;
    let greatest = milli(&Spanned::new(range.span(), greatest), "plausible", scope)?;
    if least >= greatest {
        let help = "write [least, greatest] in the unit: what lies outside is a fault and no value";
        scope.error(range.span(), "nothing would be plausible", help);
        return None;
    }
    Some((least, greatest))
}

fn read_limits(
    said: &NumberEntry,
    plausible: Option<(Milli, Milli)>,
    scope: &mut Scope<'_>,
) -> Option<Vec<Limit>> {
    let Some(entry) = &said.limits else {
        return Some(Vec::new());
    };
    let named = [
        (Condition::Fire, &entry.as_ref().fire),
        (Condition::Active, &entry.as_ref().active),
        (Condition::Low, &entry.as_ref().low),
        (Condition::High, &entry.as_ref().high),
    ];
    let mut limits = Vec::new();
    let mut is_right = true;
    for (shows, limit) in named {
        let Some(limit) = limit else {
            continue;
        };
        let (above, below) = (&limit.as_ref().above, &limit.as_ref().below);
        if above.is_none() && below.is_none() {
            let message = format!("the limit `{}` says neither above nor below", shows.word());
            scope.error(
                limit.span(),
                message,
                "write { above = … } or { below = … } in the unit",
            );
            is_right = false;
        }
        for (at, is_above) in [(above, true), (below, false)] {
            let Some(written) = at else {
                continue;
            };
            let Some(at) = milli(written, shows.word(), scope) else {
                is_right = false;
                continue;
            };
            if plausible.is_some_and(|(least, greatest)| at < least || at > greatest) {
                let message =
                    "the limit lies outside of what is `plausible`, so it would never be met";
                scope.error(written.span(), message, "correct the limit or `plausible`");
                is_right = false;
            }
            limits.push(Limit {
                shows,
                is_above,
                at,
            });
        }
    }
    let rising = |shows| {
        let mut limits = limits.iter();
        limits.find(|limit| limit.shows == shows && limit.is_above)
    };
    if let (Some(low), Some(high)) = (rising(Condition::Low), rising(Condition::High))
        && low.at >= high.at
    {
        let help = "the low limit is the first of the two that a leak passes";
        scope.error(entry.span(), "`low` is not below `high`", help);
        is_right = false;
    }
    is_right.then_some(limits)
}

fn positive(value: Option<&Spanned<f64>>, what: &str, scope: &mut Scope<'_>) -> Option<Milli> {
    let Some(value) = value else {
        return Some(Milli(0));
    };
    let read = milli(value, what, scope)?;
    if read.0 < 0 {
        scope.error(
            value.span(),
            format!("`{what}` is below 0"),
            "write 0 or more, in the unit",
        );
        return None;
    }
    Some(read)
}

fn milli(value: &Spanned<f64>, what: &str, scope: &mut Scope<'_>) -> Option<Milli> {
    let read = fixed(*value.as_ref(), MILLI, VALUE_MAX).map(Milli);
    if read.is_none() {
        let message = format!("`{what}` is {}", value.as_ref());
        let help = "write a number with at most three digits after the point";
        scope.error(value.span(), message, help);
    }
    read
}

/// A number with so many digits after the point as a whole number of its last digit; `None` when it has more digits or is too
/// great.
fn fixed(value: f64, digits: usize, most: f64) -> Option<i64> {
    if !value.is_finite() || value.abs() > most {
        return None;
    }
    let text = format!("{value:.digits$}");
    let is_exact = text.parse::<f64>().ok()? == value;
    text.replace('.', "").parse().ok().filter(|_| is_exact)
}

#[cfg(test)]
mod tests {
    use super::fixed;

    #[test]
    fn decimals_become_whole_numbers_or_nothing() {
        assert_eq!(fixed(0.1, 6, 1e6), Some(100_000));
        assert_eq!(fixed(-10.0, 3, 1e12), Some(-10_000));
        assert_eq!(fixed(-0.005, 3, 1e12), Some(-5));
        assert_eq!(fixed(3.6, 3, 1e12), Some(3_600));
        for wrong in [0.0001, f64::NAN, f64::INFINITY, 2e12] {
            assert_eq!(fixed(wrong, 3, 1e12), None, "{wrong}");
        }
    }
}
