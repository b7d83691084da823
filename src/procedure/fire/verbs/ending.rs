//! 解除警情 and the restore checklist: the holder declares the end, named persons tick what is back.

use serde::Deserialize;

use super::command::is_holder;
use super::{Ask, Outcome, body, has_reason};
use crate::domain::input::Verb;
use crate::domain::output::OutputKind;
use crate::domain::site::Site;
use crate::linkage;
use crate::procedure::events::Event;
use crate::procedure::fire::{Incident, Stage, clear};
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
        restore: to_restore(ask.site, incident),
    });
    Ok(events)
}

/// Everything that acted, in the order of process.md 99: pumps first, gas last.
fn to_restore(site: &Site, incident: &Incident) -> Vec<String> {
    let mut acted: Vec<_> = incident
        .asked
        .iter()
        .filter_map(|id| site.outputs.get(id))
        .filter(|output| !output.kind.is_panel())
        .map(|output| (linkage::restore_rank(output.kind), output.id.to_string()))
        .collect();
    let panel = linkage::restore_rank(OutputKind::PanelReset);
    acted.push((panel, "panel".to_owned()));
    acted.sort();
    acted.into_iter().map(|(_, item)| item).collect()
}

#[derive(Deserialize)]
struct RestoreBody {
    item: String,
}

/// One item of the restore checklist; restoring the panel also sends 停止警报 and 复位 there.
pub(super) fn restore(incident: &Incident, verb: &Verb) -> Outcome {
    let RestoreBody { item } = body(verb)?;
    match incident.restore.iter().find(|(known, _)| *known == item) {
        None => Err(Refusal::new(RefusalKind::Body, "item_unknown")),
        Some((_, Some(by))) => Err(Refusal::settled("item_ticked", by, "ticked")),
        Some((_, None)) => Ok(vec![Event::Restored {
            incident: incident.id.clone(),
            item,
        }]),
    }
}
