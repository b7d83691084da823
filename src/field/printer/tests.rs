//! The task of a printer's line, on pseudo-terminals and sockets.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use super::panel::tests::{campus, profile};
use super::*;
use crate::domain::line::{Line, Parity, SerialLine};
use crate::domain::point::PointKind;
use crate::domain::profile::UnitProfile;
use crate::domain::time::WallTime;
use crate::field::port;
use crate::field::testing::{BOUND, Engine, Heard};

const FIRE: &str = "2026-11-28 06:30:15 1-1-015 火警 201室 感烟探测器\r\n";
const RESET: &str = "2026-11-28 06:31:00 复位\r\n";
const POINT: &str = "points/1-1-15";
const OTHER: &str = "other/0";

/// The panel's end of a line.
struct Paper {
    file: File,
    path: PathBuf,
}

impl Paper {
    fn new() -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let fd = openpt(flags).unwrap();
        grantpt(&fd).unwrap();
        unlockpt(&fd).unwrap();
        let mut settings = tcgetattr(&fd).unwrap();
        settings.make_raw();
        tcsetattr(&fd, OptionalActions::Now, &settings).unwrap();
        rustix::io::ioctl_fionbio(&fd, true).unwrap();
        let path = ptsname(&fd, Vec::new()).unwrap().into_string().unwrap();
        Self {
            file: File::from(fd),
            path: path.into(),
        }
    }

    fn print(&mut self, bytes: impl AsRef<[u8]>) {
        self.file.write_all(bytes.as_ref()).unwrap();
    }

    fn line(&self) -> PrinterLine {
        PrinterLine::Serial(serial(&self.path))
    }
}

fn serial(path: &std::path::Path) -> SerialLine {
    SerialLine {
        path: path.display().to_string(),
        baud: 2_400,
        parity: Parity::None,
        stop_bits: 1,
        echo: false,
        driver: None,
        pty_only: true,
    }
}

struct Bench {
    engine: Engine,
    field: std::sync::Arc<crate::field::FieldHandle>,
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Bench {
    fn start(line: PrinterLine) -> Self {
        Self::with(line, |_| {}, |_| {})
    }

    fn with(
        line: PrinterLine,
        change: impl FnOnce(&mut Printer),
        before: impl FnOnce(&Engine),
    ) -> Self {
        let mut site = campus(&[("1-1-15", PointKind::Smoke), ("1-1-16", PointKind::Smoke)]);
        for bus in site.buses.values_mut() {
            bus.line = Line::Printer(line.clone());
        }
        let mut printer = profile("generic_utf8_printer");
        change(&mut printer);
        let profiles = [("p".to_owned(), UnitProfile::Printer(printer))].into();
        let engine = Engine::start();
        before(&engine);
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let (handle, token) = (engine.handle.clone(), stop.clone());
        let field = crate::field::start(Arc::new(site), &profiles, handle, token, &tracker);
        Self {
            engine,
            field,
            stop,
            tracker,
        }
    }

    async fn up(&self) -> Heard {
        self.engine
            .until("up", |heard| heard.links().contains(&"up"))
            .await
    }

    async fn end(self) {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(BOUND, self.tracker.wait())
            .await
            .expect("the task of the line ends");
    }
}

fn burns(heard: &Heard, point: &str) -> bool {
    heard
        .latest(point)
        .is_some_and(|o| o.latest.conditions.fire)
}

#[tokio::test]
async fn a_printed_fire_is_an_edge_with_the_panels_time_and_its_reset_ends_it() {
    let mut paper = Paper::new();
    let bench = Bench::start(paper.line());
    // The line is up, and what was printed before it was open has not been heard.
    let heard = bench.up().await;
    assert_eq!(heard.units(), [(1, "not_heard")]);
    assert!(heard.observations.is_empty());
    for byte in FIRE.as_bytes() {
        paper.print([*byte]);
    }
    let heard = bench
        .engine
        .until("fire", |heard| burns(heard, POINT))
        .await;
    let observation = heard.latest(POINT).unwrap();
    assert!(heard.has_edge(POINT));
    assert_eq!(observation.latest.quality, Quality::Good);
    assert_eq!(
        observation.latest.device_time,
        Some(WallTime(1_795_818_615_000))
    );
    assert_eq!(heard.units(), [(1, "not_heard")]);
    paper.print(RESET);
    let heard = bench
        .engine
        .until("reset", |heard| heard.units().len() == 2)
        .await;
    assert_eq!(heard.units()[1], (1, "up"));
    // From now on the quiet points are believed to be quiet.
    for point in [POINT, "points/1-1-16", OTHER] {
        let latest = heard.latest(point).unwrap().latest;
        assert!(
            !latest.conditions.fire && latest.quality == Quality::Good,
            "{point}"
        );
    }
    assert!(heard.latest("panel/mains").is_none());
    let counts = bench.field.counters(&"p".into()).unwrap();
    assert_eq!((counts.records, counts.ok), (2, 2));
    bench.end().await;
}

#[tokio::test]
async fn a_start_puts_no_normal_over_what_is_known() {
    let mut paper = Paper::new();
    let bench = Bench::with(
        paper.line(),
        |_| {},
        |engine| {
            let known = r#"{"id":"x","fire":true,"fault":true,"quality":"good","place":null}"#;
            engine.knows(&format!("point/{POINT}"), known);
        },
    );
    bench.up().await;
    paper.print("2026-11-28 06:30:15 1-1-016 故障 202室 感烟探测器\r\n");
    let heard = bench
        .engine
        .until("fault", |heard| heard.latest("points/1-1-16").is_some())
        .await;
    assert_eq!(heard.observations.len(), 1);
    paper.print(RESET);
    let heard = bench
        .engine
        .until("reset", |heard| heard.units().len() == 2)
        .await;
    let conditions = heard.latest(POINT).unwrap().latest.conditions;
    assert!(conditions.fault && !conditions.fire);
    bench.end().await;
}

#[tokio::test]
async fn a_line_is_taken_over_only_when_the_engine_has_its_journal() {
    let mut paper = Paper::new();
    let bench = Bench::with(paper.line(), |_| {}, |engine| engine.ready(false));
    assert!(bench.engine.heard().inputs.is_empty());
    bench
        .engine
        .knows(&format!("point/{POINT}"), r#"{"disabled":true}"#);
    bench.engine.ready(true);
    bench.up().await;
    paper.print(FIRE);
    let heard = bench
        .engine
        .until("fire", |heard| burns(heard, POINT))
        .await;
    assert!(heard.latest(POINT).unwrap().latest.conditions.disabled);
    bench.end().await;
}

#[tokio::test]
async fn garbage_is_a_fault_after_a_bound_and_until_the_next_reset() {
    let mut paper = Paper::new();
    let bench = Bench::start(paper.line());
    bench.up().await;
    paper.print(RESET);
    bench
        .engine
        .until("heard", |heard| heard.units().len() == 2)
        .await;
    for _ in 0..DAMAGED_MAX {
        paper.print(b"\xfe\x91\xff\x80\n");
    }
    let heard = bench
        .engine
        .until("unreadable", |heard| heard.units().len() == 3)
        .await;
    assert_eq!(heard.units()[2], (1, "unreadable"));
    // A line that can be read again says nothing of those that could not.
    paper.print(FIRE);
    let heard = bench
        .engine
        .until("fire", |heard| burns(heard, POINT))
        .await;
    assert_eq!(heard.units().len(), 3);
    paper.print(RESET);
    let heard = bench
        .engine
        .until("reset", |heard| heard.units().len() == 4)
        .await;
    assert_eq!(heard.units()[3], (1, "up"));
    let counts = bench.field.counters(&"p".into()).unwrap();
    assert_eq!(counts.records_damaged, u64::from(DAMAGED_MAX));
    bench.end().await;
}

#[tokio::test]
async fn half_a_line_that_pauses_is_damaged_and_its_alarm_is_shown() {
    let mut paper = Paper::new();
    let change = |printer: &mut Printer| printer.framing.idle = Duration::from_millis(100);
    let bench = Bench::with(paper.line(), change, |_| {});
    bench.up().await;
    paper.print(FIRE.trim_end());
    let heard = bench
        .engine
        .until("other", |heard| burns(heard, OTHER))
        .await;
    assert!(heard.latest(POINT).is_none());
    bench.end().await;
}

#[tokio::test]
async fn a_panel_that_prints_no_sign_of_life_is_lost() {
    let mut paper = Paper::new();
    let change = |printer: &mut Printer| printer.silence_max = Some(Duration::from_millis(500));
    let bench = Bench::with(paper.line(), change, |_| {});
    bench.up().await;
    paper.print(RESET);
    let heard = bench
        .engine
        .until("silence", |heard| heard.units().len() == 3)
        .await;
    assert_eq!(heard.units(), [(1, "not_heard"), (1, "up"), (1, "no_sign")]);
    bench.end().await;
}

#[tokio::test]
async fn an_unplugged_port_is_a_lost_line_and_found_again_it_has_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("tty");
    let paper = Paper::new();
    std::os::unix::fs::symlink(&paper.path, &link).unwrap();
    let bench = Bench::start(PrinterLine::Serial(serial(&link)));
    bench.up().await;
    let mut paper = paper;
    paper.print(RESET);
    bench
        .engine
        .until("heard", |heard| heard.units().len() == 2)
        .await;
    drop(paper);
    let heard = bench
        .engine
        .until("loss", |heard| heard.links().len() == 2)
        .await;
    assert_eq!(heard.links()[1], "unplugged");
    let paper = Paper::new();
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&paper.path, &link).unwrap();
    let heard = bench
        .engine
        .until("up again", |heard| heard.links().len() == 3)
        .await;
    assert_eq!(heard.links()[2], "up");
    assert_eq!(heard.units().last(), Some(&(1, "not_heard")));
    bench.end().await;
}

#[tokio::test]
async fn a_device_server_is_read_and_never_written_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let bench = Bench::start(PrinterLine::Tcp(address));
    let (mut server, _) = listener.accept().await.unwrap();
    bench.up().await;
    // A record in pieces, with the end of it in one piece with the next.
    let stream = [FIRE, RESET].concat();
    let (head, tail) = stream.as_bytes().split_at(7);
    server.write_all(head).await.unwrap();
    server.write_all(tail).await.unwrap();
    let heard = bench
        .engine
        .until("reset", |heard| heard.units().len() == 2)
        .await;
    assert!(heard.has_edge(POINT));
    let stop = bench.stop.clone();
    let mut sent = Vec::new();
    let (_, read) = tokio::join!(bench.end(), server.read_to_end(&mut sent));
    assert_eq!((read.unwrap(), stop.is_cancelled()), (0, true));
}

#[tokio::test]
async fn a_device_server_that_ends_the_connection_is_a_lost_line() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let bench = Bench::start(PrinterLine::Tcp(address));
    let (server, _) = listener.accept().await.unwrap();
    bench.up().await;
    drop(server);
    let heard = bench
        .engine
        .until("loss", |heard| heard.links().len() == 2)
        .await;
    assert_eq!(heard.links()[1], "reset");
    listener.accept().await.unwrap();
    bench
        .engine
        .until("up again", |heard| heard.links().len() == 3)
        .await;
    bench.end().await;
}

#[tokio::test]
async fn a_port_that_is_listened_to_cannot_be_written() {
    let mut paper = Paper::new();
    let mut port = port::Port::open_to_listen(&serial(&paper.path)).unwrap();
    assert!(port.write(b"x").is_err());
    let mut bytes = [0; 8];
    assert!(paper.file.read(&mut bytes).is_err());
    paper.print(b"\x1b6\n");
    let mut read: Vec<u8> = Vec::new();
    while read.len() < 3 {
        let count = port.read(&mut bytes).unwrap().unwrap_or(0);
        read.extend(&bytes[..count]);
    }
    assert_eq!(read, b"\x1b6\n");
}
