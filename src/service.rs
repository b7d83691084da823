//! What the service manager is told (sd_notify(3)): the only file that names `sd_notify`. Without one every call is nothing.
//!
//! The watchdog is fed by this task alone, inside the runtime of pages and orders, and only while the engine's loop and every bus
//! have shown signs of life. So a process that still runs but no longer works is started anew.

use std::time::Duration;

use sd_notify::NotifyState;
use serde::Deserialize;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::engine::handle::Handle;

/// How often the status line is looked at when there is no watchdog.
const LOOK: Duration = Duration::from_secs(5);

/// The daemon listens. Whether its journal is open is in the status line: a disk that is missing is waited for, and the pages
/// must be there to say so.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The daemon has begun to stop.
pub fn stopping() {
    tell(&[
        NotifyState::Stopping,
        NotifyState::Status("stopping: buses, then the journal"),
    ]);
}

/// Feeds the watchdog and keeps the status line, until `stop`.
pub async fn watch(handle: Handle, stop: CancellationToken) {
    let watchdog = sd_notify::watchdog_enabled();
    // Three times in its limit: one late look must not end a daemon that works.
    let every = watchdog.map_or(LOOK, |limit| (limit / 3).min(LOOK));
    let mut turns = tokio::time::interval(every);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut said = Said::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = turns.tick() => {}
        }
        let silent = handle.silent();
        if silent.is_empty() && watchdog.is_some() {
            tell(&[NotifyState::Watchdog]);
        }
        said.say(status(&handle, &silent), &silent);
    }
}

/// What was said last: nothing is said twice.
#[derive(Default)]
struct Said {
    status: String,
    silent: Vec<String>,
}

impl Said {
    fn say(&mut self, status: String, silent: &[String]) {
        if self.silent != silent {
            match silent {
                [] => tracing::info!("every part shows signs of life again"),
                _ => tracing::error!(
                    silent = silent.join(", "),
                    "a part shows no signs of life; the watchdog is not fed"
                ),
            }
            self.silent = silent.to_vec();
        }
        if self.status != status {
            tell(&[NotifyState::Status(&status)]);
            self.status = status;
        }
    }
}

/// The part of `summary` that the status line tells.
#[derive(Deserialize)]
struct Summary {
    lamps: Lamps,
    incidents: Vec<String>,
    broker: String,
}

#[derive(Deserialize)]
struct Lamps {
    links: Links,
}

#[derive(Deserialize)]
struct Links {
    up: u32,
    total: u32,
}

fn status(handle: &Handle, silent: &[String]) -> String {
    if !silent.is_empty() {
        return format!("no signs of life: {}", silent.join(", "));
    }
    let health = handle.health();
    if let Some(why) = health.store {
        return format!("the journal is not there: {why}");
    }
    let summary = handle.document("summary");
    let summary = summary.and_then(|text| serde_json::from_str::<Summary>(&text).ok());
    match summary {
        Some(Summary {
            lamps: Lamps { links },
            incidents,
            broker,
        }) => format!(
            "lines {} of {}, broker {broker}, open incidents {}",
            links.up,
            links.total,
            incidents.len()
        ),
        None => "the journal is being read".to_owned(),
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager does not listen");
    }
}
