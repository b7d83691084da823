//! Puts a new points.csv in the place of the old one: whole or not at all, with a dated copy of the old one beside it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::domain::time::WallTime;

/// Copies of one second beside each other.
const COPIES_MAX: u32 = 100;

/// Replaces `path`, whose bytes were `before` when they were judged. Returns where the old file is kept.
pub(super) fn replace(path: &Path, before: &[u8], text: &str, stamp: &str) -> io::Result<PathBuf> {
    // A link stays a link: the file that it names is replaced.
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    // Hidden, so that nothing takes it for a file of the site.
    let new = folder.join(".points.csv.new");
    let written = write_new(&new, &path, text);
    let kept = written.and_then(|()| {
        if fs::read(&path)? != before {
            return Err(io::Error::other(
                "points.csv was changed meanwhile; look at it and try again",
            ));
        }
        let kept = keep(&path, before, stamp)?;
        fs::rename(&new, &path)?;
        File::open(folder)?.sync_all()?;
        Ok(kept)
    });
    if kept.is_err() {
        // What is left of it is of no use to anybody; the error itself is told.
        let _ = fs::remove_file(&new);
    }
    kept
}

fn write_new(new: &Path, old: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(new)?;
    file.set_permissions(fs::metadata(old)?.permissions())?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A copy under a name that does not exist yet.
fn keep(path: &Path, bytes: &[u8], stamp: &str) -> io::Result<PathBuf> {
    let mut last = io::Error::other("no name is free for the copy of the old points.csv");
    for number in 1..=COPIES_MAX {
        let end = match number {
            1 => String::new(),
            number => format!("-{number}"),
        };
        let kept = path.with_file_name(format!("points.csv.{stamp}{end}"));
        match OpenOptions::new().write(true).create_new(true).open(&kept) {
            Ok(mut file) => {
                file.write_all(bytes)?;
                file.sync_all()?;
                return Ok(kept);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Date and time of the site, as 20261128-061530.
pub(super) fn stamp(now: WallTime, utc_offset_minutes: i32) -> String {
    let (year, month, day) = now.date(utc_offset_minutes);
    let seconds = now.0.div_euclid(1_000) + i64::from(utc_offset_minutes) * 60;
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamp_is_the_time_of_the_site() {
        assert_eq!(stamp(WallTime(1_767_196_800_000), 480), "20260101-000000");
        assert_eq!(stamp(WallTime(1_767_196_799_999), 0), "20251231-155959");
    }

    #[test]
    fn the_old_file_is_kept_and_one_that_was_changed_meanwhile_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("points.csv");
        fs::write(&path, "old").expect("written");
        let first = replace(&path, b"old", "new", "1").expect("replaced");
        let second = replace(&path, b"new", "newer", "1").expect("replaced");
        let text = |path: &Path| fs::read_to_string(path).expect("text");
        assert_eq!(
            (text(&path), text(&first), text(&second)),
            ("newer".into(), "old".into(), "new".into())
        );
        replace(&path, b"new", "newest", "1").expect_err("changed meanwhile");
        assert_eq!(text(&path), "newer");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 3);
    }
}
