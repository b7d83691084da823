//! An order 指令 to people, and how people answer it.

use serde::{Deserialize, Serialize};

use super::text::Text;

/// What an order asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// Go, look, and report 核实.
    Verify,
    /// Report to the commander 报告总指挥.
    Report,
    /// A group's standing order.
    Group,
    /// Do an output by hand: its feedback did not come.
    ByHand,
    /// Take command 接过指挥权.
    Command,
    /// The room does not answer, or somebody is needed 支援.
    Support,
    /// Watch for re-ignition 看守复燃 after the all-clear.
    Watch,
}

/// The life of an order (DESIGN.md 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Committed, not yet at the broker.
    Queued,
    /// The broker has it.
    AtBroker,
    /// The recipient's device has it.
    Received,
    /// 收到.
    Accepted,
    /// 已到场.
    Arrived,
    /// Answered or completed.
    Done,
    /// 无法前往.
    Declined,
    /// Taken back: no longer needed.
    Withdrawn,
}

impl OrderState {
    /// Whether the recipient still has to do something.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Self::Queued | Self::AtBroker | Self::Received | Self::Accepted | Self::Arrived
        )
    }
}

/// The way between the daemon and a recipient's device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Over the broker. The journal does not write it down, so that older entries read as they were.
    #[default]
    Mqtt,
    /// A page that is open, without any broker.
    Http,
}

impl Via {
    /// Whether the journal leaves it out.
    #[must_use]
    pub fn is_mqtt(&self) -> bool {
        *self == Self::Mqtt
    }
}

/// What a recipient answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyVerb {
    /// The device itself: it has the order.
    Received,
    /// 收到.
    Accept,
    /// 已到场.
    Arrive,
    /// 误报, with a cause.
    ReportFalse,
    /// 真火.
    ReportReal,
    /// 无法前往 or 无法判断; not a verdict: the clock runs on.
    Unable,
    /// A group order or a hand task is complete.
    Done,
    /// 火已扑灭, by the fire-fighting group.
    FireOut,
    /// 清点人数, by the evacuation group: present and missing.
    HeadCount,
    /// 伤员, by the first-aid group: how many, of whom accounted for.
    Casualties,
    /// 轿厢平层、门开、无人: the lift is at the landing with its doors open and nobody inside.
    LiftClear,
}

/// The figures of a structured answer; each answer has its own two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// People who are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present: Option<u32>,
    /// People who are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<u32>,
    /// Injured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Injured whose place is known: treated, or on the way to a hospital.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounted: Option<u32>,
}

impl Figures {
    /// `None` when there is none of them.
    #[must_use]
    pub fn given(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

/// What came of a call to 119.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// 接通.
    Connected,
    /// 未接通: the line failed.
    Failed,
    /// 不呼叫, because …, by name.
    NotCalled,
    /// 续报: a further call about the same fire.
    FollowUp,
    /// 撤回: the brigade was told not to come.
    CalledOff,
}

impl CallOutcome {
    /// The word in files and the catalogue (`call.{word}`).
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Failed => "failed",
            Self::NotCalled => "not_called",
            Self::FollowUp => "follow_up",
            Self::CalledOff => "called_off",
        }
    }
}

/// How somebody was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// 电话.
    Phone,
    /// 对讲机.
    Radio,
    /// 当面.
    InPerson,
    /// By a guard's own device.
    Guard,
}

impl How {
    /// How an operator can have heard somebody.
    pub const OF_THE_ROOM: [Self; 3] = [Self::Radio, Self::Phone, Self::InPerson];

    /// The word in files and the catalogue (`how.{word}`).
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Radio => "radio",
            Self::InPerson => "in_person",
            Self::Guard => "guard",
        }
    }
}

/// Why a false alarm was false (process.md 112).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// 烹饪油烟.
    Cooking,
    /// 吸烟.
    Smoking,
    /// 粉尘.
    Dust,
    /// 水汽.
    Steam,
    /// 设备故障.
    DeviceFault,
    /// 进水.
    Water,
    /// 恶作剧.
    Prank,
    /// 施工.
    Contractor,
    /// 原因待查.
    Unknown,
}

impl Cause {
    /// Every cause, in the order in which it is offered.
    pub const ALL: [Self; 9] = [
        Self::Cooking,
        Self::Smoking,
        Self::Dust,
        Self::Steam,
        Self::DeviceFault,
        Self::Water,
        Self::Prank,
        Self::Contractor,
        Self::Unknown,
    ];

    /// The word in files, topics and the catalogue (`cause.{word}`).
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Cooking => "cooking",
            Self::Smoking => "smoking",
            Self::Dust => "dust",
            Self::Steam => "steam",
            Self::DeviceFault => "device_fault",
            Self::Water => "water",
            Self::Prank => "prank",
            Self::Contractor => "contractor",
            Self::Unknown => "unknown",
        }
    }
}

/// A way on foot: what the chosen post is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// Metres on foot.
    pub metres: u32,
    /// Seconds on foot.
    pub seconds: u32,
    /// The last stair or door to use.
    pub via: Text,
}
