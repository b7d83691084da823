//! The bus at work over real sockets: with a well-behaved device of another make, with one that misbehaves, and with the engine.

mod depth;
mod engine;
mod faults;
mod gateway;
mod inside;
mod libmodbus;
mod lines;
mod out_of_turn;
mod overtaking;
mod peers;
mod serial;
mod terms;
mod writes;
