//! Everything that can have happened. Kinds are append-only: a released kind keeps its name and its fields for ever; a change of
//! shape gets a new name ending in its version, and an upcaster beside the old one. `tests/vectors/events/` has one of each.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::group::GroupId;
use crate::domain::ids::{
    AccountId, BuildingId, BusId, CaseId, CommandId, CompartmentId, FloorId, OrderId, OutputId,
    PointId, RecipientId, ZoneId,
};
use crate::domain::input::{Durable, Operated, ToldPart};
use crate::domain::order::{CallOutcome, Cause, How, OrderKind, ReplyVerb, Via, Walk};
use crate::domain::output::WriteOutcome;
use crate::domain::point::{Conditions, PointKind, Quality};
use crate::domain::text::Line;
use crate::domain::time::{EngineTime, WallTime};

use super::Refusal;
use super::desk::Position;
use super::gas::{Level, Task};
use super::maintenance::End;

/// Fengsui's own linkage mode. Never confused with the panel's key or an output's arming.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A rule may write outputs whose arming is `auto`.
    #[default]
    Auto,
    /// Only persons start outputs.
    Manual,
}

/// A fire signal as it stands in an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalRef {
    /// The device; `None` when a person reported it.
    pub point: Option<PointId>,
    /// What it is.
    pub kind: Option<PointKind>,
}

/// Why a post was or was not chosen, decided once and kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Considered {
    /// The post.
    pub recipient: RecipientId,
    /// The way on foot, when there is one.
    pub walk: Option<Walk>,
    /// Chosen.
    pub chosen: bool,
    /// In words.
    pub reason: Line,
}

/// A new order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOrder {
    /// Its id.
    pub id: OrderId,
    /// To whom.
    pub recipient: RecipientId,
    /// What for.
    pub kind: OrderKind,
    /// The group whose standing order it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// The output to be done by hand.
    pub output: Option<OutputId>,
    /// That output is a lift's recall: somebody may be inside.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lift: bool,
    /// The way to go.
    pub walk: Option<Walk>,
    /// The device must confirm by then.
    pub receive_by: EngineTime,
    /// 收到 by then.
    pub accept_by: EngineTime,
    /// On site by then; `None` where nobody has to go.
    pub arrive_by: Option<EngineTime>,
}

/// One output of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The output.
    pub output: OutputId,
    /// The only thing it waits for.
    pub waits_for: Option<OutputId>,
    /// A rule may start it; else a person must.
    pub automatic: bool,
    /// A feeder that waits for a person's start 待人工.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deferred: bool,
    /// Who does it by hand when it fails.
    pub by_hand: RecipientId,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the fields are named after the values they hold, and the variants say what happened"
)]
pub enum Event {
    /// The daemon started; every reading is unknown until it is read again.
    Started {
        boot_id: String,
        boot_ms_at_zero: i64,
        program: String,
    },
    /// Another configuration is in force.
    Configured { version: String },
    /// The wall clock stepped; limits are not touched.
    ClockStepped { by_ms: i64 },
    /// The record goes into the spool or stays in memory while the journal does not answer; or the journal has everything again.
    DurabilityChanged { to: Durable },
    /// A point reads differently, or a fire edge passed.
    PointChanged {
        point: PointId,
        conditions: Conditions,
        quality: Quality,
        edge: bool,
        /// What the device's own clock said, where it tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        panel_at: Option<WallTime>,
    },
    /// A line of the field came up or was lost.
    LinkChanged {
        bus: BusId,
        up: bool,
        reason: String,
    },
    /// One unit of a line came up or was lost, while the line as a whole stands.
    UnitChanged {
        bus: BusId,
        unit: u8,
        up: bool,
        reason: String,
    },
    /// A transmission device told of a part that is in alarm, or that points.csv does not have.
    PartTold {
        bus: BusId,
        unit: u8,
        part: ToldPart,
    },
    /// Somebody did something at a panel or at its transmission device.
    PanelOperated {
        bus: BusId,
        unit: u8,
        operated: Operated,
    },
    /// A transmission device sent something that does not read as the standard says.
    TransmissionUnread {
        bus: BusId,
        unit: u8,
        type_flag: u8,
        bytes: String,
    },
    /// A recipient's device came or went.
    PresenceChanged {
        recipient: RecipientId,
        online: bool,
        #[serde(default, skip_serializing_if = "Via::is_mqtt")]
        via: Via,
    },
    /// Ten seconds after a start: whoever has not said that his device is there is not there.
    PresenceSettled,
    /// The daemon's link to the broker came up or was lost.
    BrokerChanged { up: bool },
    /// Somebody signed on.
    SignedOn { account: AccountId },
    /// Somebody who is signed on gave his password again.
    Proved { account: AccountId },
    /// Somebody signed off.
    SignedOff { account: AccountId },
    /// An account or a device changed.
    PeopleChanged { subject: String },
    /// Somebody sat down at a position of the shift.
    ShiftSignedOn { position: Position },
    /// Somebody left it.
    ShiftSignedOff { position: Position },
    /// 接管: authority is at another station.
    TakenOver { station: String },
    /// 联动 auto or manual.
    ModeChanged { mode: Mode },
    /// 消音 in this room, until `returns_by`.
    Muted { returns_by: EngineTime },
    /// The sound is back: a new alarm, a missed accept, or the mute ran out.
    SoundReturned { why: String },
    /// A known person was refused.
    Refused {
        verb: String,
        case: CaseId,
        refusal: Refusal,
    },

    /// A command was decided.
    CommandAsked {
        command: CommandId,
        output: OutputId,
        incident: Option<CaseId>,
        expires: EngineTime,
        feedback_within: Option<Duration>,
        repeat: bool,
    },
    /// The bus may write: bytes may leave from now on.
    CommandPermitted {
        command: CommandId,
        output: OutputId,
    },
    /// What became of the write.
    CommandWritten {
        command: CommandId,
        output: OutputId,
        outcome: WriteOutcome,
        feedback_by: Option<EngineTime>,
    },
    /// The field shows that it acted.
    CommandDone {
        command: CommandId,
        output: OutputId,
    },
    /// The feedback window passed.
    CommandNoFeedback {
        command: CommandId,
        output: OutputId,
    },
    /// Never written: its time passed.
    CommandExpired {
        command: CommandId,
        output: OutputId,
    },
    /// After a restart: it may or may not have been written.
    CommandUnknown {
        command: CommandId,
        output: OutputId,
        feedback_by: Option<EngineTime>,
    },

    /// Maintenance 维护 of an output, with a person of the site at the device; why is in the note.
    MaintenanceBegun {
        output: OutputId,
        person: RecipientId,
        note: Option<String>,
        until: EngineTime,
    },
    /// The next command of this entry is asked for in maintenance.
    MaintenanceWrite {
        output: OutputId,
        command: CommandId,
    },
    /// Maintenance is over.
    MaintenanceEnded { output: OutputId, why: End },

    /// The first fire signal of a compartment, or a person's report.
    IncidentOpened {
        incident: CaseId,
        building: BuildingId,
        floor: FloorId,
        zone: ZoneId,
        compartment: CompartmentId,
        sleeping: bool,
        signal: SignalRef,
        take_by: EngineTime,
        verdict_by: EngineTime,
    },
    /// 人工报警: what is known of it besides the erasable note.
    IncidentReported {
        incident: CaseId,
        report_id: Option<String>,
        how: How,
        room: Option<String>,
        note: Option<String>,
    },
    /// 燃气泄漏: the first gas detector of a compartment reached a limit.
    GasDetected {
        incident: CaseId,
        building: BuildingId,
        floor: FloorId,
        zone: ZoneId,
        compartment: CompartmentId,
        signal: SignalRef,
        level: Level,
        take_by: EngineTime,
        verdict_by: EngineTime,
    },
    /// A gas detector is at its high limit. `counts`: it is healthy, so the rule starts what is in `start`.
    GasHigh {
        incident: CaseId,
        point: PointId,
        counts: bool,
        start: Vec<OutputId>,
        outputs: Vec<Planned>,
        call_119_by: EngineTime,
    },
    /// A person has done what a leak asks of people.
    GasTask { incident: CaseId, task: Task },
    /// What people found: gas, or none and why.
    GasReported {
        incident: CaseId,
        leak: bool,
        cause: Option<Cause>,
    },
    /// People have reported and the readings are normal: what is to be restored by hand.
    GasGone {
        incident: CaseId,
        restore: Vec<String>,
    },
    /// Gas again after a report: it is looked at anew.
    GasReturned { incident: CaseId },
    /// A later signal of the compartment.
    SignalJoined { incident: CaseId, signal: SignalRef },
    /// The panel no longer shows this signal; it stays latched here.
    SignalRestored { incident: CaseId, point: PointId },
    /// The panel shows it again.
    SignalReturned { incident: CaseId, point: PointId },
    /// 接警.
    Taken { incident: CaseId },
    /// Nobody took it in time.
    TakeMissed { incident: CaseId },
    /// 疑似火警: two independent devices, or nobody verified where people sleep.
    Suspected { incident: CaseId, why: String },
    /// The nearest posts were looked for.
    PostsConsidered {
        incident: CaseId,
        considered: Vec<Considered>,
    },
    /// An order was given.
    OrderIssued { incident: CaseId, order: NewOrder },
    /// The broker has it.
    OrderAtBroker { incident: CaseId, order: OrderId },
    /// The recipient or the device answered.
    OrderReplied {
        incident: CaseId,
        order: OrderId,
        reply_id: String,
        verb: ReplyVerb,
        cause: Option<Cause>,
        reason: Option<String>,
        #[serde(default, skip_serializing_if = "Via::is_mqtt")]
        via: Via,
    },
    /// A limit of an order passed: `receive`, `accept` or `arrive`.
    OrderLate {
        incident: CaseId,
        order: OrderId,
        limit: String,
    },
    /// No longer needed.
    OrderWithdrawn { incident: CaseId, order: OrderId },
    /// 无人核实: no verdict in time, or nobody to send.
    Unverified { incident: CaseId, why: String },
    /// 误报.
    JudgedFalse { incident: CaseId, cause: Cause },
    /// 火警确认.
    JudgedReal {
        incident: CaseId,
        call_119_by: EngineTime,
    },
    /// A signal younger than the verdict: suspected again.
    Reopened { incident: CaseId },
    /// 更正为误报: the holder of command takes a confirmed or suspected fire back; why is in the note.
    CorrectedFalse {
        incident: CaseId,
        cause: Cause,
        note: Option<String>,
    },
    /// A fire that was none: what acted for it, to be put back by hand.
    RestoreListed {
        incident: CaseId,
        restore: Vec<String>,
    },
    /// The 119 call: connected or failed. Written until the card had more lines; [`Event::Call119Said`] took its place.
    Called119 { incident: CaseId, connected: bool },
    /// A line of the 119 card.
    Call119Said {
        incident: CaseId,
        outcome: CallOutcome,
        used: Option<String>,
        note: Option<String>,
        /// Linked incidents of the building that the same call told of 续报.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        about: Vec<CaseId>,
    },
    /// The 119 stopwatch passed its limit.
    Call119Late { incident: CaseId },
    /// Somebody holds command 指挥权; `how` when the room entered it for him.
    CommandTaken {
        incident: CaseId,
        holder: RecipientId,
        acting: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        how: Option<How>,
    },
    /// 移交指挥权 is offered.
    CommandOffered {
        incident: CaseId,
        to: RecipientId,
        answer_by: EngineTime,
        order: OrderId,
        how: Option<How>,
    },
    /// Nobody answered the offer in time, or it was declined or replaced.
    CommandOfferLapsed { incident: CaseId, to: RecipientId },
    /// 移交消防救援机构指挥; the name is in the note.
    BrigadeCommands {
        incident: CaseId,
        note: Option<String>,
    },
    /// 现场已移交本单位.
    HandedBack { incident: CaseId },
    /// 代录: the next answer in this entry was entered for a named person.
    ReplyRecorded {
        incident: CaseId,
        order: OrderId,
        verb: ReplyVerb,
        channel: How,
        person: Option<RecipientId>,
        note: Option<String>,
    },
    /// 火已扑灭.
    FireOut { incident: CaseId },
    /// 清点人数.
    HeadCounted {
        incident: CaseId,
        present: u32,
        missing: u32,
    },
    /// 伤员.
    CasualtiesCounted {
        incident: CaseId,
        count: u32,
        accounted: u32,
    },
    /// 看守复燃.
    WatchNamed {
        incident: CaseId,
        person: Option<RecipientId>,
        note: Option<String>,
    },
    /// 误报 by camera, to be countersigned by a supervisor.
    FalseProposed {
        incident: CaseId,
        cause: Cause,
        note: Option<String>,
    },
    /// A group has no leader in the site's files (`vacant`), or nobody of it can be reached (`unreachable`).
    GroupUnfilled {
        incident: CaseId,
        group: GroupId,
        why: String,
    },
    /// 可能蔓延: a fire of the same building is confirmed.
    Spread { incident: CaseId, of: CaseId },
    /// Two healthy devices stand in manual mode: the hold button 「转自动并启动」 is offered.
    StartOffered {
        incident: CaseId,
        answer_by: EngineTime,
    },
    /// Nobody answered the hold button; nothing was written.
    StartUnanswered { incident: CaseId },
    /// The outputs of this incident.
    PlanMade {
        incident: CaseId,
        outputs: Vec<Planned>,
    },
    /// All fire signals of a panel vanished without a verdict: 主机已复位,未核实.
    PanelResetSeen { incident: CaseId },
    /// 解除警情 with preconditions open, and why.
    AllClearOver {
        incident: CaseId,
        unmet: Vec<String>,
        note: Option<String>,
    },
    /// 解除警情.
    AllClear {
        incident: CaseId,
        restore: Vec<String>,
    },
    /// One item of the restore checklist.
    Restored {
        incident: CaseId,
        item: String,
        /// Who did it on site, when he is a recipient of the site.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        person: Option<RecipientId>,
        /// Else the erasable note with his name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Nothing is left to do.
    IncidentClosed { incident: CaseId },
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::Event;

    fn golden() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/events")
    }

    /// Every kind there is, as serde names them when it meets one that it does not know.
    fn kinds() -> BTreeSet<String> {
        let error = serde_json::from_str::<Event>(r#"{"kind":""}"#).expect_err("no such kind");
        let text = error.to_string();
        let mut kinds: BTreeSet<String> = text
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        kinds.remove("");
        kinds
    }

    #[test]
    fn every_event_ever_released_still_reads_and_writes_the_same() {
        let mut seen = BTreeSet::new();
        for file in std::fs::read_dir(golden()).expect("the folder of golden events") {
            let path = file.expect("a file").path();
            let text = std::fs::read_to_string(&path).expect("text");
            let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let event: Event = serde_json::from_value(value.clone())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(
                serde_json::to_value(&event).expect("serialises"),
                value,
                "{}",
                path.display()
            );
            seen.insert(value["kind"].as_str().expect("a kind").to_owned());
        }
        let missing: Vec<_> = kinds().difference(&seen).cloned().collect();
        assert!(
            missing.is_empty(),
            "no golden file in tests/vectors/events for {missing:?}"
        );
    }
}
