use super::*;

fn packed(width: u8, most_first: bool, skip: u16) -> Part {
    let layout = Layout::Packed(Packed {
        width,
        most_first,
        skip,
        meaning: Meaning::States(States::default()),
    });
    Part {
        area: Area::Holding,
        start: 30,
        stride: 1,
        loop_stride: 100,
        layout: Arc::new(layout),
    }
}

fn at(part: &Part, index: u16) -> (u16, u16, u8) {
    let place = part.place(Numbering::Plain { first: 0 }, index).unwrap();
    (place.start, place.len, place.bit)
}

#[test]
fn packed_points_are_found_from_both_ends_of_a_register() {
    // The sheet of the GST panel: device n has slot n + 1, most significant pair first; device 1 is 40031 b11..10.
    let gst = packed(2, true, 2);
    assert_eq!(at(&gst, 0), (30, 1, 10));
    assert_eq!(at(&gst, 6), (31, 1, 14));
    assert_eq!(at(&gst, 24), (33, 1, 10));
    let nibbles = packed(4, false, 0);
    assert_eq!(at(&nibbles, 3), (30, 1, 12));
    assert_eq!(at(&nibbles, 4), (31, 1, 0));
    let bits = Part {
        area: Area::Discrete,
        ..packed(2, false, 1)
    };
    assert_eq!(at(&bits, 2), (36, 2, 0));
}

#[test]
fn a_loop_has_its_own_stretch_and_its_own_names() {
    let loops = Numbering::Loops {
        letter: 'D',
        first: 1,
        devices: 159,
    };
    let part = Part {
        loop_stride: 400,
        start: 0,
        layout: Arc::new(Layout::Word {
            swap_bytes: false,
            states: States::default(),
        }),
        ..packed(2, false, 0)
    };
    let start = |name: &str| {
        let index = loops.index(name)?;
        assert_eq!(loops.name(index), name);
        Some(part.place(loops, index)?.start)
    };
    assert_eq!(start("L1D1"), Some(0));
    assert_eq!(start("L1D159"), Some(158));
    assert_eq!(start("L2D1"), Some(400));
    assert_eq!(start("L10D15"), Some(3614));
    for wrong in [
        "L1D0", "L1D160", "L0D1", "L1M1", "1", "L1D", "LD1", "l1d1", "L1D+1", "",
    ] {
        assert_eq!(start(wrong), None, "{wrong}");
    }
    let plain = Numbering::Plain { first: 1 };
    assert_eq!(plain.index("1"), Some(0));
    assert_eq!(plain.index("0"), None);
    assert_eq!(plain.name(119), "120");
}

#[test]
fn a_point_beyond_the_table_has_no_place() {
    let mut part = packed(8, false, 0);
    part.start = 65_535;
    let numbering = Numbering::Plain { first: 0 };
    assert!(part.place(numbering, 1).is_some());
    assert!(part.place(numbering, 2).is_none());
}

#[test]
fn a_limit_is_left_only_beyond_its_hysteresis() {
    let limit = Limit {
        shows: Condition::High,
        is_above: true,
        at: Milli(50_000),
    };
    let passed = |value, was| limit.is_passed(Milli(value), was, Milli(1_000));
    assert!(passed(50_000, false) && !passed(49_999, false));
    assert!(passed(49_000, true) && !passed(48_999, true));
    let low = Limit {
        is_above: false,
        ..limit
    };
    let passed = |value, was| low.is_passed(Milli(value), was, Milli(1_000));
    assert!(passed(50_000, false) && !passed(50_001, false));
    assert!(passed(51_000, true) && !passed(51_001, true));
}
