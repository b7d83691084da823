//! `GET /stream`: server-sent events, one `entry` per committed change, a `heartbeat` every 2 s, `resync` when a page must take
//! `/state` again, `live` for values that are not journalled.
//!
//! A stream ends when the session ends, when the daemon stops, or when its client stops reading. It is never compressed, so
//! that nothing waits in a buffer.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::auth::{Pass, Signed};
use super::changes::{Joined, Numbered};
use super::health::Counted;
use super::pages::Here;
use super::{Served, glance, live};
use crate::domain::time::{EngineTime, WallTime};
use crate::engine::handle::Audience;

/// Time between heartbeats. A page that hears nothing for 5 s shows that it does not know.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long a heartbeat waits for the entries that it speaks of.
const BEAT_WAIT: Duration = Duration::from_secs(1);
/// How long a browser waits before it connects again, in ms.
const RETRY_MS: u32 = 500;

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    since: Option<u64>,
    /// The page is a recipient's device: orders reach it, also without any broker.
    #[serde(default)]
    device: bool,
}

/// The next values; never for a page that sees no points. What it was too slow for is gone: newer ones follow.
async fn next_values(values: &mut Option<broadcast::Receiver<Bytes>>) -> Bytes {
    while let Some(listening) = values {
        match listening.recv().await {
            Ok(frame) => return frame,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => *values = None,
        }
    }
    std::future::pending().await
}

/// `Heartbeat` of web/src/documents.ts.
#[derive(Debug, Serialize)]
struct Heartbeat<'a> {
    engine: EngineTime,
    wall: WallTime,
    seq: u64,
    build: &'a str,
    incidents: usize,
}

#[utoipa::path(
    get, path = "/stream", tag = "documents", summary = "Follows every committed entry, as server-sent events",
    params(("since" = Option<u64>, Query, description = "The seq of the snapshot that is held")),
    responses(
        (status = 200, description = "entry (id = seq), heartbeat every 2 s, live (values that are not journalled, without id), resync", body = String, content_type = "text/event-stream"),
    ),
)]
pub(super) async fn stream(
    State(served): State<Arc<Served>>,
    signed: Signed,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    // A browser that connects again by itself keeps the old address and tells the last id that it has heard.
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let asked = asked.ok().map(|Query(asked)| asked);
    let since = last.max(asked.as_ref().and_then(|asked| asked.since));
    let pages = Arc::clone(&served.pages);
    let mut follower = Follower::new(served, &signed, since);
    if asked.is_some_and(|asked| asked.device) {
        let recipient = signed.account.recipient;
        follower.here = recipient.map(|recipient| pages.enter(recipient));
    }
    let frames = stream::unfold(follower, |mut follower| async move {
        let frame = follower.next().await?;
        Some((Ok::<Bytes, Infallible>(frame), follower))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        // A proxy must pass every event on at once.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(frames)).into_response()
}

/// One page that follows.
pub(super) struct Follower {
    served: Arc<Served>,
    pass: Pass,
    audience: Audience,
    live: broadcast::Receiver<Arc<Numbered>>,
    /// Values, for a page that sees the points: all of them first, then what changes.
    values: Option<broadcast::Receiver<Bytes>>,
    first_values: Option<Bytes>,
    /// Entries before those of `live`.
    missed: VecDeque<Arc<Numbered>>,
    /// The page has everything up to here, or has been told to take a snapshot that has.
    at: u64,
    must_resync: bool,
    greeted: bool,
    beats: Interval,
    _counted: Counted,
    /// A heartbeat that waits until the page has every entry that it speaks of.
    beat: Option<Beat>,
    /// A recipient's device is there while this is.
    here: Option<Here>,
}

/// What a heartbeat says of the documents.
#[derive(Clone, Copy, Debug)]
struct Beat {
    seq: u64,
    incidents: usize,
    /// It goes out by then, whatever is missing: the page finds out by itself.
    by: Instant,
}

impl Follower {
    pub(super) fn new(served: Arc<Served>, signed: &Signed, since: Option<u64>) -> Self {
        let counted = Counted::new(&served);
        let joined = served.changes.join(since, served.handle.seq());
        let mut beats = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let audience = signed.audience();
        let sees_points = audience.may_see("point/");
        Self {
            values: sees_points.then(|| served.values.listen()),
            first_values: sees_points.then(|| live::all(&served.handle)).flatten(),
            served,
            pass: signed.pass.clone(),
            audience,
            live: joined.live,
            missed: joined.missed,
            at: joined.at,
            must_resync: joined.must_resync,
            greeted: false,
            beats,
            _counted: counted,
            beat: None,
            here: None,
        }
    }

    /// The next frame; `None` ends the stream.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        if !self.greeted {
            self.greeted = true;
            let beat = self.present();
            return Some(format!("retry: {RETRY_MS}\n{}", self.heartbeat(beat)).into());
        }
        loop {
            if std::mem::take(&mut self.must_resync) {
                return Some(Bytes::from_static(b"event: resync\ndata: {}\n\n"));
            }
            if let Some(entry) = self.missed.pop_front() {
                if let Some(frame) = self.entry(&entry) {
                    return Some(frame);
                }
                continue;
            }
            if let Some(values) = self.first_values.take() {
                return Some(values);
            }
            let late = self.beat.map_or_else(Instant::now, |beat| beat.by);
            if let Some(beat) = self
                .beat
                .take_if(|beat| beat.seq <= self.at || beat.by <= Instant::now())
            {
                return Some(self.heartbeat(beat).into());
            }
            tokio::select! {
                biased;
                () = self.served.stop.cancelled() => return None,
                _ = self.beats.tick() => {
                    if !self.still_signed_on() {
                        return None;
                    }
                    self.beat = Some(self.present());
                }
                () = tokio::time::sleep_until(late), if self.beat.is_some() => {}
                entry = self.live.recv() => match entry {
                    Ok(entry) => self.missed.push_back(entry),
                    Err(RecvError::Lagged(_)) => self.resync(),
                    Err(RecvError::Closed) => return None,
                },
                values = next_values(&mut self.values) => return Some(values),
            }
        }
    }

    /// An entry as this page sees it; nothing when the page has it, a new snapshot when one before it is missing.
    fn entry(&mut self, entry: &Numbered) -> Option<Bytes> {
        if entry.after > self.at {
            self.resync();
            return None;
        }
        if entry.seq() <= self.at {
            return None;
        }
        self.at = entry.seq();
        Some(entry.frame(&self.audience))
    }

    /// Goes on from the present and tells the page to take a snapshot.
    fn resync(&mut self) {
        let present = self.served.handle.seq();
        let Joined {
            missed, live, at, ..
        } = self.served.changes.join(None, present);
        (self.missed, self.live, self.at) = (missed, live, at);
        self.must_resync = true;
    }

    /// The session or token is good and its account sees what it saw; otherwise the page must come in anew.
    fn still_signed_on(&self) -> bool {
        Signed::still(&self.served, &self.pass)
            .is_some_and(|signed| signed.audience() == self.audience)
    }

    /// How far the documents are. Incidents are those that this page can show: a guard sees none.
    fn present(&self) -> Beat {
        let incidents = match self.audience.may_see("summary") {
            true => glance::of(&self.served.handle).incidents,
            false => 0,
        };
        Beat {
            seq: self.served.handle.seq(),
            incidents,
            by: Instant::now() + BEAT_WAIT,
        }
    }

    fn heartbeat(&self, beat: Beat) -> String {
        let now = self.served.handle.now();
        let heartbeat = Heartbeat {
            engine: now.engine,
            wall: now.wall,
            seq: beat.seq,
            build: &self.served.build,
            incidents: beat.incidents,
        };
        // Numbers and a text always serialise.
        let text = serde_json::to_string(&heartbeat).unwrap_or_default();
        format!("event: heartbeat\ndata: {text}\n\n")
    }
}
