//! The stream: entries, heartbeats, new starts, and its equality with the snapshot.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::Served;
use super::super::auth::{Pass, Signed};
use super::super::stream::Follower;
use super::*;
use crate::domain::input::Verb;
use crate::domain::point::{Milli, Trouble};

/// A snapshot or an entry with its documents as the bytes that came.
#[derive(Deserialize)]
struct Raw {
    seq: u64,
    #[serde(default)]
    after: u64,
    documents: BTreeMap<String, Box<RawValue>>,
}

impl Raw {
    fn texts(self) -> BTreeMap<String, String> {
        let documents = self.documents.into_iter();
        documents
            .map(|(key, text)| (key, text.get().to_owned()))
            .collect()
    }
}

async fn snapshot(browser: &Browser) -> Raw {
    let text = browser.get("/api/v1/state").await.text().await;
    serde_json::from_str(&text.expect("a text")).expect("a snapshot")
}

/// Puts entries on a snapshot until it is at `seq`, checking that none is missing.
async fn follow(events: &mut Events, from: Raw, seq: u64) -> BTreeMap<String, String> {
    let mut at = from.seq;
    let mut documents = from.texts();
    while at < seq {
        let event = events.named("entry").await;
        let entry: Raw = serde_json::from_str(&event.data).expect("an entry");
        assert_eq!(event.id, Some(entry.seq.to_string()));
        assert_eq!(entry.after, at, "no entry is missing");
        at = entry.seq;
        for (key, text) in entry.texts() {
            if text == "null" {
                documents.remove(&key);
            } else {
                documents.insert(key, text);
            }
        }
    }
    documents
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_with_its_entries_is_the_later_snapshot_byte_for_byte() {
    let house = House::open().await;
    for account in [
        "op", "lead", "view", "post2", "post1", "school", "clerk", "shift",
    ] {
        let browser = house.signed_on(account).await;
        let first = snapshot(&browser).await;
        let mut events = browser.stream(&format!("?since={}", first.seq)).await;
        let (incident, order) = house.alarm().await;
        let operator = house.signed_on("op").await;
        let path = format!("/api/v1/incidents/{incident}/take");
        operator.verb(&path, "1", &json!({})).await;
        let guard = house.signed_on("post2").await;
        let id = order["id"].as_str().expect("an id");
        let path = format!("/api/v1/orders/{id}/replies");
        let real = json!({ "v": 1, "reply_id": account, "verb": "report_real" });
        guard.post(&path, &real).await;
        let path = "/api/v1/outputs/GAS-VALVE/start";
        operator.verb(path, account, &json!({})).await;
        let last = snapshot(&browser).await;
        let followed = follow(&mut events, first, last.seq).await;
        let last = last.texts();
        assert_eq!(followed, last, "{account}");
        let others = |key: &&String| key.starts_with("order/") && !key.starts_with("order/post2/");
        match account {
            "post2" | "post1" => assert!(
                last.keys()
                    .all(|key| key == "site" || key.starts_with("order/"))
            ),
            "school" => assert!(!last.keys().any(|key| key.starts_with("order/"))),
            _ => assert!(last.contains_key("summary")),
        }
        if account == "post2" {
            assert_eq!(last.keys().filter(others).count(), 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_shows_as_an_entry_and_the_heart_beats() {
    let house = House::open().await;
    let (incident, _) = house.alarm().await;
    let operator = house.signed_on("op").await;
    let seq = operator.state().await["seq"].as_u64().expect("a seq");
    let mut events = operator.stream(&format!("?since={seq}")).await;
    let first = events.next().await.expect("an event");
    assert_eq!(first.name, "heartbeat");
    assert_eq!(first.id, None);
    let beat = first.json();
    assert_eq!(beat["incidents"], 1);
    assert_eq!(beat["seq"], seq);
    assert!(
        beat["build"]
            .as_str()
            .is_some_and(|b| b.starts_with("0.1.0-"))
    );
    assert!(beat["engine"].is_i64() && beat["wall"].is_i64());
    let path = format!("/api/v1/incidents/{incident}/take");
    let response = operator.verb(&path, "1", &json!({})).await;
    let done: Value = response.json().await.expect("done");
    let entry = events.named("entry").await;
    assert_eq!(entry.json()["seq"], done["seq"]);
    assert_eq!(entry.json()["after"], seq);
    let document = &entry.json()["documents"][&format!("incident/{incident}")];
    assert_eq!(document["taken"]["by"]["id"], "op");
    let second = events.named("heartbeat").await.json();
    assert!(second["engine"].as_i64() > beat["engine"].as_i64());
    assert_eq!(second["seq"], done["seq"]);
    // A guard has no summary to count with.
    let guard = house.signed_on("post1").await;
    let mut events = guard.stream("").await;
    assert_eq!(events.named("heartbeat").await.json()["incidents"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_comes_back_gets_what_it_missed_or_starts_anew() {
    let house = House::open().await;
    let operator = house.signed_on("op").await;
    let first = snapshot(&operator).await;
    house.alarm().await;
    let last = snapshot(&operator).await;
    let mut events = operator.stream(&format!("?since={}", first.seq)).await;
    let (old, present) = (first.seq, last.seq);
    let followed = follow(&mut events, first, present).await;
    assert_eq!(followed, last.texts());
    // The browser's own reconnect: the old address, and the last id that it has heard.
    let request = operator.request(Method::GET, &format!("/api/v1/stream?since={old}"));
    let request = request.header("last-event-id", present.to_string());
    let text = request
        .send()
        .await
        .expect("an answer")
        .bytes_stream()
        .boxed();
    let mut events = Events {
        bytes: text,
        read: Vec::new(),
    };
    events.named("heartbeat").await;
    assert_eq!(events.named("heartbeat").await.json()["seq"], present);
    for strange in ["", "?since=1", "?since=999999", "?since=x"] {
        let mut events = operator.stream(strange).await;
        events.named("heartbeat").await;
        let next = events.next().await.expect("an event");
        assert_eq!(next.name, "resync", "{strange}");
    }
}

/// Changes the mode so often that every buffer before a reader overflows.
async fn flood(house: &House, times: usize) {
    for n in 0..times {
        let verb = Verb {
            case: "site".into(),
            name: "mode".to_owned(),
            body: json!({ "mode": if n % 2 == 0 { "manual" } else { "auto" }, "reason": "test" }),
            role: Role::Supervisor,
            recipient: None,
            idempotency: None,
        };
        let lead = Actor::Account("lead".into());
        house.submit(lead, Input::Verb(verb)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_too_slow_is_told_to_start_anew() {
    let house = House::open().await;
    let operator = house.signed_on("op").await;
    let parts = parts(
        Arc::new(dormitory()),
        house.handle.clone(),
        house.stop.clone(),
    );
    let served = Arc::new(Served::new(parts).expect("a thread"));
    let (changes, following) = (house.handle.changes(), Arc::clone(&served));
    let hub = tokio::spawn(async move {
        let handle = following.handle.clone();
        following.changes.follow(changes, &handle).await;
    });
    let seq = snapshot(&operator).await.seq;
    served.changes.known(seq);
    let signed = house.handle.people(|people| {
        let session = people.sessions.values().next().expect("one").clone();
        let account = people.accounts["op"].clone();
        let pass = Pass::Session(session);
        Signed { pass, account }
    });
    let mut follower = Follower::new(Arc::clone(&served), &signed, Some(seq));
    let greeting = follower.next().await.expect("a frame");
    assert!(greeting.starts_with(b"retry: 500\nevent: heartbeat\n"));
    // Nobody reads meanwhile.
    flood(&house, 400).await;
    let present = house.handle.seq();
    house
        .until(|| served.changes.join(None, 0).at == present)
        .await;
    let mut frame = follower.next().await.expect("a frame");
    while !frame.starts_with(b"event: resync\n") {
        frame = follower.next().await.expect("a frame");
    }
    flood(&house, 1).await;
    let seq = house.handle.seq();
    while !frame.starts_with(b"event: entry\n") {
        frame = follower.next().await.expect("a frame");
    }
    let text = std::str::from_utf8(&frame).expect("a text");
    assert!(
        text.contains(&format!("{{\"seq\":{seq},\"after\":{present},")),
        "{text}"
    );
    hub.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_reads_late_misses_nothing_silently() {
    let house = House::open().await;
    let operator = house.signed_on("op").await;
    let first = snapshot(&operator).await;
    let mut events = operator.stream(&format!("?since={}", first.seq)).await;
    flood(&house, 1_200).await;
    let last = house.handle.seq();
    let mut at = first.seq;
    while at < last {
        let event = events.next().await.expect("the stream goes on");
        match event.name.as_str() {
            "resync" => break,
            "entry" => {
                assert_eq!(event.json()["after"], at, "nothing is left out silently");
                at = event.json()["seq"].as_u64().expect("a seq");
            }
            _ => assert!(event.json()["seq"].as_u64() <= Some(last)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_session_and_with_the_daemon() {
    let house = House::open().await;
    let operator = house.signed_on("op").await;
    let mut events = operator.stream("").await;
    let off = operator.request(Method::DELETE, "/api/v1/session").send();
    assert_eq!(off.await.expect("an answer").status(), 204);
    while events.next().await.is_some() {}
    let leader = house.signed_on("lead").await;
    let mut events = leader.stream("").await;
    events.named("heartbeat").await;
    house.stop.cancel();
    while events.next().await.is_some() {}
    let mut house = house;
    let server = house.server.take().expect("running");
    let ended = tokio::time::timeout(BOUND, server).await.expect("in time");
    ended.expect("no panic").expect("no error");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_reaches_the_pages_that_see_points_and_no_journal() {
    let house = House::open().await;
    let at = house.handle.now().engine;
    let put = |value, trouble| {
        let reading = Reading {
            value,
            trouble,
            ..Reading::new(Conditions::default(), Quality::Good, at)
        };
        house.handle.observe(&PointId::from("P1-015"), reading);
    };
    put(Some(Milli(12_300)), None);
    let operator = house.signed_on("op").await;
    let mut events = operator.stream("").await;
    let value = |event: &Event| -> Value {
        assert_eq!(event.id, None, "it is not journalled");
        let values: Value = serde_json::from_str(&event.data).expect("JSON");
        values["P1-015"].clone()
    };
    let first = value(&events.named("live").await);
    assert_eq!((&first["value"], &first["at"]), (&json!(12.3), &json!(at)));
    let seq = house.handle.seq();
    put(None, Some(Trouble::Broken));
    loop {
        let next = value(&events.named("live").await);
        if next["value"].is_null() {
            assert_eq!(next["trouble"]["key"], "trouble.broken");
            break;
        }
    }
    assert_eq!(house.handle.seq(), seq);
    let guard = house.signed_on("post1").await;
    let mut events = guard.stream("").await;
    for _ in 0..3 {
        assert_ne!(events.next().await.expect("an event").name, "live");
    }
}
