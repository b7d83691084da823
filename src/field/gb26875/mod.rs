//! GB/T 26875.3-2011 in: user information transmission devices 用户信息传输装置 connect to a port of ours and tell what the facilities
//! behind them say.
//!
//! `frame` is bytes, `adu` what an application unit says, `labels` the device's clock; `device` is one device and what is believed
//! because of it, with its `places` (points), `others` (what has none) and `asker` (questions); `server` is the task of a port and
//! `connection` one socket. There is no login and no encryption in the protocol: an address is a claim, so a port of this kind belongs
//! into a closed network or a tunnel (docs/gb26875.md).
//! *Invariants: what is confirmed is kept; a fire bit is never dropped; what does not read whole is not believed and is told.*

mod adu;
mod asker;
mod connection;
mod device;
mod frame;
mod labels;
mod others;
mod places;
mod server;
mod strangers;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use self::device::Device;
use self::places::Places;
use self::server::Server;
use super::command::Port;
use crate::domain::point::Point;
use crate::domain::profile::UnitProfile;
use crate::domain::site::{Bus, Site};
use crate::engine::handle::Handle;

/// The port of a bus, with the devices that may connect to it.
pub(super) fn server(
    (site, bus): (&Site, &Bus),
    profiles: &BTreeMap<String, UnitProfile>,
    (port, handle): (Arc<Port>, Handle),
    stop: CancellationToken,
) -> Server {
    let devices = bus.units.iter().filter_map(|unit| {
        let Some(UnitProfile::Transmitter(profile)) = profiles.get(&unit.profile) else {
            return None;
        };
        let of_unit = |point: &&Point| point.bus == bus.id && point.unit == unit.unit;
        let (places, unplaced) = Places::new(site.points.values().filter(of_unit));
        for point in unplaced {
            tracing::error!(bus.id = %bus.id, point.id = %point, "a point is told by nothing");
        }
        let offset = site.utc_offset_minutes;
        Some(Device::new(
            unit.unit,
            unit.caller?,
            profile.clone(),
            places,
            offset,
        ))
    });
    let devices = devices.collect();
    let place = (bus.id.clone(), bus.line.place().to_owned());
    Server::new(
        place,
        devices,
        site.utc_offset_minutes,
        (port, handle),
        stop,
    )
}
