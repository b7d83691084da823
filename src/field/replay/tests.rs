//! The traces that are kept get the verdicts and values of the day on which they were made.

use std::path::Path;

use super::*;
use crate::config;

/// What a kept trace of a shipped site says today.
fn replayed(site: &str, trace: &str) -> Vec<Exchange> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Ok(configuration) = config::load(&root.join(site)) else {
        panic!("{site} is valid");
    };
    let path = root.join("tests/vectors/traces").join(trace);
    let text = std::fs::read_to_string(path).expect("a trace");
    let mut lines = text.lines();
    let head: serde_json::Value =
        serde_json::from_str(lines.next().expect("a head")).expect("JSON");
    let bus = head["bus"].as_str().expect("a bus").into();
    let frames: Vec<Frame> = lines
        .map(|line| serde_json::from_str(line).expect("a frame"))
        .collect();
    replay(&configuration.site, &configuration.profiles, &bus, &frames).expect("it fits the site")
}

/// All values in the order in which they became new, without those that are normal from the start.
fn values(exchanges: &[Exchange]) -> Vec<(&str, &str)> {
    let values = exchanges.iter().flat_map(|exchange| &exchange.values);
    let words = values.map(|(point, value)| (point.as_str(), value.as_str()));
    words.filter(|(_, value)| *value != "normal").collect()
}

#[test]
fn a_trace_of_modbus_tcp_says_what_it_said() {
    let exchanges = replayed("tests/campus", "simulated_panel_tcp.jsonl");
    let different: Vec<_> = exchanges
        .iter()
        .filter(|exchange| exchange.is_different())
        .collect();
    assert!(different.is_empty(), "{different:#?}");
    assert_eq!(exchanges.len(), 12);
    assert_eq!(exchanges[0].asked, "unit 1 FC 03 0+42");
    assert_eq!(
        values(&exchanges),
        [
            ("P1-KEY", "active"),
            ("P1-MAINS", "active"),
            ("P1-005", "fire"),
            ("P1-005", "fault fire"),
            ("P1-008", "not_present"),
            ("P1-SOUNDERS", "active"),
        ]
    );
    assert!(
        exchanges[3].values.is_empty(),
        "nothing is new in the second reading"
    );
}

#[test]
fn a_trace_of_a_serial_line_says_what_it_said() {
    let exchanges = replayed("config", "simulated_panel_rtu.jsonl");
    let different: Vec<_> = exchanges
        .iter()
        .filter(|exchange| exchange.is_different())
        .collect();
    assert!(different.is_empty(), "{different:#?}");
    let words: Vec<&str> = exchanges
        .iter()
        .map(|exchange| exchange.verdict.as_str())
        .collect();
    let expected = [
        "right",
        "right",
        "right",
        "checksum",
        "unit",
        "own_echo",
        "truncated",
        "timeout",
        "refused",
        "right",
    ];
    assert_eq!(words, expected);
    assert_eq!(
        values(&exchanges),
        [
            ("P3-KEY", "active"),
            ("P3-MAINS", "active"),
            ("P3-002", "fire"),
            ("P3-003", "disabled"),
        ]
    );
}

#[test]
fn a_trace_of_another_site_is_refused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Ok(configuration) = config::load(&root.join("tests/campus")) else {
        panic!("it is valid");
    };
    let bus = BusId::from("panel9");
    let (site, profiles) = (&configuration.site, &configuration.profiles);
    assert_eq!(
        replay(site, profiles, &bus, &[]),
        Err(NotReplayed::Bus(bus))
    );
}
