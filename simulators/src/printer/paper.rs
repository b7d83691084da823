//! From what is said to the bytes of a record.

use encoding_rs::GB18030;

use super::forms::{Form, Said};
use crate::field::Field;

/// The site's offset from UTC.
const OFFSET_MS: u64 = 8 * 3_600_000;
const DAY_MS: u64 = 86_400_000;

/// The paper of one panel at one moment.
pub(super) struct Paper<'a> {
    field: &'a Field,
    panel: &'a str,
    form: Form,
}

impl<'a> Paper<'a> {
    pub(super) fn new(field: &'a Field, panel: &'a str, form: Form) -> Self {
        Self { field, panel, form }
    }

    /// The bytes of a record, with what begins and ends it.
    pub(super) fn record(&self, said: &Said) -> Vec<u8> {
        match self.form {
            Form::Gst9000 => {
                let text = self.gst9000(said);
                let (bytes, _, _) = GB18030.encode(&text);
                bytes.into_owned()
            }
            Form::Utf8 => self.line(said).into_bytes(),
        }
    }

    /// ESC 6, date, time; loop and device; ESC 9, what; where; what kind; an empty line.
    fn gst9000(&self, said: &Said) -> String {
        let Civil {
            year,
            month,
            day,
            hour,
            minute,
            ..
        } = civil(self.field.now.wall_ms + OFFSET_MS);
        let when = format!(
            "{:02}/{month:02}/{day:02}  {hour:02}:{minute:02}",
            year % 100
        );
        let words = said.gst9000();
        match said.number() {
            Some(number) => {
                let (room, kind) = self.device(number);
                format!("\u{1b}6{when}\n  001-{number:03}\n\u{1b}9{words}\n{room}\n{kind}\n\n")
            }
            None => format!("\u{1b}6{when}\n  \n\u{1b}9{words}\n\n"),
        }
    }

    fn line(&self, said: &Said) -> String {
        let Civil {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = civil(self.field.now.wall_ms + OFFSET_MS);
        let when = format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
        let words = said.line();
        match said.number() {
            Some(number) => {
                let (room, kind) = self.device(number);
                format!("{when} 1-1-{number:03} {words} {room} {kind}\r\n")
            }
            None => format!("{when} {words}\r\n"),
        }
    }

    /// Where a device hangs, and what it is.
    fn device(&self, number: u16) -> (String, &'static str) {
        let mut devices = self.field.layout.devices(self.panel);
        let found = devices.find(|(address, _, _)| *address == number);
        match found {
            Some((_, _, device)) => (device.room.zh.clone(), kind(&device.kind)),
            None => ("未注释".to_owned(), "感烟探测器"),
        }
    }
}

fn kind(kind: &str) -> &'static str {
    match kind {
        "smoke" => "感烟探测器",
        "heat" => "感温探测器",
        "call_point" => "手动按钮",
        "hydrant_button" => "消火栓按钮",
        "flow_switch" => "水流指示器",
        "pressure_switch" => "压力开关",
        _ => "设备",
    }
}

struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

/// Year by year, as a person would count: no arithmetic is shared with the daemon.
fn civil(ms: u64) -> Civil {
    let (mut days, of_day) = (ms / DAY_MS, ms % DAY_MS / 1_000);
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= if is_leap(year) { 366 } else { 365 } {
        days -= if is_leap(year) { 366 } else { 365 };
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    Civil {
        year,
        month,
        day: days + 1,
        hour: of_day / 3_600,
        minute: of_day / 60 % 60,
        second: of_day % 60,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{Layout, Which};

    fn field() -> Field {
        let mut field = Field::new(Layout::read(&Which::Small).unwrap()).unwrap();
        // 2008-12-02 17:24:05 in China.
        field.now.wall_ms = 1_228_209_845_000;
        field
    }

    #[test]
    fn a_gst9000_prints_fire_and_reset_byte_for_byte_as_its_customers_wrote_down() {
        let field = field();
        let paper = Paper::new(&field, "panel1", Form::Gst9000);
        let fire = paper.record(&Said::FirstFire(4));
        let head: &[u8] =
            b"\x1b608/12/02  17:24\n  001-004\n\x1b9\xca\xd7\xb4\xce\xbb\xf0\xbe\xaf\n";
        assert!(fire.starts_with(head), "{fire:x?}");
        // Loop at bytes 21 to 23, device at 25 to 27, the word of fire at 35 to 38, counted from 1.
        assert_eq!(&fire[20..23], b"001");
        assert_eq!(&fire[24..27], b"004");
        assert_eq!(&fire[34..38], b"\xbb\xf0\xbe\xaf");
        assert!(fire.ends_with(b"\xb8\xd0\xd1\xcc\xcc\xbd\xb2\xe2\xc6\xf7\n\n"));
        let reset = paper.record(&Said::Reset);
        assert_eq!(
            reset,
            b"\x1b608/12/02  17:24\n  \n\x1b9\xcf\xb5\xcd\xb3\xb8\xb4\xce\xbb\n\n"
        );
        assert_eq!(&reset[27..31], b"\xb8\xb4\xce\xbb");
    }

    #[test]
    fn a_line_names_its_device_and_its_second() {
        let field = field();
        let paper = Paper::new(&field, "panel1", Form::Utf8);
        let line = String::from_utf8(paper.record(&Said::Fire(15))).unwrap();
        assert_eq!(
            line,
            "2008-12-02 17:24:05 1-1-015 火警 215室 感烟探测器\r\n"
        );
        let line = String::from_utf8(paper.record(&Said::Mains(false))).unwrap();
        assert_eq!(line, "2008-12-02 17:24:05 主电故障\r\n");
    }
}
