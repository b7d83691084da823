use super::*;
use crate::domain::ids::PointId;

fn placed(layout: Layout, is_fire: bool, offset: u16, bit: u8) -> Placed {
    Placed {
        point: PointId::from("P1"),
        is_fire,
        layout,
        offset,
        bit,
    }
}

fn word_layout() -> Layout {
    Layout::Word {
        fire: Some(0),
        fault: Some(1),
        disabled: Some(2),
        test: Some(15),
        active: None,
        low: None,
        high: None,
        missing: Some(0xFFFF),
    }
}

fn conditions(word: u16) -> Element {
    let placed = placed(word_layout(), true, 1, 0);
    decode(&placed, &Values::Registers(vec![0xAAAA, word, 0x5555]))
}

#[test]
fn each_bit_of_a_word_is_its_own_condition() {
    let of = |change: fn(&mut Conditions)| {
        let mut conditions = Conditions::default();
        change(&mut conditions);
        Element::Read(conditions)
    };
    assert_eq!(conditions(0x0000), of(|_| {}));
    assert_eq!(conditions(0x0001), of(|c| c.fire = true));
    assert_eq!(conditions(0x0002), of(|c| c.fault = true));
    assert_eq!(conditions(0x0004), of(|c| c.disabled = true));
    assert_eq!(conditions(0x8000), of(|c| c.test = true));
    // A bit that the profile does not name says nothing.
    assert_eq!(conditions(0x7FF8), of(|_| {}));
    let fire_and_fault = |c: &mut Conditions| {
        c.fire = true;
        c.fault = true;
    };
    assert_eq!(conditions(0x0003), of(fire_and_fault));
}

#[test]
fn the_limits_of_a_gas_detector_are_bits_of_their_own() {
    let mut layout = word_layout();
    if let Layout::Word { low, high, .. } = &mut layout {
        (*low, *high) = (Some(8), Some(9));
    }
    let of = |word| {
        let placed = placed(layout.clone(), false, 0, 0);
        match decode(&placed, &Values::Registers(vec![word])) {
            Element::Read(read) => (read.low, read.high, read.fire, read.fault),
            Element::NotPresent => panic!("present"),
        }
    };
    assert_eq!(of(0x0100), (true, false, false, false));
    assert_eq!(of(0x0300), (true, true, false, false));
    assert_eq!(of(0x0202), (false, true, false, true));
    assert_eq!(of(0x0000), (false, false, false, false));
}

#[test]
fn the_word_for_no_such_device_is_not_present_and_never_normal() {
    assert_eq!(conditions(0xFFFF), Element::NotPresent);
    // Without such a word in the profile all bits are bits.
    let Layout::Word { fire, .. } = word_layout() else {
        panic!("a word")
    };
    let layout = Layout::Word {
        fire,
        fault: None,
        disabled: None,
        test: None,
        active: None,
        low: None,
        high: None,
        missing: None,
    };
    let read = decode(
        &placed(layout, true, 0, 0),
        &Values::Registers(vec![0xFFFF]),
    );
    assert!(matches!(read, Element::Read(c) if c.fire));
}

#[test]
fn a_bit_is_fire_for_a_detector_and_active_for_the_rest() {
    let bits = Values::Bits(vec![false, true]);
    for inverted in [false, true] {
        for offset in [0, 1] {
            let is_on = (offset == 1) != inverted;
            let of = |is_fire| decode(&placed(Layout::Bit { inverted }, is_fire, offset, 0), &bits);
            let (fire, active) = (is_on, is_on);
            let calm = Conditions::default();
            assert_eq!(of(true), Element::Read(Conditions { fire, ..calm }));
            assert_eq!(of(false), Element::Read(Conditions { active, ..calm }));
        }
    }
}

#[test]
fn a_bit_of_a_register_is_counted_from_the_least_significant() {
    let words = Values::Registers(vec![0, 0b1000_0000_0000_0100]);
    let active = |bit| {
        let layout = Layout::Bit { inverted: false };
        let element = decode(&placed(layout, false, 1, bit), &words);
        matches!(element, Element::Read(conditions) if conditions.active)
    };
    let on: Vec<u8> = (0..16).filter(|bit| active(*bit)).collect();
    assert_eq!(on, [2, 15]);
}

#[test]
fn a_point_outside_what_was_read_is_not_present() {
    let layout = Layout::Bit { inverted: false };
    let outside = placed(layout, false, 2, 0);
    let short = [Values::Bits(vec![true; 2]), Values::Registers(vec![0; 2])];
    for values in short {
        assert_eq!(decode(&outside, &values), Element::NotPresent);
    }
    let word = placed(word_layout(), true, 0, 0);
    assert_eq!(
        decode(&word, &Values::Bits(vec![true])),
        Element::NotPresent
    );
}
