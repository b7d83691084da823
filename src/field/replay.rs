//! A saved trace through the decoder again: the same bytes must get the same verdict, and give the same values, in every later
//! version. Bytes in, words out; no I/O.

use std::collections::BTreeMap;

use thiserror::Error;

use super::explain;
use super::modbus::fault::Tally;
use super::modbus::mbap::{self, Progress};
use super::modbus::pdu::{Lenient, Reply, Request, Span, Values};
use super::modbus::rtu;
use super::plan::{self, Block};
use super::terms::AllTerms;
use super::trace::Verdict;
use crate::domain::ids::{BusId, PointId};
use crate::domain::line::Line;
use crate::domain::probe::Frame;
use crate::domain::profile::{Area, UnitProfile};
use crate::domain::site::Site;
use crate::domain::time::WallTime;

/// A request with what came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// When it was sent.
    pub wall: WallTime,
    /// What was asked.
    pub asked: String,
    /// What the decoder says of what came.
    pub verdict: String,
    /// What it said when the trace was made.
    pub recorded: String,
    /// The points in it whose meaning is new, with what they mean.
    pub values: Vec<(PointId, String)>,
}

impl Exchange {
    /// Whether the decoder says anything else than it did then.
    #[must_use]
    pub fn is_different(&self) -> bool {
        self.verdict != self.recorded
    }
}

/// Why a trace cannot be replayed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NotReplayed {
    /// The site has no such bus.
    #[error("the trace is of bus `{0}`, which site.toml does not have")]
    Bus(BusId),
    /// What we sent is no request of ours.
    #[error("frame {0} is no request")]
    Request(u64),
}

/// What is right about each exchange of a trace, by today's decoder and the profiles of the site.
///
/// # Errors
/// The trace does not fit the site.
pub fn replay(
    site: &Site,
    profiles: &BTreeMap<String, UnitProfile>,
    bus: &BusId,
    frames: &[Frame],
) -> Result<Vec<Exchange>, NotReplayed> {
    let found = site
        .buses
        .get(bus)
        .ok_or_else(|| NotReplayed::Bus(bus.clone()))?;
    let maps = super::register_maps(profiles);
    let reader = Reader {
        line: found.line.clone(),
        terms: AllTerms::new(found, &maps),
        blocks: plan::blocks(site, found, &maps).0,
    };
    let mut known = BTreeMap::new();
    let mut exchanges = Vec::new();
    let mut frames = frames.iter().peekable();
    while let Some(frame) = frames.next() {
        if !frame.sent {
            // What nobody had asked for: it has no request to be judged by.
            continue;
        }
        let is_answer = |next: &&Frame| !next.sent;
        let Some(heard) = frames.next_if(is_answer) else {
            continue;
        };
        let asked = reader
            .asked(&bytes(frame))
            .ok_or(NotReplayed::Request(frame.number))?;
        let (verdict, values) = reader.judge(&asked, &bytes(heard), &heard.verdict);
        let mut new = Vec::new();
        if let (Some(values), Some(span)) = (values, asked.span()) {
            for placed in explain::within(&reader.blocks, asked.unit(), span) {
                let meaning = explain::meaning(&placed, &values);
                if known.insert(placed.point.clone(), meaning.clone()).as_ref() != Some(&meaning) {
                    new.push((placed.point, meaning));
                }
            }
        }
        exchanges.push(Exchange {
            wall: frame.wall,
            asked: asked.said(),
            verdict,
            recorded: heard.verdict.clone(),
            values: new,
        });
    }
    Ok(exchanges)
}

/// A request that stands in a trace.
enum Asked {
    Tcp(mbap::Asked),
    Rtu {
        unit: u8,
        request: Request,
        asked: rtu::Asked,
    },
}

impl Asked {
    fn unit(&self) -> u8 {
        match self {
            Self::Tcp(asked) => asked.unit,
            Self::Rtu { unit, .. } => *unit,
        }
    }

    fn request(&self) -> &Request {
        match self {
            Self::Tcp(asked) => &asked.request,
            Self::Rtu { request, .. } => request,
        }
    }

    fn span(&self) -> Option<Span> {
        if let Request::Read(span) = self.request() {
            return Some(*span);
        }
        None
    }

    fn said(&self) -> String {
        let (unit, request) = (self.unit(), self.request());
        let function = request.function();
        match self.span() {
            Some(span) => {
                let (start, count) = (span.start(), span.count());
                format!("unit {unit} FC {function:02} {start}+{count}")
            }
            None => format!("unit {unit} FC {function:02}"),
        }
    }
}

/// How the frames of one line are read.
struct Reader {
    line: Line,
    terms: AllTerms,
    blocks: Vec<Block>,
}

impl Reader {
    fn lenient(&self, unit: u8) -> Lenient {
        self.terms.of(unit).lenient()
    }

    fn asked(&self, frame: &[u8]) -> Option<Asked> {
        match &self.line {
            Line::Tcp(_) => {
                let (&[t1, t0, _, _, _, _, unit], pdu) = frame.split_first_chunk::<7>()?;
                Some(Asked::Tcp(mbap::Asked {
                    transaction: u16::from_be_bytes([t1, t0]),
                    unit,
                    request: request(pdu)?,
                    lenient: self.lenient(unit),
                }))
            }
            Line::RtuOverTcp(_) => self.rtu(frame, false),
            Line::Serial(line) => self.rtu(frame, line.echo),
            // Nothing is asked there.
            Line::Listen(_) | Line::Printer(_) => None,
        }
    }

    fn rtu(&self, frame: &[u8], echo: bool) -> Option<Asked> {
        let (unit, rest) = frame.split_first()?;
        let pdu = rest.get(..rest.len().checked_sub(2)?)?;
        let request = request(pdu)?;
        let asked = rtu::Asked::new(*unit, request.clone(), echo)?;
        Some(Asked::Rtu {
            unit: *unit,
            request,
            asked: asked.accepting(self.lenient(*unit)),
        })
    }

    /// The verdict as a word, and the values of a right reply.
    fn judge(&self, asked: &Asked, heard: &[u8], recorded: &str) -> (String, Option<Values>) {
        let judged = match asked {
            Asked::Tcp(asked) => match asked.decode(heard) {
                Ok(Progress::Done(reply)) => Ok(reply),
                // The bytes are the beginning of a reply. Why nothing followed is not in them.
                Ok(Progress::More(_)) => return (recorded.to_owned(), None),
                Err(bad) => Err(Verdict::from(bad)),
            },
            Asked::Rtu { asked, .. } => {
                let concluded = asked.conclude(heard, &mut Tally::default());
                concluded.map_err(Verdict::from)
            }
        };
        match judged {
            Ok(reply) => {
                let word = Verdict::from(&reply).word().to_owned();
                let values = match reply {
                    Reply::Values(values) => Some(values),
                    Reply::Written | Reply::Identity(_) | Reply::Exception(_) => None,
                };
                (word, values)
            }
            Err(verdict) => (verdict.word().to_owned(), None),
        }
    }
}

fn bytes(frame: &Frame) -> Vec<u8> {
    let (pairs, _) = frame.hex.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map_while(byte).collect()
}

/// The request that these bytes are; `None` for one that the poller and the tools never send.
fn request(pdu: &[u8]) -> Option<Request> {
    let (function, body) = pdu.split_first()?;
    let (words, _) = body.as_chunks::<2>();
    let word = |n: usize| words.get(n).map(|word| u16::from_be_bytes(*word));
    let read = |area| Some(Request::Read(Span::new(area, word(0)?, word(1)?)?));
    match function {
        0x01 => read(Area::Coil),
        0x02 => read(Area::Discrete),
        0x03 => read(Area::Holding),
        0x04 => read(Area::Input),
        0x05 => Some(Request::WriteCoil {
            address: word(0)?,
            value: word(1)?,
        }),
        0x06 => Some(Request::WriteRegister {
            address: word(0)?,
            value: word(1)?,
        }),
        0x2B => match body {
            [0x0E, level, object] => Some(Request::Identify {
                level: *level,
                object: *object,
            }),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
