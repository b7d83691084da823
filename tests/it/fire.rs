//! A whole real fire, pressed and answered by people who try again when the daemon is away: what the kill test interrupts.

use std::time::Duration;

use fengsui_sim::guards::script::Script;
use serde_json::{Value, json};

use super::site::{Person, SOON, TestSite};

/// The detector that alarms.
pub(crate) const DETECTOR: &str = "P1-010";
/// The outputs of the fire's plan.
pub(crate) const OUTPUTS: [&str; 7] = [
    "D1-SOUNDER",
    "D1-DOORS",
    "D1-LIFT",
    "GAS-VALVE",
    "HYDRANT-PUMP",
    "D1-FEEDER",
    "D1-LIFT-FEEDER",
];

/// A fire in the dormitory while the daemon may end at any moment.
pub(crate) struct Fire {
    pub(crate) site: TestSite,
    pub(crate) operator: Person,
    pub(crate) leader: Person,
    /// How often the daemon had ended and was started again.
    pub(crate) restarts: u32,
    keys: u32,
}

impl Fire {
    /// Everything ready, nothing burning yet.
    pub(crate) async fn ready(mut site: TestSite) -> Self {
        let verify = |report: &str| Script {
            accept_after_s: Some(1.0),
            arrive_after_s: Some(4.0),
            report_after_s: Some(2.0),
            report: report.to_owned(),
            done_after_s: Some(2.0),
        };
        site.send_guards(&[
            ("post1", verify("")),
            ("post2", verify("real")),
            ("post3", verify("")),
            ("duty-lead", verify("")),
            ("director", verify("")),
            ("warden", verify("")),
            ("chief-eng", verify("")),
        ]);
        let operator = site.sign_on("operator").await;
        let leader = site.sign_on("leader").await;
        operator
            .sees("summary", |summary| summary["posts"]["online"] == 3)
            .await;
        Self {
            site,
            operator,
            leader,
            restarts: 0,
            keys: 0,
        }
    }

    /// From the first signal to the close of the incident. Returns its last document.
    pub(crate) async fn burn(&mut self) -> Value {
        let id = self.fight().await;
        self.end(&id).await
    }

    /// From the first signal until every output is in place and every order is answered. Returns the incident's id.
    pub(crate) async fn fight(&mut self) -> String {
        self.site.field(&format!("/points/{DETECTOR}/alarm")).await;
        let incident = self.document("incident/", |_| true).await;
        let id = incident["id"].as_str().expect("an id").to_owned();
        let key = format!("incident/{id}");
        self.press(false, &format!("incidents/{id}/take"), json!({}))
            .await;
        self.document(&key, |incident| incident["stage"] == "fighting")
            .await;
        self.press(
            false,
            &format!("incidents/{id}/call_119"),
            json!({ "connected": true }),
        )
        .await;
        self.document(&key, |incident| {
            let rows = incident["linkage"]
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            rows.len() == OUTPUTS.len() && rows.iter().all(settled)
        })
        .await;
        self.document("order/warden/", |order| {
            order["kind"] == "group" && order["state"] == "done"
        })
        .await;
        self.document("order/director/", |order| {
            order["kind"] == "report" && order["state"] == "done"
        })
        .await;
        id
    }

    /// From the all-clear to the close.
    pub(crate) async fn end(&mut self, id: &str) -> Value {
        let key = format!("incident/{id}");
        for (verb, body) in [
            ("fire_out", json!({})),
            ("head_count", json!({ "present": 300, "missing": 0 })),
            ("casualties", json!({ "count": 0, "accounted": 0 })),
            ("name_watch", json!({ "person": "post2" })),
        ] {
            self.press(false, &format!("incidents/{id}/{verb}"), body)
                .await;
        }
        // Whoever was first reachable holds command; after a restart that may be another one.
        for verb in ["take_command", "handed_back"] {
            self.press(true, &format!("incidents/{id}/{verb}"), json!({}))
                .await;
        }
        self.press(true, &format!("incidents/{id}/all_clear"), json!({}))
            .await;
        let incident = self
            .document(&key, |incident| incident["stage"] == "restoring")
            .await;
        self.site.field(&format!("/points/{DETECTOR}/normal")).await;
        let items = incident["restore"].as_array().expect("items").clone();
        for item in items {
            let body = json!({ "item": item["id"], "person": "chief-eng" });
            self.press(false, &format!("incidents/{id}/restore"), body)
                .await;
        }
        // A reset is a stroke: when the daemon ended in the middle of it nobody repeats it but a person.
        for _ in 0..3 {
            self.press(true, &format!("incidents/{id}/reset"), json!({}))
                .await;
            let closed = |incident: &Value| incident["stage"] == "closed";
            if let Ok(incident) = self.document_within(SOON / 5, &key, closed).await {
                return incident;
            }
        }
        panic!("the incident does not close");
    }

    /// Presses a button as often as it takes; the key makes the repeats harmless. What is settled already is fine.
    async fn press(&mut self, as_leader: bool, path: &str, body: Value) {
        self.keys += 1;
        let key = format!("press-{}", self.keys);
        let mut pause = tokio::time::interval(Duration::from_millis(30));
        for _ in 0..SOON.as_millis() / 30 {
            pause.tick().await;
            self.revive();
            let person = if as_leader {
                &self.leader
            } else {
                &self.operator
            };
            match person.try_verb(path, body.clone(), &key).await {
                Some((200 | 409, _)) => return,
                Some((503, _)) | None => {}
                Some((status, answer)) => panic!("{path}: {status} {answer}"),
            }
        }
        panic!("{path} was not done in {} s", SOON.as_secs());
    }

    /// A document, once it is as wanted, over restarts.
    pub(crate) async fn document(&mut self, prefix: &str, is: impl Fn(&Value) -> bool) -> Value {
        match self.document_within(SOON, prefix, is).await {
            Ok(document) => document,
            Err(last) => panic!("{prefix} was not as wanted; it is {last:#}"),
        }
    }

    /// As [`Fire::document`] within a bound; else the last one that was seen.
    async fn document_within(
        &mut self,
        bound: Duration,
        prefix: &str,
        is: impl Fn(&Value) -> bool,
    ) -> Result<Value, Value> {
        let mut last = Value::Null;
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..bound.as_millis() / 20 {
            pause.tick().await;
            self.revive();
            let Some(documents) = self.operator.documents().await else {
                continue;
            };
            for (key, document) in documents {
                if key.starts_with(prefix) {
                    if is(&document) {
                        return Ok(document);
                    }
                    last = document;
                }
            }
        }
        Err(last)
    }

    fn revive(&mut self) {
        self.restarts += u32::from(self.site.revive());
    }
}

/// A row of the plan that needs nothing more: in place, or a person is on it.
fn settled(row: &Value) -> bool {
    row["state"] == "done" || !row["by_hand"].is_null()
}
