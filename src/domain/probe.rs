//! What whoever commissions a site asks of a line and sees of it, beside the polling. No question changes anything in a device.

use serde::{Deserialize, Serialize};

use super::ids::BusId;
use super::profile::Area;
use super::time::{EngineTime, WallTime};

/// A question to one unit of a line. There is none that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The unit on the line.
    pub unit: u8,
    /// What it is asked.
    #[serde(flatten)]
    pub ask: Ask,
}

/// What a unit is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Elements of a table: function codes 01 to 04.
    Read {
        /// The table.
        area: Area,
        /// Zero-based address of the first.
        start: u16,
        /// How many: 1 to 125 registers, 1 to 2000 bits.
        count: u16,
    },
    /// What it is: function code 43, type 14.
    Identify {
        /// The object to begin with.
        object: u8,
    },
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Told {
    /// Coils or inputs.
    Bits {
        /// As many as were asked for.
        bits: Vec<bool>,
    },
    /// Holding or input registers.
    Registers {
        /// As many as were asked for.
        words: Vec<u16>,
    },
    /// What the device says that it is.
    Identity {
        /// Number and text of each object: 0 maker, 1 product code, 2 revision.
        objects: Vec<(u8, String)>,
        /// The object to go on with.
        next: Option<u8>,
    },
    /// The device refuses, with this exception code.
    Exception {
        /// The code.
        code: u8,
    },
    /// No right reply.
    Nothing {
        /// Why, in English.
        why: String,
    },
}

/// Bytes that went over a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Counts from 0 on since the daemon's start; a gap means that frames were dropped.
    pub number: u64,
    /// When, for distances between frames.
    pub at: EngineTime,
    /// When, for people.
    pub wall: WallTime,
    /// Whether Fengsui sent it.
    pub sent: bool,
    /// What became of it, in one word: `sent`, `right`, `refused`, `timeout` or what is wrong with it.
    pub verdict: String,
    /// All of its bytes in hexadecimal.
    pub hex: String,
}

/// A line of the running daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinePlace {
    /// The bus.
    pub bus: BusId,
    /// Its address or port.
    pub place: String,
}

/// What a device that refuses means (MODBUS Application Protocol V1.1b3, 7).
#[must_use]
pub fn exception(code: u8) -> &'static str {
    match code {
        0x01 => "illegal function",
        0x02 => "illegal address",
        0x03 => "illegal value",
        0x04 => "device failure",
        0x05 => "acknowledged, still at work",
        0x06 => "busy",
        0x08 => "memory parity error",
        0x0A => "gateway: no path",
        0x0B => "gateway: no reply",
        _ => "a code of the maker's own",
    }
}
