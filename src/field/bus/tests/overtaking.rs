//! Commands overtake polling at the next frame border, and a flood of them keeps no alarm waiting beyond its bound.

use tokio::time::Instant;

use super::super::write::Hand;
use super::super::{Line as OpenLine, Step, WRITTEN_IN_A_ROW_MAX};
use super::inside::bus_of;
use super::serial::{behind, line, until, wire};
use crate::domain::output::{Action, Target, WriteOutcome};
use crate::engine::ports::Field;
use crate::field::modbus::transport::Connection;
use crate::field::testing::{Bench, Engine, Server, effect, panel_site};

const WRITE: u8 = 6;

fn command(bus: &str, n: u16) -> crate::engine::ports::WriteEffect {
    let target = Target::Register {
        register: 300 + n,
        value: 1,
    };
    effect(bus, &format!("O{n}#1"), target, Action::Pulse)
}

#[tokio::test]
async fn a_permitted_command_leaves_after_the_frame_that_is_in_flight() {
    let wire = wire(&[1]);
    let path = wire.path.display().to_string();
    let bench = Bench::start(behind(line(path), &[1]));
    bench.up().await;
    for n in 0..10 {
        bench.engine.manners(|manners| manners.hold_permits = true);
        bench.field.write(command("b", n));
        let id = format!("O{n}#1");
        // Polling goes on meanwhile; a frame takes 20 to 30 ms here.
        let polled = wire.with(|slave| slave.requests.len());
        until(&wire, "polls", |slave| slave.requests.len() > polled + 2).await;
        bench.engine.manners(|manners| manners.hold_permits = false);
        // Counted from the answer on: on a busy machine the engine's end takes its time.
        bench
            .engine
            .until("permit", |heard| heard.permits(&id) == 1)
            .await;
        let before = wire.with(|slave| slave.requests.len());
        assert_eq!(bench.outcome(&id).await, WriteOutcome::Written);
        let between = wire.with(|slave| {
            let later = slave.requests[before..].iter();
            later.take_while(|request| request.0 != WRITE).count()
        });
        // The one whose bytes were on the line, which the slave has not counted yet.
        assert!(between <= 1, "{between} frames overtook the command");
    }
    bench.end().await;
}

/// The next frame waits for the permit.
#[tokio::test]
async fn a_command_that_comes_during_a_frame_leaves_at_its_border() {
    let wire = wire(&[1]);
    let path = wire.path.display().to_string();
    let bench = Bench::start(behind(line(path), &[1]));
    bench.up().await;
    let mut between = 0;
    for n in 0..10 {
        let polled = wire.with(|slave| slave.requests.len());
        until(&wire, "a poll", |slave| slave.requests.len() > polled).await;
        let before = wire.with(|slave| slave.requests.len());
        bench.field.write(command("b", n));
        assert_eq!(
            bench.outcome(&format!("O{n}#1")).await,
            WriteOutcome::Written
        );
        between += wire.with(|slave| {
            let later = slave.requests[before..].iter();
            later.take_while(|request| request.0 != WRITE).count()
        });
    }
    // A busy machine may be late with some of them; one frame too many for each would be ten.
    assert!(between < 5, "{between} frames overtook ten commands");
    bench.end().await;
}

#[tokio::test]
async fn a_flood_of_commands_lets_the_alarms_be_read_between_them() {
    let wire = wire(&[1]);
    let path = wire.path.display().to_string();
    let bench = Bench::start(behind(line(path), &[1]));
    bench.up().await;
    for n in 0..40 {
        bench.field.write(command("b", n));
    }
    // The alarm begins in the middle of the flood and is seen before its end.
    let writes = |slave: &crate::field::testing::Slave| {
        let writes = slave.requests.iter();
        writes.filter(|request| request.0 == WRITE).count()
    };
    until(&wire, "the middle", |slave| writes(slave) >= 10).await;
    wire.with(|slave| {
        let registers = slave.units.get_mut(&1).unwrap();
        *registers.get_mut(&0).unwrap() |= 1;
    });
    bench
        .engine
        .until("fire", |heard| heard.has_edge("U1-P000"))
        .await;
    assert!(wire.with(|slave| writes(slave)) < 40, "seen too late");
    until(&wire, "the end", |slave| writes(slave) >= 40).await;
    let runs = wire.with(|slave| {
        let pieces = slave.requests.split(|request| request.0 != WRITE);
        pieces.map(<[_]>::len).max().unwrap_or_default()
    });
    assert!(runs <= usize::try_from(WRITTEN_IN_A_ROW_MAX).unwrap());
    bench.end().await;
}

#[tokio::test]
async fn after_so_many_commands_in_a_row_a_block_that_is_due_comes_first() {
    let (engine, server) = (Engine::start(), Server::start().await);
    let mut bus = bus_of(&panel_site(&server.address), &engine);
    let connection = Connection::open(&bus.place, &bus.way).await.unwrap();
    bus.line = OpenLine::Open(connection);
    let now = Instant::now();
    bus.hand = Hand::Permitted {
        effect: command("panel1", 0),
        not_before: now,
        busy: 0,
    };
    for _ in 0..WRITTEN_IN_A_ROW_MAX {
        assert!(matches!(bus.next_step(now), Step::Write));
        bus.written_in_a_row += 1;
    }
    assert!(matches!(bus.next_step(now), Step::Poll(0)));
    // When nothing is due nothing is waited for.
    while matches!(bus.next_step(now), Step::Poll(_)) {
        bus.cycle.advance(false);
    }
    assert!(matches!(bus.next_step(now), Step::Write));
}
