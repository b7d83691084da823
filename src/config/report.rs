//! One error of the files: what is wrong, where, and what to do. Knows nothing of what the files mean.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};

use super::files::Source;

/// The same message in one file is listed this often before it is counted instead.
const SAME_MAX: usize = 3;
/// At most this many other lines are named.
const LINES_MAX: usize = 12;

/// An error of the configuration, with its place.
#[derive(Clone, Debug)]
pub struct Report {
    message: String,
    help: String,
    file: String,
    /// The file's text; `None` when it cannot be shown because it is missing.
    source: Option<Source>,
    /// The place itself first, then other places that have to do with it.
    marks: Vec<(Range<usize>, String)>,
}

impl Report {
    /// An error of a file that cannot be shown: it is missing, or no file at all.
    pub(super) fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: String::new(),
            file: file.to_owned(),
            source: None,
            marks: Vec::new(),
        }
    }

    /// An error at a place of a file.
    pub(super) fn at(source: &Source, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: String::new(),
            file: source.name().to_owned(),
            source: Some(source.clone()),
            marks: vec![(span, "here".to_owned())],
        }
    }

    /// What to do about it.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// A second place of the same file that has to do with it.
    pub(super) fn also(mut self, span: Range<usize>, label: &str) -> Self {
        self.marks.push((span, label.to_owned()));
        self
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do.
    #[must_use]
    pub fn advice(&self) -> &str {
        &self.help
    }

    /// The file, relative to the folder of the configuration.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Line and column, from 1; `None` when the file cannot be shown.
    #[must_use]
    pub fn position(&self) -> Option<(usize, usize)> {
        let (span, _) = self.marks.first()?;
        let before = self.source.as_ref()?.text().get(..span.start)?;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        Some((line, before[line_start..].chars().count() + 1))
    }

    /// The byte of the file at which it stands; `None` when the file cannot be shown.
    #[must_use]
    pub fn offset(&self) -> Option<usize> {
        self.source.as_ref()?;
        self.marks.first().map(|(span, _)| span.start)
    }

    /// The bytes of the file at which other places stand that have to do with it.
    pub fn related(&self) -> impl Iterator<Item = usize> {
        self.marks.iter().skip(1).map(|(span, _)| span.start)
    }

    /// What makes two errors the same mistake.
    fn key(&self) -> (String, String) {
        (self.file.clone(), self.message.clone())
    }

    /// Says that the same stands in other lines too.
    fn with_others(mut self, lines: &[usize]) -> Self {
        let shown: Vec<String> = lines.iter().take(LINES_MAX).map(usize::to_string).collect();
        let dots = if lines.len() > LINES_MAX { " …" } else { "" };
        let (count, shown) = (lines.len(), shown.join(", "));
        self.help.push_str(&format!(
            "\nthe same {count} more times, in lines {shown}{dots}"
        ));
        self
    }

    /// The order in which errors are listed: by file, from top to bottom.
    fn rank(&self) -> (String, usize, String) {
        let start = self.marks.first().map_or(0, |(span, _)| span.start);
        (self.file.clone(), start, self.message.clone())
    }
}

/// By file, from top to bottom.
pub(super) fn sorted(mut reports: Vec<Report>) -> Vec<Report> {
    reports.sort_by_cached_key(Report::rank);
    reports
}

/// Errors as they are listed: by file, from top to bottom. One mistake can show in many lines: the same message in
/// one file more than [`SAME_MAX`] times is listed once, with the other lines.
pub(super) fn listed(reports: Vec<Report>) -> Vec<Report> {
    let reports = sorted(reports);
    let mut lines: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for report in &reports {
        let line = report.position().map_or(0, |(line, _)| line);
        lines.entry(report.key()).or_default().push(line);
    }
    let mut listed: Vec<Report> = Vec::new();
    for report in reports {
        match lines.get_mut(&report.key()) {
            // Emptied below: told already.
            Some(lines) if lines.is_empty() => {}
            Some(lines) if lines.len() > SAME_MAX => {
                listed.push(report.with_others(&lines.split_off(1)));
                lines.clear();
            }
            Some(_) | None => listed.push(report),
        }
    }
    listed
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl Diagnostic for Report {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(Source::shown)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = |(index, (span, label)): (usize, &(Range<usize>, String))| {
            let span = (span.start, span.end.saturating_sub(span.start));
            if index == 0 {
                LabeledSpan::new_primary_with_span(Some(label.clone()), span)
            } else {
                LabeledSpan::new_with_span(Some(label.clone()), span)
            }
        };
        Some(Box::new(self.marks.iter().enumerate().map(label)))
    }
}

/// Every report with file, line and caret, one after the other.
#[must_use]
pub fn render(reports: &[Report], colour: bool) -> String {
    let theme = if colour {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(110)
        .with_links(false);
    let mut text = String::new();
    for report in reports {
        // Writing into a String cannot fail; a report that the handler cannot draw is told in one line.
        if handler.render_report(&mut text, report).is_err() {
            text.push_str(&format!(
                "{}: {} ({})\n",
                report.file, report.message, report.help
            ));
        }
        text.push('\n');
    }
    text
}
