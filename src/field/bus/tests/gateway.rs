//! RTU over TCP: the same serial line as in `serial`, behind a gateway that passes its bytes on; and gateways as they are.

use std::time::Duration;

use super::serial::{assert_counted, assert_true, behind, every_wrong_reply, until, wire};
use crate::domain::line::Line;
use crate::domain::output::{Action, Target, WriteOutcome};
use crate::engine::ports::Field;
use crate::field::testing::{Bench, Gateway, effect};

#[tokio::test]
async fn no_wrong_reply_of_a_line_behind_a_gateway_reaches_a_point() {
    let wire = wire(&[1]);
    let gateway = Gateway::start(&wire.path);
    let line = Line::RtuOverTcp(gateway.address.clone());
    let bench = Bench::start(behind(line, &[1]));
    bench.up().await;
    every_wrong_reply(&wire, &bench).await;
    let heard = bench.engine.heard();
    assert_true(&heard);
    let links = heard.links();
    let are_known = links
        .iter()
        .all(|state| ["up", "timeout", "gateway"].contains(state));
    assert!(are_known && links.last() == Some(&"up"), "{links:?}");
    assert_counted(&bench);
    bench.end().await;
}

#[tokio::test]
async fn a_unit_behind_a_gateway_is_written_and_read_back() {
    let wire = wire(&[1]);
    let gateway = Gateway::start(&wire.path);
    let line = Line::RtuOverTcp(gateway.address.clone());
    let bench = Bench::start(behind(line, &[1]));
    bench.up().await;
    let target = Target::Coil { register: 4 };
    bench.field.write(effect("b", "A#1", target, Action::Level));
    assert_eq!(bench.outcome("A#1").await, WriteOutcome::Written);
    let written = wire.with(|slave| slave.coils.get(&4).copied());
    assert_eq!(written, Some(true));
    bench.end().await;
}

#[tokio::test]
async fn a_gateway_that_starts_anew_is_connected_to_again() {
    let wire = wire(&[1]);
    let gateway = Gateway::start(&wire.path);
    let line = Line::RtuOverTcp(gateway.address.clone());
    let bench = Bench::start(behind(line, &[1]));
    bench.up().await;
    for _ in 0..3 {
        let asked = wire.with(|slave| slave.asked.len());
        gateway.cut();
        until(&wire, "polls", |slave| slave.asked.len() > asked + 6).await;
    }
    assert_true(&bench.engine.heard());
    assert!(bench.counts("b").connections >= 4);
    bench.end().await;
}

/// A gateway that takes one client keeps us waiting while another has it, and has us as soon as the other is gone.
#[tokio::test]
async fn a_gateway_that_takes_one_client_is_lost_while_another_has_it() {
    let wire = wire(&[1]);
    let gateway = Gateway::start(&wire.path);
    let other = tokio::net::TcpStream::connect(&gateway.address)
        .await
        .unwrap();
    let line = Line::RtuOverTcp(gateway.address.clone());
    let bench = Bench::start(behind(line, &[1]));
    let heard = bench
        .engine
        .until("lost", |heard| !heard.links().is_empty())
        .await;
    assert_eq!(heard.links(), ["timeout"]);
    assert!(heard.observations.is_empty());
    drop(other);
    let heard = bench
        .engine
        .until("up", |heard| heard.links().last() == Some(&"up"))
        .await;
    assert_true(&heard);
    bench.end().await;
}

#[tokio::test]
async fn a_dead_unit_behind_a_gateway_takes_only_its_own_points_with_it() {
    let wire = wire(&[1]);
    let gateway = Gateway::start(&wire.path);
    let line = Line::RtuOverTcp(gateway.address.clone());
    let bench = Bench::start(behind(line, &[1, 2]));
    let heard = bench.up().await;
    assert_eq!(heard.units(), [(2, "timeout")]);
    wire.with(|slave| {
        let registers = slave.units[&1].clone();
        slave.units.insert(2, registers);
    });
    let found = bench
        .engine
        .until("found", |heard| heard.units().last() == Some(&(2, "up")))
        .await;
    assert_true(&found);
    bench.end().await;
}

/// A connection that has failed is reset: what nobody waits for any more is never sent after all.
#[tokio::test]
async fn a_connection_that_has_failed_ends_with_a_reset() {
    for way in [Line::Tcp, Line::RtuOverTcp] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line = way(listener.local_addr().unwrap().to_string());
        let bench = Bench::start(behind(line, &[1]));
        let (mut stream, _) = listener.accept().await.unwrap();
        // Requests come and are not answered; then the end.
        let mut bytes = [0_u8; 256];
        let end = tokio::time::timeout(Duration::from_secs(10), async {
            loop {
                match tokio::io::AsyncReadExt::read(&mut stream, &mut bytes).await {
                    Ok(0) => return None,
                    Ok(_) => {}
                    Err(error) => return Some(error.kind()),
                }
            }
        });
        let end = end.await.expect("the client gives up");
        assert_eq!(end, Some(std::io::ErrorKind::ConnectionReset));
        bench.end().await;
    }
}
