//! A register profile: what the registers of one kind of device mean. It is data (`config/panels/*.toml`), checked when it is
//! loaded, so that a value is provably inside its block before the first poll.

use std::collections::BTreeMap;
use std::ops::Range;

use super::output::Target;

/// What one kind of unit says and takes, by the protocol it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitProfile {
    /// Modbus: a map of registers.
    Registers(Profile),
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
    /// Unused registers or bits that may be read along to save a request.
    pub gap_max: u16,
    /// In what the device departs from the protocol.
    pub quirks: Quirks,
    /// Groups of points by name.
    pub groups: BTreeMap<String, Group>,
    /// What can be written, by name.
    pub writes: BTreeMap<String, Write>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// Every cycle, before the rest: alarms, feedback.
    First,
    /// Every cycle, after the alarms.
    Rest,
}

/// Points of one shape, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Where they stand.
    pub area: Area,
    /// Zero-based address of the first.
    pub start: u16,
    /// How many points there are.
    pub count: u16,
    /// How a point is read.
    pub layout: Layout,
    /// How soon.
    pub scan: Scan,
}

/// How a point is read from its element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One register a point; each condition is a bit of it (0 = least significant).
    Word {
        /// 火警.
        fire: Option<u8>,
        /// 故障.
        fault: Option<u8>,
        /// 屏蔽.
        disabled: Option<u8>,
        /// 测试.
        test: Option<u8>,
        /// State or feedback.
        active: Option<u8>,
        /// 低限 of a gas detector.
        low: Option<u8>,
        /// 高限 of a gas detector.
        high: Option<u8>,
        /// The word that says "no such device": a fault, never normal.
        missing: Option<u16>,
    },
    /// One bit a point: a coil, an input, or a bit of consecutive registers, least significant first. It is `active`; for a fire
    /// device it is `fire`.
    Bit {
        /// 1 means not active.
        inverted: bool,
    },
}

impl Group {
    /// The elements (registers, coils or inputs) that hold point `index`.
    #[must_use]
    pub fn elements(&self, index: u16) -> Range<u16> {
        let offset = match (&self.layout, self.area.is_bits()) {
            (Layout::Bit { .. }, false) => index / 16,
            (Layout::Bit { .. }, true) | (Layout::Word { .. }, _) => index,
        };
        let at = self.start.saturating_add(offset);
        at..at.saturating_add(1)
    }
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
