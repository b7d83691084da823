use super::*;
use crate::field::plan;
use crate::field::testing::{bus, point, profiles, site};

const INTERVAL: Duration = Duration::from_millis(100);

/// A panel that needs three blocks: two of alarms, one of the rest.
fn cycle(now: Instant) -> Cycle {
    let points = [
        ("devices", 0),
        ("devices", 1),
        ("devices", 40),
        ("status", 0),
    ];
    let points = points.iter().enumerate();
    let points = points.map(|(n, at)| point(&format!("P{n}"), "b", 1, *at));
    let site = site(vec![bus("b", "-", &[(1, "panel")])], points.collect());
    let (blocks, _) = plan::blocks(&site, &site.buses["b"], &profiles());
    assert_eq!(blocks.len(), 3);
    Cycle::new(blocks, INTERVAL, now)
}

/// The start addresses of all that is asked at this moment.
fn asked(cycle: &mut Cycle, now: Instant) -> Vec<u16> {
    let mut starts = Vec::new();
    while let Some(index) = cycle.next(now, |_, _| true) {
        starts.push(cycle.block(index).unwrap().span.start());
        cycle.advance(false);
    }
    starts
}

#[test]
fn a_cycle_asks_every_block_once_alarms_first() {
    let start = Instant::now();
    let mut cycle = cycle(start);
    assert_eq!(asked(&mut cycle, start), [0, 40, 200]);
    assert!(asked(&mut cycle, start + INTERVAL / 2).is_empty());
    assert_eq!(asked(&mut cycle, start + INTERVAL), [0, 40, 200]);
}

#[test]
fn a_late_cycle_is_not_made_up_for_and_the_pace_does_not_drift() {
    let start = Instant::now();
    let mut cycle = cycle(start);
    asked(&mut cycle, start);
    let late = start + INTERVAL * 7 + INTERVAL / 3;
    assert_eq!(asked(&mut cycle, late).len(), 3);
    assert!(asked(&mut cycle, late).is_empty());
    assert_eq!(cycle.due(), start + INTERVAL * 8);
}

#[test]
fn a_block_is_asked_again_at_once_but_not_for_ever() {
    let start = Instant::now();
    let mut cycle = cycle(start);
    let mut visits = Vec::new();
    for _ in 0..4 {
        visits.push(cycle.next(start, |_, _| true).unwrap());
        cycle.advance(true);
    }
    assert_eq!(visits, [0, 0, 0, 1]);
}

#[test]
fn halves_take_the_place_of_a_block_and_are_asked_next() {
    let start = Instant::now();
    let mut cycle = cycle(start);
    assert_eq!(cycle.next(start, |_, _| true), Some(0));
    assert!(cycle.split(0));
    assert_eq!(asked(&mut cycle, start), [0, 1, 40, 200]);
    assert!(!cycle.split(0), "a single element");
    cycle.learn_again(|_| true);
    assert_eq!(asked(&mut cycle, start + INTERVAL), [0, 40, 200]);
}

#[test]
fn one_hole_is_asked_at_the_end_of_each_cycle_in_turn() {
    let start = Instant::now();
    let mut cycle = cycle(start);
    for index in [0, 1] {
        cycle.block_mut(index).unwrap().standing = Standing::Hole;
    }
    let mut at = |n: u32| asked(&mut cycle, start + INTERVAL * n);
    assert_eq!(at(0), [200, 40]);
    assert_eq!(at(1), [200, 0]);
    assert_eq!(at(2), [200, 40]);
}

#[test]
fn a_unit_or_a_block_that_is_left_alone_is_passed_over() {
    let start = Instant::now();
    let mut cycle = cycle(start);
    assert_eq!(cycle.next(start, |_, _| false), None);
    cycle.block_mut(1).unwrap().ask_after = Some(start + INTERVAL * 3 / 2);
    assert_eq!(asked(&mut cycle, start + INTERVAL), [0, 200]);
    assert_eq!(asked(&mut cycle, start + INTERVAL * 2), [0, 40, 200]);
}

#[test]
fn a_cycle_is_complete_when_every_block_has_an_answer() {
    let start = Instant::now();
    let mut cycle = cycle(start);
    let since = start;
    let mut set = |standings: [Standing; 3]| {
        let blocks = cycle.blocks_mut().iter_mut();
        blocks
            .zip(standings)
            .for_each(|(block, s)| block.standing = s);
        cycle.is_complete(1)
    };
    let refused = |is_faulty| Standing::Refused { since, is_faulty };
    let fresh = Standing::Fresh;
    assert!(set([fresh, fresh, Standing::Hole]));
    assert!(set([fresh, fresh, refused(true)]));
    assert!(!set([fresh, fresh, refused(false)]));
    assert!(!set([fresh, fresh, Standing::Silent { since }]));
    assert!(!set([fresh, fresh, Standing::Unread]));
}
