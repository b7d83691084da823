//! What was asked last on a line that does not number its replies, so that a doubled reply meets no question whose reply looks
//! like it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::modbus::pdu::{Reply, Request};

/// A device, a repeater or a radio that doubles a reply does so within this time; what comes later can not be told from a reply.
pub(crate) const DOUBLED_WITHIN: Duration = Duration::from_millis(50);
/// More exchanges than this do not fit into that time: one takes 4 ms at the highest usual speed.
const RECENT_MAX: usize = 16;

#[derive(Debug)]
struct Question {
    unit: u8,
    request: Request,
    /// When it was answered, and whether by a refusal, which looks like any other of its function code.
    answered: Option<(Instant, bool)>,
}

/// The latest questions of a line, the last one first.
#[derive(Debug, Default)]
pub(crate) struct Recent(VecDeque<Question>);

impl Recent {
    /// A question leaves.
    pub(crate) fn asks(&mut self, unit: u8, request: &Request) {
        self.0.truncate(RECENT_MAX - 1);
        self.0.push_front(Question {
            unit,
            request: request.clone(),
            answered: None,
        });
    }

    /// The last question was answered.
    pub(crate) fn answered(&mut self, reply: &Reply, now: Instant) {
        if let Some(last) = self.0.front_mut() {
            last.answered = Some((now, matches!(reply, Reply::Exception(_))));
        }
    }

    /// When this may be asked, so that no double of an earlier reply can pass for the reply to it. The same question waits as well:
    /// two devices with one address answer it differently.
    pub(crate) fn free_at(&self, unit: u8, request: &Request) -> Option<Instant> {
        let of_unit = self.0.iter().filter(|past| past.unit == unit);
        let alike = of_unit.filter_map(|past| {
            let (at, is_refusal) = past.answered?;
            let is_alike = past.request.is_answered_like(request)
                || is_refusal && past.request.function() == request.function();
            is_alike.then_some(at + DOUBLED_WITHIN)
        });
        alike.max()
    }

    /// Whose bytes a stray frame may be: the unit that was asked last, and the one before it.
    pub(crate) fn units(&self) -> impl Iterator<Item = u8> {
        self.0.iter().take(2).map(|past| past.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::Area;
    use crate::field::modbus::pdu::{Span, Values};

    fn read(start: u16, count: u16) -> Request {
        Request::Read(Span::new(Area::Holding, start, count).unwrap())
    }

    #[test]
    fn only_a_question_whose_reply_looks_like_one_that_may_be_doubled_waits() {
        let (now, values) = (Instant::now(), Reply::Values(Values::Registers(vec![0; 8])));
        let mut recent = Recent::default();
        recent.asks(1, &read(0, 8));
        assert_eq!(recent.free_at(1, &read(8, 8)), None, "nothing to double");
        recent.answered(&values, now);
        let free_at = Some(now + DOUBLED_WITHIN);
        assert_eq!(recent.free_at(1, &read(8, 8)), free_at);
        assert_eq!(recent.free_at(1, &read(0, 8)), free_at);
        // Another length, another unit.
        assert_eq!(recent.free_at(1, &read(8, 7)), None);
        assert_eq!(recent.free_at(2, &read(8, 8)), None);
        // What was asked in between changes nothing.
        recent.asks(2, &read(0, 4));
        assert_eq!(recent.free_at(1, &read(8, 8)), free_at);
        assert_eq!(recent.units().collect::<Vec<u8>>(), [2, 1]);
    }

    #[test]
    fn a_refusal_looks_like_any_other_of_its_function_code() {
        let now = Instant::now();
        let mut recent = Recent::default();
        let write = |address| Request::WriteCoil {
            address,
            value: 0xFF00,
        };
        recent.asks(1, &read(0, 8));
        recent.answered(&Reply::Exception(2), now);
        assert_eq!(recent.free_at(1, &read(8, 3)), Some(now + DOUBLED_WITHIN));
        assert_eq!(recent.free_at(1, &write(0)), None);
        // An echo names what was written.
        recent.asks(1, &write(0));
        recent.answered(&Reply::Written, now);
        assert_eq!(recent.free_at(1, &write(1)), None);
        assert_eq!(recent.free_at(1, &write(0)), Some(now + DOUBLED_WITHIN));
    }
}
