//! The way to the devices of a bus: exactly one of `address`, `rtu_address`, `serial`, `listen` and `printer` in `[[buses]]` of site.toml.

use std::net::IpAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::names::Word;
use super::scope::Scope;
use crate::domain::line::{DriverEnable, Line, Parity, PrinterLine, SerialLine};

/// What UARTs and adapters agree on.
const BAUDS: [u32; 8] = [1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200];
/// Where Linux keeps pseudo-terminals.
const PTYS: &str = "/dev/pts";

/// `serial = { path = "…", baud = 9600, parity = "none", stop_bits = 1 }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SerialEntry {
    path: Word,
    baud: Spanned<i64>,
    #[serde(default)]
    parity: Parity,
    stop_bits: Option<Spanned<i64>>,
    #[serde(default)]
    echo: bool,
    rs485: Option<DriverEnable>,
}

/// `printer = { path = "…", baud = 2400, parity = "none", stop_bits = 1 }` or `printer = { address = "host:port" }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrinterEntry {
    path: Option<Word>,
    address: Option<Word>,
    baud: Option<Spanned<i64>>,
    #[serde(default)]
    parity: Parity,
    stop_bits: Option<Spanned<i64>>,
}

/// The keys, one of which stands in the file.
pub(super) struct LineEntry {
    /// The id of the bus: where it stands when it has no line at all.
    pub(super) bus: Range<usize>,
    pub(super) address: Option<Word>,
    pub(super) rtu_address: Option<Word>,
    pub(super) serial: Option<Spanned<SerialEntry>>,
    pub(super) listen: Option<Word>,
    pub(super) printer: Option<Spanned<PrinterEntry>>,
}

/// Reads the line with the place where it stands. On a demo site a serial line may only be a pseudo-terminal.
pub(super) fn read(entry: LineEntry, is_demo: bool, scope: &mut Scope<'_>) -> (Line, Range<usize>) {
    let mut lines = Vec::new();
    for (word, line) in [
        (entry.address, Line::Tcp as fn(String) -> Line),
        (entry.rtu_address, Line::RtuOverTcp),
        (entry.listen, Line::Listen),
    ] {
        if let Some(word) = word {
            check_address(&word, scope);
            let span = word.span();
            lines.push((line(word.into_inner()), span));
        }
    }
    if let Some(serial) = entry.serial {
        let (line, span) = read_serial(serial.into_inner(), is_demo, scope);
        lines.push((Line::Serial(line), span));
    }
    if let Some(printer) = entry.printer {
        let span = printer.span();
        let line = read_printer(printer, is_demo, scope);
        lines.push((Line::Printer(line), span));
    }
    let mut lines = lines.into_iter();
    let Some(first) = lines.next() else {
        scope.error(
            entry.bus.clone(),
            "the bus goes nowhere",
            "write address = \"host:port\" (Modbus TCP), rtu_address = \"host:port\" (RTU over TCP), serial = { path = \"/dev/ttyS1\", baud = 9600 }, listen = \"0.0.0.0:8001\" (GB/T 26875.3) or printer = { path = \"/dev/ttyS1\", baud = 2400 }",
        );
        return (Line::Tcp(String::new()), entry.bus);
    };
    if is_demo
        && let (Line::Listen(address), span) = &first
        && !is_simulated(&first.0)
    {
        scope.error(
            span.clone(),
            format!("a demo site must not listen at `{address}`"),
            "listen at 127.0.0.1 only, or write demo = false in [site]",
        );
    }
    for (_, span) in lines {
        scope.clash(
            span,
            first.1.clone(),
            "the bus has two lines",
            "keep one of `address`, `rtu_address`, `serial`, `listen` and `printer`",
        );
    }
    first
}

/// A port of this machine or a device server, of which one stands in the file.
fn read_printer(entry: Spanned<PrinterEntry>, is_demo: bool, scope: &mut Scope<'_>) -> PrinterLine {
    let span = entry.span();
    let PrinterEntry {
        path,
        address,
        baud,
        parity,
        stop_bits,
    } = entry.into_inner();
    match (path, address, baud) {
        (None, Some(address), None) => {
            check_address(&address, scope);
            PrinterLine::Tcp(address.into_inner())
        }
        (Some(path), None, Some(baud)) => {
            let serial = SerialEntry {
                path,
                baud,
                parity,
                stop_bits,
                echo: false,
                rs485: None,
            };
            PrinterLine::Serial(read_serial(serial, is_demo, scope).0)
        }
        _ => {
            scope.error(
                span,
                "the printer's line is neither a port nor a device server",
                "write printer = { path = \"/dev/serial/by-id/…\", baud = 2400 } or printer = { address = \"host:port\" }",
            );
            PrinterLine::Tcp(String::new())
        }
    }
}

fn read_serial(
    entry: SerialEntry,
    pty_only: bool,
    scope: &mut Scope<'_>,
) -> (SerialLine, Range<usize>) {
    let baud = u32::try_from(*entry.baud.as_ref()).ok();
    let baud = baud.filter(|baud| BAUDS.contains(baud));
    if baud.is_none() {
        let listed: Vec<String> = BAUDS.iter().map(u32::to_string).collect();
        scope.error(
            entry.baud.span(),
            format!("{} is no speed of a serial line", entry.baud.as_ref()),
            format!("write one of {}", listed.join(", ")),
        );
    }
    let stop_bits = entry.stop_bits;
    let stop_bits = stop_bits.map_or(Some(1), |bits| scope.number(&bits, 1..=2, "stop_bits"));
    let span = entry.path.span();
    let path = entry.path.into_inner();
    if !Path::new(&path).is_absolute() {
        scope.error(
            span.clone(),
            format!("`{path}` is not the path of a port"),
            "write it from the root on, for example \"/dev/ttyS1\" or \"/dev/serial/by-id/…\"",
        );
    }
    let line = SerialLine {
        path,
        // A wrong figure is reported; the line is still needed to judge the rest.
        baud: baud.unwrap_or(9_600),
        parity: entry.parity,
        stop_bits: stop_bits.unwrap_or(1),
        echo: entry.echo,
        driver: entry.rs485,
        pty_only,
    };
    (line, span)
}

pub(super) fn check_address(address: &Word, scope: &mut Scope<'_>) {
    let fits = split(address.as_ref())
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|p| p > 0));
    if !fits {
        scope.error(
            address.span(),
            format!("`{}` is not host:port", address.as_ref()),
            "write the host and the port, for example \"10.20.0.7:502\" (502 is the usual port of Modbus TCP)",
        );
    }
}

/// Host and port; an IPv6 host stands in brackets.
fn split(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match bracketed {
        Some(host) => Some((host, port)),
        None if host.contains(':') => None,
        None => Some((host, port)),
    }
}

/// Whether nothing outside of this machine's own programs can be at the other end. A port that is not there yet passes: it is
/// looked at again when it is opened.
pub(super) fn is_simulated(line: &Line) -> bool {
    match line {
        Line::Tcp(address)
        | Line::RtuOverTcp(address)
        | Line::Listen(address)
        | Line::Printer(PrinterLine::Tcp(address)) => {
            let host = split(address).map_or(address.as_str(), |(host, _)| host);
            // A bus that goes nowhere is reported where it stands.
            host.is_empty()
                || host == "localhost"
                || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
        Line::Serial(serial) | Line::Printer(PrinterLine::Serial(serial)) => {
            let path = PathBuf::from(&serial.path);
            path.canonicalize()
                .map_or(serial.pty_only, |path| path.starts_with(PTYS))
        }
    }
}
