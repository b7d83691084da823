//! A CSV table as rows of words, each with its place in the file. Knows nothing of what the columns mean.

use std::ops::Range;
use std::rc::Rc;

use csv::{ReaderBuilder, StringRecord, Trim};
use toml::Spanned;

use super::files::Source;
use super::names::{Word, advice};
use super::report::Report;

/// A row: every column's word. A large site has tens of thousands, so a word is made when it is asked for.
pub(super) struct Row {
    header: Rc<[&'static str]>,
    record: StringRecord,
    spans: Box<[Range<usize>]>,
}

impl Row {
    /// The word of a column; empty when the site left it empty.
    pub(super) fn word(&self, column: &'static str) -> Word {
        let at = self.header.iter().position(|name| *name == column);
        let word = at.and_then(|at| Some((self.record.get(at)?, self.spans.get(at)?)));
        match word {
            Some((word, span)) => Spanned::new(span.clone(), word.to_owned()),
            None => Spanned::new(line(&self.spans), String::new()),
        }
    }
}

/// Reads a table that must have exactly `columns`, in any order. `None` when its header is wrong.
pub(super) fn read(
    source: &Source,
    columns: &[&'static str],
    reports: &mut Vec<Report>,
) -> Option<Vec<Row>> {
    let mut records = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(Trim::All)
        .from_reader(source.text().as_bytes())
        .into_records()
        // The text is UTF-8 and every row may have its own length, so no record can be an error.
        .map_while(Result::ok);
    let Some(first) = records.next() else {
        let help = format!("write this header as the first line: {}", columns.join(","));
        reports.push(Report::at(source, 0..0, "the table is empty").help(help));
        return None;
    };
    let header: Rc<[&'static str]> = header(source, &first, columns, reports)?.into();
    let rows = records
        .filter_map(|record| row(source, record, &header, reports))
        .collect();
    Some(rows)
}

/// The columns in the order of the file.
fn header(
    source: &Source,
    record: &StringRecord,
    columns: &[&'static str],
    reports: &mut Vec<Report>,
) -> Option<Vec<&'static str>> {
    let spans = spans(source.text(), record);
    let (line, before) = (line(&spans), reports.len());
    let mut header = Vec::new();
    for (name, span) in record.iter().zip(spans) {
        match columns.iter().find(|column| **column == name) {
            None => {
                let message = format!("unknown column `{name}`");
                let help = advice(name, columns.iter().copied());
                reports.push(Report::at(source, span, message).help(help));
            }
            Some(column) if header.contains(column) => {
                let message = format!("column `{name}` stands twice");
                reports.push(Report::at(source, span, message).help("delete one of the two"));
            }
            Some(column) => header.push(*column),
        }
    }
    let missing: Vec<&str> = columns
        .iter()
        .filter(|column| !header.contains(column))
        .copied()
        .collect();
    if !missing.is_empty() {
        let message = format!("columns are missing: {}", missing.join(", "));
        let help = format!(
            "the first line names every column, with commas between: {}",
            columns.join(",")
        );
        reports.push(Report::at(source, line, message).help(help));
    }
    (reports.len() == before).then_some(header)
}

fn row(
    source: &Source,
    record: StringRecord,
    header: &Rc<[&'static str]>,
    reports: &mut Vec<Report>,
) -> Option<Row> {
    let spans = spans(source.text(), &record);
    if record.len() != header.len() {
        let message = format!(
            "this row has {} fields and the header {}",
            record.len(),
            header.len()
        );
        let help = "write one field for each column, empty ones too; a comma inside a name needs \"quotes\" around it";
        reports.push(Report::at(source, line(&spans), message).help(help));
        return None;
    }
    Some(Row {
        header: Rc::clone(header),
        record,
        spans: spans.into(),
    })
}

fn line(spans: &[Range<usize>]) -> Range<usize> {
    let start = spans.first().map_or(0, |span| span.start);
    start..spans.last().map_or(start, |span| span.end)
}

/// Where each field of a record stands. The reader tells only where its search for the record began.
fn spans(text: &str, record: &StringRecord) -> Vec<Range<usize>> {
    let begun = record.position().map_or(0, csv::Position::byte);
    let start = skip_idle_lines(text, usize::try_from(begun).unwrap_or(0));
    let mut spans = Vec::new();
    let (mut field, mut quoted) = (start, false);
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                spans.push(field..at);
                field = at + 1;
            }
            b'\r' | b'\n' if !quoted => {
                spans.push(field..at);
                field = text.len() + 1;
                break;
            }
            _ => {}
        }
    }
    if field <= text.len() {
        spans.push(field..text.len());
    }
    // Should the two readings ever differ, an error still shows the line.
    spans.resize(record.len().max(spans.len()), start..start);
    spans
}

/// The first byte at or after `from` that belongs to a record.
fn skip_idle_lines(text: &str, from: usize) -> usize {
    let mut start = from;
    while let Some(rest) = text.get(start..) {
        let rest = rest.strip_prefix('\u{feff}').unwrap_or(rest);
        let line = rest.split_inclusive('\n').next().unwrap_or_default();
        if line.is_empty() || !(line.trim().is_empty() || line.starts_with('#')) {
            return text.len() - rest.len();
        }
        start = text.len() - rest.len() + line.len();
    }
    from.min(text.len())
}
