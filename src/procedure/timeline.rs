//! The lines that people read of what happened: one per event that matters to them, in the incident and for the campus.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::desk::Position;
use super::events::{Event, Mode, SignalRef};
use super::gas::{Level, Task};
use super::{Campus, Cell, Stamp};
use crate::domain::actor::Actor;
use crate::domain::ids::{BusId, CaseId, OutputId, PointId, RecipientId};
use crate::domain::input::Durable;
use crate::domain::order::{CallOutcome, Via};
use crate::domain::time::WallTime;

/// Most lines that an incident keeps at hand; the journal has all.
pub const INCIDENT_LINES_MAX: usize = 500;
/// Most lines of the campus.
pub const RECENT_LINES_MAX: usize = 30;

/// Lines, oldest first, with the number of those that were dropped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// The lines.
    pub lines: VecDeque<TimelineLine>,
    /// How many older ones are only in the journal.
    pub dropped: u64,
}

impl Lines {
    fn push(&mut self, line: TimelineLine, max: usize) {
        if self.lines.len() >= max {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
    }
}

/// One line. It holds ids; names are put in when it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelineLine {
    /// The entry.
    pub seq: u64,
    /// When.
    pub at: WallTime,
    /// fire, fault, order, command, feedback, person, system.
    pub class: String,
    /// `line.{key}` of the catalogue.
    pub key: String,
    /// Further arguments.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// Who.
    pub by: Actor,
    /// The incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<CaseId>,
    /// The point it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<PointId>,
    /// The output it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputId>,
    /// The recipient it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<RecipientId>,
    /// The line of the field it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bus: Option<BusId>,
}

/// What an event says, before it is stamped.
#[derive(Debug, Default)]
struct Said<'a> {
    class: &'static str,
    key: &'static str,
    args: Vec<(&'static str, String)>,
    incident: Option<&'a CaseId>,
    point: Option<&'a PointId>,
    output: Option<&'a OutputId>,
    recipient: Option<&'a RecipientId>,
    bus: Option<&'a BusId>,
}

/// Adds the line of an event to its incident and to the campus.
pub fn apply(campus: &mut Campus, stamp: &Stamp, event: &Event, touched: &mut BTreeSet<Cell>) {
    let said = of_room(event)
        .or_else(|| of_incident(event))
        .or_else(|| of_order(campus, event))
        .or_else(|| of_command(campus, event));
    let Some(said) = said else { return };
    let line = TimelineLine {
        seq: stamp.seq,
        at: stamp.now.wall,
        class: said.class.to_owned(),
        key: said.key.to_owned(),
        args: said
            .args
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        by: spoken_by(&stamp.actor, said.class),
        incident: said.incident.cloned(),
        point: said.point.cloned(),
        output: said.output.cloned(),
        recipient: said.recipient.cloned(),
        bus: said.bus.cloned(),
    };
    if let Some(id) = &line.incident
        && let Some(incident) = campus.incidents.get_mut(id)
    {
        incident.timeline.push(line.clone(), INCIDENT_LINES_MAX);
        touched.insert(Cell::Incident(id.clone()));
    }
    campus.recent.push(line, RECENT_LINES_MAX);
    touched.insert(Cell::Recent);
}

/// Who a line is by. What follows from a signal is done by the system, not by the device that sent the signal.
fn spoken_by(actor: &Actor, class: &str) -> Actor {
    match actor {
        Actor::Field if matches!(class, "order" | "command" | "person" | "system") => Actor::System,
        Actor::Field | Actor::System | Actor::Account(_) | Actor::Recipient(_) => actor.clone(),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other events speak elsewhere or not at all"
)]
#[expect(clippy::too_many_lines, reason = "a table: one row per event")]
fn of_room(event: &Event) -> Option<Said<'_>> {
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

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other events speak elsewhere or not at all"
)]
#[expect(clippy::too_many_lines, reason = "a table: one row per event")]
fn of_incident(event: &Event) -> Option<Said<'_>> {
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

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other events speak elsewhere or not at all"
)]
fn of_order<'a>(campus: &'a Campus, event: &'a Event) -> Option<Said<'a>> {
    let (incident, order, key, class) = match event {
        Event::OrderIssued { incident, order } => (incident, &order.id, "order_issued", "order"),
        Event::OrderAtBroker { incident, order } => (incident, order, "order_at_broker", "order"),
        Event::OrderWithdrawn { incident, order } => (incident, order, "order_withdrawn", "order"),
        Event::OrderLate {
            incident, order, ..
        } => (incident, order, "order_late", "fault"),
        Event::ReplyRecorded {
            incident, order, ..
        } => (incident, order, "reply_recorded", "person"),
        Event::OrderReplied {
            incident, order, ..
        } => (incident, order, "order_replied", "order"),
        _ => return None,
    };
    let given = &campus.incidents.get(incident)?.orders.get(order)?.given;
    let mut args = Vec::new();
    if let Event::OrderLate { limit, .. } = event {
        args.push(("limit", limit.clone()));
    }
    if let Event::ReplyRecorded { verb, channel, .. } = event {
        args.push(("verb", super::fire::apply::word(*verb).to_owned()));
        args.push(("how", format!("how.{}", channel.word())));
    }
    if let Event::OrderReplied {
        verb,
        cause,
        reason,
        ..
    } = event
    {
        args.push(("verb", super::fire::apply::word(*verb).to_owned()));
        args.extend(cause.map(|cause| ("cause", cause.word().to_owned())));
        args.extend(reason.clone().map(|reason| ("reason", reason)));
    }
    Some(Said {
        class,
        key,
        args,
        incident: Some(incident),
        recipient: Some(&given.recipient),
        output: given.output.as_ref(),
        ..Said::default()
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other events speak elsewhere or not at all"
)]
fn of_command<'a>(campus: &'a Campus, event: &'a Event) -> Option<Said<'a>> {
    use crate::domain::output::WriteOutcome;
    let (output, key, class) = match event {
        Event::CommandAsked { output, .. } => (output, "command_asked", "command"),
        Event::CommandWritten {
            output, outcome, ..
        } => match outcome {
            WriteOutcome::Written => (output, "command_sent", "command"),
            WriteOutcome::Refused { .. } => (output, "command_refused", "fault"),
            WriteOutcome::Unknown => (output, "command_unknown", "fault"),
            WriteOutcome::NotSent => (output, "command_not_sent", "fault"),
        },
        Event::CommandDone { output, .. } => (output, "command_done", "feedback"),
        Event::CommandNoFeedback { output, .. } => (output, "command_no_feedback", "fault"),
        Event::CommandExpired { output, .. } => (output, "command_expired", "fault"),
        Event::CommandUnknown { output, .. } => (output, "command_unknown", "fault"),
        _ => return None,
    };
    let incident = campus
        .outputs
        .get(output)
        .and_then(|state| state.incident.as_ref());
    Some(Said {
        class,
        key,
        incident,
        output: Some(output),
        ..Said::default()
    })
}
