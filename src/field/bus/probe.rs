//! A question of whoever commissions the site, between two frames of the polling. Its answer is no reading: it goes to who asked.

use tokio::time::Instant;

use super::{Bus, Line};
use crate::field::probe;

impl Bus {
    /// When a question may be asked, if nothing of the line's own is to be done then.
    pub(super) fn question_at(&self) -> Option<Instant> {
        match self.line {
            Line::Open(_) => self.port.questions.at(),
            Line::Closed { .. } => None,
        }
    }

    /// Asks the first question that waits.
    pub(super) async fn ask(&mut self) {
        let Some(waiting) = self.port.questions.take() else {
            return;
        };
        let (unit, begun) = (waiting.unit, Instant::now());
        let replied = self.exchange(unit, waiting.request.clone()).await;
        if let Err(failure) = &replied {
            self.lost_reply(unit, failure.fault);
        }
        waiting.answer(probe::told(replied));
        self.port.questions.took(begun.elapsed());
    }
}
