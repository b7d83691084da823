//! The data file of a campus: what devices and outputs there are. Parsed once; never read from `../config`.

mod lines;
mod mapped;
mod plain;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use lines::LineEntry;
pub(crate) use lines::{Line, LineLayout, Place};
use plain::Plain;

use crate::map::{self, MapFile};

const LIN: &str = include_str!("../campus/lin.toml");
const SMALL: &str = include_str!("../campus/small.toml");

/// Which campus stands here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// The whole demo campus.
    Lin,
    /// Two floors of it, for tests.
    #[default]
    Small,
    /// One of somebody's own, as docs/simulator.md describes it.
    File(PathBuf),
    /// One line `panel` with units that all answer by one map.
    Mapped {
        /// The file of the map.
        map: PathBuf,
        /// Their unit identifiers; the units are called `unit1`, `unit2` …
        units: Vec<u8>,
    },
}

impl FromStr for Which {
    type Err = Infallible;

    fn from_str(word: &str) -> Result<Self, Infallible> {
        Ok(match word {
            "lin" => Self::Lin,
            "small" => Self::Small,
            path => Self::File(path.into()),
        })
    }
}

/// A name in both languages.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Name {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layout {
    pub(crate) version: u32,
    pub(crate) id: String,
    pub(crate) name: Name,
    #[serde(rename = "building", default)]
    pub(crate) buildings: Vec<BuildingLayout>,
    #[serde(rename = "line", default)]
    named_lines: Vec<LineEntry>,
    #[serde(rename = "panel", default)]
    pub(crate) panels: Vec<PanelLayout>,
    #[serde(rename = "io", default)]
    pub(crate) modules: Vec<IoLayout>,
    #[serde(default)]
    pub(crate) mapped: Vec<MappedLayout>,
    #[serde(rename = "output", default)]
    pub(crate) outputs: Vec<OutputLayout>,
    #[serde(rename = "input", default)]
    pub(crate) inputs: Vec<InputLayout>,
    #[serde(rename = "floor", default)]
    pub(crate) floors: Vec<FloorLayout>,
    #[serde(rename = "person", default)]
    pub(crate) people: Vec<Person>,
    #[serde(default)]
    plain: Vec<Plain>,
    /// Every line with the devices on it, worked out of the others.
    #[serde(skip)]
    pub(crate) lines: Vec<Line>,
    /// The maps of `mapped` in order.
    #[serde(skip)]
    pub(crate) maps: Vec<MapFile>,
}

/// Somebody who can be simulated.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Recipient id.
    pub id: String,
    /// Post and name.
    pub name: String,
}

/// A building, to group floors.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildingLayout {
    /// Building id.
    pub id: String,
    /// Its name.
    pub name: Name,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PanelLayout {
    pub(crate) id: String,
    pub(crate) name: Name,
    pub(crate) line: LineLayout,
    pub(crate) unit: u8,
    pub(crate) prefix: String,
    pub(crate) devices_first: u16,
    pub(crate) devices_count: u16,
    pub(crate) status_register: u16,
    pub(crate) command_register: u16,
    pub(crate) key_auto: bool,
    pub(crate) sounder_delay_ms: u64,
    pub(crate) realarm_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IoLayout {
    pub(crate) id: String,
    pub(crate) name: Name,
    pub(crate) line: LineLayout,
    pub(crate) unit: u8,
    pub(crate) channels: u16,
    pub(crate) pulse_ms: u64,
}

/// A unit that answers by a panel map.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MappedLayout {
    pub(crate) id: String,
    pub(crate) name: Name,
    pub(crate) line: LineLayout,
    pub(crate) unit: u8,
    /// The file of the map, beside the layout's own file.
    pub(crate) map: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutputLayout {
    /// Its module.
    pub(crate) io: String,
    pub(crate) coil: u16,
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) name: Name,
    pub(crate) place: String,
    pub(crate) stroke_ms: u64,
    #[serde(default)]
    pub(crate) pulse: bool,
    #[serde(default)]
    pub(crate) undo: bool,
    #[serde(default)]
    pub(crate) powered_by: Option<String>,
}

/// A contact that no output drives: a tank's level, a valve's position.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InputLayout {
    /// Its module.
    pub(crate) io: String,
    pub(crate) channel: u16,
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) floor: String,
    pub(crate) room: Name,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FloorLayout {
    pub(crate) id: String,
    pub(crate) building: String,
    pub(crate) name: Name,
    /// The panel whose loop runs through it.
    pub(crate) panel: String,
    /// Address of the first device; the others follow.
    pub(crate) first: u16,
    pub(crate) devices: Vec<DeviceLayout>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeviceLayout {
    pub(crate) kind: String,
    pub(crate) room: Name,
}

impl Layout {
    /// Reads the campus that is asked for.
    pub(crate) fn read(which: &Which) -> io::Result<Self> {
        match which {
            Which::Lin => Self::parse(LIN),
            Which::Small => Self::parse(SMALL),
            Which::File(path) => {
                let layout = Self::parse(&std::fs::read_to_string(path)?)?;
                layout.with_maps(path.parent().unwrap_or(Path::new("")))
            }
            Which::Mapped { map, units } => {
                Self::mapped(map, units).and_then(|layout| layout.with_maps(Path::new("")))
            }
        }
    }

    /// Reads the map of every unit that has one.
    fn with_maps(mut self, folder: &Path) -> io::Result<Self> {
        let paths = self.mapped.iter().map(|one| folder.join(&one.map));
        let maps = paths.map(|path| map::read(&path));
        self.maps = maps.collect::<io::Result<_>>()?;
        Ok(self)
    }

    fn parse(text: &str) -> io::Result<Self> {
        let mut layout: Self = toml::from_str(text).map_err(invalid)?;
        for plain in std::mem::take(&mut layout.plain) {
            plain.put(&mut layout).map_err(invalid)?;
        }
        layout.checked()
    }

    fn checked(mut self) -> io::Result<Self> {
        self.check().map_err(invalid)?;
        self.lines = lines::of(&self).map_err(invalid)?;
        Ok(self)
    }

    fn check(&self) -> Result<(), String> {
        if self.version != 1 {
            return Err(format!("layout version {}, expected 1", self.version));
        }
        self.check_ids()?;
        self.check_outputs()?;
        self.check_devices()
    }

    fn check_ids(&self) -> Result<(), String> {
        if self.panels.is_empty() && self.modules.is_empty() && self.mapped.is_empty() {
            return Err("a campus has at least one panel, I/O module or mapped unit".to_owned());
        }
        let mut ids = BTreeSet::new();
        let mut prefixes = BTreeSet::new();
        for panel in &self.panels {
            if !ids.insert(&panel.id) || !prefixes.insert(&panel.prefix) {
                return Err(format!("panel {}: its id or prefix is taken", panel.id));
            }
        }
        let modules = self.modules.iter().map(|module| &module.id);
        let mut others = modules.chain(self.mapped.iter().map(|unit| &unit.id));
        match others.find(|id| !ids.insert(*id)) {
            Some(id) => Err(format!("{id}: its id is taken")),
            None => Ok(()),
        }
    }

    fn check_outputs(&self) -> Result<(), String> {
        let mut coils = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for output in &self.outputs {
            let module = self.modules.iter().find(|module| module.id == output.io);
            let channels = module.map_or(0, |module| module.channels);
            if output.coil >= channels || !coils.insert((&output.io, output.coil)) {
                return Err(format!(
                    "output {}: coil {} of {} is taken or absent",
                    output.id, output.coil, output.io
                ));
            }
            if !ids.insert(output.id.as_str()) {
                return Err(format!("output {} is there twice", output.id));
            }
        }
        for input in &self.inputs {
            let module = self.modules.iter().find(|module| module.id == input.io);
            let channels = module.map_or(0, |module| module.channels);
            if input.channel >= channels || !coils.insert((&input.io, input.channel)) {
                return Err(format!(
                    "input {}: its channel is taken or absent",
                    input.id
                ));
            }
        }
        for output in &self.outputs {
            let Some(feeder) = &output.powered_by else {
                continue;
            };
            let is_beside = |other: &OutputLayout| other.id == *feeder && other.io == output.io;
            if !self.outputs.iter().any(is_beside) {
                return Err(format!(
                    "output {}: no feeder {feeder} on the same module",
                    output.id
                ));
            }
        }
        Ok(())
    }

    fn check_devices(&self) -> Result<(), String> {
        for floor in &self.floors {
            if !self.buildings.iter().any(|one| one.id == floor.building) {
                return Err(format!(
                    "floor {}: no building {}",
                    floor.id, floor.building
                ));
            }
            if !self.panels.iter().any(|panel| panel.id == floor.panel) {
                return Err(format!("floor {}: no panel {}", floor.id, floor.panel));
            }
        }
        for panel in &self.panels {
            let mut addresses = BTreeSet::new();
            for (number, _, _) in self.devices(&panel.id) {
                if number == 0 || number > panel.devices_count || !addresses.insert(number) {
                    return Err(format!(
                        "device {number} of {} is taken or outside the panel",
                        panel.id
                    ));
                }
            }
        }
        Ok(())
    }

    /// Every device of a panel with its address and floor.
    pub(crate) fn devices<'a>(
        &'a self,
        panel: &'a str,
    ) -> impl Iterator<Item = (u16, &'a FloorLayout, &'a DeviceLayout)> {
        let floors = self.floors.iter().filter(move |floor| floor.panel == panel);
        floors.flat_map(|floor| {
            (floor.first..)
                .zip(&floor.devices)
                .map(move |(number, device)| (number, floor, device))
        })
    }

    /// The outputs of a module.
    pub(crate) fn outputs_of<'a>(
        &'a self,
        module: &'a str,
    ) -> impl Iterator<Item = &'a OutputLayout> {
        self.outputs
            .iter()
            .filter(move |output| output.io == module)
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
