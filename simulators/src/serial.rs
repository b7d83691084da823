//! A slave of Modbus RTU on a pseudo-terminal (MODBUS over Serial Line V1.02): what a panel on an RS-485 line looks like.
//!
//! A pseudo-terminal has no speed, so the slave keeps the pace of the line itself: it answers when the request would have
//! arrived, and sends a character when the one before would have left. Threads, not tasks: a timer of the runtime is late by
//! more than a character.

mod frame;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::time::Instant;
use tokio_modbus::ExceptionCode;
use tokio_modbus::prelude::{Response, SlaveRequest};

/// How often a thread looks whether it is to end.
const LOOK: Duration = Duration::from_millis(50);
/// A request that pauses for so long goes on no more. Longer than the pauses of a busy machine, far longer than t3.5.
const PAUSE: Duration = Duration::from_millis(100);

/// What a slave does with a request: an answer, silence, or an exception.
pub type Answer = Result<Option<Response>, ExceptionCode>;

/// The controller's end of a pseudo-terminal; the daemon opens the other one.
#[derive(Debug)]
pub struct Pty {
    file: File,
    /// The other end, `/dev/pts/…`.
    pub path: PathBuf,
    /// A name that stays the same from run to run.
    link: Option<PathBuf>,
}

impl Pty {
    /// Opens a new pseudo-terminal. With `link` that path leads to it, replacing an older link; it is removed in the end.
    ///
    /// # Errors
    /// When the system gives no pseudo-terminal, or the link cannot be made: something else stands there.
    pub fn open(link: Option<&Path>) -> io::Result<Self> {
        let fd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&fd)?;
        unlockpt(&fd)?;
        // No echo and no lines, even before the other end is opened.
        let mut settings = tcgetattr(&fd)?;
        settings.make_raw();
        tcsetattr(&fd, OptionalActions::Now, &settings)?;
        let name = ptsname(&fd, Vec::new())?;
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(name.as_bytes()));
        if let Some(link) = link {
            make_link(&path, link)?;
        }
        Ok(Self {
            file: File::from(fd),
            path,
            link: link.map(Path::to_owned),
        })
    }
}

fn make_link(path: &Path, link: &Path) -> io::Result<()> {
    if let Some(folder) = link.parent() {
        fs::create_dir_all(folder)?;
    }
    if link.is_symlink() {
        fs::remove_file(link)?;
    }
    symlink(path, link)
}

impl Drop for Pty {
    fn drop(&mut self) {
        if let Some(link) = &self.link
            // Another run may have taken the name over.
            && fs::read_link(link).is_ok_and(|to| to == self.path)
        {
            // A link that stays leads nowhere, which the next run replaces.
            let _ = fs::remove_file(link);
        }
    }
}

/// The pace of a line with characters of ten bits (8N1).
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    character: Duration,
    /// From the end of a request to the first character of the reply.
    pub turn_round: Duration,
}

impl Pace {
    /// A line of so many bits per second, and a device that takes 5 ms to answer.
    #[must_use]
    pub fn new(baud: u32) -> Self {
        Self {
            character: Duration::from_secs(10) / baud.max(1),
            turn_round: Duration::from_millis(5),
        }
    }
}

/// A slave at work. It ends when this is dropped.
#[derive(Debug)]
pub struct Slave {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Slave {
    /// Serves the units of a line. Requests with a wrong checksum are not answered; every other one is shown to `answer`, which
    /// returns `Ok(None)` for a unit that is not there.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        pty: Pty,
        pace: Pace,
        answer: impl FnMut(&SlaveRequest<'static>) -> Answer + Send + 'static,
    ) -> io::Result<Self> {
        let stop = Arc::<AtomicBool>::default();
        let stopped = Arc::clone(&stop);
        let line = Line {
            pty,
            pace,
            stopped,
            answer,
        };
        let thread = thread::Builder::new()
            .name("serial slave".into())
            .spawn(move || line.run())?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Slave {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A slave that panicked has said so.
            let _ = thread.join();
        }
    }
}

struct Line<F> {
    pty: Pty,
    pace: Pace,
    stopped: Arc<AtomicBool>,
    answer: F,
}

impl<F: FnMut(&SlaveRequest<'static>) -> Answer> Line<F> {
    fn run(mut self) {
        let mut bytes = Vec::new();
        while !self.stopped.load(Ordering::Relaxed) {
            let limit = if bytes.is_empty() { LOOK } else { PAUSE };
            match self.read(&mut bytes, limit) {
                Ok(0) => bytes.clear(),
                Ok(_) => self.take(&mut bytes),
                // Nobody has the other end open.
                Err(_) => {
                    bytes.clear();
                    thread::sleep(LOOK);
                }
            }
        }
    }

    /// Reads what comes within `limit`; 0 when nothing does.
    fn read(&mut self, bytes: &mut Vec<u8>, limit: Duration) -> io::Result<usize> {
        let mut fds = [PollFd::new(&self.pty.file, PollFlags::IN)];
        let limit = Timespec::try_from(limit).ok();
        if poll(&mut fds, limit.as_ref())? == 0 {
            return Ok(0);
        }
        let mut piece = [0_u8; 256];
        let count = self.pty.file.read(&mut piece)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
        Ok(count)
    }

    /// Answers every whole request.
    fn take(&mut self, bytes: &mut Vec<u8>) {
        let arrived = Instant::now();
        while let Some(taken) = frame::request(bytes) {
            let length = taken.length;
            bytes.drain(..length);
            let Some(asked) = taken.asked else { continue };
            let reply = match (self.answer)(&asked) {
                Ok(None) => continue,
                Ok(Some(response)) => frame::reply(asked.slave, &response),
                Err(code) => Some(frame::exception(asked.slave, &asked.request, code)),
            };
            let Some(reply) = reply else {
                tracing::error!("an answer that has no frame");
                continue;
            };
            // The request is here at once; on a line its last character would come later.
            let length = u32::try_from(length).unwrap_or(u32::MAX);
            let starts = arrived + self.pace.character * length + self.pace.turn_round;
            if let Err(error) = self.send(&reply, starts) {
                tracing::debug!(%error, "a reply could not be sent");
            }
        }
    }

    /// Sends each character when the one before has left.
    fn send(&mut self, reply: &[u8], starts: Instant) -> io::Result<()> {
        for (at, byte) in (1_u32..).zip(reply) {
            let due = starts + self.pace.character * at;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            self.pty.file.write_all(&[*byte])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
