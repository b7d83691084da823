//! How long orders take to the broker and to a device: the stages `publish` and `receipt`. Nothing depends on them.

use std::collections::BTreeMap;

use crate::domain::ids::OrderId;
use crate::engine::handle::Handle;
use crate::engine::stages::{Stage, Stopwatch};

/// Most orders that are timed at once; what nobody ever receives must not stay for ever.
const TIMED_MAX: usize = 1_000;

/// The orders under way.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// Since the commit of a revision, by topic.
    committed: BTreeMap<String, Stopwatch>,
    /// Since the broker had it.
    at_broker: BTreeMap<OrderId, Stopwatch>,
}

impl Times {
    /// A document changed; those of orders are timed.
    pub(super) fn committed(&mut self, key: &str) {
        if key.starts_with("order/") && self.committed.len() < TIMED_MAX {
            let start = Stopwatch::start;
            self.committed.entry(key.to_owned()).or_insert_with(start);
        }
    }

    /// The broker has a message; with `announces` it is the first revision of an order.
    pub(super) fn published(&mut self, handle: &Handle, topic: &str, announces: Option<&OrderId>) {
        let committed = self.committed.remove(topic);
        let Some(order) = announces else { return };
        if let Some(committed) = committed {
            handle.measured(Stage::Publish, committed.elapsed());
        }
        if self.at_broker.len() >= TIMED_MAX {
            self.at_broker.pop_first();
        }
        self.at_broker.insert(order.clone(), Stopwatch::start());
    }

    /// A device confirms that it has an order.
    pub(super) fn received(&mut self, handle: &Handle, order: &OrderId) {
        if let Some(at_broker) = self.at_broker.remove(order) {
            handle.measured(Stage::Receipt, at_broker.elapsed());
        }
    }
}
