//! How long a serial line needs for what it is asked, by arithmetic alone: whether its speed is enough is known before it is built.
//!
//! One read takes (8 + 5 + data) characters, the silence before the request and before the reply, and the device's own time. Two
//! blocks of one unit in a row whose replies look alike are kept apart; what lies further apart in the cycle counts as far enough.

use std::collections::BTreeMap;
use std::time::Duration;

use super::modbus::pdu::{Request, Span};
use super::plan::{self, Block};
use super::recent::DOUBLED_WITHIN;
use crate::domain::ids::BusId;
use crate::domain::line::{Line, SerialLine};
use crate::domain::profile::{Scan, UnitProfile};
use crate::domain::site::{Bus, Site};

/// Characters around the data: the request, and unit, function, count and checksum of the reply (V1.1b3, 6.1 to 6.4).
const AROUND: u32 = 8 + 5;
/// What a device takes until it answers. 5 to 45 ms are common; whoever knows better writes it down as the unit's gap.
pub const DEVICE: Duration = Duration::from_millis(12);
/// Above this speed the silences are fixed (V1.02, 2.5.1.1).
const FAST: u32 = 19_200;
const SILENCE_FAST: Duration = Duration::from_micros(1_750);

/// What a line needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The line.
    pub bus: BusId,
    /// Bits per second.
    pub baud: u32,
    /// Reads of one cycle.
    pub reads: usize,
    /// How long a cycle takes.
    pub cycle: Duration,
    /// Between the starts of two cycles, as the site wants it.
    pub interval: Duration,
    /// From the moment at which a panel shows an alarm until it is read, at worst: just missed, and read at the end of the alarm blocks
    /// of the next cycle.
    pub alarm: Duration,
}

/// The budgets of all serial ports. What a line behind a gateway needs is not known here: its speed stands in the gateway.
#[must_use]
pub fn budgets(site: &Site, profiles: &BTreeMap<String, UnitProfile>) -> Vec<Budget> {
    let maps = super::register_maps(profiles);
    let budgets = site.buses.values().filter_map(|bus| match &bus.line {
        Line::Serial(line) => Some(budget(bus, line, &plan::blocks(site, bus, &maps).0)),
        Line::Tcp(_) | Line::RtuOverTcp(_) | Line::Listen(_) | Line::Printer(_) => None,
    });
    budgets.collect()
}

fn budget(bus: &Bus, line: &SerialLine, blocks: &[Block]) -> Budget {
    let time = |block: &Block| {
        let unit = bus.units.iter().find(|unit| unit.unit == block.unit);
        let gap = unit.map_or(0, |unit| unit.gap_ms);
        read(line, block.span, Duration::from_millis(gap.into()))
    };
    let needed = |blocks: &[&Block]| {
        let pairs = blocks.windows(2).filter(|pair| are_alike(pair)).count();
        let apart = DOUBLED_WITHIN * u32::try_from(pairs).unwrap_or(u32::MAX);
        blocks.iter().map(|block| time(block)).sum::<Duration>() + apart
    };
    let all: Vec<&Block> = blocks.iter().collect();
    let first = blocks.iter().filter(|block| block.scan != Scan::Rest);
    let first: Vec<&Block> = first.collect();
    let (cycle, first) = (needed(&all), needed(&first));
    let interval = Duration::from_millis(bus.poll_interval_ms.into());
    Budget {
        bus: bus.id.clone(),
        baud: line.baud,
        reads: blocks.len(),
        cycle,
        interval,
        alarm: interval.max(cycle) + first,
    }
}

fn are_alike(blocks: &[&Block]) -> bool {
    let [one, next] = blocks else {
        return false;
    };
    one.unit == next.unit && Request::Read(one.span).is_answered_like(&Request::Read(next.span))
}

/// The time of one read.
fn read(line: &SerialLine, span: Span, gap: Duration) -> Duration {
    let count = u32::from(span.count());
    let data = if span.area().is_bits() {
        count.div_ceil(8)
    } else {
        2 * count
    };
    let characters = (AROUND + data) * line.bits_per_character();
    let silence = if line.baud > FAST {
        SILENCE_FAST
    } else {
        Duration::from_micros(38_500_000) / line.baud.max(1)
    };
    Duration::from_secs(characters.into()) / line.baud.max(1) + silence + silence.max(gap) + DEVICE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::line::Parity;
    use crate::domain::profile::Area;

    fn line(baud: u32) -> SerialLine {
        SerialLine {
            path: "/dev/ttyS1".to_owned(),
            baud,
            parity: Parity::None,
            stop_bits: 1,
            echo: false,
            driver: None,
            pty_only: false,
        }
    }

    #[test]
    fn a_read_takes_as_long_as_the_sums_by_hand_say() {
        // Characters of ten bits, silences of eleven: 9600 baud, 1, 10, 60, 125 registers, 64 and 2000 bits, without the device.
        for (baud, area, count, ms) in [
            (9_600, Area::Holding, 1, 23.6),
            (9_600, Area::Holding, 10, 42.4),
            (9_600, Area::Holding, 125, 282.0),
            (9_600, Area::Discrete, 64, 29.9),
            (9_600, Area::Discrete, 2_000, 282.0),
            (19_200, Area::Holding, 60, 73.3),
            (115_200, Area::Holding, 125, 26.3),
        ] {
            let span = Span::new(area, 0, count).expect("a span");
            let took = read(&line(baud), span, Duration::ZERO) - DEVICE;
            let difference = (took.as_secs_f64() * 1_000.0 - ms).abs();
            assert!(difference < 0.1, "{baud} {area:?} {count}: {took:?}");
        }
    }
}
