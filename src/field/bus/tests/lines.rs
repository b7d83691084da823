//! Lines that are lost and come back, and what the engine is told of it.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::input::Input;
use crate::domain::point::Quality;
use crate::domain::site::Site;
use crate::field::testing::{Act, Bench, Heard, Server, TIMEOUT_MS, bus, panel_site, point, site};

fn is_stale(heard: &Heard, point: &str) -> bool {
    heard
        .latest(point)
        .is_some_and(|o| o.latest.quality == Quality::Stale)
}

#[tokio::test]
async fn a_line_is_up_only_when_every_point_has_been_read() {
    let server = Server::start().await;
    // The second block of the first cycles is lost.
    for act in [Act::Right, Act::Silence, Act::Right, Act::Reset] {
        server.next(3, act);
    }
    let bench = Bench::start(panel_site(&server.address));
    let heard = bench.up().await;
    assert_eq!(heard.good_at_up, [49]);
    bench.end().await;
}

#[tokio::test]
async fn a_silent_device_is_lost_after_two_timeouts_and_its_points_are_stale() {
    let server = Server::start().await;
    server.with(|device| device.registers.insert(3, 4));
    let bench = Bench::start(panel_site(&server.address));
    bench.up().await;
    server.with(|device| device.always = Some(Act::Silence));
    let since = Instant::now();
    let heard = bench
        .engine
        .until("loss", |heard| heard.links().len() == 2)
        .await;
    let took = since.elapsed();
    assert_eq!(heard.links(), ["up", "timeout"]);
    let timeout = Duration::from_millis(TIMEOUT_MS.into());
    assert!(took >= timeout, "{took:?}");
    assert!(took < timeout * 8, "{took:?}");
    let heard = bench
        .engine
        .until("stale", |heard| is_stale(heard, "P003"))
        .await;
    // The last reading is kept, marked.
    assert!(heard.latest("P003").unwrap().latest.conditions.disabled);
    server.with(|device| device.always = None);
    let heard = bench
        .engine
        .until("up again", |heard| heard.links().len() == 3)
        .await;
    assert_eq!(heard.links(), ["up", "timeout", "up"]);
    assert_eq!(heard.good_at_up, [49, 49]);
    assert_eq!(bench.counts("panel1").losses, 1);
    bench.end().await;
}

#[tokio::test]
async fn a_device_that_is_switched_off_is_told_once_and_found_when_it_is_back() {
    let mut server = Server::start().await;
    let bench = Bench::start(panel_site(&server.address));
    bench.up().await;
    server.cut().await;
    let heard = bench
        .engine
        .until("loss", |heard| heard.links().len() == 2)
        .await;
    assert!(["refused", "reset"].contains(&heard.links()[1]));
    bench
        .engine
        .until("stale", |heard| {
            is_stale(heard, "P000") && is_stale(heard, "KEY")
        })
        .await;
    server.with(|device| device.registers.insert(15, 1));
    server.restore().await;
    let heard = bench
        .engine
        .until("up again", |heard| heard.links().len() == 3)
        .await;
    assert_eq!(heard.links()[2], "up");
    // The fire that began while the line was lost is in its slot before the line is up.
    assert!(heard.has_edge("P015"));
    assert_eq!(heard.good_at_up, [49, 49]);
    bench.end().await;
}

#[tokio::test]
async fn a_device_that_was_never_there_is_told_with_the_reason() {
    let server = Server::start().await;
    server.cut().await;
    let bench = Bench::start(panel_site(&server.address));
    let heard = bench
        .engine
        .until("loss", |heard| !heard.links().is_empty())
        .await;
    assert_eq!(heard.links(), ["refused"]);
    assert!(heard.observations.is_empty(), "unknown stays unknown");
    bench.end().await;
}

#[tokio::test]
async fn the_state_of_a_line_is_told_until_the_engine_has_taken_it() {
    let server = Server::start().await;
    let bench = Bench::start(panel_site(&server.address));
    bench.engine.manners(|manners| manners.busy = 2);
    let heard = bench.up().await;
    let is_link = |input: &&Input| matches!(input, Input::Link { .. });
    assert!(heard.refused.iter().filter(is_link).count() <= 2);
    assert_eq!(heard.links(), ["up"]);
    bench.end().await;
}

#[tokio::test]
async fn a_silent_unit_does_not_take_the_alarms_of_another_away() {
    let server = Server::start().await;
    server.with(|device| device.silent_units = vec![2]);
    let bench = Bench::start(two_units(&server));
    let heard = bench
        .engine
        .until("up", |heard| heard.links() == ["up"])
        .await;
    // Told before the line is up, so that no point of it is ever believed.
    assert_eq!(heard.units(), [(2, "timeout")]);
    assert!(heard.latest("U1-0").is_some() && heard.latest("U2-0").is_none());
    // While the silent unit is left alone the other one is read at full pace.
    let of_unit = |unit: u8| move |asked: &&(u8, u8, u16, u16)| asked.1 == unit;
    let (one, two) = server.with(|device| {
        device.registers.insert(2, 1);
        let count = |unit| device.asked.iter().filter(of_unit(unit)).count();
        (count(1), count(2))
    });
    let heard = bench
        .engine
        .until("fire", |heard| heard.has_edge("U1-2"))
        .await;
    assert!(!heard.has_edge("U2-2"));
    server
        .until("polls", |device| {
            device.asked.iter().filter(of_unit(1)).count() > one + 20
        })
        .await;
    let more = server.with(|device| device.asked.iter().filter(of_unit(2)).count()) - two;
    assert!(more <= 4, "{more} probes");
    // It is found only when all of it has been read.
    server.with(|device| device.silent_units.clear());
    let heard = bench
        .engine
        .until("found", |heard| heard.units().len() == 2)
        .await;
    assert_eq!(heard.units(), [(2, "timeout"), (2, "up")]);
    assert_eq!(heard.links(), ["up"]);
    assert!(heard.has_edge("U2-2"));
    assert_eq!(bench.counts("b").units_lost, 1);
    bench.end().await;
}

fn two_units(server: &Server) -> Site {
    let points = [1, 2].into_iter().flat_map(|unit| {
        (0..4).map(move |n| point(&format!("U{unit}-{n}"), "b", unit, ("devices", n)))
    });
    let bus = bus("b", &server.address, &[(1, "panel"), (2, "panel")]);
    site(vec![bus], points.collect())
}

#[tokio::test]
async fn a_line_on_which_nothing_answers_is_one_loss() {
    let server = Server::start().await;
    let bench = Bench::start(two_units(&server));
    bench.up().await;
    server.with(|device| device.silent_units = vec![1, 2]);
    bench
        .engine
        .until("loss", |heard| heard.links().len() == 2)
        .await;
    // One of them is back: the line is up, the other is told beside it.
    server.with(|device| device.silent_units = vec![1]);
    let heard = bench
        .engine
        .until("up again", |heard| heard.links().len() == 3)
        .await;
    assert_eq!(heard.links(), ["up", "timeout", "up"]);
    let unit_1 = |(unit, state): &(u8, &str)| *unit == 1 && *state == "timeout";
    assert!(
        heard.units().last().is_some_and(unit_1),
        "{:?}",
        heard.units()
    );
    server.with(|device| device.silent_units.clear());
    bench
        .engine
        .until("found", |heard| heard.units().last() == Some(&(1, "up")))
        .await;
    bench.end().await;
}
