use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::domain::ids::PointId;
use crate::domain::layout::{Codes, Pattern};

const NOT_PRESENT: Element = Element::Faulty(Trouble::NotPresent);

fn placed(layout: Layout, contact: Condition, (offset, bit): (u16, u8)) -> Placed {
    Placed {
        point: PointId::from("P1"),
        part: 0,
        parts: 1,
        contact,
        layout: Arc::new(layout),
        clear_after: 2,
        offset,
        len: 1,
        bit,
    }
}

fn word_of(states: States) -> Layout {
    Layout::Word {
        swap_bytes: false,
        states,
    }
}

fn states() -> States {
    let bits = vec![
        (0, Condition::Fire),
        (1, Condition::Fault),
        (2, Condition::Disabled),
        (15, Condition::Test),
    ];
    let missing = vec![Pattern {
        mask: 0xFFFF,
        value: 0xFFFF,
    }];
    States {
        bits,
        codes: None,
        missing,
    }
}

fn one(layout: Layout, word: u16) -> Element {
    let placed = placed(layout, Condition::Fire, (1, 0));
    decode(&placed, &Values::Registers(vec![0xAAAA, word, 0x5555]))
}

fn read(shown: &[Condition]) -> Element {
    let all = Conditions::default();
    let all = shown.iter().fold(all, |all, shows| all.with(*shows, true));
    Element::Read(all)
}

fn contact(inverted: bool, shows: Option<Condition>) -> Layout {
    Layout::Packed(Packed {
        width: 1,
        most_first: false,
        skip: 0,
        meaning: Meaning::Contact { inverted, shows },
    })
}

#[test]
fn each_bit_of_a_word_is_its_own_condition() {
    let of = |word| one(word_of(states()), word);
    assert_eq!(of(0x0000), read(&[]));
    assert_eq!(of(0x0001), read(&[Condition::Fire]));
    assert_eq!(of(0x0002), read(&[Condition::Fault]));
    assert_eq!(of(0x0004), read(&[Condition::Disabled]));
    assert_eq!(of(0x8000), read(&[Condition::Test]));
    // A bit that the profile does not name says nothing.
    assert_eq!(of(0x7FF8), read(&[]));
    assert_eq!(of(0x0003), read(&[Condition::Fire, Condition::Fault]));
    let swapped = Layout::Word {
        swap_bytes: true,
        states: states(),
    };
    assert_eq!(one(swapped, 0x0080), read(&[Condition::Test]));
}

#[test]
fn several_bits_may_mean_the_same() {
    let mut states = states();
    states
        .bits
        .extend([(8, Condition::High), (9, Condition::High)]);
    for word in [0x0100, 0x0200, 0x0300] {
        assert_eq!(one(word_of(states.clone()), word), read(&[Condition::High]));
    }
}

#[test]
fn what_means_no_such_device_is_not_present_and_never_normal() {
    assert_eq!(one(word_of(states()), 0xFFFF), NOT_PRESENT);
    let mut low_byte = states();
    low_byte.missing = vec![Pattern {
        mask: 0x00FF,
        value: 0x00FF,
    }];
    assert_eq!(one(word_of(low_byte.clone()), 0x12FF), NOT_PRESENT);
    low_byte.missing.clear();
    // Without such a word in the profile all bits are bits.
    let all = one(word_of(low_byte), 0xFFFF);
    assert!(matches!(all, Element::Read(c) if c.fire && c.fault));
}

#[test]
fn a_code_counts_only_while_its_bit_is_on_and_an_unknown_one_is_a_fault() {
    let fire = Conditions::default().with(Condition::Fire, true);
    let states = States {
        bits: vec![(13, Condition::Fault)],
        codes: Some(Codes {
            mask: 0x00FF,
            when: Some(11),
            table: BTreeMap::from([(0, Conditions::default()), (0x10, fire)]),
        }),
        missing: Vec::new(),
    };
    let of = |word| one(word_of(states.clone()), word);
    assert_eq!(of(0x0810), read(&[Condition::Fire]));
    assert_eq!(of(0x0010), read(&[]));
    assert_eq!(of(0x2810), read(&[Condition::Fire, Condition::Fault]));
    assert_eq!(of(0x0800), read(&[]));
    assert_eq!(of(0x0833), Element::Faulty(Trouble::UnknownCode));
    // The code says nothing while it does not count.
    assert_eq!(of(0x2033), read(&[Condition::Fault]));
    // A fire that a bit says is no less for a code beside it.
    let mut with_bit = states.clone();
    with_bit.bits.push((8, Condition::Fire));
    let both = [Condition::Fire, Condition::Fault];
    assert_eq!(one(word_of(with_bit), 0x0933), read(&both));
}

#[test]
fn pairs_and_nibbles_share_a_register() {
    let code = |shows| Conditions::default().with(shows, true);
    let pair = |most_first| {
        let table = BTreeMap::from([
            (0, Conditions::default()),
            (1, code(Condition::Fire)),
            (2, code(Condition::Fault)),
        ]);
        Packed {
            width: 2,
            most_first,
            skip: 0,
            meaning: Meaning::States(States {
                bits: Vec::new(),
                codes: Some(Codes {
                    mask: 3,
                    when: None,
                    table,
                }),
                missing: Vec::new(),
            }),
        }
    };
    let of = |bit| {
        let placed = placed(Layout::Packed(pair(true)), Condition::Fire, (0, bit));
        decode(&placed, &Values::Registers(vec![0b01_10_00_00_00_00_00_11]))
    };
    assert_eq!(of(14), read(&[Condition::Fire]));
    assert_eq!(of(12), read(&[Condition::Fault]));
    assert_eq!(of(10), read(&[]));
    assert_eq!(of(0), Element::Faulty(Trouble::UnknownCode));
    // In a table of bits the order of the two is that of the profile.
    for (most_first, expected) in [(true, Condition::Fire), (false, Condition::Fault)] {
        let mut placed = placed(Layout::Packed(pair(most_first)), Condition::Fire, (0, 0));
        placed.len = 2;
        let bits = Values::Bits(vec![false, true]);
        assert_eq!(decode(&placed, &bits), read(&[expected]));
    }
}

#[test]
fn a_contact_is_fire_for_a_detector_and_active_for_the_rest_unless_it_is_said() {
    let bits = Values::Bits(vec![false, true]);
    for inverted in [false, true] {
        for offset in [0, 1] {
            let is_on = (offset == 1) != inverted;
            let of = |kind, shows| {
                let placed = placed(contact(inverted, shows), kind, (offset, 0));
                decode(&placed, &bits)
            };
            for (kind, said, shows) in [
                (Condition::Fire, None, Condition::Fire),
                (Condition::Active, None, Condition::Active),
                (Condition::Fire, Some(Condition::Fault), Condition::Fault),
            ] {
                let shown: &[Condition] = if is_on { &[shows] } else { &[] };
                assert_eq!(of(kind, said), read(shown));
            }
        }
    }
}

#[test]
fn a_bit_of_a_register_is_counted_from_the_least_significant() {
    let words = Values::Registers(vec![0, 0b1000_0000_0000_0100]);
    let active = |bit| {
        let placed = placed(contact(false, None), Condition::Active, (1, bit));
        matches!(decode(&placed, &words), Element::Read(conditions) if conditions.active)
    };
    let on: Vec<u8> = (0..16).filter(|bit| active(*bit)).collect();
    assert_eq!(on, [2, 15]);
}

#[test]
fn a_point_outside_what_was_read_is_not_present() {
    let outside = placed(contact(false, None), Condition::Active, (2, 0));
    let short = [Values::Bits(vec![true; 2]), Values::Registers(vec![0; 2])];
    for values in short {
        assert_eq!(decode(&outside, &values), NOT_PRESENT);
    }
    let word = placed(word_of(states()), Condition::Fire, (0, 0));
    assert_eq!(decode(&word, &Values::Bits(vec![true])), NOT_PRESENT);
    let mut long = placed(word_of(states()), Condition::Fire, (0, 0));
    long.len = 2;
    assert_eq!(decode(&long, &Values::Registers(vec![1])), NOT_PRESENT);
}
