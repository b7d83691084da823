//! A user information transmission device over the real daemon (GB/T 26875.3): what it sends becomes an incident, and is confirmed only
//! when it is kept.

use std::time::Duration;

use fengsui_sim::guards::script::Script;
use fengsui_sim::transmitter::{Manners, Part, Spec, Transmitter};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::site::{Person, TestSite, until};

const SOURCE: u64 = 889;
/// The first detector of the device, and the one that points.csv does not have.
const DETECTOR: usize = 0;
const UNLISTED: usize = 2;

/// The small campus with a transmission device at its canteen, and the device itself.
struct Remote {
    site: TestSite,
    device: Transmitter,
    operator: Person,
}

impl Remote {
    async fn start(manners: Manners) -> Self {
        let mut site = TestSite::prepare(20.0).await;
        let spec = wire(&site).await;
        let device = Transmitter::start(spec, manners);
        site.run();
        site.ready().await;
        site.send_guards(&[("post1", reports("")), ("post2", reports("false:cooking"))]);
        let operator = site.sign_on("operator").await;
        operator
            .sees("summary", |summary| summary["posts"]["online"] == 2)
            .await;
        Self {
            site,
            device,
            operator,
        }
    }

    /// Waits until the device has nothing that is not confirmed.
    async fn confirmed(&self) {
        until("confirmed", async || {
            (self.device.counts().waiting == 0).then_some(())
        })
        .await;
    }

    async fn incidents(&self) -> Vec<Value> {
        let documents = self.operator.documents().await.expect("documents");
        let incidents = documents
            .into_iter()
            .filter(|(key, _)| key.starts_with("incident/"));
        incidents.map(|(_, incident)| incident).collect()
    }

    /// The lines of an incident by their keys.
    async fn line(&self, id: &str, key: &str) -> Value {
        let timeline = format!("timeline/{id}");
        let has = |line: &&Value| line["line"]["key"] == key;
        let lines = |timeline: &Value| timeline["lines"].as_array().cloned().unwrap_or_default();
        let timeline = self
            .operator
            .sees(&timeline, |seen| lines(seen).iter().any(|line| has(&line)))
            .await;
        lines(&timeline)
            .into_iter()
            .find(|line| has(&line))
            .expect("the line")
    }
}

/// Adds the port, the profile's unit and its points to the site's files; returns the device for it.
async fn wire(site: &TestSite) -> Spec {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = free.local_addr().expect("an address");
    let bus = format!(
        "[[buses]]\nid = \"devices\"\nname = {{ zh = \"传输装置\", en = \"Transmission devices\" }}\nlisten = \"{address}\"\nunits = [{{ unit = 1, profile = \"gb26875\", source = \"{SOURCE}\", from = \"127.0.0.0/8\" }}]\n\n# The ways on foot."
    );
    site.edit("site.toml", "# The ways on foot.", &bus);
    let row = |id: &str, kind: &str, group: &str, index: &str| {
        format!(
            "{id},{kind},{id},{id},C1,C1-1F,灶台区,Stoves,C1-1K,,,c1-plant,devices,1,{group},{index}\n"
        )
    };
    let rows = [
        row("R-SMOKE", "smoke", "parts", "1/10-2"),
        row("R-HEAT", "heat", "parts", "1/0x00030010"),
        row("R-OTHER", "panel_fire", "other", "0"),
    ];
    let header = "room_en,compartment,x,y,node,bus,unit,group,index\n";
    site.edit("points.csv", header, &format!("{header}{}", rows.concat()));
    let part = |kind, zone, unit, text: &str| Part {
        system: 1,
        kind,
        zone,
        unit,
        text: text.to_owned(),
    };
    Spec {
        source: SOURCE,
        centre: 88_888,
        address,
        heartbeat: Duration::from_millis(500),
        retry_after: Duration::from_secs(2),
        parts: vec![
            part(40, 10, 2, "食堂灶台感烟"),
            part(31, 16, 3, "食堂蒸煮间感温"),
            part(42, 99, 9, "新装感烟"),
        ],
    }
}

fn reports(report: &str) -> Script {
    Script {
        accept_after_s: Some(1.0),
        arrive_after_s: Some(10.0),
        report_after_s: Some(2.0),
        report: report.to_owned(),
        done_after_s: Some(2.0),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_alarm_from_a_transmission_device_to_the_close() {
    let mut remote = Remote::start(Manners::default()).await;
    remote.device.alarm(DETECTOR);
    let incident = remote.operator.sees("incident/", |_| true).await;
    remote.confirmed().await;
    let id = incident["id"].as_str().expect("an id").to_owned();
    let said = remote.line(&id, "line.part_told_fire").await;
    let args = &said["line"]["args"];
    assert_eq!(
        (args["address"].as_str(), args["text"].as_str()),
        (Some("1/10-2"), Some("食堂灶台感烟"))
    );
    assert_eq!(args["part"], "part_type.40");
    let time = args["device_time"].as_str().expect("a time");
    assert!(time.starts_with("20") && time.len() == 19, "{time}");

    remote
        .operator
        .does(&format!("incidents/{id}/take"), json!({}))
        .await;
    let key = format!("incident/{id}");
    remote
        .operator
        .sees(&key, |incident| incident["stage"] == "false_alarm")
        .await;
    // The panel is reset by hand, and the device tells no more than that.
    remote.device.reset(1, 7);
    remote
        .operator
        .sees(&key, |incident| incident["stage"] == "closed")
        .await;
    remote.confirmed().await;
    let counts = remote.device.counts();
    assert_eq!(
        (counts.denied, counts.repeats, counts.connections),
        (0, 0, 1),
        "{counts:?}"
    );
    assert!(counts.heartbeats > 0 && counts.clock_set == 1);
    remote
        .operator
        .sees("recent", |recent| {
            recent.to_string().contains("line.panel_operated")
        })
        .await;
    remote.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_devices_of_the_field_do_otherwise_changes_nothing() {
    let rude = Manners {
        twice: true,
        in_pieces: true,
        noise: true,
        wrong_sum_once: true,
        decimal_digits: true,
        no_normal_bit: true,
        leftover_text: true,
        system_first: true,
        short_heartbeat: true,
        refuses: true,
        clock_off_s: 0,
    };
    let mut remote = Remote::start(rude).await;
    remote.device.alarm(DETECTOR);
    let incident = remote.operator.sees("incident/", |_| true).await;
    remote.confirmed().await;
    let id = incident["id"].as_str().expect("an id").to_owned();
    let said = remote.line(&id, "line.part_told_fire").await;
    assert_eq!(said["line"]["args"]["text"], "食堂灶台感烟");
    let time = said["line"]["args"]["device_time"]
        .as_str()
        .expect("a time")
        .to_owned();
    let year = time
        .get(..4)
        .and_then(|year| year.parse::<i64>().ok())
        .expect("a year");
    assert!((2_020..2_100).contains(&year), "{time}");
    // The connection breaks and its numbers start anew: the same state again is no new alarm.
    remote.device.cut();
    remote.device.alarm(DETECTOR);
    remote.confirmed().await;
    until("connected again", async || {
        (remote.device.counts().connections == 2).then_some(())
    })
    .await;
    let incidents = remote.incidents().await;
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!(incidents[0]["class"], "alarm", "one device is not two");
    remote.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_the_table_does_not_have_opens_an_incident_where_the_panel_hangs() {
    let mut remote = Remote::start(Manners::default()).await;
    remote.device.alarm(UNLISTED);
    let incident = remote.operator.sees("incident/", |_| true).await;
    let id = incident["id"].as_str().expect("an id").to_owned();
    let said = remote.line(&id, "line.part_unlisted_fire").await;
    let args = &said["line"]["args"];
    assert_eq!(
        (args["address"].as_str(), args["text"].as_str()),
        (Some("1/99-9"), Some("新装感烟"))
    );
    // It may be a device that is counted already, so it makes no second one.
    remote.device.alarm(DETECTOR);
    remote
        .operator
        .sees("incident/", |incident| {
            incident.to_string().contains("R-SMOKE")
        })
        .await;
    let incidents = remote.incidents().await;
    assert_eq!(
        (incidents.len(), &incidents[0]["class"]),
        (1, &json!("alarm"))
    );
    remote.site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_the_frame_and_its_confirm_loses_nothing() {
    for place in ["before_commit", "kept_before_confirm"] {
        let mut remote = Remote::start(Manners::default()).await;
        remote.site.crash_at(place, 1);
        remote.device.alarm(DETECTOR);
        until("the daemon's end", async || {
            remote.site.revive().then_some(())
        })
        .await;
        remote.site.ready().await;
        remote.operator = remote.site.sign_on("operator").await;
        remote.operator.sees("incident/", |_| true).await;
        remote.confirmed().await;
        let incidents = remote.incidents().await;
        assert_eq!(incidents.len(), 1, "{place}: {incidents:#?}");
        let counts = remote.device.counts();
        assert!(
            counts.connections >= 2 && counts.confirmed >= 1,
            "{place}: {counts:?}"
        );
        remote.site.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_disk_hangs_a_device_is_confirmed_from_the_spool() {
    let mut site = TestSite::prepare(20.0).await;
    let spec = wire(&site).await;
    let hold = site.data().with_extension("hold");
    std::fs::write(&hold, "").expect("written");
    site.set("FENGSUI_HOLD_FILE", &hold.display().to_string());
    let device = Transmitter::start(spec, Manners::default());
    site.run();
    site.ready().await;
    let operator = site.sign_on("operator").await;
    std::fs::write(&hold, "commit").expect("written");
    device.alarm(DETECTOR);
    operator.sees("incident/", |_| true).await;
    until("confirmed", async || {
        (device.counts().waiting == 0).then_some(())
    })
    .await;
    let summary = operator
        .sees("summary", |summary| summary["degraded"] != "no")
        .await;
    assert_eq!(summary["degraded"], "spool");
    std::fs::write(&hold, "").expect("written");
    operator
        .sees("summary", |summary| summary["degraded"] == "no")
        .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_falls_silent_is_a_fault_and_its_points_are_stale() {
    let mut site = TestSite::prepare(20.0).await;
    let spec = wire(&site).await;
    site.edit(
        "panels/gb26875.toml",
        "silent_after_s = 90",
        "silent_after_s = 10",
    );
    let device = Transmitter::start(spec.clone(), Manners::default());
    site.run();
    site.ready().await;
    let operator = site.sign_on("operator").await;
    operator
        .sees("point/R-HEAT", |point| point["quality"] == "good")
        .await;
    drop(device);
    let fault = |summary: &Value| {
        summary["faults"]
            .to_string()
            .contains("fault.link.not_connected")
    };
    operator.sees("summary", fault).await;
    operator
        .sees("point/R-HEAT", |point| point["quality"] == "stale")
        .await;
    let _device = Transmitter::start(spec, Manners::default());
    operator.sees("summary", |summary| !fault(summary)).await;
    operator
        .sees("point/R-HEAT", |point| point["quality"] == "good")
        .await;
    site.stop().await;
}
