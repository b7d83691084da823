//! Simulated panels, I/O modules and guards for Fengsui.
//!
//! A library of fakes with a thin binary. It shares no code with the daemon and, but for the panel maps that it is told to play, reads
//! none of its configuration: it is a second, independent reading of every protocol and map, so a mistake in one reading shows as a
//! disagreement.
//! Tests start it in their own process on free ports; `make demo` runs the binary.

mod answer;
pub mod bench;
pub mod campus;
mod clock;
mod control;
mod field;
pub mod guards;
pub mod io;
pub mod layout;
pub mod map;
pub mod nasty;
pub mod panel;
pub mod printer;
pub mod scenario;
pub mod transmitter;
pub mod view;
mod wire;
pub mod writes;
