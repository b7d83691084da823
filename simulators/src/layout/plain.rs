//! `[[plain]]`: many lines of plain panels in a few words, for tests of a whole field.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;

use super::lines::{At, LineEntry, LineLayout};
use super::{BuildingLayout, DeviceLayout, FloorLayout, Layout, Name, PanelLayout};
use crate::nasty::catalogue::Way;

/// Where every plain panel has its status and its commands, beside its devices from register 0 on.
const STATUS: u16 = 200;
const COMMAND: u16 = 300;

/// Lines `{id}1`, `{id}2` … each with the same units; a unit is a panel `{line}u{unit}` with detectors `{line}u{unit}-001` …
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plain {
    id: String,
    /// So many lines.
    count: u16,
    way: Way,
    /// The port of the first line on a socket, the others follow; 0 for free ones.
    #[serde(default)]
    port: u16,
    /// Of serial lines.
    baud: Option<u32>,
    units: Vec<u8>,
    /// Detectors of each unit.
    devices: u16,
}

impl Plain {
    /// Puts all lines, panels and floors into the layout.
    pub(super) fn put(&self, layout: &mut Layout) -> Result<(), String> {
        layout.buildings.push(BuildingLayout {
            id: self.id.clone(),
            name: same(&self.id),
        });
        for n in 0..self.count {
            let line = format!("{}{}", self.id, n + 1);
            layout.named_lines.push(LineEntry {
                id: line.clone(),
                name: same(&line),
                at: self.at(&line, n)?,
                baud: self.baud,
            });
            for unit in &self.units {
                let panel = format!("{line}u{unit}");
                layout.floors.push(self.floor(&panel));
                layout.panels.push(self.panel(&line, *unit, panel));
            }
        }
        Ok(())
    }

    fn at(&self, line: &str, n: u16) -> Result<At, String> {
        let port = match self.port {
            0 => Some(0),
            first => first.checked_add(n),
        };
        let port = port.ok_or_else(|| format!("line {line}: no port is left"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(match self.way {
            Way::Tcp => At::Tcp(address),
            Way::RtuTcp => At::RtuTcp(address),
            Way::Serial => At::Serial(format!("{line}.tty")),
        })
    }

    fn panel(&self, line: &str, unit: u8, id: String) -> PanelLayout {
        PanelLayout {
            name: same(&id),
            prefix: id.clone(),
            id,
            line: LineLayout::On(line.to_owned()),
            unit,
            devices_first: 0,
            devices_count: self.devices,
            status_register: STATUS,
            command_register: COMMAND,
            key_auto: false,
            sounder_delay_ms: 3_000,
            realarm_ms: 1_500,
        }
    }

    fn floor(&self, panel: &str) -> FloorLayout {
        let device = |n| DeviceLayout {
            kind: "smoke".to_owned(),
            room: Name {
                zh: format!("{panel} {n}号"),
                en: format!("{panel} no. {n}"),
            },
        };
        FloorLayout {
            id: panel.to_owned(),
            building: self.id.clone(),
            name: same(panel),
            panel: panel.to_owned(),
            first: 1,
            devices: (1..=self.devices).map(device).collect(),
        }
    }
}

fn same(word: &str) -> Name {
    Name {
        zh: word.to_owned(),
        en: word.to_owned(),
    }
}
