//! From registers to a value in thousandths of its unit. Pure, and in whole numbers only: a limit is passed or not on every machine
//! alike.

use crate::domain::layout::{Format, Number, Order};
use crate::domain::point::{Milli, Trouble};

/// Most decimals that a device may say its number has.
const DECIMALS_MAX: u16 = 6;
/// IEEE 754 single precision: bits of the fraction, bias of the exponent, exponent of what is no number.
const FRACTION_BITS: u32 = 23;
const EXPONENT_BIAS: i32 = 127;
const NO_NUMBER: u32 = 0xFF;
/// A float of 2^60 and more is no value of a sensor; one below 2^-90 is nothing.
const SHIFT_MAX: i32 = 60;
const SHIFT_MIN: i32 = -90;

/// A number as `mantissa × 2^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Raw {
    mantissa: i64,
    exponent: i32,
}

/// The value, or why there is none.
pub(super) fn measure(number: &Number, words: &[u16]) -> Result<Milli, Trouble> {
    let from = usize::from(number.value_at);
    let own = from..from + usize::from(number.format.registers());
    let own = words.get(own).ok_or(Trouble::NotPresent)?;
    let bits = joined(own, number.order);
    if number.missing.iter().any(|pattern| pattern.fits(bits)) {
        return Err(Trouble::NotPresent);
    }
    let raw = raw(number.format, bits)?;
    let counts = raw.times(1_000, 1)?;
    if number.broken_below.is_some_and(|limit| counts < limit) {
        return Err(Trouble::Broken);
    }
    if number.shorted_above.is_some_and(|limit| counts > limit) {
        return Err(Trouble::Shorted);
    }
    let decimals = match number.decimals_at {
        None => 0,
        Some(at) => *words.get(usize::from(at)).ok_or(Trouble::NotPresent)?,
    };
    if decimals > DECIMALS_MAX {
        return Err(Trouble::NotANumber);
    }
    let divisor = 1_000 * 10_i128.pow(decimals.into());
    let scaled = raw.times(number.scale_micro.into(), divisor)?;
    let value = Milli(scaled.0.saturating_add(number.offset.0));
    let (least, greatest) = number.plausible;
    if value < least || value > greatest {
        return Err(Trouble::Implausible);
    }
    Ok(value)
}

/// The registers as one number of bits, most significant first.
fn joined(words: &[u16], order: Order) -> u32 {
    let word = |word: &u16| {
        u32::from(if order.swap_bytes {
            word.swap_bytes()
        } else {
            *word
        })
    };
    let next = |bits: u32, word: u32| bits << 16 | word;
    if order.swap_words {
        words.iter().rev().map(word).fold(0, next)
    } else {
        words.iter().map(word).fold(0, next)
    }
}

fn raw(format: Format, bits: u32) -> Result<Raw, Trouble> {
    // The low half alone, where the format has one register.
    let [_, _, high, low] = bits.to_be_bytes();
    let half = u16::from_be_bytes([high, low]);
    let whole = |mantissa: i64| {
        Ok(Raw {
            mantissa,
            exponent: 0,
        })
    };
    match format {
        Format::Int16 => whole(half.cast_signed().into()),
        Format::Uint16 => whole(half.into()),
        Format::Int32 => whole(bits.cast_signed().into()),
        Format::Uint32 => whole(bits.into()),
        Format::Bcd16 | Format::Bcd32 => whole(decimal(bits)?),
        Format::Float32 => float(bits),
    }
}

/// Binary coded decimal: a digit above 9 is no number.
fn decimal(bits: u32) -> Result<i64, Trouble> {
    (0..8).rev().try_fold(0_i64, |number, digit| {
        let digit = bits >> (4 * digit) & 0xF;
        (digit <= 9)
            .then_some(number * 10 + i64::from(digit))
            .ok_or(Trouble::NotANumber)
    })
}

fn float(bits: u32) -> Result<Raw, Trouble> {
    let exponent = bits >> FRACTION_BITS & 0xFF;
    if exponent == NO_NUMBER {
        return Err(Trouble::NotANumber);
    }
    let fraction = i64::from(bits & ((1 << FRACTION_BITS) - 1));
    // The leading one is not sent, but for numbers that are too small to have one.
    let leading = if exponent == 0 { 0 } else { 1 << FRACTION_BITS };
    let sign = if bits >> 31 == 1 { -1 } else { 1 };
    let exponent = i32::try_from(exponent.max(1)).unwrap_or_default() - EXPONENT_BIAS - 23;
    Ok(Raw {
        mantissa: sign * (leading + fraction),
        exponent,
    })
}

impl Raw {
    /// `self × factor ÷ divisor`, rounded to the nearest.
    fn times(self, factor: i128, divisor: i128) -> Result<Milli, Trouble> {
        let product = i128::from(self.mantissa) * factor;
        let shift = self.exponent.max(SHIFT_MIN);
        if shift > SHIFT_MAX {
            return Err(Trouble::Implausible);
        }
        let power = 1_i128 << shift.unsigned_abs();
        let value = if shift >= 0 {
            let product = product.checked_mul(power).ok_or(Trouble::Implausible)?;
            rounded(product, divisor)
        } else {
            rounded(
                product,
                divisor.checked_mul(power).ok_or(Trouble::Implausible)?,
            )
        };
        i64::try_from(value)
            .map(Milli)
            .map_err(|_| Trouble::Implausible)
    }
}

/// Half goes away from zero.
fn rounded(number: i128, divisor: i128) -> i128 {
    let half = divisor / 2;
    let towards = if number < 0 {
        number.saturating_sub(half)
    } else {
        number.saturating_add(half)
    };
    towards / divisor
}

#[cfg(test)]
mod tests;
