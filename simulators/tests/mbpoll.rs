//! The campus read and written by mbpoll, a client made with libmodbus: over TCP and on a terminal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not as it must be"
)]

use std::net::SocketAddr;
use std::process::Command;

use fengsui_sim::campus::{self, CampusOptions, Running};
use fengsui_sim::layout::Which;
use fengsui_sim::panel::PointVerb;

/// Runs mbpoll once with zero-based addresses; what it printed, and whether all went well.
async fn mbpoll(arguments: Vec<String>) -> (String, bool) {
    let run = tokio::task::spawn_blocking(move || {
        let mut command = Command::new("mbpoll");
        command.args(["-0", "-1", "-q"]).args(&arguments).output()
    });
    let output = run.await.unwrap();
    let output = output.expect("mbpoll: scripts/tools installs it");
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    (told, output.status.success())
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The values that mbpoll lists as `[address]: value`.
fn values(told: &str) -> Vec<u16> {
    let rows = told.lines().filter_map(|line| line.strip_prefix('['));
    rows.map(|row| {
        let value = row.split_whitespace().nth(1).expect("a value");
        value.parse().unwrap()
    })
    .collect()
}

fn at(address: SocketAddr) -> Vec<String> {
    words(&format!("-m tcp -p {} -a 1", address.port()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panel_and_a_module_are_read_and_written_over_tcp() {
    let options = CampusOptions {
        speed: 50.0,
        ..CampusOptions::default()
    };
    let Running {
        campus, addresses, ..
    } = &campus::start(options).await.unwrap();
    campus.point("P1-015", PointVerb::Alarm).unwrap();
    let ask = async |address: Option<SocketAddr>, rest: &str| {
        let arguments = [at(address.unwrap()), words(rest)].concat();
        mbpoll(arguments).await
    };
    let (told, ok) = ask(addresses.panel, "-t 4 -r 13 -c 3 127.0.0.1").await;
    assert!(ok, "{told}");
    assert_eq!(values(&told), [0, 1, 0], "{told}");
    // 消音.
    let (told, ok) = ask(addresses.panel, "-t 4 -r 300 127.0.0.1 1").await;
    assert!(ok, "{told}");
    let (told, ok) = ask(addresses.panel, "-t 4 -r 200 -c 1 127.0.0.1").await;
    assert!(ok && values(&told)[0] & 0b10 != 0, "{told}");
    let (told, ok) = ask(addresses.io, "-t 0 -r 2 127.0.0.1 1").await;
    assert!(ok, "{told}");
    let (told, ok) = ask(addresses.io, "-t 0 -r 1 -c 3 127.0.0.1").await;
    assert!(ok, "{told}");
    assert_eq!(values(&told), [0, 1, 0], "{told}");
    // Beyond the last register is an exception, not a value.
    let (told, _) = ask(addresses.panel, "-t 4 -r 5000 -c 1 127.0.0.1").await;
    assert!(values(&told).is_empty(), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panel_on_a_terminal_is_read() {
    let folder = tempfile::TempDir::new().unwrap();
    let options = CampusOptions {
        layout: Which::Lin,
        serial: Some(folder.path().to_owned()),
        ..CampusOptions::default()
    };
    let running = campus::start(options).await.unwrap();
    running.campus.point("P3-002", PointVerb::Alarm).unwrap();
    let port = folder.path().join("panel3.tty");
    let line = format!(
        "-m rtu -b 9600 -P none -a 3 -t 4 -r 0 -c 3 {}",
        port.display()
    );
    let (told, ok) = mbpoll(words(&line)).await;
    assert!(ok, "{told}");
    assert_eq!(values(&told), [0, 1, 0], "{told}");
}
