//! Named places where a test ends or holds the process. Without the feature `crash-points` every call is nothing.

/// Ends the process here when the file named by `FENGSUI_CRASH_FILE` says so: `place:n` ends it at the n-th time that the place
/// is reached since the file says that. Every place that is reached is a line of the file named by `FENGSUI_CRASH_LOG`.
#[cfg(not(feature = "crash-points"))]
#[inline]
pub fn point(_place: &'static str) {}

/// Ends the process here when the file named by `FENGSUI_CRASH_FILE` says so: `place:n` ends it at the n-th time that the place
/// is reached since the file says that. Every place that is reached is a line of the file named by `FENGSUI_CRASH_LOG`.
#[cfg(feature = "crash-points")]
pub fn point(place: &'static str) {
    use std::io::Write;
    use std::sync::{Mutex, PoisonError};

    static COUNTED: Mutex<(String, u32)> = Mutex::new((String::new(), 0));
    if let Some(log) = setting("FENGSUI_CRASH_LOG")
        && let Ok(mut file) = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
    {
        // A lost line of this log only makes the kill test say that the place was not reached.
        let _ = writeln!(file, "{place}");
    }
    let Some(wanted) = setting("FENGSUI_CRASH_FILE") else {
        return;
    };
    let wanted = std::fs::read_to_string(wanted).unwrap_or_default();
    let mut counted = COUNTED.lock().unwrap_or_else(PoisonError::into_inner);
    if counted.0 != wanted {
        *counted = (wanted.clone(), 0);
    }
    let Some((name, n)) = wanted.trim().split_once(':') else {
        return;
    };
    if name == place {
        counted.1 += 1;
        if n.parse() == Ok(counted.1) {
            std::process::abort();
        }
    }
}

/// Holds the calling thread here while the file named by `FENGSUI_HOLD_FILE` names this place: a disk that does not answer.
#[cfg(not(feature = "crash-points"))]
#[inline]
pub fn hold(_place: &'static str) {}

/// Holds the calling thread here while the file named by `FENGSUI_HOLD_FILE` names this place: a disk that does not answer.
#[cfg(feature = "crash-points")]
pub fn hold(place: &'static str) {
    let Some(file) = setting("FENGSUI_HOLD_FILE") else {
        return;
    };
    let holds = || {
        let held = std::fs::read_to_string(&file).unwrap_or_default();
        held.split_whitespace().any(|word| word == place)
    };
    while holds() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// A size, or the smaller one that `name` gives: what is bounded can then be filled by a test.
#[cfg(not(feature = "crash-points"))]
#[inline]
#[must_use]
pub fn size(_name: &'static str, size: u64) -> u64 {
    size
}

/// A size, or the smaller one that `name` gives: what is bounded can then be filled by a test.
#[cfg(feature = "crash-points")]
#[must_use]
pub fn size(name: &'static str, size: u64) -> u64 {
    let smaller = setting(name).and_then(|value| value.parse().ok());
    smaller.unwrap_or(size).min(size)
}

#[cfg(feature = "crash-points")]
#[expect(
    clippy::disallowed_methods,
    reason = "a test's setting, compiled out of every release"
)]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
