//! 代录 (process.md 80a): the room enters what a named person said by radio, by telephone or in person. Equal in effect to his own
//! answer, and marked.

use serde::Deserialize;

use super::{Ask, Outcome, body};
use crate::domain::ids::{OrderId, RecipientId};
use crate::domain::order::{Cause, Figures, How, OrderKind, ReplyVerb, Via};
use crate::procedure::events::Event;
use crate::procedure::fire::{Incident, Order, orders, scene};
use crate::procedure::{Refusal, RefusalKind};

#[derive(Deserialize)]
struct RecordBody {
    order: OrderId,
    verb: ReplyVerb,
    cause: Option<Cause>,
    reason: Option<String>,
    #[serde(flatten)]
    figures: Figures,
    channel: How,
    /// A recipient of the site; a name that the site does not know is in the note.
    person: Option<RecipientId>,
    note: Option<String>,
}

/// An answer to an open order, on behalf of a named person.
pub(super) fn reply(ask: &Ask<'_>) -> Outcome {
    let said: RecordBody = body(ask.verb)?;
    if said.channel == How::Guard || said.verb == ReplyVerb::Received {
        return Err(Refusal::new(RefusalKind::Body, "body_record_reply"));
    }
    let known = |id: &RecipientId| ask.site.recipients.contains_key(id);
    if !said.person.as_ref().is_some_and(known) && said.note.is_none() {
        return Err(Refusal::new(RefusalKind::Body, "person_missing"));
    }
    let Some(order) = ask.incident.orders.get(&said.order) else {
        return Err(Refusal::new(RefusalKind::Unknown, "order_unknown"));
    };
    if !order.state.is_open() {
        return Err(Refusal::new(RefusalKind::Conflict, "order_ended"));
    }
    let answer = orders::Answer {
        reply_id: format!("{}{}", orders::RECORDED, order.recorded.len() + 1),
        verb: said.verb,
        cause: said.cause,
        reason: said.reason,
        figures: Some(said.figures),
        via: Via::default(),
    };
    let mut events = vec![Event::ReplyRecorded {
        incident: ask.incident.id.clone(),
        order: said.order.clone(),
        verb: said.verb,
        channel: said.channel,
        person: said.person.filter(known),
        note: said.note,
    }];
    let context = (ask.site, ask.now);
    events.extend(orders::answered(context, ask.incident, order, answer)?);
    Ok(events)
}

/// A report of the scene that the room enters: fire out, heads, injured.
pub(super) fn of_scene(ask: &Ask<'_>, verb: ReplyVerb) -> Outcome {
    let figures: Figures = body(ask.verb)?;
    scene::reported(&ask.incident.id, verb, Some(figures))
        .map(|event| vec![event])
        .ok_or_else(|| Refusal::new(RefusalKind::Body, "figures_missing"))
}

#[derive(Deserialize)]
struct WatchBody {
    person: Option<RecipientId>,
    note: Option<String>,
}

/// 看守复燃: who watches.
pub(super) fn watch(ask: &Ask<'_>) -> Outcome {
    let WatchBody { person, note } = body(ask.verb)?;
    let person = person.filter(|id| ask.site.recipients.contains_key(id));
    if person.is_none() && note.is_none() {
        return Err(Refusal::new(RefusalKind::Body, "person_missing"));
    }
    Ok(vec![Event::WatchNamed {
        incident: ask.incident.id.clone(),
        person,
        note,
    }])
}

/// The answers that the room may enter for an order now.
#[must_use]
pub fn recordable(incident: &Incident, order: &Order) -> Vec<ReplyVerb> {
    let mut verbs = orders::replies(order);
    // Who reports by radio from the scene is there: no step before is asked for.
    if order.given.kind == OrderKind::Verify && order.state.is_open() && incident.is_undecided() {
        for verb in [
            ReplyVerb::Arrive,
            ReplyVerb::ReportReal,
            ReplyVerb::ReportFalse,
        ] {
            if !verbs.contains(&verb) && order.arrived_at.is_none() {
                verbs.push(verb);
            }
        }
    }
    verbs
}
