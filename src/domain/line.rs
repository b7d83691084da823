//! Where a bus goes: over the network or over a serial port. Values only; who opens them is the field.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The way to the devices of a bus.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    /// Modbus TCP at `host:port`.
    Tcp(String),
    /// The frames of a serial line, passed on by a gateway at `host:port`.
    RtuOverTcp(String),
    /// A serial port of this machine.
    Serial(SerialLine),
    /// Transmission devices connect to us at `host:port` (GB/T 26875.3).
    Listen(String),
    /// A printer's port: it is only listened to.
    Printer(PrinterLine),
}

/// The way to the port of a printer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrinterLine {
    /// A serial port of this machine.
    Serial(SerialLine),
    /// A serial device server at `host:port`.
    Tcp(String),
}

/// A serial port and how its characters are sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SerialLine {
    /// For example `/dev/serial/by-id/…`, which keeps its name when an adapter is plugged in again.
    pub path: String,
    /// Bits per second.
    pub baud: u32,
    /// The parity bit.
    pub parity: Parity,
    /// 1 or 2.
    pub stop_bits: u8,
    /// The adapter hears what it sends itself: the request comes back before the reply.
    pub echo: bool,
    /// The kernel switches the line driver by RTS around what it sends; `None` where the adapter does that by itself.
    pub driver: Option<DriverEnable>,
    /// Only a pseudo-terminal is opened: the line of a demo site never reaches a device.
    pub pty_only: bool,
}

/// The parity bit of a character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parity {
    /// No such bit.
    #[default]
    None,
    /// An even number of ones.
    Even,
    /// An odd number of ones.
    Odd,
}

/// The level of RTS while the line driver of an RS-485 port is to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriverEnable {
    /// RTS is high while sending: most transceivers.
    RtsHigh,
    /// RTS is low while sending.
    RtsLow,
}

impl SerialLine {
    /// Bits of one character on the wire: start, eight of data, parity, stop.
    #[must_use]
    pub fn bits_per_character(&self) -> u32 {
        let parity = match self.parity {
            Parity::None => 0,
            Parity::Even | Parity::Odd => 1,
        };
        1 + 8 + parity + u32::from(self.stop_bits)
    }
}

impl Line {
    /// What two buses must not share: the address or the port.
    #[must_use]
    pub fn place(&self) -> &str {
        match self {
            Self::Tcp(address)
            | Self::RtuOverTcp(address)
            | Self::Listen(address)
            | Self::Printer(PrinterLine::Tcp(address)) => address,
            Self::Serial(serial) | Self::Printer(PrinterLine::Serial(serial)) => &serial.path,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::RtuOverTcp(address) => write!(f, "{address} (RTU over TCP)"),
            Self::Listen(address) => write!(f, "port {address}"),
            Self::Serial(serial) | Self::Printer(PrinterLine::Serial(serial)) => {
                write!(f, "{} at {} baud", serial.path, serial.baud)
            }
            Self::Printer(PrinterLine::Tcp(address)) => write!(f, "{address} (printer)"),
        }
    }
}
