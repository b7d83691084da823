//! Named places where the kill test ends the process. Without the feature `crash-points` every call is nothing.

/// Ends the process here when the environment asks for it: `FENGSUI_CRASH_AT=name` or `name:n` for the n-th time. Every place
/// that is reached is written to the file named by `FENGSUI_CRASH_LOG`.
#[cfg(not(feature = "crash-points"))]
#[inline]
pub fn point(_name: &'static str) {}

/// Ends the process here when the environment asks for it: `FENGSUI_CRASH_AT=name` or `name:n` for the n-th time. Every place
/// that is reached is written to the file named by `FENGSUI_CRASH_LOG`.
#[cfg(feature = "crash-points")]
pub fn point(name: &'static str) {
    use std::collections::BTreeMap;
    use std::io::Write;
    use std::sync::{Mutex, PoisonError};

    static HITS: Mutex<BTreeMap<&'static str, u32>> = Mutex::new(BTreeMap::new());
    let hit = {
        let mut hits = HITS.lock().unwrap_or_else(PoisonError::into_inner);
        let hit = hits.entry(name).or_default();
        *hit += 1;
        *hit
    };
    if let Some(log) = setting("FENGSUI_CRASH_LOG")
        && let Ok(mut file) = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
    {
        // A lost line of this log only makes the kill test say that the place was not reached.
        let _ = writeln!(file, "{name}:{hit}");
    }
    let Some(wanted) = setting("FENGSUI_CRASH_AT") else {
        return;
    };
    let (place, count) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    if place == name && count.parse() == Ok(hit) {
        std::process::abort();
    }
}

#[cfg(feature = "crash-points")]
#[expect(
    clippy::disallowed_methods,
    reason = "a test's setting, compiled out of every release"
)]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
