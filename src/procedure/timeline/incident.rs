//! What events of one incident say, but for its orders and commands.

use super::Said;
use crate::domain::order::CallOutcome;
use crate::procedure::events::{Event, SignalRef};
use crate::procedure::gas::{Level, Task};

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other events speak elsewhere or not at all"
)]
#[expect(clippy::too_many_lines, reason = "a table: one row per event")]
pub(super) fn of_incident(event: &Event) -> Option<Said<'_>> {
    let said = |class, key, incident| Said {
        class,
        key,
        incident: Some(incident),
        ..Said::default()
    };
    Some(match event {
        Event::IncidentOpened {
            incident,
            signal: SignalRef { point: None, .. },
            ..
        } => said("fire", "opened_by_person", incident),
        Event::SignalJoined {
            incident,
            signal: SignalRef { point: None, .. },
        } => said("fire", "joined_by_person", incident),
        Event::IncidentReported { incident, how, .. } => Said {
            args: vec![("how", format!("how.{}", how.word()))],
            ..said("person", "reported", incident)
        },
        Event::IncidentOpened {
            incident, signal, ..
        } => Said {
            point: signal.point.as_ref(),
            ..said("fire", "first_alarm", incident)
        },
        Event::GasDetected {
            incident,
            signal,
            level,
            ..
        } => Said {
            point: signal.point.as_ref(),
            ..said(
                "gas",
                match level {
                    Level::Low => "gas_low",
                    Level::High => "gas_detected",
                },
                incident,
            )
        },
        Event::GasHigh {
            incident,
            point,
            counts,
            ..
        } => Said {
            point: Some(point),
            ..said(
                "gas",
                if *counts {
                    "gas_high"
                } else {
                    "gas_high_unsure"
                },
                incident,
            )
        },
        Event::GasTask { incident, task } => said(
            "person",
            match task {
                Task::Evacuated => "gas_evacuated",
                Task::GasCompany => "gas_company",
                Task::Cordon => "gas_cordon",
                Task::PowerOutside => "gas_power_outside",
            },
            incident,
        ),
        Event::GasReported {
            incident,
            leak: true,
            ..
        } => said("gas", "gas_reported", incident),
        Event::GasReported {
            incident,
            leak: false,
            cause,
        } => Said {
            args: cause
                .map(|cause| ("cause", cause.word().to_owned()))
                .into_iter()
                .collect(),
            ..said("person", "gas_reported_none", incident)
        },
        Event::GasGone { incident, .. } => said("feedback", "gas_gone", incident),
        Event::GasReturned { incident } => said("gas", "gas_returned", incident),
        Event::SignalJoined { incident, signal } => Said {
            point: signal.point.as_ref(),
            ..said("fire", "signal_joined", incident)
        },
        Event::SignalRestored { incident, point } => Said {
            point: Some(point),
            ..said("feedback", "signal_restored", incident)
        },
        Event::SignalReturned { incident, point } => Said {
            point: Some(point),
            ..said("fire", "signal_returned", incident)
        },
        Event::Taken { incident } => said("person", "taken", incident),
        Event::TakeMissed { incident } => said("fault", "take_missed", incident),
        Event::Suspected { incident, why } => Said {
            args: vec![("why", why.clone())],
            ..said("fire", "suspected", incident)
        },
        Event::Unverified { incident, why } => Said {
            args: vec![("why", why.clone())],
            ..said("fault", "unverified", incident)
        },
        Event::JudgedFalse { incident, cause } => Said {
            args: vec![("cause", cause.word().to_owned())],
            ..said("person", "judged_false", incident)
        },
        Event::JudgedReal { incident, .. } => said("fire", "judged_real", incident),
        Event::CorrectedFalse {
            incident, cause, ..
        } => Said {
            args: vec![("cause", cause.word().to_owned())],
            ..said("person", "corrected_false", incident)
        },
        Event::RestoreListed { incident, restore } => Said {
            args: vec![("count", restore.len().to_string())],
            ..said("system", "restore_listed", incident)
        },
        Event::Reopened { incident } => said("fire", "reopened", incident),
        Event::Called119 {
            incident,
            connected: true,
        } => said("person", "call_119_connected", incident),
        Event::Called119 {
            incident,
            connected: false,
        } => said("fault", "call_119_failed", incident),
        Event::Call119Said {
            incident,
            outcome,
            used,
            ..
        } => Said {
            args: used
                .iter()
                .map(|used| ("used", format!("call.used_{used}")))
                .collect(),
            ..said(
                if *outcome == CallOutcome::Failed {
                    "fault"
                } else {
                    "person"
                },
                match outcome {
                    CallOutcome::Connected => "call_119_connected",
                    CallOutcome::Failed => "call_119_failed",
                    CallOutcome::NotCalled => "call_119_not_called",
                    CallOutcome::FollowUp => "call_119_follow_up",
                    CallOutcome::CalledOff => "call_119_called_off",
                },
                incident,
            )
        },
        Event::Call119Late { incident } => said("fault", "call_119_late", incident),
        Event::CommandTaken {
            incident,
            holder,
            acting,
            ..
        } => Said {
            recipient: Some(holder),
            ..said(
                "person",
                if *acting {
                    "command_acting"
                } else {
                    "command_taken"
                },
                incident,
            )
        },
        Event::CommandOffered { incident, to, .. } => Said {
            recipient: Some(to),
            ..said("person", "command_offered", incident)
        },
        Event::CommandOfferLapsed { incident, to } => Said {
            recipient: Some(to),
            ..said("fault", "command_offer_lapsed", incident)
        },
        Event::BrigadeCommands { incident, .. } => said("person", "brigade_commands", incident),
        Event::HandedBack { incident } => said("person", "handed_back", incident),
        Event::FireOut { incident } => said("person", "fire_out", incident),
        Event::HeadCounted {
            incident,
            present,
            missing,
        } => Said {
            args: vec![
                ("present", present.to_string()),
                ("missing", missing.to_string()),
            ],
            ..said(
                if *missing > 0 { "fault" } else { "person" },
                "head_counted",
                incident,
            )
        },
        Event::CasualtiesCounted {
            incident,
            count,
            accounted,
        } => Said {
            args: vec![
                ("count", count.to_string()),
                ("accounted", accounted.to_string()),
            ],
            ..said("person", "casualties_counted", incident)
        },
        Event::WatchNamed {
            incident, person, ..
        } => Said {
            recipient: person.as_ref(),
            ..said(
                "person",
                if person.is_some() {
                    "watch_named"
                } else {
                    "watch_named_note"
                },
                incident,
            )
        },
        Event::FalseProposed {
            incident, cause, ..
        } => Said {
            args: vec![("cause", cause.word().to_owned())],
            ..said("person", "false_proposed", incident)
        },
        Event::AllClearOver {
            incident, unmet, ..
        } => Said {
            args: vec![("count", unmet.len().to_string())],
            ..said("fault", "all_clear_over", incident)
        },
        Event::GroupUnfilled {
            incident,
            group,
            why,
        } => Said {
            args: vec![("group", format!("group.{}.name", group.word()))],
            ..said(
                "fault",
                if why == "vacant" {
                    "group_vacant"
                } else {
                    "group_unreachable"
                },
                incident,
            )
        },
        Event::PlanMade { incident, outputs } => Said {
            args: vec![("count", outputs.len().to_string())],
            ..said("command", "plan_made", incident)
        },
        Event::PanelResetSeen { incident } => said("fault", "panel_reset_seen", incident),
        Event::AllClear { incident, .. } => said("person", "all_clear", incident),
        Event::Restored { incident, item, .. } => Said {
            args: vec![("item", item.clone())],
            ..said("person", "restored", incident)
        },
        Event::IncidentClosed { incident } => said("system", "closed", incident),
        _ => return None,
    })
}
