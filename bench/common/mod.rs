//! What the bench programs share: figures, the shipped site, an engine on a file.

#![allow(dead_code, reason = "each program uses its part")]

pub(crate) mod polled;
pub(crate) mod site;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fengsui::clock::Clock;
use fengsui::config::{self, Configuration};
use fengsui::domain::actor::Actor;
use fengsui::domain::input::Input;
use fengsui::domain::site::Site;
use fengsui::engine::handle::Handle;
use fengsui::engine::ports::NoField;
use fengsui::engine::run::{self, Parts, Running};
use fengsui::store::sqlite::SqliteStore;

/// Durations, and what they say together.
#[derive(Default)]
pub(crate) struct Figures(Vec<Duration>);

impl Figures {
    /// One more.
    pub(crate) fn push(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    /// The p-th percentile in milliseconds.
    pub(crate) fn percentile(&self, p: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort();
        let at = (sorted.len() * p / 100).min(sorted.len().saturating_sub(1));
        sorted.get(at).map_or(0.0, |d| d.as_secs_f64() * 1_000.0)
    }

    /// One row of the table.
    pub(crate) fn print(&self, name: &str) {
        println!(
            "{name:<48} n {:>6}  p50 {:>8.2} ms  p99 {:>8.2} ms  max {:>8.2} ms",
            self.0.len(),
            self.percentile(50),
            self.percentile(99),
            self.percentile(100)
        );
    }
}

/// A stopwatch of this process.
#[expect(
    clippy::disallowed_methods,
    reason = "a bench measures its own process"
)]
pub(crate) fn stopwatch() -> Instant {
    Instant::now()
}

/// The small campus of the tests.
pub(crate) fn shipped() -> Configuration {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/campus");
    match config::load(&folder) {
        Ok(configuration) => configuration,
        Err(_) => panic!("the small campus is wrong: see fengsui check --config tests/campus"),
    }
}

/// An engine on a file, with a field that does nothing.
pub(crate) struct Engine {
    /// Its handle.
    pub(crate) handle: Handle,
    running: Running,
}

/// Starts an engine and waits until it is ready and its lines are up.
pub(crate) fn engine(path: &Path, site: Arc<Site>) -> Engine {
    let (shared, clock) = (run::shared(), Clock::default());
    let handle = run::handle(&shared, &clock);
    let buses: Vec<_> = site.buses.keys().cloned().collect();
    let running = run::spawn(Parts {
        site,
        config_version: "bench".to_owned(),
        store: Box::new(SqliteStore::new(path).expect("a runtime")),
        spool: None,
        field: Arc::new(NoField),
        clock,
        shared,
    })
    .expect("a thread");
    for bus in buses {
        let up = Input::Link {
            bus,
            up: true,
            reason: String::new(),
        };
        let answer = handle.enqueue(Actor::Field, up, Vec::new());
        let _ = answer.blocking_recv().expect("an answer");
    }
    Engine { handle, running }
}

impl Engine {
    /// Ends it.
    pub(crate) fn stop(self) {
        self.handle.stop();
        self.running.join();
    }
}
