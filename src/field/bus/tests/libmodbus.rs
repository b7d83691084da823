//! With a device made with libmodbus (tests/peers/server.c), over TCP, over a terminal and over a gateway of socat.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tempfile::TempDir;

use super::serial::line;
use crate::domain::line::Line;
use crate::domain::output::{Action, Target, WriteOutcome};
use crate::domain::profile::{Area, Quirks, UnitProfile};
use crate::domain::site::{Bus, Site};
use crate::engine::ports::Field;
use crate::field::modbus::pdu::{Lenient, Reply, Request, Span, Values};
use crate::field::modbus::transport::{Ask, Connection, Way};
use crate::field::testing::{Bench, Engine, effect, panel_site, unit_profiles};
use crate::field::trace::Ring;

/// The program, made once, beside the tests.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let tests = std::env::current_exe().unwrap();
    let program = tests.with_file_name("libmodbus-server");
    let fresh = program.with_extension(std::process::id().to_string());
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/server.c");
    let made = Command::new("cc")
        .args(["-O1", "-I/usr/include/modbus", source, "-lmodbus", "-o"])
        .arg(&fresh)
        .output()
        .expect("a C compiler");
    let told = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(
        made.status.success(),
        "scripts/tools installs what is missing: {told}"
    );
    std::fs::rename(&fresh, &program).unwrap();
    program
});

/// Ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The device at work.
struct Peer {
    _process: Process,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    port: u16,
}

impl Peer {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(&*PROGRAM)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut peer = Self {
            _process: Process(child),
            input,
            output,
            port: 0,
        };
        let ready = peer.hear();
        peer.port = ready.strip_prefix("ready ").unwrap().parse().unwrap();
        peer
    }

    fn tcp() -> (Self, Line) {
        let peer = Self::start(&["tcp"]);
        let line = Line::Tcp(format!("127.0.0.1:{}", peer.port));
        (peer, line)
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn tell(&mut self, what: &str) {
        writeln!(self.input, "{what}").unwrap();
    }

    fn ask(&mut self, what: &str) -> String {
        self.tell(what);
        self.hear()
    }
}

/// Two terminals that are one line.
struct Terminals {
    folder: TempDir,
    _socat: Process,
}

impl Terminals {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let end = |name| {
            let link = folder.path().join(name);
            format!("PTY,raw,echo=0,link={}", link.display())
        };
        let socat = socat(&[&end("ours"), &end("theirs")]);
        wait_for(&folder.path().join("ours"));
        wait_for(&folder.path().join("theirs"));
        Self {
            _socat: socat,
            folder,
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

/// A terminal whose other end is a TCP connection.
pub(super) struct Terminal {
    folder: TempDir,
    _socat: Process,
}

impl Terminal {
    /// The connection goes to this address.
    pub(super) fn before(address: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let link = folder.path().join("port");
        let terminal = format!("PTY,raw,echo=0,link={}", link.display());
        let socat = socat(&[&terminal, &format!("TCP:{address},nodelay")]);
        wait_for(&link);
        Self {
            _socat: socat,
            folder,
        }
    }

    pub(super) fn path(&self) -> String {
        self.folder.path().join("port").display().to_string()
    }
}

fn socat(ends: &[&str]) -> Process {
    let child = Command::new("socat").args(ends).spawn();
    Process(child.expect("socat: scripts/tools installs it"))
}

fn wait_for(path: &Path) {
    for _ in 0..2_000 {
        if path.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("never: {}", path.display());
}

/// The panel behind this line.
pub(super) fn behind(line: Line) -> Site {
    let mut site = panel_site("-");
    let bus = site.buses.remove("panel1").unwrap();
    let bus = Bus { line, ..bus };
    site.buses.insert(bus.id.clone(), bus);
    site
}

/// Reads, a fire, and a command into a register.
async fn is_read_and_commanded(peer: &mut Peer, line: Line) {
    let bench = Bench::start(behind(line));
    bench.up().await;
    peer.tell("register 31 5");
    let heard = bench
        .engine
        .until("fire", |heard| heard.has_edge("P031"))
        .await;
    let read = heard.latest("P031").unwrap().latest.conditions;
    assert!(read.fire && read.disabled);
    let target = Target::Register {
        register: 300,
        value: 3,
    };
    bench
        .field
        .write(effect("panel1", "A#1", target, Action::Pulse));
    assert_eq!(bench.outcome("A#1").await, WriteOutcome::Written);
    assert_eq!(peer.ask("look 300"), "3");
    let target = Target::Coil { register: 7 };
    bench
        .field
        .write(effect("panel1", "B#1", target, Action::Level));
    assert_eq!(bench.outcome("B#1").await, WriteOutcome::Written);
    assert_eq!(peer.ask("coil 7"), "1");
    assert_eq!(bench.engine.heard().links(), ["up"]);
    bench.end().await;
}

#[tokio::test]
async fn a_device_of_libmodbus_is_read_and_commanded_over_tcp() {
    let (mut peer, line) = Peer::tcp();
    is_read_and_commanded(&mut peer, line).await;
}

#[tokio::test]
async fn a_device_of_libmodbus_is_read_and_commanded_on_a_terminal() {
    let terminals = Terminals::start();
    let mut peer = Peer::start(&["rtu", &terminals.path("theirs")]);
    is_read_and_commanded(&mut peer, line(terminals.path("ours"))).await;
}

#[tokio::test]
async fn a_device_of_libmodbus_is_read_and_commanded_behind_a_gateway_of_socat() {
    let terminals = Terminals::start();
    let mut peer = Peer::start(&["rtu", &terminals.path("theirs")]);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let listen = format!("TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork");
    let _gateway = socat(&[&listen, &format!("{},raw,echo=0", terminals.path("ours"))]);
    let line = Line::RtuOverTcp(format!("127.0.0.1:{port}"));
    is_read_and_commanded(&mut peer, line).await;
}

/// The panel's profile, of a device with these ways.
async fn with_quirks(quirks: Quirks, target: Target, action: Action) -> (Peer, WriteOutcome) {
    let (peer, line) = Peer::tcp();
    let mut profiles = unit_profiles();
    for profile in profiles.values_mut() {
        if let UnitProfile::Registers(profile) = profile {
            profile.quirks = quirks;
        }
    }
    let bench = Bench::with(behind(line), &profiles);
    bench.up().await;
    bench.field.write(effect("panel1", "A#1", target, action));
    let outcome = bench.outcome("A#1").await;
    bench.end().await;
    (peer, outcome)
}

#[tokio::test]
async fn two_registers_some_bits_and_single_writes_by_the_codes_for_many() {
    let many = Quirks {
        writes_multiple: true,
        ..Quirks::default()
    };
    let coil = Target::Coil { register: 9 };
    let (mut peer, outcome) = with_quirks(many, coil, Action::Level).await;
    assert_eq!(outcome, WriteOutcome::Written);
    assert_eq!(peer.ask("coil 9"), "1");
    let command = Target::Register {
        register: 301,
        value: 7,
    };
    let (mut peer, outcome) = with_quirks(many, command, Action::Pulse).await;
    assert_eq!(outcome, WriteOutcome::Written);
    assert_eq!(peer.ask("look 301"), "7");
    let both = Target::Registers {
        register: 302,
        values: [0x1234, 2],
    };
    let (mut peer, outcome) = with_quirks(Quirks::default(), both, Action::Pulse).await;
    assert_eq!(outcome, WriteOutcome::Written);
    let written = [peer.ask("look 302"), peer.ask("look 303")];
    assert_eq!(written, ["4660", "2"]);
    let bit = Target::bit(303, 4);
    let (mut peer, outcome) = with_quirks(Quirks::default(), bit, Action::Level).await;
    assert_eq!(outcome, WriteOutcome::Written);
    assert_eq!(peer.ask("look 303"), "16");
    // It knows the word that the protocol has for "on" and no other.
    let clone = Quirks {
        coil_on: 0x0100,
        ..Quirks::default()
    };
    let (mut peer, outcome) = with_quirks(clone, coil, Action::Level).await;
    assert!(
        matches!(outcome, WriteOutcome::Refused { exception: 3 }),
        "{outcome:?}"
    );
    assert_eq!(peer.ask("coil 9"), "0");
}

/// One exchange without a bus.
async fn exchange(connection: Connection, request: Request) -> (Connection, Reply) {
    let ask = Ask {
        unit: 1,
        request,
        limit: Duration::from_secs(10),
        gap: Duration::ZERO,
        settle: Duration::ZERO,
        lenient: Lenient::default(),
    };
    let sent = connection.send(ask).await.map_err(|failed| failed.failure);
    let answer = sent.unwrap().reply().await.map_err(|failed| failed.failure);
    let (connection, reply, tally) = answer.unwrap();
    assert_eq!(tally, crate::field::modbus::fault::Tally::default());
    (connection, reply)
}

#[tokio::test]
async fn every_function_code_is_understood_by_libmodbus() {
    let terminals = Terminals::start();
    let serial = Peer::start(&["rtu", &terminals.path("theirs")]);
    let (tcp, tcp_line) = Peer::tcp();
    let lines = [(tcp, tcp_line), (serial, line(terminals.path("ours")))];
    for (mut peer, line) in lines {
        let way = Way {
            limit: Duration::from_secs(10),
            pause: Duration::ZERO,
            ring: Arc::new(Ring::new(Engine::start().handle.clone())),
        };
        let mut connection = Connection::open(&line, &way).await.unwrap();
        let span = |area, start, count| Span::new(area, start, count).unwrap();
        let words = |words: &[u16]| Reply::Values(Values::Registers(words.to_vec()));
        let bits = |bits: &[bool]| Reply::Values(Values::Bits(bits.to_vec()));
        let of_four = span(Area::Holding, 20, 4);
        let mask = Target::bit(23, 15);
        let Target::Mask { register, and, or } = mask else {
            unreachable!("a bit is a mask");
        };
        let exchanges = [
            (
                Request::write_registers(20, vec![1, 2, 3]).unwrap(),
                Reply::Written,
            ),
            (Request::Read(of_four), words(&[1, 2, 3, 0])),
            (
                Request::MaskWrite {
                    address: register,
                    and,
                    or,
                },
                Reply::Written,
            ),
            (
                Request::write_read(21, vec![9, 8], of_four).unwrap(),
                words(&[1, 9, 8, 0x8000]),
            ),
            (
                Request::write_coils(3, vec![true, false, true]).unwrap(),
                Reply::Written,
            ),
            (
                Request::Read(span(Area::Coil, 2, 5)),
                bits(&[false, true, false, true, false]),
            ),
            (
                Request::Read(span(Area::Discrete, 3, 3)),
                bits(&[true, false, true]),
            ),
            (Request::Read(span(Area::Input, 0, 2)), words(&[0, 0])),
            (
                Request::Read(span(Area::Holding, 500, 20)),
                Reply::Exception(2),
            ),
        ];
        for (request, expected) in exchanges {
            let shown = format!("{line} {request:?}");
            let (open, reply) = exchange(connection, request).await;
            assert_eq!(reply, expected, "{shown}");
            connection = open;
        }
        assert_eq!(peer.ask("look 23"), "32768");
    }
}
