//! `[writes.*]` of a profile: what can be written to the device, and how it acts.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::address::Base;
use super::groups::ADDRESSES;
use super::names::{self, Word};
use super::scope::Scope;
use crate::domain::output::Target;
use crate::domain::profile::{Area, Write};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WriteEntry {
    coil: Option<Spanned<i64>>,
    register: Option<Spanned<i64>>,
    value: Option<Spanned<i64>>,
    values: Option<Spanned<[Spanned<i64>; 2]>>,
    bit: Option<Spanned<i64>>,
    count: Option<Spanned<i64>>,
    #[serde(default)]
    pulse: bool,
    repeat: Option<Spanned<Repeat>>,
    when_silent: Option<Spanned<WhenSilent>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Repeat {
    Safe,
    Never,
}

/// What the device does with the output when Fengsui falls silent.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WhenSilent {
    Hold,
    Release,
}

/// The writes that the device takes back by itself.
pub(super) fn released_when_silent(entries: &[(Word, WriteEntry)]) -> Vec<String> {
    let releases = |entry: &WriteEntry| {
        let word = entry.when_silent.as_ref();
        word.is_some_and(|word| *word.as_ref() == WhenSilent::Release)
    };
    entries
        .iter()
        .filter(|(_, entry)| releases(entry))
        .map(|(name, _)| name.as_ref().clone())
        .collect()
}

/// Reads every write; one with an error is left out.
pub(super) fn read(
    entries: Vec<(Word, WriteEntry)>,
    base: Base,
    scope: &mut Scope<'_>,
) -> BTreeMap<String, Write> {
    let mut writes: BTreeMap<String, Write> = BTreeMap::new();
    let mut seen: Vec<(Write, Range<usize>)> = Vec::new();
    for (name, entry) in entries {
        names::check_id(scope.source, &name, scope.reports);
        let Some(write) = read_write(&name, &entry, base, scope) else {
            continue;
        };
        if let Some((_, first)) = seen.iter().find(|(earlier, _)| overlap(earlier, &write)) {
            let message = format!(
                "`{}` describes a coil or command that is described already",
                name.as_ref()
            );
            let help =
                "describe each coil and each command value once, else nobody knows how it acts";
            scope.clash(name.span(), first.clone(), message, help);
            continue;
        }
        seen.push((write, name.span()));
        writes.insert(name.into_inner(), write);
    }
    writes
}

fn read_write(name: &Word, entry: &WriteEntry, base: Base, scope: &mut Scope<'_>) -> Option<Write> {
    let count = match &entry.count {
        None => Some(1),
        Some(count) => scope.number(count, 1..=1968, "count"),
    };
    let target = match (&entry.coil, &entry.register) {
        (Some(coil), None) => read_coil(name, entry, base.address(Area::Coil, coil, scope)?, scope),
        (None, Some(register)) => {
            let register = base.address(Area::Holding, register, scope)?;
            read_register(name, entry, register, scope)
        }
        (Some(_), Some(_)) | (None, None) => {
            let message = format!("`{}` does not say what is written", name.as_ref());
            let help = "write either `coil = …` (function code 05) or `register = …` with `value = …` (06), `values` (16) or `bit` (22)";
            scope.error(name.span(), message, help);
            None
        }
    };
    let repeat = entry.repeat.as_ref();
    let repeat_is_safe = repeat.is_some_and(|word| *word.as_ref() == Repeat::Safe);
    if let (true, true, Some(word)) = (entry.pulse, repeat_is_safe, repeat) {
        scope.error(
            word.span(),
            "a pulse can never be repeated safely: a second one is a second stroke",
            "delete `repeat`, or delete `pulse` when the output stays where it is written",
        );
    }
    Some(Write {
        target: target?,
        count: count?,
        pulse: entry.pulse,
        repeat_is_safe,
    })
}

fn read_coil(
    name: &Word,
    entry: &WriteEntry,
    register: u16,
    scope: &mut Scope<'_>,
) -> Option<Target> {
    let values = entry.values.as_ref().map(Spanned::span);
    let figures = [&entry.value, &entry.bit].map(|figure| figure.as_ref().map(Spanned::span));
    for span in figures.into_iter().chain([values]).flatten() {
        let help = "delete it; a coil is only ever switched on";
        scope.error(span, "a coil has no `value`, `values` or `bit`", help);
    }
    check_silence(name, entry, scope);
    let count = entry.count.as_ref().map_or(1, |count| *count.as_ref());
    if i64::from(register) + count > i64::from(ADDRESSES) {
        let help = "a table has 65536 addresses; correct `coil` or `count`";
        scope.error(name.span(), "the row ends beyond the last coil", help);
        return None;
    }
    Some(Target::Coil { register })
}

/// An output that stays where it is put must say what becomes of it without us.
fn check_silence(name: &Word, entry: &WriteEntry, scope: &mut Scope<'_>) {
    if entry.when_silent.is_none() {
        let message = format!(
            "`{}` does not say what its outputs do when Fengsui falls silent",
            name.as_ref()
        );
        let help = "look up the module's communication watchdog and write when_silent = \"hold\" or \"release\"";
        scope.error(name.span(), message, help);
    }
}

/// One value (function code 06), two at once (16), or one bit (22).
fn read_register(
    name: &Word,
    entry: &WriteEntry,
    register: u16,
    scope: &mut Scope<'_>,
) -> Option<Target> {
    if let (Some(count), None) = (&entry.count, &entry.bit) {
        let help = "delete `count`; write one [writes.…] for each command value";
        let message = "only a row of coils or of bits has a `count`";
        scope.error(count.span(), message, help);
    }
    let value = |value, scope: &mut Scope<'_>| scope.number(value, 0..=65_535, "value");
    match (&entry.value, &entry.values, &entry.bit) {
        (Some(one), None, None) => Some(Target::Register {
            register,
            value: value(one, scope)?,
        }),
        (None, Some(both), None) => {
            let [first, second] = both.as_ref();
            register.checked_add(1)?;
            Some(Target::Registers {
                register,
                values: [value(first, scope)?, value(second, scope)?],
            })
        }
        (None, None, Some(bit)) => {
            check_silence(name, entry, scope);
            let count = entry.count.as_ref().map_or(1, |count| *count.as_ref());
            let bit: u16 = scope.number(bit, 0..=16_i64.saturating_sub(count), "bit")?;
            Some(Target::bit(register, bit))
        }
        (None, None, None) => {
            let message = format!("`{}` does not say which value is written", name.as_ref());
            let help =
                "add `value = …`, `values = [… , …]` for two registers at once, or `bit = …`";
            scope.error(name.span(), message, help);
            None
        }
        (Some(_), ..) | (None, Some(_), Some(_)) => {
            let message = format!("`{}` says twice what is written", name.as_ref());
            let help = "keep one of `value`, `values` and `bit`";
            scope.error(name.span(), message, help);
            None
        }
    }
}

/// Whether two writes reach the same coil or are the same command.
fn overlap(one: &Write, other: &Write) -> bool {
    let ends = |write: &Write| write.target.nth(write.count.saturating_sub(1));
    match (one.target, other.target) {
        (Target::Coil { register: a }, Target::Coil { register: b }) => {
            let (a_end, b_end) = (
                u32::from(a) + u32::from(one.count),
                u32::from(b) + u32::from(other.count),
            );
            u32::from(a) < b_end && u32::from(b) < a_end
        }
        (
            Target::Mask {
                register: a,
                or: first,
                ..
            },
            Target::Mask {
                register: b,
                or: second,
                ..
            },
        ) => {
            // From the first bit to the last.
            let bits = |from: u16, write: &Write| {
                if let Some(Target::Mask { or: to, .. }) = ends(write) {
                    to | to.wrapping_sub(from)
                } else {
                    from
                }
            };
            a == b && bits(first, one) & bits(second, other) != 0
        }
        (one, other) => one == other,
    }
}
