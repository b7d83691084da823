//! The shipped files are valid, and errors planted in the small campus of the tests are found where they stand.

mod any;
mod drawings;
mod examples;
mod files;
mod panels;
mod planted;
mod printers;
mod transmitters;

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::domain::output::Arming;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config");
const SMALL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/campus");
const FILES: [&str; 10] = [
    "fengsui.toml",
    "site.toml",
    "points.csv",
    "linkage.toml",
    "procedures.toml",
    "panels/simulated_panel.toml",
    "panels/dry_contact_io.toml",
    "plans/site.svg",
    "plans/d1-2f.svg",
    "plans/c1-1f.svg",
];

/// A copy of the small campus to plant errors in.
struct Site(TempDir);

impl Site {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        for folder in ["panels", "plans"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        for file in FILES {
            fs::copy(Path::new(SMALL).join(file), dir.path().join(file)).unwrap();
        }
        Self(dir)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    /// Replaces the first `from`; it must be there.
    fn edit(&self, file: &str, from: &str, to: &str) -> &Self {
        let text = self.text(file);
        assert!(text.contains(from), "{file} has no {from:?}");
        fs::write(self.path(file), text.replacen(from, to, 1)).unwrap();
        self
    }

    fn write(&self, file: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(file), bytes).unwrap();
        self
    }

    fn load(&self) -> Result<Configuration, Vec<Report>> {
        load(self.0.path())
    }

    fn reports(&self) -> Vec<Report> {
        self.load().expect_err("the planted errors are found")
    }

    /// All messages, one a line.
    fn messages(&self) -> Vec<String> {
        let message = |report: &Report| format!("{}: {}", report.file(), report.message());
        self.reports().iter().map(message).collect()
    }

    /// The only error as people see it, under the name `site/`.
    fn picture(&self) -> String {
        let reports = self.reports();
        assert_eq!(reports.len(), 1, "{}", render(&reports, false));
        let dir = format!("{}/", self.0.path().display());
        render(&reports, false)
            .replace(&dir, "")
            .trim_end()
            .to_owned()
    }
}

/// Line and column of the first `needle`, from 1.
fn position(text: &str, needle: &str) -> (usize, usize) {
    let at = text
        .find(needle)
        .unwrap_or_else(|| panic!("{needle:?} is planted"));
    let before = &text[..at];
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

#[test]
fn the_shipped_files_and_the_small_campus_are_valid() {
    load(Path::new(SHIPPED)).unwrap_or_else(|r| panic!("{}", render(&r, false)));
    let loaded = load(Path::new(SMALL)).unwrap_or_else(|r| panic!("{}", render(&r, false)));
    let site = &loaded.site;
    assert_eq!(site.points.len(), 56);
    assert_eq!(site.outputs.len(), 14);
    let automatic = site.outputs.values().filter(|o| o.arming == Arming::Auto);
    assert_eq!(automatic.count(), 10);
    assert_eq!(loaded.version.len(), 64);
    assert_eq!(loaded.plans.len(), 3);
    assert!(loaded.settings.data.is_absolute());
}

#[test]
fn the_version_changes_with_every_byte() {
    let site = Site::new();
    let before = site.load().unwrap().version;
    assert_eq!(site.load().unwrap().version, before);
    site.edit("plans/site.svg", "<svg ", "<svg  ");
    assert_ne!(site.load().unwrap().version, before);
}

#[test]
fn an_error_is_shown_with_file_line_and_caret() {
    let site = Site::new();
    site.edit(
        "linkage.toml",
        "point = \"C1-DOORS-OPEN\"",
        "point = \"C1-DOOR-OPEN\"",
    );
    let (line, column) = position(&site.text("linkage.toml"), "\"C1-DOOR-OPEN\"");
    let picture = site.picture();
    assert!(
        picture.starts_with("  × there is no point `C1-DOOR-OPEN`\n"),
        "{picture}"
    );
    assert!(
        picture.contains(&format!("[linkage.toml:{line}:{column}]")),
        "{picture}"
    );
    assert!(
        picture
            .ends_with("help: did you mean `C1-DOORS-OPEN`? (points are declared in points.csv)"),
        "{picture}"
    );
}

#[test]
fn an_old_or_newer_file_says_how_to_go_on() {
    let site = Site::new();
    site.edit("procedures.toml", "version = 1", "version = 2");
    let expected = "  × this program reads version 1 of this file
   ╭─[procedures.toml:2:11]
 1 │ # The limits of the procedures. This is the only place of these figures: code, screens and records take them from here.
 2 │ version = 2
   ·           ┬
   ·           ╰── here
 3 │ 
   ╰────
  help: the file was written for a newer Fengsui: install that one, or take the file of this release and
        edit it again";
    assert_eq!(site.picture(), expected);
    site.edit("procedures.toml", "version = 2\n", "");
    assert!(
        site.picture()
            .ends_with("help: write `version = 1` above the first table")
    );
}

#[test]
fn an_id_that_stands_twice_is_shown_at_both_places() {
    let site = Site::new();
    site.edit("site.toml", "id = \"C1-1K\"", "id = \"C1-1D\"");
    let reports = site.reports();
    let picture = render(&reports, false);
    assert!(
        picture.contains("compartment `C1-1D` stands twice"),
        "{picture}"
    );
    assert!(picture.contains("first here"), "{picture}");
    assert_eq!(reports.len(), 2, "{picture}");
}
