//! `fengsui probe … scan`: which units answer, and what they say they are.

use std::thread;
use std::time::Duration;

use clap::Args;

use super::way::Way;
use super::{Stopped, say};
use crate::domain::probe::{Ask, Question, Told};
use crate::domain::profile::Area;

/// Gateway codes: the gateway is there and the unit is not.
const ABSENT: [u8; 2] = [0x0A, 0x0B];
/// Replies of one identity at most.
const IDENTITY_REPLIES_MAX: usize = 8;

/// Which units to look for.
#[derive(Debug, Args)]
pub struct Scan {
    /// Units, as in 1-32,40.
    #[arg(long, default_value = "1-247", value_parser = units)]
    pub units: Units,
    /// Address that is read in each table.
    #[arg(long, default_value_t = 0)]
    pub start: u16,
    /// Milliseconds of pause after each question, so that slow devices and a polling daemon keep their time.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(0..=10_000))]
    pub pause_ms: u64,
}

/// Numbers of units in rising order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Units(Vec<u8>);

fn units(text: &str) -> Result<Units, String> {
    let wrong = || format!("`{text}` is no list of units; write numbers 0 to 255 as in 1-32,40");
    let mut units = std::collections::BTreeSet::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<u8>().map_err(|_| wrong());
        units.extend(number(first)?..=number(last)?);
    }
    if units.is_empty() {
        return Err(wrong());
    }
    Ok(Units(units.into_iter().collect()))
}

/// Asks one unit after the other.
pub(super) fn scan(way: &mut Way, scan: &Scan) -> Result<(), Stopped> {
    let mut found = 0_u32;
    for unit in &scan.units.0 {
        if let Some(line) = look(way, *unit, scan)? {
            found += 1;
            say(&line);
        }
    }
    let asked = scan.units.0.len();
    say(&format!("{found} of {asked} units answered"));
    Ok(())
}

/// What is to be said of a unit; `None` when it is silent.
fn look(way: &mut Way, unit: u8, scan: &Scan) -> Result<Option<String>, Stopped> {
    let mut said = Vec::new();
    for (area, name) in [
        (Area::Holding, "holding"),
        (Area::Input, "input"),
        (Area::Coil, "coil"),
        (Area::Discrete, "discrete"),
    ] {
        let ask = Ask::Read {
            area,
            start: scan.start,
            count: 1,
        };
        let told = way.ask(Question { unit, ask })?;
        thread::sleep(Duration::from_millis(scan.pause_ms));
        match told {
            Told::Exception { code } if ABSENT.contains(&code) => return Ok(None),
            // A unit that answers one function and not another is there; one that has answered none may still.
            Told::Nothing { .. } if said.is_empty() => {}
            Told::Nothing { .. } => said.push(format!("{name} no answer")),
            Told::Exception { code } => said.push(format!("{name} exception {code:02X}")),
            Told::Registers { words } => {
                let word = words.first().copied().unwrap_or_default();
                said.push(format!("{name} 0x{word:04X}"));
            }
            Told::Bits { bits } => {
                let bit = u8::from(bits.first().copied().unwrap_or_default());
                said.push(format!("{name} {bit}"));
            }
            Told::Identity { .. } => {}
        }
    }
    if said.is_empty() {
        return Ok(None);
    }
    said.extend(identity(way, unit, scan)?);
    Ok(Some(format!("unit {unit}: {}", said.join(", "))))
}

/// Maker, product and revision, where the device tells them.
fn identity(way: &mut Way, unit: u8, scan: &Scan) -> Result<Option<String>, Stopped> {
    let (mut texts, mut object) = (Vec::new(), 0);
    for _ in 0..IDENTITY_REPLIES_MAX {
        let ask = Ask::Identify { object };
        let told = way.ask(Question { unit, ask })?;
        thread::sleep(Duration::from_millis(scan.pause_ms));
        let Told::Identity { objects, next } = told else {
            break;
        };
        texts.extend(objects.into_iter().map(|(_, text)| text));
        match next {
            Some(next) => object = next,
            None => break,
        }
    }
    Ok((!texts.is_empty()).then(|| format!("is \"{}\"", texts.join(" "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_written_as_ranges() {
        assert_eq!(units("3,1-2"), Ok(Units(vec![1, 2, 3])));
        assert_eq!(units("0-255").map(|units| units.0.len()), Ok(256));
        for wrong in ["", "1-", "256", "2-1", "a"] {
            units(wrong).expect_err(wrong);
        }
    }
}
