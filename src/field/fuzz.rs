//! Any bytes into the decoders of the field; what they give is checked against the bytes by other means.

use std::sync::LazyLock;

use super::modbus::fault::Tally;
use super::modbus::mbap;
use super::modbus::pdu::{BITS_MAX, Lenient, REGISTERS_MAX, Reply, Request, Span, Values};
use super::modbus::rtu;
use super::printer::panel::Panel;
use super::printer::panel::tests::{campus, profile};
use super::printer::records::Cutter;
use crate::domain::point::PointKind;
use crate::domain::printer::Printer;
use crate::domain::profile::Area;
use crate::domain::template::Template;

const UNIT: u8 = 1;

/// Five bytes say what was asked, the rest is what came.
fn asked(bytes: &[u8]) -> Option<(Request, Span, &[u8])> {
    let (&[table, s1, s0, c1, c0], stream) = bytes.split_first_chunk::<5>()?;
    let (area, most) = match table % 4 {
        0 => (Area::Coil, BITS_MAX),
        1 => (Area::Discrete, BITS_MAX),
        2 => (Area::Holding, REGISTERS_MAX),
        _ => (Area::Input, REGISTERS_MAX),
    };
    let count = u16::from_be_bytes([c1, c0]) % most + 1;
    let span = Span::new(area, u16::from_be_bytes([s1, s0]), count)?;
    Some((Request::Read(span), span, stream))
}

/// Function code, byte count and data of the one reply that carries these values; bits that fill the last byte may be any.
fn is_reply(pdu: &[u8], span: Span, values: &Values) -> bool {
    let function = match span.area() {
        Area::Coil => 1,
        Area::Discrete => 2,
        Area::Holding => 3,
        Area::Input => 4,
    };
    let [code, count, data @ ..] = pdu else {
        return false;
    };
    let is_framed = *code == function && usize::from(*count) == data.len();
    let is_carried = match values {
        Values::Registers(words) => {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            words.len() == usize::from(span.count()) && data == bytes
        }
        Values::Bits(bits) => {
            let mut at = 0_usize..;
            let is_bit = |bit: &bool| {
                let at = at.next().unwrap();
                data.get(at / 8)
                    .is_some_and(|byte| (byte >> (at % 8) & 1 == 1) == *bit)
            };
            bits.len() == usize::from(span.count())
                && data.len() == bits.len().div_ceil(8)
                && bits.iter().all(is_bit)
        }
    };
    is_framed && is_carried
}

/// A frame of Modbus TCP.
pub(crate) fn mbap(bytes: &[u8]) {
    let Some((request, span, stream)) = asked(bytes) else {
        return;
    };
    let asked = mbap::Asked {
        transaction: 1,
        unit: UNIT,
        request,
        lenient: Lenient::default(),
    };
    match asked.decode(stream) {
        Ok(mbap::Progress::Done(Reply::Values(values))) => {
            let (head, pdu) = stream.split_at(7);
            let length = u16::try_from(stream.len() - 6).unwrap().to_be_bytes();
            assert_eq!(head, [0, 1, 0, 0, length[0], length[1], UNIT]);
            assert!(is_reply(pdu, span, &values));
        }
        Ok(mbap::Progress::More(more)) => assert!((1..=260).contains(&more)),
        Ok(mbap::Progress::Done(_)) | Err(_) => {}
    }
}

/// Frames of a serial line, while it talks and when it is quiet.
pub(crate) fn rtu(bytes: &[u8]) {
    let Some((request, span, stream)) = asked(bytes) else {
        return;
    };
    for echo in [false, true] {
        let asked = rtu::Asked::new(UNIT, request.clone(), echo).expect("a unit");
        for is_quiet in [false, true] {
            let look = asked.look(stream, is_quiet);
            assert!(usize::try_from(look.noise).unwrap() <= stream.len());
            if let Some(Reply::Values(values)) = look.reply {
                let is_there = stream.windows(asked.reply_len()).any(|frame| {
                    let (content, check) = frame.split_at(frame.len() - 2);
                    content[0] == UNIT
                        && bit_by_bit(content).to_le_bytes() == check
                        && is_reply(&content[1..], span, &values)
                });
                assert!(is_there, "{values:?} is in no frame");
            }
        }
        let _ = asked.conclude(stream, &mut Tally::default());
    }
}

/// The checksum as V1.02, 6.2.2 describes it, without a table.
fn bit_by_bit(bytes: &[u8]) -> u16 {
    let mut crc = 0xFFFF_u16;
    for byte in bytes {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xA001
            } else {
                crc >> 1
            };
        }
    }
    crc
}

static PRINTERS: LazyLock<[Printer; 2]> =
    LazyLock::new(|| ["gst9000_printer", "generic_utf8_printer"].map(profile));

/// What panels print.
pub(crate) fn printer(bytes: &[u8]) {
    let labels = [("4-4", PointKind::Smoke), ("1-1-15", PointKind::Smoke)];
    for profile in &*PRINTERS {
        let mut cutter = Cutter::new(profile.framing.clone());
        let mut panel = Panel::new(&campus(&labels), profile.clone(), |_| true);
        let mut records = cutter.push(bytes);
        records.extend(cutter.idle());
        assert!(!cutter.is_held());
        for record in &records {
            assert!(record.bytes.len() <= profile.framing.bytes_max);
            for heard in panel.hear(record) {
                for change in heard.changes.iter().filter(|change| change.conditions.fire) {
                    let printed: &[u8] = match change.point.as_str() {
                        "points/4-4" => b"4-",
                        "points/1-1-15" => b"1-",
                        _ => continue,
                    };
                    let is_in = bytes.windows(printed.len()).any(|part| part == printed);
                    assert!(is_in, "{change:?} was not printed");
                }
            }
        }
    }
}

/// A template on the first line, a record on the others.
pub(crate) fn template(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (template, record) = text.split_once('\n').unwrap_or((&text, ""));
    if let Ok(template) = Template::parse(template)
        && let Some(captured) = template.read(record)
    {
        assert_eq!(captured.whole(), record);
        let _ = captured.time(480);
        for name in template.names() {
            assert!(record.contains(captured.get(name).expect("captured")));
        }
    }
}
