//! The guided steps of a leak, and its words in an order.

use serde_json::{Value, json};

use super::{Leak, Level, Task, follow, verbs};
use crate::domain::group::GroupId;
use crate::domain::order::Cause;
use crate::domain::text::Line;
use crate::procedure::fire::{Incident, Stage, groups};
use crate::procedure::view::offers::of;
use crate::procedure::view::restore::restore;
use crate::procedure::view::steps::{Step, call_119, fact, linkage, take, verify};
use crate::procedure::view::{Viewer, parts};

/// All steps in order.
#[must_use]
pub fn steps(viewer: &Viewer<'_>, incident: &Incident) -> Vec<Step> {
    let Some(leak) = &incident.leak else {
        return Vec::new();
    };
    let mut steps = vec![
        Step::named("locate", "gas_locate", true),
        take(viewer, incident),
        Step {
            line: "gas_verify",
            ..verify(viewer, incident)
        },
    ];
    if let Some(first) = steps.first_mut() {
        first.who = Some(viewer.actor(&crate::domain::actor::Actor::System));
        first.at = Some(incident.opened_at);
        first.facts.push(parts::line("fact.gas_no_switching"));
    }
    if leak.level == Level::High {
        steps.push(valve(viewer, incident));
        steps.push(Step {
            line: "gas_call119",
            ..call_119(viewer, incident)
        });
        steps.extend(Task::ALL.map(|task| ticked(viewer, (incident, leak), task)));
    }
    steps.push(report(viewer, (incident, leak)));
    steps.push(readings(viewer, incident));
    if matches!(incident.stage, Stage::Restoring | Stage::Closed) {
        steps.push(restore(viewer, incident));
    }
    steps
}

/// Valve and fan: what the rule has started, and the hold button for what it has not.
fn valve(viewer: &Viewer<'_>, incident: &Incident) -> Step {
    let mut step = Step {
        line: "gas_valve",
        ..linkage(viewer, incident)
    };
    let startable = verbs::startable(viewer.campus, viewer.site, incident);
    if !startable.is_empty() && incident.stage != Stage::Restoring {
        step.by_itself = false;
        step.verbs
            .push(of(incident, "start_gas", (1_500, "act", None)));
    }
    step
}

fn ticked(viewer: &Viewer<'_>, (incident, leak): (&Incident, &Leak), task: Task) -> Step {
    let (id, line) = match task {
        Task::Evacuated => ("evacuated", "gas_evacuated"),
        Task::GasCompany => ("gas_company", "gas_company"),
        Task::Cordon => ("cordon", "gas_cordon"),
        Task::PowerOutside => ("power_outside", "gas_power_outside"),
    };
    let done = leak.tasks.get(&task);
    let mut step = Step::named(id, line, done.is_some());
    // Only where it is needed, and only by a person outside: nobody is hurried to it.
    step.by_itself = task == Task::PowerOutside;
    match done {
        Some(by) => {
            step.who = Some(viewer.actor(&by.by));
            step.at = Some(by.at);
        }
        None => step.verbs.push(of(incident, task.word(), (0, "act", None))),
    }
    let group = match task {
        Task::Evacuated => Some(GroupId::Evacuate),
        Task::Cordon => Some(GroupId::Cordon),
        Task::GasCompany | Task::PowerOutside => None,
    };
    if let Some(id) = group {
        let filled = groups::of(incident, id).any(groups::is_filled);
        let unfilled = incident.unfilled.get(&id).filter(|_| !filled);
        step.facts
            .extend(groups::of(incident, id).map(|order| fact(viewer, order)));
        step.facts.extend(unfilled.map(|why| {
            let name = format!("group.{}.name", id.word());
            json!(Line::new(format!("fact.group_{why}")).with("group", name))
        }));
    }
    if task == Task::PowerOutside {
        step.facts.push(parts::line("fact.gas_power_outside"));
    }
    step
}

/// What people found.
fn report(viewer: &Viewer<'_>, (incident, leak): (&Incident, &Leak)) -> Step {
    let mut step = Step::named("people_report", "gas_report", leak.report.is_some());
    step.late = incident.stage == Stage::Unverified;
    if let Some(report) = &leak.report {
        step.who = Some(viewer.actor(&report.by.by));
        step.at = Some(report.by.at);
        step.facts
            .push(match report.cause.filter(|_| !report.leak) {
                Some(cause) => json!(Line::new(format!("cause.{}", cause.word()))),
                None => parts::line("fact.gas_leak"),
            });
    }
    let found = matches!(
        incident.stage,
        Stage::Verifying | Stage::Unverified | Stage::FalseAlarm
    );
    if found {
        let mut leaks = of(incident, "people_report", (1_500, "fire", None));
        leaks["body"] = json!({ "leak": true });
        step.verbs.push(leaks);
    }
    if incident.is_undecided() {
        let mut none = of(incident, "people_report", (0, "plain", None));
        none["body"] = json!({ "leak": false });
        none["line"] = parts::line("verb.people_report_none");
        let options: Vec<Value> = Cause::ALL
            .iter()
            .map(|c| json!({ "value": c.word(), "line": Line::new(format!("cause.{}", c.word())) }))
            .collect();
        none["choice"] = json!({ "field": "cause", "options": options });
        step.verbs.push(none);
        step.facts.push(parts::line("fact.false_needs_scene"));
    }
    step
}

/// The readings themselves: nobody ticks them.
fn readings(viewer: &Viewer<'_>, incident: &Incident) -> Step {
    let normal = follow::is_normal(viewer.campus, viewer.site, incident);
    let mut step = Step::named("readings", "gas_readings", normal);
    step.by_itself = true;
    step.facts.push(parts::line(if normal {
        "fact.gas_normal"
    } else {
        "fact.gas_not_normal"
    }));
    step
}
