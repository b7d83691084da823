//! A frame as a line for people: when, which way, what became of it, its bytes, and what a Modbus frame asks or answers.

use super::pcap::Wire;
use crate::domain::probe::Frame;
use crate::domain::time::WallTime;

/// The bytes of a frame.
pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let (pairs, _) = hex.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| {
        let text = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(text, 16).ok()
    };
    pairs.iter().map_while(byte).collect()
}

/// The line of a frame.
pub(super) fn of(frame: &Frame, wire: Wire, utc_offset_minutes: i32) -> String {
    let way = if frame.sent { '>' } else { '<' };
    let bytes = bytes(&frame.hex);
    let spaced: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    let meaning = meaning(unit_and_pdu(&bytes, wire));
    let (time, verdict) = (time(frame.wall, utc_offset_minutes), &frame.verdict);
    let line = format!("{time} {way} {verdict:<11} {meaning}{}", spaced.join(" "));
    line.trim_end().to_owned()
}

/// A Modbus frame without what the line adds around it.
pub(super) fn unit_and_pdu(bytes: &[u8], wire: Wire) -> Option<&[u8]> {
    match wire {
        Wire::Tcp(super::PORT_MODBUS) => bytes.get(6..),
        Wire::Udp(_) => Some(bytes),
        Wire::Tcp(_) => None,
    }
}

/// Unit and function code.
fn meaning(unit_and_pdu: Option<&[u8]>) -> String {
    match unit_and_pdu {
        Some([unit, function, code, ..]) if function & 0x80 != 0 => {
            let function = function & 0x7F;
            let why = crate::domain::probe::exception(*code);
            format!("unit {unit} FC {function:02} exception {code:02X} ({why})  ")
        }
        Some([unit, function, ..]) => format!("unit {unit} FC {function:02}  "),
        Some(_) | None => String::new(),
    }
}

/// Time of day at the site, to the millisecond.
pub(super) fn time(wall: WallTime, utc_offset_minutes: i32) -> String {
    let ms = wall.0 + i64::from(utc_offset_minutes) * 60_000;
    let of_day = ms.rem_euclid(86_400_000);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, rest) = (of_day / 1_000 % 60, of_day % 1_000);
    format!("{hour:02}:{minute:02}:{second:02}.{rest:03}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::EngineTime;

    #[test]
    fn a_frame_is_a_line() {
        let frame = |sent, verdict: &str, hex: &str| Frame {
            number: 0,
            at: EngineTime(0),
            wall: WallTime(1_767_196_799_999),
            sent,
            verdict: verdict.to_owned(),
            hex: hex.to_owned(),
        };
        let tcp = Wire::Tcp(super::super::PORT_MODBUS);
        assert_eq!(
            of(&frame(true, "sent", "000100000006010300000002"), tcp, 480),
            "23:59:59.999 > sent        unit 1 FC 03  00 01 00 00 00 06 01 03 00 00 00 02"
        );
        assert_eq!(
            of(
                &frame(false, "refused", "018302c0f1"),
                Wire::Udp(5_020),
                480
            ),
            "23:59:59.999 < refused     unit 1 FC 03 exception 02 (illegal address)  01 83 02 C0 F1"
        );
        assert_eq!(
            of(&frame(false, "timeout", ""), tcp, 480),
            "23:59:59.999 < timeout"
        );
    }
}
