//! The spool: one preallocated file that keeps the record while the journal cannot be written (DESIGN.md 1, life safety before
//! bookkeeping). It holds what the journal does not have yet, in order, and is emptied once the journal has it.
//!
//! ```text
//! header   "FENGSUI-SPOOL-1\n" · generation u64 · journal id, 32 bytes          one write, synced
//! record   length u32 · generation u64 · SHA-256 of generation and text · text   appended, synced before anybody may see it
//! ```
//! Emptying raises the generation, so that older records are none any more. A record whose length, generation or sum does not
//! fit ends the file: it was torn while it was written, and nobody has seen what it says.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ledger::EntryBody;
use super::ports::{Batch, Entry, RowChange, Table};

/// Size of the file; it is taken from the disk at the start, so that a full disk still has room for it.
pub const SPOOL_BYTES: u64 = 64 * 1024 * 1024;

const MAGIC: &[u8; 16] = b"FENGSUI-SPOOL-1\n";
const HEADER_BYTES: u64 = 64;
const ID_BYTES: usize = 32;
const FRAME_BYTES: usize = 4 + 8 + 32;

/// One batch as it stands in the file: entries with their hashes, and the erasable rows that came with them. All other rows follow
/// from the entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    entries: Vec<Written>,
    people: Vec<(String, RowChange)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    bytes: String,
    hash: [u8; 32],
}

impl Record {
    /// What has to be kept of a batch.
    #[must_use]
    pub fn of(batch: &Batch) -> Self {
        let entries = batch.entries.iter().map(|entry| Written {
            bytes: entry.bytes.to_string(),
            hash: entry.hash,
        });
        let people = batch.rows.iter().filter(|row| !row.table.is_projection());
        let people = people.map(|row| (row.table.name().to_owned(), row.clone()));
        Self {
            entries: entries.collect(),
            people: people.collect(),
        }
    }

    /// The entries again.
    ///
    /// # Errors
    /// An entry that this program cannot read.
    pub fn entries(&self) -> serde_json::Result<Vec<(EntryBody, Entry)>> {
        let read = |written: &Written| {
            let body: EntryBody = serde_json::from_str(&written.bytes)?;
            let entry = Entry {
                seq: body.seq,
                epoch: body.epoch,
                engine_time: body.engine_time,
                wall_time: body.wall_time,
                config_version: body.config_version.clone(),
                case: body.case.clone(),
                actor: body.actor.clone(),
                bytes: written.bytes.as_str().into(),
                hash: written.hash,
            };
            Ok((body, entry))
        };
        self.entries.iter().map(read).collect()
    }

    /// The erasable rows again.
    pub fn people(&self) -> impl Iterator<Item = RowChange> + '_ {
        self.people.iter().filter_map(|(name, row)| {
            let table = Table::ALL.into_iter().find(|table| table.name() == name)?;
            Some(RowChange {
                table,
                ..row.clone()
            })
        })
    }
}

/// The open file.
#[derive(Debug)]
pub struct Spool {
    file: File,
    generation: u64,
    /// Where the next record goes.
    end: u64,
}

impl Spool {
    /// Opens or makes the file of a journal, and reads what it holds. The file of another journal is kept beside it under that
    /// journal's name.
    ///
    /// # Errors
    /// The operating system's: no folder, no room, no right.
    pub fn open(path: &Path, journal_id: &str) -> io::Result<(Self, Vec<Record>)> {
        if let Some(found) = Found::read(path)? {
            if found.journal_id == journal_id {
                let file = OpenOptions::new().read(true).write(true).open(path)?;
                let spool = Self {
                    file,
                    generation: found.generation,
                    end: found.end,
                };
                return Ok((spool, found.records));
            }
            let aside = aside(path, &found.journal_id);
            tracing::warn!(?aside, "the spool belongs to another journal; it is kept");
            std::fs::rename(path, aside)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            // It holds what people said, and hashes of who is signed on.
            .mode(0o600)
            .open(path)?;
        fallocate(&file, FallocateFlags::empty(), 0, SPOOL_BYTES)?;
        let mut header = [0; HEADER_BYTES as usize];
        header[..16].copy_from_slice(MAGIC);
        let id = journal_id.as_bytes();
        let id = id.get(..ID_BYTES).unwrap_or(id);
        header[24..24 + id.len()].copy_from_slice(id);
        file.write_all_at(&header, 0)?;
        file.sync_all()?;
        let spool = Self {
            file,
            generation: 0,
            end: HEADER_BYTES,
        };
        Ok((spool, Vec::new()))
    }

    /// Appends a record. When this returns it survives everything that the disk survives.
    ///
    /// # Errors
    /// No room is left, or the disk fails; the record is then not in the file.
    pub fn append(&mut self, record: &Record) -> io::Result<()> {
        let text = serde_json::to_vec(record)?;
        let length = u32::try_from(text.len()).map_err(|_| no_room())?;
        let end = self.end + FRAME_BYTES as u64 + u64::from(length);
        if end > crate::crash::size("FENGSUI_SPOOL_BYTES", SPOOL_BYTES) {
            return Err(no_room());
        }
        let mut framed = Vec::with_capacity(FRAME_BYTES + text.len());
        framed.extend(length.to_le_bytes());
        framed.extend(self.generation.to_le_bytes());
        framed.extend(sum(self.generation, &text));
        framed.extend(text);
        self.file.write_all_at(&framed, self.end)?;
        crate::crash::point("spool_before_fsync");
        self.file.sync_data()?;
        crate::crash::point("spool_after_fsync");
        self.end = end;
        Ok(())
    }

    /// Empties the file: the journal has everything.
    ///
    /// # Errors
    /// The disk fails; the records then stay, and appending them again changes nothing.
    pub fn clear(&mut self) -> io::Result<()> {
        if self.end == HEADER_BYTES {
            return Ok(());
        }
        let next = self.generation + 1;
        self.file.write_all_at(&next.to_le_bytes(), 16)?;
        self.file.sync_data()?;
        self.generation = next;
        self.end = HEADER_BYTES;
        Ok(())
    }
}

/// What is in a file, read without changing it: also for `fengsui verify`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whose records these are.
    pub journal_id: String,
    /// In order.
    pub records: Vec<Record>,
    generation: u64,
    end: u64,
}

impl Found {
    /// Reads the file; `None` when there is none, or none of ours.
    ///
    /// # Errors
    /// The operating system's.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(header) = read_at(&file, 0, HEADER_BYTES as usize)? else {
            return Ok(None);
        };
        if !header.starts_with(MAGIC) {
            return Ok(None);
        }
        let generation = u64_at(&header, 16);
        let id = &header[24..24 + ID_BYTES];
        let id = id.split(|byte| *byte == 0).next().unwrap_or_default();
        let (mut records, mut end) = (Vec::new(), HEADER_BYTES);
        while let Some((record, next)) = record_at(&file, end, generation)? {
            records.push(record);
            end = next;
        }
        Ok(Some(Self {
            journal_id: String::from_utf8_lossy(id).into_owned(),
            records,
            generation,
            end,
        }))
    }
}

/// So many bytes from `at` on; `None` past the end of the file.
fn read_at(file: &File, at: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; length];
    match file.read_exact_at(&mut bytes, at) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// The record at `at` and where the next one begins; `None` when there is no whole one.
fn record_at(file: &File, at: u64, generation: u64) -> io::Result<Option<(Record, u64)>> {
    let Some(frame) = read_at(file, at, FRAME_BYTES)? else {
        return Ok(None);
    };
    let length = u32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]]);
    let from = at + FRAME_BYTES as u64;
    let end = from + u64::from(length);
    if length == 0 || end > SPOOL_BYTES || u64_at(&frame, 4) != generation {
        return Ok(None);
    }
    let Some(text) = read_at(file, from, length as usize)? else {
        return Ok(None);
    };
    if frame[12..] != sum(generation, &text) {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&text)
        .ok()
        .map(|record| (record, end)))
}

fn sum(generation: u64, text: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(generation.to_le_bytes())
        .chain_update(text)
        .finalize()
        .into()
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let eight = bytes.get(at..at + 8).and_then(|b| b.try_into().ok());
    u64::from_le_bytes(eight.unwrap_or_default())
}

fn aside(path: &Path, journal_id: &str) -> PathBuf {
    path.with_extension(format!("of-{journal_id}"))
}

fn no_room() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "the spool is full")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn record(text: &str) -> Record {
        let written = Written {
            bytes: text.to_owned(),
            hash: [7; 32],
        };
        Record {
            entries: vec![written],
            people: Vec::new(),
        }
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("fengsui.spool");
        (folder, path)
    }

    #[test]
    fn what_was_appended_is_read_again_until_it_is_cleared() {
        let (_folder, path) = folder();
        let (mut spool, records) = Spool::open(&path, "a").expect("made");
        assert!(records.is_empty());
        let mode = spool.file.metadata().expect("a file").mode();
        assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
        spool.append(&record("1")).expect("appended");
        spool.append(&record("2")).expect("appended");
        let (mut spool, records) = Spool::open(&path, "a").expect("opened");
        assert_eq!(records, [record("1"), record("2")]);
        spool.clear().expect("cleared");
        spool.append(&record("3")).expect("appended");
        let (_, records) = Spool::open(&path, "a").expect("opened");
        assert_eq!(records, [record("3")], "older records are none any more");
    }

    #[test]
    fn a_torn_record_ends_the_file_at_every_byte_of_it() {
        let (_folder, path) = folder();
        let (mut spool, _) = Spool::open(&path, "a").expect("made");
        spool.append(&record("whole")).expect("appended");
        let from = spool.end;
        spool.append(&record("torn")).expect("appended");
        for at in from..spool.end {
            let mut byte = [0];
            spool.file.read_exact_at(&mut byte, at).expect("read");
            spool.file.write_all_at(&[!byte[0]], at).expect("torn");
            let found = Found::read(&path).expect("read").expect("a spool");
            assert_eq!(found.records, [record("whole")], "byte {at}");
            assert_eq!(found.end, from);
            spool.file.write_all_at(&byte, at).expect("mended");
        }
    }

    #[test]
    fn the_spool_of_another_journal_is_kept_aside() {
        let (folder, path) = folder();
        let (mut spool, _) = Spool::open(&path, "a").expect("made");
        spool.append(&record("1")).expect("appended");
        let (_, records) = Spool::open(&path, "b").expect("made anew");
        assert!(records.is_empty());
        let aside = folder.path().join("fengsui.of-a");
        let found = Found::read(&aside).expect("read").expect("a spool");
        assert_eq!(found.records, [record("1")]);
    }

    #[test]
    fn a_full_spool_says_so_and_keeps_what_it_has() {
        let (_folder, path) = folder();
        let (mut spool, _) = Spool::open(&path, "a").expect("made");
        spool.append(&record("1")).expect("appended");
        spool.end = SPOOL_BYTES - 10;
        let error = spool.append(&record("2")).expect_err("full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        let found = Found::read(&path).expect("read").expect("a spool");
        assert_eq!(found.records, [record("1")]);
    }
}
