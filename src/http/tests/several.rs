//! Several people at once.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn two_who_press_at_the_same_moment_do_it_once_and_the_other_reads_who() {
    let house = House::open().await;
    let (incident, _) = house.alarm().await;
    let (operator, leader) = (house.signed_on("op").await, house.signed_on("lead").await);
    let path = |verb: &str| format!("/api/v1/incidents/{incident}/{verb}");
    let confirm = operator.verb(&path("confirm_fire"), "c", &json!({})).await;
    assert_eq!(confirm.status(), 200);
    let connected = json!({ "connected": true });
    let call = path("call_119");
    let (one, other) = tokio::join!(
        operator.verb(&call, "of-op", &connected),
        leader.verb(&call, "of-lead", &connected),
    );
    let (won, lost, by, name) = match one.status().as_u16() {
        200 => (one, other, "op", "张伟"),
        _ => (other, one, "lead", "周敏"),
    };
    assert_eq!(won.status(), 200);
    let won: Value = won.json().await.expect("done");
    let problem = refused(lost, 409, "call_119_done").await;
    assert_eq!(
        problem["settled_by"],
        json!({ "kind": "account", "id": by, "name": name })
    );
    assert_eq!(problem["how"], "connected");
    let timeline = house.document("timeline/").expect("a timeline");
    let calls = timeline["lines"].as_array().expect("lines").iter();
    let calls: Vec<_> = calls
        .filter(|line| {
            line["line"]["key"]
                .as_str()
                .is_some_and(|key| key.contains("119") && !key.contains("late"))
        })
        .collect();
    let made: Vec<_> = calls
        .iter()
        .filter(|line| line["seq"] == won["seq"])
        .collect();
    assert_eq!(made.len(), 1, "{calls:?}");
    assert_eq!(made[0]["by"]["id"], by);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protective_verb_pressed_by_many_is_done_once_and_fails_for_nobody() {
    let house = House::open().await;
    let (incident, _) = house.alarm().await;
    let mut people = Vec::new();
    for account in ["op", "lead", "director", "shift"] {
        people.push(house.signed_on(account).await);
    }
    for verb in ["take", "confirm_fire"] {
        let path = format!("/api/v1/incidents/{incident}/{verb}");
        let presses = people.iter().map(|person| {
            let (person, path) = (person.clone(), path.clone());
            tokio::spawn(async move { person.verb(&path, verb, &json!({})).await.status() })
        });
        for press in presses.collect::<Vec<_>>() {
            assert_eq!(press.await.expect("no panic"), 200, "{verb}");
        }
    }
    let document = house
        .document(&format!("incident/{incident}"))
        .expect("an incident");
    assert_eq!(document["class"], "confirmed");
    let timeline = house.document("timeline/").expect("a timeline");
    let lines = timeline["lines"].as_array().expect("lines");
    let count = |key: &str| {
        lines
            .iter()
            .filter(|line| line["line"]["key"] == key)
            .count()
    };
    assert_eq!(
        (count("line.taken"), count("line.judged_real")),
        (1, 1),
        "{lines:#?}"
    );
    let orders: Vec<&str> = document["orders"]
        .as_array()
        .expect("orders")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut once = orders.clone();
    once.dedup();
    assert_eq!(orders, once);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_desks_that_offer_command_at_once_leave_one_offer_open() {
    let house = House::open().await;
    let (incident, _) = house.alarm().await;
    let (operator, leader) = (house.signed_on("op").await, house.signed_on("lead").await);
    let path = |verb: &str| format!("/api/v1/incidents/{incident}/{verb}");
    let confirm = operator.verb(&path("confirm_fire"), "c", &json!({})).await;
    assert_eq!(confirm.status(), 200);
    let document = || house.document("incident/").expect("an incident");
    let holder = document()["command"]["holder"]["id"].clone();
    // The holder at his own desk, and the room for what he said by radio.
    let by_room = json!({ "to": "chief-eng", "channel": "radio" });
    let by_himself = json!({ "to": "director" });
    let at = path("offer_command");
    let (one, other) = tokio::join!(
        operator.verb(&at, "of-op", &by_room),
        leader.verb(&at, "of-lead", &by_himself),
    );
    assert_eq!((one.status().as_u16(), other.status().as_u16()), (200, 200));
    let offered = document()["command"]["offered"]["to"]["id"].clone();
    let offered = offered.as_str().expect("one offer stands");
    assert_eq!(document()["command"]["holder"]["id"], holder);
    let open = |recipient: &str| {
        let mut orders = house
            .handle
            .with_prefix(&format!("order/{recipient}/"))
            .into_iter();
        orders.any(|(_, text)| {
            let order: Value = serde_json::from_str(&text).expect("an order");
            order["kind"] == "command" && order["open"] == true
        })
    };
    let withdrawn = match offered {
        "director" => "chief-eng",
        _ => "director",
    };
    assert!(open(offered), "{offered} is asked");
    assert!(!open(withdrawn), "{withdrawn} is not asked any more");
}
