//! A serial line of the campus: its switch and its counters. The slave at its end and the protocol are in `serial`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::campus::Campus;
use crate::field::Side;
use crate::serial::{Pace, Pty, Slave};
use crate::server;

/// The pace of the campus's RS-485.
const BAUD: u32 = 9_600;

/// A line and what is behind it.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) side: Side,
    /// What a client opens.
    pub(crate) path: PathBuf,
    pub(crate) requests: AtomicU64,
    up: AtomicBool,
}

impl Wire {
    /// Opens a pseudo-terminal; with `link` it is also found under that path.
    pub(crate) fn open(side: Side, link: Option<&Path>) -> io::Result<(Arc<Self>, Pty)> {
        let pty = Pty::open(link)?;
        let wire = Self {
            side,
            path: link.unwrap_or(&pty.path).to_owned(),
            requests: AtomicU64::new(0),
            up: AtomicBool::new(true),
        };
        Ok((Arc::new(wire), pty))
    }

    /// Serves the line until the slave is dropped. A line that is cut hears requests and answers none.
    pub(crate) fn serve(self: &Arc<Self>, campus: Campus, pty: Pty) -> io::Result<Slave> {
        let wire = Arc::clone(self);
        Slave::start(pty, Pace::new(BAUD), move |asked| {
            wire.requests.fetch_add(1, Ordering::Relaxed);
            if wire.is_up() {
                server::answer(&mut campus.field(), wire.side, asked)
            } else {
                Ok(None)
            }
        })
    }

    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    pub(crate) fn switch(&self, up: bool) {
        self.up.store(up, Ordering::Relaxed);
    }
}
