//! Fengsui 烽燧: one daemon between a campus's fire panels and its people.
//!
//! ARCHITECTURE.md has the map. The core (`domain`, `procedure`, `linkage`, `dispatch`) is pure; `engine` runs it; the
//! adapters (`field`, `mqtt`, `store`, `http`) know the core's values and the engine's ports, never each other.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crash;
pub mod dispatch;
pub mod domain;
pub mod engine;
pub mod field;
#[cfg(test)]
mod fuzz;
pub mod http;
pub mod linkage;
pub mod log;
pub mod mqtt;
pub mod procedure;
pub mod service;
pub mod store;
pub mod text;
