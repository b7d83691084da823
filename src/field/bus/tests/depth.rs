//! Profiles of more than bits, over a real connection: a change counter, a point of two tables, a value.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::layout::{Format, Layout, Limit};
use crate::domain::point::{Condition, Milli, Point, PointKind, Quality, Trouble};
use crate::domain::profile::{Area, Profile, Scan, Summary, UnitProfile};
use crate::field::testing::{
    BOUND, Bench, Device, Server, bus, group, number, point, profile, site, word,
};

const COUNTER: u16 = 500;

fn bench(server: &Server, map: Profile, points: Vec<Point>) -> Bench {
    let profiles = [("map".to_owned(), UnitProfile::Registers(map))].into();
    let buses = vec![bus("b", &server.address, &[(1, "map")])];
    Bench::with(site(buses, points), &profiles)
}

/// Sixteen devices, covered by a counter.
fn counted(server: &Server, max_age: Duration) -> Bench {
    let devices = group(Area::Holding, (0, 16), word(), Scan::First);
    let mut map = profile("map", vec![("devices", devices)]);
    map.summary = Some(Summary {
        area: Area::Holding,
        start: COUNTER,
        count: 1,
        groups: ["devices".to_owned()].into(),
        max_age,
    });
    let points = (0..16).map(|n| point(&format!("P{n:02}"), "b", 1, ("devices", n)));
    bench(server, map, points.collect())
}

fn asked(device: &Device, address: u16) -> usize {
    let asked = device.asked.iter();
    asked.filter(|(_, _, at, _)| *at == address).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_counter_stands_still_its_devices_are_left_alone_and_no_move_is_missed() {
    let server = Server::start().await;
    let bench = counted(&server, Duration::from_secs(10));
    bench.up().await;
    let before = server.with(|device| asked(device, 0));
    server
        .until("twenty cycles", |device| asked(device, COUNTER) >= 20)
        .await;
    assert_eq!(server.with(|device| asked(device, 0)), before);
    server.with(|device| {
        device.registers.insert(3, 1);
        device.registers.insert(COUNTER, 1);
    });
    let burns = |heard: &crate::field::testing::Heard| heard.has_edge("P03");
    bench.engine.until("the fire", burns).await;
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fire_that_a_counter_does_not_tell_is_seen_within_the_stated_age() {
    let server = Server::start().await;
    let max_age = Duration::from_millis(400);
    let bench = counted(&server, max_age);
    bench.up().await;
    let started = Instant::now();
    server.with(|device| device.registers.insert(3, 1));
    let burns = |heard: &crate::field::testing::Heard| heard.has_edge("P03");
    bench.engine.until("the fire", burns).await;
    assert!(started.elapsed() < max_age + BOUND / 2);
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_counter_cannot_be_read_nothing_is_left_out() {
    let server = Server::start().await;
    let bench = counted(&server, Duration::from_secs(10));
    bench.up().await;
    server.with(|device| device.holes.push(COUNTER));
    let before = server.with(|device| asked(device, 0));
    server
        .until("the devices are read again", |device| {
            asked(device, 0) >= before + 5
        })
        .await;
    bench.end().await;
}

/// A gas detector: its status in one table, its concentration in another.
fn gas() -> (Profile, Point) {
    let mut value = number(Format::Uint16);
    (value.scale_micro, value.offset) = (100_000, Milli(-10_000));
    value.plausible = (Milli(-10_000), Milli(110_000));
    value.limits = vec![Limit {
        shows: Condition::High,
        is_above: true,
        at: Milli(50_000),
    }];
    let mut gas = group(Area::Input, (3_000, 4), word(), Scan::First);
    let value = group(Area::Input, (0, 4), Layout::Number(value), Scan::First);
    gas.parts.extend(value.parts);
    let point = Point {
        kind: PointKind::Gas,
        ..point("G", "b", 1, ("gas", 2))
    };
    (profile("map", vec![("gas", gas)]), point)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_of_two_tables_shows_its_value_and_its_faults_and_is_stale_as_one() {
    let server = Server::start().await;
    server.with(|device| device.registers.insert(2, 300));
    let (map, point) = gas();
    let bench = bench(&server, map, vec![point]);
    let heard = bench.up().await;
    let first = heard.latest("G").expect("a reading").latest;
    assert_eq!(first.value, Some(Milli(20_000)));
    assert!(!first.conditions.gas() && first.quality == Quality::Good);

    server.with(|device| device.registers.insert(2, 700));
    let leaks = |heard: &crate::field::testing::Heard| heard.has_edge("G");
    let heard = bench.engine.until("the leak", leaks).await;
    let latest = heard.latest("G").expect("a reading").latest;
    assert_eq!(latest.value, Some(Milli(60_000)));

    // Beyond what can be: no value, and the leak is not taken back.
    server.with(|device| device.registers.insert(2, 60_000));
    let broken = |heard: &crate::field::testing::Heard| {
        heard.latest("G").is_some_and(|o| o.latest.conditions.fault)
    };
    let heard = bench.engine.until("the fault", broken).await;
    let latest = heard.latest("G").expect("a reading").latest;
    assert!(latest.conditions.high);
    assert_eq!(
        (latest.value, latest.trouble),
        (None, Some(Trouble::Implausible))
    );

    server.with(|device| device.silent_units.push(1));
    let stale = |heard: &crate::field::testing::Heard| {
        heard
            .latest("G")
            .is_some_and(|o| o.latest.quality == Quality::Stale)
    };
    bench.engine.until("stale", stale).await;
    bench.end().await;
}
