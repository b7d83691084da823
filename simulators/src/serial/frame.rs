//! The frame of a serial line: unit, request or reply, and the checksum (MODBUS over Serial Line V1.02, 2.5.1). Bytes in,
//! values out; no I/O.

use tokio_modbus::ExceptionCode;
use tokio_modbus::prelude::{Request, Response, SlaveRequest};

/// Unit and checksum around a request.
const AROUND: usize = 3;

/// What stands at the beginning of the bytes.
pub(super) struct Taken {
    /// So many bytes are done with.
    pub(super) length: usize,
    /// `None` for bytes that are no request.
    pub(super) asked: Option<SlaveRequest<'static>>,
}

/// The next request; `None` while it is not whole. Without a silence to end a frame, bytes that cannot begin one are passed over
/// one by one.
pub(super) fn request(bytes: &[u8]) -> Option<Taken> {
    let noise = Taken {
        length: 1,
        asked: None,
    };
    let (&[unit, function], rest) = bytes.split_first_chunk::<2>()?;
    let body = match function {
        1..=6 => 4,
        15 | 16 => 5 + usize::from(*rest.get(4)?),
        // The devices answer what they do not know with exception 01, and its length is unknown: the shortest is tried.
        7..=0x7F => 0,
        0 | 0x80.. => return Some(noise),
    };
    let length = AROUND + 1 + body;
    let frame = bytes.get(..length)?;
    let (content, check) = frame.split_at_checked(length - 2)?;
    if check != checksum(content).to_le_bytes() {
        return Some(noise);
    }
    let asked = parse(function, rest.get(..body)?).map(|request| SlaveRequest {
        slave: unit,
        request,
    });
    Some(Taken { length, asked })
}

fn parse(function: u8, body: &[u8]) -> Option<Request<'static>> {
    let Some((&[a1, a0, v1, v0], rest)) = body.split_first_chunk::<4>() else {
        return Some(Request::Custom(function, Vec::new().into()));
    };
    let (address, value) = (u16::from_be_bytes([a1, a0]), u16::from_be_bytes([v1, v0]));
    let data = rest.get(1..).unwrap_or_default();
    let request = match function {
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
        15 => {
            let bits = data
                .iter()
                .flat_map(|byte| (0..8).map(move |n| byte >> n & 1 == 1));
            let bits: Vec<bool> = bits.take(value.into()).collect();
            if bits.len() != usize::from(value) {
                return None;
            }
            Request::WriteMultipleCoils(address, bits.into())
        }
        _ => {
            let (words, _) = data.as_chunks::<2>();
            let words: Vec<u16> = words.iter().map(|word| u16::from_be_bytes(*word)).collect();
            if words.len() != usize::from(value) {
                return None;
            }
            Request::WriteMultipleRegisters(address, words.into())
        }
    };
    Some(request)
}

/// The frame of a reply; `None` for one that the devices here never give.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the devices here give only these"
)]
pub(super) fn reply(unit: u8, response: &Response) -> Option<Vec<u8>> {
    let mut frame = vec![unit];
    match response {
        Response::ReadCoils(bits) => put_bits(&mut frame, 1, bits)?,
        Response::ReadDiscreteInputs(bits) => put_bits(&mut frame, 2, bits)?,
        Response::ReadHoldingRegisters(words) => put_words(&mut frame, 3, words)?,
        Response::ReadInputRegisters(words) => put_words(&mut frame, 4, words)?,
        Response::WriteSingleCoil(address, on) => {
            put_pair(&mut frame, 5, [*address, if *on { 0xFF00 } else { 0 }]);
        }
        Response::WriteSingleRegister(address, value) => {
            put_pair(&mut frame, 6, [*address, *value]);
        }
        Response::WriteMultipleCoils(address, count) => {
            put_pair(&mut frame, 15, [*address, *count])
        }
        Response::WriteMultipleRegisters(address, count) => {
            put_pair(&mut frame, 16, [*address, *count]);
        }
        _ => return None,
    }
    Some(checked(frame))
}

/// The frame of a refusal.
pub(super) fn exception(unit: u8, request: &Request<'_>, code: ExceptionCode) -> Vec<u8> {
    checked(vec![
        unit,
        request.function_code().value() | 0x80,
        code.into(),
    ])
}

fn put_bits(frame: &mut Vec<u8>, function: u8, bits: &[bool]) -> Option<()> {
    let count = u8::try_from(bits.len().div_ceil(8)).ok()?;
    frame.extend([function, count]);
    frame.extend(bits.chunks(8).map(|bits| {
        let ones = (0_u8..).zip(bits);
        ones.fold(0, |byte, (n, on)| byte | u8::from(*on) << n)
    }));
    Some(())
}

fn put_words(frame: &mut Vec<u8>, function: u8, words: &[u16]) -> Option<()> {
    let count = u8::try_from(words.len() * 2).ok()?;
    frame.extend([function, count]);
    frame.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    Some(())
}

fn put_pair(frame: &mut Vec<u8>, function: u8, words: [u16; 2]) {
    frame.push(function);
    frame.extend(words.iter().flat_map(|word| word.to_be_bytes()));
}

fn checked(mut frame: Vec<u8>) -> Vec<u8> {
    frame.extend(checksum(&frame).to_le_bytes());
    frame
}

/// The checksum, bit by bit as appendix B of the guide draws it.
fn checksum(bytes: &[u8]) -> u16 {
    let mut crc = 0xFFFF_u16;
    for byte in bytes {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1 == 1;
            crc >>= 1;
            if carry {
                crc ^= 0xA001;
            }
        }
    }
    crc
}
