//! Reads the folder once, byte for byte, before anything is understood. What was hashed is what was parsed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{NamedSource, SourceCode};
use sha2::{Digest, Sha256};

use super::report::Report;

/// The files that must be there.
const REQUIRED: [&str; 5] = [
    "fengsui.toml",
    "site.toml",
    "points.csv",
    "linkage.toml",
    "procedures.toml",
];
/// Folders with any number of files: name, ending.
const FOLDERS: [(&str, &str); 2] = [("panels", "toml"), ("plans", "svg")];
/// No file of a site is larger. A mistaken link to a disk image must not fill the memory.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A file's text with its name; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Source {
    name: Arc<str>,
    text: Arc<str>,
    shown: Arc<NamedSource<Arc<str>>>,
}

impl Source {
    /// A text under a name.
    pub(super) fn new(name: &str, shown_as: &str, text: &str) -> Self {
        let text: Arc<str> = text.into();
        Self {
            name: name.into(),
            shown: Arc::new(NamedSource::new(shown_as, Arc::clone(&text))),
            text,
        }
    }

    /// Name relative to the folder.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// As a report shows it.
    pub(super) fn shown(&self) -> &dyn SourceCode {
        &*self.shown
    }
}

/// All files of the configuration.
pub(super) struct Folder {
    /// Where they are.
    pub(super) dir: PathBuf,
    /// Every file that was looked for or found, also those that could not be read.
    pub(super) names: Vec<String>,
    /// Files that could be read, by name relative to the folder.
    pub(super) sources: BTreeMap<String, Source>,
    /// SHA-256 over names and bytes of all of them, in hexadecimal.
    pub(super) version: String,
}

impl Folder {
    /// The names of the files of a folder, without folder and ending.
    pub(super) fn stems<'a>(
        &'a self,
        folder: &'a str,
        ending: &'a str,
    ) -> impl Iterator<Item = String> + 'a {
        let stem = move |name: &'a String| name.strip_prefix(folder)?.strip_suffix(ending);
        self.names.iter().filter_map(stem).map(str::to_owned)
    }
}

/// Reads every file; what cannot be read is reported. A file of the name in `instead` is taken from there.
pub(super) fn read(
    dir: &Path,
    instead: Option<(&str, &[u8])>,
    reports: &mut Vec<Report>,
) -> Folder {
    let mut folder = Folder {
        dir: dir.to_owned(),
        names: Vec::new(),
        sources: BTreeMap::new(),
        version: String::new(),
    };
    if !dir.is_dir() {
        let message = format!("there is no folder `{}`", dir.display());
        let report = Report::of_file("", message).help(
            "give the folder of the configuration with `--config DIR`; the folder `config` of the release is an example",
        );
        reports.push(report);
        return folder;
    }
    let mut hash = Sha256::new();
    folder.names = names(dir, reports);
    for name in &folder.names {
        let given = instead.filter(|(given, _)| given == name);
        let Some(bytes) = given.map_or_else(
            || bytes_of(dir, name, reports),
            |(_, bytes)| Some(bytes.to_owned()),
        ) else {
            continue;
        };
        // Lengths first, so that no two folders hash alike by moving a border.
        for part in [name.as_bytes(), &bytes] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        let shown_as = dir.join(name).display().to_string();
        if let Some(source) = text_of(name, &shown_as, &bytes, reports) {
            folder.sources.insert(name.clone(), source);
        }
    }
    folder.version = hex(&hash.finalize());
    folder
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The names of all files to read, in order.
fn names(dir: &Path, reports: &mut Vec<Report>) -> Vec<String> {
    let mut names: Vec<String> = REQUIRED.map(str::to_owned).into();
    for (folder, ending) in FOLDERS {
        match listed(&dir.join(folder), ending) {
            Ok(found) => names.extend(found.into_iter().map(|name| format!("{folder}/{name}"))),
            // No folder is the same as an empty one: what is missed in it is reported where it is named.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => reports.push(
                Report::of_file(folder, format!("`{folder}` cannot be listed: {error}"))
                    .help("make it readable for the user that Fengsui runs as"),
            ),
        }
    }
    names.sort();
    names
}

fn listed(folder: &Path, ending: &str) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        // Editors leave hidden files beside the one that is edited.
        if !name.starts_with('.') && Path::new(&name).extension().is_some_and(|e| e == ending) {
            names.push(name);
        }
    }
    Ok(names)
}

fn bytes_of(dir: &Path, name: &str, reports: &mut Vec<Report>) -> Option<Vec<u8>> {
    let path = dir.join(name);
    let too_large = std::fs::metadata(&path).is_ok_and(|about| about.len() > BYTES_MAX);
    if too_large {
        let report = Report::of_file(name, format!("`{name}` is larger than 16 MiB"))
            .help("this is not a file that a site edits; put the right one in its place");
        reports.push(report);
        return None;
    }
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let report =
                Report::of_file(name, format!("`{name}` is missing in `{}`", dir.display())).help(
                    format!("copy `config/{name}` of the release there and edit it"),
                );
            reports.push(report);
            None
        }
        Err(error) => {
            let report = Report::of_file(name, format!("`{name}` cannot be read: {error}"))
                .help("make it a file that the user Fengsui runs as can read");
            reports.push(report);
            None
        }
    }
}

fn text_of(name: &str, shown_as: &str, bytes: &[u8], reports: &mut Vec<Report>) -> Option<Source> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(Source::new(name, shown_as, text)),
        Err(error) => {
            let start = error.valid_up_to();
            let source = Source::new(name, shown_as, &String::from_utf8_lossy(bytes));
            let end = start + char::REPLACEMENT_CHARACTER.len_utf8();
            let report = Report::at(&source, start..end, format!("`{name}` is not UTF-8 text"))
                .help("save it as UTF-8 (in a spreadsheet: \"CSV UTF-8\"); GBK is not read, so that no name is garbled");
            reports.push(report);
            None
        }
    }
}
