//! Named places where the kill test ends the process. Without the feature `crash-points` every call is nothing.

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

#[cfg(feature = "crash-points")]
#[expect(
    clippy::disallowed_methods,
    reason = "a test's setting, compiled out of every release"
)]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
