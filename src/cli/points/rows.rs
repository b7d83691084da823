//! A sheet as the lines of points.csv, with the place in the sheet that each field comes from, and everything that is wrong with it.

use std::collections::BTreeMap;

use super::columns;
use super::sheet::{Cell, Record, Sheet};
use super::xlsx::letters;
use crate::config::POINT_COLUMNS;

/// Rows in which the names of the columns are looked for: above them there may be a title.
const TITLE_ROWS_MAX: usize = 20;
/// With fewer known names than this a row is no header.
const NAMES_MIN: usize = 3;

const DATE: &str = "a spreadsheet has made a date of what was typed (1-2 becomes 1 February): format the column as text and type it again";

/// Something wrong with the sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Line or row from 1; `None` for the table as a whole.
    pub(super) row: Option<usize>,
    /// The column as the sheet calls it.
    pub(super) column: Option<String>,
    pub(super) message: String,
    pub(super) help: String,
}

/// A column of the sheet that is read.
#[derive(Debug)]
struct Found {
    /// From 0.
    at: usize,
    /// As the sheet calls it.
    name: String,
}

/// The lines of points.csv and where they come from.
#[derive(Debug)]
pub(super) struct Rows {
    /// The whole file.
    pub(super) text: String,
    /// Byte at which each of its lines begins, and the row of the sheet; the header has row 0.
    lines: Vec<(usize, usize)>,
    /// By the order of [`POINT_COLUMNS`].
    found: Vec<Option<Found>>,
    /// Columns of the sheet that mean nothing to Fengsui.
    pub(super) ignored: Vec<String>,
    /// The columns are called A, B, C, as on a sheet.
    pub(super) has_letters: bool,
}

impl Rows {
    /// The fields of every point.
    pub(super) fn fields(&self) -> impl Iterator<Item = csv::StringRecord> {
        // The text was made here, so every record of it is whole.
        let records = csv::Reader::from_reader(self.text.as_bytes()).into_records();
        records.map_while(Result::ok)
    }

    /// The line of every point by its id.
    pub(super) fn by_id(&self) -> BTreeMap<String, String> {
        let lines = self.text.lines().skip(1);
        lines
            .zip(self.fields())
            .map(|(line, fields)| {
                (
                    fields.get(0).unwrap_or_default().to_owned(),
                    line.to_owned(),
                )
            })
            .collect()
    }

    /// How many points there are.
    pub(super) fn count(&self) -> usize {
        self.lines.len() - 1
    }

    /// Row and column of the sheet for a byte of the text.
    pub(super) fn place(&self, offset: usize) -> (Option<usize>, Option<String>) {
        let after = self.lines.partition_point(|(start, _)| *start <= offset);
        let Some((start, row)) = self.lines.get(after.saturating_sub(1)) else {
            return (None, None);
        };
        if *row == 0 {
            return (None, None);
        }
        let before = self.text.get(*start..offset).unwrap_or_default();
        let mut quoted = false;
        let commas = before.bytes().filter(|byte| {
            quoted ^= *byte == b'"';
            *byte == b',' && !quoted
        });
        let found = self.found.get(commas.count()).and_then(Option::as_ref);
        (Some(*row), found.map(|found| self.called(found)))
    }

    /// How a person finds the column.
    fn called(&self, found: &Found) -> String {
        let at = u32::try_from(found.at).unwrap_or(u32::MAX);
        if self.has_letters {
            format!("{} `{}`", letters(at), found.name)
        } else {
            format!("{} `{}`", found.at + 1, found.name)
        }
    }
}

/// Makes points.csv of a sheet. What is wrong with single cells is listed; without a header there are no rows.
pub(super) fn read(sheet: Sheet) -> Result<(Rows, Vec<Problem>), Vec<Problem>> {
    let Some(at) = header(&sheet.records) else {
        return Err(vec![Problem {
            row: None,
            column: None,
            message: "no row has the names of the columns".to_owned(),
            help: format!(
                "write them above the points: {}",
                names(POINT_COLUMNS.iter().copied())
            ),
        }]);
    };
    let has_letters = sheet.row_word == "row";
    let mut records = sheet.records.into_iter().skip(at);
    let Some(header) = records.next() else {
        return Err(Vec::new());
    };
    let (found, ignored) = columns_of(header)?;
    let mut rows = Rows {
        text: POINT_COLUMNS.join(",") + "\n",
        lines: vec![(0, 0)],
        found,
        ignored,
        has_letters,
    };
    let mut problems = Vec::new();
    for record in records {
        rows.take(&record, &mut problems);
    }
    Ok((rows, problems))
}

/// The row that names the most columns.
fn header(records: &[Record]) -> Option<usize> {
    let known = |record: &Record| {
        let names = record.cells.iter().filter(|cell| match cell {
            Cell::Text(text) => columns::of_name(text).is_some(),
            Cell::Wrong(..) => false,
        });
        names.count()
    };
    let rows = records.iter().take(TITLE_ROWS_MAX).map(known).enumerate();
    let (at, names) = rows.rev().max_by_key(|(_, names)| *names)?;
    (names >= NAMES_MIN).then_some(at)
}

type Columns = (Vec<Option<Found>>, Vec<String>);

fn columns_of(header: Record) -> Result<Columns, Vec<Problem>> {
    let mut found: Vec<Option<Found>> = POINT_COLUMNS.iter().map(|_| None).collect();
    let (mut ignored, mut problems) = (Vec::new(), Vec::new());
    for (at, cell) in header.cells.into_iter().enumerate() {
        let Cell::Text(name) = cell else { continue };
        let name = clean(&name);
        let column = columns::of_name(&name);
        let place = POINT_COLUMNS
            .iter()
            .position(|known| Some(*known) == column);
        match place.and_then(|place| found.get_mut(place)) {
            Some(place) if place.is_some() => problems.push(Problem {
                row: Some(header.row),
                column: Some(format!("`{name}`")),
                message: format!("two columns are `{}`", column.unwrap_or_default()),
                help: "delete one of the two, or give it another name".to_owned(),
            }),
            Some(place) => *place = Some(Found { at, name }),
            None if name.is_empty() => {}
            None => ignored.push(name),
        }
    }
    let columns = POINT_COLUMNS.iter().zip(&found);
    let missing =
        columns.filter(|(column, found)| found.is_none() && !columns::is_optional(column));
    let missing: Vec<&str> = missing.map(|(column, _)| *column).collect();
    if !missing.is_empty() {
        problems.push(Problem {
            row: Some(header.row),
            column: None,
            message: format!("columns are missing: {}", names(missing.into_iter())),
            help: "each may have its English or its Chinese name, in any order".to_owned(),
        });
    }
    if problems.is_empty() {
        Ok((found, ignored))
    } else {
        Err(problems)
    }
}

/// Columns with both names.
fn names<'a>(columns: impl Iterator<Item = &'a str>) -> String {
    let both = |column: &'a str| format!("{column} ({})", columns::chinese(column));
    columns.map(both).collect::<Vec<_>>().join(", ")
}

impl Rows {
    fn take(&mut self, record: &Record, problems: &mut Vec<Problem>) {
        let (mut fields, mut wrong) = (Vec::new(), Vec::new());
        for (column, found) in POINT_COLUMNS.iter().zip(&self.found) {
            let cell = found.as_ref().and_then(|found| record.cells.get(found.at));
            let taken = match cell {
                Some(Cell::Text(text)) => of_text(column, text),
                Some(Cell::Wrong(what, help)) => Err((what.clone(), *help)),
                None => Ok(String::new()),
            };
            match taken {
                Ok(field) => fields.push(field),
                Err((message, help)) => wrong.push(Problem {
                    row: Some(record.row),
                    column: found.as_ref().map(|found| self.called(found)),
                    message,
                    help: help.to_owned(),
                }),
            }
        }
        if wrong.is_empty() && fields.iter().all(String::is_empty) {
            return;
        }
        if wrong.is_empty() {
            self.lines.push((self.text.len(), record.row));
            let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
            self.text.push_str(&fields.join(","));
            self.text.push('\n');
        }
        problems.append(&mut wrong);
    }
}

/// A field as it stands in the file.
fn quoted(field: &str) -> String {
    if field.contains([',', '"']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// The text of a cell without what only the spreadsheet has put there.
fn of_text(column: &str, text: &str) -> Result<String, (String, &'static str)> {
    let text = clean(text);
    if columns::is_for_people(column) {
        return Ok(text);
    }
    let text = narrow(&text);
    if looks_like_a_date(&text) {
        return Err((format!("`{text}` is a date"), DATE));
    }
    Ok(match column {
        "kind" => kind(&text),
        "unit" | "index" => whole(&text).to_owned(),
        _ => text,
    })
}

/// The word of a kind for its Chinese name.
fn kind(text: &str) -> String {
    crate::text::key_of("kind.", text).map_or_else(|| text.to_owned(), str::to_owned)
}

/// `15` for `15.0`, which a spreadsheet makes of a column of numbers.
fn whole(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        Some(_) | None => text,
    }
}

/// One line, without spaces around it and without signs that nobody sees.
fn clean(text: &str) -> String {
    let is_unseen = |sign: char| matches!(sign, '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{ad}');
    let seen: String = text.chars().filter(|sign| !is_unseen(*sign)).collect();
    // Splits at no-break and full-width spaces and at line ends, too.
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Full-width letters, digits and signs as the plain ones.
pub(super) fn narrow(text: &str) -> String {
    let plain = |sign: char| match sign {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(sign) - 0xFEE0).unwrap_or(sign),
        '\u{3000}' => ' ',
        '\u{2010}'..='\u{2014}' | '\u{2212}' => '-',
        _ => sign,
    };
    text.chars().map(plain).collect()
}

/// How Chinese and English spreadsheets write 1-2 after they have taken it for a date.
fn looks_like_a_date(text: &str) -> bool {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_month = |part: &str| MONTHS.contains(&part.to_ascii_lowercase().as_str());
    let slashed: Vec<&str> = text.split('/').collect();
    if let [year, month, day] = slashed.as_slice() {
        return year.len() == 4 && [*year, *month, *day].into_iter().all(is_number);
    }
    if let Some((one, other)) = text.split_once('-') {
        return is_month(one) && is_number(other) || is_number(one) && is_month(other);
    }
    text.strip_suffix('日')
        .and_then(|text| text.split_once('月'))
        .is_some_and(|(month, day)| {
            is_number(day) && is_number(month.rsplit('年').next().unwrap_or_default())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_spreadsheets_do_to_words_is_undone_or_refused() {
        let taken = |column, text| of_text(column, text).expect("taken");
        assert_eq!(taken("id", " Ｐ１－００１　"), "P1-001");
        assert_eq!(taken("index", "15.0"), "15");
        assert_eq!(taken("index", "1-2-15"), "1-2-15");
        assert_eq!(taken("index", "1/6-217"), "1/6-217");
        assert_eq!(taken("x", "166.5"), "166.5");
        assert_eq!(taken("kind", "感烟探测器"), "smoke");
        assert_eq!(taken("kind", "手动报警按钮"), "call_point");
        assert_eq!(taken("name_zh", " 一层\n走道（东） "), "一层 走道（东）");
        for date in ["2026/1/2", "1月2日", "2026年1月2日", "2-Jan", "Jan-02"] {
            let (message, help) = of_text("index", date).expect_err("refused");
            assert!(
                message.contains(date) && help.contains("as text"),
                "{message}"
            );
        }
        assert_eq!(taken("id", "d2-mar"), "d2-mar");
    }
}
