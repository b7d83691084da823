//! A file of any accepted kind as rows of cells, each with the place that a person finds it at. Knows nothing of columns.

use encoding_rs::{GB18030, UTF_16BE, UTF_16LE};

use super::xlsx;

/// What a spreadsheet file begins with: a ZIP archive, and the older binary format.
const ZIP: &[u8] = b"PK\x03\x04";
const OLD_EXCEL: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0];
/// What a text file may separate its fields with.
const SEPARATORS: [char; 4] = [',', ';', '\t', '，'];

/// A cell as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// Its text; empty for an empty cell.
    Text(String),
    /// It has something that no text can be made of: what it is, what to do.
    Wrong(String, &'static str),
}

/// A row of the file.
#[derive(Debug)]
pub(super) struct Record {
    /// Line of the text file, or row of the sheet, from 1.
    pub(super) row: usize,
    pub(super) cells: Vec<Cell>,
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) records: Vec<Record>,
    /// What it was read as, for the person: the encoding or the sheet's name.
    pub(super) read_as: String,
    /// What a row is called: line or row.
    pub(super) row_word: &'static str,
}

/// What is wrong with a file as a whole, or with one place of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// The line, where there is one.
    pub(super) line: Option<usize>,
    pub(super) message: String,
    pub(super) help: &'static str,
}

impl Unreadable {
    pub(super) fn whole(message: impl Into<String>, help: &'static str) -> Self {
        let message = message.into();
        Self {
            line: None,
            message,
            help,
        }
    }
}

/// Reads a file by what is in it; its name does not matter.
pub(super) fn read(bytes: &[u8]) -> Result<Sheet, Unreadable> {
    if bytes.starts_with(ZIP) {
        return xlsx::read(bytes);
    }
    if bytes.starts_with(OLD_EXCEL) {
        return Err(Unreadable::whole(
            "this is a spreadsheet of the old format (.xls)",
            "save it as .xlsx, or as CSV",
        ));
    }
    let (text, encoding) = decode(bytes)?;
    Ok(Sheet {
        records: split(&text, separator(&text))?,
        read_as: encoding.to_owned(),
        row_word: "line",
    })
}

/// The text of a file in any encoding that a Chinese spreadsheet writes.
fn decode(bytes: &[u8]) -> Result<(String, &'static str), Unreadable> {
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        return utf8(rest).map(|text| (text, "UTF-8 with a mark"));
    }
    for (mark, encoding, name) in [
        (b"\xFF\xFE", UTF_16LE, "UTF-16"),
        (b"\xFE\xFF", UTF_16BE, "UTF-16"),
    ] {
        if let Some(rest) = bytes.strip_prefix(mark) {
            let text = encoding.decode_without_bom_handling_and_without_replacement(rest);
            return text.map(|text| (text.into_owned(), name)).ok_or_else(|| {
                Unreadable::whole("the UTF-16 text is damaged", "save it again as CSV UTF-8")
            });
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok((text.to_owned(), "UTF-8"));
    }
    match GB18030.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => Ok((text.into_owned(), "GB18030")),
        None => utf8(bytes).map(|text| (text, "UTF-8")),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, Unreadable> {
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            Unreadable {
                line: Some(before.iter().filter(|byte| **byte == b'\n').count() + 1),
                message: "the text is neither UTF-8 nor GB18030".to_owned(),
                help: "save it as \"CSV UTF-8\"; a name must not be garbled",
            }
        })
}

/// What the fields of the first line with words are separated by.
fn separator(text: &str) -> char {
    let is_table = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let first = text.lines().find(is_table).unwrap_or_default();
    let count = |separator: &char| first.matches(*separator).count();
    let most = SEPARATORS.iter().max_by_key(|separator| count(separator));
    // Of equally frequent ones the last would be taken; a line without any has one field.
    match most {
        Some(most) if count(most) > count(&',') => *most,
        Some(_) | None => ',',
    }
}

/// Splits a text into records (RFC 4180). Lines that begin with `#` are comments, as in points.csv.
fn split(text: &str, separator: char) -> Result<Vec<Record>, Unreadable> {
    let mut records = Vec::new();
    let (mut line, mut rest) = (1, text);
    while !rest.is_empty() {
        let row = line;
        if rest.starts_with('#') {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
            line += 1;
            continue;
        }
        let (fields, after) = record(rest, separator).ok_or_else(|| Unreadable {
            line: Some(row),
            message: "a quotation mark is opened and never closed".to_owned(),
            help: "close it, or write \"\" for a quotation mark inside of a name",
        })?;
        let taken = rest.len() - after.len();
        line += rest.get(..taken).unwrap_or_default().matches('\n').count();
        rest = after;
        let cells = fields.into_iter().map(Cell::Text).collect();
        records.push(Record { row, cells });
    }
    Ok(records)
}

/// The first record of `text` and what follows it; `None` when a quotation mark is never closed.
fn record(text: &str, separator: char) -> Option<(Vec<String>, &str)> {
    let (mut fields, mut field) = (Vec::new(), String::new());
    let mut quoted = false;
    let mut signs = text.char_indices().peekable();
    while let Some((at, sign)) = signs.next() {
        let is_next =
            |wanted: char, next: Option<&(usize, char)>| next.is_some_and(|n| n.1 == wanted);
        match sign {
            '"' if quoted && is_next('"', signs.peek()) => {
                field.push('"');
                signs.next();
            }
            '"' if quoted => quoted = false,
            '"' if field.trim().is_empty() => {
                field.clear();
                quoted = true;
            }
            '\r' if !quoted && is_next('\n', signs.peek()) => {}
            '\n' | '\r' if !quoted => {
                fields.push(field);
                return Some((fields, text.get(at + 1..).unwrap_or_default()));
            }
            _ if sign == separator && !quoted => fields.push(std::mem::take(&mut field)),
            _ => field.push(sign),
        }
    }
    fields.push(field);
    (!quoted).then_some((fields, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(bytes: &[u8]) -> (Vec<(usize, Vec<String>)>, String) {
        let sheet = read(bytes).expect("readable");
        let text = |cell: Cell| match cell {
            Cell::Text(text) => text,
            Cell::Wrong(why, _) => why,
        };
        let row = |record: Record| {
            let cells = record.cells.into_iter().map(text).collect();
            (record.row, cells)
        };
        (sheet.records.into_iter().map(row).collect(), sheet.read_as)
    }

    #[test]
    fn a_table_in_every_encoding_is_the_same_table() {
        let text = "id,名称\r\nP1,\"感烟, 1\"\r\n";
        let expected = vec![
            (1, vec!["id".to_owned(), "名称".to_owned()]),
            (2, vec!["P1".to_owned(), "感烟, 1".to_owned()]),
        ];
        let (gb18030, _, _) = GB18030.encode(text);
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bytes, encoding) in [
            (text.as_bytes().to_vec(), "UTF-8"),
            (format!("\u{feff}{text}").into_bytes(), "UTF-8 with a mark"),
            (gb18030.into_owned(), "GB18030"),
            ([b"\xFF\xFE".to_vec(), utf16].concat(), "UTF-16"),
        ] {
            assert_eq!(texts(&bytes), (expected.clone(), encoding.to_owned()));
        }
    }

    #[test]
    fn lines_are_counted_through_quotes_comments_and_other_separators() {
        let text = "# a comment\nid;name\n\nP1;\"two\nlines \"\"so\"\"\"\nP2;5\" pipe";
        let (rows, _) = texts(text.as_bytes());
        let lines: Vec<usize> = rows.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3, 4, 6]);
        assert_eq!(rows[2].1, ["P1", "two\nlines \"so\""]);
        assert_eq!(rows[3].1, ["P2", "5\" pipe"]);
        let (rows, _) = texts(b"id\tname\nP1\ta,b\n");
        assert_eq!(rows[1].1, ["P1", "a,b"]);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let why = |bytes: &[u8]| {
            let error = read(bytes).expect_err("unreadable");
            (error.line, error.message)
        };
        let (line, message) = why(b"id,name\nP1,\"open\nP2,b\n");
        assert_eq!(line, Some(2));
        assert!(message.contains("never closed"), "{message}");
        let (line, message) = why(b"id\nP1\n\xff\xff\xff\n");
        assert_eq!(line, Some(3));
        assert!(message.contains("neither"), "{message}");
        assert!(why(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1]).1.contains(".xls"));
        assert!(
            why(b"PK\x03\x04 and nothing more")
                .1
                .contains("spreadsheet")
        );
    }
}
