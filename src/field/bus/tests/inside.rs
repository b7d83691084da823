//! What cannot be brought about from outside: a bus after its own panic, and half a cycle.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::write::Hand;
use super::super::{Bus, Line};
use super::serial::{behind, line, wire};
use crate::domain::output::{Action, Target, WriteOutcome};
use crate::domain::site::Site;
use crate::field::command::Port;
use crate::field::modbus::fault::Fault;
use crate::field::modbus::pdu::Request;
use crate::field::modbus::transport::Connection;
use crate::field::plan::{self, Standing};
use crate::field::terms::AllTerms;
use crate::field::testing::{Engine, effect, io_site, panel_site, profiles};

/// The only bus of a site, not started.
pub(super) fn bus_of(site: &Site, engine: &Engine) -> Bus {
    let described = site.buses.values().next().unwrap();
    let (blocks, _) = plan::blocks(site, described, &profiles());
    let port = Arc::new(Port::new(engine.handle.clone(), Arc::default()));
    let (terms, stop) = (
        AllTerms::new(described, &profiles()),
        CancellationToken::new(),
    );
    Bus::new(
        described,
        (blocks, terms),
        port,
        engine.handle.clone(),
        stop,
    )
}

#[tokio::test]
async fn after_a_panic_a_permitted_command_is_unknown_and_the_line_is_lost() {
    let engine = Engine::start();
    let mut bus = bus_of(&io_site("127.0.0.1:1"), &engine);
    let target = Target::Coil { register: 0 };
    bus.hand = Hand::Permitted {
        effect: effect("io1", "A#1", target, Action::Pulse),
        not_before: Instant::now(),
        busy: 0,
    };
    bus.after_panic(Instant::now());
    assert!(matches!(bus.hand, Hand::Empty));
    assert!(matches!(bus.line, Line::Closed { .. }));
    bus.farewell().await;
    let heard = engine
        .until("result and line", |heard| heard.inputs.len() == 2)
        .await;
    assert_eq!(heard.outcomes("A#1"), [WriteOutcome::Unknown]);
    assert_eq!(heard.links(), ["bad_reply"]);
}

#[tokio::test]
async fn what_was_read_before_a_failure_does_not_count_for_a_line_that_is_not_up() {
    let engine = Engine::start();
    let mut bus = bus_of(&panel_site("127.0.0.1:1"), &engine);
    let since = Instant::now();
    let held = Standing::Refused {
        since,
        is_faulty: true,
    };
    let set = |bus: &mut Bus, standings: [Standing; 2]| {
        let blocks = bus.cycle.blocks_mut().iter_mut();
        let pairs = blocks.zip(standings);
        pairs.for_each(|(block, standing)| block.standing = standing);
    };
    for standing in [Standing::Fresh, held] {
        set(&mut bus, [standing, standing]);
        assert!(bus.cycle.is_complete(1));
        bus.forget_partial_cycle(|_| true);
        assert!(!bus.cycle.is_complete(1));
    }
    // Once it is up a single failure takes nothing back.
    set(&mut bus, [Standing::Fresh; 2]);
    bus.look_for_return();
    bus.forget_partial_cycle(|_| true);
    assert!(bus.cycle.is_complete(1));
}

/// Whether the second block of the unit behind a serial line may be asked after the pause, when the first has failed.
fn may_go_on(bus: &Bus) -> bool {
    let span = bus.cycle.block(1).unwrap().span;
    let later = Instant::now() + Duration::from_secs(1);
    bus.units.may_ask(1, span, (later, 1))
}

#[tokio::test]
async fn a_block_that_is_left_alone_keeps_no_other_from_being_asked() {
    let engine = Engine::start();
    let mut bus = bus_of(&behind(line("-".to_owned()), &[1]), &engine);
    let failures = bus.terms.of(1).block_failures();
    for _ in 1..failures {
        bus.no_reply(0, Instant::now(), Fault::Timeout);
        assert!(!may_go_on(&bus), "the lost reply may still come");
    }
    bus.no_reply(0, Instant::now(), Fault::Timeout);
    assert!(may_go_on(&bus));
}

#[tokio::test]
async fn a_hole_that_does_not_answer_keeps_no_block_from_being_asked() {
    let engine = Engine::start();
    let mut bus = bus_of(&behind(line("-".to_owned()), &[1]), &engine);
    bus.cycle.block_mut(0).unwrap().standing = Standing::Hole;
    bus.no_reply(0, Instant::now(), Fault::Timeout);
    assert!(may_go_on(&bus));
}

#[tokio::test]
async fn after_a_lost_reply_no_cycle_is_waited_for() {
    let engine = Engine::start();
    let mut site = behind(line("-".to_owned()), &[1]);
    site.buses.get_mut("b").unwrap().poll_interval_ms = 60_000;
    let mut bus = bus_of(&site, &engine);
    let timeout = bus.terms.of(1).timeout;
    assert_eq!(bus.cycle.next(Instant::now(), |_, _| false), None);
    assert!(bus.cycle.due() > Instant::now() + timeout);
    bus.lost_reply(1, Fault::Timeout);
    assert!(bus.cycle.due() <= Instant::now() + timeout);
}

#[tokio::test]
async fn the_silence_that_was_heard_behind_a_reply_is_not_waited_for_again() {
    let (engine, wire) = (Engine::start(), wire(&[1]));
    let path = wire.path.display().to_string();
    let mut bus = bus_of(&behind(line(path), &[1]), &engine);
    bus.line = Line::Open(Connection::open(&bus.place, &bus.way).await.unwrap());
    bus.units.spoke(1);
    let request = Request::Read(bus.cycle.block(0).unwrap().span);
    bus.exchange(1, request.clone()).await.unwrap();
    let free_at = bus.recent.free_at(1, &request);
    assert!(free_at.unwrap() <= Instant::now());
}
