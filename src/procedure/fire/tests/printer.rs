//! Panels that only print: what is believed after a gap, and who resets them.

use serde_json::json;

use crate::domain::actor::Actor;
use crate::domain::input::Input;
use crate::domain::order::ReplyVerb;
use crate::domain::output::OutputKind;
use crate::domain::point::PointKind;
use crate::domain::printer;
use crate::engine::testing::dormitory;
use crate::procedure::fire::testing::Play;
use crate::procedure::fire::{Class, Stage};

impl Play {
    fn line(&mut self, up: bool) {
        let input = Input::Link {
            bus: "panel1".into(),
            up,
            reason: String::new(),
        };
        self.take(Actor::Field, input).expect("accepted");
    }

    fn unit(&mut self, up: bool, reason: &str) {
        let input = Input::Unit {
            bus: "panel1".into(),
            unit: 1,
            up,
            reason: reason.to_owned(),
        };
        self.take(Actor::Field, input).expect("accepted");
    }

    fn quality(&self, point: &str) -> String {
        let document = self.document(&format!("point/{point}"));
        document["quality"].as_str().unwrap().to_owned()
    }
}

#[test]
fn after_a_gap_what_was_printed_counts_and_what_was_not_is_not_believed() {
    let mut play = Play::new();
    play.fire("P1-015", true);
    play.fire("P1-017", false);
    play.unit(false, printer::NOT_HEARD);
    play.line(true);
    assert_eq!(play.quality("P1-015"), "good");
    assert_eq!(play.quality("P1-017"), "stale");
    assert_eq!(play.incident().class, Class::Alarm);
    // The second device makes the fire suspected, gap or no gap.
    play.fire("P1-016", true);
    assert_eq!(play.incident().class, Class::Suspected);
    let faults = play.document("summary")["faults"].clone();
    let reason = &faults[0]["line"]["args"]["reason"];
    assert_eq!(reason, "fault.link.not_heard", "{faults}");
    // The reset is heard: quiet is quiet again.
    play.unit(true, "");
    assert_eq!(play.quality("P1-017"), "good");
    // A device that does not answer proves nothing by what it said before.
    play.unit(false, "timeout");
    assert_eq!(play.quality("P1-015"), "stale");
}

#[test]
fn a_panel_that_takes_no_command_is_reset_by_hand_and_the_step_says_so() {
    let mut site = dormitory();
    site.outputs
        .retain(|_, output| output.kind != OutputKind::PanelReset);
    // It does not print its sounders either.
    site.points
        .retain(|_, point| point.kind != PointKind::PanelSounders);
    let mut play = Play::on(site);
    play.fire("P1-015", true);
    play.verb("take", json!({})).expect("taken");
    let order = play.order("post2", "verify");
    for verb in [ReplyVerb::Accept, ReplyVerb::Arrive, ReplyVerb::ReportFalse] {
        play.reply(&order, verb).expect("heard");
    }
    assert_eq!(play.incident().stage, Stage::FalseAlarm);
    let document = play.incident_document();
    let steps = document["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["id"] == "reset").unwrap();
    assert_eq!(step["verbs"], json!([]), "{step}");
    assert_eq!(step["facts"][0]["key"], "fact.reset_at_panel", "{step}");
    play.fire("P1-015", false);
    assert_eq!(play.incident().stage, Stage::Closed);
}
