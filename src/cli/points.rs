//! `fengsui points`: points.csv out to a spreadsheet and back.
//!
//! An import is judged with the whole configuration before anything is written: the new points take the place of the old ones
//! all at once, or nothing changes. A running daemon keeps what it has loaded.

mod columns;
mod export;
mod replace;
mod rows;
mod sheet;
#[cfg(test)]
mod tests;
mod told;
mod xlsx;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use self::rows::{Problem, Rows};
use super::{EXIT_UNAVAILABLE, EXIT_USAGE, check, fail};
use crate::clock::Clock;
use crate::config::{self, Configuration};

/// Larger files are no tables of points.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Ids that a summary names at most.
const NAMED_MAX: usize = 8;

/// Points out of and into the configuration.
#[derive(Debug, Subcommand)]
pub enum PointsCommand {
    /// Writes points.csv as a table for a spreadsheet program.
    Export(Export),
    /// Takes a table (.xlsx or CSV; UTF-8, GB18030 or UTF-16; columns by English or Chinese name, in any order) as the new
    /// points.csv, if the whole configuration is valid with it.
    Import(Import),
}

/// What to write.
#[derive(Debug, Args)]
pub struct Export {
    /// The file to write; it must not be there yet.
    pub file: PathBuf,
    /// Folder of the site's files.
    #[arg(long, default_value = "config")]
    pub config: PathBuf,
    /// What to write; by the file's ending when it is not given. In CSV a spreadsheet makes dates of words like 1-2, in xlsx it
    /// does not.
    #[arg(long)]
    pub format: Option<FileFormat>,
    /// Encoding of CSV: utf-8 with a mark, as Excel wants it, or gb18030 for older programs.
    #[arg(long, default_value = "utf-8")]
    pub encoding: Encoding,
    /// Language of the names of the columns.
    #[arg(long, default_value = "en")]
    pub headers: Headers,
}

/// What to read.
#[derive(Debug, Args)]
pub struct Import {
    /// The table.
    pub file: PathBuf,
    /// Folder of the site's files.
    #[arg(long, default_value = "config")]
    pub config: PathBuf,
    /// Says what would change and changes nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Kinds of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// Text with commas.
    Csv,
    /// A workbook.
    Xlsx,
}

/// Encodings of CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    /// UTF-8 with a byte order mark.
    #[value(name = "utf-8")]
    Utf8,
    /// GB 18030, which contains GBK and GB 2312.
    Gb18030,
}

/// Languages of the names of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Headers {
    /// As in points.csv.
    En,
    /// 中文.
    Zh,
}

/// `fengsui points …`
#[must_use]
pub fn points(command: &PointsCommand) -> ExitCode {
    let done = match command {
        PointsCommand::Export(export) => write_table(export),
        PointsCommand::Import(import) => read_table(import),
    };
    match done {
        Ok(said) => {
            // A closed pipe is nobody's error.
            drop(writeln!(io::stdout(), "{said}"));
            ExitCode::SUCCESS
        }
        Err(Refused { code, text }) => fail(code, &text),
    }
}

/// Why nothing was written.
#[derive(Debug)]
struct Refused {
    code: u8,
    text: String,
}

impl Refused {
    fn unavailable(path: &Path, error: &dyn std::fmt::Display) -> Self {
        Self {
            code: EXIT_UNAVAILABLE,
            text: format!("{}: {error}", path.display()),
        }
    }

    fn wrong(file: &Path, row_word: &str, problems: &[Problem]) -> Self {
        let text = told::all(&file.display().to_string(), row_word, problems);
        Self {
            code: EXIT_USAGE,
            text: format!("nothing was written\n{text}"),
        }
    }
}

fn write_table(export: &Export) -> Result<String, Refused> {
    let path = export.config.join(told::FILE);
    let table = table(&path, &bounded(&path)?)?;
    if !table.problems.is_empty() {
        return Err(Refused::wrong(&path, "line", &table.problems));
    }
    let unavailable = |error: &dyn std::fmt::Display| Refused::unavailable(&export.file, error);
    let by_ending = match export.file.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("xlsx") => FileFormat::Xlsx,
        Some(_) | None => FileFormat::Csv,
    };
    let bytes = match export.format.unwrap_or(by_ending) {
        FileFormat::Csv => export::csv(&table.rows, export.headers, export.encoding),
        FileFormat::Xlsx => {
            export::xlsx(&table.rows, export.headers).map_err(|error| unavailable(&error))?
        }
    };
    // What somebody has edited is never written over.
    let mut new = OpenOptions::new();
    let file = new.write(true).create_new(true).open(&export.file);
    let written = file.and_then(|mut file| file.write_all(&bytes));
    written.map_err(|error| unavailable(&error))?;
    let count = table.rows.count();
    Ok(format!("{count} points in {}", export.file.display()))
}

fn read_table(import: &Import) -> Result<String, Refused> {
    let path = import.config.join(told::FILE);
    let before = bounded(&path)?;
    let bytes = bounded(&import.file)?;
    let (table, configuration) = judged(&import.config, &import.file, &bytes)?;
    let mut said = format!(
        "{}{}\n{}\n",
        table.said,
        check::summary(&configuration),
        difference(&before, &table.rows)
    );
    if import.dry_run {
        said.push_str("nothing was written (--dry-run)");
        return Ok(said);
    }
    let now = Clock::default().now().wall;
    let stamp = replace::stamp(now, configuration.site.utc_offset_minutes);
    let kept = replace::replace(&path, &before, &table.rows.text, &stamp)
        .map_err(|error| Refused::unavailable(&path, &error))?;
    said.push_str(&format!(
        "{} has them now; the old file is {}\na daemon that runs keeps what it has loaded: restart it to let this take effect",
        path.display(),
        kept.display()
    ));
    Ok(said)
}

/// A table that was read.
#[derive(Debug)]
struct Table {
    rows: Rows,
    problems: Vec<Problem>,
    /// What it was read as, in lines.
    said: String,
    row_word: &'static str,
}

/// A table with which the whole configuration is valid.
fn judged(dir: &Path, file: &Path, bytes: &[u8]) -> Result<(Table, Configuration), Refused> {
    let mut table = table(file, bytes)?;
    let reports = match config::load_with_points(dir, &table.rows.text) {
        Ok(configuration) if table.problems.is_empty() => return Ok((table, configuration)),
        Ok(_) => Vec::new(),
        Err(reports) => reports,
    };
    let (here, mut elsewhere): (Vec<_>, Vec<_>) = reports
        .into_iter()
        .partition(|report| report.file() == told::FILE);
    if !table.problems.is_empty() {
        // Rows with a bad cell are left out, so other files may miss them for that reason alone.
        elsewhere.clear();
    }
    let placed = here.iter().map(|report| told::placed(report, &table.rows));
    table.problems.extend(placed);
    let mut refused = Refused::wrong(file, table.row_word, &table.problems);
    let others = config::render(&elsewhere, io::stderr().is_terminal());
    refused.text.push_str(&others);
    Err(refused)
}

fn table(file: &Path, bytes: &[u8]) -> Result<Table, Refused> {
    let sheet = sheet::read(bytes).map_err(|error| {
        let problem = Problem {
            row: error.line,
            column: None,
            message: error.message,
            help: error.help.to_owned(),
        };
        Refused::wrong(file, "line", &[problem])
    })?;
    let (read_as, row_word) = (sheet.read_as.clone(), sheet.row_word);
    let (rows, problems) =
        rows::read(sheet).map_err(|problems| Refused::wrong(file, row_word, &problems))?;
    let mut said = format!("{}: {read_as}, {} points\n", file.display(), rows.count());
    if !rows.ignored.is_empty() {
        said.push_str(&format!(
            "columns that were not read: {}\n",
            rows.ignored.join(", ")
        ));
    }
    Ok(Table {
        rows,
        problems,
        said,
        row_word,
    })
}

fn bounded(path: &Path) -> Result<Vec<u8>, Refused> {
    match fs::metadata(path) {
        Ok(about) if about.len() > BYTES_MAX => Err(Refused {
            code: EXIT_USAGE,
            text: format!("{} is larger than 64 MiB", path.display()),
        }),
        Ok(_) | Err(_) => fs::read(path).map_err(|error| Refused::unavailable(path, &error)),
    }
}

/// How many points are new, gone or changed, with the first of each.
fn difference(before: &[u8], rows: &Rows) -> String {
    let old = sheet::read(before)
        .ok()
        .and_then(|sheet| rows::read(sheet).ok());
    let old = old.map(|(rows, _)| rows.by_id()).unwrap_or_default();
    let new = rows.by_id();
    let only = |these: &BTreeMap<String, String>, those: &BTreeMap<String, String>| {
        let ids = these.keys().filter(|id| !those.contains_key(*id));
        named(ids.map(String::as_str).collect())
    };
    let changed = new
        .iter()
        .filter(|(id, line)| old.get(*id).is_some_and(|old| old != *line));
    format!(
        "new: {}\nchanged: {}\ngone: {}",
        only(&new, &old),
        named(changed.map(|(id, _)| id.as_str()).collect()),
        only(&old, &new),
    )
}

fn named(ids: Vec<&str>) -> String {
    let shown = ids.get(..NAMED_MAX.min(ids.len())).unwrap_or_default();
    let dots = if ids.len() > NAMED_MAX { " …" } else { "" };
    match ids.len() {
        0 => "none".to_owned(),
        count => format!("{count} ({}{dots})", shown.join(", ")),
    }
}
