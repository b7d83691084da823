//! Timelines: the ids of a line get their names.

use serde_json::{Value, json};

use super::super::timeline::TimelineLine;
use super::{Viewer, parts};
use crate::domain::text::{Line, Text};
use crate::domain::time::WallTime;
use crate::procedure::fire::Incident;

/// `timeline/{incident}`, oldest first.
#[must_use]
pub fn timeline(viewer: &Viewer<'_>, incident: &Incident) -> Value {
    let lines: Vec<_> = incident
        .timeline
        .lines
        .iter()
        .map(|l| line(viewer, l))
        .collect();
    json!({ "incident": incident.id, "lines": lines, "dropped": incident.timeline.dropped })
}

/// `recent`, newest first.
#[must_use]
pub fn recent(viewer: &Viewer<'_>) -> Value {
    let lines: Vec<_> = viewer
        .campus
        .recent
        .lines
        .iter()
        .rev()
        .map(|l| line(viewer, l))
        .collect();
    json!({ "lines": lines })
}

fn line(viewer: &Viewer<'_>, said: &TimelineLine) -> Value {
    let site = viewer.site;
    let mut words = Line::new(format!("line.{}", said.key));
    for (name, value) in &said.args {
        words = words.with(name, value);
    }
    if said.key == "restored"
        && let Some(item) = said.args.get("item")
    {
        words = parts::restore_line(viewer, item);
    }
    if let Some(at) = said.args.get("device_time").and_then(|ms| ms.parse().ok()) {
        words = words.with(
            "device_time",
            WallTime(at).civil_text(site.utc_offset_minutes),
        );
    }
    let mut place = None;
    if let Some(point) = said.point.as_ref().and_then(|id| site.points.get(id)) {
        words = words.named("point", &point.name);
        let building = site
            .buildings
            .get(&point.building)
            .map(|b| b.name.clone())
            .unwrap_or_default();
        place = Some(Text::new(
            format!("{} {}", building.zh, point.room.zh),
            format!("{} {}", building.en, point.room.en),
        ));
    }
    if let Some(output) = said.output.as_ref().and_then(|id| site.outputs.get(id)) {
        words = words.named("output", &output.name);
    }
    if let Some(recipient) = &said.recipient {
        words = words.with("recipient", viewer.recipient_name(recipient.as_str()));
    }
    if let Some(bus) = said.bus.as_ref().and_then(|id| site.buses.get(id)) {
        words = words.named("bus", &bus.name);
    }
    json!({
        "seq": said.seq,
        "at": said.at,
        "engine": said.engine,
        "class": said.class,
        "line": words,
        "place": place,
        "by": viewer.actor(&said.by),
        "incident": said.incident,
    })
}
