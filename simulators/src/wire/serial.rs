//! A serial line of the campus: its switch and its counters.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::pty::{Ear, FarEnd, Pace, Pty};
use super::{Heard, Outgoing};
use crate::campus::Campus;

/// A line and what a client opens.
#[derive(Debug)]
pub(crate) struct Cable {
    /// Which line of the layout.
    pub(crate) line: usize,
    pace: Pace,
    path: Mutex<PathBuf>,
    is_linked: bool,
    pub(crate) requests: AtomicU64,
    /// Requests that began before the line had been silent for t3.5.
    pub(crate) early: AtomicU64,
    /// Bytes that were no request.
    pub(crate) noise: AtomicU64,
    up: AtomicBool,
}

impl Cable {
    /// Opens a pseudo-terminal; with `link` it is also found under that path.
    pub(crate) fn open(
        line: usize,
        baud: u32,
        link: Option<&Path>,
    ) -> io::Result<(Arc<Self>, Pty)> {
        let pty = Pty::open(link)?;
        let cable = Self {
            line,
            pace: Pace::new(baud),
            path: Mutex::new(link.unwrap_or(&pty.path).to_owned()),
            is_linked: link.is_some(),
            requests: AtomicU64::new(0),
            early: AtomicU64::new(0),
            noise: AtomicU64::new(0),
            up: AtomicBool::new(true),
        };
        Ok((Arc::new(cable), pty))
    }

    /// Serves the line until the far end is dropped. A line that is cut hears requests and answers none.
    pub(crate) fn serve(self: &Arc<Self>, campus: Campus, pty: Pty) -> io::Result<FarEnd> {
        let cable = Arc::clone(self);
        FarEnd::start(pty, self.pace, OnCampus { cable, campus })
    }

    /// What a client opens now.
    pub(crate) fn path(&self) -> PathBuf {
        let path = self.path.lock().unwrap_or_else(PoisonError::into_inner);
        path.clone()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    pub(crate) fn switch(&self, up: bool) {
        self.up.store(up, Ordering::Relaxed);
    }
}

struct OnCampus {
    cable: Arc<Cable>,
    campus: Campus,
}

impl Ear for OnCampus {
    fn hear(&mut self, heard: &Heard<'_>) -> Vec<Outgoing> {
        let cable = &self.cable;
        let is_first = cable.requests.fetch_add(1, Ordering::Relaxed) == 0;
        if heard.quiet < cable.pace.silence && !is_first {
            cable.early.fetch_add(1, Ordering::Relaxed);
        }
        if cable.is_up() {
            self.campus.hear(cable.line, heard)
        } else {
            Vec::new()
        }
    }

    fn noise(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.cable.noise.fetch_add(bytes, Ordering::Relaxed);
    }

    fn unplugged_for(&mut self) -> Option<Duration> {
        self.campus.unplugged_for(self.cable.line)
    }

    fn plugged(&mut self, path: &Path) {
        if !self.cable.is_linked {
            let mut now = self
                .cable
                .path
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            path.clone_into(&mut now);
        }
    }
}
