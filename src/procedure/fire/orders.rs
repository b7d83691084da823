//! Orders to people and their answers. "Sent" is never "done": each step of an order comes back as an input.

use super::super::events::Event;
use super::super::{Campus, Decided, Owed, Refusal, RefusalKind, gas};
use super::{Incident, Order, Stage, command, scene};
use crate::domain::group::GroupId;
use crate::domain::ids::{CaseId, OrderId};
use crate::domain::input::Reply;
use crate::domain::order::{Cause, Figures, OrderKind, OrderState, ReplyVerb, Via};
use crate::domain::site::Site;
use crate::domain::time::Now;

/// How the id of an answer begins that the room entered 代录.
pub const RECORDED: &str = "recorded-";

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
    let answer = Answer {
        reply_id: reply.reply_id.clone(),
        verb: reply.verb,
        cause: reply.cause,
        reason: reply.reason.clone(),
        figures: reply.figures,
        via: reply.via,
    };
    match answered((site, now), incident, order, answer) {
        Ok(events) => Decided::events(events),
        Err(refusal) => Decided {
            refusal: Some(refusal),
            ..Decided::default()
        },
    }
}

/// An answer to an order, by the recipient's device or entered by the room.
pub(super) struct Answer {
    /// The device's own id of it.
    pub(super) reply_id: String,
    /// What is answered.
    pub(super) verb: ReplyVerb,
    /// With a false alarm.
    pub(super) cause: Option<Cause>,
    /// With an order that cannot be done.
    pub(super) reason: Option<String>,
    /// With a structured report.
    pub(super) figures: Option<Figures>,
    /// By which way it came.
    pub(super) via: Via,
}

/// What an answer causes. It is the same whoever brings it.
pub(super) fn answered(
    (site, now): (&Site, Now),
    incident: &Incident,
    order: &Order,
    answer: Answer,
) -> Result<Vec<Event>, Refusal> {
    if answer.verb == ReplyVerb::ReportFalse && answer.cause.is_none() {
        return Err(Refusal::new(RefusalKind::Body, "cause_missing"));
    }
    if answer.verb == ReplyVerb::LiftClear && !order.given.lift {
        return Err(Refusal::new(RefusalKind::Conflict, "order_of_no_lift"));
    }
    let of_scene = scene_event(incident, order, &answer)?;
    let mut events = vec![Event::OrderReplied {
        incident: incident.id.clone(),
        order: order.given.id.clone(),
        reply_id: answer.reply_id.clone(),
        verb: answer.verb,
        cause: answer.cause,
        reason: answer.reason.clone(),
        via: answer.via,
    }];
    if order.state.is_open() {
        events.extend(of_scene);
        events.extend(of_command(site, incident, order, answer.verb));
    }
    events.extend(verdict(site, incident, order, &answer, now));
    Ok(events)
}

/// 火已扑灭, heads and injured are reported by the group whose duty it is.
fn scene_event(
    incident: &Incident,
    order: &Order,
    answer: &Answer,
) -> Result<Option<Event>, Refusal> {
    let duty = match answer.verb {
        ReplyVerb::FireOut => GroupId::Extinguish,
        ReplyVerb::HeadCount => GroupId::Evacuate,
        ReplyVerb::Casualties => GroupId::Rescue,
        ReplyVerb::Received
        | ReplyVerb::Accept
        | ReplyVerb::Arrive
        | ReplyVerb::ReportFalse
        | ReplyVerb::ReportReal
        | ReplyVerb::Unable
        | ReplyVerb::Done
        | ReplyVerb::LiftClear => return Ok(None),
    };
    if order.given.group != Some(duty) {
        return Err(Refusal::new(
            RefusalKind::Conflict,
            "reply_of_another_group",
        ));
    }
    scene::reported(&incident.id, answer.verb, answer.figures)
        .map(Some)
        .ok_or_else(|| Refusal::new(RefusalKind::Body, "figures_missing"))
}

/// The answer to an offer of command.
fn of_command(site: &Site, incident: &Incident, order: &Order, verb: ReplyVerb) -> Vec<Event> {
    let Some(offer) = incident
        .handover
        .offer
        .as_ref()
        .filter(|offer| offer.order == order.given.id)
    else {
        return Vec::new();
    };
    match verb {
        ReplyVerb::Accept => vec![command::taken(site, incident, &offer.to, None)],
        ReplyVerb::Unable => vec![Event::CommandOfferLapsed {
            incident: incident.id.clone(),
            to: offer.to.clone(),
        }],
        ReplyVerb::Received
        | ReplyVerb::Arrive
        | ReplyVerb::ReportFalse
        | ReplyVerb::ReportReal
        | ReplyVerb::Done
        | ReplyVerb::FireOut
        | ReplyVerb::HeadCount
        | ReplyVerb::Casualties
        | ReplyVerb::LiftClear => Vec::new(),
    }
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
    reply: &Answer,
    now: Now,
) -> Option<Event> {
    if order.given.kind == OrderKind::Watch {
        // 复燃: it burns again.
        let again = reply.verb == ReplyVerb::ReportReal && incident.stage == Stage::Restoring;
        return again.then(|| judged_real(site, incident, now));
    }
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
            (incident.standing_devices().count() < 2).then(|| Event::JudgedFalse {
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
        | ReplyVerb::Done
        | ReplyVerb::FireOut
        | ReplyVerb::HeadCount
        | ReplyVerb::Casualties
        | ReplyVerb::LiftClear => None,
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
        // The recall itself may still fail: what releases the lift's feeder is the report from the landing (rule 5a).
        S::Accepted | S::Arrived if order.given.lift => {
            vec![ReplyVerb::LiftClear, ReplyVerb::Unable]
        }
        S::Accepted | S::Arrived => of_duty(order),
        S::Done | S::Declined | S::Withdrawn => Vec::new(),
    }
}

/// What somebody who has an order in hand reports: a group its own progress.
fn of_duty(order: &Order) -> Vec<ReplyVerb> {
    let own = match order.given.group {
        Some(GroupId::Extinguish) => Some(ReplyVerb::FireOut),
        Some(GroupId::Evacuate) => Some(ReplyVerb::HeadCount),
        Some(GroupId::Rescue) => Some(ReplyVerb::Casualties),
        Some(GroupId::Cordon | GroupId::Equipment | GroupId::Reserve) | None => None,
    };
    let watch = order.given.kind == OrderKind::Watch;
    let goes = order.given.group.is_some() || watch;
    let arrive = (goes && order.arrived_at.is_none()).then_some(ReplyVerb::Arrive);
    let again = watch.then_some(ReplyVerb::ReportReal);
    let mut verbs: Vec<ReplyVerb> = arrive.into_iter().chain(own).chain(again).collect();
    verbs.extend([ReplyVerb::Done, ReplyVerb::Unable]);
    verbs
}
