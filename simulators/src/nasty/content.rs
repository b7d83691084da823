//! What a unit says: 12, 13, 14, 15, 16 (a gateway's refusal) and 19 (a panel that starts).

use std::time::Duration;

use super::device::{is_write, reads, reappears_after};
use super::{Active, Behaviour, Blank, Draft};
use crate::wire::Heard;
use crate::wire::pdu::{REFUSAL, refusal};

/// Exceptions with a meaning of their own (V1.1b3, 7).
const ILLEGAL_ADDRESS: u8 = 2;
const ACKNOWLEDGE: u8 = 5;
const BUSY: u8 = 6;
/// What a coil is asked to be on with.
const ON: [u8; 2] = [0xFF, 0x00];

/// Changes what is said; true when something was changed.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each door knows only its own"
)]
pub(super) fn spoil(active: &Active, heard: &Heard<'_>, draft: &mut Draft) -> bool {
    let function = heard.asked.pdu.first().copied().unwrap_or_default();
    let refuse = |draft: &mut Draft, code| {
        draft.pdu = refusal(function, code);
        true
    };
    match &active.order.behaviour {
        Behaviour::Busy { busy, .. } if active.applied < *busy => refuse(draft, BUSY),
        Behaviour::Busy { busy, acknowledge } if active.applied < busy + acknowledge => {
            refuse(draft, ACKNOWLEDGE)
        }
        Behaviour::Exception { code } => refuse(draft, *code),
        Behaviour::Holes { addresses } => {
            let is_hit = reads(heard).is_some_and(|(first, count)| {
                let range = first..first.saturating_add(count);
                addresses.iter().any(|address| range.contains(address))
            });
            is_hit && refuse(draft, ILLEGAL_ADDRESS)
        }
        Behaviour::Gateway { code, delay_ms } => {
            draft.after += Duration::from_millis(*delay_ms);
            refuse(draft, *code)
        }
        _ if is_refusal(draft) => false,
        Behaviour::ByteCount { by } => change_count(draft, |count| count.wrapping_add(*by)),
        Behaviour::FewerRegisters { by } => {
            let length = draft.pdu.len().saturating_sub(by * 2).max(2);
            resize(heard, draft, length)
        }
        Behaviour::MoreRegisters { by } => {
            let length = draft.pdu.len() + by * 2;
            resize(heard, draft, length)
        }
        Behaviour::EchoValue { value } if is_write(heard) => {
            put_value(draft, |_| Some(value.to_be_bytes()))
        }
        Behaviour::CoilValue { on } if function == 5 => {
            put_value(draft, |value| (value == ON).then(|| on.to_be_bytes()))
        }
        Behaviour::Reboot {
            shows,
            silent_ms,
            blank_ms,
            each_ms,
        } => {
            let since = heard.began.saturating_duration_since(active.since);
            blank(heard, draft, *shows, |address| {
                since < reappears_after((*silent_ms, *blank_ms, *each_ms), address)
            })
        }
        _ => false,
    }
}

fn is_refusal(draft: &Draft) -> bool {
    draft
        .pdu
        .first()
        .is_some_and(|function| *function >= REFUSAL)
}

fn change_count(draft: &mut Draft, change: impl Fn(u8) -> u8) -> bool {
    match draft.pdu.get_mut(1) {
        Some(count) => {
            *count = change(*count);
            true
        }
        None => false,
    }
}

/// A reply with more or fewer registers, right in itself.
fn resize(heard: &Heard<'_>, draft: &mut Draft, length: usize) -> bool {
    let Ok(count) = u8::try_from(length.saturating_sub(2)) else {
        return false;
    };
    if reads(heard).is_none() {
        return false;
    }
    draft.pdu.resize(length, 0);
    change_count(draft, |_| count)
}

/// Changes the value that a write is answered with.
fn put_value(draft: &mut Draft, change: impl Fn([u8; 2]) -> Option<[u8; 2]>) -> bool {
    let Some(value) = draft.pdu.last_chunk_mut::<2>() else {
        return false;
    };
    match change(*value) {
        Some(changed) => {
            *value = changed;
            true
        }
        None => false,
    }
}

/// Takes away what a panel does not show yet.
fn blank(
    heard: &Heard<'_>,
    draft: &mut Draft,
    shows: Blank,
    is_blank: impl Fn(u16) -> bool,
) -> bool {
    let Some((first, _)) = reads(heard) else {
        return false;
    };
    let byte = match shows {
        Blank::Zeros => 0x00,
        Blank::Ones => 0xFF,
    };
    let is_words = matches!(draft.pdu.first(), Some(3 | 4));
    let Some(data) = draft.pdu.get_mut(2..) else {
        return false;
    };
    let mut has_changed = false;
    if is_words {
        for (address, word) in (first..).zip(data.chunks_mut(2)) {
            if is_blank(address) {
                word.fill(byte);
                has_changed = true;
            }
        }
    } else if is_blank(u16::MAX) {
        data.fill(byte);
        has_changed = true;
    }
    has_changed
}
