//! The nearest post 最近岗位: shortest walking time over the route graph, and why each other post was not taken. Pure.
//!
//! Lifts are never in the graph. Candidates in order: online and free; then reachable by radio only; then engaged already.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::domain::ids::{NodeId, RecipientId};
use crate::domain::order::Walk;
use crate::domain::site::{Recipient, RecipientKind, Routes, Site};
use crate::domain::text::{Line, Text};

/// What is known of a post at the moment of choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Availability {
    /// Its device is there.
    pub online: bool,
    /// It has an open order of another incident.
    pub engaged: bool,
    /// It has or had an order of this incident.
    pub ordered: bool,
}

/// A post that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The post.
    pub recipient: RecipientId,
    /// Its way, when there is one.
    pub walk: Option<Walk>,
    /// 0 online and free, 1 radio only, 2 engaged; `None` when it cannot be sent.
    pub rank: Option<u8>,
    /// Why it stands where it stands.
    pub reason: Line,
}

/// Every post with its way to `target`, best first, those that cannot be sent last.
#[must_use]
pub fn candidates(
    site: &Site,
    target: &NodeId,
    availability: impl Fn(&RecipientId) -> Availability,
) -> Vec<Candidate> {
    let walks = walks_to(&site.routes, target);
    let mut candidates: Vec<Candidate> = site
        .recipients
        .values()
        .filter(|recipient| recipient.kind == RecipientKind::Post)
        .map(|recipient| candidate(recipient, &walks, availability(&recipient.id)))
        .collect();
    candidates.sort_by_key(|candidate| {
        let seconds = candidate
            .walk
            .as_ref()
            .map_or(u32::MAX, |walk| walk.seconds);
        (
            candidate.rank.unwrap_or(u8::MAX),
            seconds,
            candidate.recipient.clone(),
        )
    });
    candidates
}

fn candidate(
    recipient: &Recipient,
    walks: &BTreeMap<&NodeId, Walk>,
    available: Availability,
) -> Candidate {
    let walk = recipient
        .node
        .as_ref()
        .and_then(|node| walks.get(node))
        .cloned();
    let (rank, key) = match (&walk, available) {
        (None, _) => (None, "reason.no_way"),
        (Some(_), Availability { ordered: true, .. }) => (None, "reason.ordered"),
        (Some(_), _) if !recipient.may_leave => (None, "reason.may_not_leave"),
        (Some(_), Availability { engaged: true, .. }) => (Some(2), "reason.engaged"),
        (Some(_), Availability { online: true, .. }) => (Some(0), "reason.free"),
        (Some(_), _) if recipient.radio.is_some() => (Some(1), "reason.radio_only"),
        (Some(_), _) => (None, "reason.offline"),
    };
    Candidate {
        recipient: recipient.id.clone(),
        walk,
        rank,
        reason: Line::new(key),
    }
}

/// The shortest ways from everywhere to `target` (Dijkstra from the target; ways are usable in both directions).
fn walks_to<'a>(routes: &'a Routes, target: &'a NodeId) -> BTreeMap<&'a NodeId, Walk> {
    let mut neighbours: BTreeMap<&NodeId, Vec<(&NodeId, u32, u32)>> = BTreeMap::new();
    for edge in routes.edges.iter().filter(|edge| !edge.closed) {
        neighbours
            .entry(&edge.from)
            .or_default()
            .push((&edge.to, edge.seconds, edge.metres));
        neighbours
            .entry(&edge.to)
            .or_default()
            .push((&edge.from, edge.seconds, edge.metres));
    }
    let mut walks: BTreeMap<&NodeId, Walk> = BTreeMap::new();
    let mut frontier = BinaryHeap::from([(Reverse(0_u32), target, 0_u32, None::<&NodeId>)]);
    while let Some((Reverse(seconds), node, metres, landmark)) = frontier.pop() {
        if walks.contains_key(node) {
            continue;
        }
        let via = landmark
            .and_then(|id| routes.nodes.get(id))
            .map(|node| node.name.clone());
        let via = via.unwrap_or_else(|| Text::new("", ""));
        walks.insert(
            node,
            Walk {
                metres,
                seconds,
                via,
            },
        );
        // Going outwards from the target, the first landmark met is the last one that the guard passes.
        let landmark = landmark.or_else(|| {
            routes
                .nodes
                .get(node)
                .filter(|n| n.is_landmark)
                .map(|n| &n.id)
        });
        for (next, more_seconds, more_metres) in neighbours.get(node).into_iter().flatten() {
            if !walks.contains_key(next) {
                let (seconds, metres) = (seconds + more_seconds, metres + more_metres);
                frontier.push((Reverse(seconds), next, metres, landmark));
            }
        }
    }
    walks
}
