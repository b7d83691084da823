//! The documents as they were last made: what changed is made anew from state, and shown when its batch may be seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Arc, PoisonError};

use super::handle::{Change, Shared};
use super::ledger::Ledger;
use super::ports::{Head, RowChange};
use crate::procedure::Cell;
use crate::procedure::fire::Incident;
use crate::procedure::view::{self, Erasable, Viewer};

/// Every document's text, also those that may not be seen yet.
pub(super) struct Pages {
    erasable: Erasable,
    documents: BTreeMap<Arc<str>, Arc<str>>,
}

impl Pages {
    /// Every document of a campus as it was loaded; [`Pages::publish`] lets them be seen.
    pub(super) fn open(ledger: &Ledger, erasable: Erasable) -> Self {
        let mut documents = BTreeMap::new();
        view::all(&viewer(ledger, &erasable), |key, document| {
            let text = document.map(|document| document.to_string());
            documents.insert(Arc::from(key), text.unwrap_or_default().into());
        });
        Self {
            erasable,
            documents,
        }
    }

    /// Lets every document be seen, as of `head`.
    pub(super) fn publish(&self, head: &Head, shared: &Shared) {
        let mut seen = shared
            .documents
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        (seen.seq, seen.hash) = (head.seq, head.hash);
        seen.journal_id.clone_from(&head.journal_id);
        seen.by_key.clone_from(&self.documents);
    }

    /// Takes over what documents show of erasable rows.
    pub(super) fn remember(&mut self, people: &[RowChange]) {
        self.erasable.remember(people);
    }

    /// The documents that touched cells change.
    pub(super) fn changed(&mut self, ledger: &Ledger, touched: &BTreeSet<Cell>) -> Option<Change> {
        if touched.is_empty() {
            return None;
        }
        let (mut changed, mut text) = (BTreeMap::new(), String::new());
        let Self {
            erasable,
            documents,
        } = self;
        view::documents(&viewer(ledger, erasable), touched, |key, document| {
            let (key, before) = match documents.get_key_value(key.as_str()) {
                Some((key, before)) => (Arc::clone(key), Some(before)),
                None => (Arc::from(key), None),
            };
            text.clear();
            // Writing into a text cannot fail.
            let is_there = document.is_some_and(|document| write!(text, "{document}").is_ok());
            let after = is_there.then_some(text.as_str());
            if before.map(|before| &**before) == after {
                return;
            }
            let text: Option<Arc<str>> = after.map(Arc::from);
            match &text {
                Some(text) => documents.insert(Arc::clone(&key), Arc::clone(text)),
                None => documents.remove(&key),
            };
            changed.insert(key, text);
        });
        Some(Change {
            seq: ledger.head.seq,
            hash: ledger.head.hash,
            documents: changed,
        })
    }

    /// The documents of an incident that left memory are gone.
    pub(super) fn forget(&mut self, incident: &Incident, change: Option<&mut Change>) {
        let mut gone = Vec::new();
        for key in view::keys_of(incident) {
            if let Some((key, _)) = self.documents.remove_entry(key.as_str()) {
                gone.push((key, None));
            }
        }
        // An incident leaves only when another one closes, and that is a change.
        if let Some(change) = change {
            change.documents.extend(gone);
        }
    }
}

fn viewer<'a>(ledger: &'a Ledger, erasable: &'a Erasable) -> Viewer<'a> {
    Viewer {
        campus: &ledger.campus,
        site: &ledger.site,
        erasable,
    }
}

/// Lets a change be seen.
pub(super) fn show(shared: &Shared, change: Change) {
    let mut documents = shared
        .documents
        .write()
        .unwrap_or_else(PoisonError::into_inner);
    (documents.seq, documents.hash) = (change.seq, change.hash);
    for (key, text) in &change.documents {
        match text {
            Some(text) => documents.by_key.insert(Arc::clone(key), Arc::clone(text)),
            None => documents.by_key.remove(key),
        };
    }
    drop(documents);
    // Nobody may be listening.
    let _ = shared.changes.send(Arc::new(change));
}
