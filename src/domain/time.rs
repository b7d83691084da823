//! The two clocks, as two types that do not mix.

use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Time of the engine in milliseconds. It never steps, goes on over restarts, and is used for every limit of seconds to hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EngineTime(pub i64);

/// Civil time in milliseconds since 1970-01-01 UTC, for records, calendars and screens. It may step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallTime(pub i64);

/// The present moment on both clocks, read together by clock.rs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// For limits.
    pub engine: EngineTime,
    /// For records.
    pub wall: WallTime,
}

/// A duration as whole milliseconds; saturates at 292 million years.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Add<Duration> for EngineTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
}

impl Sub for EngineTime {
    type Output = Duration;

    /// The time from `earlier` to `self`; zero when `earlier` is later.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl WallTime {
    /// The moment of a civil date (year, month, day) and time (hour, minute, second) at an offset from UTC; `None` when there is no
    /// such moment. A leap second is none: no device of the field sends one.
    #[must_use]
    pub fn of_civil(
        (year, month, day): (i64, u8, u8),
        (hour, minute, second): (u8, u8, u8),
        utc_offset_minutes: i32,
    ) -> Option<Self> {
        if !(1..=12).contains(&month) || day == 0 || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
        let shifted_year = year - i64::from(month <= 2);
        let era = shifted_year.div_euclid(400);
        let year_of_era = shifted_year.rem_euclid(400);
        let shifted_month = (i64::from(month) + 9) % 12;
        let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        let seconds = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
        let at = Self(days * 86_400_000 + seconds * 1_000 - i64::from(utc_offset_minutes) * 60_000);
        // The 31st of a short month is the first of the next one.
        (at.date(utc_offset_minutes) == (year, month, day)).then_some(at)
    }

    /// Civil date and time of day at an offset from UTC, as people write it.
    #[must_use]
    pub fn civil_text(self, utc_offset_minutes: i32) -> String {
        let (year, month, day) = self.date(utc_offset_minutes);
        let seconds = self.0.div_euclid(1_000) + i64::from(utc_offset_minutes) * 60;
        let seconds = seconds.rem_euclid(86_400);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }

    /// The civil date (year, month, day) at an offset from UTC, by the proleptic Gregorian calendar.
    #[must_use]
    pub fn date(self, utc_offset_minutes: i32) -> (i64, u8, u8) {
        let days = (self.0 + i64::from(utc_offset_minutes) * 60_000).div_euclid(86_400_000);
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (
            year,
            u8::try_from(month).unwrap_or(1),
            u8::try_from(day).unwrap_or(1),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_site_offset() {
        let eve = WallTime(1_767_196_800_000); // 2025-12-31 16:00 UTC
        assert_eq!(eve.date(0), (2025, 12, 31));
        assert_eq!(eve.date(480), (2026, 1, 1));
        assert_eq!(WallTime(1_709_164_800_000).date(0), (2024, 2, 29));
        assert_eq!(WallTime(-1).date(0), (1969, 12, 31));
        assert_eq!(eve.civil_text(480), "2026-01-01 00:00:00");
    }

    #[test]
    fn civil_time_goes_back_and_forth() {
        for at in [
            0,
            -1_000,
            1_767_196_800_000,
            1_709_164_800_000,
            951_827_000_000,
        ] {
            for offset in [0, 480, -210] {
                let seconds = (at / 1_000 + i64::from(offset) * 60).rem_euclid(86_400);
                let part = |value: i64| u8::try_from(value).expect("small");
                let time = (
                    part(seconds / 3_600),
                    part(seconds / 60 % 60),
                    part(seconds % 60),
                );
                let date = WallTime(at).date(offset);
                assert_eq!(WallTime::of_civil(date, time, offset), Some(WallTime(at)));
            }
        }
        for none in [
            (2026, 2, 29),
            (2026, 4, 31),
            (2026, 0, 1),
            (2026, 13, 1),
            (2026, 1, 0),
        ] {
            assert_eq!(WallTime::of_civil(none, (0, 0, 0), 0), None, "{none:?}");
        }
        assert_eq!(WallTime::of_civil((2026, 1, 1), (24, 0, 0), 0), None);
    }

    #[test]
    fn a_difference_is_never_negative() {
        assert_eq!(EngineTime(5) - EngineTime(9), Duration::ZERO);
        assert_eq!(EngineTime(9) - EngineTime(5), Duration::from_millis(4));
    }
}
