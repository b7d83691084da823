//! A trace as lines of JSON: the first names the bus, each other one is a frame. And such a trace through the decoder again.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use super::{Stopped, text};
use crate::config::Configuration;
use crate::domain::ids::BusId;
use crate::domain::probe::Frame;
use crate::field::replay::{self, Exchange};

/// Larger files are no traces: a daemon remembers far less.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// Version of this form.
    v: u32,
    /// The bus.
    bus: BusId,
}

/// The first line of a trace.
pub(super) fn head(bus: &BusId) -> String {
    let bus = bus.clone();
    // Values of our own types always serialise.
    serde_json::to_string(&Head { v: 1, bus }).unwrap_or_default()
}

/// The line of a frame.
pub(super) fn line(frame: &Frame) -> String {
    serde_json::to_string(frame).unwrap_or_default()
}

/// Reads a trace.
fn read(path: &Path) -> Result<(BusId, Vec<Frame>), Stopped> {
    let told = |why: String| Stopped::usage(format!("{}: {why}", path.display()));
    let about = std::fs::metadata(path).map_err(|error| told(error.to_string()))?;
    if about.len() > BYTES_MAX {
        return Err(told("larger than any trace".to_owned()));
    }
    let all = std::fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
    let mut lines = all.lines().enumerate();
    let first = lines.next().map(|(_, line)| line).unwrap_or_default();
    let help = "this is no trace; make one with `fengsui trace --bus B --json FILE`";
    let head: Head =
        serde_json::from_str(first).map_err(|error| told(format!("{error}: {help}")))?;
    if head.v != 1 {
        return Err(told(format!("version {} of the form is not known", head.v)));
    }
    let frames = lines.map(|(at, line)| {
        serde_json::from_str(line).map_err(|error| told(format!("line {}: {error}", at + 1)))
    });
    Ok((head.bus, frames.collect::<Result<_, _>>()?))
}

/// Prints what the decoder says to each exchange of a saved trace. 1 when it says anything else than it did then.
pub(super) fn replay(path: &Path, configuration: &Configuration) -> Result<ExitCode, Stopped> {
    let (bus, frames) = read(path)?;
    let exchanges = replay::replay(&configuration.site, &configuration.profiles, &bus, &frames)
        .map_err(|why| Stopped::usage(format!("{}: {why}", path.display())))?;
    let different = exchanges
        .iter()
        .filter(|exchange| exchange.is_different())
        .count();
    let mut out = io::stdout().lock();
    for exchange in &exchanges {
        let printed = print(&mut out, exchange, configuration.site.utc_offset_minutes);
        if printed.is_err() {
            // Whoever read it has seen enough.
            break;
        }
    }
    drop(writeln!(
        out,
        "{} exchanges, {different} decoded otherwise than then",
        exchanges.len()
    ));
    Ok(if different == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn print(out: &mut impl Write, exchange: &Exchange, utc_offset_minutes: i32) -> io::Result<()> {
    let time = text::time(exchange.wall, utc_offset_minutes);
    let (asked, verdict) = (&exchange.asked, &exchange.verdict);
    match exchange.is_different() {
        false => writeln!(out, "{time} {asked}: {verdict}")?,
        true => writeln!(
            out,
            "{time} {asked}: {verdict}, DIFFERENT: it was {}",
            exchange.recorded
        )?,
    }
    for (point, value) in &exchange.values {
        writeln!(out, "    {point}: {value}")?;
    }
    Ok(())
}
