//! The people's side of a fire, played by hand.

mod command;
mod groups;
mod printer;
mod record;
mod report;
mod restore;
mod room;
