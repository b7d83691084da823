//! Units that answer by a panel map, from outside: a layout file, the control API, a Modbus client, a scenario.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

#[allow(dead_code, reason = "each test program uses its part of it")]
mod common;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::{Site, client, exception, until};
use fengsui_sim::campus::{self, CampusOptions};
use fengsui_sim::layout::Which;
use tokio_modbus::prelude::{ExceptionCode, Reader as _, Writer as _};

const MAP: &str = r#"
version = 1
source = "a test"
tier = "listed"
base = 0
[limits]
registers_max = 8
bits_max = 16
gap_max = 0
[groups.devices]
area = "holding"
start = 0
count = 10
first = 1
layout = "word"
bits = { fire = 0, fault = [1, 2] }
missing = 0xFFFF
scan = "first"
[writes.reset]
register = 100
value = 3
pulse = true
"#;

const LAYOUT: &str = r#"
version = 1
id = "desk"
name = { zh = "桌上", en = "Desk" }
[[line]]
id = "bus"
name = { zh = "总线", en = "Bus" }
at = { tcp = "127.0.0.1:0" }
[[mapped]]
id = "left"
name = { zh = "左", en = "Left" }
line = { on = "bus" }
unit = 4
map = "maps/plain.toml"
[[mapped]]
id = "right"
name = { zh = "右", en = "Right" }
line = { on = "bus" }
unit = 5
map = "maps/plain.toml"
"#;

async fn site() -> (Site, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("maps")).unwrap();
    std::fs::write(folder.path().join("maps/plain.toml"), MAP).unwrap();
    let layout = folder.path().join("desk.toml");
    std::fs::write(&layout, LAYOUT).unwrap();
    let options = CampusOptions {
        layout: Which::File(layout),
        ..CampusOptions::default()
    };
    let running = campus::start(options).await.unwrap();
    (Site { running }, folder)
}

#[tokio::test]
async fn units_of_one_map_have_points_of_their_own() {
    let (site, _folder) = site().await;
    let address = site.running.addresses.lines["bus"].parse().unwrap();
    let (mut left, mut right) = (client(address, 4).await, client(address, 5).await);
    let (status, said) = site.post("/mapped/left/points/devices/3/fire").await;
    assert_eq!((status, &said["ways"]), (200, &1.into()));
    assert_eq!(said["places"][0]["address"], 2);
    let (_, said) = site
        .post("/mapped/right/points/devices/3/fault?way=1")
        .await;
    assert_eq!(said["ways"], 2);
    let read = async |client: &mut common::Context| {
        let words = client.read_holding_registers(2, 1).await;
        words.unwrap().unwrap()[0]
    };
    assert_eq!((read(&mut left).await, read(&mut right).await), (1, 4));
    let (_, points) = site.get("/mapped/left/points?group=devices").await;
    assert_eq!(points.as_array().unwrap().len(), 10);
    assert_eq!(points[2]["shows"], serde_json::json!(["fire"]));
    // All calm again.
    assert_eq!(site.post("/reset-campus").await.0, 200);
    assert_eq!((read(&mut left).await, read(&mut right).await), (0, 0));
}

#[tokio::test]
async fn what_is_not_there_or_cannot_be_said_is_refused_with_words() {
    let (site, _folder) = site().await;
    for (path, status, code) in [
        ("/mapped/middle/points/devices/1/fire", 404, "not_found"),
        ("/mapped/left/points/zones/1/fire", 404, "not_found"),
        ("/mapped/left/points/devices/11/fire", 404, "not_found"),
        ("/mapped/left/points/devices/1/active", 422, "unfit"),
        ("/mapped/left/points/devices/1/smoke", 422, "unfit"),
        ("/mapped/left/points/devices/1/12.5", 422, "unfit"),
        ("/mapped/left/points/devices/1/fault?way=2", 422, "unfit"),
        (
            "/mapped/left/points/devices/1/fire?how=2",
            422,
            "unreadable",
        ),
    ] {
        let (answered, said) = site.post(path).await;
        assert_eq!((answered, &said["code"]), (status, &code.into()), "{path}");
    }
}

#[tokio::test]
async fn the_unit_keeps_to_its_map_and_tells_what_was_written() {
    let (site, _folder) = site().await;
    let address = site.running.addresses.lines["bus"].parse().unwrap();
    let mut left = client(address, 4).await;
    let refused = exception(left.read_holding_registers(0, 9).await);
    assert_eq!(refused, ExceptionCode::IllegalDataValue);
    let refused = exception(left.read_holding_registers(9, 2).await);
    assert_eq!(refused, ExceptionCode::IllegalDataAddress);
    let refused = exception(left.read_coils(0, 1).await);
    assert_eq!(refused, ExceptionCode::IllegalFunction);
    left.write_single_register(100, 3).await.unwrap().unwrap();
    let refused = exception(left.write_single_register(100, 4).await);
    assert_eq!(refused, ExceptionCode::IllegalDataValue);
    let (_, said) = site.get("/writes").await;
    assert_eq!(said["writes"][0]["output"], "reset");
    assert_eq!(said["writes"][0]["answer"], "taken");
    assert_eq!(said["writes"][1]["answer"]["exception"], 3);
}

#[tokio::test]
async fn a_scenario_sets_points_and_misbehaves_as_with_any_unit() {
    let (site, _folder) = site().await;
    let scenario = |point: &str| {
        format!(
            "version = 1\nname = {{ zh = \"试\", en = \"Try\" }}\n\
             [[step]]\nat = 0.0\nmapped = \"{point}\"\ndo = \"fire\"\n\
             [[step]]\nat = 0.0\nunit = \"bus/5\"\nbehaviour = {{ name = \"silent\" }}\n"
        )
    };
    assert_eq!(
        site.post_text("/scenario", &scenario("left/devices/11"))
            .await
            .0,
        422
    );
    assert_eq!(
        site.post_text("/scenario", &scenario("left/devices/1"))
            .await
            .0,
        200
    );
    until("the scenario", async || {
        let (_, running) = site.get("/scenario").await;
        running["done"] == 2
    })
    .await;
    let address = site.running.addresses.lines["bus"].parse().unwrap();
    let mut left = client(address, 4).await;
    let words = left.read_holding_registers(0, 1).await;
    assert_eq!(words.unwrap().unwrap(), [1]);
    assert_eq!(site.running.campus.units()[1].behaviours.len(), 1);
}

/// Ends the process whatever becomes of the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(map: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fengsui-sim"));
    command.args(["panel", "--units", "4,5", "--listen", "127.0.0.1:0"]);
    command.args(["--control", "127.0.0.1:0", "--profile"]);
    command.arg(map);
    command
}

#[tokio::test]
async fn the_command_plays_a_map_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let map = folder.path().join("plain.toml");
    std::fs::write(&map, MAP).unwrap();
    let child = command(&map).stdout(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let mut line = String::new();
    let stdout = running.0.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let said: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = said["lines"]["panel"].as_str().unwrap().parse().unwrap();
    let mut second = client(address, 5).await;
    let words = second.read_holding_registers(0, 8).await;
    assert_eq!(words.unwrap().unwrap(), [0; 8]);
}

#[test]
fn a_file_that_is_no_map_ends_the_command_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let map = folder.path().join("printer.toml");
    std::fs::write(&map, "protocol = \"printer\"").unwrap();
    let ended = command(&map).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success());
    assert!(
        said.contains("printer.toml: the protocol is printer"),
        "{said}"
    );
}
