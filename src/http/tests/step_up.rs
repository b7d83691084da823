//! What weakens protection asks for the password again; what protects never does (DESIGN.md 4, rule 15).

use super::*;
use crate::domain::weight::{PROTECTIVE, WEAKENING};

impl House {
    /// The session of an account was opened long ago.
    pub(super) async fn age(&self, account: &str) {
        let mut session = self.handle.people(|people| {
            let mut sessions = people.sessions.values();
            let session = sessions.find(|session| session.account.as_str() == account);
            session.expect("a session").clone()
        });
        let mut then = self.handle.now().engine;
        then.0 -= 301_000;
        session.proved_at = Some(then);
        let row = RowChange {
            table: Table::Sessions,
            id: session.id.clone(),
            seq: 0,
            open: false,
            due: None,
            detail: Some(serde_json::to_string(&session).expect("a row")),
        };
        let input = Input::PeopleChanged {
            subject: format!("account/{account}"),
        };
        let answer = self.handle.submit_with(Actor::System, input, vec![row]);
        answer.await.expect("accepted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weakening_verb_asks_for_the_password_and_is_repeated_under_its_key() {
    let house = House::open().await;
    let leader = house.signed_on("lead").await;
    let manual = json!({ "mode": "manual", "reason": "检修" });
    house.age("lead").await;
    let before = house.handle.seq();
    let path = "/api/v1/site/mode";
    let response = leader.verb(path, "k", &manual).await;
    refused(response, 403, "step_up_required").await;
    assert_eq!(house.handle.seq(), before, "nothing was done");
    let prove = async |password: &str| {
        let body = json!({ "password": password });
        leader.post("/api/v1/session/proof", &body).await
    };
    refused(prove("guess").await, 403, "proof_refused").await;
    let response = leader.verb(path, "k", &manual).await;
    refused(response, 403, "step_up_required").await;
    assert_eq!(prove(PASSWORD).await.status(), 204);
    let done = leader.verb(path, "k", &manual).await;
    assert_eq!(done.status(), 200);
    let empty = leader.post("/api/v1/session/proof", &json!({})).await;
    refused(empty, 422, "body_proof").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_weakening_verb_asks_and_no_protective_verb_ever_does() {
    let house = House::open().await;
    let (incident, _) = house.alarm().await;
    let leader = house.signed_on("lead").await;
    house.age("lead").await;
    for (n, verb) in WEAKENING.into_iter().enumerate() {
        let path = match verb {
            "maintenance" | "write" => format!("/api/v1/outputs/GAS-VALVE/{verb}"),
            verb => format!("/api/v1/incidents/{incident}/{verb}"),
        };
        let response = leader.verb(&path, &format!("w{n}"), &json!({})).await;
        refused(response, 403, "step_up_required").await;
    }
    let to_manual = json!({ "mode": "manual", "reason": "x" });
    let response = leader.verb("/api/v1/site/mode", "w", &to_manual).await;
    refused(response, 403, "step_up_required").await;

    let of_the_room = ["mute", "report", "take_over"];
    for (n, verb) in PROTECTIVE.into_iter().enumerate() {
        let path = match verb {
            "start" | "end_maintenance" => format!("/api/v1/outputs/GAS-VALVE/{verb}"),
            verb if of_the_room.contains(&verb) => format!("/api/v1/site/{verb}"),
            verb => format!("/api/v1/incidents/{incident}/{verb}"),
        };
        let response = leader.verb(&path, &format!("p{n}"), &json!({})).await;
        let status = response.status();
        let answer: Value = response.json().await.expect("an answer");
        // It may miss its body or its step here; the password is never what it misses.
        assert_ne!(answer["code"], "step_up_required", "{verb}: {status}");
    }
    let auto = json!({ "mode": "auto" });
    let response = leader.verb("/api/v1/site/mode", "auto", &auto).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_weakens_nothing_and_who_may_only_look_is_refused_for_that() {
    let house = House::open().await;
    let (incident, _) = house.alarm().await;
    let path = format!("/api/v1/incidents/{incident}/reset");
    let token = house.token("robot", Role::Supervisor, None).await;
    let request = house.browser().request(Method::POST, &path);
    let request = request.bearer_auth(&token).header("idempotency-key", "1");
    let answer = request.json(&json!({})).send().await.expect("an answer");
    refused(answer, 403, "person_only").await;
    let viewer = house.signed_on("view").await;
    house.age("view").await;
    let response = viewer.verb(&path, "1", &json!({})).await;
    refused(response, 403, "role_sees_only").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_the_password_is_limited_and_holds_up_no_protective_verb() {
    let house = House::open().await;
    let (incident, _) = house.alarm().await;
    let operator = house.signed_on("op").await;
    for _ in 0..10 {
        let body = json!({ "password": "guess" });
        let response = operator.post("/api/v1/session/proof", &body).await;
        refused(response, 403, "proof_refused").await;
    }
    let body = json!({ "password": PASSWORD });
    let response = operator.post("/api/v1/session/proof", &body).await;
    refused(response, 429, "too_many_tries").await;
    let take = format!("/api/v1/incidents/{incident}/take");
    assert_eq!(operator.verb(&take, "1", &json!({})).await.status(), 200);
}
