//! From a register that changes in the simulator's process to the order at an independent MQTT client (`mosquitto_sub`), with all
//! points polled every 100 ms, over at least 200 alarms. Every device stands in a compartment of its own, so that each alarm is an
//! incident and an order of its own; the stream of documents tells when the alarm was committed.

#![expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]
#![expect(clippy::expect_used, reason = "a bench that cannot go on ends")]
#![expect(clippy::panic, reason = "a bench that cannot go on ends")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use common::site::{Bench, pause};
use common::{Figures, stopwatch};

/// Devices of the simulated panel.
const DEVICES: usize = 42;
/// Rounds, each with a fresh journal.
const ROUNDS: usize = 5;
/// The least time between two alarms. Each waits a little longer, in steps that meet every phase of the poll: a fixed pause falls
/// into step with it.
const BETWEEN: Duration = Duration::from_millis(120);
/// Longest wait for an order.
const WAIT: Duration = Duration::from_secs(5);

fn main() {
    let mut order = Figures::default();
    let mut committed = Figures::default();
    for _ in 0..ROUNDS {
        round(&mut order, &mut committed);
    }
    println!(
        "points polled every 100 ms: {DEVICES} devices, 4 panel states, 10 feedbacks, on 2 lines"
    );
    committed.print("register change to committed document (stream)");
    order.print("register change to order at mosquitto_sub");
    let own = order.percentile(99) - 100.0;
    println!("order p99 less one poll period: {own:.1} ms (goal: at most 50)");
}

fn round(order: &mut Figures, committed: &mut Figures) {
    let mut site = Bench::start(each_alone, |_, _| {});
    let orders = site.orders();
    let entries = site.entries();
    for device in 1..=DEVICES {
        let point = format!("P1-{device:03}");
        let watch = stopwatch();
        site.post(&format!("/points/{point}/alarm"));
        let place = format!("\"point\":\"{point}\"");
        committed.push(first(&entries, &place, watch));
        order.push(first(&orders, &format!(" 1-{device:03}\""), watch));
        pause(BETWEEN + Duration::from_millis(device as u64 * 37 % 100));
    }
}

/// When a line that holds `part` came.
fn first(lines: &Receiver<(Instant, String)>, part: &str, since: Instant) -> Duration {
    loop {
        match lines.recv_timeout(WAIT) {
            Ok((at, line)) if line.contains(part) => return at - since,
            Ok(_) => {}
            Err(_) => panic!("nothing with {part} came in {} s", WAIT.as_secs()),
        }
    }
}

/// Puts each device into a compartment of its own.
fn each_alone(config: &Path) {
    let edit = |file: &str, change: &dyn Fn(String) -> String| {
        let text = std::fs::read_to_string(config.join(file)).expect("text");
        std::fs::write(config.join(file), change(text)).expect("written");
    };
    // Only one post may leave its place, so that every order comes to the one client that is watched.
    edit("site.toml", &|text| {
        let (others, post2) = text.split_once("id = \"post2\"").expect("post2");
        let (own, rest) = post2.split_once("may_leave = true").expect("its row");
        let stay = |text: &str| text.replace("may_leave = true", "may_leave = false");
        let rows = [
            &stay(others),
            "id = \"post2\"",
            own,
            "may_leave = true",
            &stay(rest),
        ]
        .concat();
        rows + &compartments()
    });
    edit("points.csv", &|text| each_in_its_own(&text));
}

fn compartments() -> String {
    let one = |n| {
        let (building, floor, zone) = place(n);
        format!(
            "\n[[compartments]]\nid = \"B-{n:03}\"\nname = {{ zh = \"B-{n:03}\", en = \"B-{n:03}\" }}\nbuilding = \"{building}\"\nfloor = \"{floor}\"\nzone = \"{zone}\"\n"
        )
    };
    (1..=DEVICES).map(one).collect()
}

fn place(device: usize) -> (&'static str, &'static str, &'static str) {
    if device <= 24 {
        ("D1", "D1-2F", "D1-2")
    } else {
        ("C1", "C1-1F", "C1-1")
    }
}

fn each_in_its_own(text: &str) -> String {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = reader.headers().expect("a header").clone();
    writer.write_record(&header).expect("written");
    let columns: BTreeMap<&str, usize> = header
        .iter()
        .enumerate()
        .map(|(n, name)| (name, n))
        .collect();
    let (id, compartment) = (columns["id"], columns["compartment"]);
    for record in reader.records() {
        let record = record.expect("a row");
        let mut cells: Vec<String> = record.iter().map(str::to_owned).collect();
        let device = cells[id]
            .strip_prefix("P1-")
            .and_then(|n| n.parse::<usize>().ok());
        if let Some(device) = device {
            cells[compartment] = format!("B-{device:03}");
        }
        writer.write_record(&cells).expect("written");
    }
    String::from_utf8(writer.into_inner().expect("written")).expect("text")
}
