//! The limits of an incident, derived from its state. After a crash nothing has to be armed again.

use super::super::Campus;
use super::super::events::Event;
use super::{Incident, Order, Stage, command};
use crate::domain::ids::CaseId;
use crate::domain::order::{OrderKind, OrderState};
use crate::domain::time::{EngineTime, Now};

/// The next limit.
#[must_use]
pub fn next(incident: &Incident) -> Option<EngineTime> {
    all(incident).into_iter().map(|(due, _)| due).min()
}

/// What the limits that have passed cause, earliest first.
#[must_use]
pub fn passed(campus: &Campus, now: Now, id: &CaseId) -> Vec<Event> {
    let Some(incident) = campus.incidents.get(id) else {
        return Vec::new();
    };
    let mut due = all(incident);
    due.retain(|(due, _)| *due <= now.engine);
    due.sort_by_key(|(due, _)| *due);
    due.into_iter().flat_map(|(_, events)| events).collect()
}

/// Every limit that runs, with what its passing causes.
fn all(incident: &Incident) -> Vec<(EngineTime, Vec<Event>)> {
    let id = || incident.id.clone();
    let mut limits = Vec::new();
    if incident.stage == Stage::Closed {
        return limits;
    }
    if incident.taken.is_none() && !incident.take_missed {
        let events = vec![
            Event::TakeMissed { incident: id() },
            Event::SoundReturned {
                why: "take_missed".to_owned(),
            },
        ];
        limits.push((incident.take_by, events));
    }
    if incident.stage == Stage::Verifying {
        let event = Event::Unverified {
            incident: id(),
            why: "no_verdict".to_owned(),
        };
        limits.push((incident.verdict_by, vec![event]));
    }
    if let Some(call) = &incident.call_119
        && (call.more || call.outcome.is_none() && !call.is_settled())
        && !call.late
        && let Some(due) = call.due
    {
        limits.push((due, vec![Event::Call119Late { incident: id() }]));
    }
    limits.extend(command::limit(incident));
    if let Some(offer) = incident.start_offer.filter(|offer| !offer.late)
        && super::offer::stands(incident)
    {
        let events = vec![
            Event::StartUnanswered { incident: id() },
            Event::SoundReturned {
                why: "start_unanswered".to_owned(),
            },
        ];
        limits.push((offer.by, events));
    }
    for order in incident.orders.values() {
        for (due, limit) in of_order(order) {
            let event = Event::OrderLate {
                incident: id(),
                order: order.given.id.clone(),
                limit: limit.to_owned(),
            };
            limits.push((due, vec![event]));
        }
    }
    limits
}

/// The limits of one order that still run.
#[must_use]
pub fn of_order(order: &Order) -> Vec<(EngineTime, &'static str)> {
    let given = &order.given;
    if given.kind == OrderKind::Support {
        // It calls everybody; nobody in particular is late.
        return Vec::new();
    }
    let before = |state: OrderState| order.state < state && order.state.is_open();
    let mut limits = Vec::new();
    if before(OrderState::Received) {
        limits.push((given.receive_by, "receive"));
    }
    if before(OrderState::Accepted) {
        limits.push((given.accept_by, "accept"));
    }
    if before(OrderState::Arrived)
        && let Some(arrive_by) = given.arrive_by
    {
        limits.push((arrive_by, "arrive"));
    }
    limits.retain(|(_, limit)| !order.late.iter().any(|late| late == limit));
    limits
}
