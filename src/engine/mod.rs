//! The one loop: input, decide, apply, batch, commit, and only then replies, documents and owed effects.

pub mod board;
pub mod chain;
mod commit;
pub mod handle;
mod keep;
mod lanes;
pub mod ledger;
pub mod load;
mod pages;
pub mod ports;
pub mod pulses;
pub mod rebuild;
pub mod run;
pub mod spool;
pub mod stages;
mod tell;
pub mod translate;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
