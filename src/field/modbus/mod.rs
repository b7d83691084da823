//! Modbus as the bus tasks speak it: requests and replies (`request`, `identity`, `pdu`), the frames of Modbus TCP (`mbap`) and of
//! serial lines (`rtu`), and the three ways to a device (`transport`): `tcp` and `rtu_tcp` over a `stream`, and `serial`.
//!
//! A reply is decoded from the request it answers: unit, function code, transaction or checksum, length, byte count and echo must
//! all be what the request asks for, or the reply is no reply.

pub(crate) mod fault;
mod identity;
pub(crate) mod mbap;
pub(crate) mod pdu;
mod request;
pub(crate) mod rtu;
mod rtu_tcp;
mod serial;
mod stream;
mod tcp;
pub(crate) mod transport;

#[cfg(test)]
mod tests;
