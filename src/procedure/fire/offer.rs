//! Suspected 疑似火警 (DESIGN.md 4, rule 4): the commander is told, and in 手动 the operator gets one hold button
//! 「转自动并启动」. Unanswered it escalates and writes nothing; the mode is never changed by a rule.

use super::super::events::{Event, Mode};
use super::super::{Campus, outputs, points};
use super::posts::new_order;
use super::{Class, Incident, Stage, follow};
use crate::domain::ids::RecipientId;
use crate::domain::order::OrderKind;
use crate::domain::output::{CommandState, Output};
use crate::domain::point::Quality;
use crate::domain::site::Site;
use crate::domain::time::Now;

/// Who is told of a suspected fire: the commander, and when the hold button stays unanswered the whole succession.
pub(super) fn tell(_: &Campus, site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    if incident.class != Class::Suspected || !incident.is_undecided() {
        return Vec::new();
    }
    let late = incident
        .start_offer
        .as_ref()
        .is_some_and(|offer| offer.late);
    let more = site.succession.iter().filter(|_| late);
    let told = |who: &RecipientId| {
        let mut orders = incident.orders.values();
        orders.any(|order| {
            let to = order.given.kind == OrderKind::Report && order.given.recipient == *who;
            to && order.seq >= incident.anew
        })
    };
    let mut wanted: Vec<&RecipientId> = Vec::new();
    for who in std::iter::once(&site.commander).chain(more) {
        if !told(who) && !wanted.contains(&who) {
            wanted.push(who);
        }
    }
    let numbered = wanted.into_iter().enumerate();
    numbered
        .map(|(ahead, who)| {
            let number = incident.next_order(ahead);
            Event::OrderIssued {
                incident: incident.id.clone(),
                order: new_order(site, now, number, (who, OrderKind::Report), None),
            }
        })
        .collect()
}

/// Two healthy devices stand, and 手动 keeps the rule from acting: the hold button is offered.
pub(super) fn offer(campus: &Campus, site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    let held = campus.desk.mode == Mode::Manual && incident.plan.is_none();
    let suspected = incident.class == Class::Suspected && incident.is_undecided();
    if !held || !suspected || incident.start_offer.is_some() {
        return Vec::new();
    }
    if follow::independent_devices(campus, site, incident) < 2 {
        return Vec::new();
    }
    vec![Event::StartOffered {
        incident: incident.id.clone(),
        answer_by: now.engine + site.limits.start_answer,
    }]
}

/// The offer still stands: nobody has answered it, by the button, a verdict or the mode.
#[must_use]
pub fn stands(incident: &Incident) -> bool {
    incident.start_offer.is_some() && incident.plan.is_none() && incident.is_undecided()
}

/// 「转自动并启动」: the person turns the mode, and the rule acts in the same entry.
pub(super) fn auto_and_start(campus: &Campus, incident: &Incident) -> Vec<Event> {
    let open = matches!(incident.stage, Stage::Verifying | Stage::Unverified);
    if !open || campus.desk.mode == Mode::Auto {
        return Vec::new();
    }
    vec![Event::ModeChanged { mode: Mode::Auto }]
}

/// A lift's feeder stays until the lift is home by feedback or a named person at the landing has said so (rule 5a).
#[must_use]
pub fn lift_is_home(campus: &Campus, site: &Site, lift: &crate::domain::ids::OutputId) -> bool {
    let Some(output) = site.outputs.get(lift) else {
        return true;
    };
    let incidents = || campus.incidents.values();
    let reported = incidents().any(|i| i.stage != Stage::Closed && i.lifts_clear.contains(lift));
    reported || outputs::is_in_place(campus, site, output) || was_sent(campus, site, output)
}

/// The command of a fire that still burns has sent it, and its contact does not say otherwise. Where a command of an earlier fire, of
/// one that was judged false or of a test sent the lift, it need not be any more.
fn was_sent(campus: &Campus, site: &Site, lift: &Output) -> bool {
    let state = campus.outputs.get(&lift.id);
    let done = state.filter(|state| state.state == CommandState::Done);
    let of = done.and_then(|state| campus.incidents.get(state.incident.as_ref()?));
    let burns = of.is_some_and(|fire| {
        fire.asked.contains(&lift.id) && (fire.is_undecided() || fire.stage == Stage::Fighting)
    });
    let contact = lift.feedback.as_ref().map(|feedback| &feedback.point);
    burns && contact.is_none_or(|point| points::quality(campus, site, point) != Quality::Good)
}
