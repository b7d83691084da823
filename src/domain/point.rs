//! A point 点位: what it is, and what was last read of it.

use serde::{Deserialize, Serialize};

use super::ids::{BuildingId, BusId, CompartmentId, FloorId, PointId};
use super::text::Text;
use super::time::{EngineTime, WallTime};

/// What kind of device a point is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointKind {
    /// 感烟探测器.
    Smoke,
    /// 感温探测器.
    Heat,
    /// 手动报警按钮.
    CallPoint,
    /// 消火栓按钮.
    HydrantButton,
    /// 水流指示器.
    FlowSwitch,
    /// 压力开关.
    PressureSwitch,
    /// 可燃气体探测器: a low and a high limit, never a fire signal.
    Gas,
    /// 监管: active = abnormal, for example a valve that is shut or a tank that is low.
    Supervisory,
    /// The feedback of an output 反馈: active = it is where it was commanded.
    Feedback,
    /// The panel's own 手动/自动 key: active = 自动.
    PanelKey,
    /// The panel's buzzer is silenced.
    PanelSilenced,
    /// The panel's evacuation sounders are on.
    PanelSounders,
    /// The panel has mains.
    PanelMains,
    /// The panel's common alarm 主机总火警: something burns, and not what. It is never counted as a device.
    PanelFire,
}

impl PointKind {
    /// Whether an alarm of this device is a fire signal 火警.
    #[must_use]
    pub fn is_fire(self) -> bool {
        matches!(
            self,
            Self::Smoke
                | Self::Heat
                | Self::CallPoint
                | Self::HydrantButton
                | Self::FlowSwitch
                | Self::PressureSwitch
                | Self::PanelFire
        )
    }

    /// Whether it stands for one device. The common alarm of a panel may be any device's, also one that is counted already.
    #[must_use]
    pub fn is_device(self) -> bool {
        self != Self::PanelFire
    }
}

/// How far a reading can be believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Never read since the start. Unknown is never normal.
    #[default]
    Unknown,
    /// Read before, not now: the link is lost or the device does not answer.
    Stale,
    /// Read in the latest cycle.
    Good,
}

/// The conditions of a point. They are independent: a device can be in fire and faulty at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a bit that a panel reports on its own"
)]
pub struct Conditions {
    /// 火警.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fire: bool,
    /// 故障, also "not present".
    #[serde(default, skip_serializing_if = "is_false")]
    pub fault: bool,
    /// 屏蔽.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// 测试.
    #[serde(default, skip_serializing_if = "is_false")]
    pub test: bool,
    /// Feedback or state bit is on.
    #[serde(default, skip_serializing_if = "is_false")]
    pub active: bool,
    /// 低限: a gas detector is at its low limit.
    #[serde(default, skip_serializing_if = "is_false")]
    pub low: bool,
    /// 高限: a gas detector is at its high limit.
    #[serde(default, skip_serializing_if = "is_false")]
    pub high: bool,
}

/// One of the [`Conditions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// 火警.
    Fire,
    /// 故障.
    Fault,
    /// 屏蔽.
    Disabled,
    /// 测试.
    Test,
    /// State or feedback.
    Active,
    /// 低限 of a gas detector.
    Low,
    /// 高限 of a gas detector.
    High,
}

impl Condition {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Fire,
        Self::Fault,
        Self::Disabled,
        Self::Test,
        Self::Active,
        Self::Low,
        Self::High,
    ];
    /// Those that raise an alarm.
    pub const ALARMS: [Self; 3] = [Self::Fire, Self::Low, Self::High];

    /// As the files call it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fire => "fire",
            Self::Fault => "fault",
            Self::Disabled => "disabled",
            Self::Test => "test",
            Self::Active => "active",
            Self::Low => "low",
            Self::High => "high",
        }
    }
}

impl Conditions {
    /// Whether one of them stands.
    #[must_use]
    pub fn has(self, condition: Condition) -> bool {
        match condition {
            Condition::Fire => self.fire,
            Condition::Fault => self.fault,
            Condition::Disabled => self.disabled,
            Condition::Test => self.test,
            Condition::Active => self.active,
            Condition::Low => self.low,
            Condition::High => self.high,
        }
    }

    /// The same with one of them as told.
    #[must_use]
    pub fn with(mut self, condition: Condition, stands: bool) -> Self {
        let field = match condition {
            Condition::Fire => &mut self.fire,
            Condition::Fault => &mut self.fault,
            Condition::Disabled => &mut self.disabled,
            Condition::Test => &mut self.test,
            Condition::Active => &mut self.active,
            Condition::Low => &mut self.low,
            Condition::High => &mut self.high,
        };
        *field = stands;
        self
    }

    /// What stands in either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let both = |all: Self, condition| {
            let stands = all.has(condition) || other.has(condition);
            all.with(condition, stands)
        };
        Condition::ALL.into_iter().fold(self, both)
    }

    /// 低限 or 高限.
    #[must_use]
    pub fn gas(self) -> bool {
        self.low || self.high
    }

    /// What a device says counts for a rule (DESIGN.md 4, rule 3): it is neither 屏蔽, in test nor faulty.
    #[must_use]
    pub fn is_healthy(self) -> bool {
        !self.disabled && !self.test && !self.fault
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What a bus task read of a point, at the moment the reply arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The decoded conditions; meaningful with quality `Good`, else the last known.
    pub conditions: Conditions,
    /// How far to believe them.
    pub quality: Quality,
    /// When the reply arrived.
    pub at: EngineTime,
    /// What was measured, for a point that measures. It is shown, never compared: a limit that is passed is a condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Milli>,
    /// Why the point is faulty, when the reading itself says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// What the device's own clock said, when it tells; nobody sets these clocks, so nothing is ordered by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_time: Option<WallTime>,
}

impl Reading {
    /// A reading of conditions alone.
    #[must_use]
    pub fn new(conditions: Conditions, quality: Quality, at: EngineTime) -> Self {
        Self {
            conditions,
            quality,
            at,
            value: None,
            trouble: None,
            device_time: None,
        }
    }
}

/// Why a reading says nothing of its point but that it is faulty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// The device says that there is no such point.
    NotPresent,
    /// A code that the profile does not know.
    UnknownCode,
    /// The signal of a sensor is below what a whole wire carries 断线.
    Broken,
    /// The signal of a sensor is above its range 短路.
    Shorted,
    /// The value is beyond what can be.
    Implausible,
    /// The registers hold no number.
    NotANumber,
}

impl Trouble {
    /// As documents and the catalogue call it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotPresent => "not_present",
            Self::UnknownCode => "unknown_code",
            Self::Broken => "broken",
            Self::Shorted => "shorted",
            Self::Implausible => "implausible",
            Self::NotANumber => "not_a_number",
        }
    }
}

/// A measured value in thousandths of its unit of measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Milli(pub i64);

/// Where a point stands within the group of its unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    /// Modbus: its number in the register group (device number, input number …), zero-based.
    Index(u16),
    /// GB/T 26875.3: the system's address and the part's address as it is sent, low byte first.
    Part {
        /// 系统地址.
        system: u8,
        /// 部件地址.
        part: u32,
    },
    /// A printing panel: how the panel calls it, as its profile's patterns give it, for example `1-2-15`.
    Label(String),
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Index(index) => write!(f, "{index}"),
            Self::Part { system, part } => write!(f, "{system}/0x{part:08X}"),
            Self::Label(label) => f.write_str(label),
        }
    }
}

/// A point as the site's files describe it.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its id.
    pub id: PointId,
    /// What it is.
    pub kind: PointKind,
    /// Its own name, for example 感烟 1-015.
    pub name: Text,
    /// The building it stands in.
    pub building: BuildingId,
    /// The floor.
    pub floor: FloorId,
    /// The room, as people call it.
    pub room: Text,
    /// The fire compartment; mandatory (DESIGN.md 3).
    pub compartment: CompartmentId,
    /// Place on the floor's plan, in plan units; `None` when it is not drawn.
    pub place: Option<(f64, f64)>,
    /// The node of the route graph where somebody stands to look at it.
    pub node: super::ids::NodeId,
    /// The bus that reads it.
    pub bus: BusId,
    /// The unit on that bus.
    pub unit: u8,
    /// Name of the register group in the unit's profile.
    pub group: String,
    /// Where it stands in that group.
    pub address: Address,
    /// What points.csv and the panel call it there, for example `15` or `L1D15`.
    pub number: String,
    /// The unit of measurement of a point that measures, for example `%LEL`.
    pub measured_in: Option<String>,
}
