//! A device that misbehaves in one reply. Every point must keep its own reading, and a fire must not be missed.

use crate::domain::input::Observation;
use crate::domain::point::{Conditions, Quality};
use crate::field::Counts;
use crate::field::testing::{Act, Bench, Device, Heard, Server, panel_site};

/// Each device of the panel stands differently, so that a reading of another device is seen.
fn word_of(n: u16) -> u16 {
    u16::from(n % 2 == 1) << 2
        | u16::from(n.is_multiple_of(3)) << 3
        | u16::from(n.is_multiple_of(5)) << 4
}

fn conditions_of(n: u16) -> Conditions {
    Conditions {
        disabled: n % 2 == 1,
        test: n.is_multiple_of(3),
        active: n.is_multiple_of(5),
        ..Conditions::default()
    }
}

const BURNING: u16 = 15;
const DEVICES: u16 = 48;

async fn panel() -> Server {
    let server = Server::start().await;
    server.with(|device| {
        device.registers = (0..DEVICES).map(|n| (n, word_of(n))).collect();
        device.registers.insert(200, 1);
    });
    server
}

fn ignite(server: &Server) {
    server.with(|device| *device.registers.get_mut(&BURNING).unwrap() |= 1);
}

/// Whether an observation is what the device holds; device 15 may burn.
fn is_true(observation: &Observation) -> bool {
    let read = observation.latest.conditions;
    let Some(n) = observation.point.as_str().strip_prefix('P') else {
        let active = true;
        let on = Conditions {
            active,
            ..Conditions::default()
        };
        return read == on;
    };
    let n: u16 = n.parse().unwrap();
    let expected = Conditions {
        fire: read.fire && n == BURNING,
        ..conditions_of(n)
    };
    read == expected && (observation.edge.is_none() || n == BURNING)
}

fn assert_true(heard: &Heard) {
    for observation in &heard.observations {
        assert!(is_true(observation), "{observation:?}");
    }
}

/// What is done to one reply, and the count that it raises by at least one.
type Case = (Act, fn(&Counts) -> u64);

fn cases() -> Vec<Case> {
    vec![
        (Act::Silence, |c| c.timeouts),
        (Act::Late, |c| c.timeouts),
        (Act::Truncated, |c| c.timeouts),
        (Act::Twice, |c| c.unsolicited),
        (Act::Pieces, |c| c.ok),
        (Act::Transaction, |c| c.bad_transaction),
        (Act::Protocol, |c| c.bad_protocol),
        (Act::Unit(0), |c| c.bad_unit),
        (Act::Unit(2), |c| c.bad_unit),
        (Act::Fewer, |c| c.bad_length),
        (Act::More, |c| c.bad_length),
        (Act::ByteCount, |c| c.bad_count),
        (Act::Function, |c| c.bad_function),
        (Act::ResetMidway, |c| c.resets),
        (Act::Reset, |c| c.resets),
        (Act::Exception(0x04), |c| c.exceptions),
        (Act::Exception(0x06), |c| c.busy),
        (Act::Exception(0x0B), |c| c.exceptions),
        (Act::Exception(0x43), |c| c.exceptions),
    ]
}

async fn one_bad_reply((act, count): Case) {
    let server = panel().await;
    let bench = Bench::start(panel_site(&server.address));
    bench.up().await;
    let before = count(&bench.counts("panel1"));
    ignite(&server);
    // Again until it is counted: on a busy machine a reply can be late before it can be wrong.
    for round in 0.. {
        // Both blocks are hit, the alarms and the rest.
        server.next(3, act.clone());
        server.next(3, act.clone());
        let asked = server.with(|device| device.asked.len());
        let polled = |device: &Device| device.acts.is_empty() && device.asked.len() > asked + 8;
        server.until("acts and polls", polled).await;
        if count(&bench.counts("panel1")) > before {
            break;
        }
        assert!(round < 10, "{act:?}: {:?}", bench.counts("panel1"));
    }
    let heard = bench
        .engine
        .until("fire", |heard| heard.has_edge("P015"))
        .await;
    assert_true(&heard);
    bench.end().await;
}

#[tokio::test]
async fn no_bad_reply_ever_reaches_a_point_and_no_fire_is_missed() {
    let cases = cases().into_iter().map(one_bad_reply);
    futures_util::future::join_all(cases).await;
}

#[tokio::test]
async fn a_single_lost_reply_is_no_loss() {
    for act in [Act::Silence, Act::Transaction, Act::Reset] {
        let server = panel().await;
        let bench = Bench::start(panel_site(&server.address));
        bench.up().await;
        server.next(3, act);
        ignite(&server);
        bench
            .engine
            .until("fire", |heard| heard.has_edge("P015"))
            .await;
        assert_eq!(bench.engine.heard().links(), ["up"]);
        assert_eq!(bench.counts("panel1").losses, 0);
        bench.end().await;
    }
}

#[tokio::test]
async fn a_device_that_is_always_off_by_one_transaction_never_gives_a_value() {
    let server = panel().await;
    server.with(|device| device.always = Some(Act::Transaction));
    let bench = Bench::start(panel_site(&server.address));
    let heard = bench
        .engine
        .until("loss", |heard| !heard.links().is_empty())
        .await;
    assert_eq!(heard.links(), ["bad_reply"]);
    assert!(heard.observations.is_empty());
    bench.end().await;
}

#[tokio::test]
async fn a_device_that_doubles_every_reply_is_read_right() {
    let server = panel().await;
    server.with(|device| device.always = Some(Act::Twice));
    let bench = Bench::start(panel_site(&server.address));
    bench.up().await;
    ignite(&server);
    bench
        .engine
        .until("fire", |heard| heard.has_edge("P015"))
        .await;
    assert_true(&bench.engine.heard());
    assert_eq!(bench.engine.heard().links(), ["up"]);
    bench.end().await;
}

#[tokio::test]
async fn busy_is_no_fault_and_a_refusal_that_lasts_is_one() {
    let server = panel().await;
    let bench = Bench::start(panel_site(&server.address));
    bench.up().await;
    (0..6).for_each(|_| server.next(3, Act::Exception(0x06)));
    server.until("acts", |device| device.acts.is_empty()).await;
    ignite(&server);
    bench
        .engine
        .until("fire", |heard| heard.has_edge("P015"))
        .await;
    assert_true(&bench.engine.heard());
    // The device's own failure (04) that lasts: its points are faulty, fire and all else of them stays as it was.
    server.with(|device| device.always = Some(Act::Exception(0x04)));
    let is_faulty = |heard: &Heard, point| {
        let latest = heard.latest(point);
        latest.is_some_and(|o| o.latest.conditions.fault && o.latest.quality == Quality::Good)
    };
    let heard = bench
        .engine
        .until("fault", |heard| {
            is_faulty(heard, "P015") && is_faulty(heard, "KEY")
        })
        .await;
    assert!(heard.latest("P015").unwrap().latest.conditions.fire);
    assert!(heard.latest("KEY").unwrap().latest.conditions.active);
    server.with(|device| device.always = None);
    bench
        .engine
        .until("well", |heard| {
            !is_faulty(heard, "KEY") && !is_faulty(heard, "P015")
        })
        .await;
    assert_eq!(bench.engine.heard().links(), ["up"]);
    bench.end().await;
}

#[tokio::test]
async fn a_hole_is_a_fault_of_its_own_points_and_is_found_again_when_it_answers() {
    let server = panel().await;
    server.with(|device| device.holes = vec![20, 21, 47]);
    let bench = Bench::start(panel_site(&server.address));
    let heard = bench.up().await;
    let faulty: Vec<u16> = (0..DEVICES)
        .filter(|n| {
            let latest = heard.latest(&format!("P{n:03}")).unwrap();
            latest.latest.conditions.fault
        })
        .collect();
    assert_eq!(faulty, [20, 21, 47]);
    ignite(&server);
    bench
        .engine
        .until("fire", |heard| heard.has_edge("P015"))
        .await;
    // The holes are asked for one by one now, everything else in whole blocks.
    server.with(|device| device.holes.clear());
    bench
        .engine
        .until("no hole", |heard| {
            [20, 21, 47].iter().all(|n| {
                let latest = heard.latest(&format!("P{n:03}")).unwrap();
                latest.latest.conditions == conditions_of(*n)
            })
        })
        .await;
    let asked = server.with(|device| device.asked.len());
    server
        .until("one block again", |device| {
            device.asked[asked..].contains(&(3, 1, 0, 48))
        })
        .await;
    assert_eq!(bench.engine.heard().links(), ["up"]);
    bench.end().await;
}

#[tokio::test]
async fn a_device_without_the_function_code_is_a_fault_and_not_a_loss() {
    let server = panel().await;
    server.with(|device| device.always = Some(Act::Exception(0x01)));
    let bench = Bench::start(panel_site(&server.address));
    let heard = bench.up().await;
    for point in ["P000", "P047", "KEY"] {
        assert!(heard.latest(point).unwrap().latest.conditions.fault);
    }
    // A device that has only been starting is read as soon as it is ready.
    server.with(|device| device.always = None);
    ignite(&server);
    bench
        .engine
        .until("fire", |heard| heard.has_edge("P015"))
        .await;
    bench.end().await;
}

#[tokio::test]
async fn a_hole_between_two_points_is_no_fault_of_theirs() {
    let server = panel().await;
    server.with(|device| device.holes = vec![2]);
    let mut site = panel_site(&server.address);
    site.points
        .retain(|id, _| ["P000", "P004"].contains(&id.as_str()));
    let bench = Bench::start(site);
    let heard = bench.up().await;
    for n in [0, 4] {
        let latest = heard.latest(&format!("P{n:03}")).unwrap().latest;
        assert_eq!(latest.conditions, conditions_of(n));
    }
    bench.end().await;
}

#[tokio::test]
async fn a_device_that_is_not_there_is_a_fault_and_never_normal() {
    let server = panel().await;
    server.with(|device| device.registers.insert(7, 0xFFFF));
    let bench = Bench::start(panel_site(&server.address));
    let heard = bench.up().await;
    let latest = heard.latest("P007").unwrap().latest;
    assert_eq!(latest.quality, Quality::Good);
    let fault = true;
    let faulty = Conditions {
        fault,
        ..Conditions::default()
    };
    assert_eq!(latest.conditions, faulty);
    bench.end().await;
}

#[tokio::test]
async fn a_fire_of_one_reading_is_not_missed_and_is_read_again_at_once() {
    let server = panel().await;
    let mut site = panel_site(&server.address);
    // Slow enough that the second reading can only be the one made at once.
    for bus in site.buses.values_mut() {
        bus.poll_interval_ms = 60_000;
    }
    ignite(&server);
    let bench = Bench::start(site);
    bench
        .engine
        .until("fire", |heard| heard.has_edge("P015"))
        .await;
    server
        .until("read again", |device| {
            let reads = device.asked.iter().filter(|asked| asked.3 == 48);
            reads.count() == 2
        })
        .await;
    bench.end().await;
}
