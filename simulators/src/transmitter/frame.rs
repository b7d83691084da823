//! Frames of GB/T 26875.3-2011 as a device writes and reads them: a second reading of the standard.

use encoding_rs::GB18030;

/// Bytes before the application unit.
const HEAD: usize = 27;
/// Seconds that Chinese civil time is ahead of UTC.
const CHINA: u64 = 8 * 3_600;

/// What came from the centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) sequence: u16,
    pub(crate) command: u8,
    pub(crate) unit: Vec<u8>,
}

/// A whole frame. `time` is a label as the device's clock shows it.
pub(crate) fn frame(
    (sequence, command): (u16, u8),
    (source, centre): (u64, u64),
    time: [u8; 6],
    unit: &[u8],
) -> Vec<u8> {
    let mut body = Vec::with_capacity(HEAD + unit.len());
    body.extend_from_slice(&sequence.to_le_bytes());
    body.extend_from_slice(&[1, 1]);
    body.extend_from_slice(&time);
    body.extend_from_slice(&source.to_le_bytes()[..6]);
    body.extend_from_slice(&centre.to_le_bytes()[..6]);
    let length = u16::try_from(unit.len()).unwrap_or(u16::MAX);
    body.extend_from_slice(&length.to_le_bytes());
    body.push(command);
    body.extend_from_slice(unit);
    let sum = body.iter().fold(0_u32, |sum, byte| sum + u32::from(*byte));
    let mut bytes = b"@@".to_vec();
    bytes.append(&mut body);
    bytes.push(sum.to_le_bytes()[0]);
    bytes.extend_from_slice(b"##");
    bytes
}

/// Takes the first whole frame off; a centre that writes anything else is not understood and its bytes are dropped.
pub(crate) fn take(bytes: &mut Vec<u8>) -> Option<Received> {
    while !bytes.is_empty() && !bytes.starts_with(b"@@") && bytes.as_slice() != b"@" {
        bytes.remove(0);
    }
    let head = bytes.get(..HEAD)?;
    let length = usize::from(u16::from_le_bytes([head[24], head[25]]));
    let whole = bytes.get(..HEAD + length + 3)?;
    let (body, end) = whole.split_at(HEAD + length);
    let sum = body[2..]
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    let received = Received {
        sequence: u16::from_le_bytes([body[2], body[3]]),
        command: body[26],
        unit: body[HEAD..].to_vec(),
    };
    let is_right = end == [sum, b'#', b'#'];
    let count = whole.len();
    bytes.drain(..count);
    is_right.then_some(received)
}

/// The label of now, by a clock that is so many seconds off; as decimal digits when the device writes them so.
pub(crate) fn label(off_s: i64, digits: bool) -> [u8; 6] {
    let seconds = (crate::clock::wall_ms() / 1_000 + CHINA).saturating_add_signed(off_s);
    let (year, month, day) = civil(seconds / 86_400);
    let of_day = seconds % 86_400;
    let plain = [
        of_day % 60,
        of_day / 60 % 60,
        of_day / 3_600,
        day,
        month,
        year % 100,
    ];
    plain.map(|value| {
        let value = if digits {
            value / 10 * 16 + value % 10
        } else {
            value
        };
        u8::try_from(value).unwrap_or_default()
    })
}

/// The date of a day since 1970, by counting years and months.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

/// The 31 bytes of a part's name. A device of one maker leaves what was there before behind the first NUL.
pub(crate) fn text(words: &str, leftover: bool) -> [u8; 31] {
    let (bytes, _, _) = GB18030.encode(words);
    let mut field = if leftover { [0xB1; 31] } else { [0; 31] };
    let count = bytes.len().min(30);
    field[..count].copy_from_slice(&bytes[..count]);
    field[count] = 0;
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_the_wild_is_written_byte_for_byte() {
        // github ActorLancer/GB-T-26875.3.2011-rs, main power fault of device 889.
        let time = [0x20, 0x3A, 0x09, 0x1A, 0x09, 0x0C];
        let unit = [0x15, 1, 8, 2, 0x3A, 9, 0x1A, 9, 0x0C];
        let written = frame((1, 2), (889, 88_888), time, &unit);
        let public = [
            0x40, 0x40, 1, 0, 1, 1, 0x20, 0x3A, 9, 0x1A, 9, 0x0C, 0x79, 3, 0, 0, 0, 0, 0x38, 0x5B,
            1, 0, 0, 0, 9, 0, 2, 0x15, 1, 8, 2, 0x3A, 9, 0x1A, 9, 0x0C, 0x42, 0x23, 0x23,
        ];
        assert_eq!(written, public);
        let mut bytes = [&public[..], &public[..5]].concat();
        let received = Received {
            sequence: 1,
            command: 2,
            unit: unit.to_vec(),
        };
        assert_eq!(take(&mut bytes), Some(received));
        assert_eq!((take(&mut bytes), bytes.len()), (None, 5));
    }

    #[test]
    fn days_are_counted_through_leap_years() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_780), (2026, 11, 23));
    }

    #[test]
    fn a_name_fills_its_field_to_the_end_or_leaves_what_was_there() {
        let field = text("3号楼2层东走廊感烟", false);
        assert_eq!(&field[..4], [0x33, 0xBA, 0xC5, 0xC2]);
        assert_eq!(field[18..], [0; 13]);
        assert_eq!(text("1", true)[..3], [b'1', 0, 0xB1]);
    }
}
