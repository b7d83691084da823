//! The whole shipped campus, read by the daemon and played by the simulator: two independent readings of what hangs where.

use std::collections::BTreeMap;
use std::path::Path;

use fengsui::config;
use fengsui::domain::point::Address;
use fengsui_sim::campus::{self, CampusOptions};
use fengsui_sim::layout::Which;
use serde_json::Value;

use super::site::TestSite;

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_campus_is_read_and_no_point_is_unknown() {
    let mut site = TestSite::start_whole(20.0).await;
    let operator = site.sign_on("operator").await;
    let documents = operator.documents().await.expect("documents");
    let points: BTreeMap<_, _> = documents
        .iter()
        .filter_map(|(key, point)| Some((key.strip_prefix("point/")?, point)))
        .collect();
    assert!(points.len() >= 300, "{} points", points.len());
    for (id, point) in &points {
        assert_eq!(point["quality"], "good", "{id}: {point}");
    }
    // Over RS-485.
    site.field("/points/P3-058/alarm").await;
    let incident = operator
        .sees("incident/", |incident| incident["building"] == "D3")
        .await;
    assert_eq!(incident["first"]["point"], "P3-058");
    let is_for = |order: &Value| order["recipient"] == "post2" && order["kind"] == "verify";
    operator.sees("order/", is_for).await;
    // A leak is no fire, and has an incident of its own.
    site.field("/points/G1-001/gas?level=high").await;
    operator
        .sees("incident/", |incident| incident["kind"] == "gas")
        .await;
    site.stop().await;
}

#[tokio::test]
async fn configuration_and_simulator_agree_on_every_device_and_output() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let Ok(configured) = config::load(&folder) else {
        panic!("the shipped configuration is wrong: see fengsui check");
    };
    let options = CampusOptions {
        layout: Which::Lin,
        ..CampusOptions::default()
    };
    let running = campus::start(options).await.expect("the campus starts");
    let played = running.campus.points();
    let played: BTreeMap<_, _> = played.iter().map(|one| (one.id.as_str(), one)).collect();
    let site = configured.site;
    let devices = site.points.values();
    let devices: Vec<_> = devices.filter(|point| point.group == "devices").collect();
    for point in &devices {
        let device = played.get(point.id.as_str());
        let device = device.unwrap_or_else(|| panic!("nobody plays {}", point.id));
        assert_eq!(device.panel, point.bus.as_str(), "{}", point.id);
        let number = Address::Index(device.number - 1);
        assert_eq!(number, point.address, "{}", point.id);
        assert_eq!(device.room.zh, point.room.zh, "{}", point.id);
        let kind = serde_json::to_value(point.kind).expect("a word");
        assert_eq!(kind, device.kind, "{}", point.id);
    }
    for output in running.campus.outputs() {
        let configured = site.outputs.values();
        let known = configured.clone().find(|one| one.id.as_str() == output.id);
        let known = known.unwrap_or_else(|| panic!("nobody knows {}", output.id));
        assert_eq!(known.bus.as_str(), output.io, "{}", output.id);
        let feedback = known.feedback.as_ref().expect("a feedback");
        let feedback = &site.points[&feedback.point];
        assert_eq!(feedback.bus.as_str(), output.io, "{}", output.id);
        assert_eq!(
            feedback.address,
            Address::Index(output.coil),
            "{}",
            output.id
        );
    }
    assert!(devices.len() >= 300, "{} devices", devices.len());
    running.stop().await;
}
