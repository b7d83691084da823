//! What the files declare, and whether a reference meets a declaration. Ids of broken entries are declared too, so
//! that one mistake does not make every reference to it look wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;

use super::files::Source;
use super::report::Report;

/// A word of a file with its place.
pub(super) type Word = Spanned<String>;

/// An id is at most this long; it stands in MQTT topics and addresses.
const ID_CHARS_MAX: usize = 64;
/// At most this many known names are listed in a message.
const LISTED_MAX: usize = 12;

/// What can be declared and referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Noun {
    Building,
    Floor,
    Compartment,
    Zone,
    Recipient,
    Node,
    Bus,
    Point,
    Output,
    Profile,
    Plan,
}

impl Noun {
    /// As a message calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Floor => "floor",
            Self::Compartment => "compartment",
            Self::Zone => "zone",
            Self::Recipient => "recipient",
            Self::Node => "node",
            Self::Bus => "bus",
            Self::Point => "point",
            Self::Output => "output",
            Self::Profile => "profile",
            Self::Plan => "plan",
        }
    }

    /// Where it is declared.
    fn home(self) -> &'static str {
        match self {
            Self::Building => "[[buildings]] of site.toml",
            Self::Floor => "[[floors]] of site.toml",
            Self::Compartment => "[[compartments]] of site.toml",
            Self::Zone => "[[zones]] of site.toml",
            Self::Recipient => "[[recipients]] of site.toml",
            Self::Node => "[routes] nodes of site.toml",
            Self::Bus => "[[buses]] of site.toml",
            Self::Point => "points.csv",
            Self::Output => "[[outputs]] of linkage.toml",
            Self::Profile => "the folder panels/",
            Self::Plan => "the folder plans/",
        }
    }
}

/// Every declared name. A noun that is absent could not be read at all: references to it are not judged.
#[derive(Default)]
pub(super) struct Names(BTreeMap<Noun, BTreeSet<String>>);

impl Names {
    /// Declares ids; one that stands twice or cannot be an id is reported.
    pub(super) fn declare(
        &mut self,
        noun: Noun,
        source: &Source,
        words: &[Word],
        reports: &mut Vec<Report>,
    ) {
        let mut first: BTreeMap<&str, Range<usize>> = BTreeMap::new();
        for word in words {
            check_id(source, word, reports);
            match first.get(word.as_ref().as_str()) {
                None => {
                    first.insert(word.as_ref(), word.span());
                }
                Some(earlier) => {
                    let message = format!("{} `{}` stands twice", noun.word(), word.as_ref());
                    let report = Report::at(source, word.span(), message)
                        .also(earlier.clone(), "first here")
                        .help("give one of the two another id, or delete it");
                    reports.push(report);
                }
            }
        }
        let ids = first.into_keys().map(str::to_owned).collect();
        self.0.insert(noun, ids);
    }

    /// Declares names that are files.
    pub(super) fn declare_files(&mut self, noun: Noun, names: impl Iterator<Item = String>) {
        self.0.insert(noun, names.collect());
    }

    /// How many are declared.
    pub(super) fn count(&self, noun: Noun) -> usize {
        self.0.get(&noun).map_or(0, BTreeSet::len)
    }

    /// Reports a word that names nothing.
    pub(super) fn refer(
        &self,
        noun: Noun,
        source: &Source,
        word: &Word,
        reports: &mut Vec<Report>,
    ) {
        let Some(known) = self.0.get(&noun) else {
            return;
        };
        if known.contains(word.as_ref()) {
            return;
        }
        let message = format!("there is no {} `{}`", noun.word(), word.as_ref());
        let advice = advice(word.as_ref(), known.iter().map(String::as_str));
        let help = format!(
            "{advice} ({}s are declared in {})",
            noun.word(),
            noun.home()
        );
        reports.push(Report::at(source, word.span(), message).help(help));
    }
}

/// "did you mean …", else what there is.
pub(super) fn advice<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(near) = nearest(word, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    let listed: Vec<String> = known
        .clone()
        .take(LISTED_MAX)
        .map(|k| format!("`{k}`"))
        .collect();
    let more = known.count().saturating_sub(listed.len());
    match (listed.is_empty(), more) {
        (true, _) => "there is none yet".to_owned(),
        (false, 0) => format!("there is {}", listed.join(", ")),
        (false, _) => format!("there is {} and {more} more", listed.join(", ")),
    }
}

/// The known word that is most like `word`, when it is like it at all.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let far = 1 + word.chars().count() / 4;
    known
        .map(|candidate| {
            let distance = strsim::osa_distance(&word.to_lowercase(), &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= far)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Whether a word can be an id: it must pass through MQTT topics, addresses and file names unchanged.
pub(super) fn check_id(source: &Source, word: &Word, reports: &mut Vec<Report>) {
    let id = word.as_ref();
    let fits = !id.is_empty()
        && id.len() <= ID_CHARS_MAX
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !fits {
        let message = format!("`{id}` cannot be an id");
        let report = Report::at(source, word.span(), message).help(
            "an id has 1 to 64 of: letters a to z and A to Z, digits, `-`, `_`, `.`; Chinese belongs in the name",
        );
        reports.push(report);
    }
}
