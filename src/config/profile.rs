//! panels/*.toml: what the registers of one kind of device mean. A value is proven to lie inside its table before the
//! first poll.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;

use super::address::{Base, BaseEntry};
use super::files::{Folder, Source};
use super::groups::{self, GroupEntry};
use super::names::{Names, Noun, Word, advice};
use super::printer;
use super::quirks::{self, QuirksEntry};
use super::report::Report;
use super::scope::Scope;
use super::section::Section;
use super::summary::{self, SummaryEntry};
use super::transmitters;
use super::writes::{self, WriteEntry};
use crate::domain::layout::Group;
use crate::domain::printer::Printer;
use crate::domain::profile::{Profile, UnitProfile, Write};
use crate::domain::transmitter::Transmitter;

/// The longest frame of Modbus TCP (Messaging on TCP/IP V1.0b, 4.1), and what of it is not data in the reply to a read. On a
/// serial line both are shorter by the same four bytes, so what is proven for TCP holds there.
const FRAME_MAX: u16 = 260;
const BESIDE_MAX: u16 = 9;

/// A profile by the protocol its units speak.
pub(super) enum Known {
    /// Modbus.
    Registers(Registers),
    /// GB/T 26875.3.
    Transmitter(Transmitter),
    /// A panel that only prints.
    Printer(Printer),
}

impl Known {
    /// What the daemon needs of it.
    pub(super) fn bare(self) -> UnitProfile {
        match self {
            Self::Registers(registers) => UnitProfile::Registers(registers.profile),
            Self::Transmitter(transmitter) => UnitProfile::Transmitter(transmitter),
            Self::Printer(printer) => UnitProfile::Printer(printer),
        }
    }
}

/// How the units of a profile speak.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Protocol {
    /// Modbus TCP, RTU or RTU over TCP.
    #[default]
    Modbus,
    /// GB/T 26875.3-2011.
    Gb26875,
    /// Text that a panel prints.
    Printer,
}

/// A register profile with what only the configuration has to know of it.
pub(super) struct Registers {
    pub(super) profile: Profile,
    /// Names of all groups, also of those with an error.
    pub(super) groups: BTreeSet<String>,
    /// Likewise of all writes.
    pub(super) writes: BTreeSet<String>,
    /// Writes that the device takes back when Fengsui falls silent.
    pub(super) released_when_silent: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsEntry {
    registers_max: Spanned<i64>,
    bits_max: Spanned<i64>,
    gap_max: Spanned<i64>,
    frame_bytes_max: Option<Spanned<i64>>,
}

/// What one request may ask for, as a profile says it.
#[derive(Clone, Copy, Default)]
struct Limits {
    registers_max: u16,
    bits_max: u16,
    gap_max: u16,
    frame_bytes_max: u16,
}

/// How far a map is to be believed. It must be stated; docs/panels.md shows it, no screen does.
const TIERS: [&str; 4] = ["listed", "simulated", "bench", "drilled"];

/// Reads every profile and declares their names.
pub(super) fn read_all(
    folder: &Folder,
    names: &mut Names,
    reports: &mut Vec<Report>,
) -> BTreeMap<String, Known> {
    names.declare_files(Noun::Profile, folder.stems("panels/", ".toml"));
    let mut profiles = BTreeMap::new();
    for (file, source) in &folder.sources {
        let Some(name) = stem(file, "panels/", ".toml") else {
            continue;
        };
        let scope = Scope {
            source,
            names,
            reports,
        };
        if let Some(known) = read(name, scope) {
            profiles.insert(name.to_owned(), known);
        }
    }
    profiles
}

/// The name between a folder and an ending.
pub(super) fn stem<'a>(file: &'a str, folder: &str, ending: &str) -> Option<&'a str> {
    file.strip_prefix(folder)?.strip_suffix(ending)
}

fn read(name: &str, mut scope: Scope<'_>) -> Option<Known> {
    let source: &Source = scope.source;
    let mut file = Section::of_file(source, scope.reports)?;
    let protocol: Option<Protocol> = file.optional("protocol", scope.reports);
    match protocol.unwrap_or_default() {
        Protocol::Modbus => read_registers(name, file, &mut scope).map(Known::Registers),
        Protocol::Gb26875 => transmitters::read(name, file, &mut scope).map(Known::Transmitter),
        Protocol::Printer => printer::read(name, file, &mut scope).map(Known::Printer),
    }
}

fn read_registers(name: &str, mut file: Section<'_>, scope: &mut Scope<'_>) -> Option<Registers> {
    let described: Option<Word> = file.read("source", scope.reports);
    described.map(|word| scope.filled(word, "source"));
    let tier: Option<Word> = file.read("tier", scope.reports);
    if let Some(tier) = &tier {
        check_tier(tier, scope);
    }
    let note: Option<Word> = file.optional("note", scope.reports);
    note.map(|word| scope.filled(word, "note"));
    let base: Option<Spanned<BaseEntry>> = file.read("base", scope.reports);
    let base = base.and_then(|base| Base::read(&base, scope));
    let limits: Option<LimitsEntry> = file.read("limits", scope.reports);
    let limits = limits.and_then(|limits| read_limits(&limits, scope));
    let quirks: Option<QuirksEntry> = file.optional("quirks", scope.reports);
    let quirks = quirks.map(|quirks| quirks::read(&quirks, scope));
    let summary: Option<SummaryEntry> = file.optional("summary", scope.reports);
    let declared = [file.keys("groups"), file.keys("writes")];
    let groups: Vec<(Word, GroupEntry)> = file.named("groups", scope.reports);
    let writes: Vec<(Word, WriteEntry)> = file.named("writes", scope.reports);
    file.finish(scope.reports);
    let [declared_groups, declared_writes] = declared;
    let released_when_silent = writes::released_when_silent(&writes);
    let base = base?;
    // A wrong figure is reported; the groups are still needed to judge the points.
    let known = limits.unwrap_or_default();
    let mut profile = Profile {
        name: name.to_owned(),
        registers_max: known.registers_max,
        bits_max: known.bits_max,
        frame_bytes_max: known.frame_bytes_max,
        gap_max: known.gap_max,
        quirks: quirks.unwrap_or_default(),
        summary: None,
        groups: BTreeMap::new(),
        writes: writes::read(writes, base, scope),
    };
    let fits = |area, count| limits.is_none() || count <= profile.count_max(area, BESIDE_MAX);
    let summary =
        summary.and_then(|summary| summary::read(&summary, &declared_groups, (base, &fits), scope));
    let groups = groups::read(groups, base, &fits, scope);
    (profile.summary, profile.groups) = (summary, groups);
    Some(Registers {
        profile,
        groups: declared_groups,
        writes: declared_writes,
        released_when_silent,
    })
}

/// One of the four words; the words of older files are told what became of them.
pub(super) fn check_tier(word: &Word, scope: &mut Scope<'_>) {
    let tier = word.as_ref().as_str();
    if TIERS.contains(&tier) {
        return;
    }
    let help = match tier {
        "verified" => {
            "the words have changed: write \"bench\" when the map was seen on a real panel and the trace is kept, \"drilled\" after a whole fire drill with it".to_owned()
        }
        "partial" | "experimental" => {
            "the words have changed: write \"listed\", and what is uncertain in `note = \"…\"`".to_owned()
        }
        _ => advice(tier, TIERS.iter().copied()),
    };
    scope.error(word.span(), format!("`{tier}` is not a tier"), help);
}

impl Registers {
    /// A group by its name. One that is not there is reported; one with an error is reported already.
    pub(super) fn group(&self, word: &Word, scope: &mut Scope<'_>) -> Option<&Group> {
        self.check("group", &self.groups, word, scope);
        self.profile.groups.get(word.as_ref())
    }

    /// Likewise a write.
    pub(super) fn write(&self, word: &Word, scope: &mut Scope<'_>) -> Option<Write> {
        self.check("write", &self.writes, word, scope);
        self.profile.writes.get(word.as_ref()).copied()
    }

    fn check(&self, what: &str, declared: &BTreeSet<String>, word: &Word, scope: &mut Scope<'_>) {
        let name = word.as_ref();
        if !declared.contains(name) {
            let message = format!("profile `{}` has no {what} `{name}`", self.profile.name);
            let help = advice(name, declared.iter().map(String::as_str));
            scope.error(word.span(), message, help);
        }
    }
}

/// The limits of one request (MODBUS Application Protocol V1.1b3, 6.1 to 6.4: 2000 bits, 125 registers).
fn read_limits(entry: &LimitsEntry, scope: &mut Scope<'_>) -> Option<Limits> {
    let registers_max = scope.number(&entry.registers_max, 1..=125, "registers_max");
    let bits_max = scope.number(&entry.bits_max, 1..=2000, "bits_max");
    let gap_most = registers_max.map_or(124, |max: u16| i64::from(max) - 1);
    let gap_max = scope.number(&entry.gap_max, 0..=gap_most, "gap_max");
    let frame = entry.frame_bytes_max.as_ref();
    let frame_bytes_max = frame.map_or(Some(FRAME_MAX), |frame| {
        scope.number(frame, 16..=FRAME_MAX.into(), "frame_bytes_max")
    });
    Some(Limits {
        registers_max: registers_max?,
        bits_max: bits_max?,
        gap_max: gap_max?,
        frame_bytes_max: frame_bytes_max?,
    })
}
