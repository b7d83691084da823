//! Maintenance 维护 of one output: who, why, with whom, for how long, and what ends it.

use serde_json::{Value, json};

use crate::domain::actor::{Actor, Role};
use crate::domain::input::{Input, Request, Verb};
use crate::domain::output::{Arming, CommandState, WriteOutcome};
use crate::engine::ledger::{EntryBody, Ledger};
use crate::engine::ports::{Answer, Problem};
use crate::engine::testing::dormitory;
use crate::procedure::Owed;
use crate::procedure::fire::testing::{Play, code, refused};

const ENGINEER: (&str, Role, Option<&str>) = ("eng", Role::Engineer, None);
const VALVE: &str = "output/GAS-VALVE";

fn why() -> Value {
    json!({ "person": "chief-eng", "note": "n1" })
}

impl Play {
    fn engineer(&mut self, case: &str, verb: &str) -> Answer {
        let body = if verb == "maintenance" {
            why()
        } else {
            json!({})
        };
        self.verb_as(ENGINEER, case, verb, body)
    }

    fn is_in_maintenance(&self, output: &str) -> bool {
        !self.document(&format!("output/{output}"))["maintenance"].is_null()
    }

    fn owes(&self) -> Vec<Owed> {
        let writes = |owed: &&Owed| matches!(owed, Owed::Write { .. });
        self.ledger.owed().filter(writes).cloned().collect()
    }

    fn campus_said(&self) -> Vec<String> {
        let lines = self.ledger.campus.recent.lines.iter();
        lines.map(|line| line.key.clone()).collect()
    }
}

fn settled(problem: &Problem) -> (&str, Option<&Actor>, Option<&str>) {
    (
        problem.code.as_str(),
        problem.settled_by.as_ref(),
        problem.how.as_deref(),
    )
}

#[test]
fn it_is_begun_with_a_reason_and_a_person_and_shown_until_it_ends_by_itself() {
    let mut play = Play::new();
    play.engineer(VALVE, "maintenance").expect("begun");
    let shown = play.document(VALVE)["maintenance"].clone();
    assert_eq!(
        (&shown["by"]["id"], &shown["person"]["id"]),
        (&json!("eng"), &json!("chief-eng"))
    );
    let limit = json!({ "from": 0, "due": 900_000 });
    assert_eq!(shown["limit"], limit);
    let line = play.document("summary")["maintenance"][0].clone();
    assert_eq!(
        (&line["output"], &line["limit"]),
        (&json!("GAS-VALVE"), &limit)
    );
    let offered = play.document(VALVE)["verbs"].clone();
    assert_eq!(offered[1]["verb"], "end_maintenance");
    assert_eq!(offered[1]["step_up"], false);

    // A step of the wall clock moves its end no more than any other limit.
    play.now.wall.0 += 3_600_000;
    play.take(Actor::System, Input::ClockStepped { by_ms: 3_600_000 })
        .expect("accepted");
    play.wait(899);
    assert!(play.is_in_maintenance("GAS-VALVE"));
    play.wait(1);
    assert!(!play.is_in_maintenance("GAS-VALVE"));
    assert_eq!(play.document("summary")["maintenance"], json!([]));
    let late = refused(play.engineer(VALVE, "write"));
    let by_time = ("maintenance_expired", Some(&Actor::System), Some("time"));
    assert_eq!(settled(&late), by_time);
    assert_eq!(play.state_of("GAS-VALVE"), None, "nothing was asked for");
    let said = play.campus_said();
    let lines = ["maintenance_begun", "maintenance_expired"];
    assert!(
        lines.iter().all(|line| said.iter().any(|key| key == line)),
        "{said:?}"
    );
}

#[test]
fn a_write_is_the_outputs_own_command_with_permit_and_feedback() {
    let mut play = Play::seen();
    play.shows("GAS-VALVE-CLOSED", false);
    play.engineer(VALVE, "maintenance").expect("begun");
    play.engineer(VALVE, "write").expect("asked");
    assert_eq!(play.state_of("GAS-VALVE"), Some(CommandState::Asked));
    assert!(play.campus_said().contains(&"maintenance_write".to_owned()));
    let again = refused(play.engineer(VALVE, "write"));
    assert_eq!(again.code, "output_running");
    assert!(play.permit("GAS-VALVE#1"));
    play.written("GAS-VALVE#1");
    assert_eq!(play.state_of("GAS-VALVE"), Some(CommandState::Sent));
    play.shows("GAS-VALVE-CLOSED", true);
    assert_eq!(play.state_of("GAS-VALVE"), Some(CommandState::Done));
    assert_eq!(play.ledger.campus.incidents.len(), 0);
    // Once more, until it is over: it does not outlive its maintenance.
    play.shows("GAS-VALVE-CLOSED", false);
    play.wait(890);
    play.engineer(VALVE, "write").expect("asked");
    let owed = play.owes();
    assert!(
        matches!(&owed[..], [Owed::Write { expires, .. }] if expires.0 == 900_000),
        "{owed:?}"
    );
    play.wait(10);
    assert_eq!(play.state_of("GAS-VALVE"), Some(CommandState::Expired));
    assert!(!play.permit("GAS-VALVE#2"));
}

#[test]
fn every_refusal_says_what_is_missing_or_who_was_first() {
    let mut site = dormitory();
    let observed = site.outputs.get_mut("D1-SOUNDER").expect("an output");
    observed.arming = Arming::Observe;
    let mut play = Play::on(site);
    let operator = ("op", Role::Operator, None);
    let viewer = ("view", Role::Viewer, None);
    for (who, case, body, wanted) in [
        (viewer, VALVE, why(), "role_sees_only"),
        (operator, VALVE, why(), "maintenance_role"),
        (ENGINEER, "output/NONE", why(), "output_unknown"),
        (
            ENGINEER,
            VALVE,
            json!({ "note": "n1" }),
            "maintenance_person",
        ),
        (
            ENGINEER,
            VALVE,
            json!({ "person": "nobody", "note": "n1" }),
            "maintenance_person",
        ),
        (ENGINEER, VALVE, json!({ "person": 7 }), "body_maintenance"),
        (
            ENGINEER,
            VALVE,
            json!({ "person": "chief-eng", "text": " " }),
            "reason_missing",
        ),
        (ENGINEER, "output/P1-RESET", why(), "maintenance_panel"),
        (ENGINEER, "output/D1-SOUNDER", why(), "output_observe"),
    ] {
        let answer = play.verb_as(who, case, "maintenance", body.clone());
        assert_eq!(code(answer), wanted, "{case} {body}");
    }
    assert_eq!(code(play.engineer(VALVE, "write")), "maintenance_none");
    play.engineer(VALVE, "maintenance").expect("begun");
    let eng = Actor::Account("eng".into());
    let again = refused(play.engineer(VALVE, "maintenance"));
    let first = ("maintenance_running", Some(&eng), Some("maintenance"));
    assert_eq!(settled(&again), first);
    let other = ("lead", Role::Supervisor, None);
    let of_another = refused(play.verb_as(other, VALVE, "write", json!({})));
    let first = ("maintenance_of_another", Some(&eng), Some("maintenance"));
    assert_eq!(settled(&of_another), first);
    assert_eq!(
        code(play.verb_as(operator, VALVE, "write", json!({}))),
        "maintenance_role"
    );
    // Ending it protects: it is everybody's, and a second time is no error.
    for _ in 0..2 {
        let ended = play.verb_as(operator, VALVE, "end_maintenance", json!({}));
        ended.expect("ended");
    }
    let after = refused(play.engineer(VALVE, "write"));
    let op = Actor::Account("op".into());
    let by = ("maintenance_ended", Some(&op), Some("end_maintenance"));
    assert_eq!(settled(&after), by);
    // Rule 5a holds for tests as well.
    let feeder = "output/D1-LIFT-FEEDER";
    play.engineer(feeder, "maintenance").expect("begun");
    assert_eq!(code(play.engineer(feeder, "write")), "lift_not_home");
}

#[test]
fn what_waits_for_its_permit_is_dropped_with_the_maintenance_and_a_start_is_not() {
    let mut play = Play::new();
    play.engineer(VALVE, "maintenance").expect("begun");
    play.engineer(VALVE, "write").expect("asked");
    play.engineer(VALVE, "end_maintenance").expect("ended");
    assert_eq!(play.state_of("GAS-VALVE"), Some(CommandState::Expired));
    assert_eq!(play.owes(), []);
    assert!(!play.permit("GAS-VALVE#1"));

    play.engineer(VALVE, "maintenance").expect("begun");
    let operator = ("op", Role::Operator, None);
    play.verb_as(operator, VALVE, "start", json!({}))
        .expect("a start is everybody's, always");
    play.engineer(VALVE, "end_maintenance").expect("ended");
    assert_eq!(play.state_of("GAS-VALVE"), Some(CommandState::Asked));
    assert!(play.permit("GAS-VALVE#2"));
}

#[test]
fn what_was_permitted_and_not_sent_is_not_tried_again_after_the_end() {
    let mut play = Play::seen();
    play.engineer(VALVE, "maintenance").expect("begun");
    play.engineer(VALVE, "write").expect("asked");
    assert!(play.permit("GAS-VALVE#1"));
    // While it runs the line may try again until the command expires.
    play.became("GAS-VALVE#1", WriteOutcome::NotSent);
    assert!(play.permit("GAS-VALVE#1"));
    play.burn();
    play.became("GAS-VALVE#1", WriteOutcome::NotSent);
    assert!(!play.permit("GAS-VALVE#1"));
    // The fire has the output at once, by a command of its own.
    assert!(play.permit("GAS-VALVE#2"));
}

#[test]
fn the_first_signal_ends_it_and_the_fire_has_the_output() {
    let mut play = Play::new();
    play.engineer(VALVE, "maintenance").expect("begun");
    play.engineer(VALVE, "write").expect("asked");
    play.fire("P1-015", true);
    assert!(!play.is_in_maintenance("GAS-VALVE"));
    // One device drives nothing, and what the test had asked for is not written for it.
    assert_eq!(play.owes(), []);
    let incident = play.incident().id.to_string();
    let overtaken = refused(play.engineer(VALVE, "write"));
    let by = Actor::Field;
    assert_eq!(
        settled(&overtaken),
        ("maintenance_overtaken", Some(&by), Some(incident.as_str()))
    );
    assert!(play.said().contains(&"maintenance_overtaken".to_owned()));
    let needed = refused(play.engineer(VALVE, "maintenance"));
    assert_eq!(
        (needed.code.as_str(), needed.how.as_deref()),
        ("maintenance_needed", Some(incident.as_str()))
    );
    play.verb("confirm_fire", json!({})).expect("confirmed");
    assert_eq!(play.state_of("GAS-VALVE"), Some(CommandState::Asked));
    assert!(play.permit("GAS-VALVE#2"));
}

#[test]
fn a_test_that_is_on_the_wire_when_a_fire_comes_is_not_written_twice() {
    let mut play = Play::seen();
    play.shows("GAS-VALVE-CLOSED", false);
    play.engineer(VALVE, "maintenance").expect("begun");
    play.engineer(VALVE, "write").expect("asked");
    assert!(play.permit("GAS-VALVE#1"));
    play.fire("P1-015", true);
    play.verb("confirm_fire", json!({})).expect("confirmed");
    play.written("GAS-VALVE#1");
    let asked = |play: &Play| play.ledger.campus.outputs["GAS-VALVE"].count;
    assert_eq!(asked(&play), 1, "it is in hand");
    // Its feedback does not come: the fire has it written anew.
    play.wait(10);
    assert_eq!(asked(&play), 2);
    assert_eq!(play.state_of("GAS-VALVE"), Some(CommandState::Asked));
}

#[test]
fn a_fire_of_another_building_ends_only_what_serves_the_campus() {
    let mut site = dormitory();
    let mut far = site.outputs["D1-SOUNDER"].clone();
    far.id = "X1-SOUNDER".into();
    far.building = Some("X1".into());
    site.outputs.insert(far.id.clone(), far);
    let mut play = Play::on(site);
    for output in ["X1-SOUNDER", "D1-SOUNDER", "GAS-VALVE"] {
        play.engineer(&format!("output/{output}"), "maintenance")
            .expect("begun");
    }
    play.fire("P1-015", true);
    let still = ["X1-SOUNDER", "D1-SOUNDER", "GAS-VALVE"];
    let still = still.map(|output| play.is_in_maintenance(output));
    assert_eq!(still, [true, false, false]);
}

#[test]
fn a_lift_that_was_sent_home_in_a_test_is_not_taken_for_home_in_a_fire() {
    let mut play = Play::seen();
    let lift = "output/D1-LIFT";
    play.engineer(lift, "maintenance").expect("begun");
    play.engineer(lift, "write").expect("asked");
    assert!(play.permit("D1-LIFT#1"));
    play.written("D1-LIFT#1");
    play.shows("D1-LIFT-HOME", true);
    assert_eq!(play.state_of("D1-LIFT"), Some(CommandState::Done));
    play.engineer(lift, "end_maintenance").expect("ended");
    // It is back in service, and somewhere between two floors.
    play.shows("D1-LIFT-HOME", false);
    play.burn();
    assert_eq!(play.state_of("D1-LIFT"), Some(CommandState::Asked));
    assert_eq!(play.state_of("D1-LIFT-FEEDER"), None);
    assert!(play.permit("D1-LIFT#2"));
    play.written("D1-LIFT#2");
    play.shows("D1-LIFT-HOME", true);
    assert_eq!(play.state_of("D1-LIFT-FEEDER"), Some(CommandState::Asked));
}

#[test]
fn a_replay_and_a_start_from_rows_find_it_as_it_was() {
    let mut play = Play::new();
    let mut replayed = Ledger::new(
        play.ledger.site.clone(),
        play.ledger.head.clone(),
        "1".into(),
    );
    replayed.campus = play.ledger.campus.clone();
    for (name, body) in [("maintenance", why()), ("write", json!({}))] {
        let verb = Verb {
            case: VALVE.into(),
            name: name.into(),
            body,
            role: Role::Engineer,
            recipient: None,
            idempotency: None,
        };
        let (actor, input) = (Actor::Account("eng".into()), Input::Verb(verb));
        let taken = play.ledger.take(play.now, &Request { actor, input });
        let entry = taken.entry.expect("an entry");
        let body: EntryBody = serde_json::from_str(&entry.bytes).expect("an entry");
        replayed.apply(&body, entry.hash);
    }
    assert_eq!(replayed.campus, play.ledger.campus);
    assert_eq!(replayed.next_due(), play.ledger.next_due());

    let dirty = play.ledger.take_dirty();
    let rows = play.ledger.rows(&dirty);
    let mut started = Ledger::new(
        play.ledger.site.clone(),
        play.ledger.head.clone(),
        "1".into(),
    );
    started.restore(&rows).expect("rows");
    assert_eq!(started.campus.desk, play.ledger.campus.desk);
    play.ledger = started;
    play.restart();
    assert_eq!(play.owes().len(), 1, "it is owed still");
    assert!(play.permit("GAS-VALVE#1"));
    // The limit goes on: nothing has to be armed again.
    play.wait(900);
    assert!(!play.is_in_maintenance("GAS-VALVE"));
}
