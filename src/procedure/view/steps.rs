//! The guided steps of an incident: what is done, what to do now, what runs, and the verbs that each step offers.

use serde_json::{Value, json};

use super::super::gas;
use super::super::outputs::OutputState;
use super::offers::{self, of};
use super::restore::restore;
use super::{Viewer, parts};
use crate::domain::actor::Actor;
use crate::domain::group::GroupId;
use crate::domain::order::{OrderKind, OrderState};
use crate::domain::output::CommandState;
use crate::domain::site::RecipientKind;
use crate::domain::text::Line;
use crate::domain::time::WallTime;
use crate::domain::weight::{self, Weight};
use crate::procedure::fire::{
    Call119, Incident, Order, Stage, clear, correct, follow, groups, offer, spread, verbs,
};

/// A step being made.
pub struct Step {
    /// Its id, for pages that know it.
    pub id: &'static str,
    /// `step.{line}` of the catalogue.
    pub line: &'static str,
    /// Nothing is left of it.
    pub done: bool,
    /// It runs by itself: it never is the step to do now.
    pub by_itself: bool,
    /// Its limit has passed.
    pub late: bool,
    /// Who does it or has done it.
    pub who: Option<Value>,
    /// When it was done.
    pub at: Option<WallTime>,
    /// The limit that runs.
    pub limit: Option<Value>,
    /// Where it stands, in lines.
    pub facts: Vec<Value>,
    /// What it offers.
    pub verbs: Vec<Value>,
}

impl Step {
    pub(super) fn new(id: &'static str, done: bool) -> Self {
        Self::named(id, id, done)
    }

    /// A step whose words are not those of its id.
    #[must_use]
    pub fn named(id: &'static str, line: &'static str, done: bool) -> Self {
        Self {
            id,
            line,
            done,
            by_itself: false,
            late: false,
            who: None,
            at: None,
            limit: None,
            facts: Vec::new(),
            verbs: Vec::new(),
        }
    }
}

/// A verb as the pages offer it: hold in ms, tone, key.
#[must_use]
pub fn verb(name: &str, path: &str, line: &str, how: (u32, &str, Option<&str>)) -> Value {
    let (hold_ms, tone, key) = how;
    json!({
        "verb": name,
        "path": path,
        "line": Line::new(line),
        "hold_ms": hold_ms,
        "tone": tone,
        "key": key,
        "body": {},
        "choice": null,
        "fields": [],
        "step_up": weight::of(name, &Value::Null) == Weight::Weakens,
    })
}

/// All steps in order. Exactly one is `now` while the incident is open.
#[must_use]
pub fn steps(viewer: &Viewer<'_>, incident: &Incident) -> Vec<Value> {
    if incident.leak.is_some() {
        let steps = gas::view::steps(viewer, incident);
        return shown(steps, incident.stage == Stage::Closed);
    }
    let mut steps = vec![
        locate(viewer, incident),
        take(viewer, incident),
        verify(viewer, incident),
    ];
    match incident.stage {
        Stage::Verifying | Stage::Unverified => {
            if offer::stands(incident) {
                steps.push(start_offer(incident));
            }
            steps.push(verdict(viewer, incident));
            if incident.call_119.is_some() {
                steps.push(call_119(viewer, incident));
            }
            if incident.plan.is_some() {
                steps.push(linkage(viewer, incident));
            }
        }
        Stage::FalseAlarm => {
            steps.push(verdict(viewer, incident));
            let called = |card: &Call119| card.is_coming() || !card.calls.is_empty();
            if incident.call_119.as_ref().is_some_and(called) {
                steps.push(call_119(viewer, incident));
            }
            steps.push(stop_sounders(viewer, incident));
            steps.push(reset(viewer, incident));
            if !incident.restore.is_empty() {
                steps.push(restore(viewer, incident));
            }
        }
        Stage::Fighting | Stage::Restoring | Stage::Closed if is_real(incident) => {
            steps.push(verdict(viewer, incident));
            steps.push(call_119(viewer, incident));
            steps.push(orders_step(viewer, incident, "report", OrderKind::Report));
            steps.push(linkage(viewer, incident));
            steps.push(groups_step(viewer, incident));
            steps.push(all_clear(viewer, incident));
            steps.push(restore(viewer, incident));
        }
        Stage::Fighting | Stage::Restoring | Stage::Closed => {
            steps.push(verdict(viewer, incident));
            steps.push(stop_sounders(viewer, incident));
            steps.push(reset(viewer, incident));
            if !incident.restore.is_empty() {
                steps.push(restore(viewer, incident));
            }
        }
    }
    shown(steps, incident.stage == Stage::Closed)
}

fn is_real(incident: &Incident) -> bool {
    incident
        .verdict
        .as_ref()
        .is_some_and(|verdict| verdict.cause.is_none())
}

/// Numbers the steps and names the one to do now.
fn shown(steps: Vec<Step>, closed: bool) -> Vec<Value> {
    let now = steps.iter().position(|step| !step.done && !step.by_itself);
    let now = now.or_else(|| steps.iter().position(|step| !step.done));
    let show = |(index, step): (usize, Step)| {
        let state = match (
            step.done,
            Some(index) == now && !closed,
            step.by_itself,
            step.late,
        ) {
            (true, ..) => "done",
            (false, true, ..) => "now",
            (false, false, _, true) => "late",
            (false, false, true, false) => "running",
            (false, false, false, false) => "later",
        };
        json!({
            "id": step.id,
            "line": Line::new(format!("step.{}", step.line)),
            "state": state,
            "who": step.who,
            "at": step.at,
            "limit": step.limit,
            "facts": step.facts,
            "verbs": step.verbs,
        })
    };
    steps.into_iter().enumerate().map(show).collect()
}

fn locate(viewer: &Viewer<'_>, incident: &Incident) -> Step {
    let mut step = Step::new("locate", true);
    step.who = Some(viewer.actor(&Actor::System));
    step.at = Some(incident.opened_at);
    step
}

pub(in crate::procedure) fn take(viewer: &Viewer<'_>, incident: &Incident) -> Step {
    let mut step = Step::new("take", incident.taken.is_some());
    match &incident.taken {
        Some(by) => {
            step.who = Some(viewer.actor(&by.by));
            step.at = Some(by.at);
        }
        None => {
            step.late = incident.take_missed;
            step.limit = Some(parts::limit(incident.opened, incident.take_by));
            step.verbs
                .push(of(incident, "take", (0, "act", Some("F2"))));
        }
    }
    step
}

pub(in crate::procedure) fn verify(viewer: &Viewer<'_>, incident: &Incident) -> Step {
    let orders: Vec<&Order> = incident
        .orders
        .values()
        .filter(|order| order.given.kind == OrderKind::Verify)
        .collect();
    let mut step = Step::new("verify", !incident.is_undecided());
    step.by_itself = true;
    step.late = incident.stage == Stage::Unverified;
    step.who = orders.last().map(|order| {
        let id = &order.given.recipient;
        viewer.recipient(id)
    });
    step.facts = orders.iter().map(|order| fact(viewer, order)).collect();
    if incident.is_undecided() {
        step.limit = Some(parts::limit(incident.opened, incident.verdict_by));
        let mut dispatch = of(incident, "dispatch", (0, "plain", Some("F7")));
        let posts = viewer
            .site
            .recipients
            .values()
            .filter(|r| r.kind == RecipientKind::Post);
        let options: Vec<Value> = posts
            .map(|post| json!({ "value": post.id, "line": Line::new("fact.name").with("name", &post.name) }))
            .collect();
        dispatch["choice"] = json!({ "field": "recipient", "options": options });
        step.verbs.push(dispatch);
        let kind = OrderKind::Verify;
        step.verbs
            .extend(offers::record_all(viewer, incident, kind, Some("F9")));
    }
    step
}

/// Where an order stands, in one line.
pub(in crate::procedure) fn fact(viewer: &Viewer<'_>, order: &Order) -> Value {
    let state = json!(order.state);
    let mut line = Line::new(format!("fact.order.{}", state.as_str().unwrap_or_default())).with(
        "recipient",
        viewer.recipient_name(order.given.recipient.as_str()),
    );
    if let Some(walk) = &order.given.walk {
        line = line
            .with("seconds", walk.seconds)
            .with("metres", walk.metres);
    }
    json!(line)
}

fn verdict(viewer: &Viewer<'_>, incident: &Incident) -> Step {
    let mut step = Step::new("verdict", !incident.is_undecided());
    step.late = incident.stage == Stage::Unverified;
    if let Some(verdict) = incident.verdict.as_ref().filter(|_| step.done) {
        step.who = Some(viewer.actor(&verdict.by.by));
        step.at = Some(verdict.by.at);
        step.facts.push(match verdict.cause {
            Some(cause) => json!(Line::new(format!("cause.{}", cause.word()))),
            None => parts::line("fact.real_fire"),
        });
    }
    if matches!(
        incident.stage,
        Stage::Verifying | Stage::Unverified | Stage::FalseAlarm
    ) {
        step.verbs
            .push(of(incident, "confirm_fire", (1_500, "fire", None)));
    }
    if incident.is_undecided() {
        let mut judge = of(incident, "judge_false", (0, "plain", None));
        judge["choice"] = offers::causes();
        step.verbs.push(judge);
        step.verbs.extend(offers::by_camera(incident));
        if incident.scene.proposed_false.is_some() {
            step.facts.push(parts::line("fact.false_proposed"));
        }
        step.facts.push(parts::line("fact.false_needs_scene"));
        if correct::is_correctable(incident) {
            step.verbs.push(offers::correct(incident));
        }
        if !correct::brigade_knows(viewer.campus, incident) {
            step.facts.push(parts::line("fact.tell_119_first"));
        }
    }
    step
}

pub(in crate::procedure) fn call_119(viewer: &Viewer<'_>, incident: &Incident) -> Step {
    let call = incident.call_119.as_ref();
    let connected = call.and_then(|call| call.outcome.as_ref());
    let settled = call.is_some_and(Call119::is_settled);
    let mut step = Step::new("call119", settled || connected.is_some());
    if let Some(last) = call.and_then(|call| call.calls.last()) {
        step.who = Some(viewer.actor(&last.by.by));
        step.at = Some(last.by.at);
        let used = last.used.as_ref().map(|used| format!("call.used_{used}"));
        let line = Line::new(format!("fact.119_{}", last.outcome.word()));
        let line = match used {
            Some(used) => line.with("used", used),
            None => line.with("used", ""),
        };
        step.facts.push(json!(line));
    } else if let Some((connected, by)) = connected {
        step.who = Some(viewer.actor(&by.by));
        step.at = Some(by.at);
        let fact = if *connected {
            "fact.119_connected"
        } else {
            "fact.119_failed"
        };
        step.facts.push(json!(Line::new(fact).with("used", "")));
    }
    if let Some(call) = call.filter(|call| call.more || !call.is_settled()) {
        step.late = call.late;
        step.limit = call
            .due
            .map(|due| parts::limit(call.opened.max(super_opened(due, viewer)), due));
        step.by_itself = call.due.is_none();
    }
    step.verbs = offers::calls(incident);
    let is_connected = connected.is_some_and(|(connected, _)| *connected);
    let more = call.is_some_and(|call| call.more);
    if is_connected && (more || !spread::untold(viewer.campus, incident).is_empty()) {
        // 续报: a further compartment of the building belongs to the same entry.
        step.done = false;
        let mut again = of(incident, "call_119", (0, "act", Some("F8")));
        again["body"] = json!({ "outcome": "follow_up" });
        again["line"] = parts::line("verb.call_119_again");
        step.verbs.insert(0, again);
    }
    if incident.stage == Stage::FalseAlarm && !correct::brigade_knows(viewer.campus, incident) {
        step.done = false;
        step.facts.push(parts::line("fact.tell_119_first"));
    }
    step
}

/// 「转自动并启动」: two healthy devices stand, and 手动 keeps the rule from acting.
fn start_offer(incident: &Incident) -> Step {
    let mut step = Step::new("start_offer", false);
    if let Some(offer) = incident.start_offer {
        step.late = offer.late;
        step.limit = Some(parts::limit(offer.opened, offer.by));
    }
    step.facts.push(parts::line("fact.two_devices"));
    step.verbs
        .push(of(incident, "auto_and_start", (1_500, "fire", None)));
    step
}

/// The stopwatch starts with the verdict: its limit less the length of the limit.
fn super_opened(
    due: crate::domain::time::EngineTime,
    viewer: &Viewer<'_>,
) -> crate::domain::time::EngineTime {
    let length = i64::try_from(viewer.site.limits.call_119.as_millis()).unwrap_or(0);
    crate::domain::time::EngineTime(due.0 - length)
}

fn orders_step(
    viewer: &Viewer<'_>,
    incident: &Incident,
    id: &'static str,
    kind: OrderKind,
) -> Step {
    let orders: Vec<&Order> = incident
        .orders
        .values()
        .filter(|order| order.given.kind == kind)
        .collect();
    let accepted =
        |order: &&Order| order.state >= OrderState::Accepted && order.state <= OrderState::Done;
    let done = !orders.is_empty() && orders.iter().all(accepted);
    let mut step = Step::new(id, done);
    step.by_itself = true;
    step.late = orders
        .iter()
        .any(|order| !order.late.is_empty() && order.state.is_open());
    step.at = orders.iter().filter_map(|order| order.accepted_at).max();
    step.facts = orders.iter().map(|order| fact(viewer, order)).collect();
    let open = orders
        .iter()
        .find(|order| order.state < OrderState::Accepted);
    step.limit = open.map(|order| parts::limit(order.issued, order.given.accept_by));
    step
}

/// The six groups: done when each has somebody who has it in hand.
fn groups_step(viewer: &Viewer<'_>, incident: &Incident) -> Step {
    let mut step = orders_step(viewer, incident, "groups", OrderKind::Group);
    let filled = |id| groups::of(incident, id).any(groups::is_filled);
    step.done = GroupId::ALL.into_iter().all(filled);
    step.late |= GroupId::ALL
        .into_iter()
        .any(|id| incident.unfilled.contains_key(&id) && !filled(id));
    step.facts = super::groups::facts(viewer, incident);
    step.verbs = offers::record_all(viewer, incident, OrderKind::Group, None);
    step
}

pub(in crate::procedure) fn linkage(viewer: &Viewer<'_>, incident: &Incident) -> Step {
    let plan = incident.plan.as_deref().unwrap_or_default();
    let state_of = |id| {
        viewer
            .campus
            .outputs
            .get(id)
            .filter(|_| incident.asked.contains(id))
    };
    let in_place = |id: &crate::domain::ids::OutputId| {
        let output = viewer.site.outputs.get(id);
        output.is_some_and(|o| super::super::outputs::is_in_place(viewer.campus, viewer.site, o))
    };
    let done = plan
        .iter()
        .filter(|planned| in_place(&planned.output))
        .count();
    let failed = plan
        .iter()
        .filter_map(|planned| state_of(&planned.output))
        .filter(|state: &&OutputState| {
            matches!(
                state.state,
                CommandState::NoFeedback
                    | CommandState::Refused
                    | CommandState::Expired
                    | CommandState::Unknown
            )
        })
        .count();
    let mut step = Step::new("linkage", !plan.is_empty() && done == plan.len());
    step.by_itself = true;
    step.late = failed > 0;
    let line = Line::new("fact.linkage")
        .with("done", done)
        .with("total", plan.len());
    step.facts.push(json!(line.with("failed", failed)));
    step
}

fn stop_sounders(viewer: &Viewer<'_>, incident: &Incident) -> Step {
    let off = follow::sounders_off(viewer.campus, viewer.site, incident);
    let mut step = Step::new("stop_sounders", off);
    if !off && verbs::sounders_on(viewer.campus, viewer.site, incident) {
        step.verbs
            .push(of(incident, "stop_sounders", (0, "act", None)));
    }
    step.facts.push(parts::line(if off {
        "fact.sounders_off"
    } else {
        "fact.sounders_on"
    }));
    step
}

fn reset(viewer: &Viewer<'_>, incident: &Incident) -> Step {
    let mut step = Step::new("reset", follow::is_quiet(incident));
    if step.done {
        return step;
    }
    let (by_hand, by_command) = verbs::resets(viewer.site, incident);
    if by_command {
        step.verbs.push(of(incident, "reset", (1_500, "act", None)));
        step.facts.push(parts::line("fact.reset_checks_detector"));
    }
    if by_hand {
        // DESIGN.md 4, rule 2: done when the panel shows it.
        step.facts.push(parts::line("fact.reset_at_panel"));
    }
    step
}

fn all_clear(viewer: &Viewer<'_>, incident: &Incident) -> Step {
    let mut step = Step::new("all_clear", incident.all_clear.is_some());
    step.who = incident.holder.as_ref().map(|(id, _)| viewer.recipient(id));
    match &incident.all_clear {
        Some(by) => {
            step.who = Some(viewer.actor(&by.by));
            step.at = Some(by.at);
        }
        None => {
            let ready = clear::preconditions(viewer.campus, incident)
                .iter()
                .all(|precondition| precondition.met);
            step.verbs
                .push(of(incident, "all_clear", (1_500, "act", None)));
            if !ready {
                let mut over = of(incident, "all_clear", (1_500, "plain", None));
                over["body"] = json!({ "over": true });
                over["line"] = parts::line("verb.all_clear_over");
                over["fields"] = json!([offers::field("reason", "text", true)]);
                step.verbs.push(over);
            }
            if incident.stage == Stage::Fighting {
                step.verbs.extend(offers::scene(viewer, incident));
                step.verbs.extend(offers::command(viewer, incident));
                step.verbs.push(offers::correct(incident));
            }
            step.facts.push(parts::line("fact.only_the_holder"));
        }
    }
    step
}
