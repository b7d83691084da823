//! From elements to what they say of a point, as the profile says. Pure.
//!
//! What means "no such device", and a code that the profile does not know, tell nothing of fire or state: they become a fault, never
//! normal.

use super::modbus::pdu::Values;
use super::number;
use super::plan::Placed;
use crate::domain::layout::{Layout, Meaning, Packed, States};
use crate::domain::point::{Condition, Conditions, Milli, Trouble};

/// What the elements of a block say of one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    /// Its conditions.
    Read(Conditions),
    /// What it measures.
    Measured(Milli),
    /// Nothing but that it is faulty.
    Faulty(Trouble),
}

/// Reads one point out of its block. What is not in the values is not present.
pub(crate) fn decode(placed: &Placed, values: &Values) -> Element {
    let missing = Element::Faulty(Trouble::NotPresent);
    let (from, end) = (
        usize::from(placed.offset),
        usize::from(placed.offset) + usize::from(placed.len),
    );
    match values {
        Values::Registers(words) => match words.get(from..end) {
            Some(words) => of_registers(placed, words),
            None => missing,
        },
        Values::Bits(bits) => match bits.get(from..end) {
            Some(bits) => of_bits(placed, bits),
            None => missing,
        },
    }
}

fn of_registers(placed: &Placed, words: &[u16]) -> Element {
    let missing = Element::Faulty(Trouble::NotPresent);
    match (&*placed.layout, words) {
        (Layout::Number(number), words) => match number::measure(number, words) {
            Ok(value) => Element::Measured(value),
            Err(trouble) => Element::Faulty(trouble),
        },
        (Layout::Word { swap_bytes, states }, [word]) => {
            let word = if *swap_bytes {
                word.swap_bytes()
            } else {
                *word
            };
            of_states(states, word)
        }
        (Layout::Packed(packed), [word]) => {
            let shifted = word.checked_shr(placed.bit.into()).unwrap_or_default();
            of_packed(placed, packed, shifted & ones(packed.width))
        }
        // The plan gives these one register.
        (Layout::Word { .. } | Layout::Packed(_), _) => missing,
    }
}

fn of_bits(placed: &Placed, bits: &[bool]) -> Element {
    let Layout::Packed(packed) = &*placed.layout else {
        // The configuration never places a word in a table of bits.
        return Element::Faulty(Trouble::NotPresent);
    };
    let next = |value: u16, bit: &bool| value << 1 | u16::from(*bit);
    let value = if packed.most_first {
        bits.iter().fold(0, next)
    } else {
        bits.iter().rev().fold(0, next)
    };
    of_packed(placed, packed, value)
}

fn of_packed(placed: &Placed, packed: &Packed, bits: u16) -> Element {
    match &packed.meaning {
        Meaning::Contact { inverted, shows } => {
            let shows = shows.unwrap_or(placed.contact);
            let is_on = (bits & 1 == 1) != *inverted;
            Element::Read(Conditions::default().with(shows, is_on))
        }
        Meaning::States(states) => of_states(states, bits),
    }
}

fn of_states(states: &States, word: u16) -> Element {
    let mut missing = states.missing.iter();
    if missing.any(|pattern| pattern.fits(word.into())) {
        return Element::Faulty(Trouble::NotPresent);
    }
    let mut conditions = Conditions::default();
    for (bit, condition) in &states.bits {
        if is_set(word, *bit) {
            conditions = conditions.with(*condition, true);
        }
    }
    let Some(codes) = &states.codes else {
        return Element::Read(conditions);
    };
    if codes.when.is_some_and(|bit| !is_set(word, bit)) {
        return Element::Read(conditions);
    }
    let code = (word & codes.mask)
        .checked_shr(codes.mask.trailing_zeros())
        .unwrap_or_default();
    match codes.table.get(&code) {
        Some(more) => Element::Read(conditions.or(*more)),
        // A bit beside it may say fire all the same.
        None if conditions.fire || conditions.gas() => {
            Element::Read(conditions.with(Condition::Fault, true))
        }
        None => Element::Faulty(Trouble::UnknownCode),
    }
}

fn is_set(word: u16, bit: u8) -> bool {
    word.checked_shr(bit.into()).unwrap_or_default() & 1 == 1
}

fn ones(width: u8) -> u16 {
    u16::MAX
        .checked_shr(16_u32.saturating_sub(width.into()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
