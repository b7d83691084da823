//! Sites of nothing but registers: many lines with units of a table of words, each word a detector; the daemon that reads them, and
//! the simulator's fields that count what they are asked.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use serde_json::Value;

use super::site::{announced, config, pause};

/// Units 1 to `units` of each line, each with a table of `words` detectors.
#[derive(Clone, Copy)]
pub(crate) struct Tables {
    pub(crate) units: usize,
    pub(crate) words: usize,
    pub(crate) poll_ms: u32,
}

/// One of the simulator's measured fields.
pub(crate) struct Field {
    child: Child,
    control: String,
    /// What it said of itself when it started.
    pub(crate) said: Value,
}

impl Field {
    /// `fengsui-sim field …` or `fengsui-sim line …`.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(simulator());
        command.args(arguments).env("RUST_LOG", "error");
        let (child, said) = announced(command);
        let control = said["control"].as_str().expect("a control port").to_owned();
        Self {
            child,
            control,
            said,
        }
    }

    /// The addresses of its servers.
    pub(crate) fn servers(&self) -> Vec<String> {
        let servers = self.said["servers"].as_array().expect("servers");
        let text = |server: &Value| server.as_str().expect("an address").to_owned();
        servers.iter().map(text).collect()
    }

    pub(crate) fn reset(&self) {
        let answer = ureq::post(format!("http://{}/reset", self.control)).send_empty();
        assert!(answer.is_ok(), "the field forgets");
    }

    pub(crate) fn report(&self) -> Value {
        let answer = ureq::get(format!("http://{}/report", self.control)).call();
        let text = answer.expect("a report").body_mut().read_to_string();
        serde_json::from_str(&text.expect("text")).expect("a report")
    }

    /// What it counts in so long.
    pub(crate) fn measured(&self, span: Duration) -> Value {
        self.reset();
        pause(span);
        self.report()
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn simulator() -> PathBuf {
    let daemon = Path::new(env!("CARGO_BIN_EXE_fengsui"));
    daemon.parent().expect("a folder").join("fengsui-sim")
}

/// The daemon on such a site.
pub(crate) struct Daemon {
    child: Child,
    /// Where it listens.
    pub(crate) http: String,
    _folder: tempfile::TempDir,
}

impl Daemon {
    /// Starts it on these lines (`address = "…"` or `serial = { … }`) and waits until all are up.
    pub(crate) fn start(lines: &[String], tables: Tables, change: impl Fn(&Path)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // The small campus's own two lines lead nowhere.
        let nowhere = ("127.0.0.1:9", "127.0.0.1:19");
        let config = config(folder.path(), nowhere.0, nowhere.1, |config| {
            add(config, lines, tables);
            change(config);
        });
        let data = folder.path().join("data");
        std::fs::create_dir(&data).expect("a folder");
        let fengsui = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_fengsui"));
            command.args(["--log", "error"]);
            command
        };
        let at = |mut command: Command| {
            command
                .arg("--config")
                .arg(&config)
                .arg("--data")
                .arg(&data);
            command
        };
        std::fs::write(folder.path().join("password"), "bench\n").expect("written");
        let mut add = fengsui();
        add.args([
            "user", "add", "operator", "--name", "B", "--role", "operator",
        ]);
        add.arg("--password-file")
            .arg(folder.path().join("password"));
        assert!(at(add).status().expect("it runs").success());
        let mut run = fengsui();
        run.arg("run");
        let (child, said) = announced(at(run));
        let daemon = Self {
            child,
            http: said["http"].as_str().expect("an address").to_owned(),
            _folder: folder,
        };
        daemon.wait_until_up(lines.len());
        daemon
    }

    fn wait_until_up(&self, lines: usize) {
        for _ in 0..12_000 {
            let status = ureq::get(format!("http://{}/api/v1/status", self.http)).call();
            let text = status.and_then(|mut answer| answer.body_mut().read_to_string());
            let status: Value = serde_json::from_str(&text.unwrap_or_default()).unwrap_or_default();
            if status["links"]["up"].as_u64() == u64::try_from(lines).ok() {
                return;
            }
            pause(Duration::from_millis(10));
        }
        panic!("the lines are not up in 120 s");
    }

    /// Seconds of a core that it has used.
    pub(crate) fn cpu(&self) -> f64 {
        let stat = self.proc("stat");
        let after_name = stat.rsplit_once(')').expect("a name").1;
        let ticks: Vec<u64> = after_name
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|word| word.parse().expect("ticks"))
            .collect();
        // USER_HZ is 100 on Linux.
        ticks.iter().sum::<u64>() as f64 / 100.0
    }

    /// Most memory that it has had, in MB.
    pub(crate) fn most_memory(&self) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
        let kilobytes: f64 = kilobytes.expect("VmHWM").parse().expect("a number");
        kilobytes / 1_024.0
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("it runs")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Adds the lines and their detectors to the small campus.
fn add(config: &Path, lines: &[String], tables: Tables) {
    let profile = format!(
        "version = 1\nsource = \"the simulator's measured field\"\ntier = \"simulated\"\nbase = 0\n\n\
         [limits]\nregisters_max = 125\nbits_max = 2000\ngap_max = 0\n\n\
         [groups.devices]\narea = \"holding\"\nstart = 0\ncount = {}\nlayout = \"word\"\n\
         bits = {{ fire = 0, fault = 1, disabled = 2, test = 3 }}\nscan = \"first\"\n\n\
         [writes.coils]\ncoil = 0\ncount = 200\nrepeat = \"safe\"\nwhen_silent = \"hold\"\n",
        tables.words
    );
    std::fs::write(config.join("panels/bench_words.toml"), profile).expect("written");
    let mut site = std::fs::read_to_string(config.join("site.toml")).expect("text");
    let mut points = std::fs::read_to_string(config.join("points.csv")).expect("text");
    for (line, way) in lines.iter().enumerate() {
        let unit = |unit| format!("{{ unit = {unit}, profile = \"bench_words\" }}");
        let units: Vec<String> = (1..=tables.units).map(unit).collect();
        let _ = write!(
            site,
            "\n[[buses]]\nid = \"line{line}\"\nname = {{ zh = \"线{line}\", en = \"Line {line}\" }}\n{way}\n\
             poll_interval_ms = {}\ntimeout_ms = 1000\nunits = [{}]\n",
            tables.poll_ms,
            units.join(", ")
        );
        for unit in 1..=tables.units {
            for word in 0..tables.words {
                let _ = writeln!(
                    points,
                    "L{line}-{unit}-{word:03},smoke,感烟 {line}-{unit}-{word},Smoke {line}-{unit}-{word},D1,D1-2F,201室,Room 201,D1-2A,,,d1-201,line{line},{unit},devices,{word}"
                );
            }
        }
    }
    std::fs::write(config.join("site.toml"), site).expect("written");
    std::fs::write(config.join("points.csv"), points).expect("written");
}
