//! The people's side of a fire, played by hand.

mod groups;
mod report;
