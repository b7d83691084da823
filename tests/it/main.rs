//! The real daemon on real sockets: a Modbus TCP panel, the broker inside, HTTP, a journal on disk.

mod branches;
mod clock;
mod fire;
mod kill;
mod site;
mod start;
