//! Modbus as the bus tasks speak it: requests and replies (`pdu`), the frame of Modbus TCP (`mbap`), one connection (`tcp`).
//!
//! A reply is decoded from the request it answers: unit, function code, transaction, length, byte count and echo must all be
//! what the request asks for, or the reply is no reply. Serial lines will bring their own frame beside `mbap` and their own
//! line beside `tcp`; requests and replies stay as they are.

pub(crate) mod mbap;
pub(crate) mod pdu;
pub(crate) mod tcp;

#[cfg(test)]
mod tests;
