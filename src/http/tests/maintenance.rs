//! Maintenance of an output over HTTP: who may, what it asks for first, and what is said of who was before.

use super::*;

const BEGIN: &str = "/api/v1/outputs/GAS-VALVE/maintenance";
const WRITE: &str = "/api/v1/outputs/GAS-VALVE/write";
const END: &str = "/api/v1/outputs/GAS-VALVE/end_maintenance";

fn why() -> Value {
    json!({ "person": "chief-eng", "text": "阀门检修" })
}

impl House {
    async fn in_maintenance(&self) -> Value {
        let status = self.browser().get("/api/v1/status").await;
        let status: Value = status.json().await.expect("a status");
        status["maintenance"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_a_role_and_the_password_and_its_reason_is_in_no_journal() {
    let house = House::open().await;
    for (who, code) in [
        ("view", "role_sees_only"),
        ("post2", "role_sees_only"),
        ("op", "maintenance_role"),
    ] {
        let browser = house.signed_on(who).await;
        for path in [BEGIN, WRITE] {
            let response = browser.verb(path, path, &why()).await;
            refused(response, 403, code).await;
        }
    }
    let leader = house.signed_on("lead").await;
    house.age("lead").await;
    for path in [BEGIN, WRITE] {
        let response = leader.verb(path, path, &why()).await;
        refused(response, 403, "step_up_required").await;
    }
    let proof = json!({ "password": PASSWORD });
    assert_eq!(
        leader.post("/api/v1/session/proof", &proof).await.status(),
        204
    );
    assert_eq!(leader.verb(BEGIN, BEGIN, &why()).await.status(), 200);
    let output = house.document("output/GAS-VALVE").expect("a document");
    let maintenance = &output["maintenance"];
    assert_eq!(
        (&maintenance["by"]["name"], &maintenance["reason"]),
        (&json!("周敏"), &json!("阀门检修"))
    );
    assert_eq!(house.in_maintenance().await, json!(["GAS-VALVE"]));
    assert_eq!(leader.verb(WRITE, WRITE, &json!({})).await.status(), 200);
    let output = house.document("output/GAS-VALVE").expect("a document");
    assert_eq!(output["state"], "asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_by_whom_and_how() {
    let house = House::open().await;
    let leader = house.signed_on("lead").await;
    refused(
        leader.verb(WRITE, "1", &json!({})).await,
        409,
        "maintenance_none",
    )
    .await;
    for (n, (body, code)) in [
        (json!({ "text": "x" }), "maintenance_person"),
        (json!({ "person": "chief-eng" }), "reason_missing"),
        (json!({ "person": [] }), "body_maintenance"),
    ]
    .into_iter()
    .enumerate()
    {
        let response = leader.verb(BEGIN, &format!("b{n}"), &body).await;
        refused(response, 422, code).await;
    }
    let unknown = "/api/v1/outputs/NONE/maintenance";
    refused(
        leader.verb(unknown, "2", &why()).await,
        404,
        "output_unknown",
    )
    .await;
    let no_verb = "/api/v1/outputs/GAS-VALVE/open";
    refused(leader.verb(no_verb, "3", &why()).await, 404, "verb_unknown").await;
    assert_eq!(leader.verb(BEGIN, "4", &why()).await.status(), 200);

    let foreman = house.signed_on("shift").await;
    let response = foreman.verb(BEGIN, "1", &why()).await;
    let problem = refused(response, 409, "maintenance_running").await;
    assert_eq!(problem["settled_by"]["name"], "周敏");
    let response = foreman.verb(WRITE, "2", &json!({})).await;
    let problem = refused(response, 409, "maintenance_of_another").await;
    assert_eq!(problem["settled_by"]["name"], "周敏");

    // Whoever is in the room ends it, at once and without a password.
    let operator = house.signed_on("op").await;
    house.age("op").await;
    assert_eq!(operator.verb(END, "1", &json!({})).await.status(), 200);
    let response = leader.verb(WRITE, "5", &json!({})).await;
    let problem = refused(response, 409, "maintenance_ended").await;
    assert_eq!(problem["settled_by"]["name"], "张伟");
    assert_eq!(house.in_maintenance().await, json!([]));

    assert_eq!(leader.verb(BEGIN, "6", &why()).await.status(), 200);
    let (incident, _) = house.alarm().await;
    let response = leader.verb(WRITE, "7", &json!({})).await;
    let problem = refused(response, 409, "maintenance_overtaken").await;
    assert_eq!(problem["how"], json!(incident));
}
