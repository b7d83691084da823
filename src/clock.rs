//! The only reader of clocks.
//!
//! [`EngineTime`] comes from `CLOCK_BOOTTIME`: it runs while the machine sleeps and never steps. [`WallTime`] is civil time
//! and may step; the engine notices a step by comparing the two.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::domain::time::{EngineTime, Now, WallTime};

/// Reads both clocks. Clones share their settings.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Engine time minus boot time, in milliseconds; set once at start so that engine time goes on over restarts.
    offset_ms: Arc<AtomicI64>,
    /// What tests add to the wall clock to make it step.
    wall_step_ms: Arc<AtomicI64>,
}

impl Clock {
    /// The present moment on both clocks.
    #[must_use]
    pub fn now(&self) -> Now {
        Now {
            engine: EngineTime(boot_ms() + self.offset_ms.load(Ordering::Relaxed)),
            wall: self.wall(),
        }
    }

    /// Continues engine time so that it now reads `engine`.
    pub fn continue_at(&self, engine: EngineTime) {
        self.offset_ms
            .store(engine.0 - boot_ms(), Ordering::Relaxed);
    }

    /// Makes the wall clock of this process step by `ms`, as an administrator or NTP would.
    pub fn step_wall(&self, ms: i64) {
        self.wall_step_ms.fetch_add(ms, Ordering::Relaxed);
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the wall clock"
    )]
    fn wall(&self) -> WallTime {
        let now = SystemTime::now();
        let ms = match now.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        };
        WallTime(ms + self.wall_step_ms.load(Ordering::Relaxed))
    }
}

/// Measures how long something takes; for figures and waits of seconds, never for a limit of a procedure.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Duration);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(monotonic())
    }

    /// Since the start.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        monotonic().saturating_sub(self.0)
    }
}

fn monotonic() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = Duration::from_secs(time.tv_sec.unsigned_abs());
    seconds + Duration::from_nanos(time.tv_nsec.unsigned_abs())
}

/// Milliseconds since the machine started, sleep included.
#[must_use]
pub fn boot_ms() -> i64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
}

/// The identity of this boot of the machine; empty where the kernel does not tell.
#[must_use]
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}
