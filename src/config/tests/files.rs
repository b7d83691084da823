//! Whole files that are missing, garbled or a risk, and what only several files together can get wrong.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::domain::ids::{BusId, PointId};
use crate::domain::line::Line;
use crate::domain::point::PointKind;

#[test]
fn a_missing_file_is_one_error() {
    for file in FILES {
        let site = Site::new();
        fs::remove_file(site.path(file)).unwrap();
        let messages = site.messages();
        let lines = site
            .reports()
            .iter()
            .all(|report| !report.advice().is_empty());
        assert!(messages.len() == 1 && lines, "{file}: {messages:?}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_one_error() {
    let reports = load(Path::new("/nonexistent")).unwrap_err();
    assert_eq!(reports.len(), 1);
    assert!(reports[0].advice().contains("--config"));
}

#[test]
fn a_file_in_another_encoding_is_one_error() {
    let site = Site::new();
    let (head, tail) = (
        b"id,kind\nP1-001,\xb8\xd0\xd1\xcc".as_slice(),
        b"\n".as_slice(),
    );
    site.write("points.csv", [head, tail].concat());
    let reports = site.reports();
    assert_eq!(
        site.messages(),
        ["points.csv: `points.csv` is not UTF-8 text"]
    );
    assert_eq!(reports[0].position(), Some((2, 8)));
}

#[test]
fn a_table_may_have_a_mark_comments_and_quotes() {
    let site = Site::new();
    let before = site.load().unwrap().site;
    let text = site
        .text("points.csv")
        .replacen("P1-001", "# a comment, with commas\n\nP1-001", 1);
    let text = text.replace('\n', "\r\n");
    site.write("points.csv", format!("\u{feff}{text}"));
    let loaded = site
        .load()
        .unwrap_or_else(|r| panic!("{}", render(&r, false)));
    assert_eq!(loaded.site, before);
    site.edit("points.csv", "P1-001,smoke", "P1-001,smok");
    assert_eq!(site.reports()[0].position(), Some((4, 8)));
    site.edit("points.csv", "kind,", "sort,");
    assert_eq!(
        site.messages(),
        [
            "points.csv: columns are missing: kind",
            "points.csv: unknown column `sort`"
        ]
    );
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let site = Site::new();
    let text = site.text("fengsui.toml");
    let (head, _) = text.split_at(text.find("\n[mqtt.embedded]").unwrap());
    let external = "[mqtt.external]\naddress = \"10.20.0.5:1883\"\nuser = \"fengsui\"\npassword_file = \"secret\"\nwebsocket_port = 8083\n";
    site.write("fengsui.toml", format!("{head}\n{external}"));
    assert!(site.messages()[0].contains("cannot be read"));
    site.write("secret", "hush");
    fs::set_permissions(site.path("secret"), fs::Permissions::from_mode(0o640)).unwrap();
    let reports = site.reports();
    assert!(reports[0].advice().starts_with("chmod 600 "));
    assert!(!render(&reports, false).contains("hush"));
    fs::set_permissions(site.path("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    site.load().unwrap();
}

#[test]
fn a_site_may_have_no_broker_and_knows_it() {
    let site = Site::new();
    assert!(site.load().unwrap().site.has_broker);
    let text = site.text("fengsui.toml");
    let (head, _) = text.split_once("\n[mqtt.embedded]").unwrap();
    site.write("fengsui.toml", head);
    assert!(!site.load().unwrap().site.has_broker);
    site.write("fengsui.toml", format!("{head}\n[mqtt]\n"));
    assert_eq!(site.messages(), ["fengsui.toml: there must be one broker"]);
}

#[test]
fn sessions_never_cross_a_network_unencrypted() {
    let site = Site::new();
    site.edit("fengsui.toml", "127.0.0.1:8080", "0.0.0.0:8080");
    assert_eq!(
        site.messages(),
        ["fengsui.toml: sessions would cross the network unencrypted"]
    );
}

#[test]
fn a_point_outside_of_its_plan_or_without_a_way_is_found() {
    let site = Site::new();
    let text = site.text("points.csv");
    let row = text
        .lines()
        .find(|line| line.starts_with("P1-001"))
        .unwrap();
    let mut fields: Vec<&str> = row.split(',').collect();
    fields[9] = "99999";
    fields[10] = "1";
    site.edit("points.csv", row, &fields.join(","));
    site.edit(
        "site.toml",
        "from = \"c1-kitchen\", to = \"c1-store\",",
        "from = \"c1-kitchen\", to = \"c1-store\", closed = true,",
    );
    assert_eq!(
        site.messages(),
        [
            "points.csv: x, y = 99999, 1 is outside of the floor's plan",
            "points.csv: no post can walk to `c1-store`, where 1 point(s) are looked at",
        ]
    );
}

#[test]
fn an_output_has_one_master() {
    let site = Site::new();
    site.edit("linkage.toml", "master = \"fengsui\"", "master = \"panel\"");
    let text = site.text("linkage.toml");
    let (before, panel) = text.split_at(text.find("id = \"P1-AUTO\"").unwrap());
    let panel = panel.replace("arming = \"assist\"", "arming = \"auto\"");
    site.write("linkage.toml", format!("{before}{panel}"));
    assert_eq!(
        site.messages(),
        [
            "linkage.toml: two masters: the panel runs this output, and a rule of Fengsui would write it as well",
            "linkage.toml: no rule may give a command to the panel itself",
        ]
    );
}

#[test]
fn a_feeder_that_powers_fengsui_is_never_armed() {
    let site = Site::new();
    site.edit(
        "site.toml",
        "powered_by = []",
        "powered_by = [\"D1-FEEDER\", \"D1-LIFT\"]",
    );
    assert_eq!(
        site.messages(),
        [
            "linkage.toml: `D1-FEEDER` powers Fengsui, its network or its I/O (`powered_by` in site.toml)"
        ]
    );
}

#[test]
fn the_demo_writes_to_this_machine_only() {
    let site = Site::new();
    site.edit("site.toml", "127.0.0.1:15020", "[::1]:15020");
    site.load().unwrap();
    site.edit("site.toml", "[::1]:15020", "10.1.2.3:502");
    let messages = site.messages();
    let first =
        "linkage.toml: the demo site may not write to `10.1.2.3:502`, which is no simulation";
    assert_eq!(
        messages,
        [first],
        "four outputs, listed once with the lines"
    );
    site.edit("site.toml", "demo = true", "demo = false");
    site.load().unwrap();
}

#[test]
fn the_demo_writes_to_pseudo_terminals_only() {
    let site = Site::new();
    let port = |path: &str| format!("serial = {{ path = {path:?}, baud = 9600 }}");
    let link = site.path("port").display().to_string();
    site.edit("site.toml", "address = \"127.0.0.1:15020\"", &port(&link));
    // What is not there yet is judged when it is opened.
    let loaded = site.load().unwrap();
    let Line::Serial(serial) = &loaded.site.buses[&BusId::from("panel1")].line else {
        panic!("a serial line")
    };
    assert!(serial.pty_only && serial.stop_bits == 1 && !serial.echo);
    std::os::unix::fs::symlink("/dev/pts/ptmx", site.path("port")).unwrap();
    site.load().unwrap();
    site.edit("site.toml", &port(&link), &port("/dev/null"));
    let first = "linkage.toml: the demo site may not write to `/dev/null`, which is no simulation";
    assert_eq!(site.messages(), [first]);
    site.edit("site.toml", "demo = true", "demo = false");
    site.load().unwrap();
}

#[test]
fn a_bus_has_exactly_one_line() {
    let site = Site::new();
    let address = "address = \"127.0.0.1:15020\"";
    site.edit("site.toml", address, &format!("{address}\nrtu_{address}"));
    let two = ["site.toml: the bus has two lines"];
    assert_eq!(site.messages(), two);
    assert!(site.picture().contains("first here"));
    site.edit("site.toml", &format!("{address}\n"), "");
    site.load().unwrap();
    site.edit("site.toml", &format!("rtu_{address}"), "");
    assert_eq!(site.messages(), ["site.toml: the bus goes nowhere"]);
}

#[test]
fn the_figures_of_a_serial_line_are_judged() {
    let site = Site::new();
    let port = "serial = { path = \"ttyS1\", baud = 9601, parity = \"even\", stop_bits = 3 }";
    site.edit("site.toml", "address = \"127.0.0.1:15020\"", port);
    site.edit("site.toml", "{ unit = 1, ", "{ unit = 0, gap_ms = 501, ");
    let messages = site.messages();
    let of_site: Vec<&str> = messages
        .iter()
        .filter_map(|message| message.strip_prefix("site.toml: "))
        .collect();
    let expected = [
        "`ttyS1` is not the path of a port",
        "9601 is no speed of a serial line",
        "`stop_bits` is 3, out of its limits",
        "`unit` is 0, out of its limits",
        "`gap_ms` is 501, out of its limits",
    ];
    assert_eq!(of_site, expected);
}

#[test]
fn addresses_are_read_in_the_maker_s_notation() {
    let site = Site::new();
    let panel = "panels/simulated_panel.toml";
    site.edit(panel, "base = 0", "base = \"reference\"")
        .edit(panel, "start = 0", "start = 40001")
        .edit(panel, "start = 200", "start = 400201");
    let text = site
        .text(panel)
        .replace("register = 300", "register = 40301");
    site.write(panel, text);
    let loaded = site
        .load()
        .unwrap_or_else(|r| panic!("{}", render(&r, false)));
    let shipped = load(Path::new(SMALL)).unwrap().profiles;
    assert_eq!(
        loaded.profiles["simulated_panel"],
        shipped["simulated_panel"]
    );
    site.edit(panel, "start = 40001", "start = 30001");
    assert_eq!(
        site.messages(),
        [format!("{panel}: 30001 is not a reference of this table")]
    );
}

#[test]
fn a_relay_that_lets_go_holds_no_output() {
    let site = Site::new();
    let hold = "when_silent = \"hold\"";
    site.edit(
        "panels/dry_contact_io.toml",
        hold,
        "when_silent = \"release\"",
    );
    // All four outputs of the row, told as one error with its lines: silence must do nothing that no verb does.
    let message = "linkage.toml: `relays_low` lets go by itself when Fengsui falls silent";
    assert_eq!(site.messages(), [message]);
    site.edit(
        "panels/dry_contact_io.toml",
        "when_silent = \"release\"",
        "",
    );
    let message = "panels/dry_contact_io.toml: `relays_low` does not say what its outputs do when Fengsui falls silent";
    assert_eq!(site.messages(), [message]);
}

/// The shipped site with a gas detector on a controller of its own, whose valve and fan are in the plan.
const GAS_GROUP: &str = "[groups.gas]\narea = \"holding\"\nstart = 100\ncount = 4\nlayout = \"word\"\nbits = { low = 0, high = 1, fault = 2 }\nscan = \"first\"\n\n[groups.status]";
const GAS_ROW: &str =
    "P1-G01,gas,燃气 1,Gas 1,C1,C1-1F,厨房,Kitchen,C1-1K,,,c1-kitchen,panel1,1,gas,0\nP1-001,smoke";
const FAN: &str = "[[outputs]]\nid = \"C1-FAN\"\nkind = \"exhaust_fan\"\nname = { zh = \"事故排风\", en = \"Exhaust\" }\nbuilding = \"C1\"\nbus = \"io1\"\nunit = 1\nwrite = \"relays_high\"\nindex = 9\nby_hand = \"chief-eng\"\nexplosion_proof = true\ngas_detectors = [\"P1-G01\"]\n\n[[outputs]]\nid = \"D1-SOUNDER\"";

fn with_gas() -> Site {
    let site = Site::new();
    site.edit("panels/simulated_panel.toml", "[groups.status]", GAS_GROUP)
        .edit("points.csv", "P1-001,smoke", GAS_ROW)
        .edit("linkage.toml", "[[outputs]]\nid = \"D1-SOUNDER\"", FAN)
        .edit(
            "linkage.toml",
            "kind = \"gas_close\"",
            "kind = \"gas_close\"\ngas_detectors = [\"P1-G01\"]",
        );
    site
}

#[test]
fn a_gas_detector_starts_its_valve_and_its_fan() {
    let loaded = with_gas()
        .load()
        .unwrap_or_else(|r| panic!("{}", render(&r, false)));
    for output in ["C1-FAN", "GAS-VALVE"] {
        let detectors = &loaded.site.outputs[output].gas_detectors;
        assert_eq!(detectors, &[PointId::from("P1-G01")], "{output}");
    }
    assert_eq!(loaded.site.points["P1-G01"].kind, PointKind::Gas);
}

#[test]
fn what_gas_may_start_is_proven() {
    for (from, to, message) in [
        (
            "gas_detectors = [\"P1-G01\"]\n\n",
            "gas_detectors = [\"P1-001\"]\n\n",
            "`P1-001` is not a gas detector",
        ),
        (
            "gas_detectors = [\"P1-G01\"]\n\n",
            "gas_detectors = [\"P1-G09\"]\n\n",
            "there is no point `P1-G09`",
        ),
        (
            "gas_detectors = [\"P1-G01\"]\n\n",
            "\n",
            "no gas detector starts `C1-FAN`",
        ),
        (
            "explosion_proof = true\n",
            "",
            "nothing says that `C1-FAN` is explosion-proof",
        ),
        (
            "explosion_proof = true\n",
            "explosion_proof = false\n",
            "`C1-FAN` could light the gas that it should carry away",
        ),
        (
            "kind = \"sounder\"",
            "kind = \"sounder\"\ngas_detectors = [\"P1-G01\"]",
            "a gas leak never switches `D1-SOUNDER`",
        ),
        (
            "kind = \"sounder\"",
            "kind = \"sounder\"\nexplosion_proof = true",
            "`explosion_proof` belongs to kind \"exhaust_fan\"",
        ),
        (
            "kind = \"sounder\"",
            "kind = \"sounder\"\ndeferred = true",
            "`D1-SOUNDER` may not wait for a person",
        ),
        (
            "kind = \"feeder_trip\"",
            "kind = \"feeder_trip\"\ndeferred = true",
            "`D1-FEEDER` is deferred, and a rule would cut it",
        ),
    ] {
        let site = with_gas();
        site.edit("linkage.toml", from, to);
        assert_eq!(site.messages(), [format!("linkage.toml: {message}")]);
    }
}

#[test]
fn a_gas_detector_on_a_bare_contact_is_refused() {
    let site = with_gas();
    site.edit("points.csv", "panel1,1,gas,0", "io1,1,inputs,12");
    let first = &site.messages()[0];
    assert_eq!(
        first,
        "points.csv: group `inputs` shows no fault: a gas detector with a broken wire would read as no gas"
    );
    let site = with_gas();
    site.edit("points.csv", "panel1,1,gas,0", "panel1,1,devices,40");
    assert!(site.messages()[0].contains("group `devices` has no `high` bit"));
}
