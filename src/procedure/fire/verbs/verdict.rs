//! 确认真火, 判为误报, 派岗: what the room says of an alarm, and whom it sends to look.

use serde::Deserialize;

use super::{Outcome, body};
use crate::domain::actor::Actor;
use crate::domain::ids::RecipientId;
use crate::domain::input::Verb;
use crate::domain::order::{Cause, OrderKind};
use crate::domain::site::Site;
use crate::domain::time::Now;
use crate::procedure::events::Event;
use crate::procedure::fire::posts::new_order;
use crate::procedure::fire::{Incident, Order, Stage, orders};
use crate::procedure::{By, Refusal, RefusalKind};

/// 确认真火: never fails while the incident is open; a second press changes nothing.
pub(super) fn confirm_fire(site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    match incident.stage {
        Stage::Verifying | Stage::Unverified | Stage::FalseAlarm => {
            vec![orders::judged_real(site, incident, now)]
        }
        Stage::Fighting | Stage::Restoring | Stage::Closed => Vec::new(),
    }
}

#[derive(Deserialize)]
struct CauseBody {
    cause: Cause,
}

/// 判为误报 by the room: only with somebody at the scene, and never silently over two standing devices.
pub(super) fn judge_false(incident: &Incident, verb: &Verb) -> Outcome {
    let CauseBody { cause } = body(verb)?;
    if let Some(verdict) = incident
        .verdict
        .as_ref()
        .filter(|_| !incident.is_undecided())
    {
        let how = if verdict.cause.is_some() {
            "false"
        } else {
            "real"
        };
        return Err(Refusal::settled("verdict_given", &verdict.by, how));
    }
    let reported = |order: &Order| {
        order
            .outcome
            .as_ref()
            .is_some_and(|said| said.starts_with("report_false"))
    };
    let at_scene = incident
        .orders
        .values()
        .any(|order| order.arrived_at.is_some());
    if !at_scene {
        return Err(Refusal::new(RefusalKind::Conflict, "nobody_at_scene"));
    }
    if incident.standing().count() >= 2 && !incident.orders.values().any(reported) {
        return Err(Refusal::new(RefusalKind::Conflict, "two_devices_stand"));
    }
    Ok(vec![Event::JudgedFalse {
        incident: incident.id.clone(),
        cause,
    }])
}

#[derive(Deserialize)]
struct DispatchBody {
    recipient: RecipientId,
}

/// 派岗 by hand: one more post, whatever the ladder does.
pub(super) fn dispatch(site: &Site, now: Now, incident: &Incident, verb: &Verb) -> Outcome {
    let DispatchBody { recipient } = body(verb)?;
    if !site.recipients.contains_key(&recipient) {
        return Err(Refusal::new(RefusalKind::Body, "recipient_unknown"));
    }
    if let Some(order) = incident
        .open_orders(OrderKind::Verify)
        .find(|o| o.given.recipient == recipient)
    {
        let by = By {
            by: Actor::System,
            at: order.at,
        };
        return Err(Refusal::settled("already_sent", &by, "sent"));
    }
    let id = incident.next_order(0);
    let order = new_order(site, now, id, (&recipient, OrderKind::Verify), None);
    Ok(vec![Event::OrderIssued {
        incident: incident.id.clone(),
        order,
    }])
}
