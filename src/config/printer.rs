//! panels/*.toml with `protocol = "printer"`: what the records of a printing panel look like and what each of them says.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::buses::Wired;
use super::names::{Word, advice};
use super::profile::{self, Known};
use super::scope::Scope;
use super::section::Section;
use super::table::Row;
use crate::domain::ids::{BusId, PointId};
use crate::domain::line::Line;
use crate::domain::point::{Address, Condition, Point, PointKind};
use crate::domain::printer::{self, Encoding, Framing, PanelSign, Pattern, Printer, Says};
use crate::domain::site::Bus;
use crate::domain::template::{self, LabelForm, Template};

/// A pause within a record is shorter, and nobody waits longer for the end of one.
const IDLE_MS: RangeInclusive<i64> = 50..=10_000;
/// No panel prints a longer record.
const BYTES_MAX: RangeInclusive<i64> = 64..=4_096;
/// A sign of life that comes more rarely than once a day supervises nothing.
const SILENCE_S: RangeInclusive<i64> = 10..=90_000;
/// Most patterns, forms of one pattern, and alarm words.
const PATTERNS_MAX: usize = 100;
const FORMS_MAX: usize = 16;
const WORDS_MAX: usize = 16;
/// Longest alarm word, in characters.
const WORD_CHARS_MAX: usize = 8;

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EncodingWord {
    Gb18030,
    Utf8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordEntry {
    starts: Option<Word>,
    #[serde(default)]
    ends: Vec<Word>,
    length: Option<Spanned<i64>>,
    idle_ms: Spanned<i64>,
    #[serde(default)]
    drops: Vec<Word>,
    bytes_max: Spanned<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternEntry {
    says: Option<Spanned<SaysWord>>,
    clears: Option<Spanned<SaysWord>>,
    text: Spanned<Vec<Word>>,
    label: Option<Word>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SaysWord {
    Fire,
    Fault,
    Disabled,
    Test,
    Active,
    Low,
    High,
    Silenced,
    Sounders,
    MainsFault,
    Automatic,
    Reset,
    Alive,
}

impl SaysWord {
    fn meaning(self) -> Says {
        match self {
            Self::Fire => Says::Point(Condition::Fire),
            Self::Fault => Says::Point(Condition::Fault),
            Self::Disabled => Says::Point(Condition::Disabled),
            Self::Test => Says::Point(Condition::Test),
            Self::Active => Says::Point(Condition::Active),
            Self::Low => Says::Point(Condition::Low),
            Self::High => Says::Point(Condition::High),
            Self::Silenced => Says::Panel(PanelSign::Silenced),
            Self::Sounders => Says::Panel(PanelSign::Sounders),
            Self::MainsFault => Says::Panel(PanelSign::MainsFault),
            Self::Automatic => Says::Panel(PanelSign::Automatic),
            Self::Reset => Says::Reset,
            Self::Alive => Says::Alive,
        }
    }
}

/// Reads what a profile of a printing panel says beside its source and tier.
pub(super) fn read(name: &str, mut file: Section<'_>, scope: &mut Scope<'_>) -> Option<Printer> {
    let described: Option<Word> = file.read("source", scope.reports);
    described.map(|word| scope.filled(word, "source"));
    let tier: Option<Word> = file.read("tier", scope.reports);
    tier.inspect(|word| profile::check_tier(word, scope));
    let encoding: Option<EncodingWord> = file.read("encoding", scope.reports);
    let record: Option<RecordEntry> = file.read("record", scope.reports);
    let record = record.and_then(|record| read_framing(record, scope));
    let words: Option<Spanned<Vec<Word>>> = file.read("alarm_words", scope.reports);
    let words = words.and_then(|words| read_words(words, scope));
    let clears: Option<Spanned<Vec<Spanned<SaysWord>>>> = file.read("reset_clears", scope.reports);
    let clears = clears.map(|clears| read_clears(clears.into_inner(), scope));
    let silence: Option<Spanned<i64>> = file.optional("silence_max_s", scope.reports);
    let silence = silence.and_then(|s| scope.number::<u64>(&s, SILENCE_S, "silence_max_s"));
    let entries: Vec<PatternEntry> = file.list("patterns", scope.reports);
    let patterns = read_patterns(entries, file.span(), scope);
    file.finish(scope.reports);
    Some(Printer {
        name: name.to_owned(),
        encoding: match encoding? {
            EncodingWord::Gb18030 => Encoding::Gb18030,
            EncodingWord::Utf8 => Encoding::Utf8,
        },
        framing: record?,
        patterns,
        alarm_words: words?,
        reset_clears: clears?,
        silence_max: silence.map(Duration::from_secs),
    })
}

fn read_framing(entry: RecordEntry, scope: &mut Scope<'_>) -> Option<Framing> {
    let RecordEntry {
        starts,
        ends,
        length,
        idle_ms,
        drops,
        bytes_max,
    } = entry;
    let starts = starts.map_or(Some(Vec::new()), |word| bytes(&word, scope));
    let every = |words: Vec<Word>, scope: &mut Scope<'_>| -> Option<Vec<Vec<u8>>> {
        let read: Vec<Option<Vec<u8>>> = words.iter().map(|word| bytes(word, scope)).collect();
        read.into_iter().collect()
    };
    for drop in &drops {
        let is_control = drop.as_ref().trim().starts_with(['0', '1']);
        if !is_control {
            scope.error(
                drop.span(),
                format!("`{}` begins with a character that is text", drop.as_ref()),
                "drop only what is for the printer: sequences that begin with a control character, for example \"1B 39\"",
            );
        }
    }
    let ends = every(ends, scope);
    let drops = every(drops, scope);
    let idle_ms: Option<u64> = scope.number(&idle_ms, IDLE_MS, "idle_ms");
    let bytes_max = scope.number(&bytes_max, BYTES_MAX, "bytes_max");
    let longest = bytes_max.map_or(*BYTES_MAX.end(), |max: usize| {
        i64::try_from(max).unwrap_or(0)
    });
    let length = match length {
        Some(length) => Some(scope.number(&length, 2..=longest - 1, "length")?),
        None => None,
    };
    Some(Framing {
        starts: starts?,
        ends: ends?,
        length,
        idle: Duration::from_millis(idle_ms?),
        drops: drops?,
        bytes_max: bytes_max?,
    })
}

/// `1B 36` as bytes.
fn bytes(word: &Word, scope: &mut Scope<'_>) -> Option<Vec<u8>> {
    let is_hex = |pair: &&str| pair.len() == 2 && pair.chars().all(|c| c.is_ascii_hexdigit());
    let pairs: Vec<&str> = word.as_ref().split_whitespace().collect();
    let read: Option<Vec<u8>> = pairs
        .iter()
        .map(|pair| is_hex(pair).then(|| u8::from_str_radix(pair, 16).ok())?)
        .collect();
    let read = read.filter(|bytes| (1..=8).contains(&bytes.len()));
    if read.is_none() {
        scope.error(
            word.span(),
            format!("`{}` is no row of bytes", word.as_ref()),
            "write one to eight bytes as the capture shows them, for example \"1B 36\" or \"0D 0A\"",
        );
    }
    read
}

fn read_words(words: Spanned<Vec<Word>>, scope: &mut Scope<'_>) -> Option<Vec<String>> {
    let count = words.as_ref().len();
    if count == 0 || count > WORDS_MAX {
        scope.error(
            words.span(),
            format!("{count} alarm words"),
            format!("write 1 to {WORDS_MAX} words that stand in every alarm of this panel, for example [\"火警\"]: a record with one of them is never lost"),
        );
        return None;
    }
    for word in words.as_ref() {
        let length = word.as_ref().trim().chars().count();
        if length == 0 || length > WORD_CHARS_MAX {
            scope.error(
                word.span(),
                format!("`{}` is no alarm word", word.as_ref()),
                format!("write 1 to {WORD_CHARS_MAX} characters, as they are printed"),
            );
        }
    }
    let words = words.into_inner().into_iter();
    Some(words.map(Spanned::into_inner).collect())
}

fn read_clears(clears: Vec<Spanned<SaysWord>>, scope: &mut Scope<'_>) -> BTreeSet<Condition> {
    let mut signs = BTreeSet::new();
    for word in clears {
        let Says::Point(sign) = word.as_ref().meaning() else {
            scope.error(
                word.span(),
                "this is no condition of a point",
                "write what the panel's reset ends beside fire: fault, disabled, test, active, low, high",
            );
            continue;
        };
        signs.insert(sign);
    }
    signs
}

fn read_patterns(
    entries: Vec<PatternEntry>,
    whole: Range<usize>,
    scope: &mut Scope<'_>,
) -> Vec<Pattern> {
    if entries.len() > PATTERNS_MAX {
        scope.error(
            whole.clone(),
            format!("{} patterns", entries.len()),
            format!("write at most {PATTERNS_MAX}; several forms of one thing stand in one `text`"),
        );
    }
    let mut patterns = Vec::new();
    let mut seen = BTreeMap::new();
    let mut meanings = Vec::new();
    for entry in entries {
        for form in entry.text.as_ref() {
            if let Some(first) = seen.insert(form.as_ref().clone(), form.span()) {
                let help = "the first that matches is what a record says, so the second would never be asked";
                scope.clash(form.span(), first, "this form stands twice", help);
            }
        }
        meanings.extend(entry.says.as_ref().map(|says| says.as_ref().meaning()));
        patterns.extend(read_pattern(entry, scope));
    }
    for (needed, what, help) in [
        (
            Says::Point(Condition::Fire),
            "fire",
            "a panel that cannot show fire is not worth its wire",
        ),
        (
            Says::Reset,
            "reset",
            "nothing else ends a fire at the panel, and until the first one its quiet points are not believed",
        ),
    ] {
        if !meanings.contains(&needed) {
            let message = format!("no pattern says \"{what}\"");
            scope.error(
                whole.clone(),
                message,
                format!("add [[patterns]] with says = \"{what}\": {help}"),
            );
        }
    }
    patterns
}

fn read_pattern(entry: PatternEntry, scope: &mut Scope<'_>) -> Option<Pattern> {
    let (says, holds) = match (entry.says, entry.clears) {
        (Some(says), None) => (says, true),
        (None, Some(clears)) => (clears, false),
        (Some(first), Some(second)) => {
            let message = "a pattern says something or clears it, not both";
            scope.clash(
                second.span(),
                first.span(),
                message,
                "make two patterns of it",
            );
            return None;
        }
        (None, None) => {
            scope.error(
                entry.text.span(),
                "the pattern does not tell what its text says",
                "add says = \"fire\" (fault, disabled, test, active, low, high, silenced, sounders, mains_fault, automatic, reset, alive), or clears = … where the text is the end of it",
            );
            return None;
        }
    };
    let meaning = says.as_ref().meaning();
    if !holds && matches!(meaning, Says::Reset | Says::Alive) {
        scope.error(says.span(), "this has no end", "write says = …");
    }
    let label = entry.label.as_ref().map(|label| read_label(label, scope));
    match (meaning, &entry.label) {
        // A fire or a fault without an address is shown at the panel's point for everything else.
        (Says::Point(Condition::Fire | Condition::Fault), _) | (Says::Point(_), Some(_)) => {}
        (Says::Point(_), None) => scope.error(
            says.span(),
            "the pattern does not tell of which point",
            "add `label` with the fields that name it, for example label = \"{loop}-{point}\"",
        ),
        (Says::Panel(_) | Says::Reset | Says::Alive, Some(label)) => scope.error(
            label.span(),
            "this is said of the whole panel, not of a point",
            "delete `label`",
        ),
        (Says::Panel(_) | Says::Reset | Says::Alive, None) => {}
    }
    let span = entry.text.span();
    let count = entry.text.as_ref().len();
    if count == 0 || count > FORMS_MAX {
        let help = format!("write 1 to {FORMS_MAX} forms of what is printed");
        scope.error(span, format!("{count} forms"), help);
    }
    let mut forms = Vec::new();
    for word in entry.text.into_inner() {
        match Template::parse(word.as_ref()) {
            Ok(form) => {
                check_fields(&form, &word, label.as_ref().and_then(Option::as_ref), scope);
                forms.push(form);
            }
            Err(error) => scope.error(
                word.span(),
                format!("this form cannot be read: {error}"),
                "docs/printer.md shows how a form is written from a print-out",
            ),
        }
    }
    Some(Pattern {
        says: meaning,
        holds,
        forms,
        label: label.flatten(),
    })
}

fn read_label(word: &Word, scope: &mut Scope<'_>) -> Option<LabelForm> {
    let read = LabelForm::parse(word.as_ref());
    if let Err(error) = &read {
        scope.error(
            word.span(),
            format!("this label cannot be read: {error}"),
            "write the fields of the text that name the point, for example \"{loop}-{point}\"",
        );
    }
    read.ok()
}

/// Every form has the fields of the label.
fn check_fields(form: &Template, word: &Word, label: Option<&LabelForm>, scope: &mut Scope<'_>) {
    let names: BTreeSet<&str> = form.names().collect();
    let missing = label.and_then(|label| label.names().find(|name| !names.contains(name)));
    if let Some(missing) = missing {
        let message = format!("the label needs `{{{missing}}}`, and this form does not have it");
        scope.error(
            word.span(),
            message,
            "name the field where it is printed, or correct the label",
        );
    }
}

/// Profile and line speak the same; one panel prints on a line.
pub(super) fn check(wired: &[Wired], profiles: &BTreeMap<String, Known>, scope: &mut Scope<'_>) {
    let mut panels: BTreeMap<&BusId, Range<usize>> = BTreeMap::new();
    for Wired { bus, line, profile } in wired {
        let help = match (profiles.get(profile.as_ref()), line) {
            (Some(Known::Printer(_)), Line::Printer(_)) => {
                if let Some(first) = panels.insert(bus, profile.span()) {
                    let message = "two panels cannot print on one line";
                    let help = "a panel that prints for a whole network is one unit; its labels name the controllers";
                    scope.clash(profile.span(), first, message, help);
                }
                continue;
            }
            (Some(Known::Printer(_)), _) => {
                "a panel that prints has a line of its own: write printer = { … } for the bus"
            }
            (Some(Known::Registers(_)), Line::Printer(_)) => {
                "on a bus with `printer` belongs a profile with protocol = \"printer\""
            }
            (Some(Known::Registers(_) | Known::Transmitter(_)) | None, _) => continue,
        };
        let message = format!(
            "profile `{}` does not speak what this line speaks",
            profile.as_ref()
        );
        scope.error(profile.span(), message, help);
    }
}

/// A panel may print what points.csv does not have: that must be loud somewhere.
pub(super) fn check_others(
    buses: &BTreeMap<BusId, Bus>,
    points: &BTreeMap<PointId, Point>,
    scope: &mut Scope<'_>,
) {
    for bus in buses
        .values()
        .filter(|bus| matches!(bus.line, Line::Printer(_)))
    {
        let mut others = points
            .values()
            .filter(|point| point.group == printer::OTHER);
        if !others.any(|point| point.bus == bus.id) {
            scope.error(
                0..0,
                format!("nothing stands for what bus `{}` prints and points.csv does not have", bus.id),
                "add a row with kind panel_fire, group other, index 0, in the compartment where somebody looks first: where the panel hangs",
            );
        }
    }
}

/// How the panel calls a point.
pub(super) fn address(
    row: &Row,
    kind: Option<PointKind>,
    profile: &Printer,
    scope: &mut Scope<'_>,
) -> Option<Address> {
    let (group, index) = (row.word("group"), row.word("index"));
    let text = index.as_ref().trim();
    match group.as_ref().as_str() {
        printer::POINTS => {
            let is_state = PanelSign::ALL.iter().any(|(_, _, of)| Some(*of) == kind);
            if is_state {
                let help = "write group panel: a state of the panel has no label";
                scope.error(
                    group.span(),
                    "this kind of point is a state of the panel",
                    help,
                );
            }
            if kind == Some(PointKind::PanelFire) {
                let message = "this kind of point stands for a whole panel";
                let help = "write the kind of the device, or group other";
                scope.error(row.word("kind").span(), message, help);
            }
            if text.is_empty() {
                let help = "write the label that the profile's patterns make of a record, for example 1-2-15";
                scope.error(index.span(), "the point has no label", help);
                return None;
            }
            Some(Address::Label(template::canonical(text)))
        }
        printer::OTHER => {
            if kind.is_some_and(|kind| kind != PointKind::PanelFire) {
                let message = "this kind of point does not stand for a whole panel";
                let help = "an alarm that has no point of its own must be loud, and is no device: write kind panel_fire";
                scope.error(row.word("kind").span(), message, help);
            }
            if text != "0" {
                let help = "write 0: there is one of them";
                scope.error(
                    index.span(),
                    format!("`{text}` is no address of group `other`"),
                    help,
                );
            }
            Some(Address::Label("0".to_owned()))
        }
        printer::PANEL => {
            let words = PanelSign::ALL.iter().map(|(word, ..)| *word);
            let Some((word, _, of)) = PanelSign::ALL.iter().find(|(word, ..)| *word == text) else {
                let message = format!("`{text}` is no state of the panel");
                scope.error(index.span(), message, advice(text, words));
                return None;
            };
            if kind.is_some_and(|kind| kind != *of) {
                let message = format!("`{word}` is not what this kind of point shows");
                let help = "silenced is panel_silenced, sounders panel_sounders, mains panel_mains, automatic panel_key";
                scope.error(row.word("kind").span(), message, help);
            }
            Some(Address::Label((*word).to_owned()))
        }
        other => {
            let message = format!("profile `{}` has no group `{other}`", profile.name);
            let groups = [printer::POINTS, printer::OTHER, printer::PANEL];
            scope.error(group.span(), message, advice(other, groups.into_iter()));
            None
        }
    }
}
