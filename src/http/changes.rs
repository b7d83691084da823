//! The last committed changes, numbered so that a reader can prove that none is missing, and handed on to every stream.
//!
//! An entry says after which seq it applies. A reader that comes back within what is kept goes on without a new snapshot;
//! a gap is never bridged.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::body::Bytes;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::json;
use crate::engine::handle::{Audience, Change, Handle};

/// Most entries kept for readers that come back.
const KEPT_MAX: usize = 1_024;
/// Most bytes of such entries.
const KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most entries a stream may be behind before it must take a new snapshot.
const BEHIND_MAX: usize = 256;

/// One committed change with its predecessor.
#[derive(Debug)]
pub(super) struct Numbered {
    /// The seq after which it applies: that of the change before.
    pub(super) after: u64,
    change: Arc<Change>,
    /// As it is sent to everybody who sees all documents; made for the first of them.
    whole: OnceLock<Bytes>,
}

impl Numbered {
    fn new(after: u64, change: Arc<Change>) -> Self {
        Self {
            after,
            change,
            whole: OnceLock::new(),
        }
    }

    /// How much it keeps in memory, nearly.
    fn bytes(&self) -> usize {
        let documents = self.change.documents.iter();
        documents
            .map(|(key, text)| key.len() + text.as_ref().map_or(0, |text| text.len()))
            .sum()
    }

    /// Its seq.
    pub(super) fn seq(&self) -> u64 {
        self.change.seq
    }

    /// As it is sent to an audience. One without anything to see still moves the seq.
    pub(super) fn frame(&self, audience: &Audience) -> Bytes {
        let mut keys = self.change.documents.keys();
        if keys.all(|key| audience.may_see(key)) {
            let whole = || frame(self.after, &self.change, |_| true);
            return self.whole.get_or_init(whole).clone();
        }
        frame(self.after, &self.change, |key| audience.may_see(key))
    }
}

fn frame(after: u64, change: &Change, may_see: impl Fn(&str) -> bool) -> Bytes {
    let seq = change.seq;
    let mut out = String::new();
    // Writing into a text cannot fail.
    let _ = write!(
        out,
        "event: entry\nid: {seq}\ndata: {{\"seq\":{seq},\"after\":{after},\"documents\":"
    );
    let seen = change.documents.iter().filter(|(key, _)| may_see(key));
    json::documents(&mut out, seen.map(|(key, text)| (&**key, text.as_deref())));
    out.push_str("}\n\n");
    out.into()
}

/// What a stream starts with.
pub(super) struct Joined {
    /// Entries that it has missed, in order.
    pub(super) missed: VecDeque<Arc<Numbered>>,
    /// Entries from now on.
    pub(super) live: broadcast::Receiver<Arc<Numbered>>,
    /// The seq after which `missed` and `live` go on.
    pub(super) at: u64,
    /// What it has cannot be continued.
    pub(super) must_resync: bool,
}

#[derive(Debug, Default)]
struct Kept {
    /// Every change after this seq is known; `None` until the first is.
    since: Option<u64>,
    /// Seq of the last known change.
    last: u64,
    entries: VecDeque<Arc<Numbered>>,
    bytes: usize,
}

impl Kept {
    fn anchor(&mut self, seq: u64) {
        self.since = Some(seq);
        self.last = seq;
        self.entries.clear();
        self.bytes = 0;
    }

    fn push(&mut self, entry: &Arc<Numbered>) {
        self.last = entry.seq();
        self.bytes += entry.bytes();
        self.entries.push_back(Arc::clone(entry));
        while self.entries.len() > KEPT_MAX || self.bytes > KEPT_BYTES_MAX {
            let Some(gone) = self.entries.pop_front() else {
                return;
            };
            self.bytes -= gone.bytes();
            self.since = Some(gone.seq());
        }
    }
}

/// The changes of the engine as streams read them.
#[derive(Debug)]
pub(super) struct Changes {
    kept: Mutex<Kept>,
    live: broadcast::Sender<Arc<Numbered>>,
}

impl Default for Changes {
    fn default() -> Self {
        let (live, _) = broadcast::channel(BEHIND_MAX);
        Self {
            kept: Mutex::default(),
            live,
        }
    }
}

impl Changes {
    /// Follows the engine until it is gone.
    pub(super) async fn follow(
        &self,
        mut changes: broadcast::Receiver<Arc<Change>>,
        handle: &Handle,
    ) {
        loop {
            match changes.recv().await {
                Ok(change) => self.put(change),
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(
                        missed,
                        "the stream fell behind the engine; pages start anew"
                    );
                    // Subscribed first, so that nothing falls between the seq and the next change.
                    changes = handle.changes();
                    self.gap(handle.seq());
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn put(&self, change: Arc<Change>) {
        let mut kept = self.lock();
        if kept.since.is_none() {
            // Its predecessor is not known, and nobody has been told anything yet.
            kept.anchor(change.seq);
            return;
        }
        if change.seq <= kept.last {
            return;
        }
        let entry = Arc::new(Numbered::new(kept.last, change));
        kept.push(&entry);
        // Nobody may be listening.
        let _ = self.live.send(entry);
    }

    /// Changes up to `seq` are lost here: whoever is behind must take a new snapshot, and is told so by an empty entry.
    fn gap(&self, seq: u64) {
        let mut kept = self.lock();
        kept.anchor(seq);
        let change = Change {
            seq,
            ..Change::default()
        };
        let empty = Numbered::new(seq, Arc::new(change));
        let _ = self.live.send(Arc::new(empty));
    }

    /// A snapshot was taken at `seq`: if nothing is known yet, everything after it will be.
    pub(super) fn known(&self, seq: u64) {
        let mut kept = self.lock();
        if kept.since.is_none() {
            kept.anchor(seq);
        }
    }

    /// A stream joins that has everything up to `since`; `present` is the seq of the documents now.
    pub(super) fn join(&self, since: Option<u64>, present: u64) -> Joined {
        let mut kept = self.lock();
        let known = kept.since;
        if known.is_none() {
            kept.anchor(present);
        }
        // The journal may be ahead of what is kept by a change that is on its way here.
        let last = kept.last.max(present);
        let goes_on = since.filter(|since| known.is_some_and(|k| k <= *since) && *since <= last);
        let at = goes_on.unwrap_or(kept.last);
        let missed = kept.entries.iter().filter(|entry| entry.seq() > at);
        Joined {
            missed: missed.cloned().collect(),
            live: self.live.subscribe(),
            at,
            must_resync: goes_on.is_none(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(seq: u64) -> Arc<Change> {
        let document: Arc<str> = format!("{{\"n\":{seq}}}").into();
        let documents = [(Arc::from("summary"), Some(document))].into();
        Arc::new(Change {
            seq,
            documents,
            ..Change::default()
        })
    }

    fn missed(joined: &Joined) -> Vec<(u64, u64)> {
        let entries = joined.missed.iter();
        entries.map(|entry| (entry.after, entry.seq())).collect()
    }

    #[test]
    fn a_reader_goes_on_where_it_was_or_is_told_that_it_cannot() {
        let changes = Changes::default();
        changes.known(4);
        for seq in [4, 6, 9] {
            changes.put(change(seq));
        }
        let joined = changes.join(Some(4), 9);
        assert_eq!(missed(&joined), [(4, 6), (6, 9)]);
        assert!(!joined.must_resync);
        let joined = changes.join(Some(9), 9);
        assert!(missed(&joined).is_empty() && !joined.must_resync);
        // One change is committed and not here yet.
        let mut ahead = changes.join(Some(11), 11);
        assert!(!ahead.must_resync);
        changes.put(change(11));
        assert_eq!(ahead.live.try_recv().expect("live").after, 9);
        for strange in [None, Some(3), Some(12)] {
            let joined = changes.join(strange, 11);
            assert!(joined.must_resync, "{strange:?}");
            assert_eq!(joined.at, 11);
        }
    }

    #[test]
    fn nothing_is_continued_before_the_first_change_is_known() {
        let changes = Changes::default();
        assert!(changes.join(Some(7), 7).must_resync);
        assert!(!changes.join(Some(7), 7).must_resync);
        let changes = Changes::default();
        changes.put(change(8));
        assert!(changes.join(Some(7), 8).must_resync);
        assert!(!changes.join(Some(8), 8).must_resync);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let changes = Changes::default();
        changes.known(0);
        let last = u64::try_from(KEPT_MAX).expect("small") + 10;
        for seq in 1..=last {
            changes.put(change(seq));
        }
        assert!(changes.join(Some(9), last).must_resync);
        assert_eq!(changes.join(Some(10), last).missed.len(), KEPT_MAX);
    }

    #[test]
    fn a_gap_shows_in_the_numbers() {
        let changes = Changes::default();
        changes.known(1);
        let mut joined = changes.join(Some(1), 1);
        changes.gap(5);
        let told = joined.live.try_recv().expect("live");
        assert_eq!((told.after, told.seq()), (5, 5));
        assert!(changes.join(Some(4), 5).must_resync);
        assert!(!changes.join(Some(5), 5).must_resync);
    }
}
