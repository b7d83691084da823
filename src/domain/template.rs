//! A template: what one printed record looks like, written as a field engineer reads it aloud from the paper.
//!
//! `{yy}/{MM}/{dd} {hh}:{mm} | {loop:3}-{point:3} | 首次火警 | {place} | {*}`
//!
//! - ` | ` is the end of a printed line; one blank stands for any number of blanks.
//! - `{loop:3}` is exactly three digits, `{loop:1-3}` one to three.
//! - `{yyyy}`, `{yy}`, `{MM}`, `{dd}`, `{hh}`, `{mm}`, `{ss}` are the panel's clock.
//! - `{place}` is words up to what follows it, at least one character, inside one line.
//! - `{*}` is anything or nothing, also over line ends.
//! - `{{` and `}}` are the braces themselves. Everything else must be printed exactly so.
//!
//! A record matches as a whole or not at all. Every part has one way to match, so nothing is ever tried twice and the time is
//! bounded by the length of the record: that is why this is not a regular expression, and it can be read on the telephone.

use std::collections::BTreeMap;

use thiserror::Error;

use super::time::WallTime;

/// Longest template, in characters.
pub const TEMPLATE_MAX: usize = 400;
/// Most digits of one number.
pub const DIGITS_MAX: usize = 9;
/// Fields of the panel's clock with the digits that each has.
const CLOCK: [(&str, usize); 7] = [
    ("yyyy", 4),
    ("yy", 2),
    ("MM", 2),
    ("dd", 2),
    ("hh", 2),
    ("mm", 2),
    ("ss", 2),
];

/// What one record looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Digits {
        name: String,
        least: usize,
        most: usize,
    },
    /// Words within a line.
    Words(String),
    Anything,
}

/// Why a template cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadTemplate {
    /// More than [`TEMPLATE_MAX`] characters.
    #[error("it is longer than {TEMPLATE_MAX} characters")]
    Long,
    /// A brace without its partner.
    #[error("a brace stands alone; write {{{{ or }}}} for a printed brace")]
    Brace,
    /// A field without a name, or with a sign in its name.
    #[error("`{{{0}}}` is no field: a name is letters, digits and _, for example {{loop:3}}")]
    Name(String),
    /// A number of digits that is none.
    #[error(
        "`{{{0}}}` does not say its digits: write {{loop:3}} or {{loop:1-3}}, at most {DIGITS_MAX}"
    )]
    Count(String),
    /// The same name twice.
    #[error("the field `{{{0}}}` stands twice")]
    Twice(String),
    /// Two fields of which the first has no end.
    #[error(
        "nothing printed stands between `{{{0}}}` and the next field, so its end cannot be seen"
    )]
    Open(String),
    /// It would match every record.
    #[error("it names nothing that is printed, so it would match every record")]
    Empty,
}

/// What a record said in the fields of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured<'t> {
    whole: &'t str,
    fields: BTreeMap<String, &'t str>,
    free: Vec<&'t str>,
    ends_free: bool,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadTemplate> {
        if text.chars().count() > TEMPLATE_MAX {
            return Err(BadTemplate::Long);
        }
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(sign) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
                literal.push(sign);
                rest = after;
            } else if sign == '{' {
                let (field, after) = rest.split_once('}').ok_or(BadTemplate::Brace)?;
                flush(&mut parts, &mut literal);
                parts.push(field_of(field.get(1..).unwrap_or_default())?);
                rest = after;
            } else if sign == '}' {
                return Err(BadTemplate::Brace);
            } else {
                literal.push(sign);
                rest = rest.get(sign.len_utf8()..).unwrap_or_default();
            }
        }
        flush(&mut parts, &mut literal);
        check(&parts)?;
        Ok(Self { parts })
    }

    /// The names of its fields, without those of the clock.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let named = self.parts.iter().filter_map(Part::name);
        named.filter(|name| !CLOCK.iter().any(|(clock, _)| clock == name))
    }

    /// Whether every record of it begins with a number, as one with the panel's clock does.
    #[must_use]
    pub fn begins_with_a_number(&self) -> bool {
        matches!(self.parts.first(), Some(Part::Digits { .. }))
    }

    /// What a record says, when it looks like this from its first to its last character.
    #[must_use]
    pub fn read<'t>(&self, record: &'t str) -> Option<Captured<'t>> {
        let mut captured = Captured {
            whole: record,
            ..Captured::default()
        };
        let mut rest = record;
        for (at, part) in self.parts.iter().enumerate() {
            let end = match part {
                Part::Literal(literal) => {
                    rest.starts_with(literal.as_str()).then_some(literal.len())
                }
                Part::Digits { least, most, .. } => digits(rest, *least, *most),
                Part::Words(_) => {
                    let end = self.end_of(at, rest, true);
                    end.filter(|end| !rest.get(..*end).unwrap_or_default().contains('\n'))
                }
                Part::Anything => self.end_of(at, rest, false),
            }?;
            let (value, after) = rest.split_at_checked(end)?;
            if let Some(name) = part.name() {
                captured.fields.insert(name.to_owned(), value);
            }
            captured.ends_free = matches!(part, Part::Words(_) | Part::Anything);
            if captured.ends_free {
                captured.free.push(value);
            }
            rest = after;
        }
        rest.is_empty().then_some(captured)
    }

    /// Where an open field ends: before the first place of what follows it, and before the last one when nothing follows that.
    fn end_of(&self, at: usize, rest: &str, filled: bool) -> Option<usize> {
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let from = if filled { first } else { 0 };
        let is_last = at + 2 >= self.parts.len();
        let end = match self.parts.get(at + 1) {
            Some(Part::Literal(next)) if is_last => rest.strip_suffix(next.as_str())?.len(),
            Some(Part::Literal(next)) => from + rest.get(from..)?.find(next.as_str())?,
            Some(Part::Digits { .. } | Part::Words(_) | Part::Anything) | None => rest.len(),
        };
        (end >= from && (end > 0 || !filled)).then_some(end)
    }
}

impl Part {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Digits { name, .. } | Self::Words(name) => Some(name),
            Self::Literal(_) | Self::Anything => None,
        }
    }
}

impl<'t> Captured<'t> {
    /// What stands in a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).copied()
    }

    /// The record.
    #[must_use]
    pub fn whole(&self) -> &'t str {
        self.whole
    }

    /// The words that end the record, where its template ends with any words.
    #[must_use]
    pub fn tail(&self) -> Option<&'t str> {
        let last = self.free.last().filter(|_| self.ends_free);
        last.copied()
    }

    /// What stands in the fields that take any words: nobody has looked at it yet.
    #[must_use]
    pub fn free(&self) -> &[&'t str] {
        &self.free
    }

    /// The panel's clock, when year, month, day, hour and minute were printed and are a moment. A year of two digits is of this
    /// century.
    #[must_use]
    pub fn time(&self, utc_offset_minutes: i32) -> Option<WallTime> {
        let number = |name| self.get(name)?.parse::<u8>().ok();
        let year = match self.get("yyyy") {
            Some(year) => year.parse::<i64>().ok()?,
            None => 2_000 + i64::from(number("yy")?),
        };
        let second = if self.get("ss").is_some() {
            number("ss")?
        } else {
            0
        };
        let date = (year, number("MM")?, number("dd")?);
        let time = (number("hh")?, number("mm")?, second);
        WallTime::of_civil(date, time, utc_offset_minutes)
    }
}

fn flush(parts: &mut Vec<Part>, literal: &mut String) {
    let text = lines(&std::mem::take(literal));
    if !text.is_empty() {
        parts.push(Part::Literal(text));
    }
}

/// Printed text as it stands in a record: runs of blanks are one blank, ` | ` is a line end.
fn lines(literal: &str) -> String {
    let mut text = String::new();
    for sign in literal.chars() {
        let is_blank = sign == ' ' || sign == '\t';
        if !(is_blank && text.ends_with(' ')) {
            text.push(if is_blank { ' ' } else { sign });
        }
    }
    text.replace(" | ", "\n")
}

fn field_of(field: &str) -> Result<Part, BadTemplate> {
    if field == "*" {
        return Ok(Part::Anything);
    }
    let (name, count) = match field.split_once(':') {
        Some((name, count)) => (name, Some(count)),
        None => (field, None),
    };
    if !is_name(name) {
        return Err(BadTemplate::Name(field.to_owned()));
    }
    let clock = CLOCK.iter().find(|(clock, _)| *clock == name);
    let name = name.to_owned();
    let Some(count) = count else {
        return Ok(match clock {
            Some((_, digits)) => Part::Digits {
                name,
                least: *digits,
                most: *digits,
            },
            None => Part::Words(name),
        });
    };
    let bad = || BadTemplate::Count(field.to_owned());
    let (least, most) = count.split_once('-').unwrap_or((count, count));
    let number = |text: &str| text.parse::<usize>().map_err(|_| bad());
    let (least, most) = (number(least)?, number(most)?);
    if least == 0 || least > most || most > DIGITS_MAX || clock.is_some() {
        return Err(bad());
    }
    Ok(Part::Digits { name, least, most })
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|sign| sign.is_ascii_alphanumeric() || sign == '_')
}

fn check(parts: &[Part]) -> Result<(), BadTemplate> {
    let literal = |part: &Part| matches!(part, Part::Literal(text) if !text.trim().is_empty());
    if !parts.iter().any(literal) {
        return Err(BadTemplate::Empty);
    }
    let mut names: Vec<&str> = parts.iter().filter_map(Part::name).collect();
    names.sort_unstable();
    let mut neighbours = names.iter().zip(names.iter().skip(1));
    if let Some((twice, _)) = neighbours.find(|(name, next)| name == next) {
        return Err(BadTemplate::Twice((*twice).to_owned()));
    }
    for (part, next) in parts.iter().zip(parts.iter().skip(1)) {
        let is_open = match part {
            Part::Words(_) | Part::Anything => true,
            Part::Digits { least, most, .. } => least != most,
            Part::Literal(_) => false,
        };
        if is_open && !matches!(next, Part::Literal(_)) {
            return Err(BadTemplate::Open(part.name().unwrap_or("*").to_owned()));
        }
    }
    Ok(())
}

/// As many digits as there are, within the limits.
fn digits(text: &str, least: usize, most: usize) -> Option<usize> {
    let count = text
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    (count >= least).then_some(count)
}

/// What a panel calls a point, made of the fields of a record: `{controller}-{loop}-{point}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelForm {
    /// Printed text and the field that follows it.
    fields: Vec<(String, String)>,
    tail: String,
}

impl LabelForm {
    /// Reads a form. Its fields have names only.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadTemplate> {
        let mut fields = Vec::new();
        let mut rest = text;
        while let Some((before, field)) = rest.split_once('{') {
            let (name, after) = field.split_once('}').ok_or(BadTemplate::Brace)?;
            if !is_name(name) {
                return Err(BadTemplate::Name(name.to_owned()));
            }
            fields.push((before.to_owned(), name.to_owned()));
            rest = after;
        }
        if fields.is_empty() {
            return Err(BadTemplate::Empty);
        }
        let tail = rest.to_owned();
        Ok(Self { fields, tail })
    }

    /// The names of its fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(_, name)| name.as_str())
    }

    /// The label of a record; `None` when a field was not captured.
    #[must_use]
    pub fn of(&self, captured: &Captured<'_>) -> Option<String> {
        let mut label = String::new();
        for (before, name) in &self.fields {
            label.push_str(before);
            label.push_str(captured.get(name)?);
        }
        label.push_str(&self.tail);
        Some(canonical(&label))
    }
}

/// A label as it is compared: without blanks, and without the zeros before its numbers, so that `004-015` is `4-15`.
#[must_use]
pub fn canonical(label: &str) -> String {
    let mut text = String::new();
    let mut number = String::new();
    for sign in label.chars().filter(|sign| !sign.is_whitespace()) {
        if sign.is_ascii_digit() {
            number.push(sign);
        } else {
            push_number(&mut text, &mut number);
            text.push(sign);
        }
    }
    push_number(&mut text, &mut number);
    text
}

fn push_number(text: &mut String, number: &mut String) {
    let trimmed = number.trim_start_matches('0');
    if !number.is_empty() {
        text.push_str(if trimmed.is_empty() { "0" } else { trimmed });
    }
    number.clear();
}

#[cfg(test)]
mod tests;
