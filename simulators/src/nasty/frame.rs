//! The bytes around what is said: 4, 5, 6, 7, 9, 10, 11 and 20 (two units with the same address).

use std::time::Duration;

use super::device::{Manner, reads};
use super::{Active, Behaviour, Draft};
use crate::answer::answer;
use crate::field::Field;
use crate::wire::Heard;
use crate::wire::frame::Framing;

/// Where the data of a reply to a read begins.
const DATA: usize = 2;

/// Changes the frame; true when something was changed.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each door knows only its own"
)]
pub(super) fn spoil(
    active: &Active,
    (field, line): (&mut Field, usize),
    heard: &Heard<'_>,
    draft: &mut Draft,
) -> bool {
    let is_rtu = heard.framing == Framing::Rtu;
    match &active.order.behaviour {
        Behaviour::WrongTransaction { by } if !is_rtu => {
            draft.transaction = draft.transaction.wrapping_add(*by);
        }
        Behaviour::WrongUnit { unit } => draft.unit = *unit,
        Behaviour::BadChecksum {} if is_rtu => draft.flip ^= 0x0180,
        Behaviour::ShortFrame { bytes } => {
            let length = draft.pdu.len().saturating_sub(*bytes).max(1);
            draft.pdu.truncate(length);
        }
        Behaviour::LongFrame { bytes } => draft.pdu.resize(draft.pdu.len() + bytes, 0),
        Behaviour::Truncated { keep } => draft.keep = Some(*keep),
        Behaviour::Noise { before, after } => {
            draft.before.extend(before);
            draft.behind.extend(after);
        }
        Behaviour::Echo {} => {
            draft.frames_before.push(heard.raw.to_vec());
        }
        Behaviour::Foreign { unit, instead } => {
            let (unit, pdu) = foreign((field, line), heard, *unit, draft);
            if *instead {
                (draft.unit, draft.pdu) = (unit, pdu);
            } else {
                let transaction = heard.asked.transaction;
                let frame = heard.framing.wrap(transaction, unit, &pdu);
                draft.frames_before.push(frame);
            }
        }
        Behaviour::Collision { garbled } => {
            // The other one of the same address stands differently.
            let pdu = inverted(&draft.pdu);
            let transaction = heard.asked.transaction;
            let other = heard.framing.wrap(transaction, heard.asked.unit, &pdu);
            if *garbled {
                draft.against = Some(other);
            } else {
                draft.frames_behind.push((Duration::from_millis(8), other));
            }
        }
        _ => return false,
    }
    true
}

/// What another unit answers: one of the line when there is one, else one that stands differently.
fn foreign(
    (field, line): (&mut Field, usize),
    heard: &Heard<'_>,
    unit: u8,
    draft: &Draft,
) -> (u8, Vec<u8>) {
    let own = heard.asked.unit;
    let others = field.units_of(line);
    let chosen = if unit == 0 {
        others.into_iter().find(|other| *other != own)
    } else {
        Some(unit)
    };
    let chosen = chosen.unwrap_or(own.wrapping_add(1));
    // Nobody else is asked to do what this one was asked to do.
    let said = reads(heard)
        .and_then(|_| answer(field, (line, chosen), &heard.asked.pdu, Manner::default()));
    (chosen, said.unwrap_or_else(|| inverted(&draft.pdu)))
}

/// The same reply with the opposite values.
fn inverted(pdu: &[u8]) -> Vec<u8> {
    let mut pdu = pdu.to_vec();
    for byte in pdu.iter_mut().skip(DATA) {
        *byte = !*byte;
    }
    pdu
}
