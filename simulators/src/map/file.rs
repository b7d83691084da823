//! The text of a panel map, as docs/panels.md describes it. The daemon reads the same files with code of its own; the two have nothing
//! in common but that page.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Area, Condition};

/// What this program has to know of a map. Source, tier and note are for people.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct File {
    pub(super) base: Base,
    pub(super) limits: Limits,
    #[serde(default)]
    pub(super) quirks: Quirks,
    pub(super) summary: Option<SummaryEntry>,
    #[serde(default)]
    pub(super) groups: BTreeMap<String, Table>,
    #[serde(default)]
    pub(super) writes: BTreeMap<String, WriteEntry>,
}

/// `protocol` stands only in files that are no map of registers.
#[derive(Deserialize)]
struct Head {
    protocol: Option<String>,
}

/// How addresses are written.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Base {
    Number(u16),
    Word(String),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) registers_max: usize,
    pub(super) bits_max: usize,
    pub(super) gap_max: u16,
    pub(super) frame_bytes_max: Option<usize>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Quirks {
    pub(super) unit_zero_replies: bool,
    pub(super) transaction_not_echoed: bool,
    pub(super) coil_on: Option<u16>,
    pub(super) writes_multiple: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SummaryEntry {
    pub(super) area: Area,
    pub(super) start: i64,
    pub(super) count: u16,
    pub(super) groups: Vec<String>,
    #[serde(rename = "max_age_ms")]
    _max_age_ms: IgnoredAny,
}

/// A group, or one more table of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) area: Area,
    pub(super) start: i64,
    pub(super) layout: Layout,
    pub(super) count: Option<u16>,
    pub(super) first: Option<u16>,
    pub(super) loops: Option<Loops>,
    pub(super) stride: Option<u16>,
    pub(super) loop_stride: Option<u16>,
    pub(super) order: Option<Order>,
    #[serde(default)]
    pub(super) bits: BTreeMap<Condition, Listed>,
    pub(super) codes: Option<CodesEntry>,
    pub(super) missing: Option<Missing>,
    #[serde(default)]
    pub(super) inverted: bool,
    pub(super) shows: Option<Condition>,
    pub(super) width: Option<u8>,
    pub(super) packing: Option<Packing>,
    #[serde(default)]
    pub(super) skip: u16,
    pub(super) number: Option<NumberEntry>,
    #[serde(default)]
    pub(super) also: Vec<Table>,
    #[serde(rename = "scan")]
    _scan: Option<IgnoredAny>,
    #[serde(rename = "clear_after")]
    _clear_after: Option<IgnoredAny>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Layout {
    Word,
    Bit,
    Packed,
    Number,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Loops {
    pub(super) count: u16,
    pub(super) stride: u16,
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) letter: char,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Order {
    Ab,
    Ba,
    Abcd,
    Cdab,
    Badc,
    Dcba,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Packing {
    MostFirst,
    LeastFirst,
}

/// One number or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Listed {
    One(u16),
    Many(Vec<u16>),
}

impl Listed {
    pub(super) fn numbers(&self) -> &[u16] {
        match self {
            Self::One(number) => std::slice::from_ref(number),
            Self::Many(numbers) => numbers,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodesEntry {
    pub(super) mask: Option<u16>,
    pub(super) when: Option<u8>,
    pub(super) normal: Option<Listed>,
    pub(super) fire: Option<Listed>,
    pub(super) fault: Option<Listed>,
    pub(super) disabled: Option<Listed>,
    pub(super) test: Option<Listed>,
    pub(super) active: Option<Listed>,
    pub(super) low: Option<Listed>,
    pub(super) high: Option<Listed>,
}

impl CodesEntry {
    /// Each list with what its codes mean; `None` is nothing at all.
    pub(super) fn lists(&self) -> [(Option<Condition>, &Option<Listed>); 8] {
        [
            (None, &self.normal),
            (Some(Condition::Fire), &self.fire),
            (Some(Condition::Fault), &self.fault),
            (Some(Condition::Disabled), &self.disabled),
            (Some(Condition::Test), &self.test),
            (Some(Condition::Active), &self.active),
            (Some(Condition::Low), &self.low),
            (Some(Condition::High), &self.high),
        ]
    }
}

/// What says that there is no device.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Missing {
    Whole(u32),
    Masked(Pattern),
    Several(Vec<Pattern>),
}

/// Bits that have a certain value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pattern {
    pub(super) mask: u32,
    pub(super) value: u32,
}

impl Missing {
    /// The patterns, where a point has the bits of `all`.
    pub(super) fn patterns(&self, all: u32) -> Vec<Pattern> {
        match self {
            Self::Whole(value) => vec![Pattern {
                mask: all,
                value: *value,
            }],
            Self::Masked(one) => vec![*one],
            Self::Several(several) => several.clone(),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberEntry {
    #[serde(rename = "type")]
    pub(super) format: Format,
    pub(super) order: Option<Order>,
    #[serde(default = "one")]
    pub(super) scale: f64,
    #[serde(default)]
    pub(super) offset: f64,
    pub(super) unit: String,
    pub(super) decimals: Option<i64>,
    pub(super) missing: Option<Missing>,
    pub(super) broken_below: Option<f64>,
    pub(super) shorted_above: Option<f64>,
    pub(super) plausible: [f64; 2],
    #[serde(default)]
    pub(super) limits: BTreeMap<Condition, LimitEntry>,
    #[serde(rename = "hysteresis")]
    _hysteresis: Option<IgnoredAny>,
    #[serde(rename = "dead_band")]
    _dead_band: Option<IgnoredAny>,
}

fn one() -> f64 {
    1.0
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    Int16,
    Uint16,
    Bcd16,
    Int32,
    Uint32,
    Bcd32,
    Float32,
}

/// Beyond which value something is shown.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitEntry {
    pub(super) above: Option<f64>,
    pub(super) below: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WriteEntry {
    pub(super) coil: Option<i64>,
    pub(super) register: Option<i64>,
    pub(super) value: Option<u16>,
    pub(super) values: Option<[u16; 2]>,
    pub(super) bit: Option<u16>,
    pub(super) count: Option<u16>,
    #[serde(default)]
    pub(super) pulse: bool,
    #[serde(rename = "repeat")]
    _repeat: Option<IgnoredAny>,
    #[serde(rename = "when_silent")]
    _when_silent: Option<IgnoredAny>,
}

impl File {
    /// Reads the text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let head: Head = toml::from_str(text).map_err(|why| why.to_string())?;
        match head.protocol.as_deref() {
            None | Some("modbus") => toml::from_str(text).map_err(|why| why.to_string()),
            Some(other) => Err(format!(
                "the protocol is {other}: only register maps are played"
            )),
        }
    }

    /// The address on the wire of one that is written in the file.
    pub(super) fn address(&self, area: Area, written: i64) -> Result<u16, String> {
        let from_zero = match &self.base {
            Base::Number(base @ (0 | 1)) => Some(written - i64::from(*base)),
            Base::Word(word) if word == "raw" => Some(written),
            Base::Word(word) if word == "reference" => of_reference(area, written),
            Base::Number(_) | Base::Word(_) => return Err(format!("base {:?}", self.base)),
        };
        let address = from_zero.and_then(|address| u16::try_from(address).ok());
        address.ok_or_else(|| format!("{written} is no address of this table"))
    }
}

/// 40001 and 400001 are both the first holding register: the leading digit names the table, the rest counts from 1.
fn of_reference(area: Area, written: i64) -> Option<i64> {
    let digit = match area {
        Area::Coil => 0,
        Area::Discrete => 1,
        Area::Input => 3,
        Area::Holding => 4,
    };
    let [long, short] = [100_000, 10_000].map(|place| written - digit * place - 1);
    if (0..=0xFFFF).contains(&long) {
        Some(long)
    } else {
        (0..9_999).contains(&short).then_some(short)
    }
}
