//! A serial line on which somebody speaks without being asked.

use std::time::Duration;

use super::serial::{assert_true, behind, line, until, wire};
use crate::domain::input::Observation;
use crate::domain::line::Line;
use crate::field::testing::{Bench, Gateway, Wire, Wrong};

/// A unit is read for a while.
async fn polled(wire: &Wire, unit: u8) {
    let count = |asked: &[(u8, u16)]| asked.iter().filter(|(of, _)| *of == unit).count();
    let before = wire.with(|slave| count(&slave.asked));
    until(wire, "polls", |slave| count(&slave.asked) > before + 24).await;
}

#[tokio::test]
async fn a_double_of_every_reply_is_never_the_reply_to_another_block() {
    for pause in [0, 10, 30].map(Duration::from_millis) {
        let wire = wire(&[1]);
        let path = wire.path.display().to_string();
        wire.with(|slave| slave.always = Some((1, Wrong::Doubled(pause))));
        let bench = Bench::start(behind(line(path), &[1]));
        bench.up().await;
        polled(&wire, 1).await;
        let heard = bench.engine.heard();
        assert_true(&heard);
        assert_eq!(heard.links(), ["up"], "{pause:?}");
        let counts = bench.counts("b");
        assert!(counts.unsolicited > 8 && counts.doubted > 0, "{counts:?}");
        bench.end().await;
    }
}

#[tokio::test]
async fn behind_a_gateway_a_double_is_never_the_reply_to_another_block() {
    let wire = wire(&[1]);
    let gateway = Gateway::start(&wire.path);
    let doubled = Wrong::Doubled(Duration::from_millis(10));
    wire.with(|slave| slave.always = Some((1, doubled)));
    let line = Line::RtuOverTcp(gateway.address.clone());
    let bench = Bench::start(behind(line, &[1]));
    bench.up().await;
    polled(&wire, 1).await;
    assert_true(&bench.engine.heard());
    assert_eq!(bench.engine.heard().links(), ["up"]);
    bench.end().await;
}

#[tokio::test]
async fn two_devices_with_one_address_are_one_fault_until_one_of_them_is_gone() {
    let wire = wire(&[1, 2]);
    let path = wire.path.display().to_string();
    let bench = Bench::start(behind(line(path), &[1, 2]));
    bench.up().await;
    let second = Wrong::Contradicted(Duration::from_millis(8));
    wire.with(|slave| slave.always = Some((1, second)));
    bench
        .engine
        .until("lost", |heard| heard.units() == [(1, "garbled")])
        .await;
    // The other unit goes on, and this one is never back for a moment.
    polled(&wire, 2).await;
    polled(&wire, 2).await;
    let heard = bench.engine.heard();
    assert_eq!(
        (heard.units(), heard.links()),
        (vec![(1, "garbled")], vec!["up"])
    );
    assert_true(&heard);
    assert!(bench.counts("b").two_answers >= 4);
    wire.with(|slave| slave.always = None);
    let heard = bench
        .engine
        .until("found", |heard| heard.units().len() == 2)
        .await;
    assert_eq!(heard.units(), [(1, "garbled"), (1, "up")]);
    assert_true(&heard);
    bench.end().await;
}

#[tokio::test]
async fn a_fire_that_is_read_again_at_once_is_not_read_from_a_second_device() {
    let wire = wire(&[1]);
    let path = wire.path.display().to_string();
    let bench = Bench::start(behind(line(path), &[1]));
    bench.up().await;
    let second = Wrong::Contradicted(Duration::from_millis(8));
    wire.with(|slave| {
        let registers = slave.units.get_mut(&1).unwrap();
        *registers.get_mut(&0).unwrap() |= 1;
        slave.always = Some((1, second));
    });
    let heard = bench
        .engine
        .until("lost", |heard| heard.links().len() == 2)
        .await;
    assert_eq!(heard.links(), ["up", "garbled"]);
    let burning = |o: &&Observation| o.point.as_str() == "U1-P000";
    for observation in heard.observations.iter().filter(burning) {
        let read = observation.latest.conditions;
        assert!(read.disabled && !read.fault, "{observation:?}");
    }
    bench.end().await;
}
