//! The six groups 六组 (process.md 94, 95): each gets its standing text at the confirmation. Who cannot be reached is not waited
//! for: the next deputy gets the order as well, and the first order stays open. A group that nobody fills is said to be so.

use super::super::events::{Event, NewOrder};
use super::super::{Campus, desk};
use super::posts::new_order;
use super::{Incident, Order, Stage};
use crate::domain::group::{Group, GroupId};
use crate::domain::ids::RecipientId;
use crate::domain::order::{OrderKind, OrderState};
use crate::domain::site::Site;
use crate::domain::time::Now;

/// What the groups of a confirmed fire still need.
pub(super) fn groups(campus: &Campus, site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    if incident.stage != Stage::Fighting {
        return Vec::new();
    }
    fill(campus, site, now, (incident, &GroupId::ALL))
}

/// What some groups still need: a leak empties and closes its space without the others.
pub(in crate::procedure) fn fill(
    campus: &Campus,
    site: &Site,
    now: Now,
    (incident, wanted): (&Incident, &[GroupId]),
) -> Vec<Event> {
    let mut events = Vec::new();
    let mut ahead = 0;
    for id in wanted.iter().copied() {
        let asked: Vec<&Order> = of(incident, id).collect();
        if asked.iter().any(|order| is_filled(order)) {
            continue;
        }
        let next = match site.groups.get(&id) {
            None => Err("vacant"),
            Some(group) => ask(campus, now, group, &asked),
        };
        match next {
            Ok(None) => {}
            Ok(Some(recipient)) => {
                let number = incident.next_order(ahead);
                let order = NewOrder {
                    group: Some(id),
                    ..new_order(site, now, number, (&recipient, OrderKind::Group), None)
                };
                ahead += 1;
                events.push(Event::OrderIssued {
                    incident: incident.id.clone(),
                    order,
                });
            }
            Err(why) if incident.unfilled.get(&id).is_none_or(|said| said != why) => {
                events.push(Event::GroupUnfilled {
                    incident: incident.id.clone(),
                    group: id,
                    why: why.to_owned(),
                });
            }
            Err(_said_before) => {}
        }
    }
    events
}

/// Who is asked next: nobody while somebody can still answer; an error when there is nobody left.
fn ask(
    campus: &Campus,
    now: Now,
    group: &Group,
    asked: &[&Order],
) -> Result<Option<RecipientId>, &'static str> {
    if asked.iter().any(|order| is_waited_for(campus, now, order)) {
        return Ok(None);
    }
    let left: Vec<&RecipientId> = group
        .chain()
        .filter(|id| !asked.iter().any(|order| order.given.recipient == **id))
        .collect();
    let reachable = left.iter().find(|id| desk::is_reachable(campus, now, id));
    // The leader gets the order in any case: it waits at the broker for him.
    let next = match reachable {
        Some(reachable) if !asked.is_empty() => Some(reachable),
        Some(_) | None => left.first(),
    };
    next.map(|id| Some((*id).clone())).ok_or("unreachable")
}

/// The orders of a group in this fire, in the order in which they were given.
pub fn of(incident: &Incident, id: GroupId) -> impl Iterator<Item = &Order> {
    let mut orders: Vec<&Order> = incident
        .orders
        .values()
        .filter(|order| order.given.group == Some(id) && order.seq >= incident.anew)
        .collect();
    orders.sort_by_key(|order| order.number());
    orders.into_iter()
}

/// Somebody of the group has it in hand, or has done it.
#[must_use]
pub fn is_filled(order: &Order) -> bool {
    matches!(
        order.state,
        OrderState::Accepted | OrderState::Arrived | OrderState::Done
    )
}

/// An answer can still be hoped for: the device is there and no limit has passed.
fn is_waited_for(campus: &Campus, now: Now, order: &Order) -> bool {
    order.state.is_open()
        && order.late.is_empty()
        && (order.state >= OrderState::Received
            || desk::is_reachable(campus, now, &order.given.recipient))
}
