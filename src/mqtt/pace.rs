//! How fast one recipient may answer. Pure.
//!
//! A broken or captured device must not fill the journal, nor the lane in which the other posts' replies wait. What is dropped
//! here is said again by its device, since it was not heard.

use std::collections::BTreeMap;

use crate::domain::ids::RecipientId;
use crate::domain::time::EngineTime;

/// So many answers at once: a device that comes back repeats what was not heard of every open order.
const BURST: i64 = 20;
/// One more every so many milliseconds.
const REFILL_MS: i64 = 500;

/// The paces of all recipients.
#[derive(Debug, Default)]
pub(super) struct Paces(BTreeMap<RecipientId, EngineTime>);

impl Paces {
    /// Whether one more answer of this recipient is taken now. The recipients of the site bound the number of paces.
    pub(super) fn take(&mut self, recipient: &RecipientId, now: EngineTime) -> bool {
        // The moment at which everything taken so far would have been refilled; it may lie BURST refills ahead.
        let full_at = self.0.entry(recipient.clone()).or_insert(now);
        let next = full_at.0.max(now.0) + REFILL_MS;
        if next - now.0 > BURST * REFILL_MS {
            return false;
        }
        *full_at = EngineTime(next);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_then_two_a_second_and_each_recipient_by_itself() {
        let mut paces = Paces::default();
        let mut taken = |who: &str, at| {
            let mut count = 0;
            while paces.take(&who.into(), EngineTime(at)) {
                count += 1;
            }
            count
        };
        assert_eq!(taken("post1", 0), 20);
        assert_eq!(taken("post2", 0), 20);
        assert_eq!(taken("post1", 499), 0);
        assert_eq!(taken("post1", 1_000), 2);
        assert_eq!(taken("post1", 100_000), 20);
    }
}
