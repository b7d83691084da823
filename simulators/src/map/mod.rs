//! Units that answer by a panel map: any file of the site's `panels/` is played, in the direction opposite to the daemon's. From what
//! is the case at a device to the words that say so; nothing here reads a word.
//!
//! A map says where things stand and not what a device does by itself, so nothing latches, no command has an effect of its own, and a
//! person or a test sets each point.

mod file;
mod number;
mod setting;
mod states;
mod table;
mod unit;
mod write;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub(crate) use file::File as MapFile;
pub(crate) use unit::Mapped;

/// A table of the data model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Bits that can be written.
    Coil,
    /// Bits.
    Discrete,
    /// Registers that can be written.
    Holding,
    /// Registers.
    Input,
}

impl Area {
    fn is_bits(self) -> bool {
        matches!(self, Self::Coil | Self::Discrete)
    }
}

/// What a point can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of docs/panels.md")]
pub enum Condition {
    Fire,
    Fault,
    Disabled,
    Test,
    Active,
    Low,
    High,
}

/// Why there is nothing to be read of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// The map's word for "no such device".
    NotPresent,
    /// A code that the map does not have.
    UnknownCode,
    /// A broken wire.
    Broken,
    /// A short circuit.
    Shorted,
    /// A value that cannot be.
    Implausible,
    /// Registers that are no number.
    NotANumber,
}

impl Trouble {
    /// Those that a value alone can have.
    const OF_VALUES: [Self; 4] = [
        Self::Broken,
        Self::Shorted,
        Self::Implausible,
        Self::NotANumber,
    ];
}

/// What a point is set to: `normal`, `fire`, `fire+test`, `not_present`, `37.5`.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// These conditions and no others.
    Shows(BTreeSet<Condition>),
    /// Nothing, for this reason.
    Trouble(Trouble),
    /// A measured value in its unit.
    Value(f64),
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(value) = text.parse::<f64>() {
            let value = Some(value).filter(|value| value.is_finite());
            return value
                .map(Self::Value)
                .ok_or_else(|| format!("{text} is no value"));
        }
        if let Some(trouble) = word(text) {
            return Ok(Self::Trouble(trouble));
        }
        if text == "normal" {
            return Ok(Self::Shows(BTreeSet::new()));
        }
        let conditions: Option<BTreeSet<Condition>> = text.split('+').map(word).collect();
        let conditions = conditions.map(Self::Shows);
        conditions.ok_or_else(|| format!("no such state: {text}"))
    }
}

/// A word of the files as a value.
fn word<T: for<'a> Deserialize<'a>>(text: &str) -> Option<T> {
    serde_json::from_value(text.into()).ok()
}

/// Why a point does not become what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unset {
    /// The map has no such point.
    Unknown,
    /// The map has no word for it.
    Unsayable,
}

/// A point of a map.
#[derive(Clone, Debug, Serialize)]
pub struct MappedView {
    /// `detectors`
    pub group: String,
    /// As points.csv calls it: `L2D15`.
    pub index: String,
    /// What it was set to last, as it can really stand there.
    #[serde(flatten)]
    pub said: Said,
    /// In how many ways the map says this.
    pub ways: usize,
    /// Where it stands.
    pub places: Vec<PlaceView>,
}

/// What a point was set to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Said {
    /// Conditions.
    pub shows: BTreeSet<Condition>,
    /// Why there is nothing else to be read.
    pub trouble: Option<Trouble>,
    /// What it measures, in its unit.
    pub value: Option<f64>,
    /// The unit.
    pub unit: Option<String>,
}

/// Elements of a table.
#[derive(Clone, Debug, Serialize)]
pub struct PlaceView {
    /// The table.
    pub area: Area,
    /// Zero-based address of the first.
    pub address: u16,
    /// What stands there now; other points may share it.
    pub elements: Vec<u16>,
}

/// Reads a map.
pub(crate) fn read(path: &Path) -> io::Result<MapFile> {
    let place = |why: &dyn std::fmt::Display| {
        let why = format!("{}: {why}", path.display());
        io::Error::new(io::ErrorKind::InvalidData, why)
    };
    let text = std::fs::read_to_string(path).map_err(|why| place(&why))?;
    MapFile::parse(&text).map_err(|why| place(&why))
}

#[cfg(test)]
mod tests;
