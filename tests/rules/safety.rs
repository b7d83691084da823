//! One test for each rule in force. A rule that needs a part that is not built yet has no test yet, and stands in no list as done.

use std::time::Duration;

use fengsui::domain::actor::{Actor, Role};
use fengsui::domain::input::Input;
use fengsui::domain::order::{Cause, ReplyVerb};
use fengsui::domain::point::Conditions;
use fengsui::engine::chain;
use fengsui::engine::ports::{Store, Table};
use fengsui::store::memory::MemoryStore;
use fengsui::store::sqlite::SqliteStore;
use serde_json::json;

use super::room::{Room, site};

/// The plan of a fire in the dormitory, but for the lift's feeder.
const AT_ONCE: [&str; 6] = [
    "D1-DOORS",
    "D1-FEEDER",
    "D1-LIFT",
    "D1-SOUNDER",
    "GAS-VALVE",
    "HYDRANT-PUMP",
];

#[test]
fn rule_01_unknown_is_never_normal() {
    let room = Room::bare(Box::new(MemoryStore::new("rules")), site());
    let unknown = room.until("point/P1-001", |_| true);
    assert_eq!(unknown["quality"], "unknown");
    let key = room.until("summary", |_| true);
    assert_eq!(key["panel_key"], "unknown");
    drop(room);

    let room = Room::new();
    room.fire("P1-001", false);
    room.until("point/P1-001", |point| point["quality"] == "good");
    let lost = Input::Link {
        bus: "panel1".into(),
        up: false,
        reason: "timeout".into(),
    };
    room.submit(Actor::Field, lost).expect("accepted");
    room.until("point/P1-001", |point| point["quality"] == "stale");
    let summary = room.until("summary", |summary| summary["lamps"]["links"]["up"] == 1);
    let faults = summary["faults"].as_array().expect("faults");
    assert_eq!(faults.len(), 1, "one lost line is one fault: {faults:#?}");
    drop(room);

    // One unit of a line that stands: its own points are stale, as one fault; the line is up.
    let room = Room::new();
    room.fire("P1-001", false);
    room.until("point/P1-001", |point| point["quality"] == "good");
    let unit = |up, reason: &str| Input::Unit {
        bus: "panel1".into(),
        unit: 1,
        up,
        reason: reason.to_owned(),
    };
    room.submit(Actor::Field, unit(false, "timeout"))
        .expect("accepted");
    room.until("point/P1-001", |point| point["quality"] == "stale");
    let link = room.until("link/panel1", |link| link["lost"][0]["unit"] == 1);
    assert_eq!(link["state"], "up");
    assert_eq!(link["lost"][0]["points"], link["points"]);
    let summary = room.until("summary", |summary| summary["lamps"]["fault"] == 1);
    assert_eq!(summary["faults"][0]["id"], "link/panel1/1");
    assert_eq!(summary["lamps"]["links"]["up"], 2);
    room.submit(Actor::Field, unit(true, "")).expect("accepted");
    room.until("point/P1-001", |point| point["quality"] == "good");
    let link = room.until("link/panel1", |_| true);
    assert_eq!(link["lost"], json!([]));
}

#[test]
fn rule_02_a_quiet_panel_clears_nothing_and_reset_is_panel_wide() {
    let room = Room::new();
    let (first, order) = room.alarm("P1-003");
    room.fire("P1-003", false);
    let incident = room.until(&format!("incident/{first}"), |incident| {
        incident["notices"]
            .as_array()
            .is_some_and(|n| !n.is_empty())
    });
    assert_eq!(incident["stage"], "verifying");
    assert_eq!(
        incident["notices"][0]["key"],
        "notice.panel_reset_unverified"
    );

    // The panel shows it again; another compartment of the same panel alarms too.
    room.fire("P1-003", true);
    let (second, _) = room.alarm("P1-030");
    let open = room
        .verb(&first, "reset", json!({}))
        .expect_err("no verdict");
    assert_eq!((open.status, open.code.as_str()), (409, "verdict_first"));
    room.reply(&order, ReplyVerb::ReportFalse, Some(Cause::Dust))
        .expect("heard");
    room.until(&format!("incident/{first}"), |i| {
        i["stage"] == "false_alarm"
    });
    let held = room
        .verb(&first, "reset", json!({}))
        .expect_err("another is open");
    assert_eq!(
        (held.status, held.code.as_str()),
        (409, "panel_held_by_another")
    );
    assert_eq!(held.how.as_deref(), Some(second.as_str()));
    assert!(!room.outputs_asked().contains(&"P1-RESET".to_owned()));
}

#[test]
fn rule_03_one_device_never_drives_an_output() {
    let room = Room::new();
    room.alarm("P1-001");
    room.observe(
        "P1-002",
        Conditions {
            fire: true,
            disabled: true,
            ..Conditions::default()
        },
    );
    room.observe(
        "P1-003",
        Conditions {
            fire: true,
            fault: true,
            ..Conditions::default()
        },
    );
    room.fire("P1-030", true);
    room.until("point/P1-003", |point| point["fire"] == true);
    room.until("point/P1-030", |point| point["fire"] == true);
    assert_eq!(room.outputs_asked(), Vec::<String>::new());
    room.fire("P1-004", true);
    room.until("output/D1-SOUNDER", |output| output["state"] == "asked");
    assert_eq!(room.outputs_asked(), AT_ONCE);
}

#[test]
fn rule_04_a_confirmed_fire_starts_everything_in_one_entry() {
    let folder = crate::room::folder();
    let path = folder.path().join("fengsui.db");
    let room = Room::on(
        Box::new(SqliteStore::new(&path).expect("a runtime")),
        site(),
    );
    let body = json!({ "mode": "manual", "reason": "test" });
    room.verb_as(Role::Supervisor, None, "site", "mode", body)
        .expect("manual");
    let (id, _) = room.alarm("P1-001");
    let seq = room
        .verb(&id, "confirm_fire", json!({}))
        .expect("confirmed")
        .seq;
    drop(room);
    let mut store = SqliteStore::reader(&path).expect("a runtime");
    let entry = store.entries(seq, 1).expect("reads").remove(0);
    for kind in [
        "judged_real",
        "mode_changed",
        "command_taken",
        "plan_made",
        "command_asked",
        r#""kind":"report""#,
        r#""kind":"group""#,
    ] {
        assert!(
            entry.bytes.contains(kind),
            "{kind} is not in the entry of the verdict"
        );
    }
}

#[test]
fn rule_05_nothing_waits_but_a_lifts_feeder_for_that_lift() {
    let room = Room::new();
    let id = room.real_fire("P1-001");
    let asked = room.asked();
    let mut names: Vec<_> = asked.iter().map(|effect| effect.output.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, AT_ONCE);
    for effect in &asked {
        assert!(room.write(effect));
    }
    for feedback in [
        "D1-DOORS-OPEN",
        "D1-FEEDER-OFF",
        "D1-SOUNDER-FB",
        "GAS-VALVE-CLOSED",
        "HYDRANT-PUMP-RUN",
    ] {
        room.feed_back(feedback, true);
    }
    room.until(&format!("incident/{id}"), |incident| {
        let rows = incident["linkage"].as_array().expect("rows");
        rows.iter().filter(|row| row["state"] == "done").count() == 5
            && rows
                .iter()
                .any(|row| row["output"] == "D1-LIFT-FEEDER" && row["state"] == "waiting")
    });
    assert_eq!(room.outputs_asked(), Vec::<String>::new());
    room.feed_back("D1-LIFT-HOME", true);
    room.until("output/D1-LIFT-FEEDER", |output| output["state"] == "asked");
    assert_eq!(room.outputs_asked(), ["D1-LIFT-FEEDER"]);
}

#[test]
fn rule_05a_a_lift_that_does_not_come_home_sends_a_person_and_keeps_its_feeder() {
    let mut site = site();
    let lift = site.outputs.get_mut("D1-LIFT").expect("a lift");
    lift.feedback.as_mut().expect("feedback").window = Duration::from_millis(50);
    let room = Room::on(Box::new(MemoryStore::new("rules")), site);
    room.real_fire("P1-001");
    for effect in room
        .asked()
        .iter()
        .filter(|effect| effect.output.as_str() == "D1-LIFT")
    {
        assert!(room.write(effect));
    }
    room.until("output/D1-LIFT", |output| {
        output["state"] == "no_feedback" && output["id"] == "D1-LIFT"
    });
    let order = room.order("by_hand");
    assert_eq!(order["recipient"], "chief-eng");
    assert_eq!(
        room.outputs_asked(),
        Vec::<String>::new(),
        "the feeder stays"
    );
}

#[test]
fn rule_06_verbs_that_do_not_exist_for_anybody() {
    let room = Room::new();
    let id = room.real_fire("P1-001");
    for output in [
        "GAS-VALVE",
        "HYDRANT-PUMP",
        "D1-FEEDER",
        "D1-DOORS",
        "D1-LIFT",
    ] {
        for verb in ["open", "stop", "restore", "lock", "release", "off", "reset"] {
            let case = format!("output/{output}");
            let refused = room.verb_as(Role::Engineer, Some("duty-lead"), &case, verb, json!({}));
            assert_eq!(
                refused.expect_err("no such verb").code,
                "verb_unknown",
                "{output} {verb}"
            );
        }
    }
    // Nor is there a test of them: no output of this fire goes into maintenance.
    let case = "output/GAS-VALVE";
    let body = json!({ "person": "chief-eng", "text": "test" });
    let refused = room.verb_as(Role::Engineer, None, case, "maintenance", body);
    assert_eq!(refused.expect_err("a fire").code, "maintenance_needed");
    let refused = room.verb_as(Role::Engineer, None, case, "write", json!({}));
    assert_eq!(refused.expect_err("a fire").code, "maintenance_none");
    room.asked();
    room.verb(&id, "call_119", json!({ "connected": true }))
        .expect("noted");
    let body = json!({ "over": true, "reason": "test" });
    room.verb_as(Role::Supervisor, Some("duty-lead"), &id, "all_clear", body)
        .expect("clear");
    room.until(&format!("incident/{id}"), |incident| {
        incident["stage"] == "restoring"
    });
    assert_eq!(
        room.outputs_asked(),
        Vec::<String>::new(),
        "an all-clear writes nothing"
    );
}

#[test]
fn rule_07_a_restart_adds_no_command() {
    let folder = crate::room::folder();
    let path = folder.path().join("fengsui.db");
    let store = || Box::new(SqliteStore::new(&path).expect("a runtime"));
    let room = Room::on(store(), site());
    room.real_fire("P1-001");
    let asked = room.asked();
    let written: Vec<_> = asked.iter().take(3).collect();
    for effect in &written {
        assert!(room.write(effect));
    }
    drop(room);
    let room = Room::bare(store(), site());
    let again = room.asked();
    assert_eq!(again.len(), asked.len() - written.len());
    for effect in again {
        assert!(
            asked.iter().any(|known| known.command == effect.command),
            "{}",
            effect.command
        );
    }
}

#[test]
fn rule_08_sending_is_committed_before_a_permit_and_an_unknown_pulse_is_never_repeated() {
    let folder = crate::room::folder();
    let path = folder.path().join("fengsui.db");
    let store = || Box::new(SqliteStore::new(&path).expect("a runtime"));
    let room = Room::on(store(), site());
    room.real_fire("P1-001");
    let asked = room.asked();
    for effect in &asked {
        let command = effect.command.clone();
        let permit = room.submit(
            Actor::Field,
            Input::Permit {
                command: command.clone(),
            },
        );
        assert_eq!(permit.expect("answered").granted, Some(true));
        let mut reader = SqliteStore::reader(&path).expect("a runtime");
        let row = reader
            .row(Table::Cells, &format!("output/{}", effect.output))
            .expect("reads");
        let detail = row.expect("a row").detail.expect("a state");
        assert!(detail.contains(r#""state":"sending""#), "{detail}");
        let second = room.submit(Actor::Field, Input::Permit { command });
        assert_eq!(
            second.expect("answered").granted,
            Some(false),
            "one permit for one command"
        );
    }
    drop(room);
    // The process ended between permit and result: feedback is looked at first, then a level output is written once more.
    let room = Room::bare(store(), site());
    room.until("output/D1-SOUNDER", |output| output["state"] == "unknown");
    assert_eq!(
        room.outputs_asked(),
        Vec::<String>::new(),
        "nothing before the feedback can be seen"
    );
    for feedback in room
        .site
        .points
        .values()
        .filter(|p| p.bus.as_str() == "io1")
    {
        room.feed_back(
            feedback.id.as_str(),
            feedback.id.as_str() == "D1-DOORS-OPEN",
        );
    }
    let up = Input::Link {
        bus: "io1".into(),
        up: true,
        reason: String::new(),
    };
    room.submit(Actor::Field, up).expect("accepted");
    room.until("output/D1-DOORS", |output| output["state"] == "done");
    room.until("output/D1-SOUNDER", |output| output["state"] == "asked");
    assert_eq!(
        room.outputs_asked(),
        ["D1-FEEDER", "D1-LIFT", "D1-SOUNDER", "GAS-VALVE"]
    );
}

#[test]
fn rule_09_six_verbs_are_never_merged() {
    let room = Room::new();
    let (id, _) = room.alarm("P1-001");
    let incident = || room.until(&format!("incident/{id}"), |_| true);
    let before = incident();
    room.verb("site", "mute", json!({})).expect("muted");
    assert_eq!(room.outputs_asked(), ["P1-SILENCE"]);
    let after = incident();
    for unchanged in ["taken", "verdict", "stage", "class"] {
        assert_eq!(
            before[unchanged], after[unchanged],
            "消音 changes no {unchanged}"
        );
    }
    room.verb(&id, "take", json!({})).expect("taken");
    assert!(incident()["verdict"].is_null(), "接警 is no verdict");
    for verb in ["stop_sounders", "reset"] {
        let refused = room.verb(&id, verb, json!({})).expect_err("no verdict yet");
        assert_eq!(refused.code, "verdict_first", "{verb}");
    }
    // A new alarm brings the sound back.
    room.until("summary", |summary| !summary["mute"].is_null());
    room.fire("P1-030", true);
    room.until("summary", |summary| {
        summary["mute"].is_null() && summary["sound"] == "fire"
    });
}

#[test]
fn rule_13_a_refusal_of_a_known_person_is_an_event() {
    let room = Room::new();
    let (id, _) = room.alarm("P1-001");
    let refused = room
        .verb_as(Role::Viewer, None, &id, "reset", json!({}))
        .expect_err("refused");
    assert_eq!(
        (refused.status, refused.code.as_str()),
        (403, "role_sees_only")
    );
    let recent = room.until("recent", |recent| {
        let lines = recent["lines"].as_array().expect("lines");
        lines
            .iter()
            .any(|line| line["line"]["key"] == "line.refused")
    });
    assert!(recent["lines"].is_array());
}

#[test]
fn rule_14_the_chain_is_whole_and_a_changed_entry_is_found() {
    let folder = crate::room::folder();
    let path = folder.path().join("fengsui.db");
    let room = Room::on(
        Box::new(SqliteStore::new(&path).expect("a runtime")),
        site(),
    );
    room.real_fire("P1-001");
    drop(room);
    let mut store = SqliteStore::reader(&path).expect("a runtime");
    let verified = chain::verify(&mut store, |_, _| {}).expect("whole");
    assert!(verified.entries > 5);
}

#[test]
fn rule_15_protective_verbs_are_open_to_the_room_at_any_step() {
    for role in [Role::Operator, Role::Supervisor, Role::Engineer] {
        let room = Room::new();
        let (id, _) = room.alarm("P1-001");
        room.verb_as(role, None, &id, "take", json!({}))
            .expect("接警");
        room.verb_as(role, None, &id, "take", json!({}))
            .expect("接警 twice is no error");
        room.verb_as(role, None, "site", "mute", json!({}))
            .expect("消音");
        room.verb_as(role, None, "output/GAS-VALVE", "start", json!({}))
            .expect("关气");
        room.verb_as(role, None, &id, "confirm_fire", json!({}))
            .expect("确认真火");
        room.verb_as(role, None, &id, "confirm_fire", json!({}))
            .expect("确认真火 twice is no error");
        room.verb_as(role, None, &id, "call_119", json!({ "connected": true }))
            .expect("119");
    }
    let room = Room::new();
    let (id, _) = room.alarm("P1-001");
    let body = json!({ "mode": "manual", "reason": "x" });
    let weak = room
        .verb("site", "mode", body)
        .expect_err("needs a supervisor");
    assert_eq!(weak.status, 403);
    let weak = room.verb_as(
        Role::Supervisor,
        None,
        "site",
        "mode",
        json!({ "mode": "manual" }),
    );
    assert_eq!(weak.expect_err("needs a reason").code, "reason_missing");
    let early = room
        .verb(&id, "all_clear", json!({}))
        .expect_err("no fire yet");
    assert_eq!(early.code, "no_confirmed_fire");
}

#[test]
fn rule_16_a_verdict_covers_only_signals_older_than_itself() {
    let room = Room::new();
    let (id, order) = room.alarm("P1-001");
    let nobody = room
        .verb(&id, "judge_false", json!({ "cause": "dust" }))
        .expect_err("nobody there");
    assert_eq!(nobody.code, "nobody_at_scene");
    room.reply(&order, ReplyVerb::ReportFalse, Some(Cause::Cooking))
        .expect("heard");
    let key = format!("incident/{id}");
    room.until(&key, |incident| incident["stage"] == "false_alarm");
    room.fire("P1-002", true);
    room.until(&key, |incident| {
        incident["stage"] == "verifying" && incident["class"] == "suspected"
    });
    // Whoever stands before a fire is believed, also after 误报.
    let order = room.until("order/", |o| {
        o["incident"] == id && o["open"] == true && o["kind"] == "verify"
    });
    room.reply(&order, ReplyVerb::Unable, None).expect("heard");
    room.until(&key, |incident| incident["stage"] == "verifying");
}

#[test]
fn rule_15_no_protective_verb_waits_for_a_shift_a_form_or_the_record_of_another() {
    let room = Room::new();
    let (id, order) = room.alarm("P1-001");
    // 代录 needs no step before it: who reports fire by radio is believed.
    let body = json!({
        "order": order["id"], "verb": "report_real", "channel": "radio", "person": order["recipient"],
    });
    room.verb(&id, "record_reply", body).expect("noted");
    room.until(&format!("incident/{id}"), |i| i["stage"] == "fighting");
    let summary = room.until("summary", |_| true);
    assert!(summary["shift"]["first"].is_null(), "nobody is on shift");
}

#[test]
fn rule_16_a_camera_or_a_person_away_never_denies_a_fire_alone() {
    let room = Room::new();
    let (id, _) = room.alarm("P1-001");
    let away = room.verb(&id, "judge_false", json!({ "cause": "steam" }));
    assert_eq!(away.expect_err("nobody there").code, "nobody_at_scene");
    let cctv = json!({ "cause": "steam", "cctv": true, "reason": "no smoke on camera 3" });
    room.verb(&id, "judge_false", cctv).expect("proposed");
    let own = room.verb_as(Role::Supervisor, None, &id, "countersign_false", json!({}));
    assert_eq!(own.expect_err("the same person").code, "countersign_self");
    let incident = room.until(&format!("incident/{id}"), |_| true);
    assert_eq!(incident["stage"], "verifying");
}

#[test]
fn rule_16_a_false_alarm_reported_by_a_person_again_is_open_again() {
    let room = Room::new();
    let (id, order) = room.alarm("P1-001");
    room.reply(&order, ReplyVerb::ReportFalse, Some(Cause::Dust))
        .expect("heard");
    let incident = room.until(&format!("incident/{id}"), |i| i["stage"] == "false_alarm");
    let body = json!({ "compartment": incident["compartment"], "how": "phone" });
    room.verb("site", "report", body).expect("joined");
    let incident = room.until(&format!("incident/{id}"), |i| i["stage"] == "verifying");
    assert_eq!(incident["class"], "suspected");
}
