//! The wall clock steps while a limit runs; engine time does not.

use std::time::Duration;

use super::site::{TestSite, until_long};

/// A step of the wall clock in the middle of a 30 s limit: 接警 is missed at 30 ± 1 s all the same. The daemon
/// runs in this process, so that its clock can be stepped and the machine's cannot.
#[tokio::test(flavor = "multi_thread")]
async fn a_30_s_limit_fires_at_30_s_while_the_wall_clock_steps() {
    futures_util::future::join_all([1, -1, 72, -72].map(step)).await;
}

async fn step(hours: i64) {
    let mut site = TestSite::prepare(20.0).await;
    let app = site.run_inside().await;
    site.ready().await;
    let operator = site.sign_on("operator").await;
    site.field("/points/P1-003/alarm").await;
    let incident = operator.sees("incident/", |_| true).await;
    let steps = incident["steps"].as_array().expect("steps");
    let take = steps.iter().find(|step| step["id"] == "take");
    let limit = &take.expect("a step")["limit"];
    let length = limit["due"].as_i64().zip(limit["from"].as_i64());
    assert_eq!(length.map(|(due, from)| due - from), Some(30_000));
    let began = tokio::time::Instant::now();
    app.clock().step_wall(hours * 3_600_000);
    operator
        .sees("summary", |summary| {
            summary["faults"].to_string().contains("clock_stepped")
        })
        .await;
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "the step is told"
    );
    let missed = until_long("接警 missed", Duration::from_secs(40), async || {
        let documents = operator.documents().await?;
        let missed = |d: &serde_json::Value| d["notices"].to_string().contains("take_missed");
        documents.values().any(missed).then(|| began.elapsed())
    })
    .await;
    let off = missed.as_secs_f64() - 30.0;
    assert!(
        off.abs() <= 1.0,
        "after a step of {hours} h the limit was {off:+.2} s off"
    );
    tokio::task::spawn_blocking(|| app.stop())
        .await
        .expect("it stops");
}
