//! Incidents of one building are linked (DESIGN.md 3): each keeps its own clock, order and verification, and sends its own post.
//! Once one is confirmed the others are 可能蔓延: they stand in the same 119 entry 续报 and end with the building's one all-clear.
//! Another building is always independent, and signals of different compartments never form an AND.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Campus;
use super::super::events::Event;
use super::{Call119, Incident, Stage, restore};
use crate::domain::ids::{BuildingId, CaseId};
use crate::domain::site::Site;
use crate::domain::time::Now;

/// The confirmed fires of each building, eldest first. It is derived from the incidents and stands beside them, so that a flood
/// of alarms does not look through all of them for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fires(BTreeMap<BuildingId, BTreeSet<(u64, CaseId)>>);

impl Fires {
    /// Takes over what an incident has become; one that is gone was closed before.
    pub fn note(&mut self, incident: &Incident) {
        let fires = self.0.entry(incident.building.clone()).or_default();
        fires.retain(|(_, id)| *id != incident.id);
        if incident.leak.is_none() && incident.stage == Stage::Fighting {
            fires.insert((age(incident), incident.id.clone()));
        }
    }
}

/// When a fire was confirmed; the latest of all when it was not.
fn age(fire: &Incident) -> u64 {
    let verdict = fire.verdict.as_ref();
    verdict.map_or(u64::MAX, |verdict| verdict.seq)
}

/// The other open fires of an incident's building.
pub fn others<'a>(
    campus: &'a Campus,
    incident: &'a Incident,
) -> impl Iterator<Item = &'a Incident> {
    let linked = |other: &&Incident| {
        let open = !matches!(other.stage, Stage::Closed);
        other.leak.is_none() && open && other.building == incident.building
    };
    let fires = campus.incidents.values().filter(linked);
    fires.filter(|other| incident.leak.is_none() && other.id != incident.id)
}

/// The confirmed fire of the building that is older than this incident's own confirmation.
#[must_use]
pub fn burning<'a>(campus: &'a Campus, incident: &'a Incident) -> Option<&'a Incident> {
    let (eldest, id) = campus.fires.0.get(&incident.building)?.first()?;
    let own = if incident.stage == Stage::Fighting {
        age(incident)
    } else {
        u64::MAX
    };
    let is_older = incident.leak.is_none() && (*eldest, id) < (own, &incident.id);
    campus.incidents.get(id).filter(|_| is_older)
}

/// The fire may have spread here: said once.
pub(super) fn spread(campus: &Campus, _: &Site, _: Now, incident: &Incident) -> Vec<Event> {
    let open = incident.is_undecided() || incident.stage == Stage::Fighting;
    if incident.spread_of.is_some() || !open {
        return Vec::new();
    }
    let Some(fire) = burning(campus, incident) else {
        return Vec::new();
    };
    vec![Event::Spread {
        incident: incident.id.clone(),
        of: fire.id.clone(),
    }]
}

/// The confirmed fire of which this is a part, while it is one.
#[must_use]
pub fn part_of<'a>(campus: &'a Campus, incident: &Incident) -> Option<&'a Incident> {
    let fire = campus.incidents.get(incident.spread_of.as_ref()?)?;
    let real = fire.verdict.as_ref().is_some_and(|v| v.cause.is_none());
    (real && fire.stage != Stage::Closed).then_some(fire)
}

/// What the brigade has not been told of yet: linked incidents whose 119 card has no connected call, or which were confirmed since.
#[must_use]
pub fn untold<'a>(campus: &'a Campus, incident: &'a Incident) -> Vec<&'a Incident> {
    let settled = |card: &Call119| card.is_settled() && !card.more;
    let told = |other: &Incident| other.call_119.as_ref().is_none_or(settled);
    let open = |other: &Incident| other.is_undecided() || other.stage == Stage::Fighting;
    others(campus, incident)
        .filter(|other| open(other) && !told(other))
        .collect()
}

/// Two or more fires of the building wait for a verdict: both stand at the top.
#[must_use]
pub fn is_linked(campus: &Campus, incident: &Incident) -> bool {
    incident.is_undecided() && others(campus, incident).any(Incident::is_undecided)
}

/// The all-clear of one is the all-clear of its building. What nobody has verified is named among the preconditions.
pub(super) fn with_others(
    campus: &Campus,
    site: &Site,
    incident: &Incident,
    mut events: Vec<Event>,
) -> Vec<Event> {
    let open = |other: &&Incident| other.is_undecided() || other.stage == Stage::Fighting;
    let linked = others(campus, incident).filter(open);
    events.extend(linked.map(|other| Event::AllClear {
        incident: other.id.clone(),
        restore: own_outputs(site, other),
    }));
    events
}

/// What was commanded for this incident alone, with its checks; what the building has once stands on the list of the first.
fn own_outputs(site: &Site, incident: &Incident) -> Vec<String> {
    let items = restore::items(site, incident).into_iter();
    items
        .filter(|item| site.outputs.contains_key(item.as_str()) || restore::is_check(item))
        .collect()
}

/// An incident and whatever must follow its change. A confirmed fire, and outputs that were planned, concern the open fires of the
/// building; an alarm that nobody has judged concerns itself alone.
pub fn with_building(campus: &Campus, id: &CaseId) -> Vec<CaseId> {
    let incident = campus.incidents.get(id);
    let acts = |incident: &&Incident| !incident.is_undecided() || incident.plan.is_some();
    let others = incident.filter(acts).into_iter();
    let others = others.flat_map(|incident| others_of(campus, incident));
    others.chain(std::iter::once(id.clone())).collect()
}

fn others_of<'a>(campus: &'a Campus, incident: &'a Incident) -> impl Iterator<Item = CaseId> {
    others(campus, incident).map(|other| other.id.clone())
}
