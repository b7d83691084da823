//! 人工报警 (process.md 76a): a person opens an incident without a detector, or joins the one of the compartment. What was said,
//! the caller's name and number are in an erasable row; the journal keeps its id.

use serde::Deserialize;

use super::super::events::{Event, NewOrder, SignalRef};
use super::super::{Campus, Decided, Refusal, RefusalKind, desk};
use super::posts::new_order;
use super::{Incident, Order, Stage, orders, signals};
use crate::domain::ids::{CaseId, CompartmentId, OrderId};
use crate::domain::input::{Report, Verb};
use crate::domain::order::{How, OrderKind, ReplyVerb};
use crate::domain::site::{Compartment, Site};
use crate::domain::time::Now;

/// Longest name of a room.
const ROOM_MAX: usize = 64;
/// Most reports that an incident remembers; the first stays.
pub const REPORTS_MAX: usize = 16;

#[derive(Deserialize)]
struct Body {
    compartment: CompartmentId,
    room: Option<String>,
    how: How,
    note: Option<String>,
}

/// Somebody enters what he was told; if he is of the room, he has taken it with that.
pub(super) fn by_operator(
    campus: &Campus,
    site: &Site,
    now: Now,
    verb: &Verb,
) -> Result<Vec<Event>, Refusal> {
    let body: Body = super::verbs::body(verb)?;
    if body.how == How::Guard {
        return Err(Refusal::new(RefusalKind::Body, "body_report"));
    }
    let compartment = compartment(site, &body.compartment)?;
    let told = Told {
        report_id: None,
        how: body.how,
        room: room(body.room)?,
        note: body.note,
    };
    let (id, open) = incident_at(campus, site, now, compartment);
    let mut events = reported(campus, site, now, (compartment, told));
    let of_the_room = verb.role.is_of_the_room();
    if of_the_room && open.is_none_or(|incident| incident.taken.is_none()) {
        events.push(Event::Taken { incident: id });
    }
    Ok(events)
}

/// A guard reports from the scene 发现火情: he stands there, so nobody else has to be sent to look, and he may say at once that it
/// is real.
#[must_use]
pub fn by_guard(campus: &Campus, site: &Site, now: Now, report: &Report) -> Decided {
    match guard(campus, site, now, report) {
        Ok(events) => Decided::events(events),
        Err(refusal) => Decided {
            refusal: Some(refusal),
            ..Decided::default()
        },
    }
}

fn guard(campus: &Campus, site: &Site, now: Now, report: &Report) -> Result<Vec<Event>, Refusal> {
    if !site.recipients.contains_key(&report.recipient) {
        return Err(Refusal::new(RefusalKind::Unknown, "recipient_unknown"));
    }
    if is_known(campus, report) {
        return Ok(Vec::new());
    }
    let place = match &report.compartment {
        Some(id) => compartment(site, id)?,
        None => own_place(site, report)?,
    };
    let told = Told {
        report_id: Some(report.report_id.clone()),
        how: How::Guard,
        room: room(report.room.clone())?,
        note: report.note.clone(),
    };
    let (id, open) = incident_at(campus, site, now, place);
    let mut events = reported(campus, site, now, (place, told));
    let own = open.and_then(|incident| own_order(incident, report));
    let order = match own {
        Some(order) => order.given.id.clone(),
        None => {
            let order = sent_himself(site, now, report, (&id, open));
            let number = order.id.clone();
            events.push(Event::OrderIssued {
                incident: id.clone(),
                order,
            });
            number
        }
    };
    let arrived = own.is_some_and(|order| order.arrived_at.is_some());
    let mut answer = |verb: ReplyVerb, reply_id: String| {
        events.push(Event::OrderReplied {
            incident: id.clone(),
            order: order.clone(),
            reply_id,
            verb,
            cause: None,
            reason: None,
            via: report.via,
        });
    };
    if !arrived {
        answer(ReplyVerb::Arrive, report.report_id.clone());
    }
    if report.real {
        answer(ReplyVerb::ReportReal, format!("{}-real", report.report_id));
        if open.is_none_or(|incident| incident.stage != Stage::Fighting) {
            events.push(orders::judged_real_of(site, id.clone(), now));
        }
    }
    Ok(events)
}

/// The report was heard before: the device sends it until its order lists it.
fn is_known(campus: &Campus, report: &Report) -> bool {
    let same = |told: &super::Reported| {
        told.report_id.as_ref() == Some(&report.report_id)
            && told.by.by == crate::domain::actor::Actor::Recipient(report.recipient.clone())
    };
    campus
        .incidents
        .values()
        .any(|incident| incident.reports.iter().any(same))
}

fn compartment<'a>(site: &'a Site, id: &CompartmentId) -> Result<&'a Compartment, Refusal> {
    site.compartments
        .get(id)
        .ok_or_else(|| Refusal::new(RefusalKind::Body, "compartment_unknown"))
}

/// The compartment of the devices at the reporter's own post.
fn own_place<'a>(site: &'a Site, report: &Report) -> Result<&'a Compartment, Refusal> {
    let node = site
        .recipients
        .get(&report.recipient)
        .and_then(|recipient| recipient.node.as_ref());
    let point = node.and_then(|node| site.points.values().find(|point| point.node == *node));
    point
        .and_then(|point| site.compartments.get(&point.compartment))
        .ok_or_else(|| Refusal::new(RefusalKind::Body, "place_missing"))
}

fn room(room: Option<String>) -> Result<Option<String>, Refusal> {
    match room {
        Some(room) if room.chars().count() > ROOM_MAX => {
            Err(Refusal::new(RefusalKind::Body, "body_report"))
        }
        Some(room) if room.trim().is_empty() => Ok(None),
        Some(_) | None => Ok(room),
    }
}

/// What is kept of a report.
struct Told {
    report_id: Option<String>,
    how: How,
    room: Option<String>,
    note: Option<String>,
}

/// The open incident of a compartment, or the id that a new one will have.
fn incident_at<'a>(
    campus: &'a Campus,
    site: &Site,
    now: Now,
    compartment: &Compartment,
) -> (CaseId, Option<&'a Incident>) {
    let mut incidents = campus.incidents.values();
    let open = incidents.find(|incident| incident.is_open_fire_in(&compartment.id));
    let id = open.map_or_else(
        || desk::next_incident(&campus.desk, site.utc_offset_minutes, now.wall, 0).into(),
        |incident| incident.id.clone(),
    );
    (id, open)
}

/// Opens the incident of the compartment, or joins it.
fn reported(
    campus: &Campus,
    site: &Site,
    now: Now,
    (compartment, told): (&Compartment, Told),
) -> Vec<Event> {
    let (id, open) = incident_at(campus, site, now, compartment);
    let signal = SignalRef {
        point: None,
        kind: None,
    };
    let mut events = match open {
        Some(_) => vec![Event::SignalJoined {
            incident: id.clone(),
            signal,
        }],
        None => vec![Event::IncidentOpened {
            incident: id.clone(),
            building: compartment.building.clone(),
            floor: compartment.floor.clone(),
            zone: compartment.zone.clone(),
            compartment: compartment.id.clone(),
            sleeping: site
                .buildings
                .get(&compartment.building)
                .is_some_and(|building| building.sleeping),
            signal,
            take_by: now.engine + site.limits.take,
            verdict_by: now.engine + site.limits.verdict,
        }],
    };
    let judged =
        |incident: &Incident| matches!(incident.stage, Stage::FalseAlarm | Stage::Restoring);
    if open.is_some_and(judged) {
        // DESIGN.md 4, rule 16: a verdict covers only signals older than itself.
        events.push(Event::Reopened {
            incident: id.clone(),
        });
    }
    events.push(Event::IncidentReported {
        incident: id,
        report_id: told.report_id,
        how: told.how,
        room: told.room,
        note: told.note,
    });
    events.extend(signals::returned_sound(campus));
    events
}

/// The reporter's own open order to look.
fn own_order<'a>(incident: &'a Incident, report: &Report) -> Option<&'a Order> {
    incident
        .open_orders(OrderKind::Verify)
        .find(|order| order.given.recipient == report.recipient)
}

/// The order that stands for the reporter's being there: his device answers it like any other.
fn sent_himself(
    site: &Site,
    now: Now,
    report: &Report,
    (id, open): (&CaseId, Option<&Incident>),
) -> NewOrder {
    let number = open.map_or_else(
        || OrderId::from(format!("{id}-1")),
        |incident| incident.next_order(0),
    );
    new_order(
        site,
        now,
        number,
        (&report.recipient, OrderKind::Verify),
        None,
    )
}
