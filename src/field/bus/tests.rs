//! The bus at work over real sockets: with a well-behaved device of another make, and with one that misbehaves.

mod faults;
mod lines;
mod peers;
mod writes;
