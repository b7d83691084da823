//! Payloads of version 1 (docs/schemas): strict in what must be there, deaf to what a later version adds. Pure.
//!
//! What comes in says nothing of who sent it: that is in the topic. What goes out is cut from finished view documents.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use crate::domain::ids::{CaseId, CompartmentId, OrderId, RecipientId};
use crate::domain::input;
use crate::domain::order::{Cause, Figures, OrderState, ReplyVerb, Via};
use crate::domain::time::WallTime;

/// The version of every payload.
const VERSION: u32 = 1;
/// Longest payload that is looked at, in bytes; a reply has about 200.
pub(super) const PAYLOAD_MAX: usize = 4_096;
/// Longest reply id, device name or reason, in bytes.
const WORD_MAX: usize = 128;

/// Why a payload is not one of ours.
#[derive(Debug, Error)]
pub(super) enum Unreadable {
    /// Longer than any payload.
    #[error("the payload has {0} bytes")]
    TooLong(usize),
    /// Not the JSON that the schema asks for.
    #[error("the payload is not what its schema says")]
    Shape(#[from] serde_json::Error),
    /// A version that this daemon does not speak.
    #[error("the payload has version {0}")]
    Version(u32),
    /// A word that is empty, too long or not printable.
    #[error("`{0}` is not a word")]
    Word(&'static str),
}

#[derive(Deserialize)]
struct ReplyPayload {
    v: u32,
    reply_id: String,
    verb: ReplyVerb,
    #[serde(default)]
    cause: Option<Cause>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Deserialize)]
struct ReportPayload {
    v: u32,
    report_id: String,
    #[serde(default)]
    compartment: Option<CompartmentId>,
    #[serde(default)]
    room: Option<String>,
    #[serde(default)]
    real: bool,
}

#[derive(Deserialize)]
struct PresencePayload {
    v: u32,
    device: String,
    online: bool,
}

/// A device that says whether it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Presence {
    /// The client id of the device.
    pub(super) device: String,
    /// Whether it is there.
    pub(super) online: bool,
}

/// Reads a reply; who answers what comes from the topic.
pub(super) fn reply(
    recipient: RecipientId,
    order: OrderId,
    bytes: &[u8],
) -> Result<input::Reply, Unreadable> {
    let payload: ReplyPayload = parse(bytes)?;
    version(payload.v)?;
    word("reply_id", &payload.reply_id)?;
    if let Some(reason) = &payload.reason {
        word("reason", reason)?;
    }
    Ok(input::Reply {
        recipient,
        order,
        reply_id: payload.reply_id,
        verb: payload.verb,
        cause: payload.cause,
        reason: payload.reason,
        via: Via::Mqtt,
        figures: payload.figures.given(),
    })
}

/// Reads a report from the scene; who reports comes from the topic. Free text goes over HTTP, where it is kept erasable.
pub(super) fn report(recipient: RecipientId, bytes: &[u8]) -> Result<input::Report, Unreadable> {
    let payload: ReportPayload = parse(bytes)?;
    version(payload.v)?;
    word("report_id", &payload.report_id)?;
    if let Some(compartment) = &payload.compartment {
        word("compartment", compartment.as_str())?;
    }
    if let Some(room) = &payload.room {
        word("room", room)?;
    }
    Ok(input::Report {
        recipient,
        report_id: payload.report_id,
        compartment: payload.compartment,
        room: payload.room,
        real: payload.real,
        note: None,
        via: Via::Mqtt,
    })
}

/// Reads a presence.
pub(super) fn presence(bytes: &[u8]) -> Result<Presence, Unreadable> {
    let payload: PresencePayload = parse(bytes)?;
    version(payload.v)?;
    word("device", &payload.device)?;
    Ok(Presence {
        device: payload.device,
        online: payload.online,
    })
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Unreadable> {
    if bytes.len() > PAYLOAD_MAX {
        return Err(Unreadable::TooLong(bytes.len()));
    }
    Ok(serde_json::from_slice(bytes)?)
}

fn version(v: u32) -> Result<(), Unreadable> {
    if v == VERSION {
        Ok(())
    } else {
        Err(Unreadable::Version(v))
    }
}

fn word(name: &'static str, text: &str) -> Result<(), Unreadable> {
    let fits = !text.is_empty() && text.len() <= WORD_MAX && !text.chars().any(char::is_control);
    fits.then_some(()).ok_or(Unreadable::Word(name))
}

/// Counts what could not be read, and says so in the log without letting a broken device fill it.
#[derive(Debug, Default)]
pub(super) struct Strays(AtomicU64);

/// The first strays are logged one by one, later ones when their number doubles.
const STRAYS_LOGGED_ONE_BY_ONE: u64 = 10;

impl Strays {
    /// Counts one message that was not understood.
    pub(super) fn count(&self, topic: &str, why: &dyn std::fmt::Display) {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        if count <= STRAYS_LOGGED_ONE_BY_ONE || count.is_power_of_two() {
            tracing::warn!(mqtt.topic = %topic, mqtt.strays = count, %why, "a message was not understood");
        }
    }
}

/// A payload ready to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The whole payload.
    pub(super) text: Arc<str>,
    /// What it says, without the marks `at` and `seq`: equal content is not sent twice.
    pub(super) content: Arc<str>,
    /// The order that waits for the broker's acknowledgement of this revision.
    pub(super) announces: Option<OrderId>,
}

/// What a document says should stand at its topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// This, retained.
    Retained(Message),
    /// Nothing any more; the last word is sent once to whoever listens.
    Ended(Option<Message>),
}

#[derive(Deserialize)]
struct OrderHead {
    id: OrderId,
    open: bool,
    state: OrderState,
}

/// What `order/…` says: the document itself, as long as it is open.
pub(super) fn order(text: &Arc<str>) -> Option<Stand> {
    let head: OrderHead = serde_json::from_str(text).ok()?;
    let message = Message {
        text: Arc::clone(text),
        content: Arc::clone(text),
        announces: (head.state == OrderState::Queued).then_some(head.id),
    };
    Some(if head.open {
        Stand::Retained(message)
    } else {
        Stand::Ended(Some(message))
    })
}

/// What `alarm/…` says, from `incident/…`.
pub(super) fn alarm(text: &str, seq: u64) -> Option<Stand> {
    let incident: Value = serde_json::from_str(text).ok()?;
    let first = &incident["first"];
    let open = incident["stage"] != "closed";
    let body = json!({
        "id": incident["id"],
        "class": incident["class"],
        "incident_kind": incident["kind"],
        "level": incident["level"],
        "stage": incident["stage"],
        "open": open,
        "place": {
            "building": first["building"],
            "floor": first["floor"],
            "room": first["room"],
            "compartment": first["compartment"],
        },
        "point": first["point"],
        "device": first["device"],
        "kind": first["kind"],
        "signals": incident["signals"].as_array().map_or(0, Vec::len),
    });
    let message = marked(body, incident["opened_at"].as_i64()?, seq);
    Some(if open {
        Stand::Retained(message)
    } else {
        Stand::Ended(Some(message))
    })
}

/// The parts of `point/…` by which a point is at rest or not.
#[derive(Deserialize)]
struct PointHead {
    fire: bool,
    fault: bool,
    disabled: bool,
    test: bool,
    active: bool,
    low: bool,
    high: bool,
    latched_at: Option<i64>,
    incident: Option<CaseId>,
}

/// Whether nothing is to be said of a point. Whether it is read at all stands in `status/link/…`.
pub(super) fn is_at_rest(text: &str) -> bool {
    serde_json::from_str(text).is_ok_and(|point: PointHead| {
        let stands = point.fire || point.fault || point.disabled || point.test;
        let stands = stands || point.active || point.low || point.high;
        !stands && point.latched_at.is_none() && point.incident.is_none()
    })
}

/// What `status/point/…` says, from `point/…`: a last word when it is at rest again.
pub(super) fn point(text: &str, seq: u64, now: WallTime) -> Option<Stand> {
    const KEPT: [&str; 13] = [
        "id",
        "kind",
        "name",
        "quality",
        "fire",
        "fault",
        "disabled",
        "test",
        "active",
        "low",
        "high",
        "latched_at",
        "incident",
    ];
    let message = picked(text, &KEPT, "changed_at", seq, now)?;
    Some(if is_at_rest(text) {
        Stand::Ended(Some(message))
    } else {
        Stand::Retained(message)
    })
}

/// What `status/link/…` says, from `link/…`.
pub(super) fn link(text: &str, seq: u64, now: WallTime) -> Option<Stand> {
    const KEPT: [&str; 6] = ["id", "name", "state", "reason", "points", "lost"];
    picked(text, &KEPT, "since", seq, now).map(Stand::Retained)
}

/// What `status/daemon` says. The last will says the same with `online` false.
pub(super) fn daemon(online: bool, journal_id: &str, seq: u64, now: WallTime) -> Message {
    let body = json!({
        "id": super::topics::DAEMON,
        "online": online,
        "journal_id": journal_id,
        "build": env!("CARGO_PKG_VERSION"),
    });
    marked(body, now.0, seq)
}

fn picked(text: &str, kept: &[&str], at: &str, seq: u64, now: WallTime) -> Option<Message> {
    let mut document: Value = serde_json::from_str(text).ok()?;
    let mut body = json!({});
    for name in kept {
        body[*name] = document[*name].take();
    }
    // A point that was never read has no time of its own; then it is the time of saying so.
    let at = document[at].as_i64().unwrap_or(now.0);
    Some(marked(body, at, seq))
}

/// The marks that every payload carries.
fn marked(mut body: Value, at: i64, seq: u64) -> Message {
    body["v"] = json!(VERSION);
    let content = body.to_string().into();
    body["at"] = json!(at);
    body["seq"] = json!(seq);
    Message {
        text: body.to_string().into(),
        content,
        announces: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<input::Reply, Unreadable> {
        reply("post2".into(), "o1".into(), text.as_bytes())
    }

    #[test]
    fn a_reply_is_read_and_later_additions_are_ignored() {
        let text = r#"{"v":1,"reply_id":"r1","verb":"report_false","cause":"steam","at":5,"battery":80,"recipient":"post1"}"#;
        let reply = read(text).expect("a reply");
        assert_eq!(reply.recipient.as_str(), "post2");
        assert_eq!(reply.order.as_str(), "o1");
        assert_eq!(reply.verb, ReplyVerb::ReportFalse);
        assert_eq!(reply.cause, Some(Cause::Steam));
    }

    #[test]
    fn what_is_not_a_reply_is_refused_and_never_panics() {
        let long = format!(
            r#"{{"v":1,"reply_id":"{}","verb":"accept"}}"#,
            "x".repeat(129)
        );
        let huge = format!(
            r#"{{"v":1,"reply_id":"r","verb":"accept","x":"{}"}}"#,
            "x".repeat(5_000)
        );
        let rows = [
            "",
            "null",
            "[]",
            "{}",
            "\u{0}",
            r#"{"v":1}"#,
            r#"{"v":2,"reply_id":"r","verb":"accept"}"#,
            r#"{"v":1,"reply_id":"r","verb":"open_gas"}"#,
            r#"{"v":1,"reply_id":"r","verb":"report_false","cause":"bored"}"#,
            r#"{"v":1,"reply_id":"","verb":"accept"}"#,
            r#"{"v":1,"reply_id":"a\nb","verb":"accept"}"#,
            r#"{"v":1,"reply_id":"r","verb":"unable","reason":""}"#,
            r#"{"v":1,"reply_id":7,"verb":"accept"}"#,
            &long,
            &huge,
        ];
        for row in rows {
            assert!(read(row).is_err(), "{row}");
        }
        assert!(reply("a".into(), "b".into(), &[0xff, 0xfe]).is_err());
    }

    #[test]
    fn a_presence_is_read() {
        let read = presence(br#"{"v":1,"device":"post2-phone","online":true,"at":1,"new":{}}"#);
        let expected = Presence {
            device: "post2-phone".to_owned(),
            online: true,
        };
        assert_eq!(read.expect("a presence"), expected);
        for bad in [
            &b"{}"[..],
            b"",
            br#"{"v":1,"device":"","online":true}"#,
            br#"{"v":1,"device":"d","online":"yes"}"#,
        ] {
            assert!(presence(bad).is_err());
        }
    }

    #[test]
    fn equal_content_has_other_marks_only() {
        let text = r#"{"id":"P1-015","quality":"good","fire":false,"changed_at":null}"#;
        let stand = |seq, now| point(text, seq, WallTime(now)).expect("a point");
        let (Stand::Retained(one), Stand::Retained(two)) = (stand(1, 10), stand(2, 20)) else {
            panic!("a point that nobody knows to be at rest is retained");
        };
        assert_eq!(one.content, two.content);
        assert_ne!(one.text, two.text);
    }
}
