//! What persons do: each verb with who may, when, and what it causes. This file finds the verb; the files below it decide.
//!
//! Protective verbs (接警, 消音, 派岗, 确认真火, 119, starting an output, linkage to 自动) are open to everyone of the room and
//! never fail for an earlier step or a stale picture. Weakening verbs (停止警报, 复位, 解除警情, linkage to 手动, 判为误报) ask
//! for their step, role or reason (DESIGN.md 4, rules 9, 15, 16). A refusal of a known person is an event.

mod call;
mod command;
mod ending;
mod panel;
mod room;
mod verdict;

pub use panel::sounders_on;

use serde::de::DeserializeOwned;

use super::super::events::Event;
use super::super::{Campus, Decided, Refusal, RefusalKind, gas};
use super::{Incident, Stage};
use crate::domain::input::{Request, Verb};
use crate::domain::output::OutputKind;
use crate::domain::role::Power;
use crate::domain::site::Site;
use crate::domain::time::Now;

type Outcome = Result<Vec<Event>, Refusal>;

/// What a verb causes, or why it is refused. A verb that was done before by somebody else is no error where it is protective.
#[must_use]
pub fn decide(campus: &Campus, site: &Site, now: Now, _request: &Request, verb: &Verb) -> Decided {
    let outcome = match verb.case.as_str().split_once('/') {
        _ if !verb.role.may(power(verb)) => Err(Refusal::new(RefusalKind::Role, "role_sees_only")),
        Some(("output", id)) => room::output(campus, site, now, id, verb),
        Some(_) => Err(Refusal::new(RefusalKind::Unknown, "case_unknown")),
        None if verb.case.as_str() == "site" => room::room(campus, site, now, verb),
        None => match campus.incidents.get(verb.case.as_str()) {
            Some(incident) if incident.stage == Stage::Closed => {
                Err(Refusal::new(RefusalKind::Conflict, "case_closed"))
            }
            Some(incident) => of_incident(campus, site, now, (incident, verb)),
            None => Err(Refusal::new(RefusalKind::Unknown, "case_unknown")),
        },
    };
    match outcome {
        Ok(events) => Decided::events(events),
        Err(refusal) => {
            let event = Event::Refused {
                verb: verb.name.clone(),
                case: verb.case.clone(),
                refusal: refusal.clone(),
            };
            Decided {
                events: vec![event],
                refusal: Some(refusal),
                granted: None,
            }
        }
    }
}

/// What a verb takes at least; what weakens asks for more in its own place.
fn power(verb: &Verb) -> Power {
    match verb.name.as_str() {
        "report" => Power::Report,
        _ => Power::Protect,
    }
}

/// Whether a verb protects people (DESIGN.md 4, rule 15): it is taken even while the journal does not answer.
#[must_use]
pub fn is_protective(verb: &Verb) -> bool {
    match verb.name.as_str() {
        "take" | "mute" | "dispatch" | "confirm_fire" | "call_119" | "start" | "report"
        | "record_reply" | "take_over" | "take_command" | "accept_command" => true,
        "mode" => verb.body["mode"] == "auto",
        _ => false,
    }
}

fn unknown_verb() -> Refusal {
    Refusal::new(RefusalKind::Unknown, "verb_unknown")
}

pub(super) fn body<T: DeserializeOwned>(verb: &Verb) -> Result<T, Refusal> {
    serde_json::from_value(verb.body.clone())
        .map_err(|_| Refusal::new(RefusalKind::Body, &format!("body_{}", verb.name)))
}
/// Verbs of one incident.
fn of_incident(
    campus: &Campus,
    site: &Site,
    now: Now,
    (incident, verb): (&Incident, &Verb),
) -> Outcome {
    let id = || incident.id.clone();
    if incident.leak.is_some()
        && let Some(outcome) = gas::verbs::decide(campus, site, now, (incident, verb))
    {
        return outcome;
    }
    match verb.name.as_str() {
        "take" if incident.taken.is_some() => Ok(Vec::new()),
        "take" => Ok(vec![Event::Taken { incident: id() }]),
        "confirm_fire" => Ok(verdict::confirm_fire(site, now, incident)),
        "judge_false" => verdict::judge_false(incident, verb),
        "dispatch" => verdict::dispatch(site, now, incident, verb),
        "call_119" => call::call_119(incident, verb),
        "stop_sounders" => {
            panel::weakening(incident, verb)?;
            Ok(panel::to_panels(
                campus,
                site,
                now,
                (incident, OutputKind::PanelStopSounders),
            ))
        }
        "reset" => {
            panel::weakening(incident, verb)?;
            panel::not_held_by_another(campus, site, incident)?;
            Ok(panel::to_panels(
                campus,
                site,
                now,
                (incident, OutputKind::PanelReset),
            ))
        }
        "take_command" => command::take_command(site, incident, verb),
        "all_clear" => ending::all_clear(site, incident, verb),
        "restore" => ending::restore(incident, verb),
        _ => Err(unknown_verb()),
    }
}
