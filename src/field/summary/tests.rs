use std::time::Duration;

use super::*;
use crate::domain::profile::{Scan, Summary};
use crate::field::plan;
use crate::field::testing::{bus, point, profiles, site};

const MAX_AGE: Duration = Duration::from_secs(2);

/// The counter of a panel, a block that it covers and one that it does not.
fn planned() -> Vec<Block> {
    let mut profiles = profiles();
    let summary = Summary {
        area: crate::domain::profile::Area::Input,
        start: 1_020,
        count: 1,
        groups: ["devices".to_owned()].into(),
        max_age: MAX_AGE,
    };
    profiles.get_mut("panel").unwrap().summary = Some(summary);
    let points = [("devices", 0), ("status", 0)].map(|at| point(at.0, "b", 1, at));
    let site = site(vec![bus("b", "-", &[(1, "panel")])], points.into());
    let (blocks, unplaced) = plan::blocks(&site, &site.buses["b"], &profiles);
    assert_eq!(unplaced, []);
    blocks
}

fn words(word: u16) -> Values {
    Values::Registers(vec![word])
}

#[test]
fn the_counter_is_read_first_and_covers_only_its_groups() {
    let blocks = planned();
    let scans: Vec<Scan> = blocks.iter().map(|block| block.scan).collect();
    assert_eq!(scans, [Scan::Summary, Scan::First, Scan::Rest]);
    assert_eq!((blocks[0].span.start(), blocks[0].points.len()), (1_020, 0));
    let covered: Vec<bool> = blocks.iter().map(|block| block.covered.is_some()).collect();
    assert_eq!(covered, [false, true, false]);
}

#[test]
fn a_block_is_left_out_only_while_it_is_young_and_nothing_has_moved() {
    let (mut summaries, mut block) = (Summaries::default(), planned().remove(1));
    let start = Instant::now();
    let later = start + MAX_AGE / 2;
    block.standing = Standing::Fresh;
    summaries.settled(&mut block, start);
    assert!(
        !summaries.is_quiet(&block, later),
        "no counter was ever read"
    );
    summaries.read(1, &words(7));
    summaries.settled(&mut block, start);
    assert!(summaries.is_quiet(&block, later));
    assert!(!summaries.is_quiet(&block, start + MAX_AGE), "too old");
    summaries.read(1, &words(7));
    assert!(summaries.is_quiet(&block, later), "the same again");
    summaries.read(1, &words(8));
    assert!(!summaries.is_quiet(&block, later), "it moved");
    summaries.settled(&mut block, later);
    assert!(summaries.is_quiet(&block, later));
}

#[test]
fn whatever_is_wrong_leaves_nothing_out() {
    let (mut summaries, mut block) = (Summaries::default(), planned().remove(1));
    let now = Instant::now();
    summaries.read(1, &words(7));
    summaries.settled(&mut block, now);
    for standing in [
        Standing::Unread,
        Standing::Silent { since: now },
        Standing::Hole,
    ] {
        block.standing = standing;
        assert!(!summaries.is_quiet(&block, now));
    }
    block.standing = Standing::Fresh;
    assert!(summaries.is_quiet(&block, now));
    block.is_stale = true;
    assert!(!summaries.is_quiet(&block, now));
    block.is_stale = false;
    summaries.forget(1);
    assert!(!summaries.is_quiet(&block, now));
    summaries.read(1, &words(7));
    assert!(
        !summaries.is_quiet(&block, now),
        "it may have moved meanwhile"
    );
}
