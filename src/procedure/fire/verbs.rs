//! What persons do: each verb with who may, when, and what it causes.
//!
//! Protective verbs (接警, 消音, 派岗, 确认真火, 119, starting an output, linkage to 自动) are open to everyone of the room and
//! never fail for an earlier step or a stale picture. Weakening verbs (停止警报, 复位, 解除警情, linkage to 手动, 判为误报) ask
//! for their step, role or reason (DESIGN.md 4, rules 9, 15, 16). A refusal of a known person is an event.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::events::{Event, Mode};
use super::super::{Campus, Decided, Refusal, RefusalKind, outputs};
use super::posts::new_order;
use super::{Incident, Stage, orders};
use crate::domain::actor::Role;
use crate::domain::ids::{BusId, RecipientId};
use crate::domain::input::{Request, Verb};
use crate::domain::order::{Cause, OrderKind, ReplyVerb};
use crate::domain::output::{Arming, OutputKind};
use crate::domain::point::PointKind;
use crate::domain::site::Site;
use crate::domain::time::Now;
use crate::linkage;

type Outcome = Result<Vec<Event>, Refusal>;

/// What a verb causes, or why it is refused. A verb that was done before by somebody else is no error where it is protective.
#[must_use]
pub fn decide(campus: &Campus, site: &Site, now: Now, _request: &Request, verb: &Verb) -> Decided {
    let outcome = match verb.case.as_str().split_once('/') {
        _ if !verb.role.is_of_the_room() => Err(Refusal::new(RefusalKind::Role, "role_sees_only")),
        Some(("output", id)) => output(campus, site, now, id, verb),
        Some(_) => Err(Refusal::new(RefusalKind::Unknown, "case_unknown")),
        None if verb.case.as_str() == "site" => room(campus, site, now, verb),
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

fn unknown_verb() -> Refusal {
    Refusal::new(RefusalKind::Unknown, "verb_unknown")
}

fn body<T: DeserializeOwned>(verb: &Verb) -> Result<T, Refusal> {
    serde_json::from_value(verb.body.clone())
        .map_err(|_| Refusal::new(RefusalKind::Body, &format!("body_{}", verb.name)))
}

/// Verbs of the room as a whole.
fn room(campus: &Campus, site: &Site, now: Now, verb: &Verb) -> Outcome {
    match verb.name.as_str() {
        "mute" => Ok(mute(campus, site, now)),
        "mode" => mode(campus, verb),
        _ => Err(unknown_verb()),
    }
}

/// 消音: this room, and the buzzer of every panel that is not silenced. It stops no clock.
fn mute(campus: &Campus, site: &Site, now: Now) -> Vec<Event> {
    let mut events = vec![Event::Muted {
        returns_by: now.engine + site.limits.mute,
    }];
    for output in site
        .outputs
        .values()
        .filter(|o| o.kind == OutputKind::PanelSilence)
    {
        let live = campus
            .outputs
            .get(&output.id)
            .is_some_and(outputs::OutputState::is_live);
        if output.arming != Arming::Observe && !live && !outputs::is_in_place(campus, site, output)
        {
            events.push(outputs::ask(campus, site, now, output, None));
        }
    }
    events
}

#[derive(Deserialize)]
struct ModeBody {
    mode: Mode,
    reason: Option<String>,
}

/// 联动 to 自动 is protective; to 手动 it weakens and needs a supervisor with a reason.
fn mode(campus: &Campus, verb: &Verb) -> Outcome {
    let ModeBody { mode, reason } = body(verb)?;
    if mode == Mode::Manual {
        if !matches!(verb.role, Role::Supervisor | Role::Engineer) {
            return Err(Refusal::new(RefusalKind::Role, "mode_manual_role"));
        }
        if reason.is_none_or(|reason| reason.trim().is_empty()) {
            return Err(Refusal::new(RefusalKind::Body, "reason_missing"));
        }
    }
    let changed = campus.desk.mode != mode;
    Ok(changed
        .then_some(Event::ModeChanged { mode })
        .into_iter()
        .collect())
}

/// A person starts an output: in every mode, with arming `assist` or `auto`.
fn output(campus: &Campus, site: &Site, now: Now, id: &str, verb: &Verb) -> Outcome {
    let Some(output) = site.outputs.get(id) else {
        return Err(Refusal::new(RefusalKind::Unknown, "output_unknown"));
    };
    if verb.name != "start" || output.kind.is_panel() {
        return Err(unknown_verb());
    }
    if output.arming == Arming::Observe {
        return Err(Refusal::new(RefusalKind::Conflict, "output_observe"));
    }
    if let Some(state) = campus
        .outputs
        .get(&output.id)
        .filter(|state| state.is_live())
    {
        return Err(Refusal::settled("output_running", &state.asked, "started"));
    }
    let incident = campus
        .incidents
        .values()
        .filter(|incident| incident.verdict.as_ref().is_none_or(|v| v.cause.is_none()))
        .find(|i| linkage::outputs_of(site, &i.building, &i.zone).any(|o| o.id == output.id));
    Ok(vec![outputs::ask(
        campus,
        site,
        now,
        output,
        incident.map(|incident| &incident.id),
    )])
}

/// Verbs of one incident.
fn of_incident(
    campus: &Campus,
    site: &Site,
    now: Now,
    (incident, verb): (&Incident, &Verb),
) -> Outcome {
    let id = || incident.id.clone();
    match verb.name.as_str() {
        "take" if incident.taken.is_some() => Ok(Vec::new()),
        "take" => Ok(vec![Event::Taken { incident: id() }]),
        "confirm_fire" => Ok(confirm_fire(site, now, incident)),
        "judge_false" => judge_false(incident, verb),
        "dispatch" => dispatch(site, now, incident, verb),
        "call_119" => call_119(incident, verb),
        "stop_sounders" => {
            weakening(incident, verb)?;
            Ok(to_panels(
                campus,
                site,
                now,
                (incident, OutputKind::PanelStopSounders),
            ))
        }
        "reset" => {
            weakening(incident, verb)?;
            not_held_by_another(campus, site, incident)?;
            Ok(to_panels(
                campus,
                site,
                now,
                (incident, OutputKind::PanelReset),
            ))
        }
        "take_command" => take_command(site, incident, verb),
        "all_clear" => all_clear(site, incident, verb),
        "restore" => restore(incident, verb),
        _ => Err(unknown_verb()),
    }
}

/// 确认真火: never fails while the incident is open; a second press changes nothing.
fn confirm_fire(site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    match incident.stage {
        Stage::Verifying | Stage::Unverified | Stage::FalseAlarm => {
            vec![orders::judged_real(site, incident, now)]
        }
        Stage::Fighting | Stage::Restoring | Stage::Closed => Vec::new(),
    }
}

#[derive(Deserialize)]
struct CauseBody {
    cause: Cause,
}

/// 判为误报 by the room: only with somebody at the scene, and never silently over two standing devices.
fn judge_false(incident: &Incident, verb: &Verb) -> Outcome {
    let CauseBody { cause } = body(verb)?;
    if let Some(verdict) = incident
        .verdict
        .as_ref()
        .filter(|_| !incident.is_undecided())
    {
        let how = if verdict.cause.is_some() {
            "false"
        } else {
            "real"
        };
        return Err(Refusal::settled("verdict_given", &verdict.by, how));
    }
    let reported = |order: &super::Order| {
        order
            .outcome
            .as_ref()
            .is_some_and(|said| said.starts_with("report_false"))
    };
    let at_scene = incident
        .orders
        .values()
        .any(|order| order.arrived_at.is_some());
    if !at_scene {
        return Err(Refusal::new(RefusalKind::Conflict, "nobody_at_scene"));
    }
    if incident.standing().count() >= 2 && !incident.orders.values().any(reported) {
        return Err(Refusal::new(RefusalKind::Conflict, "two_devices_stand"));
    }
    Ok(vec![Event::JudgedFalse {
        incident: incident.id.clone(),
        cause,
    }])
}

#[derive(Deserialize)]
struct DispatchBody {
    recipient: RecipientId,
}

/// 派岗 by hand: one more post, whatever the ladder does.
fn dispatch(site: &Site, now: Now, incident: &Incident, verb: &Verb) -> Outcome {
    let DispatchBody { recipient } = body(verb)?;
    if !site.recipients.contains_key(&recipient) {
        return Err(Refusal::new(RefusalKind::Body, "recipient_unknown"));
    }
    if let Some(order) = incident
        .open_orders(OrderKind::Verify)
        .find(|o| o.given.recipient == recipient)
    {
        let by = super::By {
            by: crate::domain::actor::Actor::System,
            at: order.at,
        };
        return Err(Refusal::settled("already_sent", &by, "sent"));
    }
    let id = incident.next_order(0);
    let order = new_order(site, now, id, (&recipient, OrderKind::Verify), None);
    Ok(vec![Event::OrderIssued {
        incident: incident.id.clone(),
        order,
    }])
}

#[derive(Deserialize)]
struct CallBody {
    connected: bool,
}

/// 119: a person spoke or could not.
fn call_119(incident: &Incident, verb: &Verb) -> Outcome {
    let CallBody { connected } = body(verb)?;
    match &incident.call_119 {
        None => Err(Refusal::new(RefusalKind::Conflict, "no_119_task")),
        Some(super::Call119 {
            outcome: Some((true, by)),
            ..
        }) => Err(Refusal::settled("call_119_done", by, "connected")),
        Some(_) => Ok(vec![Event::Called119 {
            incident: incident.id.clone(),
            connected,
        }]),
    }
}

/// 停止警报 and 复位 need a verdict 误报, the all-clear, or the holder of command (DESIGN.md 4, rules 2 and 9).
fn weakening(incident: &Incident, verb: &Verb) -> Result<(), Refusal> {
    let judged_false = incident
        .verdict
        .as_ref()
        .is_some_and(|verdict| verdict.cause.is_some())
        && !incident.is_undecided();
    let cleared = incident.stage == Stage::Restoring;
    if judged_false || cleared || is_holder(incident, verb) {
        return Ok(());
    }
    Err(Refusal::new(RefusalKind::Conflict, "verdict_first"))
}

fn is_holder(incident: &Incident, verb: &Verb) -> bool {
    matches!((&incident.holder, &verb.recipient), (Some((holder, _)), Some(who)) if holder == who)
}

/// The panels whose devices stand in this incident.
fn panels<'a>(site: &'a Site, incident: &'a Incident) -> impl Iterator<Item = &'a BusId> {
    let points = incident
        .signals
        .iter()
        .filter_map(|signal| signal.point.as_ref());
    points
        .filter_map(|point| site.points.get(point))
        .map(|point| &point.bus)
}

/// 复位 is panel-wide: refused while another open incident of the panel is neither 误报 nor all clear (DESIGN.md 4, rule 2).
fn not_held_by_another(campus: &Campus, site: &Site, incident: &Incident) -> Result<(), Refusal> {
    let mine: Vec<_> = panels(site, incident).collect();
    let holds = |other: &&Incident| {
        let judged = matches!(
            other.stage,
            Stage::FalseAlarm | Stage::Restoring | Stage::Closed
        );
        other.id != incident.id && !judged && panels(site, other).any(|bus| mine.contains(&bus))
    };
    let others: Vec<&str> = campus
        .incidents
        .values()
        .filter(holds)
        .map(|i| i.id.as_str())
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    let refusal = Refusal::new(RefusalKind::Conflict, "panel_held_by_another");
    Err(Refusal {
        how: Some(others.join(", ")),
        ..refusal
    })
}

/// The same command to every panel of the incident.
fn to_panels(
    campus: &Campus,
    site: &Site,
    now: Now,
    (incident, kind): (&Incident, OutputKind),
) -> Vec<Event> {
    let buses: Vec<_> = panels(site, incident).collect();
    let of_panel = |output: &&crate::domain::output::Output| {
        output.kind == kind && buses.contains(&&output.bus) && output.arming != Arming::Observe
    };
    let free = |output: &&crate::domain::output::Output| {
        !campus
            .outputs
            .get(&output.id)
            .is_some_and(outputs::OutputState::is_live)
    };
    let outputs = site.outputs.values().filter(of_panel).filter(free);
    outputs
        .map(|output| outputs::ask(campus, site, now, output, Some(&incident.id)))
        .collect()
}

/// 接过指挥权: somebody of the succession.
fn take_command(site: &Site, incident: &Incident, verb: &Verb) -> Outcome {
    let Some(who) = verb
        .recipient
        .as_ref()
        .filter(|who| site.succession.contains(who))
    else {
        return Err(Refusal::new(RefusalKind::Role, "not_in_succession"));
    };
    if is_holder(incident, verb) {
        return Ok(Vec::new());
    }
    let acting = *who != site.commander;
    let (incident, holder) = (incident.id.clone(), who.clone());
    Ok(vec![Event::CommandTaken {
        incident,
        holder,
        acting,
    }])
}

#[derive(Deserialize)]
struct AllClearBody {
    #[serde(default)]
    over: bool,
}

/// 解除警情: the holder of command alone; open preconditions need `over: true`.
fn all_clear(site: &Site, incident: &Incident, verb: &Verb) -> Outcome {
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
    let group_open = incident.open_orders(OrderKind::Group).next().is_some();
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
    acted.push((3, "panel".to_owned()));
    acted.sort();
    acted.into_iter().map(|(_, item)| item).collect()
}

#[derive(Deserialize)]
struct RestoreBody {
    item: String,
}

/// One item of the restore checklist; restoring the panel also sends 停止警报 and 复位 there.
fn restore(incident: &Incident, verb: &Verb) -> Outcome {
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

/// Whether a panel of the incident sounds: what 停止警报 is about.
#[must_use]
pub fn sounders_on(campus: &Campus, site: &Site, incident: &Incident) -> bool {
    let buses: Vec<_> = panels(site, incident).collect();
    site.points
        .values()
        .filter(|point| point.kind == PointKind::PanelSounders && buses.contains(&&point.bus))
        .any(|point| {
            campus
                .points
                .get(&point.id)
                .is_some_and(|state| state.conditions.active)
        })
}

/// What a recipient may answer now.
#[must_use]
pub fn replies(order: &super::Order) -> Vec<ReplyVerb> {
    use crate::domain::order::OrderState as S;
    let verify = order.given.kind == OrderKind::Verify;
    match order.state {
        S::Queued | S::AtBroker | S::Received => vec![ReplyVerb::Accept, ReplyVerb::Unable],
        S::Accepted if verify => {
            vec![
                ReplyVerb::Arrive,
                ReplyVerb::ReportReal,
                ReplyVerb::ReportFalse,
                ReplyVerb::Unable,
            ]
        }
        S::Arrived if verify => {
            vec![
                ReplyVerb::ReportReal,
                ReplyVerb::ReportFalse,
                ReplyVerb::Unable,
            ]
        }
        S::Accepted | S::Arrived => vec![ReplyVerb::Done, ReplyVerb::Unable],
        S::Done | S::Declined | S::Withdrawn => Vec::new(),
    }
}
