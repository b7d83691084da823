//! Simulated panels, I/O modules and guards.

fn main() {}
