//! Words for people: names of the site in two languages, and lines of the catalogue with their arguments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A name that the site gives in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Chinese, always present.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Text {
    /// Both languages at once.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            zh: zh.into(),
            en: en.into(),
        }
    }
}

/// A sentence of the catalogue: its key and its arguments. The words are in `src/text/catalogue.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Key in the catalogue.
    pub key: String,
    /// Arguments by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Argument>,
}

/// What is put into a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Argument {
    /// A figure, a person's name, or a key of the catalogue: shown as it is, or in its words.
    Word(String),
    /// A name of the site, in the language of whoever reads.
    Name(Text),
}

impl Line {
    /// A line without arguments.
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            args: BTreeMap::new(),
        }
    }

    /// The same line with one argument more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        let value = Argument::Word(value.to_string());
        self.args.insert(name.to_owned(), value);
        self
    }

    /// The same line with a name of the site more.
    #[must_use]
    pub fn named(mut self, name: &str, value: &Text) -> Self {
        let value = Argument::Name(value.clone());
        self.args.insert(name.to_owned(), value);
        self
    }
}
