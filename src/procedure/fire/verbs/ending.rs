//! 解除警情 and the restore checklist: the holder declares the end, named persons tick what is back.

use serde::Deserialize;

use super::command::is_holder;
use super::{Outcome, body};
use crate::domain::group::GroupId;
use crate::domain::input::Verb;
use crate::domain::order::OrderKind;
use crate::domain::output::OutputKind;
use crate::domain::site::Site;
use crate::linkage;
use crate::procedure::events::Event;
use crate::procedure::fire::{Incident, Order, Stage};
use crate::procedure::{Refusal, RefusalKind};

#[derive(Deserialize)]
struct AllClearBody {
    #[serde(default)]
    over: bool,
}

/// 解除警情: the holder of command alone; open preconditions need `over: true`.
pub(super) fn all_clear(site: &Site, incident: &Incident, verb: &Verb) -> Outcome {
    let AllClearBody { over } = body(verb)?;
    if let Some(by) = &incident.all_clear {
        return Err(Refusal::settled("all_clear_given", by, "all_clear"));
    }
    if incident.stage != Stage::Fighting {
        return Err(Refusal::new(RefusalKind::Conflict, "no_confirmed_fire"));
    }
    if !is_holder(incident, verb) {
        return Err(Refusal::new(RefusalKind::Role, "not_the_holder"));
    }
    let called = incident
        .call_119
        .as_ref()
        .is_some_and(|call| call.outcome.is_some());
    let evacuates = |order: &&Order| matches!(order.given.group, Some(GroupId::Evacuate) | None);
    let mut groups = incident.open_orders(OrderKind::Group);
    let group_open = groups.any(|order| evacuates(&order));
    if (!called || group_open) && !over {
        let code = if called {
            "group_still_out"
        } else {
            "call_119_open"
        };
        return Err(Refusal::new(RefusalKind::Conflict, code));
    }
    let restore = to_restore(site, incident);
    Ok(vec![Event::AllClear {
        incident: incident.id.clone(),
        restore,
    }])
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
