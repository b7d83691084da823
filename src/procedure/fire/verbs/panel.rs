//! 停止警报 and 复位: the commands to the panels of an incident, and what must be true before them.

use super::command::is_holder;
use crate::domain::ids::BusId;
use crate::domain::input::Verb;
use crate::domain::output::{Arming, Output, OutputKind};
use crate::domain::point::PointKind;
use crate::domain::site::Site;
use crate::domain::time::Now;
use crate::procedure::events::Event;
use crate::procedure::fire::{Incident, Stage};
use crate::procedure::{Campus, Refusal, RefusalKind, outputs};

/// 停止警报 and 复位 need a verdict 误报, the all-clear, or the holder of command (DESIGN.md 4, rules 2 and 9).
pub(super) fn weakening(incident: &Incident, verb: &Verb) -> Result<(), Refusal> {
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
pub(super) fn not_held_by_another(
    campus: &Campus,
    site: &Site,
    incident: &Incident,
) -> Result<(), Refusal> {
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
pub(super) fn to_panels(
    campus: &Campus,
    site: &Site,
    now: Now,
    (incident, kind): (&Incident, OutputKind),
) -> Vec<Event> {
    let buses: Vec<_> = panels(site, incident).collect();
    let of_panel = |output: &&Output| {
        output.kind == kind && buses.contains(&&output.bus) && output.arming != Arming::Observe
    };
    let free = |output: &&Output| {
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

/// Whether a panel of the incident is reset by hand, because Fengsui may not or cannot, and whether one is reset by command.
#[must_use]
pub fn resets(site: &Site, incident: &Incident) -> (bool, bool) {
    let can = |bus: &BusId| {
        let mut outputs = site.outputs.values();
        outputs.any(|output| {
            let is_reset = output.kind == OutputKind::PanelReset && output.bus == *bus;
            is_reset && output.arming != Arming::Observe
        })
    };
    let mut of_panels = (false, false);
    for bus in panels(site, incident) {
        if can(bus) {
            of_panels.1 = true;
        } else {
            of_panels.0 = true;
        }
    }
    of_panels
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
