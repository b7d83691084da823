//! The people's side of a fire over real sockets: groups and deputies, command handed over and to the brigade, what the all-clear
//! waits for, the checklist in its order; and a fire that no detector has seen, answered by radio.

use fengsui_sim::guards::script::Script;
use serde_json::{Value, json};

use super::fire::DETECTOR;
use super::site::{Person, TestSite};

fn answers(report: &str) -> Script {
    Script {
        accept_after_s: Some(1.0),
        arrive_after_s: Some(4.0),
        report_after_s: Some(2.0),
        report: report.to_owned(),
        done_after_s: Some(600.0),
    }
}

async fn refused(person: &Person, path: &str, body: Value, code: &str) -> Value {
    let (status, problem) = person.verb(path, body).await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (409, Some(code)),
        "{problem}"
    );
    problem
}

#[tokio::test(flavor = "multi_thread")]
async fn six_groups_a_hand_over_the_brigade_and_the_restore_in_order() {
    let mut site = TestSite::start(20.0).await;
    // The warden's device is not there: his group goes to the deputy.
    site.send_guards(&[
        ("post1", answers("")),
        ("post2", answers("real")),
        ("duty-lead", answers("")),
        ("director", answers("")),
        ("chief-eng", answers("")),
    ]);
    let operator = site.sign_on("operator").await;
    let leader = site.sign_on("leader").await;
    for id in ["post1", "post2", "duty-lead", "director", "chief-eng"] {
        let key = format!("recipient/{id}");
        operator
            .sees(&key, |recipient| recipient["online"] == true)
            .await;
    }
    site.field(&format!("/points/{DETECTOR}/alarm")).await;
    let incident = operator.sees("incident/", |_| true).await;
    let id = incident["id"].as_str().expect("an id").to_owned();
    let (key, at) = (format!("incident/{id}"), format!("incidents/{id}"));
    operator.does(&format!("{at}/take"), json!({})).await;
    let filled = |group: &Value| group["state"] == "accepted" || group["state"] == "arrived";
    let incident = operator
        .sees(&key, |incident| {
            let groups = incident["groups"].as_array().map_or(&[][..], Vec::as_slice);
            groups.len() == 6 && groups.iter().all(filled)
        })
        .await;
    let evacuate = &incident["groups"][2];
    assert_eq!(evacuate["leader"]["id"], "post2", "{evacuate}");
    assert_eq!(evacuate["deputy"], true);
    let order = operator
        .sees("order/warden/", |order| order["group"] == "evacuate")
        .await;
    assert_eq!(order["open"], true, "the original stays open");
    assert_eq!(incident["command"]["holder"]["id"], "duty-lead");

    // Command goes to the director and back: an act of both, the answers on their phones.
    leader
        .does(&format!("{at}/offer_command"), json!({ "to": "director" }))
        .await;
    operator
        .sees(&key, |i| i["command"]["holder"]["id"] == "director")
        .await;
    let back = json!({ "to": "duty-lead", "channel": "radio" });
    operator.does(&format!("{at}/offer_command"), back).await;
    operator
        .sees(&key, |i| i["command"]["holder"]["id"] == "duty-lead")
        .await;

    let call = json!({ "outcome": "connected", "used": "mobile" });
    operator.does(&format!("{at}/call_119"), call).await;
    let more = json!({ "outcome": "follow_up", "text": "三楼有人被困" });
    operator.does(&format!("{at}/call_119"), more).await;
    operator
        .does(
            &format!("{at}/brigade_command"),
            json!({ "name": "李队长" }),
        )
        .await;
    let incident = operator
        .sees(&key, |i| !i["command"]["brigade"].is_null())
        .await;
    assert_eq!(incident["command"]["brigade"]["name"], "李队长");
    assert_eq!(incident["card119"]["calls"][1]["text"], "三楼有人被困");

    let early = refused(
        &leader,
        &format!("{at}/all_clear"),
        json!({}),
        "preconditions_open",
    )
    .await;
    assert!(
        early["how"]
            .as_str()
            .is_some_and(|how| how.contains("head_count")),
        "{early}"
    );
    for (verb, body) in [
        ("fire_out", json!({})),
        ("head_count", json!({ "present": 300, "missing": 0 })),
        ("casualties", json!({ "count": 1, "accounted": 1 })),
        ("name_watch", json!({ "person": "post2" })),
    ] {
        operator.does(&format!("{at}/{verb}"), body).await;
    }
    leader.does(&format!("{at}/handed_back"), json!({})).await;
    operator
        .sees(&key, |i| {
            let all = i["preconditions"].as_array().map_or(&[][..], Vec::as_slice);
            !all.is_empty() && all.iter().all(|found| found["met"] == true)
        })
        .await;
    leader.does(&format!("{at}/all_clear"), json!({})).await;
    let incident = operator.sees(&key, |i| i["stage"] == "restoring").await;
    let gas = json!({ "item": "GAS-VALVE", "person": "chief-eng" });
    refused(&operator, &format!("{at}/restore"), gas, "restore_first").await;
    let feeder = json!({ "item": "D1-FEEDER", "person": "chief-eng" });
    refused(&operator, &format!("{at}/restore"), feeder, "restore_first").await;
    site.field(&format!("/points/{DETECTOR}/normal")).await;
    for item in incident["restore"].as_array().expect("items") {
        let body = json!({ "item": item["id"], "person": "chief-eng" });
        operator.does(&format!("{at}/restore"), body).await;
    }
    leader.does(&format!("{at}/reset"), json!({})).await;
    operator.sees(&key, |i| i["stage"] == "closed").await;
    let record = operator
        .sees(&format!("record/{id}"), |record| record["ended"] == true)
        .await;
    assert_eq!(record["missing"], json!([]), "{record}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_by_telephone_is_verified_by_radio() {
    let mut site = TestSite::start(20.0).await;
    let operator = site.sign_on("operator").await;
    let report = json!({
        "compartment": "D1-2A", "room": "203", "how": "phone",
        "caller": "李四", "phone": "13800138000", "text": "203 冒烟",
    });
    operator.does("site/report", report).await;
    let incident = operator.sees("incident/", |_| true).await;
    let id = incident["id"].as_str().expect("an id").to_owned();
    let at = format!("incidents/{id}");
    let reported =
        json!({ "by": "李四", "phone_last4": "8000", "how": "phone", "text": "203 冒烟" });
    assert_eq!(incident["reported"], reported);
    let order = operator
        .sees("order/", |order| order["kind"] == "verify")
        .await;
    for verb in ["accept", "arrive", "report_real"] {
        let body = json!({
            "order": order["id"], "verb": verb, "channel": "radio", "person": order["recipient"],
        });
        operator.does(&format!("{at}/record_reply"), body).await;
    }
    let incident = operator
        .sees("incident/", |incident| incident["stage"] == "fighting")
        .await;
    assert!(!incident["linkage"].as_array().expect("rows").is_empty());
    let timeline = operator.sees(&format!("timeline/{id}"), |_| true).await;
    let lines = timeline["lines"].as_array().expect("lines");
    let recorded = lines
        .iter()
        .filter(|line| line["line"]["key"] == "line.reply_recorded");
    assert_eq!(recorded.count(), 3, "each is marked");

    // A guard at another place says that it burns there too.
    let post = site.sign_on("post2").await;
    let fire = json!({ "compartment": "C1-1K", "real": true });
    post.does("reports", fire).await;
    operator
        .sees("incident/", |incident| {
            incident["compartment"] == "C1-1K" && incident["stage"] == "fighting"
        })
        .await;
    site.stop().await;
}
