//! Signing on and off.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_on_is_known_and_signs_off() {
    let house = House::open().await;
    let browser = house.browser();
    refused(browser.get("/api/v1/me").await, 401, "not_signed_on").await;
    let response = browser.sign_on("lead", PASSWORD).await;
    let cookie = response.headers()["set-cookie"].to_str().expect("a cookie");
    assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("Secure"));
    let me: Value = response.json().await.expect("me");
    assert_eq!(
        me,
        json!({
            "account": "lead", "name": "周敏", "role": "supervisor",
            "recipient": "duty-lead", "csrf": me["csrf"],
        })
    );
    let again: Value = browser.get("/api/v1/me").await.json().await.expect("me");
    assert_eq!(me, again);
    let csrf = me["csrf"].as_str().expect("a token");
    let off = || browser.request(Method::DELETE, "/api/v1/session");
    let response = off().send().await.expect("an answer");
    refused(response, 403, "csrf_missing").await;
    let response = off().header("x-fengsui-csrf", csrf).send().await;
    assert_eq!(response.expect("an answer").status(), 204);
    refused(browser.get("/api/v1/me").await, 401, "not_signed_on").await;
    assert!(house.handle.people(|people| people.sessions.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_account_read_the_same() {
    let house = House::open().await;
    let browser = house.browser();
    let wrong = browser.sign_on("op", "Demo").await;
    let wrong = refused(wrong, 401, "sign_on_refused").await;
    let unknown = browser.sign_on("nobody", PASSWORD).await;
    let unknown = refused(unknown, 401, "sign_on_refused").await;
    assert_eq!(wrong, unknown);
    let nothing = browser.post("/api/v1/session", &json!({})).await;
    refused(nothing, 422, "body_session").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_failures_wait_and_a_signed_on_operator_does_not() {
    let house = House::open().await;
    let operator = house.signed_on("op").await;
    let stranger = house.browser();
    for _ in 0..10 {
        refused(stranger.sign_on("op", "no").await, 401, "sign_on_refused").await;
    }
    let response = stranger.sign_on("op", PASSWORD).await;
    let wait = response.headers()["retry-after"].to_str().expect("seconds");
    assert!(wait.parse::<u64>().expect("seconds") <= 61);
    refused(response, 429, "too_many_tries").await;
    let response = operator.verb("/api/v1/site/mute", "1", &json!({})).await;
    assert_eq!(response.status(), 200);
    house.signed_on("lead").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_browser_has_one_session_and_an_account_a_bounded_number() {
    let house = House::open().await;
    let browser = house.signed_on("op").await;
    assert_eq!(browser.sign_on("op", PASSWORD).await.status(), 200);
    let count = || house.handle.people(|people| people.sessions.len());
    assert_eq!(count(), 1);
    for _ in 0..33 {
        house.signed_on("op").await;
    }
    assert_eq!(count(), 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_kept_as_a_hash_only() {
    let house = House::open().await;
    let response = house.browser().sign_on("op", PASSWORD).await;
    let cookie = response.headers()["set-cookie"].to_str().expect("a cookie");
    let token = cookie.split(['=', ';']).nth(1).expect("a token");
    let sessions = house
        .handle
        .people(|people| format!("{:?}", people.sessions));
    assert!(!sessions.contains(token));
    assert!(sessions.contains(&super::super::secret::sha256(token)));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_tabs_of_the_browser_go_on_when_the_same_person_signs_on_again() {
    let house = House::open().await;
    let tab = house.signed_on("op").await;
    let again: Value = tab.sign_on("op", PASSWORD).await.json().await.expect("me");
    assert_eq!(again["csrf"], tab.csrf.clone().expect("a token"));
    let response = tab.verb("/api/v1/site/mute", "1", &json!({})).await;
    assert_eq!(response.status(), 200);
    // Another person is not taken for the one that the other tab shows.
    assert_eq!(tab.sign_on("lead", PASSWORD).await.status(), 200);
    let response = tab.verb("/api/v1/site/mute", "2", &json!({})).await;
    refused(response, 403, "csrf_missing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_after_thirty_days_but_never_during_an_incident() {
    let house = House::open().await;
    let browser = house.signed_on("op").await;
    let mut session = house.handle.people(|people| {
        let session = people.sessions.values().next();
        session.expect("a session").clone()
    });
    session.opened_at.0 -= super::super::auth::SESSION_MAX_MS + 60_000;
    let row = RowChange {
        table: Table::Sessions,
        id: session.id.clone(),
        seq: 0,
        open: false,
        due: None,
        detail: Some(serde_json::to_string(&session).expect("a row")),
    };
    let input = Input::PeopleChanged {
        subject: "account/op".to_owned(),
    };
    let answer = house.handle.submit_with(Actor::System, input, vec![row]);
    answer.await.expect("accepted");
    refused(browser.get("/api/v1/me").await, 401, "not_signed_on").await;
    let (incident, _) = house.alarm().await;
    let path = format!("/api/v1/incidents/{incident}/take");
    assert_eq!(browser.verb(&path, "1", &json!({})).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_is_for_tls_alone_where_the_settings_say_so() {
    let house = House::open().await;
    let mut parts = parts(
        Arc::new(dormitory()),
        house.handle.clone(),
        house.stop.clone(),
    );
    parts.settings.secure_cookies = true;
    let served = super::super::Served::new(parts).expect("a thread");
    let origin = super::super::auth::Origin::Desk;
    let cookie = super::super::session::set_cookie(&served, origin, ("t", 60)).expect("a cookie");
    let words = "fengsui_session=t; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure";
    assert_eq!(cookie, words);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_who_signs_on_in_the_desks_browser_does_not_silence_the_desk() {
    let house = House::open().await;
    let desk = house.signed_on("op").await;
    let of_guard = |method: Method, path: &str| {
        let request = desk.client.request(method, house.url(path));
        request.header("x-fengsui-page", "guard")
    };
    let me = of_guard(Method::GET, "/api/v1/me").send().await;
    let me = me.expect("an answer");
    refused(me, 401, "not_signed_on").await;
    let body = json!({ "account": "post2", "password": PASSWORD });
    let on = of_guard(Method::POST, "/api/v1/session").json(&body);
    let on = on.send().await.expect("an answer");
    let guard: Value = on.json().await.expect("me");
    assert_eq!(guard["account"], "post2");
    // The desk goes on: its session, its token, its stream.
    let me: Value = desk.get("/api/v1/me").await.json().await.expect("me");
    assert_eq!(me["account"], "op");
    let mute = desk.verb("/api/v1/site/mute", "1", &json!({})).await;
    assert_eq!(mute.status(), 200);
    let mut stream = desk.stream("?since=0&device=true&page=guard").await;
    stream.named("heartbeat").await;
    let there = || house.document("recipient/post2").expect("it")["http"] == true;
    house.until(there).await;
    // Each page signs itself off.
    let csrf = guard["csrf"].as_str().expect("a token");
    let off = of_guard(Method::DELETE, "/api/v1/session").header("x-fengsui-csrf", csrf);
    assert_eq!(off.send().await.expect("an answer").status(), 204);
    assert_eq!(desk.get("/api/v1/me").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_who_signed_on_at_the_desk_goes_on_at_his_own_page() {
    let house = House::open().await;
    let guard = house.signed_on("post2").await;
    let request = guard.request(Method::GET, "/api/v1/me");
    let me = request.header("x-fengsui-page", "guard").send().await;
    let me: Value = me.expect("an answer").json().await.expect("me");
    assert_eq!(me["account"], "post2");
}
