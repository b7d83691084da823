//! `fengsui points export`: points.csv as people edit it in a spreadsheet.

use encoding_rs::GB18030;
use rust_xlsxwriter::{Format, Workbook, XlsxError};

use super::rows::Rows;
use super::{Encoding, Headers, columns};
use crate::config::POINT_COLUMNS;

/// Widths of the columns in characters: ids and words are longer than numbers.
const WIDTH_NARROW: f64 = 9.0;
const WIDTH_WIDE: f64 = 20.0;

fn header(headers: Headers) -> Vec<&'static str> {
    let name = |column: &&'static str| match headers {
        Headers::En => *column,
        Headers::Zh => columns::chinese(column),
    };
    POINT_COLUMNS.iter().map(name).collect()
}

/// CSV with the line ends, and for UTF-8 the mark, that Excel wants.
pub(super) fn csv(rows: &Rows, headers: Headers, encoding: Encoding) -> Vec<u8> {
    let mut lines = vec![header(headers).join(",")];
    lines.extend(rows.text.lines().skip(1).map(str::to_owned));
    let text = lines.join("\r\n") + "\r\n";
    match encoding {
        Encoding::Utf8 => format!("\u{feff}{text}").into_bytes(),
        // It has a sign for every character there is.
        Encoding::Gb18030 => GB18030.encode(&text).0.into_owned(),
    }
}

/// A workbook whose cells are all text, so that 1-2 stays 1-2 and 001 stays 001.
pub(super) fn xlsx(rows: &Rows, headers: Headers) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let text = Format::new().set_num_format("@");
    let bold = Format::new().set_num_format("@").set_bold();
    let sheet = book.add_worksheet();
    sheet.set_name("points")?;
    sheet.set_freeze_panes(1, 1)?;
    for (at, (column, name)) in (0_u16..).zip(POINT_COLUMNS.iter().zip(header(headers))) {
        let is_wide = columns::is_for_people(column) || *column == "id";
        let width = if is_wide { WIDTH_WIDE } else { WIDTH_NARROW };
        sheet.set_column_width(at, width)?;
        // Rows that are typed later are text, too.
        sheet.set_column_format(at, &text)?;
        sheet.write_string_with_format(0, at, name, &bold)?;
    }
    for (row, fields) in (1_u32..).zip(rows.fields()) {
        for (at, field) in (0_u16..).zip(&fields) {
            if !field.is_empty() {
                sheet.write_string_with_format(row, at, field, &text)?;
            }
        }
    }
    book.save_to_buffer()
}
