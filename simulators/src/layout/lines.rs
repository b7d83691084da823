//! The lines of a campus: which way each goes, and which devices are on it.

use std::net::SocketAddr;

use serde::Deserialize;

use super::{Layout, Name};
use crate::field::Side;
use crate::nasty::catalogue::Way;

/// The pace of the campus's RS-485 when nothing is said.
const BAUD: u32 = 9_600;

/// The line of a device: its own, or one that it shares.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LineLayout {
    /// Modbus TCP, a line of its own with the device's id.
    Tcp(SocketAddr),
    /// Modbus RTU on a pseudo-terminal of its own, which is linked under this file name.
    Serial(String),
    /// The `[[line]]` with this id.
    On(String),
}

/// `[[line]]`: a line for several units.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineEntry {
    pub(super) id: String,
    pub(super) name: Name,
    pub(super) at: At,
    /// Of a serial line.
    pub(super) baud: Option<u32>,
}

/// Where a line is found.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum At {
    Tcp(SocketAddr),
    /// RTU frames through a socket, as a simple gateway passes them on.
    RtuTcp(SocketAddr),
    Serial(String),
}

/// A line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) name: Name,
    pub(crate) place: Place,
    pub(crate) devices: Vec<Side>,
}

/// Where a line is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp(SocketAddr),
    RtuTcp(SocketAddr),
    Serial { name: String, baud: u32 },
}

impl Line {
    pub(crate) fn way(&self) -> Way {
        match self.place {
            Place::Tcp(_) => Way::Tcp,
            Place::RtuTcp(_) => Way::RtuTcp,
            Place::Serial { .. } => Way::Serial,
        }
    }
}

/// All lines: those of the panels in order, then those of the modules and of units with a map, then what is shared.
pub(super) fn of(layout: &Layout) -> Result<Vec<Line>, String> {
    let panels = layout.panels.iter().enumerate();
    let panels = panels.map(|(at, one)| (Side::Panel(at), &one.id, &one.name, &one.line, one.unit));
    let modules = layout.modules.iter().enumerate();
    let modules = modules.map(|(at, one)| (Side::Io(at), &one.id, &one.name, &one.line, one.unit));
    let mapped = layout.mapped.iter().enumerate();
    let mapped =
        mapped.map(|(at, one)| (Side::Mapped(at), &one.id, &one.name, &one.line, one.unit));
    let mut own = Vec::new();
    let mut shared: Vec<Line> = layout.named_lines.iter().map(shared_line).collect();
    let mut taken = std::collections::BTreeSet::new();
    for (side, id, name, line, unit) in panels.chain(modules).chain(mapped) {
        let place = match line {
            LineLayout::Tcp(address) => Place::Tcp(*address),
            LineLayout::Serial(name) => Place::Serial {
                name: name.clone(),
                baud: BAUD,
            },
            LineLayout::On(line) => {
                let found = shared.iter_mut().find(|one| one.id == *line);
                let found = found.ok_or_else(|| format!("{id}: no line {line}"))?;
                found.devices.push(side);
                if !taken.insert((line.clone(), unit)) {
                    return Err(format!("{id}: unit {unit} is on line {line} already"));
                }
                continue;
            }
        };
        own.push(Line {
            id: id.clone(),
            name: name.clone(),
            place,
            devices: vec![side],
        });
    }
    own.extend(shared);
    let mut ids = std::collections::BTreeSet::new();
    match own.iter().find(|line| !ids.insert(&line.id)) {
        Some(line) => Err(format!("line {}: its id is taken", line.id)),
        None => Ok(own),
    }
}

fn shared_line(entry: &LineEntry) -> Line {
    Line {
        id: entry.id.clone(),
        name: entry.name.clone(),
        place: match &entry.at {
            At::Tcp(address) => Place::Tcp(*address),
            At::RtuTcp(address) => Place::RtuTcp(*address),
            At::Serial(name) => Place::Serial {
                name: name.clone(),
                baud: entry.baud.unwrap_or(BAUD),
            },
        },
        devices: Vec::new(),
    }
}
