//! A campus of nothing but units with one map.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use super::lines::{At, LineEntry, LineLayout};
use super::{Layout, MappedLayout, Name};

/// The one line.
const LINE: &str = "panel";

impl Layout {
    /// These units on one line of Modbus TCP.
    pub(super) fn mapped(map: &Path, units: &[u8]) -> io::Result<Self> {
        let name = map.file_stem().unwrap_or_default().to_string_lossy();
        let both = || Name {
            zh: name.clone().into_owned(),
            en: name.clone().into_owned(),
        };
        let line = LineEntry {
            id: LINE.to_owned(),
            name: both(),
            at: At::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            baud: None,
        };
        let unit = |unit: &u8| MappedLayout {
            id: format!("unit{unit}"),
            name: both(),
            line: LineLayout::On(LINE.to_owned()),
            unit: *unit,
            map: map.to_owned(),
        };
        let layout = Self {
            version: 1,
            id: LINE.to_owned(),
            name: both(),
            buildings: Vec::new(),
            named_lines: vec![line],
            panels: Vec::new(),
            modules: Vec::new(),
            mapped: units.iter().map(unit).collect(),
            outputs: Vec::new(),
            inputs: Vec::new(),
            floors: Vec::new(),
            people: Vec::new(),
            plain: Vec::new(),
            lines: Vec::new(),
            maps: Vec::new(),
        };
        layout.checked()
    }
}
