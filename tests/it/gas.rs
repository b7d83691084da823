//! A gas leak over real Modbus: the gas controller's high limit closes the detector's own valve and starts its fan over the wire,
//! and switches nothing else; people are warned, and the case is closed by its steps.

use fengsui_sim::guards::script::Script;
use serde_json::{Value, json};

use super::site::TestSite;

/// The detector at the cooking line, on the gas controller.
const DETECTOR: &str = "G1-001";
/// What it starts: its own valve, and its exhaust.
const OWN: [&str; 2] = ["C1-EXHAUST", "GAS-VALVE"];

fn finds(report: &str) -> Script {
    Script {
        accept_after_s: Some(1.0),
        arrive_after_s: Some(10.0),
        report_after_s: Some(2.0),
        report: report.to_owned(),
        done_after_s: Some(2.0),
    }
}

/// Outputs that were written over the wire, each as often as it was, and commands to panels.
async fn written(site: &TestSite) -> Vec<String> {
    let writes = site.field_says("/writes").await;
    let writes = writes["writes"].as_array().expect("writes").clone();
    let name = |write: &Value| match write["output"].as_str() {
        Some(output) => output.to_owned(),
        None => format!("{} {}", write["link"], write["values"]),
    };
    let mut names: Vec<_> = writes.iter().map(name).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gas_leak_from_the_register_to_the_close() {
    let mut site = TestSite::start_whole(20.0).await;
    site.send_guards(&[
        ("post1", finds("real")),
        ("post2", finds("real")),
        ("post3", finds("real")),
        ("duty-lead", finds("")),
    ]);
    let operator = site.sign_on("operator").await;
    operator
        .sees("summary", |summary| summary["posts"]["online"] == 3)
        .await;

    // The low limit sends a post, with the caution, and switches nothing.
    site.field(&format!("/points/{DETECTOR}/gas?level=low"))
        .await;
    let order = operator
        .sees("order/", |order| order["kind"] == "verify")
        .await;
    assert_eq!(order["incident_kind"], "gas", "{order}");
    let body = order["body"]["zh"].as_str().expect("words");
    for caution in ["勿开关电器", "手机", "上风向"] {
        assert!(body.contains(caution), "{body}");
    }
    let id = order["incident"].as_str().expect("an id").to_owned();
    let (key, at) = (format!("incident/{id}"), format!("incidents/{id}"));
    let summary = operator.sees("summary", |s| !s["sound"].is_null()).await;
    assert_eq!(summary["sound"], "gas", "no fire tone for a leak");
    assert_eq!(written(&site).await, Vec::<String>::new());

    // The high limit: valve and fan over the wire, shown by their own feedback.
    site.field(&format!("/points/{DETECTOR}/gas?level=high"))
        .await;
    for output in OWN {
        operator
            .sees(&format!("output/{output}"), |o| o["state"] == "done")
            .await;
    }
    let outputs = site.field_says("/outputs").await;
    let outputs = outputs.as_array().expect("outputs");
    let moved = outputs.iter().filter(|one| one["feedback"] == true);
    let mut moved: Vec<_> = moved.filter_map(|one| one["id"].as_str()).collect();
    moved.sort_unstable();
    assert_eq!(moved, OWN, "and nothing else moved in the field");

    // People: the posts find gas, the room ticks what it has done.
    for verb in ["take", "evacuated", "gas_company", "cordon"] {
        operator.does(&format!("{at}/{verb}"), json!({})).await;
    }
    let call = json!({ "connected": true });
    operator.does(&format!("{at}/call_119"), call).await;
    let incident = operator.sees(&key, |i| i["stage"] == "fighting").await;
    let report = incident["steps"].as_array().expect("steps");
    let report = report.iter().find(|step| step["id"] == "people_report");
    assert_eq!(report.expect("a step")["who"]["kind"], "recipient");

    // The readings are normal again and a person resets the gas controller, which latches: the checklist, the valve by hand and last.
    site.field(&format!("/points/{DETECTOR}/normal")).await;
    site.field("/panels/gas1/reset").await;
    let incident = operator.sees(&key, |i| i["stage"] == "restoring").await;
    let items = incident["restore"].as_array().expect("items");
    let items: Vec<_> = items
        .iter()
        .filter_map(|item| item["id"].as_str())
        .collect();
    assert_eq!(
        items,
        ["leak_test", "C1-EXHAUST", "GAS-VALVE", "people_back"]
    );
    let restore = format!("{at}/restore");
    let tick = |item: &str| json!({ "item": item, "person": "chief-eng" });
    let (status, early) = operator.verb(&restore, tick("GAS-VALVE")).await;
    assert_eq!((status, &early["code"]), (409, &json!("restore_first")));
    for item in items {
        operator.does(&restore, tick(item)).await;
    }
    operator.sees(&key, |i| i["stage"] == "closed").await;
    operator.sees("summary", |s| s["sound"].is_null()).await;
    assert_eq!(
        written(&site).await,
        OWN,
        "each once, and nothing was opened"
    );
    site.stop().await;
    let (code, printed) = site.tool(&["verify"]);
    assert_eq!(code, 0, "{printed}");
    let (code, printed) = site.tool(&["rebuild"]);
    assert_eq!(code, 0, "{printed}");
}
