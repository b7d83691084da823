//! `incident/{id}` and `output/{id}`.

use serde_json::{Value, json};

use super::super::{outputs, points};
use super::{Viewer, groups, maintenance, parts, steps};
use crate::domain::ids::OutputId;
use crate::domain::note::Note;
use crate::domain::order::OrderKind;
use crate::domain::output::{Arming, Target};
use crate::domain::point::Quality;
use crate::domain::text::{Line, Text};
use crate::procedure::events::Planned;
use crate::procedure::fire::{
    Call, Incident, Reported, Stage, clear, command as holding, offer, spread,
};
use crate::text;

/// `incident/{id}`
#[must_use]
pub fn incident(viewer: &Viewer<'_>, incident: &Incident) -> Value {
    let signals = incident.signals.iter().map(|signal| {
        let mut alarm = parts::alarm(viewer, incident, signal);
        alarm["restored_at"] = json!(signal.restored_at);
        alarm
    });
    let signals: Vec<Value> = signals.collect();
    let verdict = incident.verdict.as_ref().map(|verdict| {
        json!({
            "kind": if verdict.cause.is_some() { "false" } else { "real" },
            "cause": verdict.cause.map(|cause| cause.word()),
            "by": viewer.actor(&verdict.by.by),
            "at": verdict.by.at,
        })
    });
    let floor = viewer.site.floors.get(&incident.floor);
    let rows = incident
        .plan
        .iter()
        .flatten()
        .map(|planned| row(viewer, incident, planned));
    let orders = incident.orders.values();
    let orders = orders.map(|order| format!("{}/{}", order.given.recipient, order.given.id));
    json!({
        "id": incident.id,
        "kind": parts::incident_kind(incident),
        "level": incident.leak.as_ref().map(|leak| leak.level),
        "class": incident.class,
        "stage": incident.stage,
        "opened_at": incident.opened_at,
        "opened_engine": incident.opened,
        "first": signals.first(),
        "signals": signals,
        "building": incident.building,
        "floor": incident.floor,
        "zone": incident.zone,
        "compartment": incident.compartment,
        "plan": floor.and_then(|floor| floor.plan.as_ref()),
        "sleeping": incident.sleeping,
        "taken": incident.taken.as_ref().map(|by| parts::stamp(viewer, by)),
        "verdict": verdict,
        "reported": incident.reports.first().map(|told| reported(viewer, told)),
        "spread_of": spread::part_of(viewer.campus, incident).map(|fire| &fire.id),
        "holder": incident.holder.as_ref().map(|(id, _)| viewer.recipient(id)),
        "groups": groups::groups(viewer, incident),
        "command": command(viewer, incident),
        "preconditions": preconditions(viewer, incident),
        "steps": steps::steps(viewer, incident),
        "card119": card(viewer, incident),
        "orders": orders.collect::<Vec<_>>(),
        "choice": choice(viewer, incident),
        "linkage": rows.collect::<Vec<_>>(),
        "restore": restore(viewer, incident),
        "notices": notices(viewer, incident),
    })
}

/// What should be true before the all-clear; nothing until it can be given.
fn preconditions(viewer: &Viewer<'_>, incident: &Incident) -> Vec<Value> {
    if incident.stage != Stage::Fighting {
        return Vec::new();
    }
    clear::preconditions(viewer.campus, incident)
        .iter()
        .map(|found| {
            let line = Line::new(format!("clear.{}", found.id));
            json!({ "id": found.id, "line": line, "met": found.met })
        })
        .collect()
}

/// 人工报警: the caller, how he was heard and what he said, as far as the erasable note is still there.
fn reported(viewer: &Viewer<'_>, told: &Reported) -> Value {
    let note = viewer.note(told.note.as_ref());
    let by = note
        .and_then(|note| note.caller.clone())
        .map_or_else(|| viewer.actor(&told.by.by)["name"].clone(), Value::from);
    let text = note.and_then(|note| note.text.as_deref());
    let mut reported = json!({ "by": by, "how": told.how, "text": text.unwrap_or_default() });
    if let Some(last4) = note.and_then(Note::phone_last4) {
        reported["phone_last4"] = json!(last4);
    }
    reported
}

/// Who holds command, since when, and what is under way.
fn command(viewer: &Viewer<'_>, incident: &Incident) -> Value {
    let handover = &incident.handover;
    let brigade = handover.brigade.as_ref().map(|brigade| {
        let name = viewer
            .note(brigade.note.as_ref())
            .and_then(|note| note.caller.clone());
        let name = name.unwrap_or_else(|| text::both(&Line::new("fact.brigade")).zh);
        json!({ "name": name, "at": brigade.by.at })
    });
    json!({
        "holder": incident.holder.as_ref().map(|(id, _)| viewer.recipient(id)),
        "acting": incident.holder.as_ref().is_some_and(|(_, acting)| *acting),
        "since": handover.since,
        "offered": handover.offer.as_ref().map(|offer| json!({
            "to": viewer.recipient(&offer.to),
            "limit": parts::limit(offer.from, offer.answer_by),
        })),
        "brigade": brigade,
        "handed_back": handover.handed_back.as_ref().map(|by| parts::stamp(viewer, by)),
    })
}

/// Why each post was or was not chosen.
fn choice(viewer: &Viewer<'_>, incident: &Incident) -> Vec<Value> {
    incident
        .considered
        .iter()
        .map(|considered| {
            json!({
                "recipient": considered.recipient,
                "name": viewer.recipient_name(considered.recipient.as_str()),
                "seconds": considered.walk.as_ref().map(|walk| walk.seconds),
                "metres": considered.walk.as_ref().map(|walk| walk.metres),
                "chosen": considered.chosen,
                "reason": considered.reason,
            })
        })
        .collect()
}

/// The 119 card: the six facts of GB 25506 4.2.2, and where the brigade comes in. A person speaks; software never calls.
fn card(viewer: &Viewer<'_>, incident: &Incident) -> Option<Value> {
    let call = incident.call_119.as_ref()?;
    let site = viewer.site;
    let building = site.buildings.get(&incident.building);
    let caller = incident
        .taken
        .as_ref()
        .map(|by| viewer.actor(&by.by)["name"].clone());
    let size = match incident.signals.len() {
        0 | 1 => Line::new("card.size_one"),
        count => Line::new("card.size_more").with("count", count),
    };
    let mut outcome = call.outcome.as_ref().map(|(connected, by)| {
        let kind = if *connected { "connected" } else { "failed" };
        json!({ "kind": kind, "by": viewer.actor(&by.by), "at": by.at })
    });
    let calls: Vec<Value> = call.calls.iter().map(|call| called(viewer, call)).collect();
    if call.is_settled()
        && !call
            .outcome
            .as_ref()
            .is_some_and(|(connected, _)| *connected)
    {
        outcome = calls
            .iter()
            .rfind(|call| call["kind"] == "not_called")
            .cloned();
    }
    let others = spread::others(viewer.campus, incident)
        .filter(|other| other.is_undecided() || other.stage == Stage::Fighting);
    let also: Vec<Text> = others.map(|other| parts::place(viewer, other)).collect();
    Some(json!({
        "unit": site.name.zh,
        "address": site.address,
        "place": parts::place(viewer, incident),
        "burning": Line::new("card.ask_guard"),
        "size": size,
        "trapped": Line::new(if incident.sleeping { "card.trapped_sleeping" } else { "card.trapped_ask" }),
        "hazards": building.map_or_else(Text::default, |building| building.hazards.clone()),
        "gate": building.map_or_else(Text::default, |building| building.gate.clone()),
        "caller": caller,
        "phone": site.phone,
        "outcome": outcome,
        "calls": calls,
        "also": also,
    }))
}

/// One line of the card: who called, what came of it, what was said.
fn called(viewer: &Viewer<'_>, call: &Call) -> Value {
    let note = viewer.note(call.note.as_ref());
    json!({
        "kind": call.outcome,
        "by": viewer.actor(&call.by.by),
        "at": call.by.at,
        "used": call.used.as_ref().map(|used| Line::new(format!("call.used_{used}"))),
        "text": note.and_then(|note| note.text.as_deref()).unwrap_or_default(),
    })
}

/// One output of the plan.
fn row(viewer: &Viewer<'_>, incident: &Incident, planned: &Planned) -> Value {
    let id = &planned.output;
    let in_place = viewer
        .site
        .outputs
        .get(id)
        .is_some_and(|output| outputs::is_in_place(viewer.campus, viewer.site, output));
    let by_hand = incident
        .open_orders(OrderKind::ByHand)
        .find(|order| order.given.output.as_ref() == Some(id))
        .map(|order| &order.given.recipient);
    // Also a command of another open incident that has this output in hand: it is written once and shown in both plans.
    let state = viewer.campus.outputs.get(id).filter(|_| {
        let shared = !in_place && outputs::is_in_hand(viewer.campus, id, &incident.id);
        incident.asked.contains(id) || shared
    });
    let word = match state {
        Some(state) => json!(state.state),
        None if in_place => json!("done"),
        None if planned.deferred => json!("deferred"),
        None if planned.waits_for.is_some() && planned.automatic => json!("waiting"),
        None => json!("idle"),
    };
    let waits_for_person = planned.deferred && state.is_none() && !in_place;
    let output = viewer.site.outputs.get(id).filter(|_| waits_for_person);
    let offered = output.map(start).unwrap_or_default();
    json!({
        "output": id,
        "waits_for": planned.waits_for,
        "state": word,
        "asked_at": state.map(|state| state.asked.at),
        "sent_at": state.and_then(|state| state.sent_at),
        "done_at": state.and_then(|state| state.done_at),
        "limit": limit(state),
        "by_hand": by_hand.map(|who| viewer.recipient(who)),
        "deferred": planned.deferred,
        "person": planned.deferred.then(|| viewer.recipient(&planned.by_hand)),
        "verbs": offered,
    })
}

/// The limit that runs for a command: until it must be sent, then until its feedback must be there.
fn limit(state: Option<&outputs::OutputState>) -> Option<Value> {
    let state = state?;
    let due = outputs::next_due(state)?;
    let window = state.feedback_within.unwrap_or_default();
    let from = match state.feedback_by {
        Some(by) if by == due => {
            crate::domain::time::EngineTime(by.0 - i64::try_from(window.as_millis()).unwrap_or(0))
        }
        Some(_) | None => due,
    };
    Some(parts::limit(from, due))
}

/// Who did an item on site, where it was said.
fn restored_by(viewer: &Viewer<'_>, incident: &Incident, item: &str) -> Option<String> {
    let (person, note) = incident.restored_by.get(item)?;
    let by_note = || viewer.note(note.as_ref())?.caller.clone();
    let named = person.as_ref().map(|id| viewer.recipient_name(id.as_str()));
    named.map(str::to_owned).or_else(by_note)
}

/// The restore checklist.
fn restore(viewer: &Viewer<'_>, incident: &Incident) -> Vec<Value> {
    incident
        .restore
        .iter()
        .map(|(item, ticked)| {
            let line = parts::restore_line(viewer, item);
            let done = ticked.as_ref().map(|by| parts::stamp(viewer, by));
            json!({ "id": item, "line": line, "done": done, "person": restored_by(viewer, incident, item) })
        })
        .collect()
}

/// What the operator must know besides the steps.
fn notices(viewer: &Viewer<'_>, incident: &Incident) -> Vec<Value> {
    let mut notices = Vec::new();
    if incident.panel_reset_seen && incident.is_undecided() {
        notices.push(parts::line("notice.panel_reset_unverified"));
    }
    if incident.take_missed && incident.taken.is_none() {
        notices.push(parts::line("notice.take_missed"));
    }
    if incident.stage == Stage::Unverified {
        notices.push(parts::line("notice.unverified"));
    }
    notices.extend(groups::notices(incident));
    notices.extend(beside(viewer, incident));
    if offer::stands(incident) && incident.start_offer.is_some_and(|offer| offer.late) {
        notices.push(parts::line("notice.start_unanswered"));
    }
    let silent = incident.open_orders(OrderKind::Command).find(|order| {
        let late = order.has_lapsed() && order.accepted_at.is_none();
        late && holding::is_of_holder(incident, order)
    });
    notices.extend(silent.map(|order| {
        let name = viewer.recipient_name(order.given.recipient.as_str());
        json!(Line::new("notice.holder_silent").with("recipient", name))
    }));
    for order in incident
        .orders
        .values()
        .filter(|order| order.state.is_open() && order.given.kind != OrderKind::Support)
    {
        if order.late.iter().any(|late| late == "receive") {
            let name = viewer.recipient_name(order.given.recipient.as_str());
            notices.push(json!(Line::new("notice.use_radio").with("recipient", name)));
        }
    }
    notices
}

/// What burns or leaks beside it: 可能蔓延, 119 续报, gas and fire at one place.
fn beside(viewer: &Viewer<'_>, incident: &Incident) -> Vec<Value> {
    let spread = spread::part_of(viewer.campus, incident)
        .map(|fire| json!(Line::new("notice.spread").with("incident", &fire.id)));
    let connected = incident.call_119.as_ref().is_some_and(|call| {
        let outcome = call.outcome.as_ref();
        outcome.is_some_and(|(connected, _)| *connected)
    });
    let untold = spread::untold(viewer.campus, incident).into_iter();
    let untold = untold.filter(|_| connected).map(|other| {
        let place = parts::place(viewer, other);
        json!(Line::new("notice.tell_119").named("place", &place))
    });
    let here = viewer.campus.incidents.values().filter(|other| {
        let open = other.stage != Stage::Closed && other.compartment == incident.compartment;
        open && other.leak.is_some() != incident.leak.is_some()
    });
    let here = here.map(|other| {
        let key = if other.leak.is_some() {
            "notice.gas_here"
        } else {
            "notice.fire_here"
        };
        json!(Line::new(key).with("incident", &other.id))
    });
    spread.into_iter().chain(untold).chain(here).collect()
}

/// `output/{id}`
#[must_use]
pub fn output(viewer: &Viewer<'_>, id: &OutputId) -> Option<Value> {
    let output = viewer.site.outputs.get(id)?;
    let state = viewer.campus.outputs.get(id);
    let feedback = output.feedback.as_ref();
    let target = match output.target {
        Target::Coil { register } => format!("coil {register}"),
        Target::Register { register, value } => format!("register {register} = {value}"),
        Target::Registers { register, values } => format!("registers {register} = {values:?}"),
        Target::Mask { register, or, .. } => {
            format!("register {register} bit {}", or.trailing_zeros())
        }
    };
    let address = format!("{} {} {target}", output.bus, output.unit);
    let quality = feedback.map_or(Quality::Unknown, |feedback| {
        points::quality(viewer.campus, viewer.site, &feedback.point)
    });
    let active = feedback
        .and_then(|feedback| viewer.campus.points.get(&feedback.point))
        .map(|point| point.conditions.active);
    let exception = state.and_then(|state| state.exception);
    let mut verbs = start(output);
    verbs.extend(maintenance::ending(viewer, id));
    Some(json!({
        "id": id,
        "kind": output.kind,
        "name": output.name,
        "building": output.building,
        "zone": output.zone,
        "arming": output.arming,
        "master": output.master,
        "deferred": output.deferred,
        "address": address,
        "feedback": feedback.map(|feedback| &feedback.point),
        "feedback_active": active,
        "quality": quality,
        "state": state.map_or(json!("idle"), |state| json!(state.state)),
        "command": state.map(|state| &state.command),
        "asked_at": state.map(|state| state.asked.at),
        "sent_at": state.and_then(|state| state.sent_at),
        "done_at": state.and_then(|state| state.done_at),
        "limit": limit(state),
        "refused": exception.map(|code| Line::new("fault.exception").with("code", code)),
        "incident": state.and_then(|state| state.incident.as_ref()),
        "maintenance": maintenance::of_output(viewer, id),
        "verbs": verbs,
    }))
}

/// A person may start every armed output that is no command to a panel.
fn start(output: &crate::domain::output::Output) -> Vec<Value> {
    if output.kind.is_panel() || output.arming == Arming::Observe {
        return Vec::new();
    }
    let path = format!("/api/v1/outputs/{}/start", output.id);
    let kind = json!(output.kind);
    let line = format!("verb.start.{}", kind.as_str().unwrap_or_default());
    vec![steps::verb("start", &path, &line, (1_500, "act", None))]
}
