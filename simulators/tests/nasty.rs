//! Every nasty behaviour at the wire, on a socket and on a pseudo-terminal: what leaves in the place of the right reply.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not as it must be"
)]

#[allow(dead_code, reason = "each test program uses its part of it")]
mod common;

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

use common::Site;
use fengsui_sim::campus::{self, CampusOptions};
use fengsui_sim::layout::Which;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use serde_json::{Value, json};

/// A line of each kind with units 1 and 2, and a relay module.
const LAYOUT: &str = r#"
version = 1
id = "nasty"
name = { zh = "怪象", en = "Nasty" }

[[plain]]
id = "tcp"
count = 1
way = "tcp"
units = [1, 2]
devices = 16

[[plain]]
id = "tty"
count = 1
way = "serial"
baud = 115200
units = [1, 2]
devices = 16

[[io]]
id = "io1"
name = { zh = "模块", en = "Module" }
line = { tcp = "127.0.0.1:0" }
unit = 9
channels = 8
pulse_ms = 1000

[[output]]
io = "io1"
coil = 0
id = "SOUNDER"
kind = "sounder"
name = { zh = "警报", en = "Sounder" }
place = "tcp"
stroke_ms = 1
undo = true
"#;

/// So long nothing more comes.
const QUIET: Duration = Duration::from_millis(120);
/// Four registers from 0 on.
const READ: [u8; 5] = [3, 0, 0, 0, 4];

async fn site(folder: &Path) -> Site {
    let layout = folder.join("layout.toml");
    std::fs::write(&layout, LAYOUT).unwrap();
    let options = CampusOptions {
        layout: Which::File(layout),
        serial: Some(folder.join("lines")),
        ..CampusOptions::default()
    };
    let running = campus::start(options).await.unwrap();
    let site = Site { running };
    // 1 fire in device 2: the right words are 0, 1, 0, 0 of unit 1.
    for line in ["tcp1", "tty1"] {
        let path = format!("/points/{line}u1-002/alarm");
        assert_eq!(site.post(&path).await.0, 200);
    }
    site
}

/// A folder of its own; left behind when a test fails.
fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("fengsui-sim-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A raw client on either kind of line.
enum Client {
    Tcp(TcpStream),
    Tty(File),
}

impl Client {
    fn open(site: &Site, line: &str) -> Self {
        let place = &site.running.addresses.lines[line];
        if !place.starts_with('/') {
            return Self::Tcp(TcpStream::connect(place).unwrap());
        }
        let file = File::options().read(true).write(true).open(place).unwrap();
        let mut settings = tcgetattr(&file).unwrap();
        settings.make_raw();
        tcsetattr(&file, OptionalActions::Now, &settings).unwrap();
        Self::Tty(file)
    }

    fn frame(&self, unit: u8, pdu: &[u8]) -> Vec<u8> {
        let mut frame = vec![unit];
        frame.extend(pdu);
        match self {
            Self::Tcp(_) => {
                let length = u8::try_from(frame.len()).unwrap();
                [&[0, 7, 0, 0, 0, length], &frame[..]].concat()
            }
            Self::Tty(_) => {
                frame.extend(checksum(&frame).to_le_bytes());
                frame
            }
        }
    }

    /// Asks, and hears until nothing comes any more: bytes with the moment of each piece.
    fn ask(&mut self, unit: u8, pdu: &[u8]) -> (Vec<u8>, Vec<Duration>) {
        let frame = self.frame(unit, pdu);
        let began = Instant::now();
        let sent = match self {
            Self::Tcp(stream) => stream.write_all(&frame),
            Self::Tty(file) => file.write_all(&frame),
        };
        if sent.is_err() {
            return (Vec::new(), Vec::new());
        }
        self.hear(began)
    }

    fn hear(&mut self, began: Instant) -> (Vec<u8>, Vec<Duration>) {
        let (mut bytes, mut moments) = (Vec::new(), Vec::new());
        loop {
            let fd = match &*self {
                Self::Tcp(stream) => stream.as_fd(),
                Self::Tty(file) => file.as_fd(),
            };
            let quiet = Timespec::try_from(QUIET).unwrap();
            if poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&quiet)).unwrap() == 0 {
                return (bytes, moments);
            }
            let mut piece = [0; 256];
            let count = match self {
                Self::Tcp(stream) => stream.read(&mut piece),
                Self::Tty(file) => file.read(&mut piece),
            };
            match count {
                Ok(0) | Err(_) => return (bytes, moments),
                Ok(count) => {
                    moments.push(began.elapsed());
                    bytes.extend(&piece[..count]);
                }
            }
        }
    }
}

fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xA001 * (crc & 1))
        })
    })
}

fn is_checked(frame: &[u8]) -> bool {
    let (content, check) = frame.split_at(frame.len() - 2);
    check == checksum(content).to_le_bytes()
}

/// What a behaviour must do to the reply of [`READ`]: (what came, the right reply) to whether it is so.
type Check = fn(&[u8], &[u8]) -> bool;

const BOTH: [&str; 2] = ["tcp1", "tty1"];
const TCP: [&str; 1] = ["tcp1"];
const TTY: [&str; 1] = ["tty1"];

#[expect(clippy::too_many_lines, reason = "a list")]
fn cases() -> Vec<(Value, &'static [&'static str], Check)> {
    vec![
        (json!({ "name": "twice" }), &BOTH, |got, right| {
            got == [right, right].concat()
        }),
        (
            json!({ "name": "wrong_transaction" }),
            &TCP,
            |got, right| got[1] == right[1] + 1 && got[2..] == right[2..],
        ),
        (json!({ "name": "wrong_unit" }), &TCP, |got, _| got[6] == 0),
        (
            json!({ "name": "wrong_unit", "unit": 77 }),
            &TTY,
            |got, _| got[0] == 77 && is_checked(got),
        ),
        (json!({ "name": "bad_checksum" }), &TTY, |got, right| {
            !is_checked(got) && got[..right.len() - 2] == right[..right.len() - 2]
        }),
        (json!({ "name": "short_frame" }), &TCP, |got, right| {
            got.len() == right.len() - 1 && got[5] == right[5] - 1
        }),
        (json!({ "name": "short_frame" }), &TTY, |got, right| {
            got.len() == right.len() - 1 && is_checked(got)
        }),
        (
            json!({ "name": "long_frame", "bytes": 2 }),
            &TTY,
            |got, right| got.len() == right.len() + 2 && is_checked(got),
        ),
        (
            json!({ "name": "truncated", "keep": 5 }),
            &BOTH,
            |got, right| got == &right[..5],
        ),
        (
            json!({ "name": "split", "gap_ms": 20 }),
            &BOTH,
            |got, right| got == right,
        ),
        (json!({ "name": "noise" }), &BOTH, |got, right| {
            got == [&[0, 255], right, &[255, 0]].concat()
        }),
        (json!({ "name": "echo" }), &TTY, |got, right| {
            got[..6] == [1, 3, 0, 0, 0, 4] && got[8..] == *right
        }),
        (json!({ "name": "foreign" }), &TCP, |got, _| {
            // Unit 2 stands calm.
            got[6] == 2 && got[8..] == [8, 0, 0, 0, 0, 0, 0, 0, 0]
        }),
        (
            json!({ "name": "foreign", "instead": false }),
            &TTY,
            |got, right| got[0] == 2 && got.ends_with(right) && got.len() == 2 * right.len(),
        ),
        (json!({ "name": "byte_count" }), &TTY, |got, _| {
            got[2] == 10 && is_checked(got)
        }),
        (json!({ "name": "fewer_registers" }), &TTY, |got, right| {
            got[2] == 6 && got.len() == right.len() - 2 && is_checked(got)
        }),
        (json!({ "name": "more_registers" }), &TCP, |got, right| {
            got[8] == 10 && got.len() == right.len() + 2 && got[5] == right[5] + 2
        }),
        (
            json!({ "name": "busy", "busy": 1, "acknowledge": 0 }),
            &TCP,
            |got, _| got[7..] == [0x83, 6],
        ),
        (json!({ "name": "holes" }), &BOTH, |got, _| {
            got.contains(&0x83)
        }),
        (
            json!({ "name": "holes", "addresses": [9] }),
            &BOTH,
            |got, right| got == right,
        ),
        (
            json!({ "name": "exception", "code": 67 }),
            &TCP,
            |got, _| got[7..] == [0x83, 67],
        ),
        (
            json!({ "name": "gateway", "delay_ms": 20 }),
            &TCP,
            |got, _| got[7..] == [0x83, 0x0B],
        ),
        (json!({ "name": "silent" }), &BOTH, |got, _| got.is_empty()),
        (
            json!({ "name": "max_registers", "max": 3 }),
            &BOTH,
            |got, _| got.is_empty(),
        ),
        (
            json!({ "name": "max_registers", "max": 4 }),
            &BOTH,
            |got, right| got == right,
        ),
        (
            json!({ "name": "needs_pause", "ms": 60000 }),
            &BOTH,
            |got, _| got.is_empty(),
        ),
        (
            json!({ "name": "needs_warm_up", "ms": 60000 }),
            &BOTH,
            |got, _| got.is_empty(),
        ),
        (json!({ "name": "shifted" }), &TCP, |got, _| {
            got[9..] == [0, 1, 0, 0, 0, 0, 0, 0]
        }),
        (
            json!({ "name": "reboot", "silent_ms": 0, "blank_ms": 60000, "shows": "ones" }),
            &TCP,
            |got, _| got[9..] == [255; 8],
        ),
        (json!({ "name": "collision" }), &TTY, |got, right| {
            got.len() == right.len() && !is_checked(got)
        }),
        (
            json!({ "name": "collision", "garbled": false }),
            &TTY,
            |got, right| {
                got.starts_with(right)
                    && got.len() == 2 * right.len()
                    && got[..] != [right, right].concat()
            },
        ),
        (
            json!({ "name": "late", "delay_ms": 60 }),
            &BOTH,
            |got, right| got == right,
        ),
        (json!({ "name": "half_open" }), &TCP, |got, _| {
            got.is_empty()
        }),
        (
            json!({ "name": "reset_mid_reply", "keep": 4 }),
            &TCP,
            |got, right| {
                // A reset may overtake what was sent before it.
                right.starts_with(got) && got.len() <= 4
            },
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_behaviour_is_on_the_wire_and_only_of_its_unit() {
    let folder = folder("wire");
    let site = site(&folder).await;
    for (order, lines, check) in cases() {
        for line in lines {
            let mut client = Client::open(&site, line);
            let (right, _) = client.ask(1, &READ);
            assert!(right.len() >= 13, "{line}: {right:?}");
            let place = format!("/units/{line}/1/behaviour");
            let (status, unit) = site.post_json(&place, &order).await;
            assert_eq!(status, 200, "{order} on {line}: {unit}");
            let (got, _) = client.ask(1, &READ);
            assert!(
                check(&got, &right),
                "{order} on {line}: {got:?} for {right:?}"
            );
            if order["name"] != "half_open" && order["name"] != "reset_mid_reply" {
                let (other, _) = client.ask(2, &READ);
                assert_eq!(
                    other.len(),
                    right.len(),
                    "{order} on {line}: the other unit"
                );
            }
            drop(client);
            let applied = &site.get("/units").await.1;
            assert!(
                applied
                    .to_string()
                    .contains(order["name"].as_str().unwrap())
            );
            let mut client = Client::open(&site, line);
            site.delete(&place).await;
            assert_eq!(
                client.ask(1, &READ).0,
                right,
                "{order} on {line}: switched off"
            );
        }
    }
    site.running.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_more_than_one_request() {
    let folder = folder("more");
    let site = site(&folder).await;
    for line in BOTH {
        let place = format!("/units/{line}/1/behaviour");
        let mut client = Client::open(&site, line);
        let (right, _) = client.ask(1, &READ);
        // Overtaken: nothing, then both, in the order in which they were asked for.
        site.post_json(&place, &json!({ "name": "overtaken" }))
            .await;
        assert!(client.ask(1, &READ).0.is_empty());
        let (got, _) = client.ask(1, &[3, 0, 0, 0, 1]);
        assert!(
            got.starts_with(&right) && got.len() > right.len(),
            "{got:?}"
        );
        // Late once, and right again.
        site.post_json(&place, &json!({ "name": "late", "delay_ms": 300 }))
            .await;
        assert!(client.ask(1, &READ).0.is_empty());
        let (got, _) = client.hear(Instant::now());
        assert!(got.len() == right.len() || got.is_empty(), "{got:?}");
        let got = if got.is_empty() {
            client.hear(Instant::now()).0
        } else {
            got
        };
        assert_eq!(got, right, "it comes after all");
        assert_eq!(client.ask(1, &READ).0, right);
        // Pieces with pauses.
        site.post_json(
            &place,
            &json!({ "name": "split", "gap_ms": 40, "times": 1 }),
        )
        .await;
        let (_, moments) = client.ask(1, &READ);
        let whole = *moments.last().unwrap() - moments[0];
        assert!(whole >= Duration::from_millis(70), "{whole:?}");
    }
    site.running.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_answered_wrong_or_not_done() {
    let folder = folder("writes");
    let site = site(&folder).await;
    let place = "/units/io1/9/behaviour";
    let mut client = Client::open(&site, "io1");
    let on = [5, 0, 0, 0xFF, 0];
    site.post_json(place, &json!({ "name": "not_done" })).await;
    let (got, _) = client.ask(9, &on);
    assert_eq!(got[7..], on);
    assert!(!site.running.campus.outputs()[0].coil_on);
    site.delete(place).await;
    site.post_json(place, &json!({ "name": "coil_value" }))
        .await;
    assert_eq!(client.ask(9, &on).0[7..], [5, 0, 0, 1, 0]);
    assert_eq!(client.ask(9, &[5, 0, 0, 1, 0]).0[7..], [5, 0, 0, 1, 0]);
    assert!(site.running.campus.outputs()[0].coil_on);
    site.delete(place).await;
    site.post_json(place, &json!({ "name": "echo_value" }))
        .await;
    assert_eq!(client.ask(9, &on).0[7..], [5, 0, 0, 0x12, 0x34]);
    // Reads are none of its business.
    assert_eq!(client.ask(9, &[1, 0, 0, 0, 8]).0[7..], [1, 1, 1]);
    site.delete(place).await;
    site.post_json(place, &json!({ "name": "watchdog", "ms": 200 }))
        .await;
    common::until("the relays to drop", async || {
        !site.running.campus.outputs()[0].coil_on
    })
    .await;
    site.running.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_pulled_out_comes_back_under_another_name() {
    let folder = folder("unplug");
    let site = site(&folder).await;
    let link = std::path::PathBuf::from(&site.running.addresses.lines["tty1"]);
    let before = std::fs::read_link(&link).unwrap();
    let mut client = Client::open(&site, "tty1");
    let (right, _) = client.ask(1, &READ);
    let order = json!({ "name": "unplug", "ms": 200 });
    site.post_json("/units/tty1/1/behaviour", &order).await;
    common::until("the link to be gone", async || !link.is_symlink()).await;
    assert!(client.ask(1, &READ).0.is_empty());
    common::until("the link to be back", async || link.is_symlink()).await;
    assert_ne!(std::fs::read_link(&link).unwrap(), before);
    assert_eq!(Client::open(&site, "tty1").ask(1, &READ).0, right);
    site.running.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_with_one_client_turns_the_second_away() {
    let folder = folder("one");
    let site = site(&folder).await;
    let order = json!({ "name": "one_client" });
    site.post_json("/units/tcp1/1/behaviour", &order).await;
    let mut first = Client::open(&site, "tcp1");
    let (right, _) = first.ask(1, &READ);
    assert!(Client::open(&site, "tcp1").ask(1, &READ).0.is_empty());
    assert_eq!(first.ask(1, &READ).0, right);
    drop(first);
    common::until("the place to be free", async || {
        Client::open(&site, "tcp1").ask(1, &READ).0 == right
    })
    .await;
    site.running.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_does_what_its_file_says() {
    let folder = folder("scenario");
    let site = site(&folder).await;
    let text = r#"
version = 1
name = { zh = "试", en = "Try" }
[[step]]
at = 0.1
point = "tty1u2-003"
do = "alarm"
[[step]]
at = 0.0
unit = "tcp1/2"
behaviour = { name = "silent" }
[[step]]
at = 0.2
output = "SOUNDER"
do = "stuck"
"#;
    let (status, view) = site.post_text("/scenario", text).await;
    assert_eq!((status, &view["steps"]), (200, &json!(3)));
    common::until("its end", async || {
        site.get("/scenario").await.1["done"] == 3
    })
    .await;
    let state = site.get("/state").await.1;
    let is_on = |list: &str, id: &str, what: &str| {
        let list = state[list].as_array().unwrap();
        list.iter().any(|one| one["id"] == id && one[what] == true)
    };
    assert!(is_on("points", "tty1u2-003", "fire") && is_on("outputs", "SOUNDER", "stuck"));
    let unit = state["units"].as_array().unwrap();
    let unit = unit
        .iter()
        .find(|one| one["line"] == "tcp1" && one["unit"] == 2);
    assert_eq!(unit.unwrap()["behaviours"][0]["name"], "silent");
    // Nothing happens when one step cannot.
    for (wrong, word) in [
        (
            "[[step]]\nat = 1\npoint = \"P9-001\"\ndo = \"alarm\"",
            "P9-001",
        ),
        (
            "[[step]]\nat = 1\nunit = \"tcp1/2\"\nbehaviour = { name = \"unplug\" }",
            "unplug",
        ),
        ("[[step]]\nat = 1\nunit = \"tcp1/2\"", "behaviour"),
        (
            "[[step]]\nat = -1\npanel = \"tcp1u1\"\ndo = \"reset\"",
            "at",
        ),
    ] {
        let text = format!("version = 1\nname = {{ zh = \"错\", en = \"Wrong\" }}\n{wrong}");
        let (status, body) = site.post_text("/scenario", &text).await;
        assert_eq!(status, 422, "{body}");
        assert!(
            body["message"]["en"].as_str().unwrap().contains(word),
            "{body}"
        );
    }
    let shipped = include_str!("../scenarios/late-line.toml");
    fengsui_sim::scenario::Scenario::parse(shipped).unwrap();
    site.running.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_knows_all_twenty_and_refuses_with_words() {
    let folder = folder("api");
    let site = site(&folder).await;
    let all = site.get("/behaviours").await.1;
    let numbers: std::collections::BTreeSet<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=20).collect());
    for (path, order, status) in [
        ("/units/tcp9/1/behaviour", json!({ "name": "late" }), 404),
        ("/units/tcp1/7/behaviour", json!({ "name": "late" }), 404),
        ("/units/tcp1/1/behaviour", json!({ "name": "tardy" }), 422),
        ("/units/tcp1/1/behaviour", json!({ "name": "unplug" }), 422),
        (
            "/units/tcp1/1/behaviour",
            json!({ "name": "late", "delay_ms": "long" }),
            422,
        ),
    ] {
        let (answered, body) = site.post_json(path, &order).await;
        assert_eq!(answered, status, "{path} {order}: {body}");
        assert!(body["message"]["zh"].is_string() && body["message"]["en"].is_string());
    }
    site.running.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}
