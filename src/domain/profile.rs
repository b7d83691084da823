//! A register profile: what the registers of one kind of device mean. It is data (`config/panels/*.toml`), checked when it is
//! loaded, so that a value is provably inside its block before the first poll.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::layout::Group;
use super::output::Target;
use super::printer::Printer;
use super::transmitter::Transmitter;

/// What one kind of unit says and takes, by the protocol it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitProfile {
    /// Modbus: a map of registers.
    Registers(Profile),
    /// GB/T 26875.3: a transmission device that connects to us.
    Transmitter(Transmitter),
    /// A panel that only prints.
    Printer(Printer),
}

/// A device's map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// File name without `.toml`.
    pub name: String,
    /// Most registers that one request may ask for (1 to 125).
    pub registers_max: u16,
    /// Most coils or inputs that one request may ask for (1 to 2000).
    pub bits_max: u16,
    /// Most bytes of one frame on the line, both ways.
    pub frame_bytes_max: u16,
    /// Unused registers or bits that may be read along to save a request.
    pub gap_max: u16,
    /// In what the device departs from the protocol.
    pub quirks: Quirks,
    /// What says that anything has changed, where the device has such a thing.
    pub summary: Option<Summary>,
    /// Groups of points by name.
    pub groups: BTreeMap<String, Group>,
    /// What can be written, by name.
    pub writes: BTreeMap<String, Write>,
}

impl Profile {
    /// Most elements of a table that one read may ask for, on a line whose reply has so many bytes beside the data. At least 1.
    #[must_use]
    pub fn count_max(&self, area: Area, beside: u16) -> u16 {
        let data = self.frame_bytes_max.saturating_sub(beside);
        let most = if area.is_bits() {
            self.bits_max.min(data.saturating_mul(8))
        } else {
            self.registers_max.min(data / 2)
        };
        most.max(1)
    }
}

/// In what a device departs from the protocol. What is not listed here is taken as an error of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quirks {
    /// Its replies name unit 0 whatever unit was asked.
    pub unit_zero_replies: bool,
    /// It does not repeat the transaction number of the request (Modbus TCP).
    pub transaction_not_echoed: bool,
    /// The value that switches a coil on, `0xFF00` in the protocol (V1.1b3, 6.5).
    pub coil_on: u16,
    /// It takes function codes 15 and 16 only, also for one coil or register.
    pub writes_multiple: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            unit_zero_replies: false,
            transaction_not_echoed: false,
            coil_on: 0xFF00,
            writes_multiple: false,
        }
    }
}

/// A table of the Modbus data model (MODBUS Application Protocol V1.1b3, 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Read and written bits: function codes 01, 05, 15.
    Coil,
    /// Read-only bits: function code 02.
    Discrete,
    /// Read and written registers: function codes 03, 06, 16.
    Holding,
    /// Read-only registers: function code 04.
    Input,
}

impl Area {
    /// Whether its elements are single bits.
    #[must_use]
    pub fn is_bits(self) -> bool {
        matches!(self, Self::Coil | Self::Discrete)
    }
}

/// How soon a group is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scan {
    /// Every cycle, before everything: the counters that say whether anything has changed.
    Summary,
    /// Every cycle, before the rest: alarms, feedback.
    First,
    /// Every cycle, after the alarms.
    Rest,
}

/// Words that change whenever something changes in certain groups. While they stay the same those groups may be read less often,
/// so an alarm that the device fails to announce there is seen `max_age` and one cycle later, never after more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Their table.
    pub area: Area,
    /// Zero-based address of the first.
    pub start: u16,
    /// How many; one request reads them.
    pub count: u16,
    /// The groups that they speak of.
    pub groups: BTreeSet<String>,
    /// The oldest that a reading of those groups may become, 200 ms to 10 s.
    pub max_age: Duration,
}

/// Something that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// Coil or register; a row of coils starts here.
    pub target: Target,
    /// How many consecutive coils share this description; 1 for a command register.
    pub count: u16,
    /// One write is one stroke.
    pub pulse: bool,
    /// A level output may be written once more after an unknown outcome.
    pub repeat_is_safe: bool,
}
