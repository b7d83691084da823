//! docs/linkage-truth-table.md: what is written for which cause, in which mode, with which arming and master. Each cell is a fire
//! or a leak played through the real procedure, so that the page cannot say anything else than the code does.

use std::fmt::Write as _;

use serde_json::json;

use crate::domain::actor::{Actor, Role};
use crate::domain::input::{Input, Observation};
use crate::domain::output::{Arming, Master};
use crate::domain::point::{Conditions, PointKind, Quality, Reading};
use crate::engine::testing::dormitory;
use crate::procedure::events::Mode;
use crate::procedure::fire::testing::Play;

const HEAD: &str = "# What is written, and by whom

Made by `cargo test --lib truth` from the procedure itself: each cell is one fire or leak that was played. After a change of the
procedure the test renews this page and fails once: read the difference and commit it.

Three switches stand side by side and are never confused: the panel's own 手动/自动 key, which is read; Fengsui's linkage mode
联动方式, the columns below; and the arming 授权 and master of each output, the rows. Devices are independent, healthy and of one
compartment; an output waits besides for what `waits_for` names.

| word | meaning |
|---|---|
| **written** | a command goes to the output's bus |
| offered | nothing is written; one button, to be held, is offered: at a fire it turns to 自动, and the cell of that column follows; at a leak it starts valve and fan |
| shown | nothing is written; it stands in the plan, and a person may start it if it is armed |
| nothing | nothing is written and nothing is planned |
| refused | a person's start is refused, and why |
| — | `fengsui check` refuses the file: two masters |
";

/// A cause, its heading, and the output that is looked at.
const CAUSES: [(Cause, &str, &str); 5] = [
    (Cause::OneDevice, "One device", "D1-SOUNDER"),
    (
        Cause::TwoDevices,
        "Two devices: suspected 疑似火警",
        "D1-SOUNDER",
    ),
    (
        Cause::Person,
        "A person's start, whatever burns",
        "D1-SOUNDER",
    ),
    (
        Cause::Confirmed,
        "Confirmed fire 火警确认, by a person",
        "D1-SOUNDER",
    ),
    (
        Cause::GasHigh,
        "Gas at its high limit: the detector's own valve and fan, nothing else",
        "GAS-VALVE",
    ),
];

#[derive(Clone, Copy)]
enum Cause {
    OneDevice,
    TwoDevices,
    Person,
    Confirmed,
    GasHigh,
}

/// The dormitory with a gas detector and one output, armed so, under this master.
fn play(output: &str, arming: Arming, master: Master) -> Play {
    let mut site = dormitory();
    site.outputs.retain(|id, _| id.as_str() == output);
    let mut gas = site.points["P1-015"].clone();
    (gas.id, gas.kind) = ("P1-G01".into(), PointKind::Gas);
    for output in site.outputs.values_mut() {
        (output.arming, output.master) = (arming, master);
        output.gas_detectors = vec![gas.id.clone()];
    }
    site.points.insert(gas.id.clone(), gas);
    let mut play = Play::on(site);
    for bus in ["panel1", "io1"] {
        let up = Input::Link {
            bus: bus.into(),
            up: true,
            reason: String::new(),
        };
        play.take(Actor::Field, up).expect("accepted");
    }
    play
}

fn gas(play: &mut Play) {
    let conditions = Conditions {
        low: true,
        high: true,
        ..Conditions::default()
    };
    let observation = Observation {
        point: "P1-G01".into(),
        latest: Reading::new(conditions, Quality::Good, play.now.engine),
        edge: None,
        missed_edges: 0,
    };
    play.take(Actor::Field, Input::Observed(observation))
        .expect("accepted");
}

/// What comes of a cause.
fn cell(cause: Cause, output: &str, mode: Mode, (arming, master): (Arming, Master)) -> String {
    if (arming, master) == (Arming::Auto, Master::Panel) {
        return "—".to_owned();
    }
    let mut play = play(output, arming, master);
    if mode == Mode::Manual {
        let body = json!({ "mode": "manual", "reason": "test" });
        play.verb_as(("lead", Role::Supervisor, None), "site", "mode", body)
            .expect("manual");
    }
    let mut refused = None;
    match cause {
        Cause::OneDevice => play.fire("P1-015", true),
        Cause::TwoDevices => {
            play.fire("P1-015", true);
            play.fire("P1-016", true);
        }
        Cause::Confirmed => play.burn(),
        Cause::GasHigh => gas(&mut play),
        Cause::Person => {
            let case = format!("output/{output}");
            let who = ("operator", Role::Operator, None);
            let answer = play.verb_as(who, &case, "start", json!({}));
            refused = answer.err().map(|problem| problem.code);
        }
    }
    let mut incidents = play.ledger.campus.incidents.values();
    let incident = incidents.next();
    let planned = |id: &str| {
        let plan = incident.and_then(|incident| incident.plan.as_ref());
        plan.is_some_and(|plan| plan.iter().any(|one| one.output.as_str() == id))
    };
    let button = |incident: &serde_json::Value| {
        let steps = incident["steps"].as_array().expect("steps").iter();
        let mut verbs = steps.flat_map(|step| step["verbs"].as_array().expect("verbs"));
        verbs.any(|verb| verb["verb"] == "auto_and_start" || verb["verb"] == "start_gas")
    };
    let offered = incident.is_some() && button(&play.incident_document());
    let written = play.ledger.campus.outputs.contains_key(output);
    let word = match (written, refused) {
        (true, _) => "**written**".to_owned(),
        (false, Some(code)) => format!("refused: `{code}`"),
        (false, None) if offered => "offered".to_owned(),
        (false, None) if planned(output) => "shown".to_owned(),
        (false, None) => "nothing".to_owned(),
    };
    let turned = mode == Mode::Manual && play.ledger.campus.desk.mode == Mode::Auto;
    let turned = if turned { "; turns to 自动" } else { "" };
    format!("{word}{turned}")
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (cause, heading, output) in CAUSES {
        let _ = write!(page, "\n## {heading}\n\n");
        page.push_str("| arming | master | in 自动 | in 手动 |\n|---|---|---|---|\n");
        for arming in [Arming::Observe, Arming::Assist, Arming::Auto] {
            for master in [Master::Fengsui, Master::Panel] {
                let cell = |mode| cell(cause, output, mode, (arming, master));
                let word = |value: serde_json::Value| value.as_str().unwrap_or("?").to_owned();
                let (arming, by) = (word(json!(arming)), word(json!(master)));
                let (auto, manual) = (cell(Mode::Auto), cell(Mode::Manual));
                let _ = writeln!(page, "| `{arming}` | `{by}` | {auto} | {manual} |");
            }
        }
    }
    page
}

#[test]
fn the_page_says_what_the_procedure_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/linkage-truth-table.md");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let page = page();
    if committed != page {
        // Where the checkout cannot be written the message alone must do.
        let _ = std::fs::write(path, page);
        panic!(
            "docs/linkage-truth-table.md was not what the procedure does and is now renewed: read its difference (git diff docs) and commit it"
        );
    }
}

/// What no edit of the page may ever change (DESIGN.md 3 and 4, rules 3, 4 and 6a).
#[test]
fn a_rule_writes_in_automatic_alone_and_only_what_is_armed_for_it() {
    let all = [Arming::Observe, Arming::Assist, Arming::Auto];
    for mode in [Mode::Auto, Mode::Manual] {
        for arming in all {
            for master in [Master::Fengsui, Master::Panel] {
                let cell = |cause, output| cell(cause, output, mode, (arming, master));
                let is_written = |cause, output| cell(cause, output).contains("written");
                let by_rule = arming == Arming::Auto && master == Master::Fengsui;
                assert!(!is_written(Cause::OneDevice, "D1-SOUNDER"));
                let suspected = is_written(Cause::TwoDevices, "D1-SOUNDER");
                assert_eq!(suspected, by_rule && mode == Mode::Auto);
                assert_eq!(is_written(Cause::Confirmed, "D1-SOUNDER"), by_rule);
                let gas = is_written(Cause::GasHigh, "GAS-VALVE");
                assert_eq!(gas, by_rule && mode == Mode::Auto);
                let observed = arming == Arming::Observe;
                let by_person = is_written(Cause::Person, "D1-SOUNDER");
                assert!(!(observed && by_person), "observe is never written");
            }
        }
    }
}
