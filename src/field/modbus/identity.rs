//! What a device says it is: function code 43, type 14 (MODBUS Application Protocol V1.1b3, 6.21). Bytes in, values out; no I/O.

use super::pdu::BadReply;

/// Encapsulated interface transport, and what is transported.
pub(super) const FUNCTION: u8 = 0x2B;
pub(super) const TYPE: u8 = 0x0E;
/// Function, type, level, conformity, more follows, next object, number of objects.
pub(super) const HEAD: u16 = 7;
/// The longest reply of Modbus.
pub(super) const MOST: u16 = 253;

/// One reply's worth of a device's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Number and text of each object: 0 maker, 1 product code, 2 revision, 3 maker's address, 4 product, 5 model, 6 application;
    /// from 128 on the maker's own.
    pub(crate) objects: Vec<(u8, Vec<u8>)>,
    /// The object to ask for next, when there are more.
    pub(crate) next: Option<u8>,
}

impl Identity {
    /// Reads the reply after its function code to a question of this level.
    pub(super) fn decode(body: &[u8], level: u8) -> Result<Self, BadReply> {
        let &[kind, got, _conformity, more, next, count, ref rest @ ..] = body else {
            return Err(BadReply::Objects);
        };
        if kind != TYPE {
            let (expected, got) = (FUNCTION, kind);
            return Err(BadReply::Function { expected, got });
        }
        if got != level {
            let (expected, got) = (level.into(), got.into());
            return Err(BadReply::EchoValue { expected, got });
        }
        let (mut objects, mut rest) = (Vec::new(), rest);
        for _ in 0..count {
            let (object, after) = object(rest).ok_or(BadReply::Objects)?;
            objects.push(object);
            rest = after;
        }
        if !rest.is_empty() {
            return Err(BadReply::Surplus);
        }
        // FF: more follow, from this one on. What went on with an object that was given already would never end.
        let is_new = objects.iter().all(|(number, _)| *number < next);
        let next = (more == 0xFF && is_new).then_some(next);
        Ok(Self { objects, next })
    }
}

/// A number and its text.
type Object = (u8, Vec<u8>);

fn object(bytes: &[u8]) -> Option<(Object, &[u8])> {
    let (&[number, length], rest) = bytes.split_first_chunk::<2>()?;
    let (text, rest) = rest.split_at_checked(length.into())?;
    Some(((number, text.to_vec()), rest))
}

/// The whole length of a reply with its function code, once that can be seen; `None` while it goes on. Bytes that can be no such
/// reply come out longer than one may be.
pub(super) fn length(pdu: &[u8]) -> Option<usize> {
    let count = *pdu.get(usize::from(HEAD) - 1)?;
    let mut length = usize::from(HEAD);
    for _ in 0..count {
        length += 2 + usize::from(*pdu.get(length + 1)?);
        if length > usize::from(MOST) {
            return Some(length);
        }
    }
    Some(length)
}
