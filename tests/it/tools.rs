//! The tools of whoever commissions a site, beside a running daemon: probe, trace, points, check.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::site::{TestSite, until};

/// What tshark says of a capture: one line for each packet, the fields with tabs between.
fn tshark(capture: &Path, options: &[&str], fields: &[&str]) -> Vec<Vec<String>> {
    let mut command = Command::new("tshark");
    command
        .arg("-r")
        .arg(capture)
        .args(options)
        .args(["-T", "fields"]);
    command.args(fields.iter().flat_map(|field| ["-e", field]));
    let output = command
        .output()
        .expect("tshark is missing: run scripts/tools");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |line: &str| line.split('\t').map(str::to_owned).collect();
    text.lines().map(line).collect()
}

/// How often a line of the field was read well.
fn polls(site: &TestSite, bus: &str) -> usize {
    let (code, printed) = site.tool(&["trace", "--bus", bus]);
    assert_eq!(code, 0, "{printed}");
    printed.matches(" < right").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_probed_through_the_daemon_while_its_polling_goes_on() {
    let mut site = TestSite::start(20.0).await;
    let before = polls(&site, "panel1");
    let read = [
        "probe", "--bus", "panel1", "read", "--unit", "1", "--area", "holding", "--start", "200",
        "--count", "1",
    ];
    let (code, printed) = site.tool(&read);
    assert_eq!(code, 0, "{printed}");
    assert!(
        printed.starts_with("panel1, through the running daemon"),
        "{printed}"
    );
    assert!(printed.contains("  200  0x"), "{printed}");
    // The panel refuses what it does not have, and the daemon believes no less of its points for it.
    let (_, printed) = site.tool(&[
        "probe", "--bus", "panel1", "read", "--unit", "1", "--start", "9000",
    ]);
    assert!(
        printed.contains("exception 02: illegal address"),
        "{printed}"
    );
    let (_, printed) = site.tool(&["probe", "--bus", "panel1", "scan", "--units", "1-2"]);
    assert!(printed.contains("unit 1: holding 0x0000"), "{printed}");
    assert!(printed.contains("1 of 2 units answered"), "{printed}");
    until("polling", async || {
        (polls(&site, "panel1") > before + 3).then_some(())
    })
    .await;
    site.status_until("links", |status| {
        status["links"]["up"] == status["links"]["total"]
    })
    .await;
    // What a device shows is read as the daemon reads it.
    site.field("/points/P1-005/alarm").await;
    let decode = [
        "probe", "--bus", "panel1", "decode", "--unit", "1", "--alarms",
    ];
    let fire = until("fire", async || {
        let (code, printed) = site.tool(&decode);
        assert_eq!(code, 0, "{printed}");
        printed
            .lines()
            .find(|line| line.contains(" fire "))
            .map(str::to_owned)
    })
    .await;
    assert!(
        fire.starts_with("P1-005") && fire.contains("0x0001"),
        "{fire}"
    );
    let (code, printed) = site.tool(&["probe", "--bus", "panel9", "scan"]);
    assert_eq!(code, 64);
    assert!(
        printed.contains("there is no bus panel9; there is"),
        "{printed}"
    );
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_the_daemon_has_is_opened_by_nobody_else() {
    let mut site = TestSite::start(20.0).await;
    let address = site.campus.addresses.panel.expect("a panel").to_string();
    let direct = [
        "probe", "--tcp", &address, "read", "--unit", "1", "--start", "200",
    ];
    let (code, printed) = site.tool(&direct);
    assert_eq!(code, 64, "{printed}");
    assert!(printed.contains("use --bus panel1"), "{printed}");
    site.stop().await;
    let (code, printed) = site.tool(&direct);
    assert_eq!(code, 0, "{printed}");
    assert!(
        printed.contains("opened here") && printed.contains("  200  0x"),
        "{printed}"
    );
    let bus = [
        "probe",
        "--bus",
        "panel1",
        "decode",
        "--unit",
        "1",
        "--profile",
        "simulated_panel",
    ];
    let (code, printed) = site.tool(&bus);
    assert_eq!(code, 0, "{printed}");
    assert!(
        printed.contains("devices/0") && printed.contains("status/3"),
        "{printed}"
    );
    let (code, printed) = site.tool(&["trace", "--bus", "panel1"]);
    assert_eq!(code, 69, "{printed}");
    assert!(printed.contains("no daemon runs here"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wireshark_reads_the_frames_of_modbus_tcp() {
    let mut site = TestSite::start(20.0).await;
    let file = site.data().join("trace.pcap");
    let path = file.display().to_string();
    let fields = [
        "mbtcp.trans_id",
        "modbus.func_code",
        "tcp.dstport",
        "mbtcp.unit_id",
    ];
    let sums = [
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "tcp.check_checksum:TRUE",
    ];
    let packets = until("frames", async || {
        let (code, printed) = site.tool(&["trace", "--bus", "panel1", "--pcap", &path]);
        assert_eq!(code, 0, "{printed}");
        let packets = tshark(&file, &sums, &fields);
        (packets.len() > 5).then_some(packets)
    })
    .await;
    let asked = packets.iter().filter(|packet| packet[2] == "502").count();
    assert!(packets.len() >= 2 * asked - 1, "{packets:?}");
    assert!(
        packets
            .iter()
            .all(|packet| packet[1] == "3" && packet[3] == "1"),
        "{packets:?}"
    );
    // A question and its answer have one number.
    assert_eq!(packets[0][0], packets[1][0], "{packets:?}");
    let wrong = "ip.checksum.status == 0 || tcp.checksum.status == 0 || _ws.malformed || tcp.analysis.flags";
    let wrong = tshark(
        &file,
        &[&sums[..], &["-Y", wrong]].concat(),
        &["frame.number"],
    );
    assert!(wrong.is_empty(), "{wrong:?}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wireshark_reads_the_frames_of_a_serial_line() {
    let mut site = TestSite::start_whole(20.0).await;
    let file = site.data().join("trace.pcap");
    let path = file.display().to_string();
    let options = [
        "-d",
        "udp.port==5020,mbrtu",
        "-o",
        "mbrtu.crc_verification:TRUE",
    ];
    let fields = ["mbrtu.unit_id", "modbus.func_code"];
    let packets = until("frames", async || {
        let (code, printed) = site.tool(&["trace", "--bus", "panel3", "--pcap", &path]);
        assert_eq!(code, 0, "{printed}");
        let packets = tshark(&file, &options, &fields);
        (packets.len() > 4).then_some(packets)
    })
    .await;
    let known = ["1", "2", "3", "4"];
    assert!(
        packets
            .iter()
            .all(|packet| known.contains(&packet[1].as_str())),
        "{packets:?}"
    );
    let wrong = "mbrtu.crc16.status == 0 || _ws.malformed";
    let wrong = tshark(
        &file,
        &[&options[..], &["-Y", wrong]].concat(),
        &["frame.number"],
    );
    assert!(wrong.is_empty(), "{wrong:?}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_trace_says_the_same_again() {
    let mut site = TestSite::start(20.0).await;
    site.field("/points/P1-005/alarm").await;
    let file = site.data().join("trace.jsonl");
    let path = file.display().to_string();
    until("fire", async || {
        let (code, printed) = site.tool(&["trace", "--bus", "panel1", "--json", &path]);
        assert_eq!(code, 0, "{printed}");
        let (code, printed) = site.tool(&["trace", "--replay", &path]);
        assert_eq!(code, 0, "{printed}");
        assert!(printed.contains(" 0 decoded otherwise"), "{printed}");
        printed.contains("P1-005: fire").then_some(())
    })
    .await;
    // A byte that was not there then is another verdict.
    let text = std::fs::read_to_string(&file).expect("a trace");
    let (head, tail) = text.split_at(text.rfind("\"right\"").expect("a reply"));
    let tail = tail.replacen("\"hex\":\"00", "\"hex\":\"ff", 1);
    std::fs::write(&file, format!("{head}{tail}")).expect("written");
    let (code, printed) = site.tool(&["trace", "--replay", &path]);
    assert_eq!(code, 1, "{printed}");
    assert!(
        printed.contains("transaction, DIFFERENT: it was right"),
        "{printed}"
    );
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_points_wait_for_a_restart() {
    let mut site = TestSite::start(20.0).await;
    let points = site.config().join("points.csv");
    let before = std::fs::read_to_string(&points).expect("points");
    let table = site.secret(&before.replace("感烟 1-001", "走道感烟 1-001"));
    let import = |dry: &[&str]| {
        let config = site.config().display().to_string();
        let arguments = ["points", "import", &table, "--config", &config];
        site.bare(&[&arguments[..], dry].concat())
    };
    let (code, printed) = import(&["--dry-run"]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("changed: 1 (P1-001)"), "{printed}");
    assert_eq!(std::fs::read_to_string(&points).expect("points"), before);
    let (code, printed) = import(&[]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("restart it"), "{printed}");
    let operator = site.sign_on("operator").await;
    let name = |point: &serde_json::Value| point["name"]["zh"].clone();
    let point = operator.sees("point/P1-001", |_| true).await;
    assert_eq!(name(&point), json!("感烟 1-001"));
    site.stop().await;
    site.run();
    site.ready().await;
    let operator = site.sign_on("operator").await;
    let point = operator.sees("point/P1-001", |_| true).await;
    assert_eq!(name(&point), json!("走道感烟 1-001"));
    site.stop().await;
}
