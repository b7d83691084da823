//! Any bytes as a table of points.

use super::files::Source;
use super::points::COLUMNS;
use super::table;

/// A table: every word that is read stands where it is said to stand, and no error points outside of the file.
pub(crate) fn points(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let source = Source::new("points.csv", "points.csv", &text);
    let mut reports = Vec::new();
    let rows = table::read(&source, &COLUMNS, &mut reports);
    for row in rows.iter().flatten() {
        for column in COLUMNS {
            let word = row.word(column);
            assert!(text.get(word.span()).is_some(), "{:?}", word.span());
        }
    }
    // Drawing them looks at every place.
    let _ = super::render(&reports, false);
}
