//! 更正为误报 (DESIGN.md 4, rule 16): a confirmed or suspected fire is taken back by the holder of command, with cause and reason.

use serde::Deserialize;

use super::command::is_holder;
use super::{Ask, Outcome, body, has_reason};
use crate::domain::order::Cause;
use crate::procedure::events::Event;
use crate::procedure::fire::{Stage, correct};
use crate::procedure::{Refusal, RefusalKind};

#[derive(Deserialize)]
struct CorrectBody {
    cause: Cause,
    note: Option<String>,
}

/// The holder of command; of a suspected fire, which nobody commands, somebody of the succession. Only with somebody at the
/// scene, the scene in our own hands, and the brigade told.
pub(super) fn correct_false(ask: &Ask<'_>) -> Outcome {
    let incident = ask.incident;
    let CorrectBody { cause, note } = body(ask.verb)?;
    if let Some(by) = &incident.all_clear {
        return Err(Refusal::settled("all_clear_given", by, "all_clear"));
    }
    if let Some(verdict) = incident.verdict.as_ref()
        && incident.stage == Stage::FalseAlarm
    {
        return Err(Refusal::settled("verdict_given", &verdict.by, "false"));
    }
    if !correct::is_correctable(incident) {
        return Err(Refusal::new(RefusalKind::Conflict, "nothing_to_correct"));
    }
    if !may(ask) {
        return Err(Refusal::new(RefusalKind::Role, "correct_by_holder"));
    }
    if !has_reason(ask.verb) {
        return Err(Refusal::new(RefusalKind::Body, "reason_missing"));
    }
    if !incident.somebody_arrived() {
        return Err(Refusal::new(RefusalKind::Conflict, "nobody_at_scene"));
    }
    let handover = &incident.handover;
    if handover.brigade.is_some() && handover.handed_back.is_none() {
        return Err(Refusal::new(RefusalKind::Conflict, "handed_back_first"));
    }
    correct::told_first(ask.campus, incident)?;
    Ok(vec![Event::CorrectedFalse {
        incident: incident.id.clone(),
        cause,
        note,
    }])
}

fn may(ask: &Ask<'_>) -> bool {
    let site = ask.site;
    let who = ask.verb.recipient.as_ref();
    let could = who.is_some_and(|who| site.succession.contains(who) || *who == site.commander);
    match ask.incident.holder {
        Some(_) => is_holder(ask.incident, ask.verb),
        None => could,
    }
}
