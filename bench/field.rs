//! The field at line speed, as the whole daemon reads it, with what others reach on the same field in the same minute beside it:
//! slow panels over TCP, serial lines at three speeds, a command on a busy line, a dead unit among others, and a large site.
//!
//! The simulator's fields are processes of their own and count what they are asked; no figure here is the daemon's own.

#![expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]
#![expect(clippy::expect_used, reason = "a bench that cannot go on ends")]
#![expect(clippy::panic, reason = "a bench that cannot go on ends")]

mod common;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::polled::{Daemon, Field, Tables};
use common::site::pause;
use common::{Figures, stopwatch};
use serde_json::Value;
use tokio_modbus::client::{Context, rtu, tcp};
use tokio_modbus::prelude::{Reader, Slave, SlaveContext};
use tokio_serial::SerialPortBuilderExt;

/// How long a rate is counted.
const SPAN: Duration = Duration::from_secs(3);
/// Rounds of each, ours and the peer's in turn.
const ROUNDS: usize = 3;
/// Units of each slow line.
const UNITS: usize = 5;
/// Commands on the busy line.
const COMMANDS: usize = 60;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| {
        let mut named = wanted.iter().filter(|word| !word.starts_with("--"));
        named.clone().next().is_none() || named.any(|word| word == name)
    };
    let parts: [(&str, fn()); 5] = [
        ("slow", slow),
        ("serial", serial),
        ("command", command),
        ("dead", dead),
        ("large", large),
    ];
    for (name, part) in parts {
        if is_wanted(name) {
            part();
        }
    }
}

/// Panels that answer after 5 ms: requests a second against a bare loop of tokio-modbus.
fn slow() {
    println!("slow field: 125 registers a request, 5 ms to each reply");
    for (lines, goal) in [(1, 0.98), (16, 0.98), (64, 0.95)] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let (field, ways) = slow_field(lines);
        for _ in 0..ROUNDS {
            theirs.push(beside(bare_tcp(field.servers()), &field));
            let daemon = Daemon::start(&ways, tables(), |_| {});
            ours.push(rate(&field.measured(SPAN)));
            drop(daemon);
        }
        if lines == 1 {
            println!(
                "  1 connection   libmodbus {:>8.0}/s",
                libmodbus_tcp(&field)
            );
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "  {lines:>2} connections  ours {ours:>8.0}/s  tokio-modbus {theirs:>8.0}/s  ratio {:.3} (goal {goal})",
            ours / theirs
        );
    }
}

fn slow_field(lines: usize) -> (Field, Vec<String>) {
    let field = Field::start(&["field", "--tcp", &lines.to_string(), "--delay-ms", "5"]);
    let way = |address: &String| format!("address = \"{address}\"");
    let ways = field.servers().iter().map(way).collect();
    (field, ways)
}

fn tables() -> Tables {
    Tables {
        units: UNITS,
        words: 125,
        poll_ms: 20,
    }
}

fn rate(report: &Value) -> f64 {
    let number = |name: &str| report[name].as_f64().expect("a number");
    number("requests") * 1_000.0 / number("span_ms")
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// A loop on a thread of its own, ended after the field has counted.
fn beside(peer: impl FnOnce(Arc<AtomicBool>) + Send + 'static, field: &Field) -> f64 {
    let stop = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&stop);
    let thread = std::thread::spawn(move || peer(theirs));
    pause(Duration::from_millis(300));
    let rate = rate(&field.measured(SPAN));
    stop.store(true, Ordering::Relaxed);
    thread.join().expect("the peer ends");
    rate
}

/// tokio-modbus as its documentation shows it, one task a connection on one thread.
fn bare_tcp(servers: Vec<String>) -> impl FnOnce(Arc<AtomicBool>) + Send + 'static {
    move |stop| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let set = tokio::task::LocalSet::new();
        for server in servers {
            let stop = Arc::clone(&stop);
            set.spawn_local(async move {
                let address = server.parse().expect("an address");
                let context = tcp::connect(address).await.expect("connected");
                read_in_turn(context, UNITS, &stop).await;
            });
        }
        runtime.expect("a runtime").block_on(set);
    }
}

async fn read_in_turn(mut context: Context, units: usize, stop: &AtomicBool) {
    let mut unit = 1;
    while !stop.load(Ordering::Relaxed) {
        context.set_slave(Slave(u8::try_from(unit).expect("a unit")));
        let words = context.read_holding_registers(0, 125).await;
        assert!(words.is_ok_and(|words| words.is_ok()), "the peer reads");
        unit = unit % units + 1;
    }
}

fn libmodbus_tcp(field: &Field) -> f64 {
    let server = field.servers().remove(0);
    let (host, port) = server.split_once(':').expect("host:port");
    let count = libmodbus(&["tcp", host, port, &UNITS.to_string(), "3"]);
    count / SPAN.as_secs_f64()
}

/// The loop of bench/peers in C; how many reads were answered.
fn libmodbus(arguments: &[&str]) -> f64 {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/peers/libmodbus_loop.c");
    let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("libmodbus_loop");
    let mut compile = Command::new("gcc");
    compile.args(["-O2", "-I/usr/include/modbus", "-o"]);
    compile.arg(&program).arg(source).arg("-lmodbus");
    assert!(compile.status().is_ok_and(|status| status.success()), "gcc");
    let said = Command::new(&program)
        .args(arguments)
        .output()
        .expect("it runs");
    let said = String::from_utf8(said.stdout).expect("text");
    let good = said.split_whitespace().next().expect("a count");
    good.parse().expect("a number")
}

/// Serial lines: how much of the line's time is used, and how many requests came before its silence was over.
fn serial() {
    println!(
        "serial lines 8N1, 4 units, 125 registers a request (utilisation of theory, early requests)"
    );
    for (baud, goal) in [(9_600_u32, 0.97), (19_200, 0.97), (115_200, 0.95)] {
        let span = Duration::from_secs(if baud == 9_600 { 12 } else { 6 });
        let (field, path) = line(baud, &[]);
        let daemon = Daemon::start(&[way(&path, baud)], on_a_line(4), |_| {});
        let ours = field.measured(span);
        drop((daemon, field));
        let (field, path) = line(baud, &[]);
        let stop = Arc::new(AtomicBool::new(false));
        let peer = std::thread::spawn({
            let (stop, path) = (Arc::clone(&stop), path.clone());
            move || bare_rtu(&path, baud, &stop)
        });
        pause(Duration::from_millis(500));
        let theirs = field.measured(span);
        stop.store(true, Ordering::Relaxed);
        peer.join().expect("the peer ends");
        drop(field);
        let (field, path) = line(baud, &[]);
        field.reset();
        let seconds = span.as_secs().to_string();
        libmodbus(&["rtu", &path, &baud.to_string(), "4", &seconds]);
        let c = field.report();
        println!(
            "  {baud:>6} baud  ours {}  tokio-modbus {}  libmodbus {}  (goal {goal}, early 0)",
            used(&ours),
            used(&theirs),
            used(&c)
        );
    }
}

fn used(report: &Value) -> String {
    let number = |name: &str| report[name].as_f64().expect("a number");
    let mut text = String::new();
    let _ = write!(
        text,
        "{:.3}, early {} of {}, bad bytes {}",
        number("utilisation"),
        number("early"),
        number("requests"),
        number("bad_bytes")
    );
    text
}

fn line(baud: u32, more: &[&str]) -> (Field, String) {
    let (baud, units) = (baud.to_string(), ["--units", "4"]);
    let mut arguments = vec!["line", "--baud", &baud];
    arguments.extend(if more.contains(&"--units") {
        &[][..]
    } else {
        &units[..]
    });
    arguments.extend(more);
    let field = Field::start(&arguments);
    let path = field.said["path"].as_str().expect("a path").to_owned();
    (field, path)
}

fn way(path: &str, baud: u32) -> String {
    format!("serial = {{ path = \"{path}\", baud = {baud} }}")
}

fn on_a_line(units: usize) -> Tables {
    Tables {
        units,
        words: 125,
        poll_ms: 20,
    }
}

fn bare_rtu(path: &str, baud: u32, stop: &AtomicBool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let port = tokio_serial::new(path, baud)
            .open_native_async()
            .expect("opened");
        read_in_turn(rtu::attach(port), 4, stop).await;
    });
}

/// From a person's hold on the desk to the first character on a line that is always busy.
fn command() {
    const BAUD: u32 = 9_600;
    let (field, path) = line(BAUD, &[]);
    let daemon = Daemon::start(&[way(&path, BAUD)], on_a_line(4), |config| {
        add_outputs(config)
    });
    let (cookie, csrf) = signed_on(&daemon.http);
    let mut wait = Figures::default();
    for n in 0..COMMANDS {
        field.reset();
        let watch = stopwatch();
        let answer = ureq::post(format!(
            "http://{}/api/v1/outputs/B-{n:03}/start",
            daemon.http
        ))
        .header("Cookie", &cookie)
        .header("X-Fengsui-CSRF", &csrf)
        .header("Idempotency-Key", format!("bench-{n}"))
        .header("Content-Type", "application/json")
        .send("{}");
        assert!(answer.is_ok(), "{answer:?}");
        let began = loop {
            assert!(
                watch.elapsed() < Duration::from_secs(5),
                "the command is written"
            );
            let report = field.report();
            if let Some(at) = report["writes"][0][1].as_f64() {
                break at;
            }
            pause(Duration::from_millis(5));
        };
        wait.push(Duration::from_secs_f64(began / 1_000.0));
        // Every phase of the poll is met.
        pause(Duration::from_millis(200 + n as u64 * 37 % 281));
    }
    // The longest exchange: 8 and 255 characters of 10 bits, the silence between them and one before the command.
    let character = 10_000.0 / f64::from(BAUD);
    let allowed = 263.0 * character + 2.0 * 3.5 * character;
    wait.print("hold on the desk to the command on a busy line");
    println!(
        "  p99 {:.1} ms against {allowed:.1} ms for the rest of a whole exchange and two silences: {:.3} (goal at most 1.1)",
        wait.percentile(99),
        wait.percentile(99) / allowed
    );
}

/// Outputs that a person may start, each with a coil of its own.
fn add_outputs(config: &Path) {
    let path = config.join("linkage.toml");
    let mut text = std::fs::read_to_string(&path).expect("text");
    for n in 0..COMMANDS {
        let _ = write!(
            text,
            "\n[[outputs]]\nid = \"B-{n:03}\"\nkind = \"sounder\"\nname = {{ zh = \"B{n}\", en = \"B{n}\" }}\nbuilding = \"D1\"\n\
             bus = \"line0\"\nunit = 1\nwrite = \"coils\"\nindex = {n}\n\
             feedback = {{ point = \"D1-SOUNDER-FB\", active = true, window_seconds = 10 }}\n\
             arming = \"assist\"\nmaster = \"fengsui\"\nby_hand = \"chief-eng\"\n"
        );
    }
    std::fs::write(path, text).expect("written");
}

fn signed_on(http: &str) -> (String, String) {
    let body = r#"{"account":"operator","password":"bench"}"#;
    let mut answer = ureq::post(format!("http://{http}/api/v1/session"))
        .header("Content-Type", "application/json")
        .send(body)
        .expect("signed on");
    let cookie = answer.headers()["set-cookie"].to_str().expect("a cookie");
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    let text = answer.body_mut().read_to_string().expect("text");
    let said: Value = serde_json::from_str(&text).expect("a session");
    (cookie, said["csrf"].as_str().expect("a token").to_owned())
}

/// 32 units on a line, one of them dead: what the others still get.
fn dead() {
    const BAUD: u32 = 115_200;
    let mut rates = Vec::new();
    for more in [&["--units", "32"][..], &["--units", "32", "--dead", "32"]] {
        let (field, path) = line(BAUD, more);
        let daemon = Daemon::start(&[way(&path, BAUD)], on_a_line(32), |_| {});
        // The dead unit has been given up by then.
        pause(Duration::from_secs(10));
        let report = field.measured(Duration::from_secs(15));
        let by_unit = report["by_unit"].as_object().expect("units");
        let others = by_unit.iter().filter(|(unit, _)| *unit != "32");
        let others: u64 = others.filter_map(|(_, count)| count.as_u64()).sum();
        rates.push(others as f64 * 1_000.0 / report["span_ms"].as_f64().expect("a span"));
        drop(daemon);
    }
    println!(
        "one dead unit among 32 at {BAUD} baud: the others {:.1}/s, {:.1}/s without it: {:.3} (goal 0.98)",
        rates[1],
        rates[0],
        rates[1] / rates[0]
    );
}

/// 32,000 points on 10 panels, and memory with and without the broker.
fn large() {
    let (field, ways) = slow_field(10);
    let tables = Tables {
        units: 32,
        words: 100,
        poll_ms: 1_000,
    };
    let daemon = Daemon::start(&ways, tables, |_| {});
    let (span, before) = (Duration::from_secs(20), daemon.cpu());
    let report = field.measured(span);
    let cpu = (daemon.cpu() - before) / span.as_secs_f64();
    let cycle = 10.0 * 32.0 / rate(&report);
    println!(
        "32,000 points on 10 panels, poll 1 s: cycle {cycle:.3} s (goal 1), CPU {:.1} % of a core (goal 60), VmHWM {:.1} MB with the broker (goal 80)",
        cpu * 100.0,
        daemon.most_memory()
    );
    drop((daemon, field));
    let (field, ways) = slow_field(10);
    let tables = Tables {
        units: 10,
        ..tables
    };
    let daemon = Daemon::start(&ways, tables, without_broker);
    let _ = field.measured(Duration::from_secs(5));
    println!(
        "10,000 points, no broker: VmHWM {:.1} MB (goal 35)",
        daemon.most_memory()
    );
}

fn without_broker(config: &Path) {
    let path = config.join("fengsui.toml");
    let text = std::fs::read_to_string(&path).expect("text");
    let kept: String = text
        .split("[mqtt.embedded]")
        .next()
        .unwrap_or_default()
        .to_owned();
    std::fs::write(path, kept).expect("written");
}
