//! Values of the field: what a point, a post, an output, an order is. No I/O, no clock, no state of the process.

pub mod actor;
pub mod group;
pub mod ids;
pub mod input;
pub mod layout;
pub mod limits;
pub mod line;
pub mod note;
pub mod order;
pub mod output;
pub mod point;
pub mod printer;
pub mod probe;
pub mod profile;
pub mod role;
pub mod settings;
pub mod site;
pub mod template;
pub mod text;
pub mod time;
pub mod transmitter;
pub mod weight;
