//! Application units of GB/T 26875.3-2011 (table 3, figures 5 to 46): a type, a count, and so many objects of one size.
//!
//! A unit is read whole or not at all: when its length does not follow from its type and its count, nothing of it is believed.

use encoding_rs::GB18030;
use thiserror::Error;

use super::frame::ADU_MAX;

/// Bytes of a time label.
const LABEL: usize = 6;

/// What the maker writes differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Bytes of the text of a part; 31 by the standard.
    pub(crate) text: usize,
}

/// A time label as it stands in a frame: second, minute, hour, day, month, year of the century.
pub(crate) type Label = [u8; LABEL];

/// A facility 建筑消防设施 of the transmission device: its type (table 4) and address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct System {
    pub(crate) kind: u8,
    pub(crate) address: u8,
}

/// A part 部件 of a facility: its type (table 5) and its four address bytes, least significant first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) system: System,
    pub(crate) kind: u8,
    pub(crate) address: u32,
}

/// 建筑消防设施系统状态, type 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SystemState {
    pub(crate) system: System,
    pub(crate) state: State,
    pub(crate) label: Option<Label>,
}

/// 部件运行状态, type 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartState {
    pub(crate) part: Part,
    pub(crate) state: State,
    /// What the panel calls it.
    pub(crate) text: String,
    pub(crate) label: Option<Label>,
}

/// 部件模拟量值, type 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Analog {
    pub(crate) part: Part,
    /// Table 6.
    pub(crate) quantity: u8,
    pub(crate) value: i16,
    pub(crate) label: Option<Label>,
}

/// 操作信息, types 4 and 24.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// The facility; `None` for the transmission device itself.
    pub(crate) system: Option<System>,
    /// Bits of figure 13 or 23.
    pub(crate) acts: u8,
    /// The number of who did it.
    pub(crate) operator: u8,
    pub(crate) label: Option<Label>,
}

/// What a device says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Systems(Vec<SystemState>),
    Parts(Vec<PartState>),
    Analogs(Vec<Analog>),
    Operations(Vec<Operation>),
    /// 用户信息传输装置运行状态, type 21: bits of figure 22.
    Device(u8, Option<Label>),
    /// Versions, configurations and clocks (types 5 to 8, 25, 26, 28): said, and nothing is believed because of it.
    Remarks(Vec<Remark>),
}

/// What is only told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remark {
    Version {
        system: Option<System>,
        main: u8,
        minor: u8,
    },
    Configuration {
        system: Option<System>,
        text: String,
    },
    PartConfiguration {
        part: Part,
        text: String,
    },
    Clock {
        system: Option<System>,
        label: Label,
    },
}

/// Why a unit is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum BadUnit {
    /// A heartbeat is recognised before; this is neither.
    #[error("it has no type and count")]
    Short,
    /// 0, reserved, downward or a maker's own.
    #[error("type {0} is not one that a device sends by the standard")]
    Type(u8),
    /// The length does not follow from type and count.
    #[error("type {kind} with {count} objects cannot have {length} bytes")]
    Size { kind: u8, count: u8, length: usize },
}

/// State bits of a system (figure 6) and of a part (figure 9); the low eight mean the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State(pub(crate) u16);

impl State {
    fn bit(self, bit: u16) -> bool {
        self.0 >> bit & 1 == 1
    }

    /// b0 = 0: test. Many devices leave b0 at 0 in a real fire.
    pub(crate) fn is_test(self) -> bool {
        !self.bit(0)
    }

    /// 火警.
    pub(crate) fn fire(self) -> bool {
        self.bit(1)
    }

    /// 故障.
    pub(crate) fn fault(self) -> bool {
        self.bit(2)
    }

    /// 屏蔽.
    pub(crate) fn disabled(self) -> bool {
        self.bit(3)
    }

    /// 监管.
    pub(crate) fn supervisory(self) -> bool {
        self.bit(4)
    }

    /// 启动 (开启): it was told to.
    pub(crate) fn started(self) -> bool {
        self.bit(5)
    }

    /// 反馈: it did.
    pub(crate) fn feedback(self) -> bool {
        self.bit(6)
    }

    /// 启动 or 反馈.
    pub(crate) fn acted(self) -> bool {
        self.started() || self.feedback()
    }

    /// A part's 电源故障, a system's 主电故障.
    pub(crate) fn power_fault(self) -> bool {
        self.bit(8)
    }

    /// A system's 备电故障 or 总线故障.
    pub(crate) fn supply_fault(self) -> bool {
        self.bit(9) || self.bit(10)
    }

    /// A system's 手动状态.
    pub(crate) fn manual(self) -> bool {
        self.bit(11)
    }

    /// A system's 复位.
    pub(crate) fn reset(self) -> bool {
        self.bit(13)
    }
}

/// Bytes that are taken off one after the other.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn text(&mut self, length: usize) -> Option<String> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text(head))
    }

    fn system(&mut self) -> Option<System> {
        let [kind, address] = self.take()?;
        Some(System { kind, address })
    }

    fn part(&mut self) -> Option<Part> {
        Some(Part {
            system: self.system()?,
            kind: self.byte()?,
            address: u32::from_le_bytes(self.take()?),
        })
    }

    fn state(&mut self) -> Option<State> {
        self.take().map(u16::from_le_bytes).map(State)
    }
}

/// Reads a unit.
pub(crate) fn read(adu: &[u8], shape: Shape) -> Result<Unit, BadUnit> {
    let (&[kind, count], body) = adu.split_first_chunk::<2>().ok_or(BadUnit::Short)?;
    let bad = BadUnit::Size {
        kind,
        count,
        length: adu.len(),
    };
    let unit = match kind {
        1 => labelled(body, count, 4, system_state).map(Unit::Systems),
        2 => labelled(body, count, 9 + shape.text, |b| part_state(b, shape)).map(Unit::Parts),
        3 => labelled(body, count, 10, analog).map(Unit::Analogs),
        4 => labelled(body, count, 4, facility_operation).map(Unit::Operations),
        24 => labelled(body, count, 2, device_operation).map(Unit::Operations),
        21 => labelled(body, count, 1, |bytes| Some((bytes.byte()?, None)))
            .and_then(|all: Vec<(u8, Option<Label>)>| all.into_iter().next_back())
            .map(|(state, label)| Unit::Device(state, label)),
        5..=8 | 25 | 26 | 28 => remarks(kind, count, body, shape).map(Unit::Remarks),
        other => return Err(BadUnit::Type(other)),
    };
    unit.ok_or(bad)
}

/// Something that a time label follows.
trait Labelled {
    fn set(&mut self, label: Label);
}

impl Labelled for SystemState {
    fn set(&mut self, label: Label) {
        self.label = Some(label);
    }
}

impl Labelled for PartState {
    fn set(&mut self, label: Label) {
        self.label = Some(label);
    }
}

impl Labelled for Analog {
    fn set(&mut self, label: Label) {
        self.label = Some(label);
    }
}

impl Labelled for Operation {
    fn set(&mut self, label: Label) {
        self.label = Some(label);
    }
}

impl Labelled for (u8, Option<Label>) {
    fn set(&mut self, label: Label) {
        self.1 = Some(label);
    }
}

/// `count` objects of `size` bytes, each with its label. Some makers leave the labels out, all of them: that follows from the length.
fn labelled<T: Labelled>(
    body: &[u8],
    count: u8,
    size: usize,
    read: impl Fn(&mut Bytes<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = usize::from(count);
    let has_labels = body.len() == count * (size + LABEL);
    if count == 0 || !has_labels && body.len() != count * size {
        return None;
    }
    let step = if has_labels { size + LABEL } else { size };
    let object = |bytes: &[u8]| {
        let mut bytes = Bytes(bytes);
        let mut object = read(&mut bytes)?;
        if has_labels {
            object.set(bytes.take()?);
        }
        Some(object)
    };
    body.chunks_exact(step).map(object).collect()
}

fn system_state(bytes: &mut Bytes<'_>) -> Option<SystemState> {
    Some(SystemState {
        system: bytes.system()?,
        state: bytes.state()?,
        label: None,
    })
}

fn part_state(bytes: &mut Bytes<'_>, shape: Shape) -> Option<PartState> {
    Some(PartState {
        part: bytes.part()?,
        state: bytes.state()?,
        text: bytes.text(shape.text)?,
        label: None,
    })
}

fn analog(bytes: &mut Bytes<'_>) -> Option<Analog> {
    Some(Analog {
        part: bytes.part()?,
        quantity: bytes.byte()?,
        value: i16::from_le_bytes(bytes.take()?),
        label: None,
    })
}

fn facility_operation(bytes: &mut Bytes<'_>) -> Option<Operation> {
    let system = Some(bytes.system()?);
    device_operation(bytes).map(|operation| Operation {
        system,
        ..operation
    })
}

fn device_operation(bytes: &mut Bytes<'_>) -> Option<Operation> {
    Some(Operation {
        system: None,
        acts: bytes.byte()?,
        operator: bytes.byte()?,
        label: None,
    })
}

/// Objects without labels; all bytes must be used up.
fn remarks(kind: u8, count: u8, body: &[u8], shape: Shape) -> Option<Vec<Remark>> {
    let mut bytes = Bytes(body);
    let remarks = (0..count).map(|_| remark(kind, &mut bytes, shape));
    let remarks: Vec<Remark> = remarks.collect::<Option<_>>()?;
    (bytes.0.is_empty() && !remarks.is_empty()).then_some(remarks)
}

fn remark(kind: u8, bytes: &mut Bytes<'_>, shape: Shape) -> Option<Remark> {
    if kind == 7 {
        let (part, text) = (bytes.part()?, bytes.text(shape.text)?);
        return Some(Remark::PartConfiguration { part, text });
    }
    let system = if kind < 21 {
        Some(bytes.system()?)
    } else {
        None
    };
    Some(match kind {
        5 | 25 => Remark::Version {
            system,
            main: bytes.byte()?,
            minor: bytes.byte()?,
        },
        6 | 26 => {
            let length = usize::from(bytes.byte()?);
            let text = bytes.text(length)?;
            Remark::Configuration { system, text }
        }
        _ => Remark::Clock {
            system,
            label: bytes.take()?,
        },
    })
}

/// The words of a text field. It is GB 18030, filled with NUL or blanks; behind a NUL stands what was there before.
fn text(bytes: &[u8]) -> String {
    let words = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let (words, _, _) = GB18030.decode(words);
    // What a screen or a record cannot show is no word of a name.
    let shown = words.chars().filter(|c| !c.is_control());
    shown.collect::<String>().trim().to_owned()
}

/// Reads down: what the centre asks of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// 读建筑消防设施系统状态, type 61.
    System(System),
    /// 读部件运行状态, type 62.
    Parts(Vec<(System, u32)>),
    /// 读用户信息传输装置运行状态, type 81.
    Device,
    /// 同步时钟, type 90.
    Clock(Label),
}

/// Most parts of one [`Ask::Parts`]: the answer has 46 bytes for each (table 3).
pub(crate) const PARTS_MAX: usize = (ADU_MAX - 2) / 46;

impl Ask {
    /// The type of the answer; `None` for what is only confirmed.
    pub(crate) fn answer(&self) -> Option<u8> {
        match self {
            Self::System(_) => Some(1),
            Self::Parts(_) => Some(2),
            Self::Device => Some(21),
            Self::Clock(_) => None,
        }
    }

    /// Its bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::System(system) => vec![61, 1, system.kind, system.address],
            Self::Parts(parts) => {
                let count = u8::try_from(parts.len()).unwrap_or(u8::MAX);
                let mut bytes = vec![62, count];
                for (system, address) in parts {
                    bytes.extend([system.kind, system.address]);
                    bytes.extend(address.to_le_bytes());
                }
                bytes
            }
            Self::Device => vec![81, 1, 0],
            Self::Clock(label) => [&[90, 1], label.as_slice()].concat(),
        }
    }
}

#[cfg(test)]
mod tests;
