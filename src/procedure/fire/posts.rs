//! Who is sent to look: as many posts as the state asks for, nearest first, and why not the others.

use super::super::Campus;
use super::super::events::{Considered, Event, NewOrder};
use super::{Class, Incident, Stage};
use crate::dispatch::{self, Availability};
use crate::domain::ids::{NodeId, OrderId, RecipientId};
use crate::domain::order::{OrderKind, OrderState, Walk};
use crate::domain::site::Site;
use crate::domain::time::Now;

/// As many posts on the way as the state asks for, nearest first.
pub(super) fn posts(campus: &Campus, site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    if !incident.is_undecided() {
        return Vec::new();
    }
    let verify: Vec<_> = incident
        .orders
        .values()
        .filter(|order| {
            let counts = order.state != OrderState::Withdrawn && order.seq >= incident.anew;
            order.given.kind == OrderKind::Verify && counts
        })
        .collect();
    let lapsed = verify.iter().filter(|order| order.has_lapsed()).count();
    let far = verify
        .first()
        .and_then(|order| order.given.walk.as_ref())
        .is_some_and(|walk| u64::from(walk.seconds) > site.limits.two_posts_over.as_secs());
    let base = 1 + usize::from(incident.class >= Class::Suspected || far);
    let wanted = if incident.stage == Stage::Unverified {
        usize::MAX
    } else {
        base + lapsed
    };
    if verify.len() >= wanted {
        return Vec::new();
    }
    send(campus, site, now, incident, wanted - verify.len())
}

/// Orders to the best posts that have none of this incident yet.
pub(in crate::procedure) fn send(
    campus: &Campus,
    site: &Site,
    now: Now,
    incident: &Incident,
    count: usize,
) -> Vec<Event> {
    let Some(target) = target(site, incident) else {
        return nobody(incident);
    };
    let candidates = dispatch::candidates(site, &target, |id| availability(campus, incident, id));
    let mut events = Vec::new();
    let mut considered = Vec::new();
    for candidate in candidates {
        let chosen = candidate.rank.is_some() && events.len() < count;
        if chosen {
            let order = new_order(
                site,
                now,
                incident.next_order(events.len()),
                (&candidate.recipient, OrderKind::Verify),
                candidate.walk.clone(),
            );
            events.push(Event::OrderIssued {
                incident: incident.id.clone(),
                order,
            });
        }
        considered.push(Considered {
            recipient: candidate.recipient,
            walk: candidate.walk,
            chosen,
            reason: candidate.reason,
        });
    }
    if events.is_empty() {
        return nobody(incident);
    }
    events.insert(
        0,
        Event::PostsConsidered {
            incident: incident.id.clone(),
            considered,
        },
    );
    events
}

/// Nobody can be sent. When nobody is on the way either, the incident is 无人核实 at once.
fn nobody(incident: &Incident) -> Vec<Event> {
    let on_the_way = incident.open_orders(OrderKind::Verify).next().is_some();
    if on_the_way || incident.stage == Stage::Unverified {
        return Vec::new();
    }
    vec![Event::Unverified {
        incident: incident.id.clone(),
        why: "nobody_to_send".to_owned(),
    }]
}

/// Where somebody stands to look: at the first signal's device, else at any point of the compartment.
fn target(site: &Site, incident: &Incident) -> Option<NodeId> {
    let first = incident
        .signals
        .iter()
        .find_map(|signal| signal.point.as_ref());
    let point = first.and_then(|id| site.points.get(id)).or_else(|| {
        site.points
            .values()
            .find(|point| point.compartment == incident.compartment)
    });
    point.map(|point| point.node.clone())
}

fn availability(campus: &Campus, incident: &Incident, id: &RecipientId) -> Availability {
    let has_order = |other: &Incident| {
        other
            .orders
            .values()
            .filter(|order| order.given.kind != OrderKind::Support)
            .any(|order| order.given.recipient == *id && order.state.is_open())
    };
    Availability {
        online: campus.recipients.get(id).is_some_and(|state| state.online),
        engaged: campus
            .incidents
            .values()
            .any(|other| other.id != incident.id && has_order(other)),
        ordered: incident
            .orders
            .values()
            .filter(|order| order.given.kind == OrderKind::Verify && order.seq >= incident.anew)
            .any(|order| order.given.recipient == *id),
    }
}

/// A new order with its limits.
#[must_use]
pub fn new_order(
    site: &Site,
    now: Now,
    id: OrderId,
    (recipient, kind): (&RecipientId, OrderKind),
    walk: Option<Walk>,
) -> NewOrder {
    NewOrder {
        id,
        recipient: recipient.clone(),
        kind,
        group: None,
        output: None,
        lift: false,
        arrive_by: (kind == OrderKind::Verify).then_some(now.engine + site.limits.arrive),
        walk,
        receive_by: now.engine + site.limits.receive,
        accept_by: now.engine + site.limits.accept,
    }
}
