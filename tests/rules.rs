//! The rules that hold everywhere. First the house's own: who imports whom, how large a file may be. Then one test for each safety
//! rule in force, named after it, against the real engine with the shipped site and a store in memory.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::too_many_arguments,
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on fails, and a story is told in one piece"
)]

#[path = "rules/campus.rs"]
mod campus;
#[path = "rules/correct.rs"]
mod correct;
#[path = "rules/gas.rs"]
mod gas;
#[path = "rules/house.rs"]
mod house;
#[path = "rules/room.rs"]
mod room;
#[path = "rules/safety.rs"]
mod safety;
#[path = "rules/several.rs"]
mod several;
