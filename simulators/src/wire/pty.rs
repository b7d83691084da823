//! A pseudo-terminal in the place of an RS-485 line (MODBUS over Serial Line V1.02), and the thread at its far end.
//!
//! A pseudo-terminal has no speed, so the far end keeps the pace of the line itself: it answers when the request would have
//! arrived, and sends a character when the one before would have left. A thread, not a task: a timer of the runtime is late by
//! more than a character.

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

use super::frame::Framing;
use super::{Heard, Outgoing, Step, When};

/// How often a thread looks whether it is to end.
const LOOK: Duration = Duration::from_millis(50);
/// A request that pauses for so long goes on no more. Longer than the pauses of a busy machine, far longer than t3.5.
const PAUSE: Duration = Duration::from_millis(100);
/// A far end that is late by less catches up, so that its own scheduling is not the line's.
const LATE: Duration = Duration::from_millis(5);
/// Above this speed the silences are fixed (V1.02, 2.5.1.1).
const FAST: u32 = 19_200;
const SILENCE_FAST: Duration = Duration::from_micros(1_750);

/// The controller's end of a pseudo-terminal; the daemon opens the other one.
#[derive(Debug)]
pub(crate) struct Pty {
    file: File,
    /// The other end, `/dev/pts/…`.
    pub(crate) path: PathBuf,
    /// A name that stays the same from run to run.
    link: Option<PathBuf>,
}

impl Pty {
    /// Opens a new pseudo-terminal. With `link` that path leads to it, replacing an older link; it is removed in the end.
    ///
    /// # Errors
    /// When the system gives no pseudo-terminal, or the link cannot be made: something else stands there.
    pub(crate) fn open(link: Option<&Path>) -> io::Result<Self> {
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

    /// A writer that never waits: characters that nobody takes are lost, as on a real line.
    pub(crate) fn writer(&self) -> io::Result<File> {
        rustix::io::ioctl_fionbio(&self.file, true)?;
        self.file.try_clone()
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
pub(crate) struct Pace {
    /// How long a character takes.
    pub(crate) character: Duration,
    /// t3.5: the silence before every frame.
    pub(crate) silence: Duration,
    /// From the end of a request to the first character of the reply.
    pub(crate) turn_round: Duration,
}

impl Pace {
    /// A line of so many bits per second, and devices that take 5 ms to answer.
    pub(crate) fn new(baud: u32) -> Self {
        let character = Duration::from_secs(10) / baud.max(1);
        Self {
            character,
            silence: if baud > FAST {
                SILENCE_FAST
            } else {
                character * 7 / 2
            },
            turn_round: Duration::from_millis(5),
        }
    }

    /// How long so many characters take.
    pub(crate) fn time_of(self, characters: usize) -> Duration {
        self.character * u32::try_from(characters).unwrap_or(u32::MAX)
    }
}

/// Who is at the far end of a line.
pub(crate) trait Ear: Send + 'static {
    /// A whole request came.
    fn hear(&mut self, heard: &Heard<'_>) -> Vec<Outgoing>;
    /// A reply has left: when its last character was due.
    fn sent(&mut self, _end: Instant) {}
    /// So many bytes came that are no request.
    fn noise(&mut self, _bytes: usize) {}
    /// The line is pulled out for so long, if it is to be now.
    fn unplugged_for(&mut self) -> Option<Duration> {
        None
    }
    /// It is back, under this name.
    fn plugged(&mut self, _path: &Path) {}
}

/// A far end at work. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct FarEnd {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FarEnd {
    /// Serves a line. Requests with a wrong checksum are not heard.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(pty: Pty, pace: Pace, ear: impl Ear) -> io::Result<Self> {
        let stop = Arc::<AtomicBool>::default();
        let now = Instant::now();
        let line = Line {
            pty,
            pace,
            stopped: Arc::clone(&stop),
            ear,
            waiting: Vec::new(),
            held: Vec::new(),
            last: now,
            opened: None,
            is_hung: false,
        };
        let thread = thread::Builder::new()
            .name("far end".into())
            .spawn(move || line.run())?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for FarEnd {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

struct Line<E> {
    pty: Pty,
    pace: Pace,
    stopped: Arc<AtomicBool>,
    ear: E,
    /// Replies that are due later.
    waiting: Vec<(Instant, Vec<Step>)>,
    /// Replies that are due at the next request.
    held: Vec<Vec<Step>>,
    /// When the last character on the line ended.
    last: Instant,
    /// Since when somebody has the near end open.
    opened: Option<Instant>,
    /// Nothing is heard any more until the near end is closed.
    is_hung: bool,
}

impl<E: Ear> Line<E> {
    fn run(mut self) {
        let mut bytes = Vec::new();
        while !self.stopped.load(Ordering::Relaxed) {
            if let Some(pause) = self.ear.unplugged_for() {
                self.unplug(pause);
                bytes.clear();
            }
            self.send_due();
            let limit = if bytes.is_empty() { LOOK } else { PAUSE };
            match self.read(&mut bytes, self.until_due(limit)) {
                Ok(0) if self.until_due(PAUSE).is_zero() => {}
                Ok(0) => {
                    self.drop_noise(&mut bytes);
                    self.opened.get_or_insert_with(Instant::now);
                }
                Ok(_) => self.take(&mut bytes),
                // Nobody has the other end open.
                Err(_) => {
                    bytes.clear();
                    (self.opened, self.is_hung) = (None, false);
                    thread::sleep(LOOK);
                }
            }
        }
    }

    fn until_due(&self, most: Duration) -> Duration {
        let first = self.waiting.iter().map(|(due, _)| *due).min();
        first.map_or(most, |due| {
            most.min(due.saturating_duration_since(Instant::now()))
        })
    }

    fn drop_noise(&mut self, bytes: &mut Vec<u8>) {
        if !bytes.is_empty() {
            self.ear.noise(bytes.len());
            bytes.clear();
        }
    }

    /// How many bytes came within the limit.
    fn read(&mut self, bytes: &mut Vec<u8>, limit: Duration) -> io::Result<usize> {
        let mut fds = [PollFd::new(&self.pty.file, PollFlags::IN)];
        let timespec = Timespec::try_from(limit).map_err(io::Error::other)?;
        if poll(&mut fds, Some(&timespec))? == 0 {
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

    /// Hears every whole request.
    fn take(&mut self, bytes: &mut Vec<u8>) {
        // The request is here at once; on a line its last character would come later.
        let began = Instant::now();
        let opened = *self.opened.get_or_insert(began);
        while let Some(taken) = Framing::Rtu.take(bytes) {
            let raw: Vec<u8> = bytes.drain(..taken.length).collect();
            let Some(asked) = taken.asked else {
                self.ear.noise(raw.len());
                continue;
            };
            if self.is_hung {
                continue;
            }
            let heard = Heard {
                asked,
                raw: &raw,
                framing: Framing::Rtu,
                began,
                quiet: began.saturating_duration_since(self.last),
                open_for: began.saturating_duration_since(opened),
                pace: Some(self.pace),
            };
            let outgoing = self.ear.hear(&heard);
            self.last = began + self.pace.time_of(raw.len());
            let starts = self.last + self.pace.turn_round;
            let held = std::mem::take(&mut self.held);
            self.waiting
                .extend(held.into_iter().map(|steps| (starts, steps)));
            for one in outgoing {
                match one.when {
                    When::After(pause) => self.waiting.push((starts + pause, one.steps)),
                    When::NextRequest => self.held.push(one.steps),
                }
            }
        }
        self.waiting.sort_by_key(|(due, _)| *due);
    }

    fn send_due(&mut self) {
        // What begins within a character is waited for here: a poll may be late by more.
        let soon = Instant::now() + self.pace.character.max(Duration::from_millis(1));
        while let Some((due, _)) = self.waiting.first()
            && *due <= soon
        {
            let (due, steps) = self.waiting.remove(0);
            if let Err(error) = self.send(due, steps) {
                tracing::debug!(%error, "a reply could not be sent");
            }
        }
    }

    /// Sends each character when the one before has left.
    fn send(&mut self, starts: Instant, steps: Vec<Step>) -> io::Result<()> {
        let now = Instant::now();
        let mut due = starts.max(self.last);
        if now.saturating_duration_since(due) > LATE {
            // The machine was busy for so long that catching up would be no line any more.
            due = now;
        }
        for step in steps {
            match step {
                Step::Wait(pause) => due += pause,
                Step::Send(bytes) => {
                    for byte in bytes {
                        due += self.pace.character;
                        thread::sleep(due.saturating_duration_since(Instant::now()));
                        self.last = due;
                        self.pty.file.write_all(&[byte])?;
                    }
                    self.ear.sent(due);
                }
                // A serial line knows no end of a connection: it falls silent.
                Step::Reset => break,
                Step::Hang => self.is_hung = true,
            }
        }
        Ok(())
    }

    /// The adapter is pulled out and comes back under another name; the link leads to it again.
    fn unplug(&mut self, pause: Duration) {
        let link = self.pty.link.clone();
        // Opened before the other is closed, so that the system cannot give the same name again.
        let next = match Pty::open(None) {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(%error, "no other pseudo-terminal; the line stays");
                return;
            }
        };
        self.pty = next;
        self.waiting.clear();
        self.held.clear();
        (self.opened, self.is_hung) = (None, false);
        let until = Instant::now() + pause;
        while Instant::now() < until && !self.stopped.load(Ordering::Relaxed) {
            thread::sleep(LOOK.min(until.saturating_duration_since(Instant::now())));
        }
        if let Some(link) = link {
            if let Err(error) = make_link(&self.pty.path, &link) {
                tracing::error!(%error, "the link to the line cannot be made again");
            }
            self.pty.link = Some(link);
        }
        self.ear.plugged(&self.pty.path);
    }
}

#[cfg(test)]
#[path = "pty_tests.rs"]
mod tests;
