//! The simulator's clock: real time for the log, field time for everything that moves. Nothing else reads a clock.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// One reading of all clocks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    /// Real milliseconds since the campus started; never steps.
    pub(crate) at_ms: u64,
    /// Civil time in milliseconds since 1970, for people.
    pub(crate) wall_ms: u64,
    /// Milliseconds that have passed on the campus: real time multiplied by the speed.
    pub(crate) field_ms: u64,
}

/// A clock that starts at zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SimClock {
    start: Instant,
    speed: f64,
}

impl SimClock {
    /// Starts now; `speed` 10 lets the campus live ten times faster.
    pub(crate) fn start(speed: f64) -> Self {
        Self {
            start: Instant::now(),
            speed,
        }
    }

    pub(crate) fn now(&self) -> Moment {
        let elapsed = self.start.elapsed();
        Moment {
            at_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            wall_ms: wall_ms(),
            field_ms: u64::try_from(elapsed.mul_f64(self.speed).as_millis()).unwrap_or(u64::MAX),
        }
    }

    pub(crate) fn speed(&self) -> f64 {
        self.speed
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the simulator's one reader of civil time; it shares no clock with the daemon"
)]
pub(crate) fn wall_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
