//! A table of a TOML file, read entry by entry, so that one wrong entry hides no other. Knows nothing of what the
//! keys mean.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Error, ValueDeserializer};

use super::files::Source;
use super::names::{Word, advice};
use super::report::Report;

/// The version of the files that this program reads.
const VERSION: i64 = 1;

/// A table whose keys are taken one by one; what nobody took is unknown.
pub(super) struct Section<'a> {
    source: &'a Source,
    /// As a message calls it, for example "[site]".
    title: String,
    span: Range<usize>,
    table: DeTable<'a>,
    asked: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The whole file. `None` when it is not TOML; then every syntax error is reported.
    pub(super) fn of_file(source: &'a Source, reports: &mut Vec<Report>) -> Option<Self> {
        let (table, errors) = DeTable::parse_recoverable(source.text());
        let is_toml = errors.is_empty();
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            let message = format!("this is not TOML: {}", error.message());
            let help = "correct the line; text stands in \"quotes\", and each key stands once in its table";
            reports.push(Report::at(source, span, message).help(help));
        }
        let mut section = Self {
            source,
            title: "the file".to_owned(),
            span: 0..0,
            table: table.into_inner(),
            asked: Vec::new(),
        };
        section.check_version(reports);
        is_toml.then_some(section)
    }

    fn check_version(&mut self, reports: &mut Vec<Report>) {
        let Some(value) = self.take("version") else {
            let report = Report::at(self.source, 0..0, "the file does not say its version")
                .help("write `version = 1` above the first table");
            reports.push(report);
            return;
        };
        let version = value.as_ref().as_integer();
        let version = version.and_then(|i| i64::from_str_radix(i.as_str(), i.radix()).ok());
        let help = match version {
            Some(VERSION) => return,
            Some(newer) if newer > VERSION => {
                "the file was written for a newer Fengsui: install that one, or take the file of this release and edit it again"
            }
            _ => {
                "the first version is 1: compare the file with the one of this release, then write `version = 1`"
            }
        };
        let message = format!("this program reads version {VERSION} of this file");
        reports.push(Report::at(self.source, value.span(), message).help(help));
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'a>>> {
        self.asked.push(key);
        self.table.remove(key)
    }

    fn take_required(
        &mut self,
        key: &'static str,
        reports: &mut Vec<Report>,
    ) -> Option<Spanned<DeValue<'a>>> {
        let value = self.take(key);
        if value.is_none() {
            let message = format!("`{key}` is missing in {}", self.title);
            let help = format!("add `{key}`; the file of the release shows how");
            reports.push(Report::at(self.source, self.span.clone(), message).help(help));
        }
        value
    }

    /// A table inside this one, when it is there.
    pub(super) fn optional_section(
        &mut self,
        key: &'static str,
        reports: &mut Vec<Report>,
    ) -> Option<Self> {
        let value = self.take(key)?;
        let span = value.span();
        let DeValue::Table(table) = value.into_inner() else {
            let report = Report::at(self.source, span, format!("`{key}` is not a table")).help(
                format!("write `[{key}]` on a line of its own and its keys below"),
            );
            reports.push(report);
            return None;
        };
        Some(Self {
            source: self.source,
            title: format!("[{key}]"),
            span,
            table,
            asked: Vec::new(),
        })
    }

    /// A table inside this one that must be there.
    pub(super) fn section(&mut self, key: &'static str, reports: &mut Vec<Report>) -> Option<Self> {
        if self.table.contains_key(key) {
            return self.optional_section(key, reports);
        }
        self.take_required(key, reports);
        None
    }

    /// A value that must be there.
    pub(super) fn read<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        reports: &mut Vec<Report>,
    ) -> Option<T> {
        let value = self.take_required(key, reports)?;
        typed(self.source, value, reports)
    }

    /// A value that may be left out.
    pub(super) fn optional<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        reports: &mut Vec<Report>,
    ) -> Option<T> {
        let value = self.take(key)?;
        typed(self.source, value, reports)
    }

    /// A list of tables; each that can be read is returned.
    pub(super) fn list<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        reports: &mut Vec<Report>,
    ) -> Vec<T> {
        let Some(value) = self.take_required(key, reports) else {
            return Vec::new();
        };
        let span = value.span();
        let DeValue::Array(entries) = value.into_inner() else {
            let report = Report::at(
                self.source,
                span,
                format!("`{key}` is not a list of tables"),
            )
            .help(format!("write `[[{key}]]` above each entry"));
            reports.push(report);
            return Vec::new();
        };
        entries
            .into_iter()
            .filter_map(|entry| typed(self.source, entry, reports))
            .collect()
    }

    /// Tables that are named by their keys, for example `[groups.devices]`.
    pub(super) fn named<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        reports: &mut Vec<Report>,
    ) -> Vec<(Word, T)> {
        let Some(section) = self.optional_section(key, reports) else {
            return Vec::new();
        };
        section
            .table
            .into_iter()
            .filter_map(|(name, value)| {
                let name = Spanned::new(name.span(), name.into_inner().into_owned());
                Some((name, typed(self.source, value, reports)?))
            })
            .collect()
    }

    /// The ids in the list of tables at `path`, also of entries that cannot be read otherwise.
    pub(super) fn ids(&self, path: &[&str]) -> Vec<Word> {
        let Some((list, tables)) = path.split_last() else {
            return Vec::new();
        };
        let table = tables.iter().try_fold(&self.table, |table, key| {
            table.get(*key).and_then(|value| value.as_ref().as_table())
        });
        let entries = table
            .and_then(|table| table.get(*list))
            .and_then(|value| value.as_ref().as_array());
        entries
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let id = entry.as_ref().as_table()?.get("id")?;
                Some(Spanned::new(id.span(), id.as_ref().as_str()?.to_owned()))
            })
            .collect()
    }

    /// The keys of the table `key`, also of entries that cannot be read.
    pub(super) fn keys(&self, key: &str) -> BTreeSet<String> {
        let table = self.table.get(key);
        let table = table.and_then(|value| value.as_ref().as_table());
        let keys = table.into_iter().flat_map(|table| table.keys());
        keys.map(|key| key.as_ref().to_string()).collect()
    }

    /// Whether a key stands here, not yet taken.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The place of the table, for errors of the whole of it.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self, reports: &mut Vec<Report>) {
        for (key, _) in &self.table {
            let message = format!("unknown key `{}` in {}", key.as_ref(), self.title);
            let help = advice(key.as_ref(), self.asked.iter().copied());
            reports.push(Report::at(self.source, key.span(), message).help(help));
        }
    }
}

/// One entry as its type. Unknown keys are reported and taken out until none is left; any other error ends the entry.
fn typed<T: DeserializeOwned>(
    source: &Source,
    mut value: Spanned<DeValue<'_>>,
    reports: &mut Vec<Report>,
) -> Option<T> {
    loop {
        let error = match T::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(entry) => return Some(entry),
            Err(error) => error,
        };
        let span = error.span().unwrap_or_else(|| value.span());
        reports.push(translated(source, span.clone(), &error));
        let is_unknown_key = error.message().starts_with("unknown field");
        if !(is_unknown_key && remove_key(&mut value, &span)) {
            return None;
        }
    }
}

/// Takes out the key at `span`, however deep it stands.
fn remove_key(value: &mut Spanned<DeValue<'_>>, span: &Range<usize>) -> bool {
    match value.as_mut() {
        DeValue::Table(table) => {
            let found = table.keys().find(|key| key.span() == *span).cloned();
            match found {
                Some(key) => table.remove(&key).is_some(),
                None => table.iter_mut().any(|(_, inner)| remove_key(inner, span)),
            }
        }
        DeValue::Array(entries) => entries.iter_mut().any(|inner| remove_key(inner, span)),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => false,
    }
}

/// serde's words for programmers as words for a site.
fn translated(source: &Source, span: Range<usize>, error: &Error) -> Report {
    let text = error.message();
    let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let (first, others) = quoted.split_first().unwrap_or((&"", &[]));
    let (message, help) = if text.starts_with("unknown field") {
        let help = advice(first, others.iter().copied());
        (format!("unknown key `{first}`"), help)
    } else if text.starts_with("unknown variant") {
        let help = advice(first, others.iter().copied());
        (format!("`{first}` is not a word that can stand here"), help)
    } else if text.starts_with("missing field") {
        let help = format!("add `{first} = …` to this entry; the file of the release shows how");
        (format!("`{first}` is missing in this entry"), help)
    } else {
        let help = "write a value of the kind that is expected; the file of the release shows how";
        (plain(text), help.to_owned())
    };
    Report::at(source, span, message).help(help)
}

/// "invalid type: string "x", expected i64" in plain words.
fn plain(text: &str) -> String {
    const WORDS: [(&str, &str); 8] = [
        ("invalid type: ", "wrong kind of value: "),
        ("invalid value: ", "wrong value: "),
        ("invalid length", "wrong length"),
        ("expected a string", "expected text in quotes"),
        ("expected a boolean", "expected true or false"),
        ("expected a sequence", "expected a [list]"),
        ("expected i64", "expected a whole number"),
        ("expected f64", "expected a number"),
    ];
    WORDS
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
