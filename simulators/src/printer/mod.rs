//! The printer of a fire panel: a line to which the panel prints what happens, and from which it never reads.
//!
//! What is printed follows from what the panel shows: one thread looks at its panel and writes down what has changed, another
//! sends the characters at the pace of the line. Everything that real lines do to characters can be switched on.

mod forms;
mod paper;
mod switches;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::time::Instant;

pub use self::forms::Form;
use self::forms::Said;
pub use self::switches::Nasty;
use self::switches::Switches;
use crate::campus::Campus;
use crate::field::Field;
use crate::wire::pty::Pty;

/// How often the panel is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// Bits of a character: start, eight of data, stop.
const BITS: u64 = 10;

/// A printer that is wanted.
#[derive(Clone, Debug)]
pub struct PrinterSpec {
    /// The panel that prints.
    pub panel: String,
    /// How its paper looks.
    pub form: Form,
    /// Bits per second.
    pub baud: u32,
    /// The name under which its line is found; without one only the pseudo-terminal is there.
    pub link: Option<PathBuf>,
}

/// What can be done with a printer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrinterVerb {
    /// The line does this to all that is printed from now on.
    On(Nasty),
    /// The line does nothing to it any more.
    Right,
    /// It prints its sign of life.
    Alive,
    /// It prints a fire at an address that no list has.
    Stranger,
    /// It prints words of one's own.
    Words(String),
}

impl PrinterVerb {
    /// By its name in the control API; `words` has its words beside it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "right" => Self::Right,
            "alive" => Self::Alive,
            "stranger" => Self::Stranger,
            _ => Self::On(Nasty::named(name)?),
        })
    }
}

/// A printer at work. It ends when this is dropped.
#[derive(Debug)]
pub struct Printer {
    /// What a client opens.
    pub path: PathBuf,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the control API and the threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    panel: String,
    form: Form,
    switches: Mutex<Switches>,
    /// To be printed though nothing has happened at the panel.
    asked: Mutex<Vec<Said>>,
    is_over: AtomicBool,
}

/// What the panel shows, as far as it is printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Shown {
    resets: u64,
    fire: BTreeSet<u16>,
    fault: BTreeSet<u16>,
    disabled: BTreeSet<u16>,
    is_silenced: bool,
    has_mains: bool,
    is_auto: bool,
}

impl Printer {
    /// Opens the line and starts to print.
    pub(crate) fn start(campus: Campus, spec: &PrinterSpec) -> std::io::Result<Self> {
        let pty = Pty::open(spec.link.as_deref())?;
        let path = spec.link.as_deref().unwrap_or(&pty.path).to_owned();
        let shared = Arc::new(Shared {
            panel: spec.panel.clone(),
            form: spec.form,
            switches: Mutex::default(),
            asked: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let (to_line, pieces) = mpsc::channel();
        let character = Duration::from_secs(BITS) / spec.baud.max(1);
        let file = pty.writer()?;
        let of_paper = Arc::clone(&shared);
        let of_line = Arc::clone(&shared);
        let threads = vec![
            thread::Builder::new()
                .name("printer".into())
                .spawn(move || look(&campus, &of_paper, &to_line))?,
            thread::Builder::new()
                .name("printer line".into())
                .spawn(move || send(pty, file, character, &of_line, &pieces))?,
        ];
        Ok(Self {
            path,
            shared,
            threads,
        })
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }
}

impl Drop for Printer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// The panel that prints.
    pub(crate) fn panel(&self) -> &str {
        &self.panel
    }

    pub(crate) fn act(&self, verb: PrinterVerb) {
        let said = match verb {
            PrinterVerb::On(nasty) => return self.switches().set(nasty),
            PrinterVerb::Right => return *self.switches() = Switches::default(),
            PrinterVerb::Alive => Said::Alive,
            PrinterVerb::Stranger => Said::Stranger,
            PrinterVerb::Words(words) => Said::Words(words),
        };
        self.asked().push(said);
    }

    fn asked(&self) -> MutexGuard<'_, Vec<Said>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn switches(&self) -> MutexGuard<'_, Switches> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes down what changes at the panel.
fn look(campus: &Campus, shared: &Shared, to_line: &mpsc::Sender<Vec<u8>>) {
    let mut before = None;
    while !shared.is_over.load(Ordering::Relaxed) {
        thread::sleep(LOOK);
        let (records, now) = {
            let field = campus.field();
            let Some(shown) = shown(&field, &shared.panel) else {
                return;
            };
            let asked = std::mem::take(&mut *shared.asked());
            let changed = before
                .as_ref()
                .map(|before| changes(before, &shown))
                .unwrap_or_default();
            let said = changed.into_iter().chain(asked);
            let paper = paper::Paper::new(&field, &shared.panel, shared.form);
            let records: Vec<Vec<u8>> = said.map(|said| paper.record(&said)).collect();
            (records, shown)
        };
        before = Some(now);
        for record in records {
            let pieces = shared.switches().worn(&record);
            if to_line.send(pieces).is_err() {
                return;
            }
        }
    }
}

fn shown(field: &Field, panel: &str) -> Option<Shown> {
    let panel = field.panels.iter().find(|one| one.layout().id == panel)?;
    let numbers = 1..=panel.layout().devices_count;
    let with = |is: &dyn Fn(&crate::panel::Device) -> bool| {
        let numbers = numbers.clone();
        numbers
            .filter(|number| panel.device(*number).is_some_and(is))
            .collect()
    };
    let lamps = panel.lamps();
    Some(Shown {
        resets: panel.resets(),
        fire: with(&|device| device.latched),
        fault: with(&|device| device.fault),
        disabled: with(&|device| device.disabled),
        is_silenced: lamps.silenced,
        has_mains: lamps.mains,
        is_auto: lamps.key == "auto",
    })
}

/// In the order in which a panel prints: its reset first, then what is new.
fn changes(before: &Shown, now: &Shown) -> Vec<Said> {
    let mut said = Vec::new();
    let reset = now.resets != before.resets;
    if reset {
        said.push(Said::Reset);
    }
    let standing = if reset {
        BTreeSet::new()
    } else {
        before.fire.clone()
    };
    let is_first = standing.is_empty();
    for (at, number) in now.fire.difference(&standing).enumerate() {
        said.push(if is_first && at == 0 {
            Said::FirstFire(*number)
        } else {
            Said::Fire(*number)
        });
    }
    for (held, holds, form) in [
        (
            &before.fault,
            &now.fault,
            Said::Fault as fn(u16, bool) -> Said,
        ),
        (&before.disabled, &now.disabled, Said::Disabled),
    ] {
        said.extend(holds.difference(held).map(|number| form(*number, true)));
        said.extend(held.difference(holds).map(|number| form(*number, false)));
    }
    if now.is_silenced && !before.is_silenced {
        said.push(Said::Silenced);
    }
    if now.has_mains != before.has_mains {
        said.push(Said::Mains(now.has_mains));
    }
    if now.is_auto != before.is_auto {
        said.push(Said::Key(now.is_auto));
    }
    said
}

/// Sends each character when the one before has left. A piece ends where the line pauses.
fn send(
    pty: Pty,
    mut file: File,
    character: Duration,
    shared: &Shared,
    pieces: &mpsc::Receiver<Vec<u8>>,
) {
    while !shared.is_over.load(Ordering::Relaxed) {
        let Ok(piece) = pieces.recv_timeout(LOOK) else {
            continue;
        };
        let pause = shared.switches().pause();
        let mut due = Instant::now();
        for (at, byte) in piece.iter().enumerate() {
            due += character;
            if at % 3 == 2 {
                due += pause;
            }
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if shared.is_over.load(Ordering::Relaxed) {
                return;
            }
            if let Err(error) = file.write_all(&[*byte]) {
                tracing::debug!(%error, path = %Path::new(&pty.path).display(), "a character could not be printed");
            }
        }
    }
}
