//! What persons do in a leak. Protective verbs never wait for an earlier step; re-opening a valve is no verb at all.

use serde::Deserialize;

use super::Task;
use crate::domain::input::Verb;
use crate::domain::order::{Cause, ReplyVerb};
use crate::domain::output::Arming;
use crate::domain::site::Site;
use crate::domain::time::Now;
use crate::procedure::events::Event;
use crate::procedure::fire::{Incident, Stage};
use crate::procedure::{Campus, Refusal, RefusalKind, outputs};

type Outcome = Result<Vec<Event>, Refusal>;

/// A verb of a leak; `None` when the fire's own verb of that name serves a leak as well.
#[must_use]
pub fn decide(
    campus: &Campus,
    site: &Site,
    now: Now,
    (incident, verb): (&Incident, &Verb),
) -> Option<Outcome> {
    if let Some(task) = Task::ALL.iter().find(|task| task.word() == verb.name) {
        return Some(Ok(done(incident, *task)));
    }
    match verb.name.as_str() {
        "take" | "dispatch" | "call_119" | "record_reply" | "restore" => None,
        "start_gas" => Some(Ok(start(campus, site, now, incident))),
        "people_report" => Some(report(incident, verb)),
        _ => Some(Err(Refusal::new(RefusalKind::Unknown, "verb_unknown"))),
    }
}

/// A task is done; a second tick changes nothing.
fn done(incident: &Incident, task: Task) -> Vec<Event> {
    let before = incident.leak.as_ref().map(|leak| &leak.tasks);
    if before.is_some_and(|tasks| tasks.contains_key(&task)) {
        return Vec::new();
    }
    let incident = incident.id.clone();
    vec![Event::GasTask { incident, task }]
}

/// The hold button: valve and fan of this leak, in every mode, whatever the detector's health.
fn start(campus: &Campus, site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    startable(campus, site, incident)
        .into_iter()
        .map(|output| outputs::ask(campus, site, now, output, Some(&incident.id)))
        .collect()
}

/// What the hold button would start now.
#[must_use]
pub(super) fn startable<'a>(
    campus: &Campus,
    site: &'a Site,
    incident: &Incident,
) -> Vec<&'a crate::domain::output::Output> {
    let plan = incident.plan.iter().flatten();
    let known = plan.filter_map(|planned| site.outputs.get(&planned.output));
    known
        .filter(|output| output.arming != Arming::Observe)
        .filter(|output| !outputs::is_in_place(campus, site, output))
        .filter(|output| {
            let state = campus.outputs.get(&output.id);
            !state.is_some_and(outputs::OutputState::is_live)
        })
        .collect()
}

#[derive(Deserialize)]
struct ReportBody {
    leak: bool,
    cause: Option<Cause>,
}

/// What people found, said by the room: gas at any time, none only with somebody at the place and a cause.
fn report(incident: &Incident, verb: &Verb) -> Outcome {
    let ReportBody { leak, cause } = serde_json::from_value(verb.body.clone())
        .map_err(|_| Refusal::new(RefusalKind::Body, "body_people_report"))?;
    if !matches!(
        incident.stage,
        Stage::Verifying | Stage::Unverified | Stage::FalseAlarm
    ) {
        return Ok(Vec::new());
    }
    let at_scene = incident.orders.values().any(|o| o.arrived_at.is_some());
    match (leak, cause) {
        (false, _) if !at_scene => Err(Refusal::new(RefusalKind::Conflict, "nobody_at_scene")),
        (false, None) => Err(Refusal::new(RefusalKind::Body, "cause_missing")),
        (false, Some(_)) | (true, _) => Ok(vec![reported(incident, leak, cause)]),
    }
}

fn reported(incident: &Incident, leak: bool, cause: Option<Cause>) -> Event {
    Event::GasReported {
        incident: incident.id.clone(),
        leak,
        cause: cause.filter(|_| !leak),
    }
}

/// What a post's answer means for the leak.
#[must_use]
pub fn answered(incident: &Incident, verb: ReplyVerb, cause: Option<Cause>) -> Option<Event> {
    let open = incident.is_undecided();
    match verb {
        ReplyVerb::ReportReal if open || incident.stage == Stage::FalseAlarm => {
            Some(reported(incident, true, None))
        }
        ReplyVerb::ReportFalse if open => {
            let cause = cause.or(Some(Cause::Unknown));
            Some(reported(incident, false, cause))
        }
        ReplyVerb::ReportReal
        | ReplyVerb::ReportFalse
        | ReplyVerb::Received
        | ReplyVerb::Accept
        | ReplyVerb::Arrive
        | ReplyVerb::Unable
        | ReplyVerb::Done
        | ReplyVerb::FireOut
        | ReplyVerb::HeadCount
        | ReplyVerb::Casualties
        | ReplyVerb::LiftClear => None,
    }
}
