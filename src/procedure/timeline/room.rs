//! What events of the room as a whole say: lines, presence, shift, sound, the record itself.

use super::Said;
use crate::domain::input::Durable;
use crate::domain::order::Via;
use crate::procedure::desk::Position;
use crate::procedure::events::{Event, Mode};
use crate::procedure::maintenance::End;

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other events speak elsewhere or not at all"
)]
#[expect(clippy::too_many_lines, reason = "a table: one row per event")]
pub(super) fn of_room(event: &Event) -> Option<Said<'_>> {
    let said = match event {
        Event::Started { .. } => Said {
            class: "system",
            key: "started",
            ..Said::default()
        },
        Event::Configured { .. } => Said {
            class: "system",
            key: "configured",
            ..Said::default()
        },
        Event::DurabilityChanged { to } => Said {
            class: "fault",
            key: match to {
                Durable::Journal => "record_in_journal",
                Durable::Spool => "record_in_spool",
                Durable::Memory => "record_in_memory",
            },
            ..Said::default()
        },
        Event::ClockStepped { by_ms } => Said {
            class: "fault",
            key: "clock_stepped",
            args: vec![("seconds", (by_ms / 1_000).to_string())],
            ..Said::default()
        },
        Event::PointChanged {
            point, conditions, ..
        } if conditions.fault => Said {
            class: "fault",
            key: "point_fault",
            point: Some(point),
            ..Said::default()
        },
        Event::PointChanged {
            point,
            conditions,
            edge: true,
            ..
        } if conditions.disabled => Said {
            class: "disabled",
            key: "point_disabled_alarm",
            point: Some(point),
            ..Said::default()
        },
        Event::PointChanged {
            point, conditions, ..
        } if conditions.disabled => Said {
            class: "disabled",
            key: "point_disabled",
            point: Some(point),
            ..Said::default()
        },
        Event::LinkChanged { bus, up, .. } => Said {
            class: if *up { "system" } else { "fault" },
            key: if *up { "link_up" } else { "link_down" },
            bus: Some(bus),
            ..Said::default()
        },
        Event::UnitChanged { bus, unit, up, .. } => Said {
            class: if *up { "system" } else { "fault" },
            key: if *up { "unit_up" } else { "unit_down" },
            args: vec![("unit", unit.to_string())],
            bus: Some(bus),
            ..Said::default()
        },
        Event::PresenceChanged {
            recipient,
            online,
            via,
        } => Said {
            class: if *online { "system" } else { "fault" },
            key: match (via, online) {
                (Via::Mqtt, true) => "device_online",
                (Via::Mqtt, false) => "device_offline",
                (Via::Http, true) => "page_online",
                (Via::Http, false) => "page_offline",
            },
            recipient: Some(recipient),
            ..Said::default()
        },
        Event::BrokerChanged { up } => Said {
            class: if *up { "system" } else { "fault" },
            key: if *up { "broker_up" } else { "broker_down" },
            ..Said::default()
        },
        Event::SignedOn { .. } => Said {
            class: "person",
            key: "signed_on",
            ..Said::default()
        },
        Event::SignedOff { .. } => Said {
            class: "person",
            key: "signed_off",
            ..Said::default()
        },
        Event::ShiftSignedOn { position } => Said {
            class: "person",
            key: match position {
                Position::First => "shift_first_on",
                Position::Second => "shift_second_on",
            },
            ..Said::default()
        },
        Event::ShiftSignedOff { position } => Said {
            class: "person",
            key: match position {
                Position::First => "shift_first_off",
                Position::Second => "shift_second_off",
            },
            ..Said::default()
        },
        Event::TakenOver { station } => Said {
            class: "fault",
            key: "taken_over",
            args: vec![("station", station.clone())],
            ..Said::default()
        },
        Event::ModeChanged { mode } => Said {
            class: "person",
            key: match mode {
                Mode::Auto => "mode_auto",
                Mode::Manual => "mode_manual",
            },
            ..Said::default()
        },
        Event::MaintenanceBegun { output, person, .. } => Said {
            class: "disabled",
            key: "maintenance_begun",
            output: Some(output),
            recipient: Some(person),
            ..Said::default()
        },
        Event::MaintenanceEnded { output, why } => Said {
            class: "person",
            key: match why {
                End::Time => "maintenance_expired",
                End::Person => "maintenance_ended",
                End::Incident(_) => "maintenance_overtaken",
            },
            incident: match why {
                End::Incident(incident) => Some(incident),
                End::Time | End::Person => None,
            },
            output: Some(output),
            ..Said::default()
        },
        Event::Muted { .. } => Said {
            class: "person",
            key: "muted",
            ..Said::default()
        },
        Event::SoundReturned { why } => Said {
            class: "system",
            key: "sound_returned",
            args: vec![("why", why.clone())],
            ..Said::default()
        },
        Event::Refused { verb, refusal, .. } => Said {
            class: "person",
            key: "refused",
            args: vec![("verb", verb.clone()), ("code", refusal.code.clone())],
            ..Said::default()
        },
        _ => return None,
    };
    Some(said)
}
