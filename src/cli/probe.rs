//! `fengsui probe`: asks the units of a line, by reads alone; and has one output written while it is in maintenance.
//!
//! A line has one owner. Where a running daemon has it, the question goes through the daemon, which asks between two frames of
//! its polling; only a line that no running daemon has is opened here. Nothing is ever written from here: a write is a verb of the
//! daemon, by a person with an account.

mod decode;
mod output;
mod scan;
mod way;

use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use self::way::{Way, WayArguments};
use super::{EXIT_UNAVAILABLE, EXIT_USAGE, SiteArguments, fail};
use crate::domain::probe::{Ask, Question, Told, exception};
use crate::domain::profile::Area;

/// Asks the units of a line.
#[derive(Debug, Args)]
pub struct ProbeArguments {
    /// Which line.
    #[command(flatten)]
    pub way: WayArguments,
    /// The site whose daemon may have the line.
    #[command(flatten)]
    pub site: SiteArguments,
    /// What to ask.
    #[command(subcommand)]
    pub what: ProbeCommand,
}

/// What to ask.
#[derive(Debug, Subcommand)]
pub enum ProbeCommand {
    /// Looks which units answer: reads one element of each table, and asks those that answer what they are.
    Scan(scan::Scan),
    /// Reads consecutive elements of one table.
    Read(Read),
    /// Reads the points of a unit and says what they mean by a profile.
    Decode(decode::Decode),
    /// Begins the maintenance of an output, with somebody at the device; it ends by itself.
    Maintain(output::Maintain),
    /// Has the running daemon write an output that is in maintenance, and shows what came back.
    Write(output::Acting),
    /// Ends the maintenance of an output.
    EndMaintenance(output::Acting),
}

/// Elements to read.
#[derive(Debug, Args)]
pub struct Read {
    /// The unit on the line.
    #[arg(long)]
    pub unit: u8,
    /// The table: coil (FC 01), discrete (02), holding (03) or input (04).
    #[arg(long, default_value = "holding")]
    pub area: Table,
    /// Zero-based address of the first, as on the wire: 40001 is 0 of holding.
    #[arg(long, default_value_t = 0)]
    pub start: u16,
    /// How many: 1 to 125 registers, 1 to 2000 bits.
    #[arg(long, default_value_t = 1)]
    pub count: u16,
    /// Goes on reading and shows what changes, until it is interrupted.
    #[arg(long)]
    pub watch: bool,
    /// Milliseconds between two reads of --watch.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(100..))]
    pub every_ms: u64,
}

/// A table of the Modbus data model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Table {
    /// FC 01.
    Coil,
    /// FC 02.
    Discrete,
    /// FC 03.
    Holding,
    /// FC 04.
    Input,
}

impl From<Table> for Area {
    fn from(table: Table) -> Self {
        match table {
            Table::Coil => Self::Coil,
            Table::Discrete => Self::Discrete,
            Table::Holding => Self::Holding,
            Table::Input => Self::Input,
        }
    }
}

/// `fengsui probe …`
#[must_use]
pub fn probe(arguments: &ProbeArguments) -> ExitCode {
    let ProbeArguments { way, site, what } = arguments;
    let open = || {
        let way = Way::open(way, site)?;
        say(&way.said());
        Ok(way)
    };
    let done = match what {
        ProbeCommand::Scan(what) => open().and_then(|mut way| scan::scan(&mut way, what)),
        ProbeCommand::Read(what) => open().and_then(|mut way| read(&mut way, what)),
        ProbeCommand::Decode(what) => {
            open().and_then(|mut way| decode::decode(&mut way, what, site))
        }
        ProbeCommand::Maintain(what) => output::maintain(what, site),
        ProbeCommand::Write(what) => output::write(what, site),
        ProbeCommand::EndMaintenance(what) => output::end(what, site),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stopped { code, why }) => fail(code, &why),
    }
}

/// Why a command ended early.
#[derive(Debug)]
struct Stopped {
    code: u8,
    why: String,
}

impl Stopped {
    fn usage(why: impl Into<String>) -> Self {
        let (code, why) = (EXIT_USAGE, why.into());
        Self { code, why }
    }

    fn unavailable(why: impl Into<String>) -> Self {
        let (code, why) = (EXIT_UNAVAILABLE, why.into());
        Self { code, why }
    }
}

/// Says something at once. A closed pipe is nobody's error.
fn say(text: &str) {
    let mut out = io::stdout();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

fn read(way: &mut Way, read: &Read) -> Result<(), Stopped> {
    let (area, start) = (read.area.into(), read.start);
    let count = read.count;
    let question = Question {
        unit: read.unit,
        ask: Ask::Read { area, start, count },
    };
    let mut before: Vec<String> = Vec::new();
    loop {
        let told = way.ask(question)?;
        let lines = lines(start, &told);
        if before.is_empty() {
            lines.iter().for_each(|line| say(line));
        } else {
            let changed = lines.iter().zip(&before).filter(|(new, old)| new != old);
            changed.for_each(|(line, _)| say(line));
        }
        if !read.watch {
            return match told {
                Told::Nothing { .. } => Err(Stopped::unavailable("no answer")),
                Told::Bits { .. }
                | Told::Registers { .. }
                | Told::Identity { .. }
                | Told::Exception { .. } => Ok(()),
            };
        }
        before = if matches!(told, Told::Nothing { .. }) {
            Vec::new()
        } else {
            lines
        };
        thread::sleep(Duration::from_millis(read.every_ms));
    }
}

/// One line for each element: address, then the value in every reading of it that a map may mean.
fn lines(start: u16, told: &Told) -> Vec<String> {
    let at = |n: usize| usize::from(start) + n;
    match told {
        Told::Registers { words } => {
            let line = |(n, word): (usize, &u16)| {
                let signed = word.cast_signed();
                format!(
                    "{:>5}  0x{word:04X}  {word:>5}  {signed:>6}  {word:016b}",
                    at(n)
                )
            };
            words.iter().enumerate().map(line).collect()
        }
        Told::Bits { bits } => {
            let line = |(n, bit): (usize, &bool)| format!("{:>5}  {}", at(n), u8::from(*bit));
            bits.iter().enumerate().map(line).collect()
        }
        Told::Identity { objects, .. } => objects
            .iter()
            .map(|(n, text)| format!("{n:>5}  {text}"))
            .collect(),
        Told::Exception { code } => vec![format!("exception {code:02X}: {}", exception(*code))],
        Told::Nothing { why } => vec![format!("no answer: {why}")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_is_shown_in_every_reading_of_it() {
        let told = Told::Registers {
            words: vec![0xFFFE],
        };
        assert_eq!(
            lines(40, &told),
            ["   40  0xFFFE  65534      -2  1111111111111110"]
        );
        let told = Told::Bits {
            bits: vec![true, false],
        };
        assert_eq!(lines(0, &told), ["    0  1", "    1  0"]);
        let told = Told::Exception { code: 2 };
        assert_eq!(lines(0, &told), ["exception 02: illegal address"]);
    }
}
