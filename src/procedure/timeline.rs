//! The lines that people read of what happened: one per event that matters to them, in the incident and for the campus.

mod beside;
mod incident;
mod room;
mod told;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::events::Event;
use super::{Campus, Cell, Stamp, maintenance};
use crate::domain::actor::Actor;
use crate::domain::ids::{BusId, CaseId, OutputId, PointId, RecipientId};
use crate::domain::time::{EngineTime, WallTime};

/// Most lines that an incident keeps at hand; the journal has all.
pub const INCIDENT_LINES_MAX: usize = 500;
/// Most lines of the campus.
pub const RECENT_LINES_MAX: usize = 30;

/// Lines, oldest first, with the number of those that were dropped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// The lines.
    pub lines: VecDeque<TimelineLine>,
    /// How many older ones are only in the journal.
    pub dropped: u64,
}

impl Lines {
    fn push(&mut self, line: TimelineLine, max: usize) {
        if self.lines.len() >= max {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
    }
}

/// One line. It holds ids; names are put in when it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelineLine {
    /// The entry.
    pub seq: u64,
    /// When.
    pub at: WallTime,
    /// When, by the engine's time, which no step of a clock moves.
    #[serde(default)]
    pub engine: EngineTime,
    /// fire, fault, order, command, feedback, person, system.
    pub class: String,
    /// `line.{key}` of the catalogue.
    pub key: String,
    /// Further arguments.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// Who.
    pub by: Actor,
    /// The incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<CaseId>,
    /// The point it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<PointId>,
    /// The output it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputId>,
    /// The recipient it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<RecipientId>,
    /// The line of the field it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bus: Option<BusId>,
}

/// What an event says, before it is stamped.
#[derive(Debug, Default)]
struct Said<'a> {
    class: &'static str,
    key: &'static str,
    args: Vec<(&'static str, String)>,
    incident: Option<&'a CaseId>,
    point: Option<&'a PointId>,
    output: Option<&'a OutputId>,
    recipient: Option<&'a RecipientId>,
    bus: Option<&'a BusId>,
}

/// Adds the line of an event to its incident and to the campus.
pub fn apply(campus: &mut Campus, stamp: &Stamp, event: &Event, touched: &mut BTreeSet<Cell>) {
    let said = room::of_room(event)
        .or_else(|| incident::of_incident(event))
        .or_else(|| beside::said(event))
        .or_else(|| told::said(campus, event))
        .or_else(|| of_order(campus, event))
        .or_else(|| of_command(campus, event));
    let Some(said) = said else { return };
    let line = TimelineLine {
        seq: stamp.seq,
        at: stamp.now.wall,
        engine: stamp.now.engine,
        class: said.class.to_owned(),
        key: said.key.to_owned(),
        args: said
            .args
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        by: spoken_by(&stamp.actor, said.class),
        incident: said.incident.cloned(),
        point: said.point.cloned(),
        output: said.output.cloned(),
        recipient: said.recipient.cloned(),
        bus: said.bus.cloned(),
    };
    if let Some(id) = &line.incident
        && let Some(incident) = campus.incidents.get_mut(id)
    {
        incident.timeline.push(line.clone(), INCIDENT_LINES_MAX);
        touched.insert(Cell::Incident(id.clone()));
    }
    campus.recent.push(line, RECENT_LINES_MAX);
    touched.insert(Cell::Recent);
}

/// Who a line is by. What follows from a signal is done by the system, not by the device that sent the signal.
fn spoken_by(actor: &Actor, class: &str) -> Actor {
    match actor {
        Actor::Field if matches!(class, "order" | "command" | "person" | "system") => Actor::System,
        Actor::Field | Actor::System | Actor::Account(_) | Actor::Recipient(_) => actor.clone(),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other events speak elsewhere or not at all"
)]
fn of_order<'a>(campus: &'a Campus, event: &'a Event) -> Option<Said<'a>> {
    let (incident, order, key, class) = match event {
        Event::OrderIssued { incident, order } => (incident, &order.id, "order_issued", "order"),
        Event::OrderAtBroker { incident, order } => (incident, order, "order_at_broker", "order"),
        Event::OrderWithdrawn { incident, order } => (incident, order, "order_withdrawn", "order"),
        Event::OrderLate {
            incident, order, ..
        } => (incident, order, "order_late", "fault"),
        Event::ReplyRecorded {
            incident, order, ..
        } => (incident, order, "reply_recorded", "person"),
        Event::OrderReplied {
            incident, order, ..
        } => (incident, order, "order_replied", "order"),
        _ => return None,
    };
    let given = &campus.incidents.get(incident)?.orders.get(order)?.given;
    let mut args = Vec::new();
    if let Event::OrderLate { limit, .. } = event {
        args.push(("limit", limit.clone()));
    }
    if let Event::ReplyRecorded { verb, channel, .. } = event {
        args.push(("verb", super::fire::apply::word(*verb).to_owned()));
        args.push(("how", format!("how.{}", channel.word())));
    }
    if let Event::OrderReplied {
        verb,
        cause,
        reason,
        ..
    } = event
    {
        args.push(("verb", super::fire::apply::word(*verb).to_owned()));
        args.extend(cause.map(|cause| ("cause", cause.word().to_owned())));
        args.extend(reason.clone().map(|reason| ("reason", reason)));
    }
    Some(Said {
        class,
        key,
        args,
        incident: Some(incident),
        recipient: Some(&given.recipient),
        output: given.output.as_ref(),
        ..Said::default()
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other events speak elsewhere or not at all"
)]
fn of_command<'a>(campus: &'a Campus, event: &'a Event) -> Option<Said<'a>> {
    use crate::domain::output::WriteOutcome;
    let (output, key, class) = match event {
        Event::CommandAsked {
            output, command, ..
        } => match maintenance::running(campus, output) {
            Some(running) if running.command.as_ref() == Some(command) => {
                (output, "maintenance_write", "command")
            }
            Some(_) | None => (output, "command_asked", "command"),
        },
        Event::CommandWritten {
            output, outcome, ..
        } => match outcome {
            WriteOutcome::Written => (output, "command_sent", "command"),
            WriteOutcome::Refused { .. } => (output, "command_refused", "fault"),
            WriteOutcome::Unknown => (output, "command_unknown", "fault"),
            WriteOutcome::NotSent => (output, "command_not_sent", "fault"),
        },
        Event::CommandDone { output, .. } => (output, "command_done", "feedback"),
        Event::CommandNoFeedback { output, .. } => (output, "command_no_feedback", "fault"),
        Event::CommandExpired { output, .. } => (output, "command_expired", "fault"),
        Event::CommandUnknown { output, .. } => (output, "command_unknown", "fault"),
        _ => return None,
    };
    let incident = campus
        .outputs
        .get(output)
        .and_then(|state| state.incident.as_ref());
    Some(Said {
        class,
        key,
        incident,
        output: Some(output),
        ..Said::default()
    })
}
