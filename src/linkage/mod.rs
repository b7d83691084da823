//! Cause and effect 联动: which outputs belong to an incident, and in what order people restore them. Pure.
//!
//! Linkage is a graph of stated dependencies, never a queue (DESIGN.md 4, rule 5): only an output that names `waits_for` waits.

use crate::domain::ids::{BuildingId, PointId, ZoneId};
use crate::domain::output::{Arming, Master, Output, OutputKind};
use crate::domain::site::Site;

/// Whether an output serves a zone: it is of the zone or one of its related zones, of the whole building, or of the whole campus.
#[must_use]
pub fn serves(site: &Site, output: &Output, building: &BuildingId, zone: &ZoneId) -> bool {
    let is_related = |of: &ZoneId| {
        let zone = site.zones.get(zone);
        zone.is_some_and(|zone| zone.related.contains(of))
    };
    match (&output.zone, &output.building) {
        (Some(of), _) => of == zone || is_related(of),
        (None, Some(of)) => of == building,
        (None, None) => true,
    }
}

/// The outputs of an incident in a zone.
pub fn outputs_of<'a>(
    site: &'a Site,
    building: &'a BuildingId,
    zone: &'a ZoneId,
) -> impl Iterator<Item = &'a Output> {
    site.outputs.values().filter(move |output| {
        // An exhaust fan would feed a fire: only a gas leak starts it.
        let of_fire = !output.kind.is_panel() && output.kind != OutputKind::ExhaustFan;
        of_fire && output.master == Master::Fengsui && serves(site, output, building, zone)
    })
}

/// The outputs that a gas detector's high limit starts (DESIGN.md 4, rule 6a): its own valve and exhaust fan, nothing else.
pub fn outputs_of_gas<'a>(
    site: &'a Site,
    detector: &'a PointId,
) -> impl Iterator<Item = &'a Output> {
    site.outputs.values().filter(move |output| {
        let is_own = output.gas_detectors.contains(detector);
        let is_of_gas = matches!(output.kind, OutputKind::GasClose | OutputKind::ExhaustFan);
        is_own && is_of_gas && output.master == Master::Fengsui
    })
}

/// Whether a rule may write this output (the mode is asked separately).
#[must_use]
pub fn is_automatic(output: &Output) -> bool {
    output.arming == Arming::Auto && output.master == Master::Fengsui
}

/// The place of an output's kind in the restore checklist (恢复正常秩序): after the handed-back scene (1) and the watch for
/// re-ignition (2) come the pumps; gas is last but for the people's return (9).
#[must_use]
pub fn restore_rank(kind: OutputKind) -> u8 {
    match kind {
        OutputKind::PumpStart => 3,
        OutputKind::Sounder
        | OutputKind::Broadcast
        | OutputKind::PanelSilence
        | OutputKind::PanelStopSounders
        | OutputKind::PanelReset
        | OutputKind::PanelAuto => 4,
        OutputKind::FeederTrip => 5,
        OutputKind::ElevatorRecall => 6,
        OutputKind::DoorRelease | OutputKind::EmergencyLighting | OutputKind::ExhaustFan => 7,
        OutputKind::GasClose => 8,
    }
}
