//! The people's side of a fire, played by hand.

mod anew;
mod command;
mod correct;
mod groups;
mod maintenance;
mod printer;
mod record;
mod report;
mod restore;
mod room;
mod truth;
