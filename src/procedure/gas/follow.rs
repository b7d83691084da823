//! What must follow from a leak's state: posts, groups, valve and fan, orders by hand, the end.

use super::{LEAK_TEST, Level, PEOPLE_BACK, POWER, Task, signals};
use crate::domain::group::GroupId;
use crate::domain::order::{OrderKind, OrderState};
use crate::domain::point::{Conditions, Quality};
use crate::domain::site::Site;
use crate::domain::time::Now;
use crate::linkage;
use crate::procedure::events::{Event, Mode};
use crate::procedure::fire::{Incident, Stage, follow as fire, groups, posts, room};
use crate::procedure::{Campus, outputs, points};

/// One consequence: a condition and the events that end it.
type Rule = fn(&Campus, &Site, Now, &Incident) -> Vec<Event>;

/// What follows for one leak now; empty when nothing more does.
#[must_use]
pub fn follow(campus: &Campus, site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    let rules: [Rule; 7] = [
        room::room,
        high,
        posts_to_send,
        people,
        switch,
        fire::by_hand,
        ending,
    ];
    rules
        .iter()
        .map(|rule| rule(campus, site, now, incident))
        .find(|events| !events.is_empty())
        .unwrap_or_default()
}

fn conditions(campus: &Campus, point: &crate::domain::ids::PointId) -> Conditions {
    let state = campus.points.get(point);
    state.map(|state| state.conditions).unwrap_or_default()
}

/// A detector of this leak stands at its high limit, and that was not said yet; once it is healthy it counts for the rule.
fn high(campus: &Campus, site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    let Some(leak) = &incident.leak else {
        return Vec::new();
    };
    let ids = incident.signals.iter().filter_map(|s| s.point.as_ref());
    let said = ids.filter_map(|id| {
        let conditions = conditions(campus, id);
        if !conditions.high || conditions.disabled || conditions.test {
            return None;
        }
        let known = points::quality(campus, site, id) == Quality::Good;
        let counts = known && conditions.is_healthy();
        let before = leak.high.get(id);
        let is_new = before.is_none() || (counts && before == Some(&false));
        let point = site.points.get(id).filter(|_| is_new)?;
        Some(signals::high_limit(
            campus,
            site,
            now,
            (&incident.id, point, counts),
        ))
    });
    said.collect()
}

/// One post at the low limit, two at the high one; whoever does not answer is replaced. Nobody else is sent into gas.
fn posts_to_send(campus: &Campus, site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    let is_high = incident
        .leak
        .as_ref()
        .is_some_and(|l| l.level == Level::High);
    if !incident.is_undecided() {
        return Vec::new();
    }
    let sent: Vec<_> = incident
        .orders
        .values()
        .filter(|o| o.given.kind == OrderKind::Verify && o.state != OrderState::Withdrawn)
        .collect();
    let lapsed = sent.iter().filter(|order| order.has_lapsed()).count();
    let wanted = 1 + usize::from(is_high) + lapsed;
    if sent.len() >= wanted {
        return Vec::new();
    }
    posts::send(campus, site, now, incident, wanted - sent.len())
}

/// At the high limit the space is emptied and kept empty.
fn people(campus: &Campus, site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    let is_high = incident
        .leak
        .as_ref()
        .is_some_and(|l| l.level == Level::High);
    let over = matches!(incident.stage, Stage::FalseAlarm | Stage::Restoring);
    if !is_high || over {
        return Vec::new();
    }
    groups::fill(
        campus,
        site,
        now,
        (incident, &[GroupId::Evacuate, GroupId::Cordon]),
    )
}

/// The detector's own valve and fan, without confirmation, in 自动 and where they are armed for it. In 手动 they wait for the hold
/// button. An output that another incident has in hand is not written twice.
fn switch(campus: &Campus, site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    if campus.desk.mode != Mode::Auto {
        return Vec::new();
    }
    let Some(leak) = &incident.leak else {
        return Vec::new();
    };
    let due = leak.due.iter().filter_map(|id| site.outputs.get(id));
    let due = due
        .filter(|output| linkage::is_automatic(output))
        .filter(|output| !outputs::is_in_place(campus, site, output))
        .filter(|output| !outputs::is_in_hand(campus, &output.id, &incident.id));
    let mut events: Vec<Event> = due
        .map(|output| outputs::ask(campus, site, now, output, Some(&incident.id)))
        .collect();
    let again = incident.asked.iter().filter_map(|id| {
        let output = site.outputs.get(id)?;
        let state = campus.outputs.get(id)?;
        let own = state.incident.as_ref() == Some(&incident.id);
        (own && linkage::is_automatic(output) && fire::may_repeat(campus, site, output, state))
            .then_some(output)
    });
    events.extend(again.map(|o| outputs::ask(campus, site, now, o, Some(&incident.id))));
    events
}

/// Every detector that alarmed is known, sound and below its limits. One that is lost or faulty never says "no gas".
#[must_use]
pub fn is_normal(campus: &Campus, site: &Site, incident: &Incident) -> bool {
    let mut ids = incident.signals.iter().filter_map(|s| s.point.as_ref());
    ids.all(|id| {
        let conditions = conditions(campus, id);
        points::quality(campus, site, id) == Quality::Good
            && conditions.is_healthy()
            && !conditions.gas()
    })
}

/// The end: people have reported, the readings are normal, and every item of the checklist is ticked.
fn ending(campus: &Campus, site: &Site, _: Now, incident: &Incident) -> Vec<Event> {
    let id = || incident.id.clone();
    let normal = is_normal(campus, site, incident);
    let ticked = incident.restore.iter().all(|(_, by)| by.is_some());
    let (needless, event) = match incident.stage {
        Stage::Fighting | Stage::FalseAlarm if normal => {
            let restore = to_restore(campus, site, incident);
            (
                false,
                Some(Event::GasGone {
                    incident: id(),
                    restore,
                }),
            )
        }
        Stage::Restoring if normal && ticked => {
            (true, Some(Event::IncidentClosed { incident: id() }))
        }
        Stage::Fighting | Stage::FalseAlarm | Stage::Restoring => (false, None),
        Stage::Verifying | Stage::Unverified | Stage::Closed => return Vec::new(),
    };
    let open = incident
        .orders
        .values()
        .filter(|order| order.state.is_open());
    let mut events: Vec<Event> = open
        .filter(|order| needless || order.given.kind == OrderKind::Verify)
        .map(|order| Event::OrderWithdrawn {
            incident: id(),
            order: order.given.id.clone(),
        })
        .collect();
    events.extend(event);
    events
}

/// What is brought back, by hand and ticked: first the leak test, the valve last but for the people (process.md 99).
fn to_restore(campus: &Campus, site: &Site, incident: &Incident) -> Vec<String> {
    let plan = incident.plan.iter().flatten();
    let outputs = plan.filter_map(|planned| site.outputs.get(&planned.output));
    let acted = outputs.filter(|output| {
        incident.asked.contains(&output.id) || outputs::is_in_place(campus, site, output)
    });
    let mut acted: Vec<_> = acted
        .map(|output| (linkage::restore_rank(output.kind), output.id.to_string()))
        .collect();
    acted.sort();
    let did = |task| {
        incident
            .leak
            .as_ref()
            .is_some_and(|l| l.tasks.contains_key(&task))
    };
    let mut items = vec![LEAK_TEST.to_owned()];
    items.extend(did(Task::PowerOutside).then(|| POWER.to_owned()));
    items.extend(acted.into_iter().map(|(_, item)| item));
    items.extend(did(Task::Evacuated).then(|| PEOPLE_BACK.to_owned()));
    items
}
