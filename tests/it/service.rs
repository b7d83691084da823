//! The daemon as a service: what it tells the service manager, its log, its end, and the unit that is shipped.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fengsui_sim::guards::script::Script;
use serde_json::json;
use tokio::time::Instant;

use super::site::{TestSite, until};

/// A service manager that listens.
struct Manager {
    socket: UnixDatagram,
    folder: tempfile::TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        Self { socket, folder }
    }

    /// Starts a site under this manager, with a watchdog of a second.
    async fn start(&self, site: &mut TestSite) {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        site.set("NOTIFY_SOCKET", &path("notify"));
        site.set("WATCHDOG_USEC", "1000000");
        site.set("FENGSUI_HOLD_FILE", &path("hold"));
        site.run();
        site.ready().await;
    }

    /// The next message; nothing when none comes in time.
    fn hear(&self, within: Duration) -> Option<String> {
        let mut bytes = [0; 4_096];
        self.socket.set_read_timeout(Some(within)).expect("a bound");
        let length = self.socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
    }

    /// Hears until a message has `what`; all that came before it.
    fn hear_until(&self, what: &str) -> Vec<String> {
        let ends = Instant::now() + Duration::from_secs(20);
        let mut heard = Vec::new();
        loop {
            let left = ends.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "never heard {what}: {heard:?}");
            if let Some(message) = self.hear(left.max(Duration::from_millis(1))) {
                heard.push(message);
                if heard.last().is_some_and(|last| last.contains(what)) {
                    return heard;
                }
            }
        }
    }

    fn hold(&self, what: &str) {
        std::fs::write(self.folder.path().join("hold"), what).expect("written");
    }

    /// The watchdog is fed no more, though the process runs, and it is said who is silent.
    fn starves(&self, who: &str) {
        let heard = self.hear_until("no signs of life");
        let last = heard.last().expect("a message");
        assert!(last.contains(who), "{last}");
        // Four times the time between two feedings.
        let quiet = Instant::now() + Duration::from_millis(1_400);
        while let Some(message) = self.hear(
            quiet
                .saturating_duration_since(Instant::now())
                .max(Duration::from_millis(1)),
        ) {
            assert!(!message.contains("WATCHDOG=1"), "fed while {who} is held");
            if Instant::now() >= quiet {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_hears_of_readiness_life_and_the_end() {
    let manager = Manager::new();
    let mut site = TestSite::prepare(20.0).await;
    manager.start(&mut site).await;
    manager.hear_until("READY=1");
    let heard = manager.hear_until("lines 2 of 2, broker up, open incidents 0");
    assert!(!heard.concat().contains("no signs"), "{heard:?}");
    for _ in 0..3 {
        manager.hear_until("WATCHDOG=1");
    }
    site.field("/points/P1-003/alarm").await;
    manager.hear_until("open incidents 1");
    let child = site.process();
    rustix::process::kill_process(child, rustix::process::Signal::TERM).expect("told");
    manager.hear_until("STOPPING=1");
    site.ended_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_engine_is_fed_no_more_until_it_goes_on() {
    let manager = Manager::new();
    let mut site = TestSite::prepare(20.0).await;
    manager.start(&mut site).await;
    manager.hear_until("WATCHDOG=1");
    manager.hold("engine");
    manager.starves("engine");
    manager.hold("");
    manager.hear_until("WATCHDOG=1");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_bus_is_fed_no_more_until_it_goes_on() {
    let manager = Manager::new();
    let mut site = TestSite::prepare(20.0).await;
    // A bus may be silent for longer than the engine: this is the slowest test of the file.
    manager.start(&mut site).await;
    manager.hear_until("WATCHDOG=1");
    manager.hold("bus");
    manager.starves("bus ");
    manager.hold("");
    manager.hear_until("WATCHDOG=1");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_a_stop_takes_less_than_5_s_and_loses_nothing() {
    let mut site = TestSite::start(20.0).await;
    let quick = Script {
        accept_after_s: Some(0.5),
        ..Script::default()
    };
    site.send_guards(&[
        ("post1", quick.clone()),
        ("post2", quick.clone()),
        ("post3", quick),
    ]);
    let operator = site.sign_on("operator").await;
    operator
        .sees("summary", |summary| summary["posts"]["online"] == 3)
        .await;
    for point in 1..=20 {
        site.field(&format!("/points/P1-{point:03}/alarm")).await;
    }
    operator.sees("order/", |_| true).await;
    let incidents = operator.documents().await.expect("documents");
    let incidents: Vec<String> = incidents
        .keys()
        .filter(|key| key.starts_with("incident/"))
        .cloned()
        .collect();
    let told = Instant::now();
    site.stop().await;
    let took = told.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    println!("stopped under load in {took:?}");
    let (code, printed) = site.tool(&["verify"]);
    assert_eq!(code, 0, "{printed}");
    site.run();
    site.ready().await;
    let again = operator.documents().await.expect("documents");
    for incident in incidents {
        assert!(again.contains_key(&incident), "{incident} is lost");
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_an_incident_by_its_id_and_no_secret() {
    let mut site = TestSite::prepare(20.0).await;
    site.log_everything();
    site.run();
    site.ready().await;
    let token = site.token("post2");
    site.send_guards(&[("post2", Script::default())]);
    let operator = site.sign_on("operator").await;
    let wrong = reqwest::Client::new()
        .post(format!("{}/api/v1/session", site.http))
        .json(&json!({ "account": "operator", "password": "a-wrong-PASSWORD-7" }))
        .send()
        .await
        .expect("an answer");
    assert_eq!(wrong.status(), 401);
    site.field("/points/P1-003/alarm").await;
    let incident = operator.sees("incident/", |_| true).await;
    let id = incident["id"].as_str().expect("an id");
    operator
        .does(&format!("incidents/{id}/take"), json!({}))
        .await;
    let taken = format!("incident.id={id}");
    until("the log", async || {
        let log = site.log();
        let lines = log.lines().filter(|line| line.contains(&taken));
        (lines.count() >= 3).then_some(())
    })
    .await;
    site.stop().await;
    let log = site.log();
    for secret in [&token, "a-wrong-PASSWORD-7", &operator.csrf()] {
        assert!(!log.contains(secret), "a secret is in the log");
    }
    // The accounts' password is an ordinary word; it must not stand behind its own name.
    assert!(!log.contains("\"secret\""), "a password is in the log");
    for name in ["张伟", "王强"] {
        let line = log.lines().find(|line| line.contains(name));
        let loud = line.filter(|line| !line.contains("DEBUG") && !line.contains("TRACE"));
        assert_eq!(loud, None, "a name above debug");
    }
}

/// The unit as it is shipped, with the binary of this build.
fn unit(folder: &Path) -> std::path::PathBuf {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/fengsui.service");
    let text = std::fs::read_to_string(shipped).expect("the unit");
    let text = text.replace("/usr/bin/fengsui", env!("CARGO_BIN_EXE_fengsui"));
    let path = folder.join("fengsui.service");
    std::fs::write(&path, text).expect("written");
    path
}

#[test]
fn the_unit_is_clean_and_its_exposure_is_small() {
    let folder = tempfile::tempdir().expect("a folder");
    let unit = unit(folder.path());
    let analyze = |arguments: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        let output = command.args(arguments).arg(&unit).output();
        let output = output.expect("systemd-analyze is installed by scripts/tools");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.success(),
            text(&output.stdout) + &text(&output.stderr),
        )
    };
    let (clean, said) = analyze(&["verify", "--man=no"]);
    let about_us = said.lines().find(|line| line.contains("fengsui.service"));
    assert!(clean && about_us.is_none(), "{said}");
    // 2.0 in tenths: a change that opens the sandbox is seen here.
    let (small, said) = analyze(&["security", "--offline=true", "--threshold=20"]);
    let exposure = said.lines().find(|line| line.contains("exposure level"));
    println!("{}", exposure.unwrap_or("no exposure"));
    assert!(small, "{said}");
}
