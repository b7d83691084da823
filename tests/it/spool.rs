//! The journal's disk hangs or is full in the middle of a real fire: alarms, orders and commands go on, and nothing is lost.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use fengsui::domain::input::Durable;
use fengsui::domain::order::ReplyVerb;
use fengsui::engine::chain;
use fengsui::engine::ledger::EntryBody;
use fengsui::engine::spool::Found;
use fengsui::procedure::events::Event;
use fengsui::store::sqlite::SqliteStore;
use tokio::time::Instant;

use super::fire::{DETECTOR, Fire};
use super::kill::{Kill, check, prepared};
use super::site::{TestSite, until_long};

/// Longest time from the detector to the guard's device while the disk hangs; on a quiet machine it is about 0.6 s.
const OUT_WITHIN_MS: i64 = 2_000;

/// How long the disk hangs, in one of these fires.
const HANGS: Duration = Duration::from_secs(30);

/// What the disk does not do: `commit`, `spool`, both or nothing.
fn hold(file: &PathBuf, what: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, what).expect("written");
    std::fs::rename(new, file).expect("renamed");
}

async fn with_hold() -> (Fire, PathBuf) {
    let mut site = prepared().await;
    let file = site.data().with_extension("hold");
    hold(&file, "");
    site.set("FENGSUI_HOLD_FILE", &file.display().to_string());
    site.run();
    site.ready().await;
    (Fire::ready(site).await, file)
}

/// How long it took from the detector to the receipt of the first order, by the record itself.
fn out_after(site: &TestSite) -> i64 {
    let mut store = SqliteStore::reader(&site.data().join("fengsui.db")).expect("a runtime");
    let (mut alarm, mut heard) = (None, None);
    let look = |body: &EntryBody, _| {
        for event in &body.events {
            match event {
                Event::IncidentOpened { .. } => alarm = alarm.or(Some(body.engine_time)),
                Event::OrderReplied {
                    verb: ReplyVerb::Received,
                    ..
                } => heard = heard.or(Some(body.engine_time)),
                _ => {}
            }
        }
    };
    chain::verify(&mut store, look).expect("the chain is whole");
    let (alarm, heard) = (alarm.expect("an alarm"), heard.expect("a receipt"));
    i64::try_from((heard - alarm).as_millis()).expect("a short time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fire_is_fought_while_the_disk_hangs() {
    let (mut fire, file) = with_hold().await;
    hold(&file, "commit");
    let hung = Instant::now();
    let id = fire.fight().await;
    let degraded = fire.document("summary", |s| s["degraded"] != "no").await;
    assert_eq!(degraded["degraded"], "spool");
    assert!(degraded["faults"].to_string().contains("record_spool"));
    let status = fire
        .site
        .status_until("said", |status| status["store"].is_string())
        .await;
    assert_eq!(status["ready"], true);
    let held = async || (hung.elapsed() >= HANGS).then_some(());
    until_long("it has hung for long", HANGS * 2, held).await;
    hold(&file, "");
    fire.document("summary", |s| s["degraded"] == "no").await;
    fire.end(&id).await;
    check(&mut fire, &Kill::After(Duration::MAX)).await;
    let out = tokio::task::block_in_place(|| out_after(&fire.site));
    println!("from the detector to the guard's device while the disk hung: {out} ms");
    assert!(out <= OUT_WITHIN_MS, "{out} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fire_goes_on_from_memory_when_even_the_spool_hangs() {
    let (mut fire, file) = with_hold().await;
    hold(&file, "commit spool");
    let id = fire.fight().await;
    fire.document("summary", |s| s["degraded"] == "memory")
        .await;
    hold(&file, "");
    fire.document("summary", |s| s["degraded"] == "no").await;
    fire.end(&id).await;
    check(&mut fire, &Kill::After(Duration::MAX)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_while_the_disk_hangs_loses_nothing() {
    let places = ["spool_before_fsync", "spool_after_fsync"];
    let kills = places
        .into_iter()
        .flat_map(|place| [(place, 1), (place, 9)]);
    for (place, n) in kills {
        let (mut fire, file) = with_hold().await;
        fire.site.crash_at(place, n);
        hold(&file, "commit");
        let id = fire.fight().await;
        assert_eq!(fire.restarts, 1, "{place}:{n}");
        hold(&file, "");
        fire.end(&id).await;
        check(&mut fire, &Kill::Place(place, n)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_while_the_spool_is_appended_loses_nothing() {
    let (mut fire, file) = with_hold().await;
    hold(&file, "commit");
    let id = fire.fight().await;
    let place = "spool_append_before_commit";
    fire.site.crash_at(place, 1);
    rustix::process::kill_process(fire.site.process(), rustix::process::Signal::KILL)
        .expect("there");
    hold(&file, "");
    fire.site.restart_until_crash().await;
    fire.end(&id).await;
    assert_eq!(
        fire.restarts, 1,
        "it ended once more while it read the spool"
    );
    check(&mut fire, &Kill::Place(place, 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_holds_up_no_alarm_and_is_said() {
    let mut site = prepared().await;
    site.set_disk(96);
    site.run();
    site.ready().await;
    let mut fire = Fire::ready(site).await;
    let filler = fire.site.data_inside().join("filler");
    fill(&filler);
    fire.site.field(&format!("/points/{DETECTOR}/alarm")).await;
    fire.document("order/post2/", |order| {
        order["state"] == "arrived" || order["state"] == "done"
    })
    .await;
    let degraded = fire.document("summary", |s| s["degraded"] != "no").await;
    assert_eq!(degraded["degraded"], "spool");
    let status = fire
        .site
        .status_until("said", |status| status["store"].is_string())
        .await;
    println!("the status says: {}", status["store"]);
    std::fs::remove_file(&filler).expect("there");
    fire.document("summary", |s| s["degraded"] == "no").await;
    fire.site
        .status_until("well again", |status| status["store"].is_null())
        .await;
    let journal = fire.site.data_inside().join("fengsui.db");
    tokio::task::block_in_place(|| {
        let mut store = SqliteStore::reader(&journal).expect("a runtime");
        chain::verify(&mut store, |_, _| {}).expect("the chain is whole");
    });
    fire.site.stop().await;
}

/// Writes until nothing fits any more.
fn fill(path: &PathBuf) {
    let mut file = File::create(path).expect("a file");
    let block = vec![0x5a; 4096];
    while file.write_all(&block).is_ok() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_holds_up_nothing_and_is_said() {
    let mut site = prepared().await;
    let file = site.data().with_extension("hold");
    hold(&file, "");
    site.set("FENGSUI_HOLD_FILE", &file.display().to_string());
    // Room for the first alarm and not for the whole fire.
    site.set("FENGSUI_SPOOL_BYTES", "24000");
    site.run();
    site.ready().await;
    let mut fire = Fire::ready(site).await;
    hold(&file, "commit");
    let id = fire.fight().await;
    let full = fire
        .document("summary", |s| s["degraded"] == "memory")
        .await;
    assert!(full["faults"].to_string().contains("record_memory"));
    hold(&file, "");
    fire.document("summary", |s| s["degraded"] == "no").await;
    fire.end(&id).await;
    check(&mut fire, &Kill::After(Duration::MAX)).await;
    let kept = tokio::task::block_in_place(|| kept_in(&fire.site));
    let wanted = [Durable::Spool, Durable::Memory, Durable::Journal];
    assert_eq!(kept, wanted, "in the spool as long as it had room");
}

/// Where the record was kept, one after the other, by the record itself.
fn kept_in(site: &TestSite) -> Vec<Durable> {
    let mut store = SqliteStore::reader(&site.data().join("fengsui.db")).expect("a runtime");
    let mut kept = Vec::new();
    let look = |body: &EntryBody, _| {
        for event in &body.events {
            if let Event::DurabilityChanged { to } = event {
                kept.push(*to);
            }
        }
    };
    chain::verify(&mut store, look).expect("the chain is whole");
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn the_spool_of_another_journal_is_kept_aside_at_the_start() {
    let (mut fire, file) = with_hold().await;
    hold(&file, "commit");
    fire.site.field(&format!("/points/{DETECTOR}/alarm")).await;
    fire.document("summary", |s| s["degraded"] == "spool").await;
    fire.document("order/post2/", |_| true).await;
    rustix::process::kill_process(fire.site.process(), rustix::process::Signal::KILL)
        .expect("there");
    fire.site.gone().await;
    hold(&file, "");
    fire.site.field("/reset-campus").await;
    // The journal is another one now: its disk was replaced, or a backup of another machine was put there.
    let data = fire.site.data();
    let spool = Found::read(&data.join("fengsui.spool"));
    let spool = spool.expect("read").expect("a spool");
    assert!(!spool.records.is_empty(), "the alarm is in the spool");
    for file in ["fengsui.db", "fengsui.db-wal", "fengsui.db-shm"] {
        // The two beside the journal come and go.
        let _ = std::fs::remove_file(data.join(file));
    }
    let secret = fire.site.secret("secret");
    let add = [
        "user", "add", "operator", "--name", "张伟", "--role", "operator",
    ];
    let add = [&add[..], &["--password-file", &secret]].concat();
    let (code, printed) = fire.site.tool(&add);
    assert_eq!(code, 0, "{printed}");
    fire.site.run();
    fire.site.ready().await;
    let operator = fire.site.sign_on("operator").await;
    let documents = operator.documents().await.expect("documents");
    let of_before = documents.keys().any(|key| key.starts_with("incident/"));
    assert!(!of_before, "nothing of another journal is taken over");
    let aside = data.join(format!("fengsui.of-{}", spool.journal_id));
    let kept = Found::read(&aside).expect("read").expect("kept");
    assert_eq!(kept.records, spool.records);
    // And the spool of this journal works.
    hold(&file, "commit");
    fire.site.field(&format!("/points/{DETECTOR}/alarm")).await;
    operator.sees("summary", |s| s["degraded"] == "spool").await;
    hold(&file, "");
    operator.sees("summary", |s| s["degraded"] == "no").await;
    fire.site.stop().await;
    let (code, printed) = fire.site.tool(&["verify"]);
    assert_eq!(code, 0, "{printed}");
}
