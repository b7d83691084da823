//! The room is lost: nobody has taken an alarm in time. The second station rings by the documents; posts, the succession and the
//! commander get an order by which their phones ring, until somebody takes the alarm, there or anywhere.

use std::collections::BTreeSet;

use super::super::Campus;
use super::super::events::Event;
use super::posts::new_order;
use super::{Incident, Stage};
use crate::domain::ids::RecipientId;
use crate::domain::order::OrderKind;
use crate::domain::site::{RecipientKind, Site};
use crate::domain::time::Now;

/// Nobody of the room has taken it although its time has passed.
#[must_use]
pub fn is_lost(incident: &Incident) -> bool {
    incident.take_missed && incident.taken.is_none() && incident.stage != Stage::Closed
}

/// Calls everybody, and takes the call back once somebody has taken the alarm.
#[must_use]
pub fn room(_: &Campus, site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    if !is_lost(incident) {
        let open = incident.open_orders(OrderKind::Support);
        return open
            .map(|order| Event::OrderWithdrawn {
                incident: incident.id.clone(),
                order: order.given.id.clone(),
            })
            .collect();
    }
    if incident
        .orders
        .values()
        .any(|order| order.given.kind == OrderKind::Support)
    {
        return Vec::new();
    }
    everybody(site)
        .into_iter()
        .enumerate()
        .map(|(ahead, recipient)| {
            let to = (recipient, OrderKind::Support);
            let order = new_order(site, now, incident.next_order(ahead), to, None);
            Event::OrderIssued {
                incident: incident.id.clone(),
                order,
            }
        })
        .collect()
}

/// Posts, the succession, the commander.
fn everybody(site: &Site) -> BTreeSet<&RecipientId> {
    let posts = site
        .recipients
        .values()
        .filter(|recipient| recipient.kind == RecipientKind::Post)
        .map(|recipient| &recipient.id);
    let chain = site.succession.iter().chain([&site.commander]);
    posts.chain(chain).collect()
}
