//! How an incident changes. Reads nothing but the event and the state.

use std::collections::BTreeSet;

use super::super::events::{Event, NewOrder};
use super::super::{Campus, Cell, Stamp, points};
use super::orders::RECORDED;
use super::report::REPORTS_MAX;
use super::{
    CALLS_MAX, Call, Call119, Class, HEARD_MAX, Incident, Order, Recorded, Reported, Stage,
    StartOffer, Verdict, anew, command, correct, scene, signals,
};
use crate::domain::ids::{CaseId, OrderId};
use crate::domain::order::{CallOutcome, OrderState, ReplyVerb};

/// The word of a reply in files, topics and the catalogue.
#[must_use]
pub fn word(verb: ReplyVerb) -> &'static str {
    match verb {
        ReplyVerb::Received => "received",
        ReplyVerb::Accept => "accept",
        ReplyVerb::Arrive => "arrive",
        ReplyVerb::ReportFalse => "report_false",
        ReplyVerb::ReportReal => "report_real",
        ReplyVerb::Unable => "unable",
        ReplyVerb::Done => "done",
        ReplyVerb::FireOut => "fire_out",
        ReplyVerb::HeadCount => "head_count",
        ReplyVerb::Casualties => "casualties",
        ReplyVerb::LiftClear => "lift_clear",
    }
}

/// Changes incidents.
pub fn apply(campus: &mut Campus, stamp: &Stamp, event: &Event, touched: &mut BTreeSet<Cell>) {
    let panel_at = signals::panel_time(campus, event);
    if let Some(mut opened) = opened(stamp, event) {
        signals::told_by_panel(&mut opened, panel_at);
        touched.insert(Cell::Incident(opened.id.clone()));
        campus.incidents.insert(opened.id.clone(), opened);
        return;
    }
    let Some(id) = incident_of(event) else { return };
    let Some(incident) = campus.incidents.get_mut(id) else {
        return;
    };
    let class = incident.class;
    lift_reported(incident, event);
    signals::apply(incident, stamp, event, panel_at);
    change_orders(incident, stamp, event);
    change_procedure(incident, stamp, event);
    if incident.class != class {
        // Orders show it.
        for order in incident.orders.values_mut() {
            order.changed = stamp.seq;
        }
    }
    scene::apply(&mut incident.scene, stamp, event);
    command::apply(incident, stamp, event);
    touched.insert(Cell::Incident(id.clone()));
    if let Event::Call119Said { about, .. } = event {
        told_as_well(campus, stamp, about, touched);
        return;
    }
    if let Event::IncidentClosed { .. } = event {
        let latched: Vec<_> = incident
            .signals
            .iter()
            .filter_map(|s| s.point.clone())
            .collect();
        for point in latched {
            points::unlatch(campus, &point, touched);
        }
    }
}

/// A named person at the landing says that a lift is clear; only an order that is still open can say so.
fn lift_reported(incident: &mut Incident, event: &Event) {
    let Event::OrderReplied {
        order,
        verb: ReplyVerb::LiftClear,
        ..
    } = event
    else {
        return;
    };
    let order = incident.orders.get(order);
    let of = order.filter(|order| order.state.is_open() && order.given.lift);
    if let Some(output) = of.and_then(|order| order.given.output.clone()) {
        incident.lifts_clear.insert(output);
    }
}

/// One call tells of every linked incident of the building.
fn told_as_well(
    campus: &mut Campus,
    stamp: &Stamp,
    about: &[CaseId],
    touched: &mut BTreeSet<Cell>,
) {
    for id in about {
        let call = campus
            .incidents
            .get_mut(id)
            .and_then(|i| i.call_119.as_mut());
        if let Some(call) = call {
            call.outcome = Some((true, stamp.by()));
            call.more = false;
            touched.insert(Cell::Incident(id.clone()));
        }
    }
}

/// The incident that an event names, also one that it opens.
#[must_use]
pub fn case_of(event: &Event) -> Option<CaseId> {
    if let Event::IncidentOpened { incident, .. } | Event::GasDetected { incident, .. } = event {
        return Some(incident.clone());
    }
    incident_of(event).cloned()
}

/// The incident that an event belongs to.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only the events of an incident name one"
)]
fn incident_of(event: &Event) -> Option<&CaseId> {
    match event {
        Event::SignalJoined { incident, .. }
        | Event::IncidentReported { incident, .. }
        | Event::SignalRestored { incident, .. }
        | Event::SignalReturned { incident, .. }
        | Event::Taken { incident }
        | Event::TakeMissed { incident }
        | Event::Suspected { incident, .. }
        | Event::PostsConsidered { incident, .. }
        | Event::OrderIssued { incident, .. }
        | Event::OrderAtBroker { incident, .. }
        | Event::OrderReplied { incident, .. }
        | Event::OrderLate { incident, .. }
        | Event::OrderWithdrawn { incident, .. }
        | Event::Unverified { incident, .. }
        | Event::JudgedFalse { incident, .. }
        | Event::JudgedReal { incident, .. }
        | Event::Reopened { incident }
        | Event::CorrectedFalse { incident, .. }
        | Event::RestoreListed { incident, .. }
        | Event::Called119 { incident, .. }
        | Event::Call119Late { incident }
        | Event::CommandTaken { incident, .. }
        | Event::CommandOffered { incident, .. }
        | Event::CommandOfferLapsed { incident, .. }
        | Event::BrigadeCommands { incident, .. }
        | Event::HandedBack { incident }
        | Event::ReplyRecorded { incident, .. }
        | Event::FireOut { incident }
        | Event::HeadCounted { incident, .. }
        | Event::CasualtiesCounted { incident, .. }
        | Event::WatchNamed { incident, .. }
        | Event::FalseProposed { incident, .. }
        | Event::Call119Said { incident, .. }
        | Event::AllClearOver { incident, .. }
        | Event::GroupUnfilled { incident, .. }
        | Event::PlanMade { incident, .. }
        | Event::PanelResetSeen { incident }
        | Event::AllClear { incident, .. }
        | Event::Restored { incident, .. }
        | Event::IncidentClosed { incident }
        | Event::Spread { incident, .. }
        | Event::StartOffered { incident, .. }
        | Event::StartUnanswered { incident }
        | Event::GasHigh { incident, .. }
        | Event::GasTask { incident, .. }
        | Event::GasReported { incident, .. }
        | Event::GasGone { incident, .. }
        | Event::GasReturned { incident }
        | Event::CommandAsked {
            incident: Some(incident),
            ..
        } => Some(incident),
        _ => None,
    }
}

fn opened(stamp: &Stamp, event: &Event) -> Option<Incident> {
    let Event::IncidentOpened {
        incident,
        building,
        floor,
        zone,
        compartment,
        sleeping,
        signal,
        take_by,
        verdict_by,
    } = event
    else {
        return None;
    };
    let place = (building.clone(), floor.clone(), zone.clone());
    let mut opened = Incident::new(incident.clone(), place, compartment.clone(), stamp);
    opened.sleeping = *sleeping;
    opened.signals.push(Incident::latched(stamp, signal));
    opened.take_by = *take_by;
    opened.verdict_by = *verdict_by;
    Some(opened)
}

/// An order as it is given.
fn issued(stamp: &Stamp, order: &NewOrder) -> Order {
    Order {
        given: order.clone(),
        seq: stamp.seq,
        at: stamp.now.wall,
        issued: stamp.now.engine,
        state: OrderState::Queued,
        late: Vec::new(),
        heard: Vec::new(),
        accepted_at: None,
        arrived_at: None,
        ended_at: None,
        outcome: None,
        changed: stamp.seq,
        received_via: None,
        recorded: Vec::new(),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only the events of orders are its business"
)]
fn change_orders(incident: &mut Incident, stamp: &Stamp, event: &Event) {
    if let Event::OrderIssued { order, .. } = event {
        incident
            .orders
            .insert(order.id.clone(), issued(stamp, order));
        return;
    }
    let mut with = |id: &OrderId, change: &mut dyn FnMut(&mut Order)| {
        if let Some(order) = incident.orders.get_mut(id) {
            order.changed = stamp.seq;
            change(order);
        }
    };
    match event {
        Event::OrderAtBroker { order, .. } => with(order, &mut |order| {
            order.state = order.state.max(OrderState::AtBroker);
        }),
        Event::OrderLate { order, limit, .. } => with(order, &mut |order| {
            order.late.push(limit.clone());
        }),
        Event::OrderWithdrawn { order, .. } => with(order, &mut |order| {
            order.state = OrderState::Withdrawn;
            order.ended_at = Some(stamp.now.wall);
        }),
        Event::ReplyRecorded {
            order,
            verb,
            channel,
            person,
            note,
            ..
        } => with(order, &mut |order| {
            order.recorded.push(Recorded {
                verb: *verb,
                channel: *channel,
                person: person.clone(),
                note: note.clone(),
                by: stamp.by(),
            });
        }),
        Event::OrderReplied {
            order,
            reply_id,
            verb,
            cause,
            reason,
            via,
            ..
        } => {
            with(order, &mut |order| {
                // What the room enters for somebody says nothing of his device.
                if !reply_id.starts_with(RECORDED) {
                    order.received_via.get_or_insert(*via);
                }
                order.heard.push(reply_id.clone());
                if order.heard.len() > HEARD_MAX {
                    order.heard.remove(0);
                }
                replied(order, stamp, *verb);
                if *verb != ReplyVerb::Received {
                    let said = cause
                        .map(|cause| cause.word().to_owned())
                        .or(reason.clone());
                    order.outcome = Some(match said {
                        Some(said) => format!("{}:{said}", word(*verb)),
                        None => word(*verb).to_owned(),
                    });
                }
            });
        }
        _ => {}
    }
}

/// An answer moves an order forward only.
fn replied(order: &mut Order, stamp: &Stamp, verb: ReplyVerb) {
    if !order.state.is_open() {
        return;
    }
    let at = Some(stamp.now.wall);
    match verb {
        ReplyVerb::Received => order.state = order.state.max(OrderState::Received),
        ReplyVerb::Accept => {
            order.state = order.state.max(OrderState::Accepted);
            order.accepted_at = order.accepted_at.or(at);
        }
        ReplyVerb::Arrive | ReplyVerb::FireOut | ReplyVerb::HeadCount | ReplyVerb::Casualties => {
            order.state = order.state.max(OrderState::Arrived);
            order.accepted_at = order.accepted_at.or(at);
            order.arrived_at = order.arrived_at.or(at);
        }
        ReplyVerb::ReportFalse | ReplyVerb::ReportReal => {
            order.state = OrderState::Done;
            order.accepted_at = order.accepted_at.or(at);
            order.arrived_at = order.arrived_at.or(at);
            order.ended_at = at;
        }
        ReplyVerb::Done | ReplyVerb::LiftClear => {
            order.state = OrderState::Done;
            order.ended_at = at;
        }
        ReplyVerb::Unable => {
            order.state = OrderState::Declined;
            order.ended_at = at;
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "signals and orders are changed above"
)]
#[expect(clippy::too_many_lines, reason = "a table: one row per event")]
fn change_procedure(incident: &mut Incident, stamp: &Stamp, event: &Event) {
    let open_card = |due| Call119 {
        opened: stamp.now.engine,
        due,
        late: false,
        outcome: None,
        calls: Vec::new(),
        more: false,
    };
    match event {
        Event::Taken { .. } => incident.taken = Some(stamp.by()),
        Event::IncidentReported {
            report_id,
            how,
            room,
            note,
            ..
        } => {
            if incident.reports.len() >= REPORTS_MAX {
                incident.reports.remove(1);
            }
            incident.reports.push(Reported {
                report_id: report_id.clone(),
                how: *how,
                room: room.clone(),
                note: note.clone(),
                by: stamp.by(),
            });
        }
        Event::TakeMissed { .. } => {
            incident.take_missed = true;
            incident.take_missed_at = Some(stamp.now.wall);
        }
        Event::Suspected { .. } => {
            incident.class = incident.class.max(Class::Suspected);
            incident.call_119.get_or_insert_with(|| open_card(None));
        }
        Event::PostsConsidered { considered, .. } => incident.considered.clone_from(considered),
        Event::Unverified { why, .. } => {
            incident.stage = Stage::Unverified;
            incident.unverified = Some(why.clone());
            incident.call_119.get_or_insert_with(|| open_card(None));
        }
        Event::JudgedFalse { cause, .. } => {
            incident.stage = Stage::FalseAlarm;
            incident.verdict = Some(Verdict {
                cause: Some(*cause),
                by: stamp.by(),
                seq: stamp.seq,
            });
        }
        Event::JudgedReal { call_119_by, .. } => {
            if matches!(incident.stage, Stage::FalseAlarm | Stage::Restoring) {
                anew::start(incident, stamp);
            }
            incident.class = Class::Confirmed;
            incident.stage = Stage::Fighting;
            incident.verdict = Some(Verdict {
                cause: None,
                by: stamp.by(),
                seq: stamp.seq,
            });
            match &mut incident.call_119 {
                Some(call) => {
                    call.due = Some(*call_119_by);
                    call.more = call.is_told_by_another();
                    call.late &= !call.more;
                }
                none @ None => *none = Some(open_card(Some(*call_119_by))),
            }
        }
        Event::Reopened { .. } => {
            anew::start(incident, stamp);
            incident.stage = Stage::Verifying;
            incident.class = Class::Suspected;
            incident.call_119.get_or_insert_with(|| open_card(None));
        }
        Event::CorrectedFalse { .. } | Event::RestoreListed { .. } => {
            correct::apply(incident, stamp, event);
        }
        Event::Called119 { connected, .. } => {
            if let Some(call) = &mut incident.call_119 {
                call.outcome = Some((*connected, stamp.by()));
            }
        }
        Event::Call119Said {
            outcome,
            used,
            note,
            ..
        } => {
            if let Some(card) = &mut incident.call_119 {
                match outcome {
                    CallOutcome::Connected => card.outcome = Some((true, stamp.by())),
                    CallOutcome::Failed => card.outcome = Some((false, stamp.by())),
                    CallOutcome::NotCalled | CallOutcome::FollowUp | CallOutcome::CalledOff => {}
                }
                card.more = false;
                if card.calls.len() >= CALLS_MAX {
                    card.calls.remove(1);
                }
                card.calls.push(Call {
                    outcome: *outcome,
                    used: used.clone(),
                    note: note.clone(),
                    by: stamp.by(),
                });
            }
        }
        Event::Call119Late { .. } => {
            if let Some(call) = &mut incident.call_119 {
                call.late = true;
            }
        }
        Event::GroupUnfilled { group, why, .. } => {
            incident.unfilled.insert(*group, why.clone());
        }
        Event::Spread { of, .. } => {
            incident.spread_of = Some(of.clone());
            incident.call_119.get_or_insert_with(|| open_card(None));
        }
        Event::StartOffered { answer_by, .. } => {
            incident.start_offer = Some(StartOffer {
                opened: stamp.now.engine,
                by: *answer_by,
                late: false,
            });
        }
        Event::StartUnanswered { .. } => {
            if let Some(offer) = &mut incident.start_offer {
                offer.late = true;
            }
        }
        Event::PlanMade { outputs, .. } => incident.plan = Some(outputs.clone()),
        Event::CommandAsked { output, .. } => {
            incident.asked.insert(output.clone());
        }
        Event::PanelResetSeen { .. } => incident.panel_reset_seen = true,
        Event::AllClearOver { unmet, note, .. } => {
            incident.cleared_over = Some((unmet.clone(), note.clone()));
        }
        Event::AllClear { restore, .. } => {
            incident.stage = Stage::Restoring;
            incident.all_clear = Some(stamp.by());
            incident.restore = restore.iter().map(|item| (item.clone(), None)).collect();
        }
        Event::Restored {
            item, person, note, ..
        } => {
            if person.is_some() || note.is_some() {
                let by = (person.clone(), note.clone());
                incident.restored_by.insert(item.clone(), by);
            }
            for (_, ticked) in incident
                .restore
                .iter_mut()
                .filter(|(known, _)| known == item)
            {
                ticked.get_or_insert_with(|| stamp.by());
            }
        }
        Event::IncidentClosed { .. } => incident.stage = Stage::Closed,
        _ => {}
    }
}
