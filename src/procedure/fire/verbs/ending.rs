//! 解除警情 and the restore checklist: the holder declares the end, named persons tick what is back.

use serde::Deserialize;

use super::command::is_holder;
use super::{Ask, Outcome, body, has_reason};
use crate::domain::ids::RecipientId;
use crate::procedure::events::Event;
use crate::procedure::fire::{Stage, clear, restore};
use crate::procedure::{Refusal, RefusalKind};

#[derive(Deserialize)]
struct AllClearBody {
    #[serde(default)]
    over: bool,
    note: Option<String>,
}

/// 解除警情: the holder of command alone; preconditions that are not met need `over: true` and a reason.
pub(super) fn all_clear(ask: &Ask<'_>) -> Outcome {
    let (incident, verb) = (ask.incident, ask.verb);
    let AllClearBody { over, note } = body(verb)?;
    if let Some(by) = &incident.all_clear {
        return Err(Refusal::settled("all_clear_given", by, "all_clear"));
    }
    if incident.stage != Stage::Fighting {
        return Err(Refusal::new(RefusalKind::Conflict, "no_confirmed_fire"));
    }
    if !is_holder(incident, verb) {
        return Err(Refusal::new(RefusalKind::Role, "not_the_holder"));
    }
    let unmet: Vec<String> = clear::preconditions(ask.campus, incident)
        .iter()
        .filter(|precondition| !precondition.met)
        .map(|precondition| precondition.id.to_owned())
        .collect();
    let mut events = Vec::new();
    if !unmet.is_empty() {
        if !over {
            let refusal = Refusal::new(RefusalKind::Conflict, "preconditions_open");
            return Err(Refusal {
                how: Some(unmet.join(", ")),
                ..refusal
            });
        }
        if !has_reason(verb) {
            return Err(Refusal::new(RefusalKind::Body, "reason_missing"));
        }
        events.push(Event::AllClearOver {
            incident: incident.id.clone(),
            unmet,
            note,
        });
    }
    events.push(Event::AllClear {
        incident: incident.id.clone(),
        restore: restore::items(ask.site, incident),
    });
    Ok(events)
}

#[derive(Deserialize)]
struct RestoreBody {
    item: String,
    person: Option<RecipientId>,
    note: Option<String>,
}

/// One item of the restore checklist, in its turn and, where a check is meant, with the name of who made it.
pub(super) fn restore(ask: &Ask<'_>) -> Outcome {
    let (incident, site) = (ask.incident, ask.site);
    let RestoreBody { item, person, note } = body(ask.verb)?;
    match incident.restore.iter().find(|(known, _)| *known == item) {
        None => return Err(Refusal::new(RefusalKind::Body, "item_unknown")),
        Some((_, Some(by))) => return Err(Refusal::settled("item_ticked", by, "ticked")),
        Some((_, None)) => {}
    }
    restore::in_turn(site, incident, &item)?;
    let person = person.filter(|id| site.recipients.contains_key(id));
    if restore::needs_a_name(site, &item) && person.is_none() && note.is_none() {
        return Err(Refusal::new(RefusalKind::Body, "person_missing"));
    }
    Ok(vec![Event::Restored {
        incident: incident.id.clone(),
        item,
        person,
        note,
    }])
}
