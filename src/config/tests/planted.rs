//! Errors planted side by side: exactly these are found, each in its place.

use super::*;

/// One error a line: file, what is replaced, by what, where the caret must stand, the message. `⏎` is a line break.
const SITE: &str = r#"
fengsui.toml | secure_cookies = false | secure_cookies = "no" | "no" | wrong kind of value: string "no", expected true or false
fengsui.toml | listen = "127.0.0.1:1883" | listen = "localhost" | "localhost" | `localhost` is not an address to listen on
site.toml | level = 2 | level = 2⏎levl = 3 | levl | unknown key `levl`
site.toml | plan = "d1-2f.svg" | plan = "d1-3f.svg" | "d1-3f.svg" | there is no plan `d1-3f.svg`
site.toml | related = [] | related = ["C1-9"] | "C1-9" | there is no zone `C1-9`
site.toml | node = "south-gate" | | "post1" | post `post1` stands nowhere
site.toml | ["duty-lead", "director"] | [] | []⏎# Outputs | nobody takes command at a confirmed fire
site.toml | keys = ["D1"] | keys = ["D2"] | "D2" | there is no building `D2`
site.toml | id = "cordon" | id = "cordn" | "cordn" | `cordn` is not a word that can stand here
site.toml | leader = "warden" | leader = "wardn" | "wardn" | there is no recipient `wardn`
site.toml | id = "rescue" | id = "equipment" | "equipment"⏎leader = "chief-eng" | group `equipment` stands twice
site.toml | deputies = ["post1"] | deputies = ["post2"] | "post2"]⏎⏎[[groups]]⏎id = "cord | `post2` stands twice in group `extinguish`
site.toml | to = "dorm-yard", metres = 45 | to = "dorm-yrd", metres = 45 | "dorm-yrd" | there is no node `dorm-yrd`
site.toml | address = "127.0.0.1:15021" | address = "127.0.0.1" | "127.0.0.1"⏎ | `127.0.0.1` is not host:port
site.toml | poll_interval_ms = 100 | poll_interval_ms = 5 | 5⏎timeout_ms | `poll_interval_ms` is 5, out of its limits
site.toml | timeout_ms = 500 | timeout_ms = 60001 | 60001 | `timeout_ms` is 60001, out of its limits
site.toml | timeout_ms = 500⏎ | timeout_ms = 500⏎pause_after_connect_ms = 5001⏎ | 5001⏎ | `pause_after_connect_ms` is 5001, out of its limits
site.toml | "simulated_panel" } | "simulated_panel", retries = 3 } | 3 }]⏎⏎[[buses]] | `retries` is 3, out of its limits
site.toml | "dry_contact_io" } | "dry_contact_io", timeout_ms = 5 } | 5 }]⏎⏎# The ways | `timeout_ms` is 5, out of its limits
site.toml | id = "post3" | id = "post2" | "post2"⏎kind = "post"⏎name = "岗3 | recipient `post2` stands twice
linkage.toml | by_hand = "chief-eng" | by_hand = "chief_engineer" | "chief_engineer" | there is no recipient `chief_engineer`
"#;
const POINTS: &str = r#"
points.csv | P1-001,smoke | P1-001,smok | smok, | there is no kind `smok`
points.csv | ,d1-202, | ,d1-2002, | d1-2002 | there is no node `d1-2002`
points.csv | 203室,Room 203,D1-2A | 203室,Room 203,D1-2C | D1-2C | there is no compartment `D1-2C`
points.csv | devices,3⏎ | devices,120⏎ | 120⏎ | index 120 is outside of the group
points.csv | devices,4⏎ | devices,5⏎ | 5⏎P1-007 | `P1-005` and `P1-006` are read from the same place
points.csv | Room 207,D1-2A | Room 207,C1-1D | C1-1D | compartment `C1-1D` is on floor `C1-1F`, not on `D1-2F`
points.csv | P1-009, | P1-008, | P1-008,smoke,感烟 1-009 | point `P1-008` stands twice
points.csv | 210室, | , | ,Room 210 | `room_zh` is empty
points.csv | panel1,1,devices,10⏎ | panel2,1,devices,10⏎ | panel2 | there is no bus `panel2`
points.csv | panel1,1,devices,11⏎ | panel1,2,devices,11⏎ | 2,devices,11 | bus `panel1` has no unit 2
points.csv | devices,12⏎ | silence,12⏎ | silence, | profile `simulated_panel` has no group `silence`
points.csv | devices,13⏎ | devices,x13⏎ | x13 | `x13` is not a whole number
points.csv | devices,14⏎ | devices,14,⏎ | P1-015 | this row has 17 fields and the header 16
points.csv | P1-016,smoke | P1-016,feedback | devices,15 | group `devices` has no `active` bit, so this point could never show it
"#;
const OUTPUTS: &str = r#"
linkage.toml | kind = "gas_close" | kind = "gas_open" | "gas_open" | `gas_open` is not a word that can stand here
linkage.toml | "D1-SOUNDER-FB", active = true, window_seconds = 10 | "D1-SOUNDER-FB", active = true, window_seconds = 0 | 0 } | `window_seconds` is 0, out of its limits
linkage.toml | point = "D1-DOORS-OPEN" | point = "D1-DOORS-OPNE" | "D1-DOORS-OPNE" | there is no point `D1-DOORS-OPNE`
linkage.toml | write = "stroke"⏎ | write = "stroke"⏎waits_for = "D1-LIFT"⏎ | "D1-LIFT"⏎feedback | `HYDRANT-PUMP` may not wait for another output
linkage.toml | waits_for = "D1-LIFT"⏎by_hand | waits_for = "D1-DOORS"⏎by_hand | "D1-DOORS"⏎by_hand | `D1-DOORS` is not an elevator_recall
linkage.toml | point = "C1-SOUNDER-FB" | point = "P1-025" | "P1-025" | `P1-025` cannot prove that `C1-SOUNDER` has acted
linkage.toml | index = 4⏎ | index = 3⏎ | 3⏎feedback = { point = "C1-FEEDER-OFF" | `C1-DOORS` and `C1-FEEDER` write the same coil or command
linkage.toml | write = "stop_sounders" | write = "devices" | "devices" | profile `simulated_panel` has no write `devices`
linkage.toml | feedback = { point = "P1-SILENCED", active = true, window_seconds = 10 }⏎ | | "P1-SILENCE" | nothing proves that `P1-SILENCE` has acted
linkage.toml | write = "reset"⏎ | write = "reset"⏎index = 1⏎ | 1⏎arming | `index` is 1, out of its limits
linkage.toml | id = "D1-LIFT-FEEDER" | id = "D1 电梯" | "D1 电梯" | `D1 电梯` cannot be an id
"#;
const PROFILES: &str = r#"
panels/simulated_panel.toml | start = 200⏎count = 4⏎ | start = 65535⏎count = 40⏎ | 40⏎layout | the group ends 3 addresses after its start, beyond the last one
panels/simulated_panel.toml | test = 3 | test = 2 | 2 }⏎ | two conditions share bit 2
panels/simulated_panel.toml | registers_max = 125 | registers_max = 126 | 126 | `registers_max` is 126, out of its limits
panels/simulated_panel.toml | value = 4⏎pulse = true | value = 4⏎pulse = true⏎repeat = "safe" | "safe" | a pulse can never be repeated safely: a second one is a second stroke
panels/simulated_panel.toml | value = 3⏎ | value = 2⏎ | stop_sounders] | `stop_sounders` describes a coil or command that is described already
panels/dry_contact_io.toml | [groups.inputs] | [quirks]⏎coil_on = 0⏎⏎[groups.inputs] | 0⏎⏎[groups.inputs] | `coil_on` is 0, out of its limits
panels/dry_contact_io.toml | base = 0 | base = 2 | 2⏎ | `base` says how the addresses of this file are counted
"#;
const LIMITS: &str = r#"
procedures.toml | accept_seconds = 30 | accept_seconds = 10 | 10⏎ | `accept_seconds` is shorter than `receive_seconds`, which comes first
procedures.toml | mute_seconds = 180 | mute_seconds = 0 | 0⏎# The 119 | `mute_seconds` is 0, out of its limits
procedures.toml | take_seconds = 30 | take_seconds = 30⏎take_minutes = 1 | take_minutes | unknown key `take_minutes`
"#;

/// Plants every line of a table and expects exactly its errors.
fn expect(table: &str) {
    let plants: Vec<Vec<String>> = table
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| line.split('|').map(cell).collect())
        .collect();
    let site = Site::new();
    for plant in &plants {
        site.edit(&plant[0], &plant[1], &plant[2]);
    }
    let mut expected: Vec<String> = plants
        .iter()
        .map(|plant| {
            let (line, column) = position(&site.text(&plant[0]), &plant[3]);
            format!("{}:{line}:{column} {}", plant[0], plant[4])
        })
        .collect();
    let reports = site.reports();
    let mut found: Vec<String> = reports.iter().map(told).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "{}", render(&reports, false));
}

fn cell(text: &str) -> String {
    text.trim().replace('⏎', "\n")
}

fn told(report: &Report) -> String {
    assert!(!report.advice().is_empty(), "{report} says what to do");
    let (line, column) = report.position().unwrap();
    format!("{}:{line}:{column} {}", report.file(), report.message())
}

#[test]
fn errors_of_site_and_daemon_are_found_together() {
    expect(SITE);
}

#[test]
fn errors_of_points_are_found_together() {
    expect(POINTS);
}

#[test]
fn errors_of_outputs_are_found_together() {
    expect(OUTPUTS);
}

#[test]
fn errors_of_profiles_cause_no_others() {
    expect(PROFILES);
}

#[test]
fn errors_of_limits_are_found_together() {
    expect(LIMITS);
}

#[test]
fn errors_of_all_files_are_found_together() {
    expect(&[SITE, POINTS, LIMITS].concat());
}
