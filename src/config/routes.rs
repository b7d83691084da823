//! `[routes]` of site.toml: the ways on foot.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;

use super::names::{Noun, Word};
use super::scope::Scope;
use super::section::Section;
use super::site::by_id;
use crate::domain::ids::{FloorId, NodeId, RecipientId};
use crate::domain::site::{Edge, Node, Recipient, RecipientKind, Routes};
use crate::domain::text::Text;

/// A longer way than this is a slip of the pen.
const METRES_MAX: i64 = 10_000;
/// Likewise.
const SECONDS_MAX: i64 = 7_200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeEntry {
    id: Word,
    name: Spanned<Text>,
    #[serde(default)]
    landmark: bool,
    place: Option<PlaceEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceEntry {
    floor: Word,
    at: (f64, f64),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EdgeEntry {
    from: Word,
    to: Word,
    metres: Spanned<i64>,
    seconds: Spanned<i64>,
    #[serde(default)]
    closed: bool,
}

/// Reads `[routes]`.
pub(super) fn read(file: &mut Section<'_>, scope: &mut Scope<'_>) -> Routes {
    let Some(mut section) = file.section("routes", scope.reports) else {
        return Routes::default();
    };
    let nodes = section.list("nodes", scope.reports);
    let nodes = by_id(nodes, |entry| Some(read_node(entry, scope)));
    let edges: Vec<EdgeEntry> = section.list("edges", scope.reports);
    let edges = edges
        .into_iter()
        .filter_map(|entry| read_edge(entry, scope))
        .collect();
    section.finish(scope.reports);
    Routes { nodes, edges }
}

fn read_node(entry: NodeEntry, scope: &mut Scope<'_>) -> (NodeId, Node) {
    let id: NodeId = entry.id.into_inner().into();
    let place = entry.place.map(|place| {
        scope.refer(Noun::Floor, &place.floor);
        let floor: FloorId = place.floor.into_inner().into();
        (floor, place.at.0, place.at.1)
    });
    let node = Node {
        id: id.clone(),
        name: scope.text(entry.name),
        is_landmark: entry.landmark,
        place,
    };
    (id, node)
}

fn read_edge(entry: EdgeEntry, scope: &mut Scope<'_>) -> Option<Edge> {
    scope.refer_all(Noun::Node, [&entry.from, &entry.to]);
    if entry.from.as_ref() == entry.to.as_ref() {
        scope.error(
            entry.to.span(),
            format!("a way leads from `{}` to itself", entry.to.as_ref()),
            "name two different nodes, or delete the way",
        );
    }
    let metres = scope.number(&entry.metres, 0..=METRES_MAX, "metres");
    let seconds = scope.number(&entry.seconds, 1..=SECONDS_MAX, "seconds");
    Some(Edge {
        from: entry.from.into_inner().into(),
        to: entry.to.into_inner().into(),
        metres: metres?,
        seconds: seconds?,
        closed: entry.closed,
    })
}

/// Every node that some post can walk to.
pub(super) fn reachable<'a>(
    routes: &'a Routes,
    recipients: &'a BTreeMap<RecipientId, Recipient>,
) -> BTreeSet<&'a NodeId> {
    let mut neighbours: BTreeMap<&NodeId, Vec<&NodeId>> = BTreeMap::new();
    for edge in routes.edges.iter().filter(|edge| !edge.closed) {
        neighbours.entry(&edge.from).or_default().push(&edge.to);
        neighbours.entry(&edge.to).or_default().push(&edge.from);
    }
    let posts = recipients
        .values()
        .filter(|recipient| recipient.kind == RecipientKind::Post);
    let mut frontier: Vec<&NodeId> = posts.filter_map(|post| post.node.as_ref()).collect();
    let mut reached = BTreeSet::new();
    while let Some(node) = frontier.pop() {
        if reached.insert(node) {
            frontier.extend(neighbours.get(node).into_iter().flatten().copied());
        }
    }
    reached
}
