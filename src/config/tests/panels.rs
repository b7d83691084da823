//! Profiles of every shape: what they become, and what is wrong with them where it stands.

use super::*;
use crate::domain::layout::Layout;
use crate::domain::point::Milli;
use crate::domain::profile::{Profile, UnitProfile};

const HEAD: &str = "version = 1\nsource = \"a test\"\ntier = \"listed\"\nbase = 0\n\n[limits]\nregisters_max = 60\nbits_max = 100\ngap_max = 0\n\n";

/// A profile with this text below its head.
fn with(text: &str) -> Site {
    let site = Site::new();
    site.write("panels/extra.toml", format!("{HEAD}{text}"));
    site
}

fn profile(text: &str) -> Profile {
    let loaded = with(text).load();
    let mut loaded = loaded.unwrap_or_else(|r| panic!("{}", render(&r, false)));
    match loaded.profiles.remove("extra") {
        Some(UnitProfile::Registers(profile)) => profile,
        _ => panic!("a map of registers"),
    }
}

/// One wrong group a line: its keys, where the caret must stand, the message.
const GROUPS: &str = r#"
layout = "word"⏎count = 4 | "word" | layout "word" does not say which bit means what
layout = "word"⏎count = 4⏎bits = { fire = 16 } | 16 } | `fire` is 16, out of its limits
layout = "word"⏎count = 4⏎bits = { fire = [0, 1], fault = 1 } | 1 }⏎scan | two conditions share bit 1
layout = "word"⏎count = 4⏎bits = {} | {} | `bits` names no bit
layout = "word"⏎count = 4⏎bits = { fire = "a" } | "a" | expected a whole number or a list of them
layout = "word"⏎count = 4⏎bits = { fire = 0 }⏎inverted = true | true⏎ | `inverted` says nothing in layout "word"
layout = "word"⏎count = 4⏎bits = { fire = 0 }⏎missing = 70000 | 70000 | `missing` is 70000, out of its limits
layout = "word"⏎count = 4⏎bits = { fire = 0 }⏎missing = { mask = 1, value = 2 } | { mask = 1 | `value` has bits outside of its `mask`, so it would never be met
layout = "word"⏎count = 4⏎codes = { mask = 5, fire = 1 } | 5, | the bits of a code stand side by side
layout = "word"⏎count = 4⏎codes = { mask = 0xFF, when = 3, fire = 1 } | 0xFF, | bit 3 is part of the code and has a meaning of its own
layout = "word"⏎count = 4⏎bits = { fault = 7 }⏎codes = { mask = 0xFF, fire = 1 } | 0xFF, | bit 7 is part of the code and has a meaning of its own
layout = "word"⏎count = 4⏎codes = { mask = 0xF0, fire = 16 } | 16 } | `fire` is 16, out of its limits
layout = "word"⏎count = 4⏎codes = { mask = 0xF0, normal = [0, 1], fire = 1 } | 1 }⏎scan | code 1 is normal and `fire` at once
layout = "word"⏎count = 4⏎codes = { mask = 0xF0 } | { mask | `codes` names no code
layout = "word"⏎count = 4⏎stride = 0⏎bits = { fire = 0 } | 0⏎bits = | `stride` is 0, out of its limits
layout = "word"⏎count = 4⏎order = "CDAB"⏎bits = { fire = 0 } | "CDAB" | the value has 2 bytes, and `order` names 4
layout = "word"⏎bits = { fire = 0 } | bad]⏎ | `bad` does not say how many points it has
layout = "word"⏎count = 4⏎clear_after = 0⏎bits = { fire = 0 } | 0⏎bits = | `clear_after` is 0, out of its limits
layout = "word"⏎bits = { fire = 0 }⏎loops = { count = 2, stride = 4, first = 1, last = 5, letter = "D" } | { count = 2 | a loop takes 5 addresses, and the next begins after 4
layout = "word"⏎bits = { fire = 0 }⏎loops = { count = 2, stride = 9, first = 5, last = 4, letter = "D" } | 4, letter | `last` is before `first`
layout = "word"⏎bits = { fire = 0 }⏎loops = { count = 2, stride = 9, first = 1, last = 4, letter = "d" } | "d" | `d` is no capital letter
layout = "word"⏎bits = { fire = 0 }⏎count = 3⏎loops = { count = 2, stride = 9, first = 1, last = 4, letter = "D" } | 3⏎loops | `count` and `loops` say two things
layout = "word"⏎bits = { fire = 0 }⏎loops = { count = 100, stride = 700, first = 1, last = 4, letter = "D" } | { count = 100 | the group ends 69304 addresses after its start, beyond the last one
layout = "packed"⏎count = 4⏎codes = { fire = 1 } | "packed" | layout "packed" does not say how many bits a point has
layout = "packed"⏎count = 4⏎width = 3⏎packing = "most_first"⏎codes = { fire = 1 } | 3⏎packing | `width` is 3
layout = "packed"⏎count = 4⏎width = 2⏎codes = { fire = 1 } | "packed" | layout "packed" does not say from which end the points come
layout = "packed"⏎count = 4⏎width = 2⏎packing = "most_first"⏎codes = { fire = 4 } | 4 }⏎ | `fire` is 4, out of its limits
layout = "bit"⏎count = 4⏎bits = { fire = 0 } | { fire | `bits` says nothing in layout "bit"
layout = "number"⏎count = 4 | "number" | layout "number" does not say how it is written
"#;

/// The same for `number`.
const NUMBERS: &str = r#"
type = "int16", unit = "m", plausible = [2, 1] | [2, 1] | nothing would be plausible
type = "int16", unit = "m", plausible = [0, 1], scale = 0.0 | 0.0 | `scale` is 0
type = "int16", unit = "m", plausible = [0, 1], scale = 0.0000001 | 0.0000001 | `scale` is 0.0000001
type = "int16", unit = "m", plausible = [0.0001, 1] | [0.0001 | `plausible` is 0.0001
type = "int16", unit = "m", plausible = [0, 1], order = "ABCD" | "ABCD" | the value has 2 bytes, and `order` names 4
type = "int24", unit = "m", plausible = [0, 1] | "int24" | `int24` is not a word that can stand here
type = "int16", unit = "m", plausible = [0, 1], limits = { active = { below = 2 } } | 2 } } | the limit lies outside of what is `plausible`, so it would never be met
type = "int16", unit = "m", plausible = [0, 1], limits = { active = {} } | {} } | the limit `active` says neither above nor below
type = "int16", unit = "m", plausible = [0, 9], limits = { low = { above = 5 }, high = { above = 5 } } | { low | `low` is not below `high`
type = "int16", unit = "m", plausible = [0, 9], hysteresis = -1 | -1 | `hysteresis` is below 0
type = "int16", unit = "a unit of many words", plausible = [0, 9] | "a unit | a unit of measurement has at most 12 signs
type = "int16", unit = "m", plausible = [0, 9], decimals = 200 | 100⏎layout | a point takes 101 elements, more than one request may ask for
"#;

fn expect(table: &str, group: impl Fn(&str) -> String) {
    for line in table.lines().filter(|line| !line.is_empty()) {
        let cells: Vec<String> = line
            .split(" | ")
            .map(|cell| cell.trim().replace('⏎', "\n"))
            .collect();
        let site = with(&group(&cells[0]));
        let reports = site.reports();
        let picture = render(&reports, false);
        assert_eq!(reports.len(), 1, "{line}\n{picture}");
        let (line_at, column) = position(&site.text("panels/extra.toml"), &cells[1]);
        assert_eq!(reports[0].position(), Some((line_at, column)), "{picture}");
        assert_eq!(reports[0].message(), cells[2], "{picture}");
        assert!(!reports[0].advice().is_empty(), "{picture}");
    }
}

#[test]
fn a_wrong_group_is_one_error_at_its_place() {
    expect(GROUPS, |keys| {
        format!("[groups.bad]\narea = \"holding\"\nstart = 100\n{keys}\nscan = \"first\"\n")
    });
}

#[test]
fn a_wrong_number_is_one_error_at_its_place() {
    expect(NUMBERS, |keys| {
        format!(
            "[groups.bad]\narea = \"holding\"\nstart = 100\nlayout = \"number\"\ncount = 1\nscan = \"rest\"\nnumber = {{ {keys} }}\n"
        )
    });
}

#[test]
fn a_value_must_fit_in_one_frame() {
    let text = "[groups.g]\narea = \"input\"\nstart = 0\ncount = 1\nlayout = \"number\"\nscan = \"rest\"\nnumber = { type = \"int16\", unit = \"m\", plausible = [0, 9], decimals = 5 }\n";
    profile(text);
    let site = with(text);
    site.edit(
        "panels/extra.toml",
        "gap_max = 0",
        "gap_max = 0\nframe_bytes_max = 19",
    );
    assert_eq!(
        site.messages(),
        ["panels/extra.toml: a point takes 6 elements, more than one request may ask for"]
    );
}

#[test]
fn an_older_tier_says_what_became_of_it() {
    for (old, advice) in [
        ("verified", "\"bench\""),
        ("partial", "\"listed\""),
        ("experimental", "note = "),
        ("simulate", "did you mean `simulated`?"),
    ] {
        let site = with("");
        site.edit("panels/extra.toml", "\"listed\"", &format!("\"{old}\""));
        let reports = site.reports();
        assert_eq!(reports[0].message(), format!("`{old}` is not a tier"));
        assert!(
            reports[0].advice().contains(advice),
            "{}",
            reports[0].advice()
        );
    }
}

#[test]
fn a_summary_names_groups_that_are_there() {
    let group = "[groups.zones]\narea = \"input\"\nstart = 0\ncount = 9\nlayout = \"bit\"\nscan = \"first\"\n\n";
    let summary = |groups: &str, count: u16| {
        format!(
            "{group}[summary]\narea = \"input\"\nstart = 1020\ncount = {count}\ngroups = [{groups}]\nmax_age_ms = 2000\n"
        )
    };
    let read = profile(&summary("\"zones\"", 2)).summary.unwrap();
    assert_eq!(
        (read.start, read.count, read.max_age.as_millis()),
        (1_020, 2, 2_000)
    );
    assert_eq!(
        with(&summary("\"zone\"", 1)).messages(),
        ["panels/extra.toml: there is no group `zone`"]
    );
    assert_eq!(
        with(&summary("\"zones\"", 61)).messages(),
        ["panels/extra.toml: the summary is more than one request may ask for"]
    );
}

#[test]
fn decimals_may_stand_before_the_value_and_are_read_with_it() {
    let read = profile(
        "[groups.level]\narea = \"holding\"\nstart = 4\ncount = 1\nlayout = \"number\"\nscan = \"rest\"\nnumber = { type = \"int16\", unit = \"m\", decimals = 3, plausible = [-1, 99.5], limits = { active = { below = 1.5 } }, hysteresis = 0.1 }\n",
    );
    let part = &read.groups["level"].parts[0];
    let Layout::Number(number) = &*part.layout else {
        panic!("a number")
    };
    assert_eq!((part.start, number.len), (3, 2));
    assert_eq!((number.value_at, number.decimals_at), (1, Some(0)));
    assert_eq!(number.plausible, (Milli(-1_000), Milli(99_500)));
    assert_eq!(
        (number.limits[0].at, number.hysteresis),
        (Milli(1_500), Milli(100))
    );
}

#[test]
fn a_point_is_called_as_its_group_calls_it() {
    let site = Site::new();
    site.edit(
        "panels/simulated_panel.toml",
        "count = 120",
        "loops = { count = 2, stride = 60, first = 1, last = 60, letter = \"D\" }",
    );
    let text = site.text("points.csv");
    let text: Vec<String> = text.lines().map(by_loop).collect();
    site.write("points.csv", text.join("\n"));
    let loaded = site
        .load()
        .unwrap_or_else(|r| panic!("{}", render(&r, false)));
    let point = &loaded.site.points["P1-001"];
    assert_eq!(
        (point.number.as_str(), point.address.to_string()),
        ("L1D1", "0".to_owned())
    );
    site.edit("points.csv", ",L1D2\n", ",L3D2\n")
        .edit("points.csv", ",L1D3\n", ",7\n");
    assert_eq!(
        site.messages(),
        [
            "points.csv: `L3D2` is no device of the group",
            "points.csv: `7` is no device of the group"
        ]
    );
}

/// A row of the small campus whose device is called by its loop.
fn by_loop(row: &str) -> String {
    match row.rsplit_once(",devices,") {
        Some((rest, index)) => {
            let index: u16 = index.parse().unwrap();
            format!("{rest},devices,L{}D{}", index / 60 + 1, index % 60 + 1)
        }
        None => row.to_owned(),
    }
}

#[test]
fn the_example_of_the_manual_is_right() {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/panels.md");
    let manual = fs::read_to_string(manual).unwrap();
    let (_, example) = manual.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let site = Site::new();
    site.write("panels/example.toml", example);
    let loaded = site.load();
    let loaded = loaded.unwrap_or_else(|r| panic!("{}", render(&r, false)));
    let Some(UnitProfile::Registers(map)) = loaded.profiles.get("example") else {
        panic!("a map of registers")
    };
    let group = &map.groups["devices"];
    let index = group.numbering.index("L2D15").unwrap();
    let place = group.parts[0].place(group.numbering, index).unwrap();
    assert_eq!(place.start, 214);
}
