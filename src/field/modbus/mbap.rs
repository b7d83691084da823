//! The frame of Modbus TCP (MODBUS Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3): transaction, protocol 0, length,
//! unit, then request or reply. Bytes in, values out; no I/O.

use super::pdu::{BadReply, Lenient, Reply, Request};

/// Transaction, protocol, length and unit.
const HEADER: usize = 7;
/// What the length field of a refusal says: unit, function code, exception code.
const REFUSAL: u16 = 3;

/// A request on its way, with all that its reply must repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) transaction: u16,
    pub(crate) unit: u8,
    pub(crate) request: Request,
    pub(crate) lenient: Lenient,
}

/// How far a reply has come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It goes on with at most this many bytes, and at least one.
    More(usize),
    /// It is whole and right.
    Done(Reply),
}

impl Asked {
    /// The frame to send.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let pdu = self.request.encode();
        let mut frame = Vec::with_capacity(HEADER + pdu.len());
        frame.extend(self.transaction.to_be_bytes());
        // Protocol 0; the length counts the unit and the request, which is at most 253 bytes.
        frame.extend([0, 0]);
        frame.extend(
            u16::try_from(pdu.len() + 1)
                .unwrap_or_default()
                .to_be_bytes(),
        );
        frame.push(self.unit);
        frame.extend(pdu);
        frame
    }

    /// Looks at all bytes that have come in since the frame was sent. What does not fit is found as early as it can be.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<Progress, BadReply> {
        let reply_len = self.request.reply_len();
        let &[t1, t0, p1, p0, l1, l0, ref body @ ..] = bytes else {
            return Ok(Progress::More(
                HEADER + usize::from(reply_len.least) - bytes.len(),
            ));
        };
        let got = u16::from_be_bytes([p1, p0]);
        if got != 0 {
            return Err(BadReply::Protocol { got });
        }
        let (expected, got) = (self.transaction, u16::from_be_bytes([t1, t0]));
        if got != expected && !self.lenient.any_transaction {
            return Err(BadReply::Transaction { expected, got });
        }
        let got = u16::from_be_bytes([l1, l0]);
        let is_allowed = got.checked_sub(1).is_some_and(|pdu| reply_len.allows(pdu));
        if !is_allowed && got != REFUSAL {
            return Err(BadReply::Length {
                expected: reply_len.least + 1,
                got: got.into(),
            });
        }
        let length = usize::from(got);
        let Some((&got, pdu)) = body.split_first() else {
            return Ok(Progress::More(length));
        };
        let expected = self.unit;
        if got != expected && !(got == 0 && self.lenient.unit_zero) {
            return Err(BadReply::Unit { expected, got });
        }
        match length.checked_sub(body.len()) {
            None => Err(BadReply::Surplus),
            Some(0) => self.request.decode(pdu).map(Progress::Done),
            Some(missing) => Ok(Progress::More(missing)),
        }
    }
}
