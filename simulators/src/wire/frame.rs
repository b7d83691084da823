//! The two frames of Modbus around a request or reply: Modbus TCP (MODBUS Messaging on TCP/IP V1.0b, 3.1.3) and the serial line
//! (MODBUS over Serial Line V1.02, 2.5.1). Bytes in, bytes out; no I/O.

/// Transaction, protocol, length and unit.
const HEADER: usize = 7;
/// Unit and checksum around a request on a serial line.
const AROUND: usize = 3;

/// Which frame a line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Modbus TCP.
    Tcp,
    /// RTU, on a serial line or through a socket.
    Rtu,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// 0 on a serial line.
    pub(crate) transaction: u16,
    pub(crate) unit: u8,
    /// Function code and what belongs to it.
    pub(crate) pdu: Vec<u8>,
}

/// What stands at the beginning of the bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// So many bytes are done with.
    pub(crate) length: usize,
    /// `None` for bytes that are no request.
    pub(crate) asked: Option<Asked>,
}

impl Framing {
    /// The next request; `None` while it is not whole.
    pub(crate) fn take(self, bytes: &[u8]) -> Option<Taken> {
        match self {
            Self::Tcp => of_tcp(bytes),
            Self::Rtu => of_rtu(bytes),
        }
    }

    /// A reply in its frame.
    pub(crate) fn wrap(self, transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(pdu.len() + HEADER);
        match self {
            Self::Tcp => {
                let length = u16::try_from(pdu.len() + 1).unwrap_or(u16::MAX);
                frame.extend(transaction.to_be_bytes());
                frame.extend([0, 0]);
                frame.extend(length.to_be_bytes());
                frame.push(unit);
                frame.extend(pdu);
            }
            Self::Rtu => {
                frame.push(unit);
                frame.extend(pdu);
                frame.extend(checksum(&frame).to_le_bytes());
            }
        }
        frame
    }
}

fn of_tcp(bytes: &[u8]) -> Option<Taken> {
    let (&[t1, t0, p1, p0, l1, l0, unit], rest) = bytes.split_first_chunk::<HEADER>()?;
    let length = usize::from(u16::from_be_bytes([l1, l0]));
    if [p1, p0] != [0, 0] || !(2..=254).contains(&length) {
        // From here on nothing can be told apart any more.
        return Some(Taken {
            length: bytes.len(),
            asked: None,
        });
    }
    let pdu = rest.get(..length - 1)?;
    Some(Taken {
        length: HEADER + pdu.len(),
        asked: Some(Asked {
            transaction: u16::from_be_bytes([t1, t0]),
            unit,
            pdu: pdu.to_vec(),
        }),
    })
}

/// Without a silence to end a frame, bytes that cannot begin one are passed over one by one.
fn of_rtu(bytes: &[u8]) -> Option<Taken> {
    let noise = Taken {
        length: 1,
        asked: None,
    };
    let (&[unit, function], rest) = bytes.split_first_chunk::<2>()?;
    let body = match function {
        1..=6 => 4,
        15 | 16 => 5 + usize::from(*rest.get(4)?),
        22 => 6,
        23 => 9 + usize::from(*rest.get(8)?),
        43 => 3,
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
    Some(Taken {
        length,
        asked: Some(Asked {
            transaction: 0,
            unit,
            pdu: content.get(1..)?.to_vec(),
        }),
    })
}

/// The checksum, bit by bit as appendix B of the guide draws it.
pub(crate) fn checksum(bytes: &[u8]) -> u16 {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of many manuals: unit 17, registers 107 to 109.
    const EXAMPLE: [u8; 8] = [0x11, 0x03, 0x00, 0x6B, 0x00, 0x03, 0x76, 0x87];

    #[test]
    fn requests_are_found_whole_and_byte_by_byte() {
        for length in 0..EXAMPLE.len() {
            assert_eq!(Framing::Rtu.take(&EXAMPLE[..length]), None, "{length}");
        }
        let pdu = &EXAMPLE[1..6];
        let asked = Framing::Rtu.take(&EXAMPLE).unwrap().asked.unwrap();
        assert_eq!((asked.unit, asked.pdu.as_slice()), (17, pdu));
        let frame = Framing::Tcp.wrap(7, 17, pdu);
        assert_eq!(Framing::Tcp.take(&frame[..frame.len() - 1]), None);
        let asked = Framing::Tcp.take(&frame).unwrap().asked.unwrap();
        assert_eq!((asked.transaction, asked.unit), (7, 17));
        assert_eq!(asked.pdu, pdu);
    }

    #[test]
    fn what_is_no_request_is_passed_over() {
        let mut bad = EXAMPLE;
        bad[7] ^= 1;
        let taken = Framing::Rtu.take(&bad).unwrap();
        assert_eq!((taken.length, taken.asked), (1, None));
        let taken = Framing::Tcp.take(&[0, 1, 0, 1, 0, 6, 1, 3]).unwrap();
        assert_eq!((taken.length, taken.asked), (8, None));
    }
}
