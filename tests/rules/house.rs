//! Imports, sizes, words.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const ADAPTERS: [&str; 4] = ["field", "mqtt", "store", "http"];
/// What the core must never touch.
const IMPURE: [&str; 10] = [
    "tokio",
    "axum",
    "rumqttc",
    "mqtt5",
    "sqlx",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "HashMap",
    "tracing",
];
/// A file longer than this has more than one subject.
const LINES_MAX: usize = 550;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of a kind below a folder, with its text.
fn files(folder: &str, ending: &str) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("node_modules") && !path.ends_with("dist") {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                let text = std::fs::read_to_string(&path).expect("text");
                found.insert(path.strip_prefix(root()).expect("inside").to_owned(), text);
            }
        }
    }
    found
}

/// The room of a file: the first folder below `src`, or the file's own name.
fn room(path: &Path) -> String {
    let mut parts = path
        .iter()
        .skip(1)
        .map(|part| part.to_string_lossy().into_owned());
    parts
        .next()
        .unwrap_or_default()
        .trim_end_matches(".rs")
        .to_owned()
}

fn is_test(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.ends_with("tests.rs")
        || name.contains("/tests/")
        || name.contains("/testing/")
        || name.ends_with("testing.rs")
        || name.ends_with("conformance.rs")
}

/// The program text of a file, without its tests and without comments.
fn program(text: &str) -> impl Iterator<Item = &str> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"))
}

/// Rooms of this crate that a file names.
fn named<'a>(text: &'a str) -> impl Iterator<Item = &'a str> {
    let after = |line: &'a str| {
        line.split("crate::").skip(1).map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            &rest[..end.unwrap_or(rest.len())]
        })
    };
    program(text).flat_map(after)
}

#[test]
fn imports_follow_the_house() {
    let allowed = |room: &str| -> Option<&[&str]> {
        Some(match room {
            "domain" => &["domain"],
            "linkage" | "dispatch" => &["domain", "linkage", "dispatch"],
            "procedure" => &["domain", "linkage", "dispatch", "procedure", "text"],
            "text" => &["domain", "text"],
            "engine" => &[
                "domain",
                "linkage",
                "dispatch",
                "procedure",
                "text",
                "engine",
                "clock",
                "crash",
            ],
            "field" => &["domain", "engine", "field", "crash"],
            "mqtt" => &["domain", "engine", "mqtt", "crash"],
            "store" => &["domain", "engine", "store", "crash"],
            "http" => &["domain", "engine", "http", "crash", "text"],
            "config" => &["domain", "config"],
            "clock" => &["domain", "clock"],
            _ => return None,
        })
    };
    let mut wrong = Vec::new();
    for (path, text) in files("src", "rs").iter().filter(|(path, _)| !is_test(path)) {
        let Some(allowed) = allowed(&room(path)) else {
            continue;
        };
        for name in named(text).filter(|name| !allowed.contains(name)) {
            wrong.push(format!("{} names crate::{name}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn adapters_know_only_the_ports_of_the_engine() {
    let ports = ["ports", "handle", "stages"];
    let mut wrong = Vec::new();
    for (path, text) in files("src", "rs").iter().filter(|(path, _)| !is_test(path)) {
        if !ADAPTERS.contains(&room(path).as_str()) {
            continue;
        }
        for line in program(text) {
            for rest in line.split("crate::engine::").skip(1) {
                let ok = rest.starts_with('{') || ports.iter().any(|port| rest.starts_with(port));
                if !ok {
                    wrong.push(format!("{}: {line}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_core_has_no_world() {
    let core = ["domain", "procedure", "linkage", "dispatch"];
    let mut wrong = Vec::new();
    for (path, text) in files("src", "rs").iter().filter(|(path, _)| !is_test(path)) {
        if !core.contains(&room(path).as_str()) {
            continue;
        }
        for line in program(text) {
            if IMPURE.iter().any(|word| line.contains(word)) {
                wrong.push(format!("{}: {line}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_simulator_reads_nothing_of_the_daemon() {
    for (path, text) in files("simulators", "rs") {
        for word in ["fengsui::", "../src", "../config", "../../config"] {
            let named = program(&text).any(|line| line.contains(word));
            assert!(!named, "{} names {word}", path.display());
        }
    }
}

#[test]
fn no_file_has_more_than_one_subject() {
    let mut long = Vec::new();
    for (folder, ending) in [
        ("src", "rs"),
        ("simulators", "rs"),
        ("web/src", "ts"),
        ("web/src", "vue"),
    ] {
        for (path, text) in files(folder, ending) {
            let lines = text.lines().count();
            if lines > LINES_MAX && !is_test(&path) {
                long.push(format!("{} has {lines} lines", path.display()));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn only_the_clock_reads_clocks_and_tests_never_sleep() {
    let mut wrong = Vec::new();
    for (path, text) in files("src", "rs") {
        if path.ends_with("clock.rs") {
            continue;
        }
        for word in ["SystemTime::now", "std::time::Instant::now", "Utc::now"] {
            if program(&text).any(|line| line.contains(word)) {
                wrong.push(format!("{}: {word}", path.display()));
            }
        }
    }
    for folder in ["tests", "web/e2e", "simulators/tests"] {
        for ending in ["rs", "ts"] {
            for (path, text) in files(folder, ending) {
                if path.ends_with("house.rs") {
                    continue;
                }
                for word in ["sleep(", "waitForTimeout", "#[ignore", ".skip("] {
                    let skips = word == ".skip(" && ending == "rs";
                    if !skips && text.contains(word) {
                        wrong.push(format!("{}: {word}", path.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_bare_word_for_confirm_is_on_no_control() {
    for name in ["catalogue", "desk", "guard"] {
        let path = root().join(format!("src/text/{name}.json"));
        let text = std::fs::read_to_string(path).expect("the catalogue");
        let words: BTreeMap<String, BTreeMap<String, String>> =
            serde_json::from_str(&text).expect("JSON");
        for (key, both) in words {
            assert!(!both["zh"].is_empty() && !both["en"].is_empty(), "{key}");
            assert_ne!(both["zh"].trim(), "确认", "{key}");
        }
    }
}
