//! From elements to conditions, as the profile says. Pure.
//!
//! A word that means "no such device" tells nothing of fire or state: it becomes a fault, never normal.

use super::modbus::pdu::Values;
use super::plan::Placed;
use crate::domain::point::Conditions;
use crate::domain::profile::Layout;

/// What the elements of a block say of one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    /// Its conditions.
    Read(Conditions),
    /// The device says that there is no such point.
    NotPresent,
}

/// Reads one point out of its block.
pub(crate) fn decode(placed: &Placed, values: &Values) -> Element {
    let offset = usize::from(placed.offset);
    match (&placed.layout, values) {
        (Layout::Word { .. }, Values::Registers(words)) => match words.get(offset) {
            Some(word) => word_of(&placed.layout, *word),
            None => Element::NotPresent,
        },
        (Layout::Bit { inverted }, Values::Registers(words)) => match words.get(offset) {
            Some(word) => bit_of(placed, (word >> placed.bit & 1 == 1) != *inverted),
            None => Element::NotPresent,
        },
        (Layout::Bit { inverted }, Values::Bits(bits)) => match bits.get(offset) {
            Some(bit) => bit_of(placed, *bit != *inverted),
            None => Element::NotPresent,
        },
        // The plan never places a word in a table of bits.
        (Layout::Word { .. }, Values::Bits(_)) => Element::NotPresent,
    }
}

fn word_of(layout: &Layout, word: u16) -> Element {
    let Layout::Word {
        fire,
        fault,
        disabled,
        test,
        active,
        low,
        high,
        missing,
    } = layout
    else {
        return Element::NotPresent;
    };
    if *missing == Some(word) {
        return Element::NotPresent;
    }
    let is_on = |bit: &Option<u8>| {
        let shifted = bit.and_then(|bit| word.checked_shr(u32::from(bit)));
        shifted.is_some_and(|shifted| shifted & 1 == 1)
    };
    Element::Read(Conditions {
        fire: is_on(fire),
        fault: is_on(fault),
        disabled: is_on(disabled),
        test: is_on(test),
        active: is_on(active),
        low: is_on(low),
        high: is_on(high),
    })
}

fn bit_of(placed: &Placed, is_on: bool) -> Element {
    Element::Read(Conditions {
        fire: is_on && placed.is_fire,
        active: is_on && !placed.is_fire,
        ..Conditions::default()
    })
}

#[cfg(test)]
mod tests;
