//! What must follow from an incident's state, whatever brought it there: posts, class, plan, commands, orders by hand, the end.
//!
//! The engine applies what is returned and asks again until nothing more follows, so each rule states a condition that its own
//! events end.

use std::collections::BTreeSet;

use super::super::events::{Event, Mode, Planned};
use super::super::{Campus, Cell, gas, outputs, points};
use super::posts::{new_order, posts};
use super::{Class, Incident, Order, Stage, command, correct, groups, offer, room, scene, spread};
use crate::domain::ids::{CaseId, OutputId, PointId};
use crate::domain::order::{OrderKind, OrderState};
use crate::domain::output::{Action, Arming, CommandState, Output, OutputKind};
use crate::domain::point::{PointKind, Quality};
use crate::domain::site::Site;
use crate::domain::time::Now;
use crate::linkage;

/// The incidents that touched cells concern.
#[must_use]
pub fn concerned(campus: &Campus, site: &Site, touched: &BTreeSet<Cell>) -> BTreeSet<CaseId> {
    let mut concerned = BTreeSet::new();
    for cell in touched {
        match cell {
            Cell::Incident(id) => concerned.extend(spread::with_building(campus, id)),
            Cell::Output(output) => concerned.extend(
                campus
                    .incidents
                    .values()
                    .filter(|i| i.asked.contains(output) || plans(i, output))
                    .map(id),
            ),
            Cell::Desk | Cell::Recipient(_) => {
                concerned.extend(
                    campus
                        .incidents
                        .values()
                        .filter(|i| i.stage != Stage::Closed)
                        .map(id),
                );
            }
            Cell::Point(point) => {
                let kind = site.points.get(point).map(|point| point.kind);
                if kind == Some(PointKind::Gas) {
                    concerned.extend(leaks(campus, |id| id == point));
                }
                if kind == Some(PointKind::PanelSounders) {
                    let ending =
                        |i: &&Incident| matches!(i.stage, Stage::FalseAlarm | Stage::Restoring);
                    concerned.extend(campus.incidents.values().filter(ending).map(id));
                }
                // What stood where it should by itself may fall, and is asked for then.
                if kind == Some(PointKind::Feedback) {
                    let fed = |o: &&Output| o.feedback.as_ref().is_some_and(|f| f.point == *point);
                    for output in site.outputs.values().filter(fed) {
                        let planning = |i: &&Incident| plans(i, &output.id);
                        concerned.extend(campus.incidents.values().filter(planning).map(id));
                    }
                }
            }
            Cell::Link(bus) => {
                // A command of unknown outcome may be written once more when its feedback can be seen again.
                let on_bus = |output: &OutputId| {
                    let output = site.outputs.get(output);
                    output.is_some_and(|output| output.bus == *bus)
                };
                let waits = |i: &&Incident| i.asked.iter().any(on_bus);
                concerned.extend(campus.incidents.values().filter(waits).map(id));
                let read_by = |id: &PointId| site.points.get(id).is_some_and(|p| p.bus == *bus);
                concerned.extend(leaks(campus, read_by));
            }
            Cell::Recent => {}
        }
    }
    concerned
}

/// Open leaks with a detector that is so.
fn leaks(campus: &Campus, is: impl Fn(&PointId) -> bool) -> impl Iterator<Item = CaseId> {
    let of = move |incident: &&Incident| {
        let mut points = incident.signals.iter().filter_map(|s| s.point.as_ref());
        incident.leak.is_some() && points.any(&is)
    };
    campus.incidents.values().filter(of).map(id)
}

fn id(incident: &Incident) -> CaseId {
    incident.id.clone()
}

fn plans(incident: &Incident, output: &OutputId) -> bool {
    incident
        .plan
        .as_ref()
        .is_some_and(|plan| plan.iter().any(|p| p.output == *output))
}

/// One consequence: a condition and the events that end it.
type Rule = fn(&Campus, &Site, Now, &Incident) -> Vec<Event>;

/// What follows for one incident now; empty when nothing more does.
#[must_use]
pub fn follow(campus: &Campus, site: &Site, now: Now, id: &CaseId) -> Vec<Event> {
    let Some(incident) = campus
        .incidents
        .get(id)
        .filter(|i| i.stage != Stage::Closed)
    else {
        return Vec::new();
    };
    if incident.leak.is_some() {
        return gas::follow::follow(campus, site, now, incident);
    }
    let rules: [Rule; 18] = [
        room::room,
        class,
        spread::spread,
        offer::offer,
        offer::tell,
        posts,
        quiet_panel,
        confirmed,
        groups::groups,
        command::succession,
        command::silent_holder,
        panel_key,
        plan,
        commands,
        by_hand,
        correct::to_restore,
        scene::watch,
        ending,
    ];
    rules
        .iter()
        .map(|rule| rule(campus, site, now, incident))
        .find(|e| !e.is_empty())
        .unwrap_or_default()
}

/// 疑似火警 by two devices, or where people sleep and nobody verified.
fn class(_: &Campus, site: &Site, _: Now, incident: &Incident) -> Vec<Event> {
    if incident.class != Class::Alarm || !incident.is_undecided() {
        return Vec::new();
    }
    let why = if incident
        .standing_devices()
        .filter(|signal| signal.point.is_some())
        .count()
        >= 2
    {
        "two_devices"
    } else if site.limits.single_device_suspects && incident.standing().any(is_certain) {
        "single_device"
    } else if incident.stage == Stage::Unverified && incident.sleeping {
        "sleeping"
    } else {
        return Vec::new();
    };
    vec![Event::Suspected {
        incident: incident.id.clone(),
        why: why.to_owned(),
    }]
}

/// A device that hardly alarms by mistake: by site rule one of them makes the fire suspected.
fn is_certain(signal: &super::Signal) -> bool {
    matches!(
        signal.kind,
        Some(PointKind::CallPoint | PointKind::FlowSwitch | PointKind::PressureSwitch)
    )
}

/// The panel went quiet although nobody has judged: the incident stays, its clock running.
fn quiet_panel(_: &Campus, _: &Site, _: Now, incident: &Incident) -> Vec<Event> {
    let quiet = is_quiet(incident) && incident.signals.iter().any(|s| s.point.is_some());
    if incident.is_undecided() && quiet && !incident.panel_reset_seen {
        return vec![Event::PanelResetSeen {
            incident: incident.id.clone(),
        }];
    }
    Vec::new()
}

/// The panel shows none of the incident's signals any more.
#[must_use]
pub fn is_quiet(incident: &Incident) -> bool {
    incident
        .signals
        .iter()
        .all(|signal| signal.point.is_none() || signal.restored_at.is_some())
}

/// A confirmed fire: somebody holds command, the mode is automatic, the commander is told. The 119
/// task stands since the verdict. None waits for another.
fn confirmed(campus: &Campus, site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    if incident.stage != Stage::Fighting {
        return Vec::new();
    }
    let id = || incident.id.clone();
    let mut events = Vec::new();
    // Only at the confirmation itself, also when a rule has made the plan before: later a person may turn the mode.
    let confirms = incident.plan.is_none() || incident.holder.is_none();
    if campus.desk.mode != Mode::Auto && confirms {
        events.push(Event::ModeChanged { mode: Mode::Auto });
    }
    events.extend(command::first_holder(campus, site, now, incident));
    let ahead = events
        .iter()
        .filter(|event| matches!(event, Event::OrderIssued { .. }));
    let ahead = ahead.count();
    // What was told of a suspected fire is not yet the report of a confirmed one.
    let since = incident.verdict.as_ref().map_or(0, |verdict| verdict.seq);
    let reported = |order: &Order| order.given.kind == OrderKind::Report && order.seq >= since;
    if !incident.orders.values().any(reported) {
        let to = (&site.commander, OrderKind::Report);
        let order = new_order(site, now, incident.next_order(ahead), to, None);
        events.push(Event::OrderIssued {
            incident: id(),
            order,
        });
    }
    events
}

/// A confirmed fire turns the panel's own key to 自动 too, where the panel can be told so; else a person turns it by hand. The
/// person who confirmed the fire stands behind it, so it needs no arming `auto`.
fn panel_key(campus: &Campus, site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    if incident.stage != Stage::Fighting {
        return Vec::new();
    }
    let in_building = |output: &&crate::domain::output::Output| {
        let mut points = site.points.values();
        points.any(|point| point.bus == output.bus && point.building == incident.building)
    };
    let wanted = site
        .outputs
        .values()
        .filter(|output| output.kind == OutputKind::PanelAuto && output.arming != Arming::Observe)
        .filter(in_building)
        .filter(|output| !incident.asked.contains(&output.id))
        .filter(|output| {
            let state = campus.outputs.get(&output.id);
            !state.is_some_and(outputs::OutputState::is_live)
        })
        // What is not known is not written: a restart, when nothing is read yet, must add no command.
        .filter(|output| {
            let key = output.feedback.as_ref().map(|feedback| &feedback.point);
            key.is_some_and(|key| points::quality(campus, site, key) == Quality::Good)
        })
        .filter(|output| !outputs::is_in_place(campus, site, output));
    wanted
        .map(|output| outputs::ask(campus, site, now, output, Some(&incident.id)))
        .collect()
}

/// The outputs of the incident: on a person's 火警确认, or by rule when two independent healthy devices stand.
fn plan(campus: &Campus, site: &Site, _: Now, incident: &Incident) -> Vec<Event> {
    let by_rule = incident.class == Class::Suspected
        && incident.is_undecided()
        && campus.desk.mode == Mode::Auto
        && independent_devices(campus, site, incident) >= 2;
    if incident.plan.is_some() || !(incident.stage == Stage::Fighting || by_rule) {
        return Vec::new();
    }
    let outputs = linkage::outputs_of(site, &incident.building, &incident.zone)
        .map(outputs::planned)
        .collect();
    vec![Event::PlanMade {
        incident: incident.id.clone(),
        outputs,
    }]
}

/// Devices that count for a rule (DESIGN.md 4, rule 3): latched, different, neither 屏蔽, in test nor faulty.
pub(super) fn independent_devices(campus: &Campus, site: &Site, incident: &Incident) -> usize {
    let counts = |point: &crate::domain::ids::PointId| {
        let conditions = campus
            .points
            .get(point)
            .map(|point| point.conditions)
            .unwrap_or_default();
        let known = points::quality(campus, site, point) == Quality::Good;
        known && !conditions.disabled && !conditions.test && !conditions.fault
    };
    let devices: BTreeSet<_> = incident
        .standing_devices()
        .filter_map(|signal| signal.point.as_ref())
        .collect();
    devices.into_iter().filter(|point| counts(point)).count()
}

/// Commands whose time has come: all at once, but for an output that waits for another's feedback.
fn commands(campus: &Campus, site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    // Not after 误报 either: what was only waiting for its turn is not started any more.
    let wanted = incident.is_undecided() || incident.stage == Stage::Fighting;
    let may = campus.desk.mode == Mode::Auto && wanted;
    let Some(plan) = incident.plan.as_ref().filter(|_| may) else {
        return Vec::new();
    };
    let mut events = Vec::new();
    for planned in plan.iter().filter(|planned| planned.automatic) {
        let Some(output) = site.outputs.get(&planned.output) else {
            continue;
        };
        let state = campus.outputs.get(&output.id);
        // An output that another incident of the building has in hand is shown here and not written twice.
        let idle = !incident.asked.contains(&output.id)
            && !outputs::is_in_hand(campus, &output.id, &incident.id)
            && !outputs::is_in_place(campus, site, output);
        if idle && is_free(campus, site, planned) {
            events.push(outputs::ask(campus, site, now, output, Some(&incident.id)));
        } else if let Some(state) = state
            && state.incident.as_ref() == Some(&incident.id)
            && may_repeat(campus, site, output, state)
        {
            events.push(outputs::ask(campus, site, now, output, Some(&incident.id)));
        }
    }
    events
}

/// Rule 8: after an unknown outcome the feedback is looked at first; then a level output may be written once more.
pub(in crate::procedure) fn may_repeat(
    campus: &Campus,
    site: &Site,
    output: &crate::domain::output::Output,
    state: &outputs::OutputState,
) -> bool {
    let seen = output
        .feedback
        .as_ref()
        .is_some_and(|f| points::quality(campus, site, &f.point) == Quality::Good);
    state.state == CommandState::Unknown
        && state.repeats == 0
        && output.action == Action::Level
        && output.repeat_is_safe
        && seen
        && !outputs::is_in_place(campus, site, output)
}

/// Nothing that this output waits for is outstanding.
fn is_free(campus: &Campus, site: &Site, planned: &Planned) -> bool {
    let first = planned.waits_for.as_ref();
    first.is_none_or(|lift| offer::lift_is_home(campus, site, lift))
}

/// A command that failed becomes an order to a named person.
pub(in crate::procedure) fn by_hand(
    campus: &Campus,
    site: &Site,
    now: Now,
    incident: &Incident,
) -> Vec<Event> {
    let mut events = Vec::new();
    for output in &incident.asked {
        let Some(state) = campus.outputs.get(output) else {
            continue;
        };
        let failed = matches!(
            state.state,
            CommandState::NoFeedback | CommandState::Refused | CommandState::Expired
        );
        let sent = incident
            .orders
            .values()
            .filter(|order| order.state.is_open() || order.seq >= incident.anew)
            .filter(|order| order.state != OrderState::Withdrawn)
            .any(|order| order.given.output.as_ref() == Some(output));
        let Some(person) = site.outputs.get(output).map(|output| &output.by_hand) else {
            continue;
        };
        let wanted = incident.leak.is_some() || incident.stage != Stage::FalseAlarm;
        if failed && wanted && !sent && state.incident.as_ref() == Some(&incident.id) {
            let id = incident.next_order(events.len());
            let mut order = new_order(site, now, id, (person, OrderKind::ByHand), None);
            order.output = Some(output.clone());
            order.lift = site
                .outputs
                .get(output)
                .is_some_and(|output| output.kind == OutputKind::ElevatorRecall);
            events.push(Event::OrderIssued {
                incident: incident.id.clone(),
                order,
            });
        }
    }
    events
}

/// The end: orders that nobody needs are withdrawn, and the incident closes when the panel shows it is over.
fn ending(campus: &Campus, site: &Site, _: Now, incident: &Incident) -> Vec<Event> {
    let needless = |order: &Order| match (incident.stage, order.given.kind) {
        // Somebody may be in a lift that did not come home, also when nothing burns.
        (Stage::FalseAlarm, _) => !order.given.lift,
        (Stage::Fighting, OrderKind::Group) => order.seq < incident.anew,
        (Stage::Fighting, kind) => matches!(kind, OrderKind::Verify | OrderKind::Watch),
        (Stage::Restoring, kind) => matches!(kind, OrderKind::Verify | OrderKind::Command),
        (Stage::Verifying | Stage::Unverified | Stage::Closed, _) => false,
    };
    let withdraw = |all: bool| {
        incident
            .orders
            .values()
            .filter(move |order| order.state.is_open() && (all || needless(order)))
            .map(|order| Event::OrderWithdrawn {
                incident: incident.id.clone(),
                order: order.given.id.clone(),
            })
            .collect::<Vec<_>>()
    };
    let restored = incident.restore.iter().all(|(_, ticked)| ticked.is_some());
    let over = match incident.stage {
        Stage::FalseAlarm => {
            let quiet = is_quiet(incident) && sounders_off(campus, site, incident);
            quiet && restored && correct::brigade_knows(campus, incident)
        }
        Stage::Restoring => is_quiet(incident) && restored,
        Stage::Verifying | Stage::Unverified | Stage::Fighting | Stage::Closed => false,
    };
    let mut events = withdraw(over);
    if over {
        events.push(Event::IncidentClosed {
            incident: incident.id.clone(),
        });
    }
    events
}

/// The evacuation sounders of the panels concerned are known to be off.
#[must_use]
pub fn sounders_off(campus: &Campus, site: &Site, incident: &Incident) -> bool {
    let buses: BTreeSet<_> = incident
        .signals
        .iter()
        .filter_map(|signal| signal.point.as_ref())
        .filter_map(|point| site.points.get(point))
        .map(|point| &point.bus)
        .collect();
    site.points
        .values()
        .filter(|point| point.kind == PointKind::PanelSounders && buses.contains(&point.bus))
        .all(|point| {
            points::quality(campus, site, &point.id) == Quality::Good
                && !campus
                    .points
                    .get(&point.id)
                    .is_some_and(|state| state.conditions.active)
        })
}
