//! The rules that hold everywhere. First the house's own: who imports whom, how large a file may be. Then one test for each safety
//! rule in force, named after it, against the real engine with the shipped site and a store in memory.

#[path = "rules/house.rs"]
mod house;
#[path = "rules/room.rs"]
mod room;
#[path = "rules/safety.rs"]
mod safety;
