//! From a value in its unit to the registers that hold it.

use super::file::{Format, LimitEntry, Missing, NumberEntry, Order, Pattern};
use super::states::Shown;
use super::{Condition, Trouble};

/// So many decimals a device says that its numbers have, where the map has a register for it: a reader that leaves it out is wrong by
/// ten.
const DECIMALS: u16 = 1;
/// Values are told in thousandths.
const THOUSAND: f64 = 1_000.0;

/// A number in registers.
#[derive(Clone, Debug)]
pub(super) struct Number {
    format: Format,
    swap_words: bool,
    swap_bytes: bool,
    /// The unit of measurement for one count.
    scale: f64,
    offset: f64,
    pub(super) unit: String,
    missing: Vec<Pattern>,
    broken_below: Option<f64>,
    shorted_above: Option<f64>,
    plausible: [f64; 2],
    limits: Vec<(Condition, LimitEntry)>,
}

/// What registers hold, and what that is.
pub(super) struct Held {
    pub(super) words: Vec<u16>,
    pub(super) value: f64,
}

impl Number {
    pub(super) fn read(entry: &NumberEntry) -> Self {
        let order = entry.order.unwrap_or(Order::Abcd);
        let decimals = entry.decimals.map_or(0, |_| DECIMALS);
        let all = match registers(entry.format) {
            1 => 0xFFFF,
            _ => u32::MAX,
        };
        let missing = entry.missing.as_ref();
        Self {
            format: entry.format,
            swap_words: matches!(order, Order::Cdab | Order::Dcba),
            swap_bytes: matches!(order, Order::Ba | Order::Badc | Order::Dcba),
            scale: entry.scale / 10_f64.powi(decimals.into()),
            offset: entry.offset,
            unit: entry.unit.clone(),
            missing: missing.map_or_else(Vec::new, |missing: &Missing| missing.patterns(all)),
            broken_below: entry.broken_below,
            shorted_above: entry.shorted_above,
            plausible: entry.plausible,
            limits: entry.limits.iter().map(|(c, limit)| (*c, *limit)).collect(),
        }
    }

    /// What stands in the register that says how many decimals there are.
    pub(super) fn decimals() -> u16 {
        DECIMALS
    }

    /// Registers of the number itself.
    pub(super) fn registers(&self) -> u16 {
        registers(self.format)
    }

    /// A value; `None` where the registers cannot hold it.
    pub(super) fn hold(&self, value: f64) -> Option<Held> {
        self.count((value - self.offset) / self.scale)
    }

    /// A value at which nothing is shown.
    pub(super) fn calm(&self) -> Option<Held> {
        self.showing(&Shown::new())
    }

    /// A value that shows these conditions by its limits, and as few others as can be.
    pub(super) fn showing(&self, wanted: &Shown) -> Option<Held> {
        let [least, greatest] = self.plausible;
        let limits = self.limits.iter();
        let limits = limits.flat_map(|(_, limit)| [limit.above, limit.below]);
        let mut borders: Vec<f64> = limits.flatten().chain(self.plausible).collect();
        borders.sort_by(f64::total_cmp);
        let next = borders.iter().skip(1);
        let between = borders.iter().zip(next);
        let between = between.map(|(low, high)| f64::midpoint(*low, *high));
        std::iter::once(0.0)
            .chain(borders.iter().copied())
            .chain(between)
            .filter(|value| (least..=greatest).contains(value))
            .filter_map(|value| self.hold(value))
            .filter(|held| self.shown(held.value).is_superset(wanted))
            .min_by_key(|held| self.shown(held.value).len())
            .filter(|held| !wanted.is_empty() || self.shown(held.value).is_empty())
    }

    /// What a value shows; the limit itself counts as beyond.
    pub(super) fn shown(&self, value: f64) -> Shown {
        let beyond = |limit: &LimitEntry| {
            limit.above.is_some_and(|above| value >= above)
                || limit.below.is_some_and(|below| value <= below)
        };
        let limits = self.limits.iter();
        limits
            .filter(|(_, limit)| beyond(limit))
            .map(|(condition, _)| *condition)
            .collect()
    }

    /// Conditions that a limit shows.
    pub(super) fn can(&self) -> Shown {
        self.limits
            .iter()
            .map(|(condition, _)| *condition)
            .collect()
    }

    /// Every way to be no value for this reason.
    pub(super) fn troubled(&self, trouble: Trouble) -> Vec<Vec<u16>> {
        let counts = |count: Option<f64>| {
            let held = count.and_then(|count| self.count(count));
            held.map(|held| held.words).into_iter().collect()
        };
        match trouble {
            Trouble::NotPresent => {
                let missing = self.missing.iter();
                missing.map(|one| self.words(one.value)).collect()
            }
            Trouble::Broken => counts(self.broken_below.map(|limit| limit.floor() - 1.0)),
            Trouble::Shorted => counts(self.shorted_above.map(|limit| limit.ceil() + 1.0)),
            Trouble::NotANumber => match self.format {
                Format::Bcd16 | Format::Bcd32 => vec![self.words(0xA)],
                Format::Float32 => vec![self.words(f32::NAN.to_bits())],
                Format::Int16 | Format::Uint16 | Format::Int32 | Format::Uint32 => Vec::new(),
            },
            Trouble::Implausible => self.implausible(),
            Trouble::UnknownCode => Vec::new(),
        }
    }

    /// A count beyond what is believed that is no broken wire, no short circuit and no "not present".
    fn implausible(&self) -> Vec<Vec<u16>> {
        let [least, greatest] = self.plausible;
        let step = self.scale.abs().max(1.0 / THOUSAND);
        let beyond = [greatest + step, least - step];
        let held = beyond.into_iter().filter_map(|value| {
            let count = (value - self.offset) / self.scale;
            let is_wire = self.broken_below.is_some_and(|limit| count < limit)
                || self.shorted_above.is_some_and(|limit| count > limit);
            (!is_wire).then(|| self.count(count)).flatten()
        });
        held.map(|held| held.words).collect()
    }

    fn count(&self, count: f64) -> Option<Held> {
        let (bits, count) = if self.format == Format::Float32 {
            let held = count as f32;
            (held.to_bits(), f64::from(held))
        } else {
            (self.whole(count.round())?, count.round())
        };
        let is_absent = self.missing.iter().any(|one| bits & one.mask == one.value);
        let value = count * self.scale + self.offset;
        (!is_absent).then(|| Held {
            words: self.words(bits),
            value: (value * THOUSAND).round() / THOUSAND,
        })
    }

    /// A whole count as bits; `None` beyond what the format has.
    fn whole(&self, count: f64) -> Option<u32> {
        let count = count as i64;
        match self.format {
            Format::Int16 => Some(i16::try_from(count).ok()?.cast_unsigned().into()),
            Format::Uint16 => Some(u16::try_from(count).ok()?.into()),
            Format::Int32 => Some(i32::try_from(count).ok()?.cast_unsigned()),
            Format::Uint32 | Format::Float32 => u32::try_from(count).ok(),
            Format::Bcd16 => digits(count, 4),
            Format::Bcd32 => digits(count, 8),
        }
    }

    /// The registers in the order of the map.
    fn words(&self, bits: u32) -> Vec<u16> {
        let [a, b, c, d] = bits.to_be_bytes();
        let mut words = vec![u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
        if self.registers() == 1 {
            words.remove(0);
        }
        if self.swap_words {
            words.reverse();
        }
        if self.swap_bytes {
            words.iter_mut().for_each(|word| *word = word.swap_bytes());
        }
        words
    }
}

fn registers(format: Format) -> u16 {
    match format {
        Format::Int16 | Format::Uint16 | Format::Bcd16 => 1,
        Format::Int32 | Format::Uint32 | Format::Bcd32 | Format::Float32 => 2,
    }
}

/// Binary coded decimal: each digit has four bits.
fn digits(count: i64, most: usize) -> Option<u32> {
    let text = u32::try_from(count).ok()?.to_string();
    (text.len() <= most).then(|| u32::from_str_radix(&text, 16).ok())?
}
