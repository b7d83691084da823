//! Requests and replies as bytes (MODBUS Application Protocol V1.1b3, 6). No I/O.

use tokio_modbus::prelude::{Request, Response};

/// Added to the function code of a refusal (V1.1b3, 7).
pub(crate) const REFUSAL: u8 = 0x80;

/// The request; `None` for one that says no sensible thing, which a device refuses with 03.
pub(crate) fn parse(pdu: &[u8]) -> Option<Request<'static>> {
    let (&function, body) = pdu.split_first()?;
    let Some((&[a1, a0, v1, v0], rest)) = body.split_first_chunk::<4>() else {
        return Some(Request::Custom(function, body.to_vec().into()));
    };
    let (address, value) = (u16::from_be_bytes([a1, a0]), u16::from_be_bytes([v1, v0]));
    let data = rest.get(1..).unwrap_or_default();
    Some(match function {
        1 => Request::ReadCoils(address, value),
        2 => Request::ReadDiscreteInputs(address, value),
        3 => Request::ReadHoldingRegisters(address, value),
        4 => Request::ReadInputRegisters(address, value),
        5 => match value {
            0xFF00 => Request::WriteSingleCoil(address, true),
            0x0000 => Request::WriteSingleCoil(address, false),
            _ => return None,
        },
        6 => Request::WriteSingleRegister(address, value),
        15 => Request::WriteMultipleCoils(address, bits(data, value)?.into()),
        16 => Request::WriteMultipleRegisters(address, words(data, value)?.into()),
        22 => match rest {
            &[o1, o0] => Request::MaskWriteRegister(address, value, u16::from_be_bytes([o1, o0])),
            _ => return None,
        },
        _ => Request::Custom(function, body.to_vec().into()),
    })
}

fn bits(data: &[u8], count: u16) -> Option<Vec<bool>> {
    let bits = data
        .iter()
        .flat_map(|byte| (0..8).map(move |n| byte >> n & 1 == 1));
    let bits: Vec<bool> = bits.take(count.into()).collect();
    (bits.len() == usize::from(count)).then_some(bits)
}

fn words(data: &[u8], count: u16) -> Option<Vec<u16>> {
    let (words, _) = data.as_chunks::<2>();
    let words: Vec<u16> = words.iter().map(|word| u16::from_be_bytes(*word)).collect();
    (words.len() == usize::from(count)).then_some(words)
}

/// The reply; `None` for one that the devices here never give.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the devices here give only these"
)]
pub(crate) fn reply(response: &Response) -> Option<Vec<u8>> {
    Some(match response {
        Response::ReadCoils(bits) => of_bits(1, bits)?,
        Response::ReadDiscreteInputs(bits) => of_bits(2, bits)?,
        Response::ReadHoldingRegisters(words) => of_words(3, words)?,
        Response::ReadInputRegisters(words) => of_words(4, words)?,
        Response::WriteSingleCoil(address, on) => {
            of_pair(5, [*address, if *on { 0xFF00 } else { 0 }])
        }
        Response::WriteSingleRegister(address, value) => of_pair(6, [*address, *value]),
        Response::WriteMultipleCoils(address, count) => of_pair(15, [*address, *count]),
        Response::WriteMultipleRegisters(address, count) => of_pair(16, [*address, *count]),
        Response::MaskWriteRegister(address, and, or) => of_row(22, &[*address, *and, *or]),
        _ => return None,
    })
}

/// A refusal.
pub(crate) fn refusal(function: u8, code: u8) -> Vec<u8> {
    vec![function | REFUSAL, code]
}

pub(crate) fn of_bits(function: u8, bits: &[bool]) -> Option<Vec<u8>> {
    let mut pdu = vec![function, u8::try_from(bits.len().div_ceil(8)).ok()?];
    pdu.extend(bits.chunks(8).map(|bits| {
        let ones = (0_u8..).zip(bits);
        ones.fold(0, |byte, (n, on)| byte | u8::from(*on) << n)
    }));
    Some(pdu)
}

pub(crate) fn of_words(function: u8, words: &[u16]) -> Option<Vec<u8>> {
    let mut pdu = vec![function, u8::try_from(words.len() * 2).ok()?];
    pdu.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    Some(pdu)
}

fn of_pair(function: u8, words: [u16; 2]) -> Vec<u8> {
    of_row(function, &words)
}

fn of_row(function: u8, words: &[u16]) -> Vec<u8> {
    let mut pdu = vec![function];
    pdu.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    pdu
}
