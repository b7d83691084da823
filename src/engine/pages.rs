//! The documents as they were last made: what changed is made anew from state, and shown when its batch may be seen.

use std::collections::{BTreeMap, BTreeSet};
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
    documents: BTreeMap<String, Arc<str>>,
}

impl Pages {
    /// Every document of a campus as it was loaded; [`Pages::publish`] lets them be seen.
    pub(super) fn open(ledger: &Ledger, erasable: Erasable) -> Self {
        let mut pages = Self {
            erasable,
            documents: BTreeMap::new(),
        };
        for (key, document) in view::all(&pages.viewer(ledger)) {
            let text = document
                .map(|document| document.to_string())
                .unwrap_or_default();
            pages.documents.insert(key, text.into());
        }
        pages
    }

    /// Lets every document be seen, as of `head`.
    pub(super) fn publish(&self, head: &Head, shared: &Shared) {
        let mut seen = shared
            .documents
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        (seen.seq, seen.hash) = (head.seq, head.hash);
        seen.journal_id.clone_from(&head.journal_id);
        seen.by_key = self
            .documents
            .iter()
            .map(|(key, text)| (key.as_str().into(), Arc::clone(text)))
            .collect();
    }

    fn viewer<'a>(&'a self, ledger: &'a Ledger) -> Viewer<'a> {
        Viewer {
            campus: &ledger.campus,
            site: &ledger.site,
            erasable: &self.erasable,
        }
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
        let made = view::documents(&self.viewer(ledger), touched);
        let mut documents = BTreeMap::new();
        for (key, document) in made {
            let text: Option<Arc<str>> = document.map(|document| document.to_string().into());
            if self.documents.get(&key) == text.as_ref() {
                continue;
            }
            match &text {
                Some(text) => self.documents.insert(key.clone(), Arc::clone(text)),
                None => self.documents.remove(&key),
            };
            documents.insert(Arc::from(key), text);
        }
        Some(Change {
            seq: ledger.head.seq,
            hash: ledger.head.hash,
            documents,
        })
    }

    /// The documents of an incident that left memory are gone.
    pub(super) fn forget(&mut self, incident: &Incident, change: Option<&mut Change>) {
        let mut gone = Vec::new();
        for key in view::keys_of(incident) {
            if self.documents.remove(&key).is_some() {
                gone.push((Arc::from(key), None));
            }
        }
        // An incident leaves only when another one closes, and that is a change.
        if let Some(change) = change {
            change.documents.extend(gone);
        }
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
