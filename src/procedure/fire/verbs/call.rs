//! The 119 card (process.md 86): a person spoke or could not. Software never calls. Each call is a line of the same card.

use serde::Deserialize;

use super::{Outcome, body, has_reason};
use crate::domain::input::Verb;
use crate::domain::order::CallOutcome;
use crate::procedure::events::Event;
use crate::procedure::fire::{Incident, spread};
use crate::procedure::{Campus, Refusal, RefusalKind};

#[derive(Deserialize)]
struct CallBody {
    connected: Option<bool>,
    outcome: Option<CallOutcome>,
    used: Option<Line>,
    note: Option<String>,
}

/// The line that was used.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Fixed,
    Mobile,
    Radio,
    Direct,
}

impl Line {
    fn word(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Mobile => "mobile",
            Self::Radio => "radio",
            Self::Direct => "direct",
        }
    }
}

/// 119: connected, failed, not called because …, called off, or said more 续报.
pub(super) fn call_119(campus: &Campus, incident: &Incident, verb: &Verb) -> Outcome {
    let said: CallBody = body(verb)?;
    let outcome = match (said.outcome, said.connected) {
        (Some(outcome), _) => outcome,
        (None, Some(true)) => CallOutcome::Connected,
        (None, Some(false)) => CallOutcome::Failed,
        (None, None) => return Err(Refusal::new(RefusalKind::Body, "body_call_119")),
    };
    let Some(card) = &incident.call_119 else {
        return Err(Refusal::new(RefusalKind::Conflict, "no_119_task"));
    };
    let connected = card.outcome.as_ref().filter(|(connected, _)| *connected);
    // One building is one 119 entry: a call tells of every linked incident, and a later one is a 续报 of the same entry.
    let untold = spread::untold(campus, incident).into_iter();
    let untold: Vec<_> = untold.map(|other| other.id.clone()).collect();
    let told_before = outcome == CallOutcome::Connected && connected.is_some();
    let outcome = if told_before && (card.more || !untold.is_empty()) {
        CallOutcome::FollowUp
    } else {
        outcome
    };
    match (outcome, connected) {
        (CallOutcome::Connected | CallOutcome::Failed | CallOutcome::NotCalled, Some((_, by))) => {
            return Err(Refusal::settled("call_119_done", by, "connected"));
        }
        (CallOutcome::FollowUp | CallOutcome::CalledOff, None) => {
            return Err(Refusal::new(RefusalKind::Conflict, "call_119_first"));
        }
        // Not to call, or to call off, is a decision of somebody who says why.
        (CallOutcome::NotCalled | CallOutcome::CalledOff, _) if !has_reason(verb) => {
            return Err(Refusal::new(RefusalKind::Body, "reason_missing"));
        }
        (CallOutcome::FollowUp, Some(_))
            if untold.is_empty() && !card.more && !has_reason(verb) =>
        {
            return Err(Refusal::new(RefusalKind::Body, "text_missing"));
        }
        (_, Some(_) | None) => {}
    }
    let told = matches!(outcome, CallOutcome::Connected | CallOutcome::FollowUp);
    Ok(vec![Event::Call119Said {
        incident: incident.id.clone(),
        outcome,
        used: said.used.map(|line| line.word().to_owned()),
        note: said.note,
        about: if told { untold } else { Vec::new() },
    }])
}
