//! Reports of persons: from the scene, and as they were told.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_reports_from_the_scene_once_however_often_it_is_sent() {
    let house = House::open().await;
    let guard = house.signed_on("post2").await;
    let place = json!({ "real": true, "room": "门厅", "text": "有明火", "compartment": some_compartment(&house) });
    let first = guard.verb("/api/v1/reports", "r1", &place).await;
    assert_eq!(
        first.status(),
        200,
        "{}",
        first.text().await.expect("a text")
    );
    let incident = house.document("incident/").expect("an incident");
    assert_eq!(incident["class"], "confirmed");
    assert_eq!(incident["reported"]["how"], "guard");
    assert_eq!(incident["reported"]["text"], "有明火");
    let again = guard.verb("/api/v1/reports", "r1", &place).await;
    assert_eq!(again.status(), 200);
    let incidents = house.handle.with_prefix("incident/");
    assert_eq!(incidents.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_said_is_erasable_and_never_in_the_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("journal.db");
    let store = crate::store::sqlite::SqliteStore::new(&file).expect("a runtime");
    let house = House::furnished(Box::new(store)).await;
    let operator = house.signed_on("op").await;
    let said = json!({
        "compartment": some_compartment(&house), "how": "phone",
        "caller": "李四", "phone": "13800138000", "text": "三楼冒烟",
    });
    let done = operator.verb("/api/v1/site/report", "k", &said).await;
    assert_eq!(done.status(), 200);
    let again = operator.verb("/api/v1/site/report", "k", &said).await;
    assert_eq!(again.status(), 200);
    let incident = house.document("incident/").expect("an incident");
    assert_eq!(
        incident["reported"],
        json!({ "by": "李四", "how": "phone", "text": "三楼冒烟", "phone_last4": "8000" })
    );
    drop(house);
    // The store blocks, as its users' threads may.
    let looked = std::thread::spawn(move || nothing_personal(&file));
    looked.join().expect("nothing personal");
}

fn nothing_personal(file: &std::path::Path) {
    let mut store = crate::store::sqlite::SqliteStore::reader(file).expect("a runtime");
    let entries = store.entries(1, 1_000).expect("reads");
    assert!(entries.len() > 5);
    for entry in &entries {
        for personal in ["李四", "13800138000", "三楼冒烟"] {
            assert!(!entry.bytes.contains(personal), "entry {}", entry.seq);
        }
    }
    assert_eq!(store.rows(Table::Notes).expect("reads").len(), 1);
    for table in [Table::Cases, Table::Cells, Table::Answers, Table::Outbox] {
        for row in store.rows(table).expect("reads") {
            assert!(!row.detail.expect("a row").contains("13800138000"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_of_a_report_has_its_status() {
    let house = House::open().await;
    let refusals = [
        ("view", json!({}), 403, "role_sees_only"),
        ("school", json!({}), 403, "role_sees_only"),
        ("op", json!({}), 422, "body_report"),
        (
            "op",
            json!({ "compartment": "X", "how": "phone" }),
            422,
            "compartment_unknown",
        ),
        ("post2", json!({ "compartment": 1 }), 422, "body_report"),
    ];
    for (n, (account, body, status, code)) in refusals.into_iter().enumerate() {
        let browser = house.signed_on(account).await;
        let key = format!("refused-{n}");
        let response = browser.verb("/api/v1/reports", &key, &body).await;
        refused(response, status, code).await;
    }
    // What a refused report said is not kept.
    assert!(house.document("incident/").is_none());
}

fn some_compartment(house: &House) -> String {
    let site = house.document("site").expect("a site");
    site["compartments"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}
