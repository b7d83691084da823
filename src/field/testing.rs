//! For the tests of the field: sites made by hand, an engine's end that writes down all it hears, and a device that misbehaves
//! on request, on real sockets.

mod device;
mod engine;
mod gateway;
mod site;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::device::{Act, Device, Server};
pub(crate) use self::engine::{Engine, Heard};
pub(crate) use self::gateway::Gateway;
pub(crate) use self::site::{
    TIMEOUT_MS, bit, bus, effect, group, io_site, number, panel_site, point, profile, profiles,
    site, unit_profiles, word,
};
pub(crate) use self::wire::{Slave, Wire, Wrong};
use super::FieldHandle;
use crate::domain::ids::BusId;
use crate::domain::output::WriteOutcome;
use crate::domain::profile::UnitProfile;
use crate::domain::site::Site;

/// Longest wait for anything in a test.
pub(crate) const BOUND: Duration = Duration::from_secs(10);

/// The field at work on a site, with the engine's end.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) field: Arc<FieldHandle>,
    pub(crate) stop: CancellationToken,
    pub(crate) tracker: TaskTracker,
}

impl Bench {
    pub(crate) fn start(site: Site) -> Self {
        Self::with(site, &unit_profiles())
    }

    /// The same with other profiles.
    pub(crate) fn with(site: Site, profiles: &BTreeMap<String, UnitProfile>) -> Self {
        let engine = Engine::start();
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let field = super::start(
            Arc::new(site),
            profiles,
            engine.handle.clone(),
            stop.clone(),
            &tracker,
        );
        Self {
            engine,
            field,
            stop,
            tracker,
        }
    }

    pub(crate) fn counts(&self, bus: &str) -> super::Counts {
        self.field.counters(&BusId::from(bus)).unwrap()
    }

    pub(crate) async fn up(&self) -> Heard {
        self.engine
            .until("up", |heard| heard.links().contains(&"up"))
            .await
    }

    /// Waits until the command has a result.
    pub(crate) async fn outcome(&self, command: &str) -> WriteOutcome {
        let heard = self
            .engine
            .until("result", |heard| !heard.outcomes(command).is_empty())
            .await;
        heard.outcomes(command)[0]
    }

    /// Ends the field and sees that it ends.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(BOUND, self.tracker.wait())
            .await
            .expect("the tasks of the buses end");
    }
}
