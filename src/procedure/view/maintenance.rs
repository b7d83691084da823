//! What is said of outputs in maintenance: a line of the frame, and the card of the output.

use serde_json::{Value, json};

use super::offers::PLAIN;
use super::{Viewer, parts, steps};
use crate::domain::ids::OutputId;
use crate::domain::text::Line;
use crate::procedure::maintenance::{all_running, running};

/// Every output in maintenance, for the frame of every screen.
#[must_use]
pub(super) fn all(viewer: &Viewer<'_>) -> Vec<Value> {
    let all = all_running(&viewer.campus.desk).filter_map(|(id, running)| {
        let output = viewer.site.outputs.get(id)?;
        let by = viewer.actor(&running.begun.by);
        let line = Line::new("summary.maintenance")
            .named("output", &output.name)
            .with("by", by["name"].as_str().unwrap_or_default())
            .with("person", viewer.recipient_name(running.person.as_str()));
        Some(json!({
            "output": id,
            "line": line,
            "since": running.begun.at,
            "limit": parts::limit(running.from, running.until),
        }))
    });
    all.collect()
}

/// Who began it, why, who is at the device, until when.
#[must_use]
pub(super) fn of_output(viewer: &Viewer<'_>, id: &OutputId) -> Option<Value> {
    let running = running(viewer.campus, id)?;
    let note = viewer.note(running.note.as_ref());
    Some(json!({
        "by": viewer.actor(&running.begun.by),
        "at": running.begun.at,
        "person": viewer.recipient(&running.person),
        "reason": note.and_then(|note| note.text.as_deref()),
        "limit": parts::limit(running.from, running.until),
    }))
}

/// Everybody of the room may end it. It is begun, and written in, where somebody commissions: `fengsui probe`.
#[must_use]
pub(super) fn ending(viewer: &Viewer<'_>, id: &OutputId) -> Option<Value> {
    running(viewer.campus, id)?;
    let path = format!("/api/v1/outputs/{id}/end_maintenance");
    let (name, line) = ("end_maintenance", "verb.end_maintenance");
    Some(steps::verb(name, &path, line, PLAIN))
}
