//! The six groups (process.md 94, 95).

use serde_json::json;

use crate::domain::group::GroupId;
use crate::domain::order::{OrderState, ReplyVerb};
use crate::engine::testing::dormitory;
use crate::procedure::fire::testing::Play;

fn state(play: &Play, group: &str) -> String {
    let document = play.incident_document();
    let groups = document["groups"].as_array().expect("groups");
    let found = groups.iter().find(|found| found["id"] == group);
    found.expect("a group")["state"]
        .as_str()
        .expect("a state")
        .to_owned()
}

#[test]
fn each_group_gets_its_standing_text_at_the_confirmation() {
    let mut play = Play::new();
    play.fire("P1-015", true);
    assert_eq!(play.orders("group").len(), 0);
    assert_eq!(play.incident_document()["groups"], json!([]));
    play.verb("confirm_fire", json!({})).expect("confirmed");
    for id in GroupId::ALL {
        let leader = play.ledger.site.groups[&id].leader.to_string();
        assert_eq!(play.ordered(id.word()), [leader.as_str()], "{}", id.word());
    }
    let order = play.order("warden", "evacuate");
    let document = play.document(&format!("order/warden/{}", order.given.id));
    assert_eq!(document["group"], "evacuate");
    assert_eq!(document["title"]["zh"], "疏散组");
    assert!(
        document["body"]["zh"]
            .as_str()
            .expect("words")
            .contains("清点人数")
    );
    assert_eq!(
        play.incident_document()["steps"][7]["facts"]
            .as_array()
            .map(Vec::len),
        Some(6)
    );
}

#[test]
fn a_deputy_gets_it_as_well_when_the_leader_is_not_there() {
    let mut play = Play::new();
    play.presence("warden", false);
    play.burn();
    assert_eq!(play.ordered("evacuate"), ["warden", "post2"]);
    let leader = play.order("warden", "evacuate");
    assert!(leader.state.is_open(), "the original stays open");
    play.reply(&play.order("post2", "evacuate"), ReplyVerb::Accept)
        .expect("heard");
    assert_eq!(state(&play, "evacuate"), "accepted");
    assert_eq!(play.incident_document()["groups"][2]["deputy"], true);
    // The leader comes back and takes it over; nobody else is asked.
    play.presence("warden", true);
    play.reply(&leader, ReplyVerb::Accept).expect("heard");
    assert_eq!(play.ordered("evacuate").len(), 2);
    assert_eq!(
        play.incident_document()["groups"][2]["leader"]["id"],
        "warden"
    );
}

#[test]
fn a_leader_whose_device_is_silent_is_not_waited_for_longer_than_the_limit() {
    let mut play = Play::confirmed();
    play.wait(14);
    assert_eq!(play.ordered("evacuate"), ["warden"]);
    play.wait(1);
    assert_eq!(play.ordered("evacuate"), ["warden", "post2"]);
    assert!(play.order("warden", "evacuate").state.is_open());
}

#[test]
fn a_device_that_has_it_is_waited_for_until_the_acceptance_is_late() {
    let mut play = Play::confirmed();
    play.reply(&play.order("warden", "evacuate"), ReplyVerb::Received)
        .expect("heard");
    play.wait(29);
    assert_eq!(play.ordered("evacuate"), ["warden"]);
    play.wait(1);
    assert_eq!(play.ordered("evacuate"), ["warden", "post2"]);
}

#[test]
fn who_declines_is_replaced_at_once() {
    let mut play = Play::confirmed();
    play.reply(&play.order("warden", "evacuate"), ReplyVerb::Unable)
        .expect("heard");
    assert_eq!(play.ordered("evacuate"), ["warden", "post2"]);
    assert_eq!(play.order("warden", "evacuate").state, OrderState::Declined);
}

#[test]
fn a_group_that_nobody_fills_is_red_and_stays_so_until_somebody_answers() {
    let mut site = dormitory();
    site.groups.remove(&GroupId::Rescue);
    let mut play = Play::on(site);
    play.presence("chief-eng", false);
    play.burn();
    assert_eq!(state(&play, "rescue"), "vacant");
    assert_eq!(state(&play, "equipment"), "unreachable");
    let said = play.said();
    let times = |key: &str| said.iter().filter(|said| *said == key).count();
    assert_eq!((times("group_vacant"), times("group_unreachable")), (1, 1));
    play.wait(200);
    let said = play.said();
    assert_eq!(
        said.iter().filter(|key| *key == "group_vacant").count(),
        1,
        "said once"
    );
    let order = play.order("chief-eng", "equipment");
    assert!(order.state.is_open());
    play.reply(&order, ReplyVerb::Accept).expect("heard");
    assert_eq!(state(&play, "equipment"), "accepted");
}

#[test]
fn after_a_restart_nobody_is_passed_over_before_ten_seconds() {
    let mut play = Play::new();
    play.restart();
    play.burn();
    assert_eq!(
        play.ordered("evacuate"),
        ["warden"],
        "the warden may be there"
    );
    assert_eq!(
        play.incident().holder.as_ref().expect("held").0.as_str(),
        "duty-lead"
    );
    play.wait(10);
    assert_eq!(
        play.ordered("evacuate"),
        ["warden", "post2"],
        "he has not come"
    );

    let mut play = Play::new();
    play.restart();
    play.presence("duty-lead", false);
    play.burn();
    assert_eq!(
        play.incident().holder.as_ref().expect("held").0.as_str(),
        "director",
        "who is known to be away is passed over at once"
    );
}
