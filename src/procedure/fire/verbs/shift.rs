//! The shift of the room: who sits at the first and the second position 值班员, and which station has authority. No protective verb
//! asks for any of it.

use serde::Deserialize;

use super::{Outcome, body};
use crate::domain::actor::Actor;
use crate::domain::input::Verb;
use crate::procedure::desk::Position;
use crate::procedure::events::Event;
use crate::procedure::{Campus, Refusal, RefusalKind};

/// Longest name of a station.
const STATION_MAX: usize = 64;

#[derive(Deserialize)]
struct OnBody {
    position: Position,
}

/// Sits down at a position. Whoever sat there before and did not sign off is relieved by it.
pub(super) fn sign_on(campus: &Campus, actor: &Actor, verb: &Verb) -> Outcome {
    let OnBody { position } = body(verb)?;
    let shift = &campus.desk.shift;
    if shift.at(position).is_some_and(|by| by.by == *actor) {
        return Ok(Vec::new());
    }
    if let Some(by) = shift.at(position.other()).filter(|by| by.by == *actor) {
        return Err(Refusal::settled("shift_two_positions", by, "on_shift"));
    }
    Ok(vec![Event::ShiftSignedOn { position }])
}

/// Leaves the position.
pub(super) fn sign_off(campus: &Campus, actor: &Actor) -> Outcome {
    let shift = &campus.desk.shift;
    let held = [Position::First, Position::Second]
        .into_iter()
        .find(|position| shift.at(*position).is_some_and(|by| by.by == *actor));
    match held {
        Some(position) => Ok(vec![Event::ShiftSignedOff { position }]),
        None => Err(Refusal::new(RefusalKind::Conflict, "not_on_shift")),
    }
}

#[derive(Deserialize)]
struct OverBody {
    station: String,
}

/// 接管: authority goes to another station or to a supervisor's phone, and with it every alarm that nobody has taken.
pub(super) fn take_over(campus: &Campus, verb: &Verb) -> Outcome {
    let OverBody { station } = body(verb)?;
    if station.trim().is_empty() || station.chars().count() > STATION_MAX {
        return Err(Refusal::new(RefusalKind::Body, "body_take_over"));
    }
    let untaken = campus
        .incidents
        .values()
        .filter(|incident| incident.taken.is_none())
        .filter(|incident| incident.stage != crate::procedure::fire::Stage::Closed);
    let mut events = vec![Event::TakenOver { station }];
    events.extend(untaken.map(|incident| Event::Taken {
        incident: incident.id.clone(),
    }));
    Ok(events)
}
