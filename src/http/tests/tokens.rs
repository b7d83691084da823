//! Programs with a token, and accounts that are disabled.

use super::*;
use crate::engine::ports::TokenRow;

impl House {
    pub(super) async fn token(&self, name: &str, role: Role, good_for_ms: Option<i64>) -> String {
        let token = format!("fengsui_{name}");
        let now = self.handle.now().wall;
        let mut ends = now;
        ends.0 += good_for_ms.unwrap_or(0);
        let token_row = TokenRow {
            name: name.to_owned(),
            role,
            made_at: now,
            ends_at: good_for_ms.map(|_| ends),
        };
        let row = RowChange {
            table: Table::Tokens,
            id: super::super::secret::sha256(&token),
            seq: 0,
            open: false,
            due: None,
            detail: Some(serde_json::to_string(&token_row).expect("a row")),
        };
        let subject = format!("token/{name}");
        let input = Input::PeopleChanged { subject };
        let answer = self.handle.submit_with(Actor::System, input, vec![row]);
        answer.await.expect("accepted");
        token
    }
}

fn with(house: &House, token: &str, method: Method, path: &str) -> RequestBuilder {
    house.browser().request(method, path).bearer_auth(token)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_acts_by_its_role_without_cookie_and_without_csrf() {
    let house = House::open().await;
    let (incident, _) = house.alarm().await;
    let operates = house.token("robot", Role::Operator, None).await;
    let watches = house.token("screen", Role::Viewer, Some(60_000)).await;
    let take = format!("/api/v1/incidents/{incident}/take");
    let verb = |token: &str| {
        let request = with(&house, token, Method::POST, &take);
        request.header("idempotency-key", "1").json(&json!({}))
    };
    let refusal = verb(&watches).send().await.expect("an answer");
    refused(refusal, 403, "role_sees_only").await;
    assert_eq!(verb(&operates).send().await.expect("done").status(), 200);
    let document = house.document("incident/").expect("an incident");
    let by = json!({ "kind": "account", "id": "program:robot", "name": "program:robot" });
    assert_eq!(document["taken"]["by"], by);
    let me = with(&house, &watches, Method::GET, "/api/v1/me")
        .send()
        .await;
    let me: Value = me.expect("an answer").json().await.expect("me");
    assert_eq!(me["csrf"], "");
    let off = with(&house, &watches, Method::DELETE, "/api/v1/session");
    refused(off.send().await.expect("an answer"), 403, "session_only").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_unknown_or_over_opens_nothing_even_beside_a_good_cookie() {
    let house = House::open().await;
    let over = house.token("old", Role::Viewer, Some(-1)).await;
    let operator = house.signed_on("op").await;
    for token in ["fengsui_nobody", &over, ""] {
        let request = operator.request(Method::GET, "/api/v1/me");
        let answer = request.bearer_auth(token).send().await.expect("an answer");
        refused(answer, 401, "token_refused").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_a_program_ends_when_its_token_is_revoked() {
    let house = House::open().await;
    let token = house.token("screen", Role::School, None).await;
    let request = with(&house, &token, Method::GET, "/api/v1/stream");
    let response = request.timeout(10 * BOUND).send().await.expect("an answer");
    let mut events = Events {
        bytes: response.bytes_stream().boxed(),
        read: Vec::new(),
    };
    events.named("heartbeat").await;
    let row = RowChange {
        table: Table::Tokens,
        id: super::super::secret::sha256(&token),
        seq: 0,
        open: false,
        due: None,
        detail: None,
    };
    let input = Input::PeopleChanged {
        subject: "token/screen".to_owned(),
    };
    let answer = house.handle.submit_with(Actor::System, input, vec![row]);
    answer.await.expect("accepted");
    while events.next().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_neither_signs_on_nor_stays() {
    let house = House::open().await;
    let browser = house.signed_on("view").await;
    let mut account = house
        .handle
        .people(|people| people.accounts["view"].clone());
    account.disabled = true;
    let row = RowChange {
        table: Table::Accounts,
        id: "view".to_owned(),
        seq: 0,
        open: false,
        due: None,
        detail: Some(serde_json::to_string(&account).expect("a row")),
    };
    let input = Input::PeopleChanged {
        subject: "account/view".to_owned(),
    };
    let answer = house.handle.submit_with(Actor::System, input, vec![row]);
    answer.await.expect("accepted");
    refused(browser.get("/api/v1/me").await, 401, "not_signed_on").await;
    let again = house.browser().sign_on("view", PASSWORD).await;
    refused(again, 401, "sign_on_refused").await;
}
