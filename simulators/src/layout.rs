//! The data file of a campus: what devices and outputs there are. Parsed once; never read from `../config`.

use std::collections::BTreeSet;
use std::io;

use serde::{Deserialize, Serialize};

const LIN: &str = include_str!("../campus/lin.toml");
const SMALL: &str = include_str!("../campus/small.toml");

/// Which campus stands here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Which {
    /// The whole demo campus.
    Lin,
    /// Two floors of it, for tests.
    #[default]
    Small,
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
    pub(crate) panel: PanelLayout,
    pub(crate) io: IoLayout,
    #[serde(rename = "output")]
    pub(crate) outputs: Vec<OutputLayout>,
    #[serde(rename = "floor")]
    pub(crate) floors: Vec<FloorLayout>,
    #[serde(rename = "person")]
    pub(crate) people: Vec<Person>,
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

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PanelLayout {
    pub(crate) id: String,
    pub(crate) name: Name,
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
    pub(crate) unit: u8,
    pub(crate) channels: u16,
    pub(crate) pulse_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutputLayout {
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

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FloorLayout {
    pub(crate) id: String,
    pub(crate) name: Name,
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
    pub(crate) fn read(which: Which) -> io::Result<Self> {
        let text = match which {
            Which::Lin => LIN,
            Which::Small => SMALL,
        };
        let layout: Self = toml::from_str(text).map_err(invalid)?;
        layout.check().map_err(invalid)?;
        Ok(layout)
    }

    fn check(&self) -> Result<(), String> {
        if self.version != 1 {
            return Err(format!("layout version {}, expected 1", self.version));
        }
        let mut coils = BTreeSet::new();
        let ids: BTreeSet<&str> = self
            .outputs
            .iter()
            .map(|output| output.id.as_str())
            .collect();
        for output in &self.outputs {
            if output.coil >= self.io.channels || !coils.insert(output.coil) {
                return Err(format!(
                    "output {}: coil {} is taken or absent",
                    output.id, output.coil
                ));
            }
            if let Some(feeder) = &output.powered_by
                && !ids.contains(feeder.as_str())
            {
                return Err(format!("output {}: no feeder {feeder}", output.id));
            }
        }
        let mut addresses = BTreeSet::new();
        for (number, _, _) in self.devices() {
            if number == 0 || number > self.panel.devices_count || !addresses.insert(number) {
                return Err(format!("device {number} is taken or outside the panel"));
            }
        }
        Ok(())
    }

    /// Every device with its address and floor.
    pub(crate) fn devices(&self) -> impl Iterator<Item = (u16, &FloorLayout, &DeviceLayout)> {
        self.floors.iter().flat_map(|floor| {
            (floor.first..)
                .zip(&floor.devices)
                .map(move |(number, device)| (number, floor, device))
        })
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
