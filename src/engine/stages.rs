//! How long each stage of an alarm takes, for `/metrics` and `/healthz`. Figures of this run alone: nothing is journalled.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use crate::clock::Stopwatch;

/// A stage between the field and the guard's hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A whole cycle of a bus.
    Poll,
    /// Deciding and applying one input.
    Decide,
    /// From the closed batch to its commit.
    Commit,
    /// From the committed order to the broker's acknowledgement.
    Publish,
    /// From the broker to the device's receipt.
    Receipt,
}

impl Stage {
    /// Every stage, in the order in which an alarm passes them.
    pub const ALL: [Self; 5] = [
        Self::Poll,
        Self::Decide,
        Self::Commit,
        Self::Publish,
        Self::Receipt,
    ];

    /// Its word in metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Decide => "decide",
            Self::Commit => "commit",
            Self::Publish => "publish",
            Self::Receipt => "receipt",
        }
    }
}

/// Upper bounds of the buckets in seconds; what is longer falls into the last, unbounded one.
pub const BOUNDS: [f64; 14] = [
    0.000_1, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// How often a stage took how long.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Per bound of [`BOUNDS`], and one more for everything longer. Not cumulated.
    pub counts: [u64; BOUNDS.len() + 1],
    /// All of it, in seconds.
    pub sum: f64,
}

impl Histogram {
    /// How often the stage was measured.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum += seconds;
    }
}

/// The histograms of all stages.
#[derive(Debug, Default)]
pub struct Stages {
    histograms: Mutex<[Histogram; Stage::ALL.len()]>,
}

impl Stages {
    /// One more measurement.
    pub fn add(&self, stage: Stage, took: Duration) {
        let mut histograms = self
            .histograms
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(histogram) = histograms.get_mut(stage as usize) {
            histogram.add(took);
        }
    }

    /// All stages as they are now.
    #[must_use]
    pub fn read(&self) -> [(Stage, Histogram); Stage::ALL.len()] {
        let histograms = self
            .histograms
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Stage::ALL.map(|stage| {
            let histogram = histograms.get(stage as usize).copied();
            (stage, histogram.unwrap_or_default())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_falls_into_the_first_bucket_that_holds_it() {
        let stages = Stages::default();
        for ms in [1, 3, 60_000] {
            stages.add(Stage::Commit, Duration::from_millis(ms));
        }
        let [_, _, (stage, commit), ..] = stages.read();
        assert_eq!((stage, commit.count()), (Stage::Commit, 3));
        assert_eq!(commit.counts[2], 1, "1 ms is not more than 0.001 s");
        assert_eq!(commit.counts[4], 1, "3 ms is not more than 0.005 s");
        assert_eq!(commit.counts[BOUNDS.len()], 1);
        assert!((commit.sum - 60.004).abs() < 1e-9);
    }
}
