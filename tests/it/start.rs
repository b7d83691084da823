//! What is wrong or missing at the start: nothing starts on a wrong configuration; a missing panel, broker or disk is waited for.

use serde_json::json;

use super::site::TestSite;

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_starts_nothing_and_says_everything() {
    let site = TestSite::prepare(20.0).await;
    site.edit(
        "procedures.toml",
        "take_seconds = 30",
        "take_seconds = \"soon\"",
    );
    site.edit(
        "linkage.toml",
        "point = \"D1-LIFT-HOME\"",
        "point = \"D1-LIFT-HOUSE\"",
    );
    for arguments in [&["check"][..], &["run"][..]] {
        let (code, printed) = if arguments == ["check"] {
            site.check()
        } else {
            site.tool(arguments)
        };
        assert_eq!(code, 64, "{printed}");
        assert!(
            printed.contains("procedures.toml") && printed.contains("linkage.toml"),
            "{printed}"
        );
        assert!(printed.contains("D1-LIFT-HOUSE"), "{printed}");
        assert!(
            !printed.contains("\"http\""),
            "nothing was started: {printed}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panel_that_comes_later_is_found() {
    let mut site = TestSite::prepare(20.0).await;
    site.field("/links/panel1/drop").await;
    site.run();
    let status = site
        .status_until("io1 alone", |status| status["links"]["up"] == 1)
        .await;
    assert_eq!(status["ready"], true);
    let operator = site.sign_on("operator").await;
    let down = operator
        .sees("link/panel1", |link| link["state"] == "down")
        .await;
    assert!(!down["reason"]["key"].as_str().expect("a reason").is_empty());
    operator
        .sees("summary", |summary| {
            summary["faults"].to_string().contains("link_down")
        })
        .await;
    site.field("/links/panel1/restore").await;
    site.ready().await;
    operator
        .sees("point/P1-003", |point| {
            point["quality"] == "good" && point["fire"] == false
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_comes_later_is_found_and_until_then_it_is_said() {
    let mut site = TestSite::prepare(20.0).await;
    let (data, away) = (site.data(), site.data().with_extension("away"));
    std::fs::rename(&data, &away).expect("moved");
    site.run();
    let status = site
        .status_until("no journal", |status| status["store"].is_string())
        .await;
    assert_eq!(status["ready"], false);
    assert!(
        !data.exists(),
        "the journal does not begin anew on another disk"
    );
    std::fs::rename(&away, &data).expect("moved");
    site.ready().await;
    site.sign_on("operator")
        .await
        .does("site/mute", json!({}))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_waits_and_a_tool_says_that_the_journal_is_in_use() {
    let site = TestSite::start(20.0).await;
    let (code, printed) = site.tool(&["rebuild"]);
    assert_eq!(code, 69, "{printed}");
    assert!(printed.contains("in use"), "{printed}");
    let (code, printed) = site.tool(&["verify"]);
    assert_eq!(code, 0, "verify reads beside a running daemon: {printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_graceful_and_the_next_start_goes_on() {
    let mut site = TestSite::start(20.0).await;
    let operator = site.sign_on("operator").await;
    site.field("/points/P1-003/alarm").await;
    let incident = operator.sees("incident/", |_| true).await;
    site.stop().await;
    site.run();
    site.ready().await;
    let again = operator
        .sees("incident/", |again| again["id"] == incident["id"])
        .await;
    assert_eq!(again["opened_at"], incident["opened_at"]);
}
