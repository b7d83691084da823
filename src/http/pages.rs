//! Which recipients have their page open: a device that is there without any broker.
//!
//! Owns the count of open streams per recipient and what of it the engine was told. A page that is loaded anew, or whose line
//! drops for a moment, is not gone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::domain::actor::Actor;
use crate::domain::ids::RecipientId;
use crate::domain::input::Input;
use crate::domain::order::Via;
use crate::engine::handle::Handle;

/// How long a recipient's last page may be away before its device counts as gone.
const GONE_AFTER: Duration = Duration::from_secs(10);
/// Pause before the engine is told again what it did not take.
const AGAIN: Duration = Duration::from_secs(1);

/// The pages that are open. Connections bound the streams, and the site's recipients bound the entries.
#[derive(Debug, Default)]
pub(super) struct Pages {
    by_recipient: Mutex<BTreeMap<RecipientId, Page>>,
    changed: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct Page {
    open: usize,
    /// The last one closed; it is gone from then on.
    gone_at: Option<Instant>,
    told: bool,
}

impl Page {
    fn is_there(self, now: Instant) -> bool {
        self.open > 0 || self.gone_at.is_some_and(|at| now < at)
    }
}

/// One open page, until it is dropped.
#[derive(Debug)]
pub(super) struct Here {
    pages: Arc<Pages>,
    recipient: RecipientId,
}

impl Drop for Here {
    fn drop(&mut self) {
        if let Some(page) = self.pages.lock().get_mut(&self.recipient) {
            page.open = page.open.saturating_sub(1);
            page.gone_at = (page.open == 0).then(|| Instant::now() + GONE_AFTER);
        }
        self.pages.changed.notify_one();
    }
}

impl Pages {
    /// A page of a recipient follows the stream.
    pub(super) fn enter(self: &Arc<Self>, recipient: RecipientId) -> Here {
        self.lock().entry(recipient.clone()).or_default().open += 1;
        self.changed.notify_one();
        Here {
            pages: Arc::clone(self),
            recipient,
        }
    }

    /// Tells the engine who is there, for ever.
    pub(super) async fn tell(&self, handle: &Handle) {
        loop {
            let mut look_again = None;
            for (recipient, online) in self.news(Instant::now()) {
                let input = Input::Presence {
                    recipient: recipient.clone(),
                    online,
                    via: Via::Http,
                };
                let actor = Actor::Recipient(recipient.clone());
                match handle.submit(actor, input).await {
                    Ok(_) => self.told(&recipient, online),
                    Err(_busy) => look_again = Some(Instant::now() + AGAIN),
                }
            }
            let look_again = look_again.or_else(|| self.next_gone());
            tokio::select! {
                () = self.changed.notified() => {}
                () = async {
                    match look_again {
                        Some(at) => tokio::time::sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                } => {}
            }
        }
    }

    fn news(&self, now: Instant) -> Vec<(RecipientId, bool)> {
        let mut pages = self.lock();
        pages.retain(|_, page| page.told || page.is_there(now));
        let news = pages
            .iter()
            .filter(|(_, page)| page.told != page.is_there(now));
        news.map(|(id, page)| (id.clone(), page.is_there(now)))
            .collect()
    }

    fn told(&self, recipient: &RecipientId, online: bool) {
        if let Some(page) = self.lock().get_mut(recipient) {
            page.told = online;
        }
    }

    /// When the next page is gone that the engine believes in.
    fn next_gone(&self) -> Option<Instant> {
        let pages = self.lock();
        let waiting = pages.values().filter(|page| page.told && page.open == 0);
        waiting.filter_map(|page| page.gone_at).min()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RecipientId, Page>> {
        self.by_recipient
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: [bool; 0] = [];

    fn look(pages: &Pages, after: Duration) -> Vec<bool> {
        let news = pages.news(Instant::now() + after);
        for (recipient, online) in &news {
            pages.told(recipient, *online);
        }
        news.into_iter().map(|(_, online)| online).collect()
    }

    #[test]
    fn a_page_that_is_loaded_anew_is_not_gone_and_a_closed_one_is_later() {
        let pages = Arc::new(Pages::default());
        let first = pages.enter("post2".into());
        assert_eq!(look(&pages, Duration::ZERO), [true]);
        let second = pages.enter("post2".into());
        drop(first);
        assert_eq!(
            look(&pages, GONE_AFTER * 2),
            NOTHING,
            "the other one is open"
        );
        drop(second);
        assert_eq!(look(&pages, GONE_AFTER / 2), NOTHING);
        let again = pages.enter("post2".into());
        assert_eq!(look(&pages, GONE_AFTER * 2), NOTHING);
        drop(again);
        let gone_in = pages.next_gone().expect("a moment") - Instant::now();
        assert!(gone_in <= GONE_AFTER);
        assert_eq!(look(&pages, GONE_AFTER), [false]);
        assert_eq!(look(&pages, GONE_AFTER), NOTHING);
        assert!(pages.lock().is_empty(), "nothing is kept of it");
    }

    #[test]
    fn what_the_engine_did_not_take_is_news_again() {
        let pages = Arc::new(Pages::default());
        let _here = pages.enter("post2".into());
        assert_eq!(pages.news(Instant::now()).len(), 1);
        assert_eq!(pages.news(Instant::now()).len(), 1);
    }
}
