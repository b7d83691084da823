//! What is wrong with a table, as the person who sent it reads it: every bad row, with its column and what to do.

use std::collections::BTreeMap;

use super::rows::{Problem, Rows};
use crate::config::Report;

/// The name of the file that a table becomes.
pub(super) const FILE: &str = "points.csv";

/// What the whole configuration says against the new points, at the places of the table.
pub(super) fn placed(report: &Report, rows: &Rows) -> Problem {
    let (row, column) = report.offset().map_or((None, None), |at| rows.place(at));
    let mut message = report.message().to_owned();
    let others = report.related().filter_map(|at| rows.place(at).0);
    for other in others {
        message.push_str(&format!(" (first in {other})"));
    }
    Problem {
        row,
        column,
        message,
        help: report.advice().to_owned(),
    }
}

/// One paragraph for each mistake, in the order of the table; rows with the same mistake stand together.
pub(super) fn all(file: &str, row_word: &str, problems: &[Problem]) -> String {
    let mut rows: BTreeMap<(Option<&str>, &str, &str), Vec<usize>> = BTreeMap::new();
    let mut order = Vec::new();
    let mut sorted: Vec<&Problem> = problems.iter().collect();
    sorted.sort_by_key(|problem| problem.row);
    for problem in sorted {
        let key = (
            problem.column.as_deref(),
            problem.message.as_str(),
            problem.help.as_str(),
        );
        if !rows.contains_key(&key) {
            order.push(key);
        }
        rows.entry(key).or_default().extend(problem.row);
    }
    let mut text = String::new();
    for key in order {
        let (column, message, help) = key;
        text.push_str(file);
        let rows = rows.get(&key).map_or(&[][..], Vec::as_slice);
        if !rows.is_empty() {
            text.push_str(&format!(": {row_word} {}", ranges(rows)));
        }
        if let Some(column) = column {
            text.push_str(&format!(", column {column}"));
        }
        text.push_str(&format!(": {message}\n    {help}\n"));
    }
    text
}

/// 5, 7-90 for rows in rising order.
fn ranges(rows: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for row in rows {
        match ranges.last_mut() {
            Some((_, last)) if *row <= *last + 1 => *last = *row,
            Some(_) | None => ranges.push((*row, *row)),
        }
    }
    let word = |(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    ranges.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_with_the_same_mistake_stand_together_and_each_is_named() {
        let problem = |row, message: &str| Problem {
            row,
            column: Some("3 `kind`".to_owned()),
            message: message.to_owned(),
            help: "do so".to_owned(),
        };
        let mut problems: Vec<Problem> = (5..=90).map(|row| problem(Some(row), "a")).collect();
        problems.push(problem(Some(92), "a"));
        problems.push(problem(Some(4), "b"));
        problems.push(problem(None, "c"));
        assert_eq!(
            all("t.csv", "line", &problems),
            "t.csv, column 3 `kind`: c\n    do so\n\
             t.csv: line 4, column 3 `kind`: b\n    do so\n\
             t.csv: line 5-90, 92, column 3 `kind`: a\n    do so\n"
        );
    }
}
