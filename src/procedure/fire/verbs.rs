//! What persons do: each verb with who may, when, and what it causes. This file finds the verb; the files below it decide.
//!
//! Protective verbs (接警, 消音, 派岗, 确认真火, 119, starting an output, linkage to 自动) are open to everyone of the room and
//! never fail for an earlier step or a stale picture. Weakening verbs (停止警报, 复位, 解除警情, linkage to 手动, 判为误报, 更正为误报) ask
//! for their step, role or reason (DESIGN.md 4, rules 9, 15, 16). A refusal of a known person is an event.

mod call;
mod command;
mod correct;
mod ending;
mod output;
mod panel;
mod record;
mod room;
mod shift;
mod verdict;

pub use panel::{resets, sounders_on};
pub use record::recordable;

use serde::de::DeserializeOwned;

use super::super::events::Event;
use super::super::{Campus, Decided, Refusal, RefusalKind, gas};
use super::{Incident, Stage, offer, spread};
use crate::domain::actor::Actor;
use crate::domain::input::{Request, Verb};
use crate::domain::order::ReplyVerb;
use crate::domain::output::OutputKind;
use crate::domain::role::Power;
use crate::domain::site::Site;
use crate::domain::time::Now;
use crate::procedure::fire::command as holding;

type Outcome = Result<Vec<Event>, Refusal>;

/// What a verb causes, or why it is refused. A verb that was done before by somebody else is no error where it is protective.
#[must_use]
pub fn decide(campus: &Campus, site: &Site, now: Now, request: &Request, verb: &Verb) -> Decided {
    let outcome = match verb.case.as_str().split_once('/') {
        _ if !verb.role.may(power(verb)) => Err(Refusal::new(RefusalKind::Role, "role_sees_only")),
        Some(("output", id)) => output::output(campus, site, now, (&request.actor, id, verb)),
        Some(_) => Err(Refusal::new(RefusalKind::Unknown, "case_unknown")),
        None if verb.case.as_str() == "site" => {
            room::room(campus, site, now, (&request.actor, verb))
        }
        None => match campus.incidents.get(verb.case.as_str()) {
            Some(incident) if incident.stage == Stage::Closed => {
                Err(Refusal::new(RefusalKind::Conflict, "case_closed"))
            }
            Some(incident) => {
                let done = of_incident(&Ask {
                    campus,
                    site,
                    now,
                    actor: &request.actor,
                    incident,
                    verb,
                });
                let who = verb.recipient.as_ref();
                done.map(|mut events| {
                    // First, so that what the verb causes finds it answered.
                    let shown = holding::shown_by_acting(incident, who);
                    events.splice(0..0, shown);
                    events
                })
            }
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

fn unknown_verb() -> Refusal {
    Refusal::new(RefusalKind::Unknown, "verb_unknown")
}

pub(super) fn body<T: DeserializeOwned>(verb: &Verb) -> Result<T, Refusal> {
    serde_json::from_value(verb.body.clone())
        .map_err(|_| Refusal::new(RefusalKind::Body, &format!("body_{}", verb.name)))
}
/// A verb of an incident with everything it may look at.
pub(super) struct Ask<'a> {
    campus: &'a Campus,
    site: &'a Site,
    now: Now,
    actor: &'a Actor,
    incident: &'a Incident,
    verb: &'a Verb,
}

/// Whether a reason was given, in the body or in an erasable note.
fn has_reason(verb: &Verb) -> bool {
    let filled = |field: &str| {
        let text = verb.body.get(field).and_then(serde_json::Value::as_str);
        text.is_some_and(|text| !text.trim().is_empty())
    };
    filled("reason") || filled("text") || filled("note")
}

/// Verbs of one incident.
fn of_incident(ask: &Ask<'_>) -> Outcome {
    let (campus, site, now) = (ask.campus, ask.site, ask.now);
    let (incident, verb) = (ask.incident, ask.verb);
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
        "judge_false" => verdict::judge_false(ask),
        "countersign_false" => verdict::countersign(ask),
        "correct_false" => correct::correct_false(ask),
        "dispatch" => verdict::dispatch(site, now, incident, verb),
        "record_reply" => record::reply(ask),
        "fire_out" => record::of_scene(ask, ReplyVerb::FireOut),
        "head_count" => record::of_scene(ask, ReplyVerb::HeadCount),
        "casualties" => record::of_scene(ask, ReplyVerb::Casualties),
        "name_watch" => record::watch(ask),
        "call_119" => call::call_119(campus, incident, verb),
        "stop_sounders" => {
            panel::weakening(incident, verb)?;
            let commands = (incident, OutputKind::PanelStopSounders);
            Ok(panel::to_panels(campus, site, now, commands))
        }
        "reset" => {
            panel::weakening(incident, verb)?;
            panel::not_held_by_another(campus, site, incident)?;
            let commands = (incident, OutputKind::PanelReset);
            Ok(panel::to_panels(campus, site, now, commands))
        }
        "take_command" => command::take(ask),
        "offer_command" => command::offer(ask),
        "accept_command" => command::accept(ask),
        "brigade_command" => command::brigade(ask),
        "handed_back" => command::handed_back(ask),
        "all_clear" => {
            let events = ending::all_clear(ask)?;
            Ok(spread::with_others(campus, site, incident, events))
        }
        "auto_and_start" => Ok(offer::auto_and_start(campus, incident)),
        "restore" => ending::restore(ask),
        _ => Err(unknown_verb()),
    }
}
