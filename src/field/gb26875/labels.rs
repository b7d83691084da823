//! Time labels: six bytes of the device's own clock, which is the site's civil time and right or wrong as it may be.
//!
//! The standard has plain numbers. Some devices write decimal digits (0x59 for 59) all the same; that shows when a label is no time
//! as numbers and is one as digits, and from then on the device is read so.

use super::adu::Label;
use crate::domain::time::WallTime;

/// How far a device's clock may be ahead before its year is doubted; the digits of this year, read as a number, lie 12 years ahead.
const AHEAD_MAX_MS: i64 = 366 * 86_400_000;

/// How a device writes its labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Digits {
    /// As the standard says, until a label can only be meant otherwise.
    #[default]
    Unsure,
    /// Two decimal digits a byte.
    Decimal,
}

impl Digits {
    /// The moment that a label means; `None` when it is no time. Learns how the device writes.
    pub(crate) fn moment(
        &mut self,
        label: Label,
        now: WallTime,
        utc_offset_minutes: i32,
    ) -> Option<WallTime> {
        let plain = civil(label, utc_offset_minutes);
        let decimal = decimal(label).and_then(|label| civil(label, utc_offset_minutes));
        let is_near = |moment: &WallTime| moment.0 - now.0 < AHEAD_MAX_MS;
        match (*self, plain, decimal) {
            (Self::Decimal, plain, decimal) => decimal.or(plain),
            (Self::Unsure, Some(plain), decimal)
                if is_near(&plain) || !decimal.as_ref().is_some_and(is_near) =>
            {
                Some(plain)
            }
            (Self::Unsure, _, Some(decimal)) => {
                *self = Self::Decimal;
                Some(decimal)
            }
            (Self::Unsure, plain, None) => plain,
        }
    }
}

/// The label of a moment.
pub(crate) fn label(at: WallTime, utc_offset_minutes: i32) -> Label {
    let (year, month, day) = at.date(utc_offset_minutes);
    let seconds = (at.0 + i64::from(utc_offset_minutes) * 60_000)
        .div_euclid(1_000)
        .rem_euclid(86_400);
    let byte = |value: i64| u8::try_from(value).unwrap_or_default();
    [
        byte(seconds % 60),
        byte(seconds / 60 % 60),
        byte(seconds / 3_600),
        day,
        month,
        byte(year.rem_euclid(100)),
    ]
}

/// Each byte as two decimal digits.
fn decimal(label: Label) -> Option<Label> {
    let digits =
        |byte: u8| (byte & 0x0F <= 9 && byte >> 4 <= 9).then(|| (byte >> 4) * 10 + (byte & 0x0F));
    let mut plain = label;
    for byte in &mut plain {
        *byte = digits(*byte)?;
    }
    Some(plain)
}

fn civil(
    [second, minute, hour, day, month, year]: Label,
    utc_offset_minutes: i32,
) -> Option<WallTime> {
    if year > 99 {
        return None;
    }
    let date = (2_000 + i64::from(year), month, day);
    WallTime::of_civil(date, (hour, minute, second), utc_offset_minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFSET: i32 = 480;
    /// 2026-11-23 14:05:09 in China.
    const NOW: WallTime = WallTime(1_795_413_909_000);
    const LABEL: Label = [9, 5, 14, 23, 11, 26];

    #[test]
    fn a_label_is_the_civil_time_of_the_site() {
        assert_eq!(label(NOW, OFFSET), LABEL);
        assert_eq!(Digits::default().moment(LABEL, NOW, OFFSET), Some(NOW));
    }

    #[test]
    fn decimal_digits_are_learnt_from_a_label_that_is_no_time_as_numbers() {
        let mut digits = Digits::default();
        assert_eq!(
            digits.moment([0x09, 0x05, 0x14, 0x23, 0x11, 0x26], NOW, OFFSET),
            Some(NOW)
        );
        assert_eq!(digits, Digits::Decimal);
        let second = WallTime(NOW.0 + 1_000);
        assert_eq!(
            digits.moment([0x10, 0x05, 0x14, 0x23, 0x11, 0x26], second, OFFSET),
            Some(second)
        );
    }

    #[test]
    fn decimal_digits_that_are_a_time_as_numbers_too_show_by_their_year() {
        let mut digits = Digits::default();
        // 2026-01-02 03:04:05, as numbers 2038-01-02.
        let now = WallTime(1_767_294_245_000);
        assert_eq!(
            digits.moment([0x05, 0x04, 0x03, 0x02, 0x01, 0x26], now, OFFSET),
            Some(now)
        );
        assert_eq!(digits, Digits::Decimal);
    }

    #[test]
    fn a_wrong_clock_is_kept_as_it_is_and_no_time_is_none() {
        let mut digits = Digits::default();
        let old = digits.moment([58, 9, 26, 9, 12, 12], NOW, OFFSET);
        assert_eq!(old, None, "hour 26");
        let old = digits.moment([2, 58, 9, 26, 9, 12], NOW, OFFSET);
        assert_eq!(old, Some(WallTime(1_348_624_682_000)));
        assert_eq!(digits, Digits::Unsure);
        for none in [[0; 6], [0xFF; 6], [0, 0, 0, 31, 2, 26]] {
            assert_eq!(digits.moment(none, NOW, OFFSET), None);
        }
    }
}
