//! Orders to people and their answers. "Sent" is never "done": each step of an order comes back as an input.

use super::super::events::Event;
use super::super::{Campus, Decided, Owed, Refusal, RefusalKind, gas};
use super::{Incident, Order, Stage};
use crate::domain::ids::{CaseId, OrderId};
use crate::domain::input::Reply;
use crate::domain::order::{Cause, OrderKind, OrderState, ReplyVerb};
use crate::domain::site::Site;
use crate::domain::time::Now;

/// The incident and the order behind an order's id.
fn find<'a>(campus: &'a Campus, id: &OrderId) -> Option<(&'a Incident, &'a Order)> {
    let (case, _number) = id.as_str().rsplit_once('-')?;
    let incident = campus.incidents.get(case)?;
    Some((incident, incident.orders.get(id)?))
}

/// The broker has an order.
#[must_use]
pub fn at_broker(campus: &Campus, id: &OrderId) -> Vec<Event> {
    match find(campus, id) {
        Some((incident, order)) if order.state == OrderState::Queued => {
            vec![Event::OrderAtBroker {
                incident: incident.id.clone(),
                order: id.clone(),
            }]
        }
        Some(_) | None => Vec::new(),
    }
}

/// A recipient answers. A reply that was heard before changes nothing; one to an ended order is heard, so that the device
/// stops sending it, and changes nothing else.
#[must_use]
pub fn replied(campus: &Campus, site: &Site, now: Now, reply: &Reply) -> Decided {
    let Some((incident, order)) = find(campus, &reply.order) else {
        return refused(RefusalKind::Unknown, "order_unknown");
    };
    if order.given.recipient != reply.recipient {
        return refused(RefusalKind::Role, "order_of_another");
    }
    if order.heard.contains(&reply.reply_id) {
        return Decided::default();
    }
    if reply.verb == ReplyVerb::ReportFalse && reply.cause.is_none() {
        return refused(RefusalKind::Body, "cause_missing");
    }
    let mut events = vec![Event::OrderReplied {
        incident: incident.id.clone(),
        order: reply.order.clone(),
        reply_id: reply.reply_id.clone(),
        verb: reply.verb,
        cause: reply.cause,
        reason: reply.reason.clone(),
        via: reply.via,
    }];
    events.extend(verdict(site, incident, order, reply, now));
    Decided::events(events)
}

fn refused(kind: RefusalKind, code: &str) -> Decided {
    Decided {
        refusal: Some(Refusal::new(kind, code)),
        ..Decided::default()
    }
}

/// What a report from the scene means for the incident.
fn verdict(
    site: &Site,
    incident: &Incident,
    order: &Order,
    reply: &Reply,
    now: Now,
) -> Option<Event> {
    if order.given.kind != OrderKind::Verify {
        return None;
    }
    if incident.leak.is_some() {
        return gas::verbs::answered(incident, reply.verb, reply.cause);
    }
    match reply.verb {
        // Also after 误报: whoever stands before a fire is believed.
        ReplyVerb::ReportReal if incident.is_undecided() || incident.stage == Stage::FalseAlarm => {
            Some(judged_real(site, incident, now))
        }
        ReplyVerb::ReportFalse if incident.is_undecided() => {
            // DESIGN.md 4, rule 16: two standing devices need the guard at both; his report then stands in the record and the
            // operator decides.
            let cause = reply.cause.unwrap_or(Cause::Unknown);
            (incident.standing().count() < 2).then(|| Event::JudgedFalse {
                incident: incident.id.clone(),
                cause,
            })
        }
        ReplyVerb::ReportReal
        | ReplyVerb::ReportFalse
        | ReplyVerb::Received
        | ReplyVerb::Accept
        | ReplyVerb::Arrive
        | ReplyVerb::Unable
        | ReplyVerb::Done => None,
    }
}

/// 火警确认: what it starts follows from the state.
#[must_use]
pub fn judged_real(site: &Site, incident: &Incident, now: Now) -> Event {
    judged_real_of(site, incident.id.clone(), now)
}

/// As [`judged_real`], also for an incident that is only being opened.
#[must_use]
pub fn judged_real_of(site: &Site, incident: CaseId, now: Now) -> Event {
    let call_119_by = now.engine + site.limits.call_119;
    Event::JudgedReal {
        incident,
        call_119_by,
    }
}

/// Orders that the broker does not have yet.
#[must_use]
pub fn owed(incident: &Incident) -> Vec<Owed> {
    incident
        .orders
        .values()
        .filter(|order| order.state == OrderState::Queued)
        .map(|order| Owed::Deliver {
            order: order.given.id.clone(),
            recipient: order.given.recipient.clone(),
        })
        .collect()
}

/// What a recipient may answer now.
#[must_use]
pub fn replies(order: &Order) -> Vec<ReplyVerb> {
    use OrderState as S;
    let verify = order.given.kind == OrderKind::Verify;
    match order.state {
        S::Queued | S::AtBroker | S::Received => vec![ReplyVerb::Accept, ReplyVerb::Unable],
        S::Accepted if verify => {
            vec![
                ReplyVerb::Arrive,
                ReplyVerb::ReportReal,
                ReplyVerb::ReportFalse,
                ReplyVerb::Unable,
            ]
        }
        S::Arrived if verify => {
            vec![
                ReplyVerb::ReportReal,
                ReplyVerb::ReportFalse,
                ReplyVerb::Unable,
            ]
        }
        S::Accepted | S::Arrived => vec![ReplyVerb::Done, ReplyVerb::Unable],
        S::Done | S::Declined | S::Withdrawn => Vec::new(),
    }
}
