//! When the bytes leave and what becomes of the connection: 1, 2, 3, 8 and 16.

use std::time::Duration;

use super::{Active, Behaviour, Draft};
use crate::wire::{Heard, Step};

/// Changes the moment; true when something was changed.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each door knows only its own"
)]
pub(super) fn spoil(active: &Active, heard: &Heard<'_>, draft: &mut Draft) -> bool {
    match active.order.behaviour {
        Behaviour::Late { delay_ms } => draft.after += Duration::from_millis(delay_ms),
        Behaviour::Overtaken {} => draft.is_held = true,
        Behaviour::Twice { pause_ms } => {
            let frame = draft.frame(heard);
            draft
                .frames_behind
                .push((Duration::from_millis(pause_ms), frame));
        }
        Behaviour::Split { pieces, gap_ms } => {
            let gap = Duration::try_from_secs_f64(gap_ms / 1000.0).unwrap_or_default();
            draft.pieces = Some((pieces, gap));
        }
        Behaviour::HalfOpen {} => {
            draft.keep = Some(0);
            draft.end = Some(Step::Hang);
        }
        Behaviour::ResetMidReply { keep } => {
            draft.keep = Some(keep);
            draft.end = Some(Step::Reset);
        }
        _ => return false,
    }
    true
}
