//! Verbs of command 指挥权: offer, accept, take, to the brigade and back.

use serde::Deserialize;

use super::{Ask, Outcome, body};
use crate::domain::ids::RecipientId;
use crate::domain::input::Verb;
use crate::domain::order::How;
use crate::procedure::events::Event;
use crate::procedure::fire::{Incident, Stage, command};
use crate::procedure::{Refusal, RefusalKind, desk};

/// Whether the account that acts is the recipient who holds command.
pub(super) fn is_holder(incident: &Incident, verb: &Verb) -> bool {
    matches!((&incident.holder, &verb.recipient), (Some((holder, _)), Some(who)) if holder == who)
}

/// Command exists from the confirmation to the all-clear.
fn is_held(incident: &Incident) -> Result<(), Refusal> {
    if incident.stage == Stage::Fighting {
        return Ok(());
    }
    Err(Refusal::new(RefusalKind::Conflict, "no_confirmed_fire"))
}

/// The holder himself, or the room that records what he said by radio or telephone.
fn by_holder(incident: &Incident, verb: &Verb, channel: Option<How>) -> Result<(), Refusal> {
    if is_holder(incident, verb) || channel.is_some() {
        return Ok(());
    }
    Err(Refusal::new(RefusalKind::Role, "not_the_holder"))
}

#[derive(Deserialize)]
struct OfferBody {
    to: RecipientId,
    channel: Option<How>,
}

/// 移交指挥权: the holder offers command to somebody.
pub(super) fn offer(ask: &Ask<'_>) -> Outcome {
    let (incident, verb) = (ask.incident, ask.verb);
    let OfferBody { to, channel } = body(verb)?;
    is_held(incident)?;
    by_holder(incident, verb, channel)?;
    if !ask.site.recipients.contains_key(&to) {
        return Err(Refusal::new(RefusalKind::Body, "recipient_unknown"));
    }
    if incident
        .holder
        .as_ref()
        .is_some_and(|(holder, _)| *holder == to)
    {
        return Err(Refusal::new(RefusalKind::Conflict, "holds_already"));
    }
    let mut events = Vec::new();
    if let Some(open) = &incident.handover.offer {
        if open.to == to {
            return Ok(Vec::new());
        }
        events.extend(command::lapse(incident, open));
    }
    events.extend(command::offer(ask.site, ask.now, incident, &to, channel));
    Ok(events)
}

#[derive(Deserialize)]
struct AcceptBody {
    channel: Option<How>,
}

/// 接过指挥权 after an offer: the one to whom it is offered, or the room that records his answer.
pub(super) fn accept(ask: &Ask<'_>) -> Outcome {
    let AcceptBody { channel } = body(ask.verb)?;
    let Some(offer) = &ask.incident.handover.offer else {
        return Err(Refusal::new(RefusalKind::Conflict, "nothing_offered"));
    };
    if ask.verb.recipient.as_ref() != Some(&offer.to) && channel.is_none() {
        return Err(Refusal::new(RefusalKind::Role, "offered_to_another"));
    }
    Ok(vec![command::taken(
        ask.site,
        ask.incident,
        &offer.to,
        channel,
    )])
}

/// 接过指挥权 without an offer: somebody of the succession when nobody holds it or the holder cannot be reached, and the commander
/// at any time. From a holder who is there it is taken by his offer.
pub(super) fn take(ask: &Ask<'_>) -> Outcome {
    let incident = ask.incident;
    let succession = &ask.site.succession;
    let commander = &ask.site.commander;
    let Some(who) = ask
        .verb
        .recipient
        .as_ref()
        .filter(|who| succession.contains(who) || *who == commander)
    else {
        return Err(Refusal::new(RefusalKind::Role, "not_in_succession"));
    };
    if is_holder(incident, ask.verb) {
        return Ok(Vec::new());
    }
    if incident
        .handover
        .offer
        .as_ref()
        .is_some_and(|offer| offer.to == *who)
    {
        return accept(ask);
    }
    let there =
        |(holder, _): &&(RecipientId, bool)| desk::is_reachable(ask.campus, ask.now, holder);
    if let Some((holder, _)) = incident.holder.as_ref().filter(there)
        && who != commander
    {
        let name = ask.site.recipients.get(holder);
        let refusal = Refusal::new(RefusalKind::Conflict, "command_held");
        return Err(Refusal {
            how: name.map(|recipient| recipient.name.clone()),
            ..refusal
        });
    }
    Ok(vec![command::taken(ask.site, incident, who, None)])
}

#[derive(Deserialize)]
struct NoteBody {
    note: Option<String>,
}

/// 移交消防救援机构指挥: from now on the site's groups take the brigade's orders.
pub(super) fn brigade(ask: &Ask<'_>) -> Outcome {
    let NoteBody { note } = body(ask.verb)?;
    is_held(ask.incident)?;
    let handover = &ask.incident.handover;
    if let Some(brigade) = handover
        .brigade
        .as_ref()
        .filter(|_| handover.handed_back.is_none())
    {
        return Err(Refusal::settled("brigade_commands", &brigade.by, "brigade"));
    }
    Ok(vec![Event::BrigadeCommands {
        incident: ask.incident.id.clone(),
        note,
    }])
}

/// 现场已移交本单位: the holder says so, or the room records it.
pub(super) fn handed_back(ask: &Ask<'_>) -> Outcome {
    let AcceptBody { channel } = body(ask.verb)?;
    is_held(ask.incident)?;
    by_holder(ask.incident, ask.verb, channel)?;
    if let Some(by) = &ask.incident.handover.handed_back {
        return Err(Refusal::settled("handed_back_already", by, "handed_back"));
    }
    Ok(vec![Event::HandedBack {
        incident: ask.incident.id.clone(),
    }])
}
