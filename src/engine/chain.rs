//! `fengsui verify`: the hash chain, and that the columns beside an entry say what its bytes say; and whether what only the spool
//! has continues it.

use super::ledger::{EntryBody, entry_hash};
use super::ports::{Entry, Store, StoreError};
use super::spool::Record;

/// Entries read at once.
const PAGE: u32 = 10_000;

/// A journal that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries.
    pub entries: u64,
    /// Hash of the last one.
    pub head: [u8; 32],
}

/// A journal that is not.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The chain breaks at an entry.
    #[error("entry {seq}: {why}")]
    At {
        /// The first entry that cannot be believed.
        seq: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads the whole journal and checks each entry; `each` gets its body, so that `rebuild` reads only once.
///
/// # Errors
/// The first entry that is missing, changed or inconsistent.
pub fn verify(
    store: &mut dyn Store,
    mut each: impl FnMut(&EntryBody, [u8; 32]),
) -> Result<Verified, Broken> {
    let mut head = [0; 32];
    let mut seq = 0;
    loop {
        let page = store.entries(seq + 1, PAGE)?;
        if page.is_empty() {
            return Ok(Verified { entries: seq, head });
        }
        for entry in &page {
            let body =
                check(entry, seq + 1, &head).map_err(|why| Broken::At { seq: seq + 1, why })?;
            each(&body, entry.hash);
            head = entry.hash;
            seq += 1;
        }
    }
}

/// Checks that records of the spool continue a verified journal; returns how many entries only the spool has.
///
/// # Errors
/// The first entry that does not follow.
pub fn verify_spool(journal: &Verified, records: &[Record]) -> Result<u64, Broken> {
    let (mut seq, mut head) = (journal.entries, journal.head);
    for record in records {
        let entries = record.entries().map_err(|error| Broken::At {
            seq: seq + 1,
            why: format!("cannot be read: {error}"),
        })?;
        for (_, entry) in entries
            .iter()
            .filter(|(body, _)| body.seq > journal.entries)
        {
            check(entry, seq + 1, &head).map_err(|why| Broken::At { seq: seq + 1, why })?;
            head = entry.hash;
            seq += 1;
        }
    }
    Ok(seq - journal.entries)
}

fn check(entry: &Entry, seq: u64, previous: &[u8; 32]) -> Result<EntryBody, String> {
    if entry.seq != seq {
        return Err(format!("missing; the next one there is {}", entry.seq));
    }
    if entry_hash(previous, &entry.bytes) != entry.hash {
        return Err("its text or its place was changed: the hash does not fit".to_owned());
    }
    let body: EntryBody =
        serde_json::from_str(&entry.bytes).map_err(|error| format!("cannot be read: {error}"))?;
    let beside = entry.seq == body.seq
        && entry.epoch == body.epoch
        && entry.engine_time == body.engine_time
        && entry.wall_time == body.wall_time
        && entry.config_version == body.config_version
        && entry.case == body.case
        && entry.actor == body.actor;
    if !beside {
        return Err("a column beside it was changed".to_owned());
    }
    Ok(body)
}
