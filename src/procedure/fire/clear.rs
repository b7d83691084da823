//! What should be true before 解除警情 (process.md 98). The list is shown with what is met; the holder may go over it with a reason.

use super::super::Campus;
use super::{Call119, Incident, Stage};
use crate::domain::ids::CaseId;

/// One precondition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Precondition {
    /// Its word (`clear.{id}` of the catalogue).
    pub id: &'static str,
    /// Whether it is met now.
    pub met: bool,
}

/// Every precondition of the all-clear, in the order in which it is shown.
#[must_use]
pub fn preconditions(campus: &Campus, incident: &Incident) -> Vec<Precondition> {
    let of = |id, met| Precondition { id, met };
    vec![
        of(
            "call_119",
            incident.call_119.as_ref().is_some_and(Call119::is_settled),
        ),
        of("scene", is_ours(incident)),
        of("extinguished", incident.is_out()),
        of("head_count", incident.is_counted()),
        of("injured", incident.are_injured_accounted()),
        of("others", others(campus, incident).is_empty()),
        of("watch", incident.scene.watch.is_some()),
    ]
}

/// The scene is ours: handed back, or the brigade was not called or was called off and never took over.
fn is_ours(incident: &Incident) -> bool {
    let called = incident.call_119.as_ref().is_some_and(Call119::is_coming);
    let handover = &incident.handover;
    handover.handed_back.is_some() || (handover.brigade.is_none() && !called)
}

/// Other incidents on the same resources: in the same building, or with an open order to the same people.
fn others(campus: &Campus, incident: &Incident) -> Vec<CaseId> {
    // A confirmed fire of the same building ends with this very all-clear; one that nobody has verified does not silently.
    let with_this = |other: &Incident| {
        let fire = other.leak.is_none() && incident.leak.is_none();
        fire && other.stage == Stage::Fighting && other.building == incident.building
    };
    let running = |other: &&Incident| {
        (other.is_undecided() || other.stage == Stage::Fighting) && !with_this(other)
    };
    let busy: Vec<_> = incident
        .orders
        .values()
        .filter(|order| order.state.is_open())
        .map(|order| &order.given.recipient)
        .collect();
    let shares = |other: &&Incident| {
        let mut orders = other.orders.values();
        other.building == incident.building
            || orders.any(|order| order.state.is_open() && busy.contains(&&order.given.recipient))
    };
    campus
        .incidents
        .values()
        .filter(|other| other.id != incident.id)
        .filter(running)
        .filter(shares)
        .map(|other| other.id.clone())
        .collect()
}
