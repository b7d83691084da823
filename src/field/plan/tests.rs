use proptest::prelude::*;

use super::*;
use crate::domain::profile::{Group, Quirks};
use crate::field::testing::{bus, point, profiles, site, word};

/// Area, first address, how many, layout, scan of each group `g0`, `g1` …
type Groups = Vec<(Area, u16, u16, Layout, Scan)>;

fn profile(groups: Groups, registers_max: u16, gap_max: u16) -> BTreeMap<String, Profile> {
    let group = |(area, start, count, layout, scan)| Group {
        area,
        start,
        count,
        layout,
        scan,
    };
    let groups = groups.into_iter().enumerate();
    let profile = Profile {
        name: "p".to_owned(),
        registers_max,
        bits_max: 16,
        gap_max,
        quirks: Quirks::default(),
        groups: groups.map(|(n, g)| (format!("g{n}"), group(g))).collect(),
        writes: BTreeMap::new(),
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

fn words(start: u16, count: u16) -> (Area, u16, u16, Layout, Scan) {
    (Area::Holding, start, count, word(), Scan::First)
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
    let bit = || Layout::Bit { inverted: false };
    let groups = vec![
        (Area::Holding, 0, 2, word(), Scan::Rest),
        (Area::Holding, 2, 2, word(), Scan::First),
        (Area::Input, 4, 2, word(), Scan::First),
        (Area::Discrete, 0, 20, bit(), Scan::First),
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
    let bit = Layout::Bit { inverted: false };
    let groups = vec![(Area::Holding, 200, 40, bit, Scan::Rest)];
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
}
