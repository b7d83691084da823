//! The 119 card: a person spoke or could not. Software never calls.

use serde::Deserialize;

use super::{Outcome, body};
use crate::domain::input::Verb;
use crate::procedure::events::Event;
use crate::procedure::fire::{Call119, Incident};
use crate::procedure::{Refusal, RefusalKind};

#[derive(Deserialize)]
struct CallBody {
    connected: bool,
}

/// 119: a person spoke or could not.
pub(super) fn call_119(incident: &Incident, verb: &Verb) -> Outcome {
    let CallBody { connected } = body(verb)?;
    match &incident.call_119 {
        None => Err(Refusal::new(RefusalKind::Conflict, "no_119_task")),
        Some(Call119 {
            outcome: Some((true, by)),
            ..
        }) => Err(Refusal::settled("call_119_done", by, "connected")),
        Some(_) => Ok(vec![Event::Called119 {
            incident: incident.id.clone(),
            connected,
        }]),
    }
}
