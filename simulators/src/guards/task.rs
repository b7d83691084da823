//! An order on a guard's device, and the replies to it, as they go over the wire.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Milliseconds on the campus between two sendings of one reply.
const REPEAT_MS: u64 = 2_000;

/// For so long, in milliseconds on the campus, a person's reply to an ended order is still said.
const ENDED_MS: u64 = 30_000;

/// What a guard can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyVerb {
    /// The device has the order.
    Received,
    /// 收到
    Accept,
    /// 已到场
    Arrive,
    /// 误报, with a cause.
    ReportFalse,
    /// 真火
    ReportReal,
    /// 无法前往, 无法判断, with a reason.
    Unable,
    /// 完成
    Done,
}

/// A reply as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reply {
    pub(super) v: u8,
    /// Unique, also over restarts.
    pub reply_id: String,
    /// What is answered.
    pub verb: ReplyVerb,
    /// Why it is a false alarm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Why it cannot be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Civil time in milliseconds since 1970.
    pub at: u64,
}

/// A reply and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Said {
    /// The reply.
    #[serde(flatten)]
    pub reply: Reply,
    /// How often it was sent.
    pub sent: u32,
    /// The order document lists it.
    pub heard: bool,
    #[serde(skip)]
    pub(super) sent_at: Option<u64>,
}

/// What of an order document a device works with; the rest is for the eyes.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Document {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) state: String,
    pub(super) open: bool,
    pub(super) heard: Vec<String>,
    pub(super) replies: Vec<Offer>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Offer {
    /// A verb's word. One that no script knows is shown to people and answered by nobody.
    pub(super) verb: Value,
}

/// An order on the device.
#[derive(Clone, Debug, Serialize)]
pub struct Task {
    /// The document as it came.
    pub document: Value,
    /// It is still open.
    pub open: bool,
    /// What was answered, oldest first.
    pub said: Vec<Said>,
    #[serde(skip)]
    pub(super) parsed: Document,
    #[serde(skip)]
    pub(super) received_at: u64,
    #[serde(skip)]
    pub(super) accepted_at: Option<u64>,
    #[serde(skip)]
    pub(super) arrived_at: Option<u64>,
    /// When it ended.
    #[serde(skip)]
    pub(super) ended_at: Option<u64>,
    /// The present connection has shown it.
    #[serde(skip)]
    pub(super) is_confirmed: bool,
}

impl Task {
    /// An order as its first document shows it.
    pub(super) fn new(document: Value, parsed: Document, now: u64) -> Self {
        let mut task = Self {
            document: Value::Null,
            open: true,
            said: Vec::new(),
            parsed: parsed.clone(),
            received_at: now,
            accepted_at: None,
            arrived_at: None,
            ended_at: None,
            is_confirmed: true,
        };
        task.show(document, parsed, now);
        task
    }

    /// A newer document of the same order.
    pub(super) fn show(&mut self, document: Value, parsed: Document, now: u64) {
        for said in &mut self.said {
            said.heard |= parsed.heard.contains(&said.reply.reply_id);
        }
        if matches!(parsed.state.as_str(), "accepted" | "arrived" | "done") {
            self.accepted_at.get_or_insert(now);
        }
        if matches!(parsed.state.as_str(), "arrived" | "done") {
            self.arrived_at.get_or_insert(now);
        }
        self.open = parsed.open;
        if parsed.open {
            self.ended_at = None;
        } else {
            self.end(now);
        }
        self.document = document;
        self.parsed = parsed;
        self.is_confirmed = true;
    }

    pub(super) fn offers(&self, verb: ReplyVerb) -> bool {
        let word = serde_json::to_value(verb).unwrap_or_default();
        self.parsed.replies.iter().any(|offer| offer.verb == word) && !self.has_said(verb)
    }

    pub(super) fn has_said(&self, verb: ReplyVerb) -> bool {
        self.said.iter().any(|said| said.reply.verb == verb)
    }

    /// Whether somebody goes there and looks.
    pub(super) fn is_walk(&self) -> bool {
        matches!(self.parsed.kind.as_str(), "verify" | "support")
    }

    /// Whether a reply may still be said. The device's own receipt is of no use to an order that has ended; what a person
    /// answered is, for a while: a report of real fire must not be lost because the order was withdrawn meanwhile.
    fn may_say(&self, said: &Said, now: u64) -> bool {
        match self.ended_at {
            None => true,
            Some(at) => said.reply.verb != ReplyVerb::Received && now < at.saturating_add(ENDED_MS),
        }
    }

    /// Replies that have to be sent now.
    pub(super) fn unheard(&self, now: u64) -> impl Iterator<Item = &Reply> {
        self.said
            .iter()
            .filter(move |said| {
                let again_at = said.sent_at.map_or(0, |at| at.saturating_add(REPEAT_MS));
                !said.heard && again_at <= now && self.may_say(said, now)
            })
            .map(|said| &said.reply)
    }

    pub(super) fn end(&mut self, now: u64) {
        self.open = false;
        self.ended_at.get_or_insert(now);
    }
}

/// What is answered, without its id and time.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) verb: ReplyVerb,
    pub(crate) cause: Option<String>,
    pub(crate) reason: Option<String>,
}

impl From<ReplyVerb> for Answer {
    fn from(verb: ReplyVerb) -> Self {
        Self {
            verb,
            cause: None,
            reason: None,
        }
    }
}
