//! `order/{recipient}/{order}`: what the guard's page and any MQTT client shows, words included.

use serde_json::{Value, json};

use super::{Viewer, offers, parts};
use crate::domain::order::{Cause, OrderKind, OrderState, ReplyVerb, Via};
use crate::domain::text::{Line, Text};
use crate::procedure::fire::apply::word;
use crate::procedure::fire::{Class, Incident, Order, Recorded, command, orders};
use crate::text;

/// Why a post cannot do it, as it is offered.
const REASONS: [&str; 4] = ["door_locked", "cannot_reach", "need_support", "engaged"];

/// The document.
#[must_use]
pub fn order(viewer: &Viewer<'_>, incident: &Incident, order: &Order) -> Value {
    let given = &order.given;
    let first = incident.signals.first();
    let point = first
        .and_then(|s| s.point.as_ref())
        .and_then(|id| viewer.site.points.get(id));
    let plan = viewer
        .site
        .floors
        .get(&incident.floor)
        .and_then(|floor| floor.plan.as_ref());
    let (title, body) = words(viewer, incident, order);
    let walk = given.walk.as_ref();
    json!({
        "v": 1,
        "id": given.id,
        "at": order.at,
        "seq": order.changed.max(order.seq),
        "incident": incident.id,
        "incident_kind": parts::incident_kind(incident),
        "kind": given.kind,
        "group": given.group,
        "recipient": given.recipient,
        "recipient_name": viewer.recipient_name(given.recipient.as_str()),
        "state": order.state,
        "open": order.state.is_open(),
        "via": via(viewer, order),
        "title": title,
        "place": parts::place(viewer, incident),
        "room": point.map(|point| point.room.clone()).or_else(|| parts::reported_room(incident)).unwrap_or_else(|| parts::compartment_name(viewer, &incident.compartment)),
        "device": point.map_or_else(|| Text::new("人工报警", "Reported by a person"), |p| p.name.clone()),
        "body": body,
        "alarm_at": first.map(|signal| signal.at),
        "confirmed": incident.class == Class::Confirmed,
        "plan": plan,
        "x": point.and_then(|point| point.place).map(|(x, _)| x),
        "y": point.and_then(|point| point.place).map(|(_, y)| y),
        "walk": walk,
        "limits": {
            "issued": order.issued,
            "receive": given.receive_by,
            "accept": given.accept_by,
            "arrive": given.arrive_by,
        },
        "late": order.late,
        "accepted_at": order.accepted_at,
        "arrived_at": order.arrived_at,
        "done_at": order.ended_at,
        "outcome": order.outcome,
        "heard": order.heard,
        "recorded": order.recorded.iter().map(|recorded| self::recorded(viewer, recorded)).collect::<Vec<_>>(),
        "replies": orders::replies(order).into_iter().map(|verb| reply(incident, order, verb)).collect::<Vec<_>>(),
    })
}

/// Title and body: a group's standing order, or the words of its kind.
fn words(viewer: &Viewer<'_>, incident: &Incident, order: &Order) -> (Text, Text) {
    let is_leak = incident.leak.is_some();
    let (stem, title, body) = match order.given.group {
        Some(group) if is_leak => {
            let stem = format!("order.gas_group_{}", group.word());
            (stem, "title", "body")
        }
        Some(group) => (format!("group.{}", group.word()), "name", "order"),
        None => (
            format!("order.{}", words_of(incident, order)),
            "title",
            "body",
        ),
    };
    let output = order.given.output.as_ref();
    let output = output.and_then(|id| viewer.site.outputs.get(id));
    let output = output.map(|output| output.name.clone()).unwrap_or_default();
    let part = |part| text::both(&Line::new(format!("{stem}.{part}")).named("output", &output));
    (part(title), part(body))
}

/// Where its words stand: a leak has its own, because what is right at a fire can make a spark.
fn words_of(incident: &Incident, order: &Order) -> String {
    let kind = kind_word(order.given.kind);
    if order.given.lift {
        return "lift".to_owned();
    }
    if command::is_of_holder(incident, order) {
        return "holder".to_owned();
    }
    if incident.leak.is_none() {
        let confirmed = incident.verdict.as_ref().map_or(u64::MAX, |v| v.seq);
        let early = order.given.kind == OrderKind::Report && order.seq < confirmed;
        return if early { "report_suspected" } else { kind }.to_owned();
    }
    format!("gas_{kind}")
}

/// The way by which the order reached its recipient, or goes now; nothing once it ended on its way.
fn via(viewer: &Viewer<'_>, order: &Order) -> Option<Via> {
    match (order.received_via, order.state) {
        (Some(via), _) => Some(via),
        (None, OrderState::AtBroker) => Some(Via::Mqtt),
        (None, OrderState::Queued) => match viewer.campus.desk.broker_up {
            Some(true) => Some(Via::Mqtt),
            Some(false) | None => Some(Via::Http),
        },
        (None, _) => None,
    }
}

/// An answer that the room entered 代录.
fn recorded(viewer: &Viewer<'_>, recorded: &Recorded) -> Value {
    let note = viewer.note(recorded.note.as_ref());
    let name = match &recorded.person {
        Some(person) => viewer.recipient_name(person.as_str()),
        None => note
            .and_then(|note| note.caller.as_deref())
            .unwrap_or_default(),
    };
    json!({
        "verb": recorded.verb,
        "channel": recorded.channel,
        "person": name,
        "by": viewer.actor(&recorded.by.by),
        "at": recorded.by.at,
    })
}

/// The word of an order's kind in catalogue keys.
#[must_use]
pub fn kind_word(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Verify => "verify",
        OrderKind::Report => "report",
        OrderKind::Group => "group",
        OrderKind::ByHand => "by_hand",
        OrderKind::Command => "command",
        OrderKind::Support => "support",
        OrderKind::Watch => "watch",
    }
}

fn reply(incident: &Incident, order: &Order, verb: ReplyVerb) -> Value {
    let option = |prefix: &str, value: &str| json!({ "value": value, "line": Line::new(format!("{prefix}.{value}")) });
    let choice = match verb {
        ReplyVerb::ReportFalse => {
            let options: Vec<_> = Cause::ALL
                .iter()
                .map(|c| option("cause", c.word()))
                .collect();
            Some(json!({ "field": "cause", "options": options }))
        }
        ReplyVerb::Unable => {
            let options: Vec<_> = REASONS
                .iter()
                .map(|reason| option("unable", reason))
                .collect();
            Some(json!({ "field": "reason", "options": options }))
        }
        ReplyVerb::Received
        | ReplyVerb::Accept
        | ReplyVerb::Arrive
        | ReplyVerb::ReportReal
        | ReplyVerb::Done
        | ReplyVerb::FireOut
        | ReplyVerb::HeadCount
        | ReplyVerb::Casualties
        | ReplyVerb::LiftClear => None,
    };
    let verdict = matches!(verb, ReplyVerb::ReportReal | ReplyVerb::ReportFalse);
    let of = if verdict && order.given.kind == OrderKind::Watch {
        "watch_"
    } else if verdict && incident.leak.is_some() {
        "gas_"
    } else {
        ""
    };
    let line = Line::new(format!("reply.{of}{}", word(verb)));
    json!({ "verb": verb, "line": line, "choice": choice, "fields": offers::figures(verb) })
}
