use proptest::prelude::*;

use super::*;
use crate::domain::layout::{Format, Group, Numbering};
use crate::field::decode::decode;
use crate::field::modbus::pdu::Values;
use crate::field::testing::{bit, bus, group, number, point, profiles, site, word};

fn profile(groups: Vec<Group>, registers_max: u16, gap_max: u16) -> BTreeMap<String, Profile> {
    let named = groups.into_iter().enumerate();
    let named = named.map(|(n, group)| (format!("g{n}"), group));
    let profile = Profile {
        registers_max,
        bits_max: 16,
        gap_max,
        groups: named.collect(),
        ..crate::field::testing::profile("p", Vec::new())
    };
    [("p".to_owned(), profile)].into()
}

/// Plans points given as group and index.
fn planned(profiles: &BTreeMap<String, Profile>, points: &[(&str, u16)]) -> Vec<Block> {
    let points = points.iter().enumerate();
    let points = points.map(|(n, at)| point(&format!("P{n:03}"), "b", 1, *at));
    let site = site(vec![bus("b", "-", &[(1, "p")])], points.collect());
    let (blocks, unplaced) = blocks(&site, &site.buses["b"], profiles);
    assert_eq!(unplaced, []);
    blocks
}

fn spans(blocks: &[Block]) -> Vec<(u16, u16)> {
    let span = |block: &Block| (block.span.start(), block.span.count());
    blocks.iter().map(span).collect()
}

fn words(start: u16, count: u16) -> Group {
    group(Area::Holding, (start, count), word(), Scan::First)
}

#[test]
fn neighbours_are_read_together_up_to_the_gap_and_the_longest_request() {
    let profiles = profile(vec![words(100, 50)], 10, 2);
    let at = |indexes: &[u16]| {
        let points: Vec<_> = indexes.iter().map(|n| ("g0", *n)).collect();
        spans(&planned(&profiles, &points))
    };
    assert_eq!(at(&[0, 1, 2]), [(100, 3)]);
    assert_eq!(at(&[0, 3]), [(100, 4)]);
    assert_eq!(at(&[0, 4]), [(100, 1), (104, 1)]);
    assert_eq!(at(&[0, 2, 4, 6, 8, 10]), [(100, 9), (110, 1)]);
    assert_eq!(at(&[9, 0, 0]), [(100, 1), (109, 1)]);
}

#[test]
fn alarms_come_first_and_tables_are_never_mixed() {
    let groups = vec![
        group(Area::Holding, (0, 2), word(), Scan::Rest),
        group(Area::Holding, (2, 2), word(), Scan::First),
        group(Area::Input, (4, 2), word(), Scan::First),
        group(Area::Discrete, (0, 20), bit(), Scan::First),
    ];
    let points = [
        ("g0", 0),
        ("g1", 0),
        ("g2", 0),
        ("g3", 0),
        ("g3", 15),
        ("g3", 16),
    ];
    let blocks = planned(&profile(groups, 125, 125), &points);
    let at = |block: &Block| (block.scan, block.span.area());
    let order: Vec<_> = blocks.iter().map(at).collect();
    assert_eq!(
        order,
        [
            (Scan::First, Area::Discrete),
            (Scan::First, Area::Discrete),
            (Scan::First, Area::Holding),
            (Scan::First, Area::Input),
            (Scan::Rest, Area::Holding),
        ]
    );
    // `bits_max` is 16.
    assert_eq!(spans(&blocks)[..2], [(0, 16), (16, 1)]);
}

#[test]
fn sixteen_bits_share_a_register() {
    let groups = vec![group(Area::Holding, (200, 40), bit(), Scan::Rest)];
    let points: Vec<_> = (0..40).map(|n| ("g0", n)).collect();
    let blocks = planned(&profile(groups, 125, 0), &points);
    assert_eq!(spans(&blocks), [(200, 3)]);
    let last = blocks[0].points.last().unwrap();
    assert_eq!((last.offset, last.bit), (2, 7));
}

#[test]
fn the_last_address_can_be_read_and_nothing_after_it() {
    let profiles = profile(vec![words(65_530, 20)], 125, 8);
    let point = |index| point("P", "b", 1, ("g0", index));
    let site_of = |index| site(vec![bus("b", "-", &[(1, "p")])], vec![point(index)]);
    let (inside, outside) = (site_of(5), site_of(6));
    let (found, _) = blocks(&inside, &inside.buses["b"], &profiles);
    assert_eq!(spans(&found), [(65_535, 1)]);
    let (found, unplaced) = blocks(&outside, &outside.buses["b"], &profiles);
    assert!(found.is_empty());
    assert_eq!(unplaced, [("P".into(), Unplaced::Address)]);
}

#[test]
fn a_point_that_cannot_be_read_is_named_with_the_reason() {
    let site = site(
        vec![bus("b", "-", &[(1, "panel"), (2, "none")])],
        vec![
            point("A", "b", 3, ("devices", 0)),
            point("B", "b", 2, ("devices", 0)),
            point("C", "b", 1, ("other", 0)),
            point("D", "b", 1, ("devices", 48)),
            point("E", "b", 1, ("devices", 47)),
        ],
    );
    let (blocks, unplaced) = blocks(&site, &site.buses["b"], &profiles());
    assert_eq!(spans(&blocks), [(47, 1)]);
    let expected = [
        ("A".into(), Unplaced::Unit),
        ("B".into(), Unplaced::Profile("none".to_owned())),
        ("C".into(), Unplaced::Group("other".to_owned())),
        ("D".into(), Unplaced::Index),
    ];
    assert_eq!(unplaced, expected);
}

#[test]
fn a_split_keeps_every_point_at_its_address_and_ends_at_single_elements() {
    let profiles = profile(vec![words(0, 50)], 125, 8);
    let points: Vec<_> = [0, 1, 5, 13, 14].map(|n| ("g0", n)).into();
    let block = planned(&profiles, &points).remove(0);
    let (low, high) = block.split().unwrap();
    assert_eq!(spans(&[low.clone(), high.clone()]), [(0, 6), (13, 2)]);
    assert_eq!(low.points.len() + high.points.len(), 5);
    let mut parts = vec![block];
    let mut single = Vec::new();
    while let Some(part) = parts.pop() {
        match part.split() {
            Some((low, high)) => parts.extend([high, low]),
            None => single.push(part),
        }
    }
    assert_eq!(spans(&single), [(0, 1), (1, 1), (5, 1), (13, 1), (14, 1)]);
}

#[test]
fn a_number_is_never_cut() {
    // Three numbers of two registers, with a free register between them.
    let mut numbers = group(
        Area::Holding,
        (10, 3),
        Layout::Number(number(Format::Float32)),
        Scan::Rest,
    );
    numbers.parts[0].stride = 3;
    let points = [("g0", 0), ("g0", 1), ("g0", 2)];
    assert_eq!(
        spans(&planned(&profile(vec![numbers.clone()], 125, 1), &points)),
        [(10, 8)]
    );
    // Of four registers the second number does not get its half.
    let blocks = planned(&profile(vec![numbers], 4, 1), &points);
    assert_eq!(spans(&blocks), [(10, 2), (13, 2), (16, 2)]);
    assert_eq!(blocks[0].split(), None);
}

#[test]
fn a_short_frame_holds_fewer_registers_and_fewest_on_tcp() {
    let mut profiles = profile(vec![words(0, 100)], 125, 8);
    profiles.get_mut("p").unwrap().frame_bytes_max = 64;
    let points: Vec<_> = (0..60).map(|n| ("g0", n)).collect();
    assert_eq!(
        spans(&planned(&profiles, &points)),
        [(0, 27), (27, 27), (54, 6)]
    );
    let points = points
        .iter()
        .map(|(group, n)| point(&format!("P{n:03}"), "b", 1, (*group, *n)));
    let mut bus = bus("b", "-", &[(1, "p")]);
    bus.line = Line::RtuOverTcp("-".to_owned());
    let site = site(vec![bus.clone()], points.collect());
    let (found, _) = blocks(&site, &bus, &profiles);
    assert_eq!(spans(&found), [(0, 29), (29, 28), (57, 3)]);
}

#[test]
fn full_blocks_in_a_row_differ_in_length_where_replies_are_not_numbered() {
    let at_most = |bits_max: u16, group: Group, line: Line| {
        let mut profiles = profile(vec![group], 20, 8);
        profiles.get_mut("p").unwrap().bits_max = bits_max;
        let points = (0..70).map(|n| point(&format!("P{n:03}"), "b", 1, ("g0", n)));
        let mut bus = bus("b", "-", &[(1, "p")]);
        bus.line = line;
        let site = site(vec![bus.clone()], points.collect());
        spans(&blocks(&site, &bus, &profiles).0)
    };
    let of = |group: Group, line: Line| at_most(16, group, line);
    let line = || Line::RtuOverTcp("-".to_owned());
    let (words, bits) = (
        || words(0, 70),
        || group(Area::Discrete, (0, 70), bit(), Scan::First),
    );
    assert_eq!(of(words(), line()), [(0, 20), (20, 19), (39, 20), (59, 11)]);
    let numbered = Line::Tcp("-".to_owned());
    assert_eq!(
        of(words(), numbered),
        [(0, 20), (20, 20), (40, 20), (60, 10)]
    );
    // 16 bits are two bytes of a reply, and the next shorter ones are one.
    let of_bits = of(bits(), line());
    assert_eq!(
        of_bits,
        [(0, 16), (16, 8), (24, 16), (40, 8), (48, 16), (64, 6)]
    );
    // Nothing is shorter than one byte.
    let starts = at_most(8, bits(), line())
        .into_iter()
        .map(|(start, _)| start);
    assert!(starts.eq((0..70).step_by(8)));
    // Numbers of two registers.
    let long = group(
        Area::Holding,
        (0, 70),
        Layout::Number(number(Format::Float32)),
        Scan::First,
    );
    let counts = of(long, line()).into_iter().map(|(_, count)| count);
    assert_eq!(counts.take(4).collect::<Vec<u16>>(), [20, 18, 20, 18]);
}

#[test]
fn a_group_of_several_tables_is_read_from_each_of_them() {
    let mut gas = words(2_000, 8);
    let value = group(
        Area::Input,
        (0, 8),
        Layout::Number(number(Format::Uint16)),
        Scan::First,
    );
    gas.parts.extend(value.parts);
    let blocks = planned(&profile(vec![gas], 125, 8), &[("g0", 3), ("g0", 4)]);
    let at = |block: &Block| (block.span.area(), block.span.start(), block.points[0].part);
    let at: Vec<_> = blocks.iter().map(at).collect();
    assert_eq!(at, [(Area::Holding, 2_003, 0), (Area::Input, 3, 1)]);
}

/// A group of any layout whose points may lie anywhere in a table of 2000.
fn any_group() -> impl Strategy<Value = Group> {
    let layout = prop_oneof![
        Just(word()),
        Just(bit()),
        prop_oneof![
            Just(Format::Int16),
            Just(Format::Float32),
            Just(Format::Bcd32)
        ]
        .prop_map(|format| Layout::Number(number(format))),
        (0_u16..4, 0_u16..4).prop_map(|(value_at, decimals)| {
            let mut number = number(Format::Int16);
            (number.value_at, number.decimals_at) = (value_at, Some(decimals));
            number.len = value_at.max(decimals) + 1;
            Layout::Number(number)
        }),
    ];
    (layout, 0_u16..1_500, 0_u16..3, 1_u16..40).prop_map(|(layout, start, more, devices)| {
        let mut group = group(Area::Holding, (start, devices * 3), layout, Scan::First);
        group.numbering = Numbering::Loops {
            letter: 'D',
            first: 1,
            devices,
        };
        let part = &mut group.parts[0];
        part.stride += more;
        part.loop_stride = part.stride * devices;
        group
    })
}

proptest! {
    #[test]
    fn every_point_is_in_exactly_one_block_at_its_own_address(
        indexes in proptest::collection::btree_set(0_u16..400, 1..80),
        start in 0_u16..65_000,
        registers_max in 0_u16..200,
        gap_max in 0_u16..40,
    ) {
        let profiles = profile(vec![words(start, 400)], registers_max, gap_max);
        let indexes: Vec<u16> = indexes.into_iter().collect();
        let points: Vec<_> = indexes.iter().map(|n| ("g0", *n)).collect();
        let blocks = planned(&profiles, &points);
        let mut found = BTreeMap::new();
        for block in &blocks {
            prop_assert!(block.span.count() <= registers_max.clamp(1, 125));
            for placed in &block.points {
                prop_assert!(placed.offset < block.span.count());
                let address = block.span.start() + placed.offset;
                prop_assert!(found.insert(placed.point.clone(), address).is_none());
            }
        }
        for (n, index) in indexes.iter().enumerate() {
            let address = found.get(&PointId::from(format!("P{n:03}")));
            prop_assert_eq!(address, Some(&(start + index)));
        }
    }

    /// Whatever the layout: every point is in exactly one block, whole; and however the blocks are split it is decoded to the same.
    #[test]
    fn no_split_cuts_a_point_or_changes_what_it_says(
        groups in proptest::collection::vec(any_group(), 1..4),
        seed in any::<u64>(),
        gap_max in 0_u16..20,
    ) {
        let mut places = BTreeMap::new();
        let mut points = Vec::new();
        let names: Vec<String> = (0..groups.len()).map(|n| format!("g{n}")).collect();
        for (group, name) in groups.iter().zip(&names) {
            for index in (0..group.count).step_by(3) {
                let place = group.parts[0].place(group.numbering, index).unwrap();
                places.insert(PointId::from(format!("P{:03}", points.len())), place);
                points.push((name.as_str(), index));
            }
        }
        let mut parts = planned(&profile(groups, 125, gap_max), &points);
        // A table in which every register tells its address.
        let table = |address: u16| {
            let mixed = (u64::from(address) + 1).wrapping_mul(seed | 1);
            u16::from_be_bytes([mixed.to_be_bytes()[1], mixed.to_be_bytes()[3]])
        };
        let values = |block: &Block| {
            let start = block.span.start();
            Values::Registers((start..start + block.span.count()).map(table).collect())
        };
        let mut whole = BTreeMap::new();
        for block in &parts {
            for placed in &block.points {
                let place = places[&placed.point];
                prop_assert!(placed.end() <= block.span.count());
                prop_assert_eq!((block.span.start() + placed.offset, placed.len, placed.bit), (place.start, place.len, place.bit));
                let read = decode(placed, &values(block));
                prop_assert!(whole.insert(placed.point.clone(), read).is_none());
            }
        }
        prop_assert_eq!(whole.len(), places.len());
        while let Some(part) = parts.pop() {
            prop_assert!(part.points.iter().all(|placed| placed.end() <= part.span.count()));
            for placed in &part.points {
                prop_assert_eq!(decode(placed, &values(&part)), whole[&placed.point]);
            }
            if let Some((low, high)) = part.split() {
                prop_assert_eq!(low.points.len() + high.points.len(), part.points.len());
                prop_assert!(!low.points.is_empty() && !high.points.is_empty());
                parts.extend([low, high]);
            }
        }
    }
}
