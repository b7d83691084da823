//! What the daemon says of its points and lines, every committed change of it, beside what is true in the field.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::watch;

/// Fire and fault of a point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) fire: bool,
    pub(super) fault: bool,
}

impl State {
    fn of(point: &Value) -> Self {
        let is = |what: &str| point[what] == true;
        Self {
            fire: is("fire"),
            fault: is("fault"),
        }
    }
}

#[derive(Default)]
struct Inner {
    latest: BTreeMap<String, Value>,
    /// What was told of each point as good, one after the other.
    points: BTreeMap<String, Vec<State>>,
    /// What was told of each line, one after the other.
    links: BTreeMap<String, Vec<Value>>,
}

/// Everything that was said since the start.
#[derive(Clone)]
pub(super) struct Seen {
    inner: Arc<Mutex<Inner>>,
    changed: watch::Sender<u64>,
}

impl Seen {
    /// Follows the stream from here on, after all documents of now.
    pub(super) fn follow(documents: Map<String, Value>, stream: reqwest::Response) -> Self {
        let seen = Self {
            inner: Arc::default(),
            changed: watch::Sender::new(0),
        };
        seen.take(documents);
        let following = seen.clone();
        tokio::spawn(async move { following.hear(stream).await });
        seen
    }

    async fn hear(&self, mut stream: reqwest::Response) {
        let mut text = Vec::new();
        while let Ok(Some(chunk)) = stream.chunk().await {
            text.extend_from_slice(&chunk);
            while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = text.drain(..end + 2).collect();
                let frame = String::from_utf8(frame).expect("text");
                assert!(!frame.contains("event: resync"), "changes were missed");
                let data = frame.lines().find_map(|line| line.strip_prefix("data: "));
                let Some(data) = data.filter(|_| frame.contains("event: entry")) else {
                    continue;
                };
                let mut entry: Value = serde_json::from_str(data).expect("JSON");
                if let Value::Object(documents) = entry["documents"].take() {
                    self.take(documents);
                }
            }
        }
    }

    fn take(&self, documents: Map<String, Value>) {
        let mut inner = self.lock();
        for (key, document) in documents {
            if let Some(id) = key.strip_prefix("point/")
                && document["quality"] == "good"
            {
                let told = inner.points.entry(id.to_owned()).or_default();
                let state = State::of(&document);
                if told.last() != Some(&state) {
                    told.push(state);
                }
            }
            if let Some(id) = key.strip_prefix("link/") {
                let told = inner.links.entry(id.to_owned()).or_default();
                told.push(document.clone());
            }
            inner.latest.insert(key, document);
        }
        drop(inner);
        self.changed.send_modify(|n| *n += 1);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The latest of a document.
    pub(super) fn latest(&self, key: &str) -> Value {
        self.lock().latest.get(key).cloned().unwrap_or_default()
    }

    /// Everything that was told of a line since the n-th time.
    pub(super) fn of_link(&self, bus: &str, since: usize) -> Vec<Value> {
        let inner = self.lock();
        let told = inner.links.get(bus).map_or(&[][..], Vec::as_slice);
        told.get(since..).unwrap_or_default().to_vec()
    }

    /// What was told of a point as good, one after the other.
    pub(super) fn of_point(&self, id: &str) -> Vec<State> {
        self.lock().points.get(id).cloned().unwrap_or_default()
    }

    /// Waits until the documents satisfy `is`.
    pub(super) async fn until(
        &self,
        what: &str,
        bound: Duration,
        is: impl Fn(&Self) -> bool,
    ) -> Result<(), String> {
        let mut changed = self.changed.subscribe();
        let waiting = async {
            while !is(self) {
                changed.changed().await.expect("it is followed");
            }
        };
        let waited = tokio::time::timeout(bound, waiting).await;
        waited.map_err(|_| format!("not within {} s: {what}", bound.as_secs()))
    }
}

/// What is true in the field: how each point stood, one after the other.
#[derive(Clone, Default)]
pub(super) struct Truth(Arc<Mutex<BTreeMap<String, Vec<State>>>>);

impl Truth {
    /// A point changes; called right before it does.
    pub(super) fn change(&self, point: &str, change: impl FnOnce(&mut State)) {
        let mut points = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stood = points
            .entry(point.to_owned())
            .or_insert_with(|| vec![State::default()]);
        let mut state = stood.last().copied().unwrap_or_default();
        change(&mut state);
        stood.push(state);
    }

    /// How a point stood, one after the other.
    pub(super) fn of(&self, point: &str) -> Vec<State> {
        let points = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stood = points.get(point).cloned();
        stood.unwrap_or_else(|| vec![State::default()])
    }
}

/// Whether what was told of a point is what was true, in the same order, apart from what is allowed at any time. A value of
/// another point, or an old one behind a newer one, is neither.
pub(super) fn is_true(told: &[State], stood: &[State], allowed: impl Fn(State) -> bool) -> bool {
    let mut rest = stood;
    for state in told {
        match rest.iter().position(|true_one| true_one == state) {
            Some(place) => rest = &rest[place..],
            None if allowed(*state) => {}
            None => return false,
        }
    }
    true
}

#[test]
fn what_is_told_is_true_only_in_its_order() {
    let state = |fire, fault| State { fire, fault };
    let stood = [state(false, false), state(false, true), state(false, false)];
    let calm = |_| false;
    assert!(is_true(&stood, &stood, calm));
    assert!(is_true(&stood[1..], &stood, calm));
    assert!(!is_true(&[state(true, false)], &stood, calm), "invented");
    let late = [stood[0], stood[1], stood[2], stood[1]];
    assert!(
        !is_true(&late, &stood, calm),
        "an old one behind a newer one"
    );
    assert!(is_true(&late, &stood, |state| state.fault));
}
