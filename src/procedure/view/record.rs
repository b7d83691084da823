//! `record/{incident}`: what the printed record says besides the documents of the incident: every step that is missing, listed and
//! not hidden (process.md 100), and the journal's entry up to which it speaks.

use serde_json::{Value, json};

use super::{Viewer, groups, parts};
use crate::domain::order::OrderKind;
use crate::domain::text::Line;
use crate::procedure::fire::{Call119, Incident, Order, Stage};
use crate::procedure::outputs;

/// The document.
#[must_use]
pub fn record(viewer: &Viewer<'_>, incident: &Incident) -> Value {
    json!({
        "incident": incident.id,
        "seq": incident.last_seq(),
        "ended": incident.stage == Stage::Closed,
        "missing": missing(viewer, incident),
        "cleared_over": cleared_over(viewer, incident),
    })
}

fn say(key: &str) -> Line {
    Line::new(format!("record.{key}"))
}

/// Every step that the procedure has and the timeline has not.
fn missing(viewer: &Viewer<'_>, incident: &Incident) -> Vec<Line> {
    let mut missing = Vec::new();
    let mut unless = |done: bool, key: &str| {
        if !done {
            missing.push(say(key));
        }
    };
    let arrived = |order: &Order| order.arrived_at.is_some();
    unless(incident.taken.is_some(), "not_taken");
    unless(incident.orders.values().any(arrived), "nobody_at_scene");
    unless(incident.verdict.is_some(), "no_verdict");
    let is_real = incident
        .verdict
        .as_ref()
        .is_some_and(|verdict| verdict.cause.is_none());
    if is_real {
        let accepted =
            |order: &Order| order.given.kind == OrderKind::Report && order.accepted_at.is_some();
        let told = incident.call_119.as_ref().is_some_and(Call119::is_settled);
        unless(told, "no_119");
        unless(incident.orders.values().any(accepted), "no_report");
        unless(incident.is_out(), "not_out");
        unless(incident.is_counted(), "not_counted");
        unless(incident.are_injured_accounted(), "injured_open");
        unless(incident.all_clear.is_some(), "no_all_clear");
        missing.extend(groups::missing(incident));
        missing.extend(outputs_missing(viewer, incident));
    }
    let open = incident.restore.iter().filter(|(_, by)| by.is_none());
    missing.extend(open.map(|(item, _)| parts::restore_line(viewer, item)));
    missing
}

/// Outputs of the plan that never were where they should be: neither commanded to the end nor done by hand.
fn outputs_missing(viewer: &Viewer<'_>, incident: &Incident) -> Vec<Line> {
    let by_hand = |id| {
        let mut orders = incident.orders.values();
        orders.any(|order| order.given.output.as_ref() == Some(id) && order.ended_at.is_some())
    };
    let planned = incident.plan.iter().flatten();
    let outputs = planned.filter_map(|planned| viewer.site.outputs.get(&planned.output));
    outputs
        .filter(|output| {
            let state = viewer.campus.outputs.get(&output.id);
            let acted = state.is_some_and(|state| state.done_at.is_some());
            let in_place = outputs::is_in_place(viewer.campus, viewer.site, output);
            !acted && !in_place && !by_hand(&output.id)
        })
        .map(|output| say("not_in_place").named("output", &output.name))
        .collect()
}

/// The conditions over which the all-clear was given, with the reason as far as its note is still there.
fn cleared_over(viewer: &Viewer<'_>, incident: &Incident) -> Value {
    let Some((unmet, note)) = &incident.cleared_over else {
        return Value::Null;
    };
    let note = viewer.note(note.as_ref());
    let lines: Vec<Line> = unmet
        .iter()
        .map(|id| Line::new(format!("clear.{id}")))
        .collect();
    json!({
        "unmet": lines,
        "reason": note.and_then(|note| note.text.as_deref()).unwrap_or_default(),
    })
}
