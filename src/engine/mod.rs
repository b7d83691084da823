//! The one loop: input, decide, apply, batch, commit, and only then replies, documents and owed effects.

pub mod board;
pub mod handle;
pub mod ports;
