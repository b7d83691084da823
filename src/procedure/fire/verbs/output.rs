//! Verbs of one output: its start, and maintenance 维护 with what is written in it.
//!
//! A start protects and is everybody's. Maintenance weakens: who begins it leads a shift or commissions, says why and who stands at the
//! device, and is the only one who may write. What is written is the output's own command and nothing else, so nothing that rule 6
//! forbids can be asked for; commands to a panel have their own steps and no maintenance.

use serde::Deserialize;

use super::{Outcome, body, has_reason, unknown_verb};
use crate::domain::actor::Actor;
use crate::domain::ids::RecipientId;
use crate::domain::input::Verb;
use crate::domain::output::{Arming, Output};
use crate::domain::role::Power;
use crate::domain::site::Site;
use crate::domain::time::Now;
use crate::linkage;
use crate::procedure::events::Event;
use crate::procedure::fire::offer;
use crate::procedure::maintenance::{self, End};
use crate::procedure::{Campus, Refusal, RefusalKind, outputs};

/// A verb of an output with everything it may look at.
struct Ask<'a> {
    campus: &'a Campus,
    site: &'a Site,
    now: Now,
    actor: &'a Actor,
    output: &'a Output,
    verb: &'a Verb,
}

/// Verbs of one output.
pub(super) fn output(
    campus: &Campus,
    site: &Site,
    now: Now,
    (actor, id, verb): (&Actor, &str, &Verb),
) -> Outcome {
    let Some(output) = site.outputs.get(id) else {
        return Err(Refusal::new(RefusalKind::Unknown, "output_unknown"));
    };
    let ask = Ask {
        campus,
        site,
        now,
        actor,
        output,
        verb,
    };
    match verb.name.as_str() {
        "start" if !output.kind.is_panel() => start(&ask),
        "maintenance" => begin(&ask),
        "write" => write(&ask),
        "end_maintenance" => Ok(maintenance::end(campus, &output.id, End::Person)),
        _ => Err(unknown_verb()),
    }
}

/// A person starts an output: in every mode, with arming `assist` or `auto`.
fn start(ask: &Ask<'_>) -> Outcome {
    can_act(ask)?;
    let (campus, site, output) = (ask.campus, ask.site, ask.output);
    let incident = campus
        .incidents
        .values()
        .filter(|incident| incident.verdict.as_ref().is_none_or(|v| v.cause.is_none()))
        .find(|i| linkage::outputs_of(site, &i.building, &i.zone).any(|o| o.id == output.id));
    Ok(vec![outputs::ask(
        campus,
        site,
        ask.now,
        output,
        incident.map(|incident| &incident.id),
    )])
}

/// What must be true before a person has an output written, in an incident or out of it.
fn can_act(ask: &Ask<'_>) -> Result<(), Refusal> {
    let (campus, output) = (ask.campus, ask.output);
    is_armed(output)?;
    // Rule 5a: no blind override for lifts, by nobody.
    if let Some(lift) = &output.waits_for
        && !offer::lift_is_home(campus, ask.site, lift)
    {
        return Err(Refusal::new(RefusalKind::Conflict, "lift_not_home"));
    }
    is_idle(campus, output)
}

fn is_armed(output: &Output) -> Result<(), Refusal> {
    if output.arming == Arming::Observe {
        return Err(Refusal::new(RefusalKind::Conflict, "output_observe"));
    }
    Ok(())
}

fn is_idle(campus: &Campus, output: &Output) -> Result<(), Refusal> {
    let state = campus.outputs.get(&output.id);
    match state.filter(|state| state.is_live()) {
        Some(state) => Err(Refusal::settled("output_running", &state.asked, "started")),
        None => Ok(()),
    }
}

#[derive(Deserialize)]
struct MaintenanceBody {
    person: Option<RecipientId>,
    note: Option<String>,
}

/// 维护 of an output that no open incident may need, with a person of the site at the device.
fn begin(ask: &Ask<'_>) -> Outcome {
    let (campus, site, output) = (ask.campus, ask.site, ask.output);
    leads(ask.verb)?;
    let MaintenanceBody { person, note } = body(ask.verb)?;
    let Some(person) = person.filter(|id| site.recipients.contains_key(id)) else {
        return Err(Refusal::new(RefusalKind::Body, "maintenance_person"));
    };
    if !has_reason(ask.verb) {
        return Err(Refusal::new(RefusalKind::Body, "reason_missing"));
    }
    if output.kind.is_panel() {
        return Err(Refusal::new(RefusalKind::Conflict, "maintenance_panel"));
    }
    is_armed(output)?;
    if let Some(running) = maintenance::running(campus, &output.id) {
        let (by, how) = (&running.begun, "maintenance");
        return Err(Refusal::settled("maintenance_running", by, how));
    }
    if let Some(incident) = maintenance::needed_by(campus, site, output) {
        let refusal = Refusal::new(RefusalKind::Conflict, "maintenance_needed");
        return Err(Refusal {
            how: Some(incident.id.to_string()),
            ..refusal
        });
    }
    is_idle(campus, output)?;
    Ok(vec![Event::MaintenanceBegun {
        output: output.id.clone(),
        person,
        note,
        until: ask.now.engine + site.limits.maintenance,
    }])
}

/// The output's own command, by whoever began the maintenance that it is in.
fn write(ask: &Ask<'_>) -> Outcome {
    let (campus, output) = (ask.campus, ask.output);
    leads(ask.verb)?;
    let Some(latest) = campus.desk.maintenance.get(&output.id) else {
        return Err(Refusal::new(RefusalKind::Conflict, "maintenance_none"));
    };
    if let Some((by, why)) = &latest.ended {
        return Err(match why {
            End::Time => Refusal::settled("maintenance_expired", by, "time"),
            End::Person => Refusal::settled("maintenance_ended", by, "end_maintenance"),
            End::Incident(incident) => {
                Refusal::settled("maintenance_overtaken", by, incident.as_str())
            }
        });
    }
    if ask.now.engine >= latest.until {
        return Err(Refusal::new(RefusalKind::Conflict, "maintenance_expired"));
    }
    if latest.begun.by != *ask.actor {
        let (by, how) = (&latest.begun, "maintenance");
        return Err(Refusal::settled("maintenance_of_another", by, how));
    }
    can_act(ask)?;
    let expires = ask.now.engine + ask.site.limits.command_expiry;
    Ok(vec![
        Event::MaintenanceWrite {
            output: output.id.clone(),
            command: outputs::next_command(campus, &output.id),
        },
        outputs::ask_until(campus, output, None, expires.min(latest.until)),
    ])
}

fn leads(verb: &Verb) -> Result<(), Refusal> {
    if verb.role.may(Power::Weaken) {
        return Ok(());
    }
    Err(Refusal::new(RefusalKind::Role, "maintenance_role"))
}
