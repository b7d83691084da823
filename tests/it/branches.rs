//! Both branches of an alarm over real Modbus TCP, the real broker and real HTTP.

use fengsui_sim::guards::script::Script;
use serde_json::{Value, json};

use super::fire::{Fire, OUTPUTS};
use super::site::{TestSite, until};

fn reports(report: &str) -> Script {
    Script {
        accept_after_s: Some(1.0),
        arrive_after_s: Some(10.0),
        report_after_s: Some(2.0),
        report: report.to_owned(),
        done_after_s: Some(2.0),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_alarm_from_the_register_to_the_close() {
    let mut site = TestSite::start(20.0).await;
    false_alarm(&mut site).await;
}

/// A false alarm, whatever the broker.
pub(crate) async fn false_alarm(site: &mut TestSite) {
    site.send_guards(&[("post1", reports("")), ("post2", reports("false:cooking"))]);
    let operator = site.sign_on("operator").await;
    operator
        .sees("summary", |summary| summary["posts"]["online"] == 2)
        .await;
    site.field("/points/P1-005/alarm").await;

    let summary = operator
        .sees("summary", |summary| !summary["first_alarm"].is_null())
        .await;
    assert_eq!(summary["sound"], "fire");
    let first = &summary["first_alarm"];
    assert_eq!(first["point"], "P1-005");
    for place in ["building", "floor", "room", "compartment", "device"] {
        assert!(
            !first[place]["zh"].as_str().expect("words").is_empty(),
            "{place}"
        );
    }
    let id = first["incident"].as_str().expect("an id").to_owned();
    operator
        .does(&format!("incidents/{id}/take"), json!({}))
        .await;
    operator.does("site/mute", json!({})).await;
    operator
        .sees("summary", |summary| !summary["mute"].is_null())
        .await;
    operator
        .sees("point/P1-SILENCED", |point| point["active"] == true)
        .await;

    let key = format!("incident/{id}");
    let incident = operator
        .sees(&key, |incident| incident["stage"] == "false_alarm")
        .await;
    assert_eq!(incident["verdict"]["cause"], "cooking");
    assert_eq!(incident["verdict"]["by"]["id"], "post2");
    let nearest = &incident["choice"][0];
    assert_eq!(
        (nearest["recipient"].as_str(), nearest["chosen"].as_bool()),
        (Some("post2"), Some(true))
    );
    assert!(
        incident["choice"]
            .as_array()
            .is_some_and(|choice| choice.len() == 3)
    );

    site.field("/points/P1-005/normal").await;
    operator
        .does(&format!("incidents/{id}/stop_sounders"), json!({}))
        .await;
    operator
        .does(&format!("incidents/{id}/reset"), json!({}))
        .await;
    operator
        .sees(&key, |incident| incident["stage"] == "closed")
        .await;
    let calm = operator
        .sees("summary", |summary| summary["first_alarm"].is_null())
        .await;
    assert!(calm["sound"].is_null(), "{calm}");
    let timeline = operator.sees(&format!("timeline/{id}"), |_| true).await;
    let keys: Vec<&str> = timeline["lines"]
        .as_array()
        .expect("lines")
        .iter()
        .filter_map(|line| line["line"]["key"].as_str())
        .collect();
    for wanted in [
        "line.first_alarm",
        "line.taken",
        "line.order_replied",
        "line.judged_false",
        "line.closed",
    ] {
        assert!(keys.contains(&wanted), "{wanted} is not in {keys:?}");
    }
    let panel = site.field_says("/writes").await;
    let commands = panel["writes"]
        .as_array()
        .expect("writes")
        .iter()
        .filter(|write| write["command"] == true);
    let values: Vec<_> = commands.map(|write| write["values"][0].as_u64()).collect();
    assert_eq!(
        values,
        [Some(1), Some(2), Some(3)],
        "消音 停止警报 复位, once each"
    );
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_fire_from_the_register_to_the_all_clear() {
    let site = TestSite::start(20.0).await;
    let mut fire = Fire::ready(site).await;
    fire.burn().await;
    assert_eq!(fire.restarts, 0);
    let writes = fire.site.field_says("/writes").await;
    for output in OUTPUTS {
        let count = writes["writes"]
            .as_array()
            .expect("writes")
            .iter()
            .filter(|write| write["output"] == output);
        assert_eq!(count.count(), 1, "{output}");
    }
    fire.site.stop().await;
    let (code, printed) = fire.site.tool(&["verify"]);
    assert_eq!(code, 0, "{printed}");
    let (code, printed) = fire.site.tool(&["rebuild"]);
    assert_eq!(code, 0, "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_lift_stuck_everything_else_starts_within_3_s() {
    let mut site = TestSite::start(20.0).await;
    site.send_guards(&[("post2", reports(""))]);
    site.field("/outputs/D1-LIFT/stuck").await;
    let operator = site.sign_on("operator").await;
    site.field("/points/P1-003/alarm").await;
    let incident = operator.sees("incident/", |_| true).await;
    let id = incident["id"].as_str().expect("an id");
    let confirmed = operator
        .does(&format!("incidents/{id}/confirm_fire"), json!({}))
        .await;
    assert_eq!(confirmed["durable"], "journal");
    let key = format!("incident/{id}");
    let incident = operator.sees(&key, |incident| {
        let rows = incident["linkage"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        rows.iter().filter(|row| row["state"] == "done").count() == OUTPUTS.len() - 2
    });
    let incident = incident.await;
    let at = |row: &Value, name: &str| row[name].as_i64();
    let verdict = incident["verdict"]["at"].as_i64().expect("a time");
    for row in incident["linkage"].as_array().expect("rows") {
        if row["output"] == "D1-LIFT-FEEDER" {
            assert_eq!(row["state"], "waiting");
            continue;
        }
        let sent = at(row, "sent_at").expect("it was sent");
        assert!(
            sent - verdict <= 3_000,
            "{row} was sent {} ms after the verdict",
            sent - verdict
        );
    }
    let writes = site.field_says("/writes").await;
    let feeder = writes["writes"]
        .as_array()
        .expect("writes")
        .iter()
        .any(|w| w["output"] == "D1-LIFT-FEEDER");
    assert!(!feeder, "the feeder waits for the lift");
    site.field("/outputs/D1-LIFT/free").await;
    operator
        .sees("output/D1-LIFT-FEEDER", |output| output["state"] == "done")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_goes_up_the_ladder() {
    let mut site = TestSite::prepare(20.0).await;
    site.edit(
        "procedures.toml",
        "receive_seconds = 15",
        "receive_seconds = 1",
    );
    site.edit(
        "procedures.toml",
        "accept_seconds = 30",
        "accept_seconds = 1",
    );
    site.edit(
        "procedures.toml",
        "arrive_seconds = 180",
        "arrive_seconds = 2",
    );
    site.edit(
        "procedures.toml",
        "verdict_seconds = 300",
        "verdict_seconds = 4",
    );
    site.run();
    site.ready().await;
    let silent = Script::default();
    site.send_guards(&[
        ("post1", silent.clone()),
        ("post2", silent.clone()),
        ("post3", silent),
    ]);
    let operator = site.sign_on("operator").await;
    operator
        .sees("summary", |summary| summary["posts"]["online"] == 3)
        .await;
    site.field("/points/P1-003/alarm").await;
    let incident = operator
        .sees("incident/", |incident| incident["stage"] == "unverified")
        .await;
    assert_eq!(incident["class"], "suspected", "people sleep there");
    assert!(!incident["card119"].is_null(), "the 119 card is open");
    until("all posts ordered", async || {
        let documents = operator.documents().await?;
        let verify = documents
            .values()
            .filter(|document| document["kind"] == "verify")
            .count();
        (verify == 3).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_by_whom_and_how_and_changes_nothing() {
    let mut site = TestSite::start(20.0).await;
    site.send_guards(&[("post2", reports("false:dust"))]);
    let (operator, viewer) = (site.sign_on("operator").await, site.sign_on("viewer").await);
    site.field("/points/P1-003/alarm").await;
    let incident = operator.sees("incident/", |_| true).await;
    let id = incident["id"].as_str().expect("an id").to_owned();
    let path = |verb: &str| format!("incidents/{id}/{verb}");
    let (status, answer) = viewer.verb(&path("take"), json!({})).await;
    assert_eq!(
        (status, answer["code"].as_str()),
        (403, Some("role_sees_only"))
    );
    let (status, answer) = operator.verb(&path("explode"), json!({})).await;
    assert_eq!(
        (status, answer["code"].as_str()),
        (404, Some("verb_unknown"))
    );
    let (status, answer) = operator
        .verb(&path("judge_false"), json!({ "cause": "magic" }))
        .await;
    assert_eq!(
        (status, answer["code"].as_str()),
        (422, Some("body_judge_false"))
    );
    let key = format!("incident/{id}");
    operator
        .sees(&key, |incident| incident["stage"] == "false_alarm")
        .await;
    let (status, answer) = operator
        .verb(&path("judge_false"), json!({ "cause": "dust" }))
        .await;
    assert_eq!(
        (status, answer["code"].as_str()),
        (409, Some("verdict_given"))
    );
    assert_eq!(
        (answer["settled_by"]["id"].as_str(), answer["how"].as_str()),
        (Some("post2"), Some("false"))
    );
    for language in ["zh", "en"] {
        assert!(
            answer["detail"][language]
                .as_str()
                .is_some_and(|words| !words.is_empty())
        );
    }
    let first = operator
        .verb_with_key(&path("take"), json!({}), "same")
        .await;
    let again = operator
        .verb_with_key(&path("take"), json!({}), "same")
        .await;
    assert_eq!(first, again, "the same key gets the same answer");
    let (status, answer) = operator
        .verb_with_key(&path("take"), json!({ "other": 1 }), "same")
        .await;
    assert_eq!(
        (status, answer["code"].as_str()),
        (422, Some("idempotency_key_reused"))
    );
    operator
        .sees("recent", |recent| {
            let lines = recent["lines"].as_array().map_or(&[][..], Vec::as_slice);
            lines
                .iter()
                .filter(|line| line["line"]["key"] == "line.refused")
                .count()
                >= 3
        })
        .await;
}
