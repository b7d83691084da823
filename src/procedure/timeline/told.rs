//! The lines of what transmission devices told in their own words.

use super::Said;
use crate::domain::ids::{BusId, CaseId};
use crate::domain::input::{Act, Operated, ToldPart};
use crate::domain::time::WallTime;
use crate::procedure::Campus;
use crate::procedure::events::Event;

/// Shown where a device gave no time.
const NO_TIME: &str = "–";

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other events speak elsewhere or not at all"
)]
pub(super) fn said<'a>(campus: &'a Campus, event: &'a Event) -> Option<Said<'a>> {
    Some(match event {
        Event::PartTold { bus, unit, part } => of_part(campus, (bus, *unit), part),
        Event::PanelOperated {
            bus,
            unit,
            operated,
        } => of_act((bus, *unit), operated),
        Event::TransmissionUnread {
            bus,
            unit,
            type_flag,
            bytes,
        } => Said {
            class: "fault",
            key: "transmission_unread",
            args: vec![
                ("unit", unit.to_string()),
                ("type", type_flag.to_string()),
                ("bytes", bytes.clone()),
            ],
            bus: Some(bus),
            ..Said::default()
        },
        _ => return None,
    })
}

fn of_part<'a>(campus: &'a Campus, (bus, unit): (&'a BusId, u8), part: &'a ToldPart) -> Said<'a> {
    let conditions = part.conditions;
    let (class, key) = match (conditions.fire, part.listed) {
        (true, true) => ("fire", "part_told_fire"),
        (true, false) => ("fire", "part_unlisted_fire"),
        (false, false) if conditions.fault => ("fault", "part_unlisted_fault"),
        (false, _) => ("fault", "part_unlisted"),
    };
    let kind = part
        .part_type
        .map_or("part_type.system".to_owned(), |code| {
            format!("part_type.{code}")
        });
    Said {
        class,
        key,
        args: vec![
            ("unit", unit.to_string()),
            ("address", part.address.clone()),
            ("part", kind),
            ("text", part.text.clone()),
            device_time(part.device_time),
        ],
        incident: incident_of(campus, part),
        point: Some(&part.point),
        bus: Some(bus),
        ..Said::default()
    }
}

/// The open incident in which the point stands.
fn incident_of<'a>(campus: &'a Campus, part: &ToldPart) -> Option<&'a CaseId> {
    let mut incidents = campus.incidents.values();
    let stands = incidents.find(|incident| {
        let mut signals = incident.signals.iter();
        signals.any(|signal| signal.point.as_ref() == Some(&part.point))
    });
    stands.map(|incident| &incident.id)
}

fn of_act<'a>((bus, unit): (&'a BusId, u8), operated: &Operated) -> Said<'a> {
    let class = match operated.act {
        Act::ManualAlarm => "fire",
        Act::Reset
        | Act::Silence
        | Act::AlarmCleared
        | Act::SelfTest
        | Act::Acknowledge
        | Act::DutyAnswer
        | Act::Test => "feedback",
    };
    let mut args = vec![
        ("unit", unit.to_string()),
        ("act", format!("act.{}", operated.act.word())),
        ("operator", operated.operator.to_string()),
        device_time(operated.device_time),
    ];
    let system = operated.system.map(|system| ("system", system.to_string()));
    let key = match system {
        Some(_) => "panel_operated",
        None => "device_operated",
    };
    args.extend(system);
    Said {
        class,
        key,
        args,
        bus: Some(bus),
        ..Said::default()
    }
}

/// In milliseconds; the view writes it as the site's civil time.
fn device_time(at: Option<WallTime>) -> (&'static str, String) {
    (
        "device_time",
        at.map_or(NO_TIME.to_owned(), |at| at.0.to_string()),
    )
}
