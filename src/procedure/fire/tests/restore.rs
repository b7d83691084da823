//! 恢复正常秩序 (process.md 99).

use serde_json::{Value, json};

use crate::engine::ports::Answer;
use crate::procedure::fire::Stage;
use crate::procedure::fire::testing::{Play, code, refused};

fn cleared() -> Play {
    let mut play = Play::confirmed();
    // The lift's feeder waits for the lift; everything else was asked.
    let body = json!({ "over": true, "note": "n1" });
    play.verb_of("duty-lead", "all_clear", body).expect("clear");
    play
}

fn tick(play: &mut Play, item: &str) -> Answer {
    play.verb("restore", json!({ "item": item, "person": "chief-eng" }))
}

fn items(play: &Play) -> Vec<String> {
    let restore = play.incident().restore.iter();
    restore.map(|(item, _)| item.clone()).collect()
}

#[test]
fn the_checklist_stands_in_the_order_of_the_handbook() {
    let play = cleared();
    let items = items(&play);
    let at = |item: &str| {
        items
            .iter()
            .position(|found| found == item)
            .unwrap_or_else(|| panic!("no {item}"))
    };
    let order = [
        "scene",
        "watch",
        "HYDRANT-PUMP",
        "water",
        "D1-SOUNDER",
        "panel",
        "insulation",
        "D1-FEEDER",
        "D1-LIFT",
        "D1-DOORS",
        "leak_test",
        "GAS-VALVE",
        "people_back",
    ];
    for pair in order.windows(2) {
        assert!(
            at(pair[0]) < at(pair[1]),
            "{} before {}: {items:?}",
            pair[0],
            pair[1]
        );
    }
}

#[test]
fn a_feeder_waits_for_the_electrician_and_gas_for_everything() {
    let mut play = cleared();
    let early = refused(tick(&mut play, "D1-FEEDER"));
    assert_eq!(early.code, "restore_first");
    assert!(early.detail.zh.contains("电工"), "{}", early.detail.zh);
    assert_eq!(code(tick(&mut play, "GAS-VALVE")), "restore_first");
    let nameless = play.verb("restore", json!({ "item": "insulation" }));
    assert_eq!(code(nameless), "person_missing");
    tick(&mut play, "insulation").expect("ticked");
    tick(&mut play, "D1-FEEDER").expect("ticked");
    tick(&mut play, "leak_test").expect("ticked");
    assert_eq!(
        code(tick(&mut play, "GAS-VALVE")),
        "restore_first",
        "others are open"
    );
    for item in items(&play) {
        if item != "GAS-VALVE" && item != "people_back" {
            let _ticked_before = tick(&mut play, &item);
        }
    }
    tick(&mut play, "GAS-VALVE").expect("last");
    assert_eq!(code(tick(&mut play, "GAS-VALVE")), "item_ticked");
    let document = play.incident_document();
    let restore = document["restore"].as_array().expect("items").clone();
    let gas = restore
        .iter()
        .find(|item| item["id"] == "GAS-VALVE")
        .expect("gas");
    assert_eq!(
        (gas["person"].as_str(), gas["done"]["by"]["id"].as_str()),
        (Some("chief-eng"), Some("operator"))
    );
    // Open items stay on the board.
    play.fire("P1-015", false);
    assert_eq!(play.incident().stage, Stage::Restoring);
    tick(&mut play, "people_back").expect("ticked");
    assert_eq!(play.incident().stage, Stage::Closed);
}

#[test]
fn only_items_whose_turn_has_come_are_offered() {
    let play = cleared();
    let document = play.incident_document();
    let steps = document["steps"].as_array().expect("steps");
    let step = steps
        .iter()
        .find(|step| step["id"] == "restore")
        .expect("the step");
    let options: Vec<&Value> = step["verbs"][0]["choice"]["options"]
        .as_array()
        .expect("options")
        .iter()
        .map(|option| &option["value"])
        .collect();
    assert!(options.contains(&&json!("insulation")));
    assert!(!options.contains(&&json!("D1-FEEDER")) && !options.contains(&&json!("GAS-VALVE")));
    assert_eq!(step["verbs"][0]["fields"][0]["field"], "person");
}
