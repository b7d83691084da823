//! The log: lines on standard error, for people at a terminal or for journald (sd-daemon(3)).
//!
//! A log that nobody reads must never hold up an alarm: lines go through a bounded queue to a thread of their own, and when it is
//! full they are dropped and counted. Only an error waits a moment until it is written, because the process may end right after
//! it. No secret and no name is ever logged.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

/// Most lines that wait to be written.
const LINES_MAX: usize = 4_096;
/// Longest wait for an error to be written, and for the rest at the end.
const WRITTEN_WITHIN: Duration = Duration::from_millis(500);

/// Starts the log. With `journal`, what `JOURNAL_STREAM` says, lines carry journald's priorities instead of times and colours.
#[must_use]
pub fn start(filter: &str, journal: Option<&str>) -> Log {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let (lines, waiting) = sync_channel(LINES_MAX);
    let queue = Queue {
        lines,
        dropped: Arc::default(),
    };
    let log = Log(queue.clone());
    let dropped = Arc::clone(&queue.dropped);
    let is_journal = journal.is_some_and(is_standard_error);
    let writer = std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write(&waiting, &dropped, is_journal));
    if writer.is_err() {
        // Without the thread every line is dropped, and the daemon works.
        return log;
    }
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(queue);
    if is_journal {
        subscriber.with_ansi(false).event_format(Journal).init();
    } else {
        let is_terminal = io::IsTerminal::is_terminal(&io::stderr());
        subscriber.with_ansi(is_terminal).init();
    }
    log
}

/// The running log; what still waits is written when it is dropped.
pub struct Log(Queue);

impl Drop for Log {
    fn drop(&mut self) {
        self.0.put_and_wait(Vec::new());
    }
}

/// Whether journald reads standard error: the variable names device and inode of its socket, and it is inherited by processes
/// whose standard error is somewhere else.
fn is_standard_error(stream: &str) -> bool {
    let Ok(about) = rustix::fs::fstat(io::stderr()) else {
        return false;
    };
    stream == format!("{}:{}", about.st_dev, about.st_ino)
}

/// A line and, for one that is waited for, whom to tell that it is written.
type Waiting = (Vec<u8>, Option<SyncSender<()>>);

fn write(waiting: &Receiver<Waiting>, dropped: &AtomicU64, is_journal: bool) {
    for (line, written) in waiting {
        let lost = dropped.swap(0, Ordering::Relaxed);
        let mut stderr = io::stderr().lock();
        if lost > 0 {
            let mark = if is_journal { "<4>" } else { "" };
            // Nobody can be told that nobody can be told.
            let _ = writeln!(stderr, "{mark}{lost} lines of the log were dropped");
        }
        let _ = stderr.write_all(&line);
        if let Some(written) = written {
            let _ = written.try_send(());
        }
    }
}

#[derive(Clone)]
struct Queue {
    lines: SyncSender<Waiting>,
    dropped: Arc<AtomicU64>,
}

impl Queue {
    fn put(&self, line: Vec<u8>, written: Option<SyncSender<()>>) -> bool {
        let put = self.lines.try_send((line, written));
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = put {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        true
    }

    fn put_and_wait(&self, line: Vec<u8>) {
        let (written, is_written) = sync_channel(1);
        if self.put(line, Some(written)) {
            // Late or never: then the reader of the log is the one who is stuck.
            let _ = is_written.recv_timeout(WRITTEN_WITHIN);
        }
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Entry<'a>;

    fn make_writer(&'a self) -> Entry<'a> {
        Entry {
            queue: self,
            is_waited_for: false,
        }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Entry<'a> {
        Entry {
            queue: self,
            is_waited_for: *about.level() == Level::ERROR,
        }
    }
}

/// One line on its way.
struct Entry<'a> {
    queue: &'a Queue,
    is_waited_for: bool,
}

impl io::Write for Entry<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.is_waited_for {
            self.queue.put_and_wait(line.to_vec());
        } else {
            self.queue.put(line.to_vec(), None);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// journald's format: a priority (sd-daemon(3)) in front, no time and no colour, and one line whatever the message is.
struct Journal;

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let about = event.metadata();
        let mut text = String::new();
        let fields = context.field_format();
        fields.format_fields(Writer::new(&mut text), event)?;
        let text = text.replace(['\n', '\r'], " ");
        writeln!(
            writer,
            "<{}>{}: {text}",
            priority(*about.level()),
            about.target()
        )
    }
}

fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(room: usize) -> (Queue, Receiver<Waiting>) {
        let (lines, waiting) = sync_channel(room);
        let dropped = Arc::default();
        (Queue { lines, dropped }, waiting)
    }

    #[test]
    fn a_log_that_nobody_reads_holds_nothing_up() {
        let (queue, _waiting) = queue(2);
        let mut line = queue.make_writer();
        for _ in 0..5 {
            assert_eq!(io::Write::write(&mut line, b"x\n").expect("taken"), 2);
        }
        assert_eq!(queue.dropped.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn journald_gets_one_line_with_its_priority() {
        let (queue, waiting) = queue(8);
        let subscriber = tracing_subscriber::fmt()
            .with_writer(queue)
            .with_ansi(false)
            .event_format(Journal)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(incident.id = "F-1", "one\ntwo");
        });
        let (line, _) = waiting.try_recv().expect("a line");
        let line = String::from_utf8(line).expect("text");
        assert_eq!(
            line,
            "<4>fengsui::log::tests: one two incident.id=\"F-1\"\n"
        );
    }
}
