//! 指挥权: exactly one person holds command of a confirmed fire.

use super::Outcome;
use crate::domain::input::Verb;
use crate::domain::site::Site;
use crate::procedure::events::Event;
use crate::procedure::fire::Incident;
use crate::procedure::{Refusal, RefusalKind};

/// Whether the account that acts is the recipient who holds command.
pub(super) fn is_holder(incident: &Incident, verb: &Verb) -> bool {
    matches!((&incident.holder, &verb.recipient), (Some((holder, _)), Some(who)) if holder == who)
}

/// 接过指挥权: somebody of the succession.
pub(super) fn take_command(site: &Site, incident: &Incident, verb: &Verb) -> Outcome {
    let Some(who) = verb
        .recipient
        .as_ref()
        .filter(|who| site.succession.contains(who))
    else {
        return Err(Refusal::new(RefusalKind::Role, "not_in_succession"));
    };
    if is_holder(incident, verb) {
        return Ok(Vec::new());
    }
    let acting = *who != site.commander;
    let (incident, holder) = (incident.id.clone(), who.clone());
    Ok(vec![Event::CommandTaken {
        incident,
        holder,
        acting,
    }])
}
