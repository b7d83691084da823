//! The journal and its rows: SQLite by default, memory for tests and the bench. Only the engine's committer writes.

pub mod memory;
mod sql;
pub mod sqlite;

#[cfg(test)]
mod conformance;
