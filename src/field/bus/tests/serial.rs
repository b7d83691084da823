//! A serial line at 9600 8N1, in real time: its silences, and everything wrong that can come in the place of a reply.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::input::Observation;
use crate::domain::line::{Line, Parity, SerialLine};
use crate::domain::output::{Action, Target, WriteOutcome};
use crate::domain::point::{Conditions, Quality};
use crate::domain::site::{Bus, Site};
use crate::engine::ports::Field;
use crate::field::testing::{
    BOUND, Bench, Heard, Slave, TIMEOUT_MS, Wire, Wrong, bus, effect, point, site,
};

/// 3.5 characters of eleven bits at 9600.
const SILENCE: Duration = Duration::from_micros(4_010);

/// Three blocks of one register each, so that a reply to one has the shape of a reply to each other one.
const BLOCKS: [(&str, (&str, u16), u16, u16); 3] = [
    ("P000", ("devices", 0), 0, 1 << 2),
    ("P040", ("devices", 40), 40, 1 << 1),
    ("KEY", ("status", 0), 200, 1),
];

pub(super) fn line(path: String) -> Line {
    Line::Serial(SerialLine {
        path,
        baud: 9_600,
        parity: Parity::None,
        stop_bits: 1,
        echo: false,
        driver: None,
        pty_only: true,
    })
}

fn serial(path: String, units: &[u8]) -> Site {
    behind(line(path), units)
}

/// Panels behind this line.
pub(super) fn behind(line: Line, units: &[u8]) -> Site {
    let profiles: Vec<(u8, &str)> = units.iter().map(|unit| (*unit, "panel")).collect();
    let bus = Bus {
        line,
        ..bus("b", "-", &profiles)
    };
    let points = units.iter().flat_map(|unit| {
        BLOCKS.map(|(name, place, ..)| point(&format!("U{unit}-{name}"), "b", *unit, place))
    });
    site(vec![bus], points.collect())
}

pub(super) fn wire(units: &[u8]) -> Wire {
    let registers: BTreeMap<u16, u16> =
        BLOCKS.iter().map(|(.., at, value)| (*at, *value)).collect();
    Wire::start(
        units
            .iter()
            .map(|unit| (*unit, registers.clone()))
            .collect(),
    )
}

/// What the point can only ever show.
fn is_true(observation: &Observation) -> bool {
    let name = observation.point.as_str();
    let read = observation.latest.conditions;
    let expected = Conditions {
        disabled: name.ends_with("P000"),
        fault: name.ends_with("P040"),
        active: name.ends_with("KEY"),
        ..Conditions::default()
    };
    read == expected && observation.edge.is_none()
}

pub(super) fn assert_true(heard: &Heard) {
    for observation in &heard.observations {
        assert!(is_true(observation), "{observation:?}");
    }
}

/// Waits until the slave is as wanted.
pub(super) async fn until(wire: &Wire, what: &str, is_so: impl Fn(&Slave) -> bool) {
    let limit = Instant::now() + BOUND * 3;
    while !wire.with(|slave| is_so(slave)) {
        assert!(Instant::now() < limit, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn wrongs() -> Vec<Wrong> {
    let timeout = Duration::from_millis(TIMEOUT_MS.into());
    vec![
        Wrong::Silence,
        Wrong::Late(timeout * 3 / 2),
        Wrong::Late(timeout * 5 / 2),
        Wrong::Late(timeout * 4),
        Wrong::Twice,
        Wrong::Doubled(Duration::from_millis(10)),
        Wrong::Contradicted(Duration::from_millis(10)),
        Wrong::Foreign,
        Wrong::ForeignFirst,
        Wrong::Truncated,
        Wrong::NoiseBefore,
        Wrong::Checksum,
        Wrong::Longer,
        Wrong::Echo,
        Wrong::Busy,
        // Longer than the silence between two characters, and than the one between two frames.
        Wrong::Split(Duration::from_millis(3)),
        Wrong::Split(Duration::from_millis(60)),
        Wrong::NoiseAfter,
        Wrong::UnitZero,
        Wrong::BadUnit,
        Wrong::Shorter,
        Wrong::Exception(0x04),
        Wrong::Exception(0x05),
        Wrong::Exception(0x0B),
        Wrong::Exception(0x43),
    ]
}

/// Every wrong reply once, with one, two and three right ones between them, so that each block is hit: no point ever shows what it
/// cannot show.
pub(super) async fn every_wrong_reply(wire: &Wire, bench: &Bench) {
    for (n, wrong) in wrongs().into_iter().enumerate() {
        let asked = wire.with(|slave| {
            slave.acts.extend([wrong]);
            slave.asked.len()
        });
        until(wire, "wrong reply and right ones", |slave| {
            slave.acts.is_empty() && slave.asked.len() > asked + 5 + n % 3
        })
        .await;
        assert_true(&bench.engine.heard());
    }
}

/// Each kind of wrong reply has its count.
pub(super) fn assert_counted(bench: &Bench) {
    let counts = bench.counts("b");
    let unit = &bench.field.unit_counters(&"b".into())[&1];
    for counts in [&counts, unit] {
        assert!(counts.timeouts >= 1 && counts.bad_unit >= 4, "{counts:?}");
        let (checksum, count) = (counts.bad_checksum, counts.bad_count);
        assert!(checksum >= 1 && count >= 2, "{counts:?}");
        let (truncated, echoes) = (counts.truncated, counts.own_echoes);
        assert!(truncated >= 1 && echoes >= 1, "{counts:?}");
        assert!(counts.noise >= 2 && counts.busy >= 1, "{counts:?}");
        assert!(counts.unsolicited >= 1 && counts.doubted >= 1, "{counts:?}");
        for code in [0x04, 0x05, 0x06, 0x0B, 0x43] {
            assert!(counts.by_exception.contains_key(&code), "{counts:?}");
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the figures of the line are for people"
)]
#[tokio::test]
async fn every_request_waits_for_the_silence_and_no_wrong_reply_reaches_a_point() {
    let wire = wire(&[1]);
    let bench = Bench::start(serial(wire.path.display().to_string(), &[1]));
    bench.up().await;
    every_wrong_reply(&wire, &bench).await;
    let started = Instant::now();
    let before = wire.with(|slave| slave.characters);
    until(&wire, "120 frames", |slave| slave.silences.len() >= 120).await;
    let used = wire.with(|slave| slave.characters) - before;
    let heard = bench.engine.heard();
    assert_true(&heard);
    // A device that is late by more than two timeouts may be told as lost; it is back by itself.
    let links = heard.links();
    let are_known = links
        .iter()
        .all(|state| ["up", "timeout", "gateway"].contains(state));
    assert!(are_known && links.last() == Some(&"up"), "{links:?}");
    let (early, shortest, bad) = wire.with(|slave| {
        let early = slave.silences.iter().filter(|silence| **silence < SILENCE);
        (
            early.count(),
            slave.silences.iter().min().copied(),
            slave.bad,
        )
    });
    println!(
        "{} requests after a reply, {early} early, shortest silence {shortest:?}, line used {:.0} %",
        wire.with(|slave| slave.silences.len()),
        100.0 * (used as f64 * 10.0 / 9_600.0) / started.elapsed().as_secs_f64(),
    );
    assert_eq!((early, bad), (0, 0), "shortest silence: {shortest:?}");
    assert_counted(&bench);
    bench.end().await;
}

#[tokio::test]
async fn a_write_on_a_terminal_is_done_only_when_it_is_seen_to_be() {
    let cases = [
        (None, WriteOutcome::Written),
        (Some(Wrong::Busy), WriteOutcome::Written),
        (Some(Wrong::NoiseBefore), WriteOutcome::Written),
        (Some(Wrong::OtherValue), WriteOutcome::Unknown),
        (Some(Wrong::NotDone), WriteOutcome::Unknown),
        (Some(Wrong::Checksum), WriteOutcome::Unknown),
        (Some(Wrong::Silence), WriteOutcome::Unknown),
        (
            Some(Wrong::Exception(0x02)),
            WriteOutcome::Refused { exception: 2 },
        ),
        (Some(Wrong::Exception(0x42)), WriteOutcome::Unknown),
    ];
    for (wrong, expected) in cases {
        let wire = wire(&[1]);
        let bench = Bench::start(serial(wire.path.display().to_string(), &[1]));
        bench.up().await;
        wire.with(|slave| slave.write_acts.extend(wrong));
        let target = Target::Coil { register: 4 };
        bench.field.write(effect("b", "A#1", target, Action::Level));
        assert_eq!(bench.outcome("A#1").await, expected, "{wrong:?}");
        assert_true(&bench.engine.heard());
        bench.end().await;
    }
}

#[tokio::test]
async fn a_dead_unit_takes_only_its_own_points_with_it() {
    let wire = wire(&[1]);
    let bench = Bench::start(serial(wire.path.display().to_string(), &[1, 2]));
    let heard = bench.up().await;
    assert_eq!(heard.units(), [(2, "timeout")]);
    let asked = wire.with(|slave| slave.asked.len());
    until(&wire, "polls", |slave| {
        slave.asked[asked..]
            .iter()
            .filter(|(unit, _)| *unit == 1)
            .count()
            > 40
    })
    .await;
    let probes = wire.with(|slave| {
        let probes = slave.asked[asked..].iter().filter(|(unit, _)| *unit == 2);
        probes.count()
    });
    assert!(probes <= 4, "{probes} probes");
    // It is plugged in: found when all of it has been read twice.
    wire.with(|slave| {
        let registers = slave.units[&1].clone();
        slave.units.insert(2, registers);
    });
    let heard = bench
        .engine
        .until("found", |heard| heard.units().last() == Some(&(2, "up")))
        .await;
    assert!(heard.latest("U2-P040").is_some());
    assert_true(&heard);
    bench.end().await;
}

#[tokio::test]
async fn a_port_that_is_missing_or_unplugged_is_told_and_opened_again() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("port");
    let bench = Bench::start(serial(path.display().to_string(), &[1]));
    bench
        .engine
        .until("missing", |heard| heard.links() == ["missing"])
        .await;
    let first = wire(&[1]);
    std::os::unix::fs::symlink(&first.path, &path).unwrap();
    bench
        .engine
        .until("up", |heard| heard.links() == ["missing", "up"])
        .await;
    // Unplugged, and back under another name behind the same link.
    drop(first);
    std::fs::remove_file(&path).unwrap();
    let heard = bench
        .engine
        .until("lost", |heard| heard.links().len() == 3)
        .await;
    assert!(["missing", "unplugged"].contains(&heard.links()[2]));
    let is_stale = |heard: &Heard| {
        let latest = heard.latest("U1-KEY");
        latest.is_some_and(|o| o.latest.quality == Quality::Stale)
    };
    bench.engine.until("stale", is_stale).await;
    let second = wire(&[1]);
    std::os::unix::fs::symlink(&second.path, &path).unwrap();
    let heard = bench
        .engine
        .until("up again", |heard| heard.links().len() == 4)
        .await;
    assert_eq!(heard.links()[3], "up");
    assert_true(&heard);
    bench.end().await;
}

#[tokio::test]
async fn a_demo_line_opens_no_other_port() {
    let bench = Bench::start(serial("/dev/null".to_owned(), &[1]));
    let heard = bench
        .engine
        .until("fault", |heard| !heard.links().is_empty())
        .await;
    assert_eq!(heard.links(), ["not_simulated"]);
    bench.end().await;
}
