//! One connection and what is under way on it; what lasts longer is courier.rs'.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesOrdered, FuturesUnordered};
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::link::{Connection, Later, Received, Sent};
use super::retry::Outcome;
use crate::engine::handle::Change;

/// Pause before what was refused is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What came of something that was sent: `None` is the subscription, else the topic of a message.
pub(super) type Settled = (Option<Arc<str>>, Sent);

/// One connection and what is under way on it.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) sent: FuturesUnordered<Later<Settled>>,
    /// In order of arrival, so that acknowledgements go out in order.
    pub(super) waiting: FuturesOrdered<Later<(Received, Outcome)>>,
    pub(super) changes: broadcast::Receiver<Arc<Change>>,
    /// Documents up to this entry are in the outbox.
    pub(super) seq: u64,
    /// The broker knows what to send us.
    pub(super) is_subscribed: bool,
    /// The engine has shown its documents; before that nothing may be concluded from what is not there.
    pub(super) is_loaded: bool,
    /// Presences count as complete from here on.
    pub(super) settle_at: Option<Instant>,
    /// When refused messages and inputs are tried again.
    pub(super) again_at: Option<Instant>,
}

impl Session {
    /// A session on a connection that is not made yet.
    pub(super) fn new(connection: Connection, changes: broadcast::Receiver<Arc<Change>>) -> Self {
        Self {
            connection,
            sent: FuturesUnordered::new(),
            waiting: FuturesOrdered::new(),
            changes,
            seq: 0,
            is_subscribed: false,
            is_loaded: false,
            settle_at: None,
            again_at: None,
        }
    }

    /// What was refused is tried again after a pause.
    pub(super) fn again_soon(&mut self) {
        self.again_at.get_or_insert_with(|| Instant::now() + AGAIN);
    }
}
