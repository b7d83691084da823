//! What the heartbeat and the status say of the campus, read from its summary document.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::engine::handle::Handle;

/// Counters of the summary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Glance {
    /// Open incidents.
    pub(super) incidents: usize,
    /// Lines of the field.
    pub(super) links: Links,
    /// The MQTT link; `None` until it is known.
    pub(super) broker_up: Option<bool>,
    /// Outputs in maintenance.
    pub(super) maintenance: Vec<String>,
    /// Where records go: `no`, `spool` or `memory`; empty until it is known.
    pub(super) degraded: String,
}

/// Lines of the field that answer, of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct Links {
    /// That answer.
    pub(super) up: usize,
    /// Of all.
    pub(super) total: usize,
}

#[derive(Deserialize)]
struct Summary {
    incidents: Vec<serde::de::IgnoredAny>,
    lamps: Lamps,
    broker_up: Option<bool>,
    degraded: String,
    maintenance: Vec<Maintained>,
}

#[derive(Deserialize)]
struct Maintained {
    output: String,
}

#[derive(Deserialize)]
struct Lamps {
    links: Links,
}

/// Reads the counters; zeros before there is a summary.
pub(super) fn of(handle: &Handle) -> Glance {
    let Some(text) = handle.document("summary") else {
        return Glance::default();
    };
    match serde_json::from_str::<Summary>(&text) {
        Ok(summary) => Glance {
            incidents: summary.incidents.len(),
            links: summary.lamps.links,
            broker_up: summary.broker_up,
            maintenance: summary.maintenance.into_iter().map(|m| m.output).collect(),
            degraded: summary.degraded,
        },
        Err(error) => {
            tracing::error!(%error, "the summary document cannot be read");
            Glance::default()
        }
    }
}
