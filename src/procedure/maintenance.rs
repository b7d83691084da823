//! Maintenance 维护 of one output: for a bounded time a person of the site stands at the device, and whoever began it may have the
//! output written from the terminal.
//!
//! ```text
//! running ──limit──► over (time)
//!    │  └──end_maintenance──► over (person)
//!    └──an incident opens that may need the output──► over (incident)
//! ```
//! Maintenance keeps an output from nobody: no rule and no protective verb asks for it, and a fire ends it before any rule looks at
//! the output. What was asked for in it and has no permit yet when it ends is never written.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::desk::Desk;
use super::events::Event;
use super::fire::{Incident, Stage};
use super::{By, Campus, Cell, Stamp};
use crate::domain::ids::{CaseId, CommandId, OutputId, RecipientId};
use crate::domain::output::{CommandState, Output};
use crate::domain::site::Site;
use crate::domain::time::{EngineTime, Now};
use crate::linkage;

/// The latest maintenance of an output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintenance {
    /// Who began it, and when. Nobody else writes in it.
    pub begun: By,
    /// When, by the engine's time.
    pub from: EngineTime,
    /// It ends by itself then.
    pub until: EngineTime,
    /// Who stands at the device.
    pub person: RecipientId,
    /// The erasable note that says why.
    pub note: Option<String>,
    /// The latest command that was asked for in it.
    pub command: Option<CommandId>,
    /// Who ended it, when and why; `None` while it runs.
    pub ended: Option<(By, End)>,
}

/// Why maintenance ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", content = "incident", rename_all = "snake_case")]
pub enum End {
    /// Its time passed.
    Time,
    /// A person ended it.
    Person,
    /// This incident may need the output.
    Incident(CaseId),
}

/// The maintenance that an output is in now.
#[must_use]
pub fn running<'a>(campus: &'a Campus, id: &OutputId) -> Option<&'a Maintenance> {
    let latest = campus.desk.maintenance.get(id);
    latest.filter(|maintenance| maintenance.ended.is_none())
}

/// Every output that is in maintenance now.
pub fn all_running(desk: &Desk) -> impl Iterator<Item = (&OutputId, &Maintenance)> {
    let all = desk.maintenance.iter();
    all.filter(|(_, maintenance)| maintenance.ended.is_none())
}

/// The open incident that may need an output. Also one that is judged false or being restored: it may be looked at anew.
#[must_use]
pub fn needed_by<'a>(campus: &'a Campus, site: &Site, output: &Output) -> Option<&'a Incident> {
    let mut incidents = campus.incidents.values();
    incidents.find(|incident| incident.stage != Stage::Closed && may_need(site, incident, output))
}

/// Whoever runs the output, Fengsui or the panel: by its place alone. Nobody stands at a device of a building that burns.
fn may_need(site: &Site, incident: &Incident, output: &Output) -> bool {
    let building = output.building.as_ref();
    let mut points = incident.signals.iter().filter_map(|s| s.point.as_ref());
    building.is_none_or(|building| *building == incident.building)
        || linkage::serves(site, output, &incident.building, &incident.zone)
        || points.any(|point| output.gas_detectors.contains(point))
}

/// The end of the maintenance that runs, and of its command that has no permit yet.
#[must_use]
pub fn end(campus: &Campus, output: &OutputId, why: End) -> Vec<Event> {
    let Some(maintenance) = running(campus, output) else {
        return Vec::new();
    };
    let mut events = vec![Event::MaintenanceEnded {
        output: output.clone(),
        why,
    }];
    let waiting = campus.outputs.get(output).filter(|state| {
        state.state == CommandState::Asked && Some(&state.command) == maintenance.command.as_ref()
    });
    events.extend(waiting.map(|state| Event::CommandExpired {
        command: state.command.clone(),
        output: output.clone(),
    }));
    events
}

/// Whether a command was asked for in maintenance that is over by now: what was not sent is not tried again.
#[must_use]
pub fn is_over(campus: &Campus, output: &OutputId, command: &CommandId) -> bool {
    let latest = campus.desk.maintenance.get(output);
    latest.is_some_and(|latest| latest.ended.is_some() && latest.command.as_ref() == Some(command))
}

/// An incident ends the maintenance of every output that it may need.
#[must_use]
pub fn follow(campus: &Campus, site: &Site, touched: &BTreeSet<Cell>) -> Vec<Event> {
    let concerns = |cell: &Cell| matches!(cell, Cell::Desk | Cell::Incident(_));
    if !touched.iter().any(concerns) {
        return Vec::new();
    }
    let running = all_running(&campus.desk).filter_map(|(id, _)| site.outputs.get(id));
    let needed = running.filter_map(|output| Some((output, needed_by(campus, site, output)?)));
    let ends = needed.flat_map(|(output, incident)| {
        let why = End::Incident(incident.id.clone());
        end(campus, &output.id, why)
    });
    ends.collect()
}

/// Maintenance whose time has passed.
#[must_use]
pub fn passed(campus: &Campus, now: Now) -> Vec<Event> {
    let over = all_running(&campus.desk).filter(|(_, running)| now.engine >= running.until);
    over.flat_map(|(output, _)| end(campus, output, End::Time))
        .collect()
}

/// The next end by itself.
#[must_use]
pub fn next_due(desk: &Desk) -> Option<EngineTime> {
    all_running(desk).map(|(_, running)| running.until).min()
}

/// Changes what is in maintenance.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only the events of maintenance are its business"
)]
pub fn apply(campus: &mut Campus, stamp: &Stamp, event: &Event, touched: &mut BTreeSet<Cell>) {
    let all = &mut campus.desk.maintenance;
    let output = match event {
        Event::MaintenanceBegun {
            output,
            person,
            note,
            until,
        } => {
            let begun = Maintenance {
                begun: stamp.by(),
                from: stamp.now.engine,
                until: *until,
                person: person.clone(),
                note: note.clone(),
                command: None,
                ended: None,
            };
            all.insert(output.clone(), begun);
            output
        }
        Event::MaintenanceWrite { output, command } => {
            if let Some(running) = all.get_mut(output) {
                running.command = Some(command.clone());
            }
            output
        }
        Event::MaintenanceEnded { output, why } => {
            if let Some(running) = all.get_mut(output) {
                running.ended = Some((stamp.by(), why.clone()));
            }
            output
        }
        _ => return,
    };
    touched.extend([Cell::Desk, Cell::Output(output.clone())]);
}
