use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::domain::layout::{Format, Limit};
use crate::field::testing::{number, word};

fn placed(part: u8, parts: u8, layout: Layout) -> Placed {
    Placed {
        point: PointId::from("P1-001"),
        part,
        parts,
        contact: Condition::Fire,
        layout: Arc::new(layout),
        clear_after: 2,
        offset: 0,
        len: 1,
        bit: 0,
    }
}

fn read(fire: bool) -> Element {
    Element::Read(Conditions::default().with(Condition::Fire, fire))
}

/// A gas detector with limits at 20 and 50, a hysteresis of 2 and a dead band of 0.5.
fn gas() -> Placed {
    let limit = |shows, at| Limit {
        shows,
        is_above: true,
        at: Milli(at),
    };
    let mut number = number(Format::Uint16);
    number.limits = vec![
        limit(Condition::Low, 20_000),
        limit(Condition::High, 50_000),
    ];
    (number.hysteresis, number.dead_band) = (Milli(2_000), Milli(500));
    placed(0, 1, Layout::Number(number))
}

#[test]
fn a_fire_is_there_at_once_and_gone_after_two_readings() {
    let (mut memory, point) = (Memory::default(), placed(0, 1, word()));
    let mut fire = |element| {
        let (seen, again) = memory.take(&point, element);
        (seen.unwrap().conditions.fire, again)
    };
    assert_eq!(fire(read(false)), (false, false));
    assert_eq!(fire(read(true)), (true, true));
    assert_eq!(fire(read(true)), (true, false));
    assert_eq!(fire(read(false)), (true, true));
    assert_eq!(fire(read(true)), (true, false));
    assert_eq!(fire(read(false)), (true, true));
    assert_eq!(fire(read(false)), (false, false));
}

#[test]
fn a_profile_may_ask_for_more_readings_before_an_alarm_is_gone() {
    let (mut memory, mut point) = (Memory::default(), placed(0, 1, word()));
    point.clear_after = 4;
    let mut fire = |element| memory.take(&point, element).0.unwrap().conditions.fire;
    assert!(fire(read(true)));
    let after: Vec<bool> = (0..4).map(|_| fire(read(false))).collect();
    assert_eq!(after, [true, true, true, false]);
}

#[test]
fn a_missing_device_is_faulty_and_keeps_its_fire() {
    let (mut memory, point) = (Memory::default(), placed(0, 1, word()));
    memory.take(&point, read(true));
    let (seen, again) = memory.take(&point, Element::Faulty(Trouble::NotPresent));
    let seen = seen.unwrap();
    assert!(seen.conditions.fire && seen.conditions.fault && !again);
    assert_eq!(seen.trouble, Some(Trouble::NotPresent));
    let stale = memory.stale(&point).unwrap();
    assert_eq!(
        (stale.conditions, stale.quality),
        (seen.conditions, Quality::Stale)
    );
}

#[test]
fn a_point_that_was_never_read_is_not_made_stale() {
    assert_eq!(Memory::default().stale(&placed(0, 1, word())), None);
}

#[test]
fn a_value_passes_its_limits_and_comes_back_beyond_the_hysteresis() {
    let (mut memory, point) = (Memory::default(), gas());
    let mut at = |value: i64| {
        let (seen, _) = memory.take(&point, Element::Measured(Milli(value)));
        let seen = seen.unwrap();
        (seen.conditions.low, seen.conditions.high)
    };
    assert_eq!(at(19_999), (false, false));
    assert_eq!(at(20_000), (true, false));
    assert_eq!(at(50_000), (true, true));
    // Twice below 50, but not by the hysteresis; then twice beyond it.
    assert_eq!([at(48_500), at(48_500)], [(true, true), (true, true)]);
    assert_eq!([at(47_900), at(47_900)], [(true, true), (true, false)]);
    assert_eq!([at(17_000), at(17_000)], [(true, false), (false, false)]);
}

#[test]
fn a_broken_wire_is_a_fault_without_a_value_and_clears_no_limit() {
    let (mut memory, point) = (Memory::default(), gas());
    memory.take(&point, Element::Measured(Milli(60_000)));
    let broken = memory
        .take(&point, Element::Faulty(Trouble::Broken))
        .0
        .unwrap();
    assert!(broken.conditions.high && broken.conditions.fault);
    assert_eq!(
        (broken.value, broken.trouble),
        (None, Some(Trouble::Broken))
    );
    let whole = memory
        .take(&point, Element::Measured(Milli(60_000)))
        .0
        .unwrap();
    assert!(whole.conditions.high && !whole.conditions.fault);
    assert_eq!((whole.value, whole.trouble), (Some(Milli(60_000)), None));
}

#[test]
fn a_value_that_hardly_moves_is_not_told_anew_but_a_limit_is() {
    let (mut memory, point) = (Memory::default(), gas());
    let mut shown = |value: i64| {
        let (seen, _) = memory.take(&point, Element::Measured(Milli(value)));
        seen.unwrap().value.unwrap().0
    };
    assert_eq!(shown(19_800), 19_800);
    assert_eq!(shown(19_999), 19_800);
    assert_eq!(shown(19_600), 19_800);
    assert_eq!(
        shown(19_300),
        19_300,
        "small steps add up to one that counts"
    );
    assert_eq!(shown(19_700), 19_300);
    assert_eq!(shown(20_000), 20_000);
    assert_eq!(shown(20_100), 20_000);
}

#[test]
fn several_tables_are_one_point() {
    let mut memory = Memory::default();
    let (status, value) = (
        placed(0, 2, word()),
        Placed {
            part: 1,
            parts: 2,
            ..gas()
        },
    );
    assert_eq!(
        memory.take(&status, read(false)).0,
        None,
        "half of it is unknown"
    );
    let seen = memory
        .take(&value, Element::Measured(Milli(21_000)))
        .0
        .unwrap();
    assert!(seen.conditions.low && seen.quality == Quality::Good);
    // What one table says is no reading of the other.
    let seen = memory.take(&status, read(true)).0.unwrap();
    assert!(seen.conditions.low && seen.conditions.fire);
    assert_eq!(seen.value, Some(Milli(21_000)));
    // One table that is silent makes the point stale until it is read again.
    assert_eq!(memory.stale(&value).unwrap().quality, Quality::Stale);
    assert_eq!(
        memory.take(&status, read(true)).0.unwrap().quality,
        Quality::Stale
    );
    let seen = memory
        .take(&value, Element::Measured(Milli(21_000)))
        .0
        .unwrap();
    assert_eq!(seen.quality, Quality::Good);
}

#[test]
fn an_alarm_does_not_wait_for_the_other_tables() {
    let mut memory = Memory::default();
    let (seen, again) = memory.take(&placed(0, 2, word()), read(true));
    assert!(seen.unwrap().conditions.fire && again);
}

/// Anything that a bit map can say of a point.
fn any_element() -> impl Strategy<Value = Element> {
    let read = |bits: u8| {
        let stands = |n: usize| bits >> n & 1 == 1;
        let listed = Condition::ALL.into_iter().enumerate();
        let conditions = listed.fold(Conditions::default(), |all, (n, condition)| {
            all.with(condition, stands(n))
        });
        Element::Read(conditions)
    };
    prop_oneof![
        4 => any::<u8>().prop_map(read),
        1 => Just(Element::Faulty(Trouble::NotPresent)),
    ]
}

proptest! {
    /// What a bus rests on when it leaves out a block whose words have not changed.
    #[test]
    fn what_is_read_again_says_nothing_new_unless_it_asked_to_be_read_again(
        elements in proptest::collection::vec(any_element(), 1..40),
        clear_after in 1_u8..4,
    ) {
        let (mut memory, mut point) = (Memory::default(), placed(0, 1, word()));
        point.clear_after = clear_after;
        for element in elements {
            let (seen, again) = memory.take(&point, element);
            if !again {
                prop_assert_eq!(memory.take(&point, element), (seen, false));
            }
        }
    }
}
