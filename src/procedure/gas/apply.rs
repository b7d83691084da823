//! How a leak changes. Reads nothing but the event and the state.

use std::collections::{BTreeMap, BTreeSet};

use super::{Leak, Level, Report};
use crate::domain::point::Conditions;
use crate::procedure::events::Event;
use crate::procedure::fire::{Call119, Incident, Stage, signals};
use crate::procedure::{Campus, Cell, Stamp};

/// Changes leaks; signals and orders are changed with those of a fire.
pub fn apply(campus: &mut Campus, stamp: &Stamp, event: &Event, touched: &mut BTreeSet<Cell>) {
    if let Some(mut opened) = opened(stamp, event) {
        signals::told_by_panel(&mut opened, signals::panel_time(campus, event));
        touched.insert(Cell::Incident(opened.id.clone()));
        campus.incidents.insert(opened.id.clone(), opened);
        return;
    }
    if let Event::PointChanged {
        point, conditions, ..
    } = event
    {
        fell(campus, point, *conditions, touched);
        return;
    }
    let Some(id) = crate::procedure::fire::apply::case_of(event) else {
        return;
    };
    let Some(incident) = campus.incidents.get_mut(&id) else {
        return;
    };
    if incident.leak.is_some() {
        change(incident, stamp, event);
        touched.insert(Cell::Incident(id));
    }
}

/// A detector that is below its high limit can reach it anew.
fn fell(
    campus: &mut Campus,
    point: &crate::domain::ids::PointId,
    conditions: Conditions,
    touched: &mut BTreeSet<Cell>,
) {
    if conditions.high {
        return;
    }
    for (id, incident) in &mut campus.incidents {
        let leak = incident.leak.as_mut();
        if leak.is_some_and(|leak| leak.high.remove(point).is_some()) {
            touched.insert(Cell::Incident(id.clone()));
        }
    }
}

fn opened(stamp: &Stamp, event: &Event) -> Option<Incident> {
    let Event::GasDetected {
        incident,
        building,
        floor,
        zone,
        compartment,
        signal,
        level,
        take_by,
        verdict_by,
    } = event
    else {
        return None;
    };
    let place = (building.clone(), floor.clone(), zone.clone());
    let mut opened = Incident::new(incident.clone(), place, compartment.clone(), stamp);
    opened.signals.push(Incident::latched(stamp, signal));
    opened.take_by = *take_by;
    opened.verdict_by = *verdict_by;
    opened.leak = Some(Leak {
        level: *level,
        high: BTreeMap::new(),
        due: BTreeSet::new(),
        tasks: BTreeMap::new(),
        report: None,
    });
    Some(opened)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "signals, orders and limits are changed with those of a fire"
)]
fn change(incident: &mut Incident, stamp: &Stamp, event: &Event) {
    let Some(leak) = &mut incident.leak else {
        return;
    };
    match event {
        Event::GasHigh {
            point,
            counts,
            start,
            outputs,
            call_119_by,
            ..
        } => {
            leak.level = Level::High;
            leak.high.insert(point.clone(), *counts);
            leak.due.extend(start.iter().cloned());
            let plan = incident.plan.get_or_insert_default();
            for planned in outputs {
                if !plan.iter().any(|known| known.output == planned.output) {
                    plan.push(planned.clone());
                }
            }
            incident.call_119.get_or_insert(Call119 {
                opened: stamp.now.engine,
                due: Some(*call_119_by),
                late: false,
                outcome: None,
                calls: Vec::new(),
                more: false,
            });
        }
        Event::CommandAsked { output, .. } => {
            leak.due.remove(output);
        }
        Event::GasTask { task, .. } => {
            leak.tasks.entry(*task).or_insert_with(|| stamp.by());
        }
        Event::GasReported {
            leak: found, cause, ..
        } => {
            leak.report = Some(Report {
                leak: *found,
                cause: *cause,
                by: stamp.by(),
            });
            if !*found {
                leak.due.clear();
            }
            incident.stage = if *found {
                Stage::Fighting
            } else {
                Stage::FalseAlarm
            };
        }
        Event::GasGone { restore, .. } => {
            leak.due.clear();
            incident.stage = Stage::Restoring;
            incident.restore = restore.iter().map(|item| (item.clone(), None)).collect();
        }
        Event::GasReturned { .. } => {
            leak.report = None;
            incident.stage = Stage::Verifying;
            incident.restore.clear();
        }
        _ => {}
    }
}
