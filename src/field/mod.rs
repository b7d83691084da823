//! The field: one task per bus, its readings into the slots of the points, the engine's commands onto the wire.
//!
//! It owns the connections to panels and I/O modules and nothing else: no procedure, no latch, no decision. It must never put a
//! value down that no reply carried, and never write without the engine's permit (DESIGN.md 4, rules 1 and 8).
//!
//! `gb26875` is a port of its own to which transmission devices connect; `printer` listens to panels that only print. The rest is
//! Modbus:
//! `modbus` is bytes and one connection; `plan` says which block holds which point; `cycle` which block is next, `summary` which
//! may be left out; `terms` how a unit is asked, `recent` what was asked last, `units` who is believed; `decode`, `number` and
//! `memory` make conditions and values of elements; `bus` is the task; `command` and `report` are its two ends towards the engine;
//! `counters` and `trace` are what can be looked at afterwards.

pub mod budget;
mod bus;
mod command;
mod counters;
mod cycle;
mod decode;
pub mod explain;
mod gb26875;
mod memory;
mod modbus;
mod number;
mod plan;
mod port;
mod printer;
pub mod probe;
mod recent;
pub mod replay;
mod report;
mod stagger;
mod summary;
mod terms;
mod trace;
mod units;

#[cfg(test)]
pub(crate) mod fuzz;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::command::FieldHandle;
pub use self::counters::Counts;
use self::printer::Listener;
pub use self::trace::{Frame, Ring, Verdict};
use crate::domain::line::Line;
use crate::domain::printer::Printer;
use crate::domain::profile::{Profile, UnitProfile};
use crate::domain::site::{Bus, Site};
use crate::engine::handle::Handle;

/// Starts the task of every bus; called inside a runtime. They end when `stop` is cancelled.
#[must_use]
pub fn start(
    site: Arc<Site>,
    profiles: &BTreeMap<String, UnitProfile>,
    handle: Handle,
    stop: CancellationToken,
    tracker: &TaskTracker,
) -> Arc<FieldHandle> {
    let maps = register_maps(profiles);
    let supplies = Arc::<stagger::Supplies>::default();
    let mut ports = BTreeMap::new();
    for bus in site.buses.values() {
        let port = Arc::new(command::Port::new(handle.clone(), Arc::clone(&supplies)));
        ports.insert(bus.id.clone(), Arc::clone(&port));
        if let Line::Listen(_) = bus.line {
            let (place, ends) = ((&*site, bus), (port, handle.clone()));
            tracker.spawn(gb26875::server(place, profiles, ends, stop.clone()).run());
            continue;
        }
        if let Line::Printer(line) = &bus.line {
            for (unit, profile) in printers(bus, profiles) {
                let way = (&*site, bus, line.clone());
                let (port, handle) = (Arc::clone(&port), handle.clone());
                let task = Listener::new(way, (unit, profile), port, handle, stop.clone());
                tracker.spawn(task.run());
            }
            continue;
        }
        let (blocks, unplaced) = plan::blocks(&site, bus, &maps);
        for (point, why) in unplaced {
            tracing::error!(bus.id = %bus.id, point.id = %point, %why, "a point cannot be read");
        }
        if blocks.is_empty() {
            tracing::warn!(bus.id = %bus.id, "nothing is read here; only a command will notice a loss");
        }
        let terms = terms::AllTerms::new(bus, &maps);
        let task = bus::Bus::new(bus, (blocks, terms), port, handle.clone(), stop.clone());
        tracker.spawn(task.run());
    }
    let places = site.buses.values();
    let places = places.map(|bus| (bus.id.clone(), bus.line.place().to_owned()));
    Arc::new(FieldHandle {
        ports,
        places: places.collect(),
    })
}

/// The profiles of units that speak Modbus.
fn register_maps(profiles: &BTreeMap<String, UnitProfile>) -> BTreeMap<String, Profile> {
    let maps = profiles.iter().filter_map(|(name, profile)| match profile {
        UnitProfile::Registers(map) => Some((name.clone(), map.clone())),
        UnitProfile::Transmitter(_) | UnitProfile::Printer(_) => None,
    });
    maps.collect()
}

/// The panel behind a printer's line; the configuration allows one.
fn printers<'a>(
    bus: &'a Bus,
    profiles: &'a BTreeMap<String, UnitProfile>,
) -> impl Iterator<Item = (u8, &'a Printer)> {
    let units = bus.units.iter().take(1);
    units.filter_map(|unit| match profiles.get(&unit.profile)? {
        UnitProfile::Printer(profile) => Some((unit.unit, profile)),
        UnitProfile::Registers(_) | UnitProfile::Transmitter(_) => None,
    })
}
