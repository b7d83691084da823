//! Everything that can reach the engine. An input that changes something is kept in the journal with all it caused.

use serde::{Deserialize, Serialize};

use super::actor::{Actor, Role};
use super::ids::{
    AccountId, BusId, CaseId, CommandId, CompartmentId, OrderId, PointId, RecipientId,
};
use super::order::{Cause, Figures, ReplyVerb, Via};
use super::output::WriteOutcome;
use super::point::{Conditions, Reading};
use super::time::{EngineTime, WallTime};

/// What came in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Input {
    /// The daemon started; everything read before is stale until it is read again.
    Started {
        /// The boot of the machine, to continue the engine's time.
        boot_id: String,
        /// What the boot's clock showed when engine time was zero, in ms.
        boot_ms_at_zero: i64,
        /// Version of the program.
        program: String,
    },
    /// The configuration differs from the one the journal knows.
    Configured {
        /// Hash of the files.
        version: String,
    },
    /// A point reads differently from what was last taken.
    Observed(Observation),
    /// A line of the field came up or was lost.
    Link {
        /// The line.
        bus: BusId,
        /// Whether its devices answer.
        up: bool,
        /// Why not: a word of the catalogue (`fault.link.{reason}`).
        reason: String,
    },
    /// A unit on a line answers again or has gone silent while others on the line answer.
    Unit {
        /// The line.
        bus: BusId,
        /// The unit.
        unit: u8,
        /// Whether it answers.
        up: bool,
        /// Why not: a word of the catalogue (`fault.link.{reason}`).
        reason: String,
    },
    /// A transmission device told something that is no state of a point. Also without anything told it is decided behind the readings
    /// that were put down before it, so that its answer says that they are kept.
    Transmitted(Transmission),
    /// A bus asks for the permit to write a command.
    Permit {
        /// The command.
        command: CommandId,
    },
    /// A bus tells what became of a write.
    Written {
        /// The command.
        command: CommandId,
        /// What became of it.
        outcome: WriteOutcome,
    },
    /// The broker has a revision of an order.
    AtBroker {
        /// The order.
        order: OrderId,
    },
    /// A recipient answers an order.
    Reply(Reply),
    /// A post or person at the scene reports a fire that no device has seen 发现火情.
    Report(Report),
    /// A recipient's device came or went.
    Presence {
        /// Whose device.
        recipient: RecipientId,
        /// Whether it is there.
        online: bool,
        /// By which way; a recipient is online while any of its ways is.
        #[serde(default, skip_serializing_if = "Via::is_mqtt")]
        via: Via,
    },
    /// A signed-on person does something.
    Verb(Verb),
    /// A limit passed.
    Due {
        /// The case or cell whose limit it is.
        cell: String,
    },
    /// The wall clock stepped.
    ClockStepped {
        /// By how many milliseconds, forward positive.
        by_ms: i64,
    },
    /// The record is kept elsewhere from now on: the journal does not answer, or it does again.
    Durability {
        /// Where it is kept.
        to: Durable,
    },
    /// The MQTT link of the daemon came up or was lost.
    Broker {
        /// Whether it is there.
        up: bool,
    },
    /// Somebody signed on.
    SignedOn {
        /// The account.
        account: AccountId,
    },
    /// Somebody who is signed on gave his password again, before something that weakens protection.
    Proved {
        /// The account.
        account: AccountId,
    },
    /// Somebody signed off.
    SignedOff {
        /// The account.
        account: AccountId,
    },
    /// An account or a device was added by the command line.
    PeopleChanged {
        /// What was changed, as `account/{id}` or `device/{id}`.
        subject: String,
    },
}

/// Where the record of an input is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durable {
    /// In the journal.
    #[default]
    Journal,
    /// In the spool file, journal to follow.
    Spool,
    /// In memory alone: 记录未保存.
    Memory,
}

/// What a bus saw of one point since the engine last took its slot. A reading can be overwritten, an edge cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// When the first alarm bit rose: fire, or a limit of a gas detector.
    pub at: EngineTime,
    /// The high limit of a gas detector was among them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub high: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !value
}

/// One slot of the board, taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The point.
    pub point: PointId,
    /// Its latest reading.
    pub latest: Reading,
    /// The first alarm edge since the slot was last taken, even when the bit is gone again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<Edge>,
    /// Further edges in the same time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missed_edges: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// What a user information transmission device 用户信息传输装置 told in one frame beside the states of points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transmission {
    /// The port it is connected to.
    pub bus: BusId,
    /// The device.
    pub unit: u8,
    /// What it told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Telling>,
}

/// One thing that a transmission device told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Telling {
    /// A part or a facility is in alarm, or it is none that points.csv has.
    Part(ToldPart),
    /// Somebody did something at the panel or at the transmission device.
    Operated(Operated),
    /// Something that does not read as the standard says.
    Unread {
        /// 类型标志.
        type_flag: u8,
        /// The first bytes of the application unit, in hexadecimal.
        bytes: String,
    },
}

/// A part 部件 as its device describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldPart {
    /// The point that stands for it.
    pub point: PointId,
    /// points.csv has this part itself; else the point stands for everything that it does not have.
    pub listed: bool,
    /// As points.csv would write it, for example `1/6-217`; a facility is `1`.
    pub address: String,
    /// 部件类型 (table 5); `None` for a facility as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_type: Option<u8>,
    /// What the panel calls it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// What it shows.
    pub conditions: Conditions,
    /// What the device's own clock said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_time: Option<WallTime>,
}

/// 操作信息: what somebody did at the panel or at the transmission device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operated {
    /// 系统地址 of the panel; `None` for the transmission device itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<u8>,
    /// What.
    pub act: Act,
    /// The number of the person, as the device knows it.
    pub operator: u8,
    /// What the device's own clock said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_time: Option<WallTime>,
}

/// What can be done at a panel or a transmission device (GB/T 26875.3-2011, figures 13 and 23).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// 复位.
    Reset,
    /// 消音.
    Silence,
    /// 手动报警.
    ManualAlarm,
    /// 警情消除.
    AlarmCleared,
    /// 自检.
    SelfTest,
    /// 确认, at the panel.
    Acknowledge,
    /// 查岗应答, at the transmission device.
    DutyAnswer,
    /// 测试.
    Test,
}

impl Act {
    /// The word of the catalogue (`act.{word}`).
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Silence => "silence",
            Self::ManualAlarm => "manual_alarm",
            Self::AlarmCleared => "alarm_cleared",
            Self::SelfTest => "self_test",
            Self::Acknowledge => "acknowledge",
            Self::DutyAnswer => "duty_answer",
            Self::Test => "test",
        }
    }
}

/// An answer of a recipient to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Who answers: from the topic or the session, never from the payload.
    pub recipient: RecipientId,
    /// Which order.
    pub order: OrderId,
    /// Made by the device; the order's document lists it in `heard` once it is committed.
    pub reply_id: String,
    /// What is answered.
    pub verb: ReplyVerb,
    /// With `report_false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// With `unable`: door_locked, cannot_reach, need_support, engaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// By which way it came.
    #[serde(default, skip_serializing_if = "Via::is_mqtt")]
    pub via: Via,
    /// With `head_count` and `casualties`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<Figures>,
}

/// A report from the scene. It opens the incident of its compartment or joins it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Who reports: from the topic or the session, never from the payload.
    pub recipient: RecipientId,
    /// Made by the device and sent until the reporter's order lists it in `heard`.
    pub report_id: String,
    /// Where it burns; without it where the reporter's post stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compartment: Option<CompartmentId>,
    /// The room, as people call it; at most 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// He sees the fire: 确认真火 at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub real: bool,
    /// The id of the erasable note with what he said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// By which way it came.
    #[serde(default, skip_serializing_if = "Via::is_mqtt")]
    pub via: Via,
}

/// What a person does: parsed by the procedure, not by the adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verb {
    /// `site`, an incident id, or `output/{id}`.
    pub case: CaseId,
    /// For example `take`, `mute`, `confirm_fire`.
    pub name: String,
    /// What was chosen; an object.
    pub body: serde_json::Value,
    /// The role of the person at that moment.
    pub role: Role,
    /// The recipient that the account is, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<RecipientId>,
    /// The key that makes a repeat harmless, with a hash of what was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<Idempotency>,
}

/// Kept 24 h per account with the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// The client's `Idempotency-Key`.
    pub key: String,
    /// SHA-256 of case, name and body, in hexadecimal.
    pub body_hash: String,
}

/// An input with who it came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Who caused it.
    pub actor: Actor,
    /// What came in.
    pub input: Input,
}
