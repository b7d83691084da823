//! The journal and its rows: SQLite by default, memory for tests and the bench. Only the engine's committer writes.

mod checkpoint;
pub mod memory;
mod open;
mod sql;
pub mod sqlite;

#[cfg(test)]
mod conformance;
