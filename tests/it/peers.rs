//! The daemon against a panel and an I/O module of another make: pymodbus, in a script that shares nothing with the simulator.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use fengsui_sim::guards::script::Script;
use serde_json::{Value, json};

use super::fire::OUTPUTS;
use super::site::{Person, TestSite, until};

/// Where `scripts/tools` puts it: beside the folder of the program under test.
fn python() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_fengsui"));
    let target = program.parent().and_then(Path::parent).expect("a folder");
    let python = target.join("peers/venv/bin/python");
    assert!(
        python.exists(),
        "pymodbus is missing: run scripts/tools, which installs it to {}",
        target.join("peers").display()
    );
    python
}

/// The script at work.
struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    panel: u64,
    io: u64,
}

impl Peer {
    fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/peers/panel.py");
        let mut child = Command::new(python())
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut peer = Self {
            child,
            input,
            output,
            panel: 0,
            io: 0,
        };
        let ports = peer.hear();
        let port = |name: &str| ports[name].as_u64().expect("a port");
        (peer.panel, peer.io) = (port("panel"), port("io"));
        peer
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).expect("JSON")
    }

    /// Does something there and hears how all stands.
    fn tell(&mut self, what: &str) -> Value {
        writeln!(self.input, "{what}").expect("told");
        self.hear()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends by itself with its input, too; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The small campus with the peer for its panel and its module, and a guard who finds `report`.
async fn site(peer: &Peer, report: &str) -> (TestSite, Person) {
    let mut site = TestSite::prepare(20.0).await;
    let lines = &site.campus.addresses.lines;
    let (panel, io) = (&lines["panel1"], &lines["io1"]);
    for (ours, theirs) in [(panel, peer.panel), (io, peer.io)] {
        let theirs = format!("127.0.0.1:{theirs}");
        site.edit("site.toml", ours, &theirs);
    }
    site.run();
    site.ready().await;
    let script = Script {
        accept_after_s: Some(1.0),
        arrive_after_s: Some(4.0),
        report_after_s: Some(2.0),
        report: report.to_owned(),
        done_after_s: Some(2.0),
    };
    site.send_guards(&[("post2", script)]);
    let operator = site.sign_on("operator").await;
    operator
        .sees("summary", |summary| summary["posts"]["online"] == 1)
        .await;
    (site, operator)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_alarm_on_pymodbus_from_the_register_to_the_close() {
    let mut peer = Peer::start();
    let (mut site, operator) = site(&peer, "false:cooking").await;
    peer.tell("smoke 4");
    let summary = operator
        .sees("summary", |summary| !summary["first_alarm"].is_null())
        .await;
    assert_eq!(summary["first_alarm"]["point"], "P1-005");
    let id = summary["first_alarm"]["incident"].as_str().expect("an id");
    operator
        .does(&format!("incidents/{id}/take"), json!({}))
        .await;
    operator.does("site/mute", json!({})).await;
    operator
        .sees("point/P1-SILENCED", |point| point["active"] == true)
        .await;
    let key = format!("incident/{id}");
    operator
        .sees(&key, |incident| incident["stage"] == "false_alarm")
        .await;
    // The panel latches: the smoke is gone and the alarm stands until it is reset.
    let state = peer.tell("clear 4");
    assert_eq!(state["latched"], json!([4]));
    for verb in ["stop_sounders", "reset"] {
        operator
            .does(&format!("incidents/{id}/{verb}"), json!({}))
            .await;
    }
    operator
        .sees(&key, |incident| incident["stage"] == "closed")
        .await;
    let state = peer.tell("state");
    assert_eq!(state["latched"], json!([]));
    assert_eq!(
        state["commands"],
        json!([1, 2, 3]),
        "消音 停止警报 复位, once each"
    );
    assert_eq!(state["strokes"], json!([]));
    assert_eq!(
        state["coils"],
        json!(vec![false; 16]),
        "a false alarm moves nothing"
    );
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_fire_moves_every_output_on_pymodbus_once() {
    let mut peer = Peer::start();
    let (mut site, operator) = site(&peer, "").await;
    peer.tell("smoke 9");
    let incident = operator.sees("incident/", |_| true).await;
    let id = incident["id"].as_str().expect("an id");
    operator
        .does(&format!("incidents/{id}/confirm_fire"), json!({}))
        .await;
    let is_done = |incident: &Value| {
        let rows = incident["linkage"].as_array();
        let rows = rows.map_or(&[][..], Vec::as_slice);
        rows.iter().filter(|row| row["state"] == "done").count() == OUTPUTS.len()
    };
    operator.sees(&format!("incident/{id}"), is_done).await;
    // Sounders, doors, lift, gas valve, the pump's stroke, and the two feeders; nothing of the canteen.
    let state = until("coils", async || {
        let state = peer.tell("state");
        let on = |n: usize| state["coils"][n] == true;
        [0, 1, 2, 3, 5, 6].into_iter().all(on).then_some(state)
    })
    .await;
    assert_eq!(state["strokes"], json!([4]), "one write is one stroke");
    let others = (7..16).all(|n| state["coils"][n] == false);
    assert!(others && state["coils"][4] == false, "{state}");
    site.stop().await;
}
