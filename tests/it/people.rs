//! Accounts and tokens from the command line: before the daemon ever ran, and through the running one.

use serde_json::Value;

use super::site::TestSite;

/// Status and body of a request with a token.
async fn asked(site: &TestSite, path: &str, token: &str) -> (u16, Value) {
    let client = reqwest::Client::new();
    let request = client
        .get(format!("{}{path}", site.http))
        .bearer_auth(token);
    let answer = request.send().await.expect("an answer");
    (
        answer.status().as_u16(),
        answer.json().await.unwrap_or_default(),
    )
}

async fn signs_on(site: &TestSite, account: &str, password: &str) -> u16 {
    let client = reqwest::Client::new();
    let body = serde_json::json!({ "account": account, "password": password });
    let request = client
        .post(format!("{}/api/v1/session", site.http))
        .json(&body);
    request.send().await.expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_account_is_made_at_the_terminal_and_until_then_it_is_said_how() {
    let mut site = TestSite::prepare(20.0).await;
    std::fs::remove_dir_all(site.data()).expect("removed");
    std::fs::create_dir(site.data()).expect("an empty folder");
    site.run();
    let status = site
        .status_until("ready", |status| status["ready"] == true)
        .await;
    assert_eq!(
        status["first_account"],
        "fengsui user add NAME --role director"
    );
    let address = site.http.trim_start_matches("http://").to_owned();
    let (code, printed) = site.bare(&["status", "--address", &address]);
    assert_eq!(code, 0);
    assert!(printed.contains("fengsui user add"), "{printed}");
    // No terminal and no file: nothing is made up.
    let (code, printed) = site.tool(&["user", "add", "chief", "--role", "director"]);
    assert_eq!(code, 64, "{printed}");
    let file = site.secret("first password\n");
    let add = [
        "user",
        "add",
        "chief",
        "--role",
        "director",
        "--password-file",
        &file,
    ];
    assert_eq!(site.tool(&add), (0, String::new()));
    assert_eq!(signs_on(&site, "chief", "first password").await, 200);
    let status = site
        .status_until("known", |status| status["ready"] == true)
        .await;
    assert_eq!(status["first_account"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_listed_disabled_and_given_passwords_while_the_daemon_runs() {
    let mut site = TestSite::prepare(20.0).await;
    let (code, before) = site.tool(&["user", "list"]);
    assert_eq!(code, 0);
    assert!(
        before.contains("operator\toperator\tactive\t-\t张伟"),
        "{before}"
    );
    site.run();
    site.status_until("ready", |status| status["ready"] == true)
        .await;
    let (_, through) = site.tool(&["user", "list"]);
    assert_eq!(through, before, "the same with and without a daemon");
    let operator = site.sign_on("operator").await;
    assert_eq!(
        site.tool(&["user", "disable", "operator"]),
        (0, String::new())
    );
    assert_eq!(signs_on(&site, "operator", "secret").await, 401);
    let (status, _) = operator.verb("site/mute", serde_json::json!({})).await;
    assert_eq!(status, 401, "its sessions have ended");
    let (code, printed) = site.tool(&["user", "disable", "leader"]);
    assert_eq!(code, 64, "the last one that leads stays: {printed}");
    let file = site.secret("another one\n");
    let new = ["user", "password", "operator", "--password-file", &file];
    assert_eq!(site.tool(&new), (0, String::new()));
    assert_eq!(
        site.tool(&["user", "enable", "operator"]),
        (0, String::new())
    );
    assert_eq!(signs_on(&site, "operator", "secret").await, 401);
    assert_eq!(signs_on(&site, "operator", "another one").await, 200);
    let (code, printed) = site.tool(&["user", "password", "nobody", "--password-file", &file]);
    assert_eq!(code, 64, "{printed}");
    let (_, after) = site.tool(&["user", "list"]);
    assert_eq!(after, before);
    let (code, printed) = site.tool(&["user", "add", "x", "--role", "chief"]);
    assert_eq!(code, 2);
    assert!(
        printed.contains("foreman") && printed.contains("school"),
        "{printed}"
    );
    site.stop().await;
    assert_eq!(site.tool(&["user", "list"]).1, before);
    let (code, printed) = site.tool(&["verify"]);
    assert_eq!(code, 0, "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_has_a_token_with_a_role_until_it_is_revoked() {
    let mut site = TestSite::prepare(20.0).await;
    site.run();
    site.status_until("ready", |status| status["ready"] == true)
        .await;
    let add = ["token", "add", "board", "--role", "school", "--days", "30"];
    let (code, token) = site.tool(&add);
    assert_eq!(code, 0, "{token}");
    let (status, me) = asked(&site, "/api/v1/me", &token).await;
    assert_eq!(
        (status, &me["account"]),
        (200, &Value::from("program:board"))
    );
    let (_, listed) = site.tool(&["token", "list"]);
    assert_eq!(listed, "board\tschool\t29 days left");
    assert!(!listed.contains(&token));
    // Through the daemon's own mouth and through its files: the token is nowhere.
    site.stop().await;
    let journal = std::fs::read(site.data().join("fengsui.db")).expect("a file");
    assert!(
        !journal
            .windows(token.len())
            .any(|part| part == token.as_bytes())
    );
    assert_eq!(site.tool(&["token", "revoke", "board"]), (0, String::new()));
    site.run();
    site.status_until("ready", |status| status["ready"] == true)
        .await;
    let (status, problem) = asked(&site, "/api/v1/me", &token).await;
    assert_eq!(
        (status, &problem["code"]),
        (401, &Value::from("token_refused"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staff_list_is_imported_whole_or_not_at_all() {
    let site = TestSite::start(20.0).await;
    let lines = |role: &str| {
        let line = |n: usize| format!("staff{n},员工{n},{role},\n");
        let all: String = (0..450).map(line).collect();
        format!("account,name,role,recipient\n{all}")
    };
    let wrong = site.secret(&lines("king"));
    let (code, printed) = site.tool(&["user", "import", &wrong]);
    assert_eq!(code, 64, "{printed}");
    assert!(printed.contains("secret:2: the roles are"), "{printed}");
    assert!(printed.contains("nothing was imported"), "{printed}");
    let right = site.secret(&lines("viewer"));
    let (code, printed) = site.tool(&["user", "import", &right]);
    assert_eq!((code, printed.as_str()), (0, "450 accounts"));
    let (_, printed) = site.tool(&["user", "list"]);
    assert_eq!(printed.matches("员工").count(), 450);
    assert_eq!(signs_on(&site, "staff7", "").await, 401, "no password yet");
}
