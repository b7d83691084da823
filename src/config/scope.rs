//! What every file's reader needs at hand: its source, the declared names, and the list of errors.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;

use super::files::Source;
use super::names::{Names, Noun, Word};
use super::report::Report;
use crate::domain::text::Text;

/// The file that is read at the moment, with everything that is known.
pub(super) struct Scope<'a> {
    pub(super) source: &'a Source,
    pub(super) names: &'a Names,
    pub(super) reports: &'a mut Vec<Report>,
}

impl Scope<'_> {
    /// Reports an error.
    pub(super) fn error(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let report = Report::at(self.source, span, message).help(help);
        self.reports.push(report);
    }

    /// Reports an error that has a second place in the same file.
    pub(super) fn clash(
        &mut self,
        span: Range<usize>,
        first: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let report = Report::at(self.source, span, message)
            .also(first, "first here")
            .help(help);
        self.reports.push(report);
    }

    /// A reference: reported when it names nothing.
    pub(super) fn refer(&mut self, noun: Noun, word: &Word) {
        self.names.refer(noun, self.source, word, self.reports);
    }

    /// References of a list.
    pub(super) fn refer_all<'w>(&mut self, noun: Noun, words: impl IntoIterator<Item = &'w Word>) {
        for word in words {
            self.refer(noun, word);
        }
    }

    /// Reports a thing that stands in another building than the one named beside it.
    pub(super) fn same_building(
        &mut self,
        (noun, word): (Noun, &Word),
        stands_in: &str,
        named: &Word,
    ) {
        if stands_in != named.as_ref() {
            let (noun, id, named) = (noun.word(), word.as_ref(), named.as_ref());
            let message = format!("{noun} `{id}` is in building `{stands_in}`, not in `{named}`");
            let help = format!("name a {noun} of `{named}`, or write building `{stands_in}`");
            self.error(word.span(), message, help);
        }
    }

    /// A number within its limits; `None` after a report.
    pub(super) fn number<T: TryFrom<i64>>(
        &mut self,
        value: &Spanned<i64>,
        limits: RangeInclusive<i64>,
        what: &str,
    ) -> Option<T> {
        let number = *value.as_ref();
        if !limits.contains(&number) {
            let (low, high) = (limits.start(), limits.end());
            let message = format!("`{what}` is {number}, out of its limits");
            self.error(value.span(), message, format!("write {low} to {high}"));
            return None;
        }
        T::try_from(number).ok()
    }

    /// A name in both languages; reported when one of them is empty.
    pub(super) fn text(&mut self, text: Spanned<Text>) -> Text {
        let span = text.span();
        let text = text.into_inner();
        if text.zh.trim().is_empty() || text.en.trim().is_empty() {
            self.error(
                span,
                "a name is empty",
                "write it in both languages: { zh = \"…\", en = \"…\" }",
            );
        }
        text
    }

    /// A word that people read and that must not be empty.
    pub(super) fn filled(&mut self, word: Word, what: &str) -> String {
        if word.as_ref().trim().is_empty() {
            let message = format!("`{what}` is empty");
            self.error(word.span(), message, "write what people are to read there");
        }
        word.into_inner()
    }
}
