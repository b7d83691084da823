//! 误报 after something has acted (DESIGN.md 4, rule 16). The holder of command takes a confirmed or suspected fire back 更正为误报;
//! whoever has said 误报, everything that acted is put back by hand, and the brigade knows before the incident is closed.

use super::super::events::Event;
use super::super::{Campus, Refusal, RefusalKind, Stamp};
use super::{Call119, Class, Incident, Stage, Verdict, restore, spread};
use crate::domain::order::CallOutcome;
use crate::domain::site::Site;
use crate::domain::time::Now;

/// Whether there is something to take back: a confirmed fire, or a suspected one for which something acted or 119 was told.
#[must_use]
pub fn is_correctable(incident: &Incident) -> bool {
    let suspected = incident.class == Class::Suspected && incident.is_undecided();
    let went_out = !incident.asked.is_empty() || is_coming(incident);
    incident.stage == Stage::Fighting || (suspected && went_out)
}

fn is_coming(incident: &Incident) -> bool {
    incident.call_119.as_ref().is_some_and(Call119::is_coming)
}

/// The brigade does not come for nothing: it was not told, it was called off, or, while another fire of the building burns, the
/// last word to it was a 续报.
#[must_use]
pub fn brigade_knows(campus: &Campus, incident: &Incident) -> bool {
    let calls = incident.call_119.iter().flat_map(|card| &card.calls);
    let more = calls
        .last()
        .is_some_and(|call| call.outcome == CallOutcome::FollowUp);
    let burns = |other: &Incident| other.stage == Stage::Fighting;
    !is_coming(incident) || (more && spread::others(campus, incident).any(burns))
}

/// Refuses 误报 until 119 was told of it.
pub(super) fn told_first(campus: &Campus, incident: &Incident) -> Result<(), Refusal> {
    if brigade_knows(campus, incident) {
        return Ok(());
    }
    Err(Refusal::new(RefusalKind::Conflict, "tell_119_first"))
}

/// A false alarm for which something acted, or which was a confirmed fire, has its checklist: said once.
pub(super) fn to_restore(_: &Campus, site: &Site, _: Now, incident: &Incident) -> Vec<Event> {
    let listed = |id: &str| incident.restore.iter().any(|(item, _)| item == id);
    let mut acted = restore::acted(site, incident);
    let unlisted = acted.any(|output| !listed(output.id.as_str()));
    let was_confirmed = incident.holder.is_some() && incident.restore.is_empty();
    if incident.stage != Stage::FalseAlarm || !(unlisted || was_confirmed) {
        return Vec::new();
    }
    vec![Event::RestoreListed {
        incident: incident.id.clone(),
        restore: restore::items_of_none(site, incident),
    }]
}

/// Changes an incident that is no fire.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only a fire that was none is its business"
)]
pub(super) fn apply(incident: &mut Incident, stamp: &Stamp, event: &Event) {
    match event {
        Event::CorrectedFalse { cause, .. } => {
            incident.stage = Stage::FalseAlarm;
            incident.class = Class::Suspected;
            incident.verdict = Some(Verdict {
                cause: Some(*cause),
                by: stamp.by(),
                seq: stamp.seq,
            });
            if let Some(card) = incident.call_119.as_mut() {
                // Nobody is hurried to call for a fire that is none.
                card.due = None;
            }
        }
        Event::RestoreListed { restore, .. } => {
            let known = std::mem::take(&mut incident.restore);
            let ticked = |item: &String| {
                let found = known.iter().find(|(known, _)| known == item);
                found.and_then(|(_, by)| by.clone())
            };
            let listed = restore.iter().map(|item| (item.clone(), ticked(item)));
            incident.restore = listed.collect();
        }
        _ => {}
    }
}
