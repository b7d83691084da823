//! Questions of whoever commissions a site: how they wait for the bus that has the line, and how a line that nobody has is asked.
//!
//! On a line that is polled a question comes last: after commands and after the blocks that are due. It may take at most a fifth of
//! the line's time. A line that is never idle answers one now and then all the same.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::modbus::fault::{Failure, Fault};
use super::modbus::pdu::{Lenient, Reply, Request, Span, Values};
use super::modbus::transport::{Ask as Exchange, Connection, Way};
use super::trace::{self, Ring};
use crate::domain::line::Line;
use crate::domain::probe::{Ask, Frame, Question, Told};
use crate::engine::handle::Handle;
use crate::engine::ports::{Asking, NotAsked};

/// Questions that may wait for one line.
const WAITING_MAX: usize = 8;
/// Least time between two questions to a line that is polled.
const PAUSE: Duration = Duration::from_millis(50);
/// After a question the line is left to its polling for so many times as long as the question took.
const SHARE: u32 = 4;
/// A question that has waited for so long goes before a block: on a line that is never idle it would wait for ever.
const OVERDUE: Duration = Duration::from_secs(2);
/// Longest wait for an answer; who asks at the socket is given up after 10 s.
const ANSWER_MAX: Duration = Duration::from_secs(8);

/// A question that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) unit: u8,
    pub(crate) request: Request,
    since: Instant,
    answer: oneshot::Sender<Told>,
}

impl Waiting {
    /// Tells who asked. Who has gone by now needs no answer.
    pub(crate) fn answer(self, told: Told) {
        drop(self.answer.send(told));
    }
}

/// The questions that wait for one line.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    inner: Mutex<Inner>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Waiting>,
    /// Until then the line is left to its polling.
    rest_until: Option<Instant>,
}

impl Questions {
    fn push(&self, question: Question) -> Result<oneshot::Receiver<Told>, NotAsked> {
        let request = request(question.ask).ok_or(NotAsked::Impossible)?;
        let (answer, answered) = oneshot::channel();
        let mut inner = self.lock();
        inner.waiting.retain(|waiting| !waiting.answer.is_closed());
        if inner.waiting.len() >= WAITING_MAX {
            return Err(NotAsked::Full);
        }
        inner.waiting.push_back(Waiting {
            unit: question.unit,
            request,
            since: Instant::now(),
            answer,
        });
        drop(inner);
        self.arrived.notify_one();
        Ok(answered)
    }

    /// When the first question may be asked on an idle line; `None` when nobody asks.
    pub(crate) fn at(&self) -> Option<Instant> {
        let inner = self.lock();
        let first = inner.waiting.front()?;
        Some(
            inner
                .rest_until
                .map_or(first.since, |rest| rest.max(first.since)),
        )
    }

    /// Whether the first question goes before a block that is due.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        let inner = self.lock();
        let first = inner.waiting.front();
        let rests = inner.rest_until.is_some_and(|rest| rest > now);
        !rests && first.is_some_and(|first| first.since + OVERDUE <= now)
    }

    /// The first question that somebody still waits for.
    pub(crate) fn take(&self) -> Option<Waiting> {
        let mut inner = self.lock();
        inner.waiting.retain(|waiting| !waiting.answer.is_closed());
        inner.waiting.pop_front()
    }

    /// A question took so long.
    pub(crate) fn took(&self, time: Duration) {
        self.lock().rest_until = Some(Instant::now() + PAUSE.max(time * SHARE));
    }

    /// Returns when a question may have come.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Questions {
    /// The way to the answer of a question to this line.
    pub(crate) fn ask(&self, question: Question) -> Asking {
        let asked = self.push(question);
        Box::pin(async move {
            match timeout(ANSWER_MAX, asked?).await {
                Ok(Ok(told)) => Ok(told),
                Ok(Err(_)) | Err(_) => Err(NotAsked::NoTime),
            }
        })
    }
}

/// A frame as the tools show it.
pub(crate) fn frame(frame: &trace::Frame) -> Frame {
    Frame {
        number: frame.number,
        at: frame.engine,
        wall: frame.wall,
        sent: frame.verdict == trace::Verdict::Sent,
        verdict: frame.verdict.word().to_owned(),
        hex: frame
            .bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    }
}

/// The request of a question; `None` when no request can ask it.
fn request(ask: Ask) -> Option<Request> {
    match ask {
        Ask::Read { area, start, count } => Span::new(area, start, count).map(Request::Read),
        // One object and those behind it, as far as the basic ones go.
        Ask::Identify { object } => Some(Request::Identify { level: 1, object }),
    }
}

/// What a reply says.
pub(crate) fn told(replied: Result<Reply, Failure>) -> Told {
    match replied {
        Ok(Reply::Values(Values::Bits(bits))) => Told::Bits { bits },
        Ok(Reply::Values(Values::Registers(words))) => Told::Registers { words },
        Ok(Reply::Identity(identity)) => {
            let text = |text: Vec<u8>| String::from_utf8_lossy(&text).trim().to_owned();
            let objects = identity.objects.into_iter();
            Told::Identity {
                objects: objects
                    .map(|(number, bytes)| (number, text(bytes)))
                    .collect(),
                next: identity.next,
            }
        }
        Ok(Reply::Exception(code)) => Told::Exception { code },
        // No question writes.
        Ok(Reply::Written) => Told::Nothing {
            why: "an answer to something else".to_owned(),
        },
        Err(failure) => Told::Nothing {
            why: if let Fault::Bad(bad) = failure.fault {
                format!("wrong reply: {bad}")
            } else {
                failure.fault.to_string()
            },
        },
    }
}

/// A line that this program opens for itself.
#[derive(Debug)]
pub struct Direct {
    line: Line,
    way: Way,
    open: Option<Connection>,
    /// Not asked before: what comes late must not meet the next question.
    not_before: Instant,
}

impl Direct {
    /// A line, with the longest wait for an answer. Nothing is opened yet.
    #[must_use]
    pub fn new(line: &Line, limit: Duration, handle: Handle) -> Self {
        Self {
            line: line.clone(),
            way: Way {
                limit,
                pause: Duration::ZERO,
                ring: Arc::new(Ring::new(handle)),
            },
            open: None,
            not_before: Instant::now(),
        }
    }

    /// Asks a unit.
    ///
    /// # Errors
    /// There is no such request.
    pub async fn ask(&mut self, question: Question) -> Result<Told, NotAsked> {
        let request = request(question.ask).ok_or(NotAsked::Impossible)?;
        sleep_until(self.not_before).await;
        let open = match self.open.take() {
            Some(open) => open,
            None => match Connection::open(&self.line, &self.way).await {
                Ok(open) => open,
                Err(fault) => {
                    let has_left = false;
                    return Ok(told(Err(Failure { has_left, fault })));
                }
            },
        };
        let exchange = Exchange {
            unit: question.unit,
            request,
            limit: self.way.limit,
            gap: Duration::ZERO,
            settle: Duration::ZERO,
            lenient: Lenient::default(),
        };
        let replied = match open.send(exchange).await {
            Ok(sent) => sent.reply().await,
            Err(failed) => Err(failed),
        };
        Ok(told(match replied {
            Ok((open, reply, _tally)) => {
                self.open = Some(open);
                Ok(reply)
            }
            Err(failed) => {
                if failed.kept.is_some() {
                    self.not_before = Instant::now() + self.way.limit;
                }
                self.open = failed.kept;
                Err(failed.failure)
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::Area;

    fn read(count: u16) -> Question {
        let (area, start) = (Area::Holding, 0);
        Question {
            unit: 1,
            ask: Ask::Read { area, start, count },
        }
    }

    #[tokio::test]
    async fn questions_wait_their_turn_and_leave_the_line_to_its_polling() {
        let questions = Questions::default();
        assert_eq!(questions.at(), None);
        assert_eq!(questions.push(read(126)).err(), Some(NotAsked::Impossible));
        let mut all: Vec<_> = (0..WAITING_MAX)
            .map(|_| questions.push(read(1)).expect("room"))
            .collect();
        assert_eq!(questions.push(read(1)).err(), Some(NotAsked::Full));
        // Who does not wait any more leaves its place to another.
        drop(all.pop());
        questions.push(read(1)).expect("room");
        let since = questions.at().expect("a question");
        assert!(!questions.is_overdue(since) && questions.is_overdue(since + OVERDUE));
        questions
            .take()
            .expect("one")
            .answer(Told::Exception { code: 1 });
        questions.took(Duration::from_secs(1));
        assert!(questions.at() > Some(since + Duration::from_secs(3)));
        assert!(!questions.is_overdue(since + OVERDUE));
        assert_eq!(all.remove(0).await, Ok(Told::Exception { code: 1 }));
    }
}
