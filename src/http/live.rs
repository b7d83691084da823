//! Values that are not journalled: what points measure, and why a point is faulty. They go to every stream as `live`, without an id,
//! and are in no document: a page that comes back is told all of them anew.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Bytes;
use serde::Serialize;
use tokio::sync::broadcast;
use tokio::time::{MissedTickBehavior, interval};

use crate::domain::ids::PointId;
use crate::domain::point::{Milli, Quality, Reading, Trouble};
use crate::domain::text::Line;
use crate::domain::time::EngineTime;
use crate::engine::handle::Handle;

/// How often changed values are sent.
const PERIOD: Duration = Duration::from_secs(1);
/// Every so many periods all of them are sent, so that their age on a page is true.
const ALL_EVERY: u32 = 5;
/// Frames that a stream may be behind. It then goes on with the next: each is newer than what it has missed, and soon all are sent.
const BEHIND_MAX: usize = 4;

/// `Live` of web/src/documents.ts.
#[derive(Debug, Serialize)]
struct Live {
    value: Option<f64>,
    trouble: Option<Line>,
    quality: Quality,
    at: EngineTime,
}

/// What is compared to find a change: not the moment.
type Told = (Option<Milli>, Option<Trouble>, Quality);

/// The values on their way to the streams.
#[derive(Debug)]
pub(super) struct Values {
    frames: broadcast::Sender<Bytes>,
}

impl Default for Values {
    fn default() -> Self {
        let (frames, _) = broadcast::channel(BEHIND_MAX);
        Self { frames }
    }
}

impl Values {
    /// Tells the streams what has changed, until the server ends.
    pub(super) async fn tell(&self, handle: &Handle) -> Infallible {
        let mut periods = interval(PERIOD);
        periods.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = BTreeMap::new();
        let mut period = 0_u32;
        loop {
            periods.tick().await;
            if self.frames.receiver_count() == 0 {
                continue;
            }
            period = period.wrapping_add(1);
            let all = handle.live();
            let is_whole = period.is_multiple_of(ALL_EVERY);
            let is_new = |id: &PointId, reading: &Reading| {
                is_whole || told.get(id) != Some(&compared(reading))
            };
            let frame = frame(all.iter().filter(|(id, reading)| is_new(id, reading)));
            if let Some(frame) = frame {
                // Nobody may be listening any more.
                let _ = self.frames.send(frame);
            }
            told = all
                .iter()
                .map(|(id, reading)| (id.clone(), compared(reading)))
                .collect();
        }
    }

    /// Every frame from now on.
    pub(super) fn listen(&self) -> broadcast::Receiver<Bytes> {
        self.frames.subscribe()
    }
}

/// All values of this moment; `None` when there are none.
pub(super) fn all(handle: &Handle) -> Option<Bytes> {
    frame(handle.live().iter())
}

fn compared(reading: &Reading) -> Told {
    (reading.value, reading.trouble, reading.quality)
}

fn frame<'a>(readings: impl Iterator<Item = (&'a PointId, &'a Reading)>) -> Option<Bytes> {
    let values: BTreeMap<&str, Live> = readings
        .map(|(id, reading)| (id.as_str(), live(reading)))
        .collect();
    if values.is_empty() {
        return None;
    }
    // Numbers, words and texts always serialise.
    let text = serde_json::to_string(&values).unwrap_or_default();
    Some(format!("event: live\ndata: {text}\n\n").into())
}

fn live(reading: &Reading) -> Live {
    Live {
        value: reading.value.map(units),
        trouble: reading
            .trouble
            .map(|trouble| Line::new(format!("trouble.{}", trouble.word()))),
        quality: reading.quality,
        at: reading.at,
    }
}

/// In the unit itself, as JSON says numbers.
#[expect(clippy::cast_precision_loss, reason = "a screen shows a few digits")]
fn units(value: Milli) -> f64 {
    value.0 as f64 / 1_000.0
}
