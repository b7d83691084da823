//! `fengsui trace`: the frames of a line, from the running daemon's memory: as text, as lines of JSON, as a capture for Wireshark; and
//! a saved trace through the decoder again.

mod pcap;
mod saved;
mod text;
pub(super) mod write;

use std::fs::File;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Args;

use self::pcap::{Capture, Packet, Wire};
use super::{EXIT_UNAVAILABLE, EXIT_USAGE, SiteArguments, door, fail, load};
use crate::config::Configuration;
use crate::domain::ids::BusId;
use crate::domain::line::Line;
use crate::domain::probe::Frame;
use crate::http::door::{Asked, Told};

/// How often new frames are asked for.
const FOLLOW_EVERY: Duration = Duration::from_millis(300);
/// Ports of a capture: Modbus TCP, and what `-d udp.port==5020,mbrtu` names.
const PORT_MODBUS: u16 = 502;
const PORT_RTU: u16 = 5_020;
/// The usual port of a printer, for what a panel prints.
const PORT_PRINTER: u16 = 9_100;

/// Which frames, and where to.
#[derive(Debug, Args)]
pub struct TraceArguments {
    /// The bus, as in site.toml.
    #[arg(long, required_unless_present = "replay")]
    pub bus: Option<String>,
    /// Goes on until it is interrupted.
    #[arg(long)]
    pub follow: bool,
    /// Writes a capture that Wireshark and tshark open, instead of text.
    #[arg(long)]
    pub pcap: Option<PathBuf>,
    /// Writes lines of JSON, which --replay reads, instead of text.
    #[arg(long, conflicts_with = "pcap")]
    pub json: Option<PathBuf>,
    /// Puts a saved trace (--json) through the decoder again and prints what it says, with the names and profiles of the site's files.
    #[arg(long, conflicts_with_all = ["bus", "follow", "pcap", "json"])]
    pub replay: Option<PathBuf>,
    /// The site.
    #[command(flatten)]
    pub site: SiteArguments,
}

/// Why a command ended early.
#[derive(Debug)]
struct Stopped {
    code: u8,
    why: String,
}

impl Stopped {
    fn unavailable(why: impl ToString) -> Self {
        Self {
            code: EXIT_UNAVAILABLE,
            why: why.to_string(),
        }
    }

    fn usage(why: impl ToString) -> Self {
        Self {
            code: EXIT_USAGE,
            why: why.to_string(),
        }
    }
}

/// `fengsui trace …`
#[must_use]
pub fn trace(arguments: &TraceArguments) -> ExitCode {
    let configuration = match load(&arguments.site) {
        Ok(configuration) => configuration,
        Err(code) => return code,
    };
    let done = match (&arguments.replay, &arguments.bus) {
        (Some(file), _) => saved::replay(file, &configuration),
        (None, Some(bus)) => live(bus, arguments, &configuration).map(|()| ExitCode::SUCCESS),
        (None, None) => Err(Stopped::usage("give --bus or --replay")),
    };
    done.unwrap_or_else(|Stopped { code, why }| fail(code, &why))
}

/// Where frames go.
enum Sink {
    Text { utc_offset_minutes: i32 },
    Json(File),
    Pcap(File, Box<Capture>),
}

impl Sink {
    fn new(
        arguments: &TraceArguments,
        (bus, line): (&BusId, &Line),
        configuration: &Configuration,
    ) -> Result<Self, Stopped> {
        let create = |path: &Path| {
            let told =
                |error: io::Error| Stopped::unavailable(format!("{}: {error}", path.display()));
            File::create(path).map_err(told)
        };
        if let Some(path) = &arguments.pcap {
            let capture = Capture::new(wire(line), address(line));
            return Ok(Self::Pcap(create(path)?, Box::new(capture)));
        }
        if let Some(path) = &arguments.json {
            let mut file = create(path)?;
            writeln!(file, "{}", saved::head(bus)).map_err(Stopped::unavailable)?;
            return Ok(Self::Json(file));
        }
        Ok(Self::Text {
            utc_offset_minutes: configuration.site.utc_offset_minutes,
        })
    }

    fn put(&mut self, frame: &Frame, line: &Line) -> io::Result<()> {
        match self {
            Self::Text { utc_offset_minutes } => {
                let text = text::of(frame, wire(line), *utc_offset_minutes);
                writeln!(io::stdout(), "{text}")
            }
            Self::Json(file) => writeln!(file, "{}", saved::line(frame)),
            Self::Pcap(file, capture) => {
                let bytes = text::bytes(&frame.hex);
                // Silence is no packet.
                if !bytes.is_empty() {
                    capture.add(Packet {
                        wall_ms: frame.wall.0,
                        is_sent: frame.sent,
                        bytes: &bytes,
                        ends_stream: !matches!(
                            frame.verdict.as_str(),
                            "sent" | "right" | "refused"
                        ),
                    });
                } else if !frame.sent {
                    capture.end_stream();
                }
                file.write_all(&capture.take())
            }
        }
    }
}

fn live(
    bus: &str,
    arguments: &TraceArguments,
    configuration: &Configuration,
) -> Result<(), Stopped> {
    let Some(found) = configuration.site.buses.get(bus) else {
        let known: Vec<&str> = configuration
            .site
            .buses
            .keys()
            .map(|id| id.as_str())
            .collect();
        return Err(Stopped::usage(format!(
            "there is no bus {bus}; there is {}",
            known.join(", ")
        )));
    };
    let mut sink = Sink::new(arguments, (&found.id, &found.line), configuration)?;
    let (mut from, mut count) = (0, 0_u64);
    loop {
        let asked = Asked::Frames {
            bus: found.id.clone(),
            from,
        };
        let told = door::ask(&configuration.settings.data, &asked).map_err(Stopped::unavailable)?;
        let Some(Told::Frames { frames }) = told else {
            return Err(Stopped::unavailable(
                "no daemon runs here: a trace is what a running one remembers",
            ));
        };
        let is_all = frames.is_empty();
        for frame in frames {
            let dropped = frame.number.saturating_sub(from);
            if dropped > 0 && from > 0 {
                eprintln!(
                    "fengsui: {dropped} frames were dropped here: they came faster than they were fetched"
                );
            }
            from = frame.number + 1;
            count += 1;
            match sink.put(&frame, &found.line) {
                Ok(()) => {}
                // Whoever read it has seen enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(Stopped::unavailable(error)),
            }
        }
        if is_all && !arguments.follow {
            break;
        }
        if is_all {
            thread::sleep(FOLLOW_EVERY);
        }
    }
    let file = arguments.pcap.as_ref().or(arguments.json.as_ref());
    if let Some(file) = file {
        eprintln!("fengsui: {count} frames in {}", file.display());
    }
    Ok(())
}

/// How the frames of a line stand in a capture.
fn wire(line: &Line) -> Wire {
    match line {
        Line::Tcp(_) => Wire::Tcp(PORT_MODBUS),
        Line::Listen(address) => Wire::Tcp(port(address)),
        Line::RtuOverTcp(_) | Line::Serial(_) => Wire::Udp(PORT_RTU),
        Line::Printer(_) => Wire::Tcp(PORT_PRINTER),
    }
}

/// The port that devices connect to.
fn port(address: &str) -> u16 {
    let port = address
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok());
    port.unwrap_or_default()
}

fn address(line: &Line) -> Option<Ipv4Addr> {
    match line.place().parse() {
        Ok(SocketAddr::V4(address)) => Some(*address.ip()),
        Ok(SocketAddr::V6(_)) | Err(_) => None,
    }
}
