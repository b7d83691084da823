//! The life of a command (DESIGN.md 4, rule 8).
//!
//! ```text
//! Asked ──permit──► Sending ──written──► Sent ──feedback──► Done
//!   │expiry            │restart/no echo    │window
//!   ▼                  ▼                   ▼
//! Expired           Unknown ──feedback──► NoFeedback ──late feedback──► Done
//! ```
//! `Sending` is committed before the first byte leaves. A pulse is never written twice; an unknown level output is looked at by
//! its feedback first.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::events::{Event, Planned};
use super::fire::Stage;
use super::{By, Campus, Cell, Decided, Owed, Stamp, maintenance, points};
use crate::domain::ids::{CaseId, CommandId, OutputId};
use crate::domain::output::{CommandState, Output, WriteOutcome};
use crate::domain::point::Quality;
use crate::domain::site::Site;
use crate::domain::time::{EngineTime, Now, WallTime};
use crate::linkage;

/// The latest command of an output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputState {
    /// The command.
    pub command: CommandId,
    /// How many commands this output ever had; the next id is made from it.
    pub count: u64,
    /// For which incident.
    pub incident: Option<CaseId>,
    /// How far it is.
    pub state: CommandState,
    /// Who asked, and when.
    pub asked: By,
    /// After this nothing is written.
    pub expires: EngineTime,
    /// The window of the feedback.
    pub feedback_within: Option<Duration>,
    /// When the write was complete.
    pub sent_at: Option<WallTime>,
    /// When the feedback must be there.
    pub feedback_by: Option<EngineTime>,
    /// When the feedback came.
    pub done_at: Option<WallTime>,
    /// How often it was written once more after an unknown outcome.
    pub repeats: u8,
    /// The Modbus exception of a refusal.
    pub exception: Option<u8>,
}

impl OutputState {
    /// Whether the engine still expects something of this command.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(
            self.state,
            CommandState::Asked | CommandState::Sending | CommandState::Sent
        )
    }
}

/// The id of the next command of an output.
#[must_use]
pub fn next_command(campus: &Campus, output: &OutputId) -> CommandId {
    let before = campus.outputs.get(output);
    let count = before.map_or(0, |state| state.count) + 1;
    CommandId::from(format!("{output}#{count}"))
}

/// The event that asks for an output; the id makes a repeat recognisable.
#[must_use]
pub fn ask(
    campus: &Campus,
    site: &Site,
    now: Now,
    output: &Output,
    incident: Option<&CaseId>,
) -> Event {
    ask_until(
        campus,
        output,
        incident,
        now.engine + site.limits.command_expiry,
    )
}

/// As [`ask`], with a moment of its own after which nothing is written.
#[must_use]
pub fn ask_until(
    campus: &Campus,
    output: &Output,
    incident: Option<&CaseId>,
    expires: EngineTime,
) -> Event {
    Event::CommandAsked {
        command: next_command(campus, &output.id),
        output: output.id.clone(),
        incident: incident.cloned(),
        expires,
        feedback_within: output.feedback.as_ref().map(|feedback| feedback.window),
        repeat: campus.outputs.get(&output.id).is_some_and(|state| {
            state.state == CommandState::Unknown && state.incident.as_ref() == incident
        }),
    }
}

/// An output as it stands in a plan: decided once and kept.
#[must_use]
pub fn planned(output: &Output) -> Planned {
    Planned {
        output: output.id.clone(),
        waits_for: output.waits_for.clone(),
        automatic: linkage::is_automatic(output) && !output.deferred,
        deferred: output.deferred,
        by_hand: output.by_hand.clone(),
    }
}

/// Another open incident has this output in hand, from the command to the order by hand: it is written once and shown in both
/// plans. One that was judged false or is being restored is over for this.
#[must_use]
pub fn is_in_hand(campus: &Campus, id: &OutputId, of: &CaseId) -> bool {
    let Some(state) = campus.outputs.get(id) else {
        return false;
    };
    let other = state.incident.as_ref().filter(|other| *other != of);
    let other = other.and_then(|other| campus.incidents.get(other));
    state.is_live()
        || other.is_some_and(|other| {
            let is_over = matches!(
                other.stage,
                Stage::FalseAlarm | Stage::Restoring | Stage::Closed
            );
            other.asked.contains(id) && !is_over
        })
}

/// A bus asks whether it may write.
#[must_use]
pub fn permit(campus: &Campus, now: Now, command: &CommandId) -> Decided {
    let found = campus
        .outputs
        .iter()
        .find(|(_, state)| state.command == *command);
    match found {
        Some((output, state))
            if state.state == CommandState::Asked && now.engine < state.expires =>
        {
            let event = Event::CommandPermitted {
                command: command.clone(),
                output: output.clone(),
            };
            Decided {
                events: vec![event],
                refusal: None,
                granted: Some(true),
            }
        }
        Some(_) | None => Decided {
            granted: Some(false),
            ..Decided::default()
        },
    }
}

/// A bus tells what became of a write.
#[must_use]
pub fn written(
    campus: &Campus,
    site: &Site,
    now: Now,
    command: &CommandId,
    outcome: WriteOutcome,
) -> Vec<Event> {
    let found = campus
        .outputs
        .iter()
        .find(|(_, state)| state.command == *command);
    let Some((output, state)) = found else {
        return Vec::new();
    };
    if state.state != CommandState::Sending {
        return Vec::new();
    }
    let mut events = vec![Event::CommandWritten {
        command: command.clone(),
        output: output.clone(),
        outcome,
        feedback_by: state.feedback_within.map(|window| now.engine + window),
    }];
    if outcome == WriteOutcome::NotSent && maintenance::is_over(campus, output, command) {
        events.push(Event::CommandExpired {
            command: command.clone(),
            output: output.clone(),
        });
    }
    let needs_no_feedback = site
        .outputs
        .get(output)
        .is_some_and(|o| o.feedback.is_none());
    if outcome == WriteOutcome::Written && needs_no_feedback {
        events.push(Event::CommandDone {
            command: command.clone(),
            output: output.clone(),
        });
    }
    events
}

/// Whether the field shows an output where it was commanded to.
#[must_use]
pub fn is_in_place(campus: &Campus, site: &Site, output: &Output) -> bool {
    output.feedback.as_ref().is_some_and(|feedback| {
        points::quality(campus, site, &feedback.point) == Quality::Good
            && campus
                .points
                .get(&feedback.point)
                .is_some_and(|point| point.conditions.active == feedback.active)
    })
}

/// Feedback that has come, also late, also after an unknown outcome.
#[must_use]
pub fn follow(campus: &Campus, site: &Site, touched: &BTreeSet<Cell>) -> Vec<Event> {
    let mut events = Vec::new();
    for (id, state) in &campus.outputs {
        let waits = matches!(
            state.state,
            CommandState::Sent | CommandState::NoFeedback | CommandState::Unknown
        );
        let Some(output) = site.outputs.get(id).filter(|_| waits) else {
            continue;
        };
        let concerned = touched.contains(&Cell::Output(id.clone()))
            || output
                .feedback
                .as_ref()
                .is_some_and(|f| touched.contains(&Cell::Point(f.point.clone())))
            || touched.contains(&Cell::Link(output.bus.clone()));
        if concerned && is_in_place(campus, site, output) {
            let command = state.command.clone();
            events.push(Event::CommandDone {
                command,
                output: id.clone(),
            });
        }
    }
    events
}

/// Limits of a command.
#[must_use]
pub fn passed(campus: &Campus, now: Now, id: &OutputId) -> Vec<Event> {
    let Some(state) = campus.outputs.get(id) else {
        return Vec::new();
    };
    if next_due(state).is_none_or(|due| now.engine < due) {
        return Vec::new();
    }
    let (command, output) = (state.command.clone(), id.clone());
    match state.state {
        CommandState::Asked => vec![Event::CommandExpired { command, output }],
        CommandState::Sent | CommandState::Unknown => {
            vec![Event::CommandNoFeedback { command, output }]
        }
        CommandState::Sending
        | CommandState::Done
        | CommandState::NoFeedback
        | CommandState::Refused
        | CommandState::Expired => Vec::new(),
    }
}

/// The next limit of a command.
#[must_use]
pub fn next_due(state: &OutputState) -> Option<EngineTime> {
    match state.state {
        CommandState::Asked => Some(state.expires),
        CommandState::Sent | CommandState::Unknown => state.feedback_by,
        CommandState::Sending
        | CommandState::Done
        | CommandState::NoFeedback
        | CommandState::Refused
        | CommandState::Expired => None,
    }
}

/// A command that waits for its bus.
#[must_use]
pub fn owed(state: &OutputState) -> Option<Owed> {
    (state.state == CommandState::Asked).then(|| Owed::Write {
        command: state.command.clone(),
        output: OutputId::from(output_of(&state.command)),
        expires: state.expires,
    })
}

/// The output in a command's id (`{output}#{count}`).
fn output_of(command: &CommandId) -> &str {
    command
        .as_str()
        .rsplit_once('#')
        .map_or(command.as_str(), |(output, _)| output)
}

/// Commands whose permit was committed before a restart: nobody knows whether they were written.
#[must_use]
pub fn after_restart(campus: &Campus, now: Now) -> Vec<Event> {
    campus
        .outputs
        .iter()
        .filter(|(_, state)| state.state == CommandState::Sending)
        .map(|(output, state)| Event::CommandUnknown {
            command: state.command.clone(),
            output: output.clone(),
            feedback_by: state.feedback_within.map(|window| now.engine + window),
        })
        .collect()
}

/// Changes commands.
pub fn apply(campus: &mut Campus, stamp: &Stamp, event: &Event, touched: &mut BTreeSet<Cell>) {
    if let Event::CommandAsked {
        command,
        output,
        incident,
        expires,
        feedback_within,
        repeat,
    } = event
    {
        let count = campus.outputs.get(output).map_or(0, |state| state.count) + 1;
        let state = OutputState {
            command: command.clone(),
            count,
            incident: incident.clone(),
            state: CommandState::Asked,
            asked: stamp.by(),
            expires: *expires,
            feedback_within: *feedback_within,
            sent_at: None,
            feedback_by: None,
            done_at: None,
            repeats: u8::from(*repeat),
            exception: None,
        };
        campus.outputs.insert(output.clone(), state);
        touched.insert(Cell::Output(output.clone()));
        return;
    }
    let Some((command, output, next)) = step(event) else {
        return;
    };
    let Some(state) = campus
        .outputs
        .get_mut(output)
        .filter(|s| s.command == *command)
    else {
        return;
    };
    state.state = next;
    if let Event::CommandWritten {
        outcome,
        feedback_by,
        ..
    } = event
    {
        state.feedback_by = *feedback_by;
        if *outcome == WriteOutcome::Written {
            state.sent_at = Some(stamp.now.wall);
        }
        if let WriteOutcome::Refused { exception } = outcome {
            state.exception = Some(*exception);
        }
    }
    if let Event::CommandUnknown { feedback_by, .. } = event {
        state.feedback_by = *feedback_by;
    }
    if next == CommandState::Done {
        state.done_at = Some(stamp.now.wall);
    }
    touched.insert(Cell::Output(output.clone()));
}

/// The state that an event leads to.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only the events of a command are its business"
)]
fn step(event: &Event) -> Option<(&CommandId, &OutputId, CommandState)> {
    match event {
        Event::CommandPermitted { command, output } => {
            Some((command, output, CommandState::Sending))
        }
        Event::CommandWritten {
            command,
            output,
            outcome,
            ..
        } => {
            let next = match outcome {
                WriteOutcome::Written => CommandState::Sent,
                WriteOutcome::Refused { .. } => CommandState::Refused,
                WriteOutcome::Unknown => CommandState::Unknown,
                // Nothing left this machine: it is asked again until it expires.
                WriteOutcome::NotSent => CommandState::Asked,
            };
            Some((command, output, next))
        }
        Event::CommandDone { command, output } => Some((command, output, CommandState::Done)),
        Event::CommandNoFeedback { command, output } => {
            Some((command, output, CommandState::NoFeedback))
        }
        Event::CommandExpired { command, output } => Some((command, output, CommandState::Expired)),
        Event::CommandUnknown {
            command, output, ..
        } => Some((command, output, CommandState::Unknown)),
        _ => None,
    }
}
