//! The way to a line: through the running daemon that has it, or opened here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::runtime::Runtime;

use super::Stopped;
use crate::cli::{SiteArguments, check, door, load};
use crate::clock::Clock;
use crate::domain::ids::BusId;
use crate::domain::line::{Line, Parity, SerialLine};
use crate::domain::probe::{LinePlace, Question, Told};
use crate::engine::run;
use crate::field::probe::Direct;
use crate::http::door as protocol;

/// Which line: one of these, where a line is asked.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Which {
    /// A bus of site.toml.
    #[arg(long)]
    pub bus: Option<String>,
    /// Modbus TCP at host:port.
    #[arg(long)]
    pub tcp: Option<String>,
    /// The frames of a serial line behind a gateway at host:port.
    #[arg(long)]
    pub rtu_tcp: Option<String>,
    /// A serial port, as /dev/ttyUSB0 or better /dev/serial/by-id/….
    #[arg(long)]
    pub serial: Option<String>,
}

/// Which line, and how it is opened.
#[derive(Debug, Args)]
pub struct WayArguments {
    /// Which line.
    #[command(flatten)]
    pub which: Which,
    /// With --serial: bits per second.
    #[arg(long, default_value_t = 9_600)]
    pub baud: u32,
    /// With --serial: the parity bit.
    #[arg(long, default_value = "none")]
    pub parity: ParityBit,
    /// With --serial: 1 or 2.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub stop_bits: u8,
    /// With --serial: the adapter hears what it sends itself.
    #[arg(long)]
    pub echo: bool,
    /// Longest wait for an answer, where the line is opened here.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub timeout_ms: u64,
}

/// The parity bit of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ParityBit {
    /// No such bit.
    None,
    /// An even number of ones.
    Even,
    /// An odd number of ones.
    Odd,
}

/// An open way.
pub(super) enum Way {
    /// A running daemon asks for us.
    Daemon { data: PathBuf, bus: BusId },
    /// The line is ours.
    Direct {
        runtime: Runtime,
        direct: Box<Direct>,
        bus: Option<BusId>,
        said: String,
    },
}

impl Way {
    /// Finds who has the line.
    pub(super) fn open(way: &WayArguments, site: &SiteArguments) -> Result<Self, Stopped> {
        if let Some(bus) = &way.which.bus {
            return Self::of_bus(bus, way, site);
        }
        let Some(line) = line(way) else {
            return Err(Stopped::usage(
                "say which line: --bus, --tcp, --rtu-tcp or --serial",
            ));
        };
        // Without a site there is no daemon to ask; the port itself is still locked against a second user.
        if let Some(data) = data_of(site)?
            && let Some(owner) = owner(&data, line.place())?
        {
            return Err(Stopped::usage(format!(
                "the running daemon has {}: use --bus {owner}, which asks through it",
                line.place()
            )));
        }
        Self::direct(&line, None, way)
    }

    fn of_bus(bus: &str, way: &WayArguments, site: &SiteArguments) -> Result<Self, Stopped> {
        // Its errors are printed by then.
        let configuration = load(site).map_err(|_| Stopped::usage("the bus is not known"))?;
        let data = configuration.settings.data.clone();
        let places = places(&data)?;
        if let Some(places) = places {
            return match places.iter().find(|place| place.bus.as_str() == bus) {
                Some(place) => Ok(Self::Daemon {
                    data,
                    bus: place.bus.clone(),
                }),
                None => Err(Stopped::usage(no_bus(
                    bus,
                    places.iter().map(|place| &place.bus),
                ))),
            };
        }
        match configuration.site.buses.get(bus) {
            Some(found) => Self::direct(&found.line, Some(found.id.clone()), way),
            None => Err(Stopped::usage(no_bus(bus, configuration.site.buses.keys()))),
        }
    }

    fn direct(line: &Line, bus: Option<BusId>, way: &WayArguments) -> Result<Self, Stopped> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Stopped::unavailable(error.to_string()))?;
        let handle = run::handle(&run::shared(), &Clock::default());
        let direct = Direct::new(line, Duration::from_millis(way.timeout_ms), handle);
        Ok(Self::Direct {
            runtime,
            direct: Box::new(direct),
            bus,
            said: format!("{line}, opened here"),
        })
    }

    /// The bus of site.toml that the line is, if it is one.
    pub(super) fn bus(&self) -> Option<BusId> {
        match self {
            Self::Daemon { bus, .. } => Some(bus.clone()),
            Self::Direct { bus, .. } => bus.clone(),
        }
    }

    /// Which way it is.
    pub(super) fn said(&self) -> String {
        match self {
            Self::Daemon { bus, .. } => format!("{bus}, through the running daemon"),
            Self::Direct { said, .. } => said.clone(),
        }
    }

    /// Asks a unit.
    pub(super) fn ask(&mut self, question: Question) -> Result<Told, Stopped> {
        match self {
            Self::Direct {
                runtime, direct, ..
            } => runtime
                .block_on(direct.ask(question))
                .map_err(|why| Stopped::usage(why.to_string())),
            Self::Daemon { data, bus } => {
                let asked = protocol::Asked::Probe {
                    bus: bus.clone(),
                    question,
                };
                match asked_of(data, &asked)? {
                    Some(protocol::Told::Probed { answer }) => Ok(answer),
                    Some(_) | None => Err(Stopped::unavailable("the daemon has stopped")),
                }
            }
        }
    }
}

fn no_bus<'a>(bus: &str, known: impl Iterator<Item = &'a BusId>) -> String {
    let known: Vec<&str> = known.map(|id| id.as_str()).collect();
    format!("there is no bus {bus}; there is {}", known.join(", "))
}

fn line(way: &WayArguments) -> Option<Line> {
    if let Some(address) = &way.which.tcp {
        return Some(Line::Tcp(address.clone()));
    }
    if let Some(address) = &way.which.rtu_tcp {
        return Some(Line::RtuOverTcp(address.clone()));
    }
    let path = way.which.serial.clone()?;
    Some(Line::Serial(SerialLine {
        path,
        baud: way.baud,
        parity: match way.parity {
            ParityBit::None => Parity::None,
            ParityBit::Even => Parity::Even,
            ParityBit::Odd => Parity::Odd,
        },
        stop_bits: way.stop_bits,
        echo: way.echo,
        driver: None,
        pty_only: false,
    }))
}

/// The data folder of the site, when there is a site.
fn data_of(site: &SiteArguments) -> Result<Option<PathBuf>, Stopped> {
    if let Some(data) = &site.data {
        return Ok(Some(data.clone()));
    }
    if !site.config.is_dir() {
        return Ok(None);
    }
    let configuration = check::load(&site.config).map_err(|_| {
        Stopped::usage(
            "whose line it is can only be told when these are corrected; or give --data DIR",
        )
    })?;
    Ok(Some(configuration.settings.data))
}

pub(super) fn asked_of(
    data: &Path,
    asked: &protocol::Asked,
) -> Result<Option<protocol::Told>, Stopped> {
    door::ask(data, asked).map_err(|error| Stopped::unavailable(error.to_string()))
}

/// The lines of the running daemon; `None` when none runs.
fn places(data: &Path) -> Result<Option<Vec<LinePlace>>, Stopped> {
    match asked_of(data, &protocol::Asked::Lines)? {
        Some(protocol::Told::Lines { lines }) => Ok(Some(lines)),
        Some(_) | None => Ok(None),
    }
}

/// The bus by which the running daemon has an address or port.
fn owner(data: &Path, place: &str) -> Result<Option<BusId>, Stopped> {
    // Two names of one port are one port.
    let real = |place: &str| {
        let path = Path::new(place).canonicalize();
        path.unwrap_or_else(|_| PathBuf::from(place))
    };
    let places = places(data)?.unwrap_or_default();
    let found = places
        .into_iter()
        .find(|known| real(&known.place) == real(place));
    Ok(found.map(|known| known.bus))
}
