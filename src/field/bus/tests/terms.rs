//! Each device on its own terms: its timeout, its retries, its pauses, its quirks; on TCP and on a terminal where that differs.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::serial::{assert_true, behind, line, until, wire};
use crate::domain::line::Line;
use crate::domain::output::{Action, Target, WriteOutcome};
use crate::domain::profile::{Quirks, UnitProfile};
use crate::domain::site::{Bus, RETRIES, Site, Unit};
use crate::engine::ports::Field;
use crate::field::testing::{
    Act, Bench, Device, Gateway, Server, TIMEOUT_MS, Wire, Wrong, bus, effect, io_site, panel_site,
    point, site, unit_profiles,
};

const TIMEOUT: Duration = Duration::from_millis(TIMEOUT_MS as u64);

/// The same site with other terms of its units.
fn on_terms(mut site: Site, change: impl Fn(&mut Unit)) -> Site {
    let units = site.buses.values_mut().flat_map(|bus| &mut bus.units);
    units.for_each(change);
    site
}

fn with_pause(mut site: Site, pause_after_connect_ms: u32) -> Site {
    for bus in site.buses.values_mut() {
        *bus = Bus {
            pause_after_connect_ms,
            ..bus.clone()
        };
    }
    site
}

/// Every device has these ways.
fn bench_of(site: Site, quirks: Quirks) -> Bench {
    let mut profiles = unit_profiles();
    for profile in profiles.values_mut() {
        if let UnitProfile::Registers(profile) = profile {
            profile.quirks = quirks;
        }
    }
    Bench::with(site, &profiles)
}

/// Both ways to the same serial line.
fn ways(wire: &Wire) -> (Gateway, [Line; 1]) {
    let gateway = Gateway::start(&wire.path);
    let line = Line::RtuOverTcp(gateway.address.clone());
    (gateway, [line])
}

#[tokio::test]
async fn a_slow_device_is_waited_for_as_long_as_its_own_terms_say() {
    let server = Server::start().await;
    // Every reply is later than the timeout of the bus.
    server.with(|device| device.always = Some(Act::Late));
    let terms = |unit: &mut Unit| unit.timeout_ms = Some(TIMEOUT_MS * 20);
    let bench = Bench::start(on_terms(panel_site(&server.address), terms));
    bench.up().await;
    let counts = bench.counts("panel1");
    assert_eq!((counts.timeouts, counts.losses), (0, 0));
    bench.end().await;

    let wire = wire(&[1]);
    let late = Wrong::Late(TIMEOUT * 3 / 2);
    wire.with(|slave| slave.acts.extend([late; 6]));
    let path = wire.path.display().to_string();
    let bench = Bench::start(on_terms(behind(line(path), &[1]), terms));
    bench.up().await;
    assert_eq!(bench.counts("b").timeouts, 0);
    bench.end().await;
}

/// Two panels with a block of eight devices each; the second one on these terms.
fn two_panels(server: &Server, retries: u8) -> Site {
    let points = [1, 2].into_iter().flat_map(|unit| {
        (0..8).map(move |n| point(&format!("U{unit}-{n}"), "b", unit, ("devices", n)))
    });
    let bus = bus("b", &server.address, &[(1, "panel"), (2, "panel")]);
    on_terms(site(vec![bus], points.collect()), |unit| {
        if unit.unit == 2 {
            unit.retries = retries;
        }
    })
}

/// How many elements the second panel was asked for each time.
fn of_dead(device: &Device) -> Vec<u16> {
    let dead = device.asked.iter().filter(|asked| asked.1 == 2);
    dead.map(|asked| asked.3).collect()
}

#[tokio::test]
async fn a_read_is_repeated_as_often_as_the_terms_say_before_the_unit_is_left_alone() {
    for retries in 0..=2 {
        let server = Server::start().await;
        server.with(|device| device.silent_units = vec![2]);
        let bench = Bench::start(two_panels(&server, retries));
        server
            .until("a probe", |device| of_dead(device).contains(&1))
            .await;
        let asked = server.with(|device| of_dead(device));
        let whole = asked.iter().take_while(|count| **count == 8).count();
        assert_eq!(whole, usize::from(retries) + 2, "{asked:?}");
        bench.end().await;
    }
}

#[tokio::test]
async fn a_unit_that_has_been_given_up_is_asked_for_one_element() {
    let server = Server::start().await;
    server.with(|device| device.silent_units = vec![2]);
    let bench = Bench::start(two_panels(&server, RETRIES));
    bench.up().await;
    server
        .until("probes", |device| of_dead(device).len() >= 5)
        .await;
    let asked = server.with(|device| of_dead(device));
    assert_eq!(asked[..5], [8, 8, 8, 1, 1]);
    // Back again: the whole block is read, and what the one element said is not believed alone.
    server.with(|device| {
        device.silent_units.clear();
        device.registers.insert(5, 1);
    });
    let heard = bench
        .engine
        .until("found", |heard| heard.units().last() == Some(&(2, "up")))
        .await;
    assert!(heard.has_edge("U2-5"));
    bench.end().await;
}

#[tokio::test]
async fn a_device_that_takes_short_questions_only_is_read_in_short_ones() {
    // As a Firetrol Mark II with its frames of 64 bytes.
    let server = Server::start().await;
    server.with(|device| {
        device.registers_max = Some(29);
        device.registers.insert(40, 1);
    });
    let bench = Bench::start(panel_site(&server.address));
    let heard = bench
        .engine
        .until("up", |heard| heard.links().last() == Some(&"up"))
        .await;
    assert!(heard.has_edge("P040"));
    assert_eq!(heard.good_at_up, [49]);
    // What was learnt stays: no long question is asked any more.
    let asked = server.with(|device| device.asked.len());
    server
        .until("polls", |device| device.asked.len() > asked + 20)
        .await;
    let long = server.with(|device| {
        let later = device.asked[asked..].iter();
        later.filter(|asked| asked.3 > 29).count()
    });
    assert_eq!(long, 0);
    bench.end().await;

    let wire = wire(&[1]);
    wire.with(|slave| slave.registers_max = Some(1));
    let path = wire.path.display().to_string();
    let mut site = behind(line(path), &[1]);
    let beside = point("U1-P001", "b", 1, ("devices", 1));
    site.points.insert(beside.id.clone(), beside);
    let bench = Bench::start(site);
    let heard = bench
        .engine
        .until("up", |heard| heard.links().last() == Some(&"up"))
        .await;
    assert!(heard.latest("U1-P001").is_some());
    bench.end().await;
}

#[tokio::test]
async fn a_device_is_left_alone_after_a_connection_is_made_and_what_it_says_then_is_thrown_away() {
    let pause = Duration::from_millis(300);
    for is_tcp in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let site = if is_tcp {
            panel_site(&address)
        } else {
            behind(Line::RtuOverTcp(address), &[1])
        };
        let bench = Bench::start(with_pause(site, 300));
        let (mut stream, _) = listener.accept().await.unwrap();
        let since = Instant::now();
        greet(&mut stream).await;
        let mut request = [0_u8; 8];
        stream.read_exact(&mut request).await.unwrap();
        // The timer of the runtime counts whole milliseconds.
        let waited = since.elapsed() + Duration::from_millis(2);
        assert!(waited >= pause, "{waited:?}");
        let counts = bench.counts(if is_tcp { "panel1" } else { "b" });
        assert_eq!((counts.resets, counts.unsolicited), (0, 0));
        bench.end().await;
    }
}

/// What some gateways send when somebody connects.
async fn greet(stream: &mut TcpStream) {
    stream.write_all(b"\xFF\xFD\x03 ready\r\n").await.unwrap();
}

#[tokio::test]
async fn a_device_that_answers_as_unit_zero_is_read_only_where_its_profile_says_so() {
    let quirks = Quirks {
        unit_zero_replies: true,
        ..Quirks::default()
    };
    let server = Server::start().await;
    server.with(|device| device.always = Some(Act::Unit(0)));
    let bench = bench_of(panel_site(&server.address), quirks);
    bench.up().await;
    assert_eq!(bench.counts("panel1").bad_unit, 0);
    bench.end().await;

    let wire = wire(&[1]);
    wire.with(|slave| slave.acts.extend([Wrong::UnitZero; 12]));
    let path = wire.path.display().to_string();
    let bench = bench_of(behind(line(path), &[1]), quirks);
    bench.up().await;
    until(&wire, "polls", |slave| slave.acts.is_empty()).await;
    assert_true(&bench.engine.heard());
    assert_eq!(bench.counts("b").bad_unit, 0);
    bench.end().await;
}

#[tokio::test]
async fn a_device_that_repeats_no_transaction_is_read_and_doubted_like_a_serial_line() {
    let quirks = Quirks {
        transaction_not_echoed: true,
        ..Quirks::default()
    };
    let server = Server::start().await;
    server.with(|device| {
        device.always = Some(Act::Transaction);
        device.registers = (0..48).map(|n| (n, 1 << 2)).collect();
    });
    let bench = bench_of(panel_site(&server.address), quirks);
    bench.up().await;
    assert_eq!(bench.counts("panel1").bad_transaction, 0);
    assert_eq!(bench.counts("panel1").doubted, 0);
    // After a lost reply the same block is read until two replies agree.
    server.next(3, Act::Silence);
    server.until("act", |device| device.acts.is_empty()).await;
    server.with(|device| device.registers.insert(9, 1));
    let heard = bench
        .engine
        .until("fire", |heard| heard.has_edge("P009"))
        .await;
    assert!(bench.counts("panel1").doubted >= 1);
    assert_eq!(heard.links(), ["up"]);
    bench.end().await;
}

#[tokio::test]
async fn a_relay_that_wants_another_word_for_on_gets_it() {
    let quirks = Quirks {
        coil_on: 0x0100,
        ..Quirks::default()
    };
    let server = Server::start().await;
    let bench = bench_of(io_site(&server.address), quirks);
    bench.up().await;
    let target = Target::Coil { register: 4 };
    bench
        .field
        .write(effect("io1", "A#1", target, Action::Pulse));
    assert_eq!(bench.outcome("A#1").await, WriteOutcome::Written);
    let is_written = server.with(|device| device.asked.contains(&(5, 1, 4, 0x0100)));
    assert!(is_written);
    bench.end().await;
}

#[tokio::test]
async fn two_devices_with_one_address_are_told_as_garbled() {
    let wire = wire(&[1]);
    wire.with(|slave| slave.collides = true);
    let (gateway, [behind_gateway]) = ways(&wire);
    let bench = Bench::start(behind(behind_gateway, &[1]));
    let heard = bench
        .engine
        .until("lost", |heard| !heard.links().is_empty())
        .await;
    assert_eq!(heard.links(), ["garbled"]);
    assert!(heard.observations.is_empty());
    bench.end().await;
    drop(gateway);

    let bench = Bench::start(behind(line(wire.path.display().to_string()), &[1]));
    let heard = bench
        .engine
        .until("lost", |heard| !heard.links().is_empty())
        .await;
    assert_eq!(heard.links(), ["garbled"]);
    assert!(heard.observations.is_empty());
    // One of them is given another address.
    wire.with(|slave| slave.collides = false);
    let heard = bench
        .engine
        .until("up", |heard| heard.links().last() == Some(&"up"))
        .await;
    assert_true(&heard);
    bench.end().await;
}

#[tokio::test]
async fn what_a_gateway_says_of_a_device_is_a_fault_of_that_unit_and_not_of_the_line() {
    for code in [0x0A, 0x0B, 0x41, 0x42, 0x43, 0x4B] {
        let server = Server::start().await;
        let units = [(1, "panel"), (2, "panel")];
        let points = [1, 2].into_iter().flat_map(|unit| {
            (0..4).map(move |n| point(&format!("U{unit}-{n}"), "b", unit, ("devices", n)))
        });
        let described = bus("b", &server.address, &units);
        server.with(|device| device.refusing_units = vec![(2, code)]);
        let bench = Bench::start(site(vec![described], points.collect()));
        let heard = bench.up().await;
        assert_eq!(heard.units(), [(2, "gateway")]);
        let counts = bench.field.unit_counters(&"b".into());
        assert!(counts[&2].by_exception[&code] >= 2);
        assert_eq!(counts[&1].exceptions, 0);
        // The connection stays.
        assert_eq!(bench.counts("b").connections, 1);
        server.with(|device| device.refusing_units.clear());
        bench
            .engine
            .until("found", |heard| heard.units().last() == Some(&(2, "up")))
            .await;
        bench.end().await;
    }
}

#[tokio::test]
async fn a_device_that_is_busy_and_then_still_at_it_is_no_fault_within_its_bound() {
    let server = Server::start().await;
    server.with(|device| device.registers.insert(3, 1 << 2));
    let bench = Bench::start(panel_site(&server.address));
    bench.up().await;
    // Busy six times, then acknowledged, then busy again: less than the ten seconds that are no fault.
    let acts = [0x06, 0x06, 0x06, 0x06, 0x06, 0x06, 0x05, 0x05, 0x06];
    for code in acts {
        server.next(3, Act::Exception(code));
    }
    server.until("acts", |device| device.acts.is_empty()).await;
    server.with(|device| device.registers.insert(15, 1));
    let heard = bench
        .engine
        .until("fire", |heard| heard.has_edge("P015"))
        .await;
    assert!(
        heard
            .observations
            .iter()
            .all(|o| !o.latest.conditions.fault)
    );
    assert_eq!(heard.links(), ["up"]);
    bench.end().await;
}
