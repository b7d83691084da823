//! What real lines do to characters, each to be switched on.

use std::collections::BTreeSet;
use std::time::Duration;

/// Pause inside a record that is split: longer than any gap of a busy machine.
const SPLIT: Duration = Duration::from_millis(40);

/// Something that happens to what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nasty {
    /// Every third character is followed by a pause.
    Split,
    /// Two records come together and the mark between them is lost.
    Joined,
    /// Bytes that belong to nothing come before each record.
    Noise,
    /// The last third of each record is lost.
    Half,
    /// GB 18030 where UTF-8 is expected, and the other way round.
    Encoding,
    /// Each record comes twice.
    Twice,
    /// Line ends are lost.
    NoEnds,
    /// Every byte is another one, as at a wrong speed.
    WrongSpeed,
}

impl Nasty {
    /// By its name in the control API.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "split" => Self::Split,
            "joined" => Self::Joined,
            "noise" => Self::Noise,
            "half" => Self::Half,
            "encoding" => Self::Encoding,
            "twice" => Self::Twice,
            "no_ends" => Self::NoEnds,
            "wrong_speed" => Self::WrongSpeed,
            _ => return None,
        })
    }
}

/// What is switched on, and a record that waits for the one it is joined with.
#[derive(Debug, Default)]
pub(super) struct Switches {
    on: BTreeSet<Nasty>,
    waiting: Vec<u8>,
    records: u64,
}

impl Switches {
    pub(super) fn set(&mut self, nasty: Nasty) {
        self.on.insert(nasty);
    }

    /// The pause after every third character.
    pub(super) fn pause(&self) -> Duration {
        if self.on.contains(&Nasty::Split) {
            SPLIT
        } else {
            Duration::ZERO
        }
    }

    /// A record as it leaves on the line.
    pub(super) fn worn(&mut self, record: &[u8]) -> Vec<u8> {
        self.records += 1;
        let mut bytes = std::mem::take(&mut self.waiting);
        let is_first = bytes.is_empty();
        let is_on = |nasty| self.on.contains(&nasty);
        let mut record = record.to_vec();
        if is_on(Nasty::Encoding) {
            record = other_encoding(&record);
        }
        if is_on(Nasty::NoEnds) {
            record.retain(|byte| !matches!(byte, b'\r' | b'\n'));
        }
        if is_on(Nasty::Half) {
            record.truncate(record.len() * 2 / 3);
        }
        if is_on(Nasty::Noise) {
            let noise = [0xFF, 0x00, 0x80, 0x7F].iter().cycle();
            let at = usize::try_from(self.records % 4).unwrap_or(0);
            bytes.extend(noise.skip(at).take(5));
        }
        if is_on(Nasty::Twice) {
            bytes.extend(&record);
        }
        bytes.extend(&record);
        if is_on(Nasty::WrongSpeed) {
            for byte in &mut bytes {
                *byte = byte.rotate_left(3) | 0x80;
            }
        }
        if is_on(Nasty::Joined) && is_first {
            while bytes.last().is_some_and(u8::is_ascii_whitespace) {
                bytes.pop();
            }
            self.waiting = std::mem::take(&mut bytes);
        }
        bytes
    }
}

/// UTF-8 as GB 18030, and what is no UTF-8 as UTF-8.
fn other_encoding(record: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(record) {
        Ok(text) => encoding_rs::GB18030.encode(text).0.into_owned(),
        Err(_) => encoding_rs::GB18030
            .decode(record)
            .0
            .into_owned()
            .into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_switch_does_what_it_says() {
        let worn = |nasty, record: &[u8]| {
            let mut switches = Switches::default();
            switches.set(nasty);
            let first = switches.worn(record);
            let second = switches.worn(record);
            [first, second]
        };
        assert_eq!(worn(Nasty::Half, b"ABCDE\n")[0], b"ABCD");
        assert_eq!(worn(Nasty::Twice, b"A\n")[0], b"A\nA\n");
        assert_eq!(worn(Nasty::NoEnds, b"A\r\n")[0], b"A");
        assert_eq!(worn(Nasty::Joined, b"A\n"), [&b""[..], b"AA\n"]);
        assert!(worn(Nasty::Noise, b"A\n")[0].ends_with(b"A\n"));
        assert_eq!(worn(Nasty::Noise, b"A\n")[0].len(), 7);
        assert_eq!(
            worn(Nasty::Encoding, "火警".as_bytes())[0],
            b"\xbb\xf0\xbe\xaf"
        );
        assert_eq!(
            worn(Nasty::Encoding, b"\xbb\xf0\xbe\xaf")[0],
            "火警".as_bytes()
        );
        assert!(
            worn(Nasty::WrongSpeed, b"A1\n")[0]
                .iter()
                .all(|byte| *byte >= 0x80)
        );
        assert_eq!(worn(Nasty::Split, b"A\n")[0], b"A\n");
    }
}
