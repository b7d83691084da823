//! The real daemon on real sockets: a Modbus TCP panel, the broker inside, HTTP, a journal on disk.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on fails, and a story is told in one piece"
)]

mod branches;
mod broker;
mod campus;
mod clock;
mod fire;
mod gas;
mod groups;
mod kill;
mod maintenance;
mod nasty;
mod peers;
mod people;
mod printer;
mod service;
mod site;
mod spool;
mod start;
mod tools;
mod transmitter;
