//! 确认真火, 判为误报, 派岗: what the room says of an alarm, and whom it sends to look.

use serde::Deserialize;

use super::{Ask, Outcome, body, has_reason};
use crate::domain::actor::Actor;
use crate::domain::ids::RecipientId;
use crate::domain::input::Verb;
use crate::domain::order::{Cause, OrderKind};
use crate::domain::role::Power;
use crate::domain::site::Site;
use crate::domain::time::Now;
use crate::procedure::events::Event;
use crate::procedure::fire::posts::new_order;
use crate::procedure::fire::{Incident, Order, Stage, correct, orders};
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
struct FalseBody {
    cause: Cause,
    /// Seen by camera, with nobody at the place.
    #[serde(default)]
    cctv: bool,
    note: Option<String>,
}

/// 判为误报 by the room: only with somebody at the scene, and never silently over two standing devices. By camera it is a proposal
/// with a reason, which a supervisor countersigns: a camera may confirm a fire, never alone deny one.
pub(super) fn judge_false(ask: &Ask<'_>) -> Outcome {
    let incident = ask.incident;
    let FalseBody { cause, cctv, note } = body(ask.verb)?;
    undecided(incident)?;
    correct::told_first(ask.campus, incident)?;
    if incident.somebody_arrived() {
        let reported = |order: &Order| {
            let outcome = order.outcome.as_ref();
            let report = outcome.is_some_and(|said| said.starts_with("report_false"));
            report && order.seq >= incident.anew
        };
        if incident.standing_devices().count() >= 2 && !incident.orders.values().any(reported) {
            return Err(Refusal::new(RefusalKind::Conflict, "two_devices_stand"));
        }
        return Ok(vec![Event::JudgedFalse {
            incident: incident.id.clone(),
            cause,
        }]);
    }
    if !cctv {
        return Err(Refusal::new(RefusalKind::Conflict, "nobody_at_scene"));
    }
    one_device(incident)?;
    if !has_reason(ask.verb) {
        return Err(Refusal::new(RefusalKind::Body, "reason_missing"));
    }
    Ok(vec![Event::FalseProposed {
        incident: incident.id.clone(),
        cause,
        note,
    }])
}

/// A supervisor, not the one who proposed it, countersigns a verdict by camera.
pub(super) fn countersign(ask: &Ask<'_>) -> Outcome {
    let incident = ask.incident;
    undecided(incident)?;
    let Some(proposal) = &incident.scene.proposed_false else {
        return Err(Refusal::new(RefusalKind::Conflict, "nothing_proposed"));
    };
    if !ask.verb.role.may(Power::Weaken) {
        return Err(Refusal::new(RefusalKind::Role, "countersign_role"));
    }
    if proposal.by.by == *ask.actor {
        return Err(Refusal::new(RefusalKind::Role, "countersign_self"));
    }
    one_device(incident)?;
    if incident
        .signals
        .iter()
        .any(|signal| signal.seq > proposal.seq)
    {
        return Err(Refusal::new(RefusalKind::Conflict, "signal_since"));
    }
    Ok(vec![Event::JudgedFalse {
        incident: incident.id.clone(),
        cause: proposal.cause,
    }])
}

fn one_device(incident: &Incident) -> Result<(), Refusal> {
    if incident.standing_devices().count() >= 2 {
        return Err(Refusal::new(RefusalKind::Conflict, "two_devices_stand"));
    }
    Ok(())
}

fn undecided(incident: &Incident) -> Result<(), Refusal> {
    let given = incident.verdict.as_ref();
    let Some(verdict) = given.filter(|_| !incident.is_undecided()) else {
        return Ok(());
    };
    let how = if verdict.cause.is_some() {
        "false"
    } else {
        "real"
    };
    Err(Refusal::settled("verdict_given", &verdict.by, how))
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
