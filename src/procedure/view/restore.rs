//! The step of what is put back by hand after the all-clear or a false alarm, in its order.

use serde_json::{Value, json};

use super::offers::{self, of};
use super::steps::Step;
use super::{Viewer, parts};
use crate::domain::text::Line;
use crate::procedure::fire::restore::waits_for;
use crate::procedure::fire::{Incident, Stage, follow, scene, verbs};
/// Done when everything on the list is ticked and the panel is quiet.
pub(in crate::procedure) fn restore(viewer: &Viewer<'_>, incident: &Incident) -> Step {
    let ticked = incident
        .restore
        .iter()
        .filter(|(_, by)| by.is_some())
        .count();
    let total = incident.restore.len();
    let mut step = Step::new(
        "restore",
        total > 0 && ticked == total && follow::is_quiet(incident),
    );
    step.facts.push(json!(
        Line::new("fact.restored")
            .with("done", ticked)
            .with("total", total)
    ));
    if matches!(incident.stage, Stage::Restoring | Stage::FalseAlarm) {
        let open = incident.restore.iter().filter(|(_, by)| by.is_none());
        let mut tick = of(incident, "restore", (0, "act", None));
        let due = open.filter(|(item, _)| waits_for(viewer.site, incident, item).is_none());
        let options: Vec<Value> = due
            .map(|(item, _)| json!({ "value": item, "line": parts::restore_line(viewer, item) }))
            .collect();
        if !options.is_empty() {
            tick["choice"] = json!({ "field": "item", "options": options });
            tick["fields"] = json!(offers::who(viewer));
            step.verbs.push(tick);
        }
        let burnt = incident.stage == Stage::Restoring && incident.leak.is_none();
        if burnt && scene::nobody_watches(incident) {
            step.facts.push(parts::line("fact.nobody_watches"));
            step.verbs.push(offers::watch(viewer, incident));
        }
        if incident.stage == Stage::Restoring && !follow::is_quiet(incident) {
            step.verbs
                .push(of(incident, "stop_sounders", (0, "plain", None)));
            let (by_hand, by_command) = verbs::resets(viewer.site, incident);
            if by_command {
                step.verbs
                    .push(of(incident, "reset", (1_500, "plain", None)));
            }
            if by_hand {
                step.facts.push(parts::line("fact.reset_at_panel"));
            }
        }
    }
    step
}
