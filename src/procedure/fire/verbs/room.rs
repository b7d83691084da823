//! Verbs of the room as a whole: mute, mode. They touch no incident's procedure.

use serde::Deserialize;

use super::{Outcome, body, shift, unknown_verb};
use crate::domain::actor::Actor;
use crate::domain::input::Verb;
use crate::domain::output::{Arming, OutputKind};
use crate::domain::role::Power;
use crate::domain::site::Site;
use crate::domain::time::Now;
use crate::procedure::events::{Event, Mode};
use crate::procedure::fire::report;
use crate::procedure::{Campus, Refusal, RefusalKind, outputs};

/// Verbs of the room as a whole.
pub(super) fn room(
    campus: &Campus,
    site: &Site,
    now: Now,
    (actor, verb): (&Actor, &Verb),
) -> Outcome {
    match verb.name.as_str() {
        "mute" => Ok(mute(campus, site, now)),
        "mode" => mode(campus, verb),
        "sign_on_shift" => shift::sign_on(campus, actor, verb),
        "sign_off_shift" => shift::sign_off(campus, actor),
        "take_over" => shift::take_over(campus, verb),
        "report" => report::by_operator(campus, site, now, verb),
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
    /// The id of the erasable note that holds the reason.
    note: Option<String>,
}

/// 联动 to 自动 is protective; to 手动 it weakens and needs a supervisor with a reason.
fn mode(campus: &Campus, verb: &Verb) -> Outcome {
    let ModeBody { mode, reason, note } = body(verb)?;
    if mode == Mode::Manual {
        if !verb.role.may(Power::Weaken) {
            return Err(Refusal::new(RefusalKind::Role, "mode_manual_role"));
        }
        if note.is_none() && reason.is_none_or(|reason| reason.trim().is_empty()) {
            return Err(Refusal::new(RefusalKind::Body, "reason_missing"));
        }
    }
    let changed = campus.desk.mode != mode;
    Ok(changed
        .then_some(Event::ModeChanged { mode })
        .into_iter()
        .collect())
}
