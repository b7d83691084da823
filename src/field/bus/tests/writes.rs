//! Commands: nothing is written without a permit, nothing is written twice, and every permit ends with a result.

use std::time::Duration;

use crate::domain::output::{Action, Stagger, Target, WriteOutcome};
use crate::engine::ports::{Field, WriteEffect};
use crate::field::testing::{Act, Bench, Device, Server, effect, io_site, panel_site};

const COIL: Target = Target::Coil { register: 4 };
const COMMAND: Target = Target::Register {
    register: 300,
    value: 3,
};

fn level(command: &str) -> WriteEffect {
    effect("io1", command, COIL, Action::Level)
}

/// How often a function code was asked for.
fn count(device: &Device, function: u8) -> usize {
    let of = |asked: &&(u8, u8, u16, u16)| asked.0 == function;
    device.asked.iter().filter(of).count()
}

/// Waits until the bus has polled on, so that what it would do it has done.
async fn polled_on(server: &Server) {
    let asked = server.with(|device| device.asked.len());
    server
        .until("polls", |device| device.asked.len() > asked + 5)
        .await;
}

async fn module() -> (Server, Bench) {
    let server = Server::start().await;
    let bench = Bench::start(io_site(&server.address));
    bench.up().await;
    (server, bench)
}

#[tokio::test]
async fn a_level_coil_is_written_and_read_back() {
    let (server, bench) = module().await;
    bench.field.write(level("A#1"));
    assert_eq!(bench.outcome("A#1").await, WriteOutcome::Written);
    server.with(|device| {
        assert_eq!(device.coils.get(&4), Some(&true));
        let at = device.asked.iter().position(|asked| asked.0 == 5).unwrap();
        assert_eq!(device.asked[at..at + 2], [(5, 1, 4, 0xFF00), (1, 1, 4, 1)]);
    });
    bench.end().await;
}

#[tokio::test]
async fn a_pulse_and_a_command_register_are_written_once_and_not_read_back() {
    let (server, bench) = module().await;
    bench.field.write(effect("io1", "A#1", COIL, Action::Pulse));
    assert_eq!(bench.outcome("A#1").await, WriteOutcome::Written);
    bench
        .field
        .write(effect("io1", "B#1", COMMAND, Action::Pulse));
    assert_eq!(bench.outcome("B#1").await, WriteOutcome::Written);
    server.with(|device| {
        assert_eq!(
            (count(device, 5), count(device, 6), count(device, 1)),
            (1, 1, 0)
        );
        assert_eq!(device.registers.get(&300), Some(&3));
    });
    bench.end().await;
}

#[tokio::test]
async fn without_a_permit_nothing_is_written() {
    let (server, bench) = module().await;
    bench.engine.manners(|manners| manners.grant = false);
    bench.field.write(level("A#1"));
    bench
        .engine
        .until("permit", |heard| heard.permits("A#1") == 1)
        .await;
    polled_on(&server).await;
    assert_eq!(server.with(|device| count(device, 5)), 0);
    assert!(bench.engine.heard().outcomes("A#1").is_empty());
    // It is forgotten: an offer made anew is asked for anew.
    bench.engine.manners(|manners| manners.grant = true);
    bench.field.write(level("A#1"));
    assert_eq!(bench.outcome("A#1").await, WriteOutcome::Written);
    bench.end().await;
}

#[tokio::test]
async fn polling_goes_on_while_a_permit_is_awaited_and_offers_in_between_change_nothing() {
    let (server, bench) = module().await;
    bench.engine.manners(|manners| manners.hold_permits = true);
    (0..3).for_each(|_| bench.field.write(level("A#1")));
    polled_on(&server).await;
    server.with(|device| device.inputs.insert(9, true));
    bench
        .engine
        .until("feedback", |heard| {
            heard
                .latest("I09")
                .is_some_and(|o| o.latest.conditions.active)
        })
        .await;
    bench.field.write(level("A#1"));
    assert_eq!(server.with(|device| count(device, 5)), 0);
    bench.engine.manners(|manners| manners.hold_permits = false);
    assert_eq!(bench.outcome("A#1").await, WriteOutcome::Written);
    polled_on(&server).await;
    assert_eq!(bench.engine.heard().permits("A#1"), 1);
    assert_eq!(server.with(|device| count(device, 5)), 1);
    bench.end().await;
}

#[tokio::test]
async fn an_expired_command_is_neither_asked_for_nor_written() {
    let (server, bench) = module().await;
    let expires = bench.engine.handle.now().engine;
    bench.field.write(WriteEffect {
        expires,
        ..level("A#1")
    });
    polled_on(&server).await;
    assert_eq!(bench.engine.heard().permits("A#1"), 0);
    assert_eq!(server.with(|device| count(device, 5)), 0);
    bench.end().await;
}

#[tokio::test]
async fn a_permit_that_comes_after_the_expiry_writes_nothing() {
    let (server, bench) = module().await;
    bench.engine.manners(|manners| manners.hold_permits = true);
    let expires = bench.engine.handle.now().engine + Duration::from_millis(50);
    bench.field.write(WriteEffect {
        expires,
        ..level("A#1")
    });
    let handle = bench.engine.handle.clone();
    server
        .until("expiry", |_| handle.now().engine > expires)
        .await;
    bench.engine.manners(|manners| manners.hold_permits = false);
    assert_eq!(bench.outcome("A#1").await, WriteOutcome::NotSent);
    assert_eq!(server.with(|device| count(device, 5)), 0);
    bench.end().await;
}

#[tokio::test]
async fn every_answer_to_a_write_has_its_outcome_and_no_write_is_repeated() {
    let unknown = WriteOutcome::Unknown;
    let refused = |exception| WriteOutcome::Refused { exception };
    let cases = [
        (5, Act::Right, WriteOutcome::Written),
        (5, Act::Pieces, WriteOutcome::Written),
        (5, Act::Exception(0x01), refused(1)),
        (5, Act::Exception(0x02), refused(2)),
        (5, Act::Exception(0x04), refused(4)),
        (5, Act::Exception(0x0A), refused(10)),
        // Taken and not yet done, or passed on and not heard of: nobody knows.
        (5, Act::Exception(0x05), unknown),
        (5, Act::Exception(0x0B), unknown),
        (5, Act::EchoValue(0x0100), unknown),
        (5, Act::EchoValue(0x0000), unknown),
        (5, Act::EchoAddress, unknown),
        (5, Act::Transaction, unknown),
        (5, Act::Unit(9), unknown),
        (5, Act::Function, unknown),
        (5, Act::Silence, unknown),
        (5, Act::Late, unknown),
        (5, Act::Truncated, unknown),
        (5, Act::Reset, unknown),
        (5, Act::ResetMidway, unknown),
        // The echo is right and the output is not, or cannot be seen.
        (5, Act::NotDone, unknown),
        (1, Act::Silence, unknown),
        (1, Act::Exception(0x02), unknown),
    ];
    let run = cases
        .into_iter()
        .map(|(function, act, expected)| async move {
            let (server, bench) = module().await;
            server.next(function, act.clone());
            bench.field.write(level("A#1"));
            assert_eq!(bench.outcome("A#1").await, expected, "{act:?}");
            polled_on(&server).await;
            assert_eq!(server.with(|device| count(device, 5)), 1, "{act:?}");
            assert_eq!(bench.engine.heard().outcomes("A#1").len(), 1);
            bench.end().await;
        });
    futures_util::future::join_all(run).await;
}

#[tokio::test]
async fn a_busy_device_is_asked_again_under_the_same_permit() {
    let (server, bench) = module().await;
    (0..3).for_each(|_| server.next(5, Act::Exception(0x06)));
    bench.field.write(level("A#1"));
    assert_eq!(bench.outcome("A#1").await, WriteOutcome::Written);
    assert_eq!(bench.engine.heard().permits("A#1"), 1);
    assert_eq!(server.with(|device| count(device, 5)), 4);
    bench.end().await;
}

#[tokio::test]
async fn a_line_that_dies_between_permit_and_first_byte_is_not_sent_and_is_offered_again() {
    let (mut server, bench) = module().await;
    bench.engine.manners(|manners| manners.hold_permits = true);
    bench.field.write(level("A#1"));
    polled_on(&server).await;
    server.cut().await;
    bench
        .engine
        .until("loss", |heard| heard.links().len() == 2)
        .await;
    bench.engine.manners(|manners| manners.hold_permits = false);
    assert_eq!(bench.outcome("A#1").await, WriteOutcome::NotSent);
    // The engine offers it again; it waits for the line without being asked for.
    bench.field.write(level("A#1"));
    server.restore().await;
    let heard = bench
        .engine
        .until("result", |heard| heard.outcomes("A#1").len() == 2)
        .await;
    assert_eq!(heard.outcomes("A#1")[1], WriteOutcome::Written);
    assert_eq!(heard.permits("A#1"), 2);
    assert_eq!(server.with(|device| count(device, 5)), 1);
    bench.end().await;
}

#[tokio::test]
async fn a_connection_that_was_closed_unseen_is_not_sent_and_not_unknown() {
    let mut server = Server::start().await;
    let mut site = io_site(&server.address);
    // After its first cycle the bus is quiet, so it has not noticed.
    for bus in site.buses.values_mut() {
        bus.poll_interval_ms = 60_000;
    }
    let bench = Bench::start(site);
    bench.up().await;
    server.cut().await;
    server.restore().await;
    bench.field.write(level("A#1"));
    assert_eq!(bench.outcome("A#1").await, WriteOutcome::NotSent);
    bench.field.write(level("A#1"));
    let heard = bench
        .engine
        .until("result", |heard| heard.outcomes("A#1").len() == 2)
        .await;
    assert_eq!(heard.outcomes("A#1")[1], WriteOutcome::Written);
    assert_eq!(server.with(|device| count(device, 5)), 1);
    bench.end().await;
}

#[tokio::test]
async fn a_result_is_told_until_the_engine_has_taken_it() {
    let (_server, bench) = module().await;
    bench.engine.manners(|manners| manners.busy = 2);
    bench.field.write(level("A#1"));
    assert_eq!(bench.outcome("A#1").await, WriteOutcome::Written);
    assert_eq!(bench.engine.heard().refused.len(), 2);
    bench.end().await;
}

#[tokio::test]
async fn ten_commands_at_once_are_all_written_between_the_polls() {
    let (server, bench) = module().await;
    for n in 0..10 {
        let target = Target::Coil { register: n };
        bench
            .field
            .write(effect("io1", &format!("O{n}#1"), target, Action::Level));
    }
    bench
        .engine
        .until("all", |heard| {
            (0..10).all(|n| heard.outcomes(&format!("O{n}#1")) == [WriteOutcome::Written])
        })
        .await;
    server.with(|device| {
        let first = device.asked.iter().position(|asked| asked.0 == 5).unwrap();
        let last = device.asked.iter().rposition(|asked| asked.0 == 5).unwrap();
        let polls = device.asked[first..last]
            .iter()
            .filter(|asked| asked.0 == 2);
        assert!(polls.count() <= 20, "commands overtake polling");
    });
    bench.end().await;
}

#[tokio::test]
async fn a_permit_that_is_granted_while_the_daemon_stops_is_answered_with_not_sent() {
    let (server, bench) = module().await;
    bench.engine.manners(|manners| manners.hold_permits = true);
    bench.field.write(level("A#1"));
    polled_on(&server).await;
    bench.stop.cancel();
    server.cut().await;
    bench.engine.manners(|manners| manners.hold_permits = false);
    assert_eq!(bench.outcome("A#1").await, WriteOutcome::NotSent);
    assert_eq!(server.with(|device| count(device, 5)), 0);
    bench.end().await;
}

#[tokio::test]
async fn pumps_of_one_supply_start_one_after_the_other_on_whatever_lines_they_are() {
    let pause = Duration::from_secs(1);
    let servers = [Server::start().await, Server::start().await];
    let mut site = io_site(&servers[0].address);
    let second = crate::field::testing::bus("io2", &servers[1].address, &[(1, "io")]);
    site.buses.insert(second.id.clone(), second);
    let bench = Bench::start(site);
    bench
        .engine
        .until("up", |heard| heard.links().len() == 2)
        .await;
    let stagger = Some(Stagger {
        supply: "MCC-1".to_owned(),
        pause,
    });
    let since = tokio::time::Instant::now();
    for (bus, command) in [("io1", "A#1"), ("io2", "B#1"), ("io1", "C#1")] {
        bench.field.write(WriteEffect {
            stagger: stagger.clone(),
            ..effect(bus, command, COIL, Action::Pulse)
        });
    }
    // What has another supply or none overtakes them.
    bench.field.write(level("D#1"));
    assert_eq!(bench.outcome("D#1").await, WriteOutcome::Written);
    assert!(since.elapsed() < pause * 2);
    for command in ["A#1", "B#1", "C#1"] {
        assert_eq!(bench.outcome(command).await, WriteOutcome::Written);
    }
    assert!(since.elapsed() >= pause * 2, "{:?}", since.elapsed());
    bench.end().await;
}

#[tokio::test]
async fn a_start_that_did_not_leave_keeps_nobody_waiting() {
    let (server, bench) = module().await;
    server.next(5, Act::Exception(0x02));
    for command in ["A#1", "B#1"] {
        bench.field.write(WriteEffect {
            stagger: Some(Stagger {
                supply: "MCC-1".to_owned(),
                pause: Duration::from_secs(60),
            }),
            ..effect("io1", command, COIL, Action::Pulse)
        });
    }
    let refused = WriteOutcome::Refused { exception: 2 };
    assert_eq!(bench.outcome("A#1").await, refused);
    assert_eq!(bench.outcome("B#1").await, WriteOutcome::Written);
    bench.end().await;
}

#[tokio::test]
async fn a_panel_command_goes_to_its_own_register() {
    let server = Server::start().await;
    let bench = Bench::start(panel_site(&server.address));
    bench.up().await;
    bench
        .field
        .write(effect("panel1", "P1-RESET#1", COMMAND, Action::Pulse));
    assert_eq!(bench.outcome("P1-RESET#1").await, WriteOutcome::Written);
    let writes: Vec<_> = server.with(|device| {
        let writes = device.asked.iter().filter(|asked| asked.0 > 4);
        writes.copied().collect()
    });
    assert_eq!(writes, [(6, 1, 300, 3)]);
    bench.end().await;
}
