//! `site`: what the configuration says of the campus.

use serde_json::{Value, json};

use crate::domain::site::{RecipientKind, Site};

/// The word of a recipient's kind.
#[must_use]
pub fn kind(kind: RecipientKind) -> &'static str {
    match kind {
        RecipientKind::Post => "post",
        RecipientKind::Person => "person",
    }
}

/// The document.
#[must_use]
pub fn site(site: &Site) -> Value {
    let floors = |building: &crate::domain::ids::BuildingId| {
        let mut floors: Vec<_> = site
            .floors
            .values()
            .filter(|f| f.building == *building)
            .collect();
        floors.sort_by_key(|floor| floor.level);
        let floors = floors.into_iter();
        floors
            .map(|f| json!({ "id": f.id, "name": f.name, "plan": f.plan }))
            .collect::<Vec<_>>()
    };
    let buildings = site.buildings.values().map(|building| {
        json!({
            "id": building.id,
            "name": building.name,
            "sleeping": building.sleeping,
            "floors": floors(&building.id),
        })
    });
    let compartments = site.compartments.values().map(|compartment| {
        json!({
            "id": compartment.id,
            "name": compartment.name,
            "building": compartment.building,
            "floor": compartment.floor,
            "zone": compartment.zone,
        })
    });
    let zones = site
        .zones
        .values()
        .map(|zone| json!({ "id": zone.id, "name": zone.name, "building": zone.building }));
    let recipients = site.recipients.values().map(|recipient| {
        json!({
            "id": recipient.id,
            "kind": kind(recipient.kind),
            "name": recipient.name,
            "place": recipient.place,
            "radio": recipient.radio,
        })
    });
    json!({
        "id": site.id,
        "name": site.name,
        "address": site.address,
        "utc_offset_minutes": site.utc_offset_minutes,
        "demo": site.demo,
        "buildings": buildings.collect::<Vec<_>>(),
        "compartments": compartments.collect::<Vec<_>>(),
        "zones": zones.collect::<Vec<_>>(),
        "site_plan": site.plan,
        "places": places(site),
        "recipients": recipients.collect::<Vec<_>>(),
    })
}

/// Footprints and posts on the site plan.
fn places(site: &Site) -> Vec<Value> {
    let buildings = site.buildings.values().filter_map(|building| {
        let (x, y) = building.place?;
        let (id, name) = (&building.id, &building.name);
        Some(json!({ "kind": "building", "id": id, "name": name, "x": x, "y": y }))
    });
    let posts = site.recipients.values().filter_map(|recipient| {
        let (x, y) = recipient.plan_place?;
        let name = json!({ "zh": recipient.name, "en": recipient.name });
        Some(json!({ "kind": "post", "id": recipient.id, "name": name, "x": x, "y": y }))
    });
    buildings.chain(posts).collect()
}
