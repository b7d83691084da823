//! Simulator and daemon as processes of their own, for bench programs that measure the whole.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::stopwatch;

/// Waits so long, without a clock of its own.
pub(crate) fn pause(duration: Duration) {
    std::thread::park_timeout(duration);
}

/// Simulator and daemon as processes of their own.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    children: Vec<Child>,
    control: String,
    http: String,
    mqtt: String,
    token: String,
    /// From the start of the daemon's process to its first whole poll of every line that answers.
    pub(crate) up_after: Duration,
}

impl Bench {
    /// Both running, the site changed by `change` before, the journal filled by `fill`.
    pub(crate) fn start(change: impl Fn(&Path), fill: impl Fn(&Path, &Path)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let release = Path::new(env!("CARGO_BIN_EXE_fengsui"))
            .parent()
            .expect("a folder");
        let mut simulator = Command::new(release.join("fengsui-sim"));
        simulator.args(["campus", "--layout", "small", "--control", "127.0.0.1:0"]);
        simulator.args(["--panel", "127.0.0.1:0", "--io", "127.0.0.1:0"]);
        let (simulator, field) = announced(simulator);
        let at = |said: &Value, name: &str| said[name].as_str().expect("an address").to_owned();
        let config = config(
            folder.path(),
            &at(&field, "panel"),
            &at(&field, "io"),
            change,
        );
        let data = folder.path().join("data");
        std::fs::create_dir(&data).expect("a folder");
        let fengsui = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_fengsui"));
            command.args(["--log", "error"]).args(arguments);
            command
                .arg("--config")
                .arg(&config)
                .arg("--data")
                .arg(&data);
            command
        };
        std::fs::write(folder.path().join("password"), "bench\n").expect("written");
        let password = folder.path().join("password").display().to_string();
        let add = [
            "user", "add", "operator", "--name", "B", "--role", "operator",
        ];
        let add = [&add[..], &["--password-file", &password]].concat();
        assert!(fengsui(&add).status().expect("it runs").success());
        let token = fengsui(&["device", "add", "post2"])
            .output()
            .expect("it runs")
            .stdout;
        let token = String::from_utf8(token).expect("text").trim().to_owned();
        fill(&config, &data);
        let watch = stopwatch();
        let (daemon, said) = announced(fengsui(&["run"]));
        let mut site = Self {
            folder,
            children: vec![simulator, daemon],
            control: at(&field, "control"),
            http: at(&said, "http"),
            mqtt: at(&said, "mqtt"),
            token,
            up_after: Duration::ZERO,
        };
        site.wait_until_up();
        site.up_after = watch.elapsed();
        site
    }

    fn wait_until_up(&self) {
        for _ in 0..6_000 {
            let status = ureq::get(format!("http://{}/api/v1/status", self.http)).call();
            let text = status.and_then(|mut answer| answer.body_mut().read_to_string());
            let status: Value = serde_json::from_str(&text.unwrap_or_default()).unwrap_or_default();
            if status["links"]["up"] == 2 && status["broker_up"] == true {
                return;
            }
            pause(Duration::from_millis(10));
        }
        panic!("the daemon is not up in 60 s");
    }

    /// Does something at the simulator.
    pub(crate) fn post(&self, path: &str) {
        let answer = ureq::post(format!("http://{}{path}", self.control)).send_empty();
        assert!(answer.is_ok(), "{path}");
    }

    /// Ends both; the folder of the site's files and the journal stay as long as the result of this call.
    pub(crate) fn stop(&mut self) -> (PathBuf, PathBuf) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        let folder = self.folder.path();
        (folder.join("config"), folder.join("data/fengsui.db"))
    }

    /// Lines of `mosquitto_sub` as the post's device.
    pub(crate) fn orders(&mut self) -> Receiver<(Instant, String)> {
        let (host, port) = self.mqtt.split_once(':').expect("host:port");
        let mut client = Command::new("mosquitto_sub");
        client.args(["-h", host, "-p", port, "-V", "5", "-q", "1", "-u", "post2"]);
        client.args([
            "-P",
            &self.token,
            "-i",
            "post2-bench",
            "-t",
            "fengsui/v1/lin/order/post2/#",
        ]);
        let mut presence = Command::new("mosquitto_pub");
        presence.args(["-h", host, "-p", port, "-V", "5", "-q", "1", "-u", "post2"]);
        presence.args(["-P", &self.token, "-i", "post2-presence", "-r"]);
        presence.args(["-t", "fengsui/v1/lin/presence/post2"]);
        presence.args([
            "-m",
            r#"{"v":1,"device":"post2-bench","online":true,"at":0}"#,
        ]);
        assert!(presence.status().expect("it runs").success());
        let lines = self.lines(client);
        pause(Duration::from_millis(500));
        lines
    }

    /// Lines of the stream of documents, as the operator sees it.
    pub(crate) fn entries(&mut self) -> Receiver<(Instant, String)> {
        let base = format!("http://{}/api/v1", self.http);
        let body = r#"{"account":"operator","password":"bench"}"#;
        let answer = ureq::post(format!("{base}/session"))
            .header("Content-Type", "application/json")
            .send(body)
            .expect("signed on");
        let cookie = answer.headers()["set-cookie"]
            .to_str()
            .expect("a cookie")
            .to_owned();
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let answer = ureq::get(format!("{base}/stream?since=0"))
                .header("Cookie", cookie)
                .call();
            let reader = BufReader::new(answer.expect("a stream").into_body().into_reader());
            for line in reader.lines().map_while(Result::ok) {
                if sender.send((stopwatch(), line)).is_err() {
                    return;
                }
            }
        });
        receiver
    }

    fn lines(&mut self, mut command: Command) -> Receiver<(Instant, String)> {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let reader = BufReader::new(child.stdout.take().expect("a pipe"));
        self.children.push(child);
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                if sender.send((stopwatch(), line)).is_err() {
                    return;
                }
            }
        });
        receiver
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts a program and reads the line with which it says where it listens.
pub(crate) fn announced(mut command: Command) -> (Child, Value) {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
    reader.read_line(&mut line).expect("a line");
    (child, serde_json::from_str(&line).expect("its addresses"))
}

/// A copy of the small campus on free ports, changed by `change`.
pub(crate) fn config(folder: &Path, panel: &str, io: &str, change: impl Fn(&Path)) -> PathBuf {
    let (shipped, config) = (
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/campus"),
        folder.join("config"),
    );
    for part in ["", "panels", "plans"] {
        std::fs::create_dir(config.join(part)).expect("a folder");
        for entry in std::fs::read_dir(shipped.join(part)).expect("a folder") {
            let entry = entry.expect("an entry");
            if entry.path().is_file() {
                std::fs::copy(entry.path(), config.join(part).join(entry.file_name()))
                    .expect("copied");
            }
        }
    }
    let edit = |file: &str, change: &dyn Fn(String) -> String| {
        let text = std::fs::read_to_string(config.join(file)).expect("text");
        std::fs::write(config.join(file), change(text)).expect("written");
    };
    edit("fengsui.toml", &|text| {
        let ports = ["127.0.0.1:8080", "127.0.0.1:1883", "127.0.0.1:8083"];
        ports
            .iter()
            .fold(text, |text, port| text.replace(port, "127.0.0.1:0"))
    });
    edit("site.toml", &|text| {
        text.replace("127.0.0.1:15020", panel)
            .replace("127.0.0.1:15021", io)
    });
    change(&config);
    config
}
