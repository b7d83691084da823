//! What the shipped campus must be, so that a stranger can believe it: every place drawn, every compartment reached, every
//! panel's devices known. That it loads at all says that the prover accepts it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fengsui::config::{self, Configuration};
use fengsui::domain::ids::{CompartmentId, NodeId};
use fengsui::domain::site::{RecipientKind, Site};

fn shipped() -> Configuration {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    match config::load(&folder) {
        Ok(configuration) => configuration,
        Err(reports) => panic!("{} errors: see fengsui check", reports.len()),
    }
}

/// Buses whose units have a profile of this name.
fn buses_of(site: &Site, profile: &str) -> usize {
    let has = |units: &[fengsui::domain::site::Unit]| units.iter().any(|u| u.profile == profile);
    site.buses.values().filter(|bus| has(&bus.units)).count()
}

fn view_box(drawing: &str) -> [f64; 4] {
    let (_, rest) = drawing.split_once("viewBox=\"").expect("a viewBox");
    let (words, _) = rest.split_once('"').expect("its end");
    let numbers: Vec<f64> = words.split(' ').flat_map(str::parse).collect();
    numbers.try_into().expect("four numbers")
}

/// Every node that can be walked to from here.
fn reached<'a>(site: &'a Site, from: &'a NodeId) -> BTreeSet<&'a NodeId> {
    let mut next: BTreeMap<&NodeId, Vec<&NodeId>> = BTreeMap::new();
    for edge in site.routes.edges.iter().filter(|edge| !edge.closed) {
        next.entry(&edge.from).or_default().push(&edge.to);
        next.entry(&edge.to).or_default().push(&edge.from);
    }
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(node) = open.pop() {
        if seen.insert(node) {
            open.extend(next.get(node).into_iter().flatten());
        }
    }
    seen
}

#[test]
fn the_shipped_campus_has_the_size_that_it_is_judged_by() {
    let site = shipped().site;
    assert!(site.points.len() >= 300, "{} points", site.points.len());
    assert!(buses_of(&site, "simulated_panel") >= 3, "panels");
    assert!(buses_of(&site, "dry_contact_io") >= 3, "I/O modules");
    let posts = site.recipients.values();
    let posts = posts.filter(|one| one.kind == RecipientKind::Post).count();
    assert_eq!(posts, 8, "posts");
    assert_eq!(
        site.buildings.values().filter(|one| one.sleeping).count(),
        3
    );
    assert_eq!(site.groups.len(), 6, "groups");
    assert!(site.routes.edges.iter().any(|edge| edge.closed));
}

#[test]
fn every_floor_has_a_plan_and_every_point_stands_on_it() {
    let Configuration { site, plans, .. } = shipped();
    for floor in site.floors.values() {
        let plan = floor.plan.as_ref();
        assert!(
            plan.is_some_and(|plan| plans.contains_key(plan)),
            "{floor:?}"
        );
    }
    for point in site.points.values() {
        let plan = site.floors[&point.floor].plan.as_ref().expect("a plan");
        let [left, top, width, height] = view_box(&plans[plan]);
        let (x, y) = point
            .place
            .unwrap_or_else(|| panic!("{} is not drawn", point.id));
        let is_inside = (left..left + width).contains(&x) && (top..top + height).contains(&y);
        assert!(is_inside, "{} stands outside of {plan}", point.id);
    }
}

#[test]
fn every_compartment_is_reached_on_foot_from_two_posts() {
    let site = shipped().site;
    let mut reachable: BTreeMap<&CompartmentId, usize> = BTreeMap::new();
    for post in site.recipients.values() {
        let Some(node) = &post.node else { continue };
        let nodes = reached(&site, node);
        let points = site.points.values();
        let there = points.filter(|point| nodes.contains(&point.node));
        let compartments: BTreeSet<_> = there.map(|point| &point.compartment).collect();
        for compartment in compartments {
            *reachable.entry(compartment).or_default() += 1;
        }
    }
    for compartment in site.compartments.keys() {
        let posts = reachable.get(compartment).copied().unwrap_or_default();
        assert!(posts >= 2, "{compartment} is reached from {posts} posts");
    }
}

#[test]
fn every_fire_has_sounders_doors_light_and_voice_where_people_are() {
    use fengsui::domain::output::OutputKind::{Broadcast, DoorRelease, EmergencyLighting, Sounder};
    let site = shipped().site;
    for building in site.buildings.keys() {
        // Nobody but the electrician and the pump man is ever in these two.
        let wanted: &[_] = match building.as_str() {
            "W1" | "S1" => &[Sounder],
            _ => &[Sounder, DoorRelease, EmergencyLighting, Broadcast],
        };
        for kind in wanted {
            let mut outputs = site.outputs.values();
            assert!(
                outputs.any(|one| one.kind == *kind && one.building.as_ref() == Some(building)),
                "{building} has no {kind:?}"
            );
        }
    }
}
