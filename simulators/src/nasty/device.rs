//! Whether a unit hears a request at all, and how it acts on it: 13 (not done), 16 (silence), 17, 18, 19.

use std::time::Duration;

use tokio::time::Instant;

use super::{Active, Behaviour};
use crate::wire::Heard;

/// Devices of a panel that come back one by one after its start; the rest comes with the last of them.
const REAPPEAR_MAX: u32 = 64;

/// How a unit takes a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// It does not hear it.
    pub(crate) ignores: bool,
    /// It answers for a register so many further on.
    pub(crate) shift: i32,
    /// It does what it is told to.
    pub(crate) acts: bool,
    /// It keeps an alarm until it is reset.
    pub(crate) latches: bool,
    /// What it takes for "on" in a write of a coil, beside FF00.
    pub(crate) coil_on: Option<u16>,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            ignores: false,
            shift: 0,
            acts: true,
            latches: true,
            coil_on: None,
        }
    }
}

/// What a behaviour does to the way in which the unit takes this request; true when it does something.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each door knows only its own"
)]
pub(super) fn meet(active: &Active, heard: &Heard<'_>, manner: &mut Manner) -> bool {
    let ignores = match active.order.behaviour {
        Behaviour::Silent {} => true,
        Behaviour::NeedsPause { ms } => heard.quiet < Duration::from_millis(ms),
        Behaviour::NeedsWarmUp { ms } => heard.open_for < Duration::from_millis(ms),
        Behaviour::MaxRegisters { max } => reads(heard).is_some_and(|(_, count)| count > max),
        Behaviour::Reboot { silent_ms, .. } => {
            heard.began < active.since + Duration::from_millis(silent_ms)
        }
        Behaviour::NotDone {} => {
            let writes = is_write(heard);
            manner.acts &= !writes;
            return writes;
        }
        Behaviour::CoilValue { on } => {
            manner.coil_on = Some(on);
            return false;
        }
        Behaviour::Unlatched {} => {
            manner.latches = false;
            return false;
        }
        Behaviour::Shifted { by } => {
            let is_read = reads(heard).is_some();
            manner.shift = by;
            return is_read;
        }
        _ => false,
    };
    manner.ignores |= ignores;
    ignores
}

/// Whether a behaviour has ended by itself.
pub(super) fn is_over(active: &Active, now: Instant) -> bool {
    let Behaviour::Reboot {
        silent_ms,
        blank_ms,
        each_ms,
        ..
    } = active.order.behaviour
    else {
        return false;
    };
    let ms = silent_ms + blank_ms + each_ms * u64::from(REAPPEAR_MAX);
    now >= active.since + Duration::from_millis(ms)
}

/// From a panel's start until the register `address` shows again what it is.
pub(super) fn reappears_after(
    (silent_ms, blank_ms, each_ms): (u64, u64, u64),
    address: u16,
) -> Duration {
    let place = u32::from(address).min(REAPPEAR_MAX);
    Duration::from_millis(silent_ms + blank_ms + each_ms * u64::from(place))
}

/// First register or bit and count of a request that reads.
pub(super) fn reads(heard: &Heard<'_>) -> Option<(u16, u16)> {
    match heard.asked.pdu.as_slice() {
        &[1..=4, a1, a0, c1, c0] => {
            Some((u16::from_be_bytes([a1, a0]), u16::from_be_bytes([c1, c0])))
        }
        _ => None,
    }
}

pub(super) fn is_write(heard: &Heard<'_>) -> bool {
    matches!(heard.asked.pdu.first(), Some(5 | 6 | 15 | 16 | 22))
}
