//! A spreadsheet as rows of cells. What a person sees in a cell is taken; what only looks like it is refused.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{Data, Dimensions, Reader, Xlsx, XlsxError};

use super::sheet::{Cell, Record, Sheet, Unreadable};

/// No table of points is larger; a cell beyond is forgotten somewhere on the sheet.
const ROWS_MAX: u32 = 200_000;
const COLUMNS_MAX: u32 = 256;

const DAMAGED: &str = "open it in a spreadsheet program and save it again as .xlsx";
const FAR: &str = "delete what stands below and beside the table";
const DATE: &str = "the spreadsheet has made a date of what was typed (1-2 becomes 1 February): format the column as text and type it again";
const FORMULA: &str = "copy the column and paste it as values";
const ERROR: &str = "correct the formula, or type the value";
const TRUTH: &str = "type the word or number that is meant";
const MERGED: &str = "unmerge the cells and write each value into its own cell";

/// Row and column, from 0.
type Place = (u32, u32);
type Cells = BTreeMap<Place, Cell>;
type Book<'a> = Xlsx<Cursor<&'a [u8]>>;

/// Reads the first sheet that has anything in it.
pub(super) fn read(bytes: &[u8]) -> Result<Sheet, Unreadable> {
    let mut book: Book<'_> = Xlsx::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut first = None;
    let mut others = Vec::new();
    for name in book.sheet_names() {
        let cells = cells(&mut book, &name)?;
        match (&first, cells.is_empty()) {
            (_, true) => {}
            (None, false) => first = Some((name, cells)),
            (Some(_), false) => others.push(format!("`{name}`")),
        }
    }
    let Some((name, cells)) = first else {
        return Err(Unreadable::whole(
            "the spreadsheet is empty",
            "`fengsui points export` makes one with the right columns",
        ));
    };
    let merged = book.merge_cells_by_sheet_name(&name).map_err(damaged)?;
    let mut read_as = format!("sheet `{name}`");
    if !others.is_empty() {
        read_as.push_str(&format!("; not read: {}", others.join(", ")));
    }
    Ok(Sheet {
        records: records(cells, &merged),
        read_as,
        row_word: "row",
    })
}

fn damaged(error: XlsxError) -> Unreadable {
    Unreadable::whole(format!("the spreadsheet cannot be read: {error}"), DAMAGED)
}

/// Every cell that is not empty.
fn cells(book: &mut Book<'_>, name: &str) -> Result<Cells, Unreadable> {
    let mut reader = match book.worksheet_cells_reader(name) {
        Ok(reader) => reader,
        // A sheet that is a chart has no cells.
        Err(XlsxError::NotAWorksheet(_)) => return Ok(Cells::new()),
        Err(error) => return Err(damaged(error)),
    };
    let mut cells = Cells::new();
    while let Some(found) = reader.next_cell_with_formula().map_err(damaged)? {
        let (row, column) = found.pos;
        let cell = of_data(found.value.into(), found.formula.is_some());
        if cell == Cell::Text(String::new()) {
            continue;
        }
        if row >= ROWS_MAX || column >= COLUMNS_MAX {
            let (row, column) = (row.saturating_add(1), letters(column));
            let message = format!("a cell stands far outside of the table, at {column}{row}");
            return Err(Unreadable::whole(message, FAR));
        }
        cells.insert(found.pos, cell);
    }
    Ok(cells)
}

fn of_data(data: Data, has_formula: bool) -> Cell {
    let wrong = |what: String, help| Cell::Wrong(what, help);
    match data {
        Data::Error(error) => wrong(format!("the cell shows {error}"), ERROR),
        // What a formula gives depends on the program that opens the file.
        shown if has_formula => wrong(format!("the cell is a formula ({shown})"), FORMULA),
        Data::String(text) => Cell::Text(text),
        Data::Int(number) => Cell::Text(number.to_string()),
        // 15 and not 15.0: the shortest text that is this number.
        Data::Float(number) => Cell::Text(number.to_string()),
        Data::DateTime(_) | Data::DateTimeIso(_) | Data::DurationIso(_) => {
            wrong("the cell is a date or a time".to_owned(), DATE)
        }
        Data::Bool(truth) => wrong(format!("the cell is {truth}"), TRUTH),
        Data::Empty => Cell::Text(String::new()),
    }
}

/// The cells as rows. A value of cells that are merged downwards stands in each of them, as it does for whoever looks at it.
fn records(mut cells: Cells, merged: &[Dimensions]) -> Vec<Record> {
    for area in merged {
        let Some(first) = cells.get(&area.start).cloned() else {
            continue;
        };
        let is_column = area.start.1 == area.end.1;
        let last_row = area.end.0.min(ROWS_MAX - 1);
        let last_column = area.end.1.min(COLUMNS_MAX - 1);
        for row in area.start.0..=last_row {
            for column in area.start.1..=last_column {
                let filled = if is_column || (row, column) == area.start {
                    first.clone()
                } else {
                    Cell::Wrong("the cell is merged with one beside it".to_owned(), MERGED)
                };
                cells.insert((row, column), filled);
            }
        }
    }
    let mut records: Vec<Record> = Vec::new();
    for ((row, column), cell) in cells {
        let row = index(row) + 1;
        if records.last().is_none_or(|last| last.row != row) {
            records.push(Record {
                row,
                cells: Vec::new(),
            });
        }
        if let Some(last) = records.last_mut() {
            last.cells.resize(index(column), Cell::Text(String::new()));
            last.cells.push(cell);
        }
    }
    records
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// What a spreadsheet calls a column: A, B … Z, AA.
pub(super) fn letters(column: u32) -> String {
    let letter = |digit: u32| char::from_u32(u32::from(b'A') + digit % 26).unwrap_or('?');
    let mut letters = vec![letter(column)];
    let mut rest = column / 26;
    while let Some(digit) = rest.checked_sub(1) {
        letters.insert(0, letter(digit));
        rest = digit / 26;
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_their_letters() {
        let named = [
            (0, "A"),
            (15, "P"),
            (25, "Z"),
            (26, "AA"),
            (255, "IV"),
            (702, "AAA"),
        ];
        for (column, name) in named {
            assert_eq!(letters(column), name);
        }
    }
}
