//! The fire procedure 火警处理流程 (process.md 75–102, DESIGN.md 5): one incident 警情 per compartment.
//!
//! ```text
//! class   Alarm ──two devices──► Suspected ──person──► Confirmed
//! stage   Verifying ─► Unverified (nobody answered) ─► …
//!         Verifying ─误报─► FalseAlarm ─panel shows it─► Closed
//!         Verifying ─真火─► Fighting ─解除警情─► Restoring ─every item ticked─► Closed
//!         Fighting ─更正为误报─► FalseAlarm ─panel shows it, every item ticked─► Closed
//!         FalseAlarm, Restoring ─later signal─► Verifying, Suspected
//!         Restoring ─复燃, seen by a person─► Fighting
//! ```
//! A fire signal is latched until its incident is closed; a panel that goes quiet does not clear it. A verdict covers only
//! signals older than itself. Nothing here waits for anything but what DESIGN.md 4, rule 5 names.

mod anew;
pub mod apply;
pub mod clear;
pub mod command;
pub mod correct;
pub mod follow;
pub mod groups;
pub mod limits;
pub mod offer;
pub mod orders;
pub mod posts;
pub mod report;
pub mod restore;
pub mod room;
pub mod scene;
pub mod signals;
pub mod spread;
pub mod verbs;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::events::{Considered, NewOrder, Planned, SignalRef};
use super::gas::Leak;
use super::timeline::Lines;
use super::{By, Stamp};
use crate::domain::group::GroupId;
use crate::domain::ids::{
    BuildingId, CaseId, CompartmentId, FloorId, OrderId, OutputId, PointId, RecipientId, ZoneId,
};
use crate::domain::order::{CallOutcome, Cause, How, OrderKind, OrderState, ReplyVerb, Via};
use crate::domain::point::PointKind;
use crate::domain::time::{EngineTime, WallTime};

/// How sure the campus is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// One device.
    Alarm,
    /// 疑似火警.
    Suspected,
    /// 火警确认, by a person.
    Confirmed,
}

/// Where the procedure stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Somebody is sent to look.
    Verifying,
    /// 无人核实.
    Unverified,
    /// 误报: the panel is to be silenced and reset.
    FalseAlarm,
    /// 真火.
    Fighting,
    /// After the all-clear.
    Restoring,
    /// Nothing is left.
    Closed,
}

/// A latched fire signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// The device; `None` for a person's report.
    pub point: Option<PointId>,
    /// What it is.
    pub kind: Option<PointKind>,
    /// When it came.
    pub at: WallTime,
    /// When, by the panel's own clock, where it tells; nothing is ordered by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panel_at: Option<WallTime>,
    /// The entry that brought it.
    pub seq: u64,
    /// When the panel stopped showing it.
    pub restored_at: Option<WallTime>,
}

/// 误报 or 真火.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// `None` for a real fire.
    pub cause: Option<Cause>,
    /// By whom.
    pub by: By,
    /// Signals up to this entry are covered.
    pub seq: u64,
}

/// An order of this incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// As it was given.
    pub given: NewOrder,
    /// The entry that gave it.
    pub seq: u64,
    /// The entry that changed it last: of two revisions the one with the higher number is the newer.
    #[serde(default)]
    pub changed: u64,
    /// When it was given.
    pub at: WallTime,
    /// By the engine's clock.
    pub issued: EngineTime,
    /// How far it is.
    pub state: OrderState,
    /// Limits that passed: receive, accept, arrive.
    pub late: Vec<String>,
    /// Replies that are committed; at most [`HEARD_MAX`].
    pub heard: Vec<String>,
    /// 收到 at.
    pub accepted_at: Option<WallTime>,
    /// 已到场 at.
    pub arrived_at: Option<WallTime>,
    /// Ended at.
    pub ended_at: Option<WallTime>,
    /// What was answered last: a verb, a cause or a reason.
    pub outcome: Option<String>,
    /// The way by which its first answer came: so the device has it.
    #[serde(default)]
    pub received_via: Option<Via>,
    /// Answers that the room entered for a named person 代录.
    #[serde(default)]
    pub recorded: Vec<Recorded>,
}

/// An answer that the room entered 代录.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// What was answered.
    pub verb: ReplyVerb,
    /// How the room heard it.
    pub channel: How,
    /// Who said it, when he is a recipient of the site.
    pub person: Option<RecipientId>,
    /// Else the erasable note with his name.
    pub note: Option<String>,
    /// Who entered it.
    pub by: By,
}

/// Most reply ids that an order remembers; a device sends one per verb and repeats only the unheard.
pub const HEARD_MAX: usize = 32;

/// A person's report 人工报警.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// The device's own id of it.
    pub report_id: Option<String>,
    /// How it was heard.
    pub how: How,
    /// The room, as people call it.
    pub room: Option<String>,
    /// The erasable note with the caller and what was said.
    pub note: Option<String>,
    /// Who entered it.
    pub by: By,
}

/// The 119 task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call119 {
    /// The stopwatch runs since.
    pub opened: EngineTime,
    /// Its limit; `None` while the fire is only suspected.
    pub due: Option<EngineTime>,
    /// The limit passed and was said.
    pub late: bool,
    /// Connected or not, by whom; more calls may follow a failed one.
    pub outcome: Option<(bool, By)>,
    /// Every call and decision, oldest first; at most [`CALLS_MAX`].
    #[serde(default)]
    pub calls: Vec<Call>,
    /// Confirmed after 119 was told of it as a place to which a fire may have spread: 续报 is due.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// One line of the 119 card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// What came of it.
    pub outcome: CallOutcome,
    /// The line that was used: fixed, mobile, radio, direct.
    pub used: Option<String>,
    /// The erasable note: what was said, or why not.
    pub note: Option<String>,
    /// Who.
    pub by: By,
}

/// Most lines of a 119 card; the first stays.
pub const CALLS_MAX: usize = 32;

impl Call119 {
    /// Somebody was told, or somebody decided not to call.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let decided = |call: &Call| call.outcome == CallOutcome::NotCalled;
        self.outcome
            .as_ref()
            .is_some_and(|(connected, _)| *connected)
            || self.calls.iter().any(decided)
    }

    /// Another incident's call told of this one.
    #[must_use]
    pub fn is_told_by_another(&self) -> bool {
        let told = self.outcome.as_ref().is_some_and(|(told, _)| *told);
        let own =
            |call: &Call| matches!(call.outcome, CallOutcome::Connected | CallOutcome::FollowUp);
        told && !self.calls.iter().any(own)
    }

    /// The brigade was called and not called off.
    #[must_use]
    pub fn is_coming(&self) -> bool {
        let off = |call: &Call| call.outcome == CallOutcome::CalledOff;
        self.outcome
            .as_ref()
            .is_some_and(|(connected, _)| *connected)
            && !self.calls.iter().any(off)
    }
}

/// The hold button of a suspected fire in manual mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartOffer {
    /// Offered since.
    pub opened: EngineTime,
    /// To be answered by then.
    pub by: EngineTime,
    /// It was not.
    pub late: bool,
}

/// An incident 警情.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    pub id: CaseId,
    /// Building of the first signal.
    pub building: BuildingId,
    /// Floor of the first signal.
    pub floor: FloorId,
    /// Zone of the compartment.
    pub zone: ZoneId,
    /// Its compartment.
    pub compartment: CompartmentId,
    /// People sleep there.
    pub sleeping: bool,
    /// How sure.
    pub class: Class,
    /// Where it stands.
    pub stage: Stage,
    /// When it was opened.
    pub opened: EngineTime,
    /// When it was opened, by civil time.
    pub opened_at: WallTime,
    /// Signals in the order in which they came; the first is pinned.
    pub signals: Vec<Signal>,
    /// What persons reported, oldest first; at most [`report::REPORTS_MAX`].
    #[serde(default)]
    pub reports: Vec<Reported>,
    /// 接警.
    pub taken: Option<By>,
    /// To be taken by then.
    pub take_by: EngineTime,
    /// It was not.
    pub take_missed: bool,
    /// When that was said.
    #[serde(default)]
    pub take_missed_at: Option<WallTime>,
    /// A verdict is due by then.
    pub verdict_by: EngineTime,
    /// The entry at which it was looked at anew; 0 until then. What is older counts for no rule.
    #[serde(default, skip_serializing_if = "is_first")]
    pub anew: u64,
    /// 误报 or 真火.
    pub verdict: Option<Verdict>,
    /// Why nobody verified.
    pub unverified: Option<String>,
    /// The latest look for posts.
    pub considered: Vec<Considered>,
    /// Orders in the order in which they were given.
    pub orders: BTreeMap<OrderId, Order>,
    /// The 119 card.
    pub call_119: Option<Call119>,
    /// Who holds command, and whether acting 代理.
    pub holder: Option<(RecipientId, bool)>,
    /// How command changes hands.
    #[serde(default)]
    pub handover: command::Handover,
    /// What is reported of the scene.
    #[serde(default)]
    pub scene: scene::Scene,
    /// Groups that nobody fills, and why: `vacant` or `unreachable`.
    #[serde(default)]
    pub unfilled: BTreeMap<GroupId, String>,
    /// The outputs of this incident.
    pub plan: Option<Vec<Planned>>,
    /// Outputs that were commanded for it.
    pub asked: BTreeSet<OutputId>,
    /// The panel went quiet without a verdict.
    pub panel_reset_seen: bool,
    /// 可能蔓延: the confirmed fire of the building.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread_of: Option<CaseId>,
    /// The hold button 「转自动并启动」.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_offer: Option<StartOffer>,
    /// Lifts that a named person at the landing has reported clear.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lifts_clear: BTreeSet<OutputId>,
    /// 解除警情.
    pub all_clear: Option<By>,
    /// Conditions that were open at the all-clear, with the note that says why.
    #[serde(default)]
    pub cleared_over: Option<(Vec<String>, Option<String>)>,
    /// Restore checklist: item and who ticked it, in order.
    pub restore: Vec<(String, Option<By>)>,
    /// A gas leak 燃气泄漏 instead of a fire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leak: Option<Leak>,
    /// Who did each item on site, where it was said: a recipient, or a note.
    #[serde(default)]
    pub restored_by: BTreeMap<String, (Option<RecipientId>, Option<String>)>,
    /// What happened, for people.
    pub timeline: Lines,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_first(anew: &u64) -> bool {
    *anew == 0
}

impl Order {
    /// Its number within the incident: the tenth comes after the ninth, which their ids do not say.
    #[must_use]
    pub fn number(&self) -> u32 {
        let id = self.given.id.as_str().rsplit_once('-');
        id.and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
    }

    /// Somebody else is sent in its place: declined, not answered or not arrived in time.
    #[must_use]
    pub fn has_lapsed(&self) -> bool {
        let late = |limit: &String| limit == "accept" || limit == "arrive";
        self.state == OrderState::Declined || self.late.iter().any(late)
    }
}

impl Incident {
    /// An incident that has just opened: nothing taken, nothing sent.
    #[must_use]
    pub fn new(
        id: CaseId,
        (building, floor, zone): (BuildingId, FloorId, ZoneId),
        compartment: CompartmentId,
        stamp: &Stamp,
    ) -> Self {
        Self {
            id,
            building,
            floor,
            zone,
            compartment,
            sleeping: false,
            class: Class::Alarm,
            stage: Stage::Verifying,
            opened: stamp.now.engine,
            opened_at: stamp.now.wall,
            signals: Vec::new(),
            reports: Vec::new(),
            taken: None,
            take_by: stamp.now.engine,
            take_missed: false,
            take_missed_at: None,
            verdict_by: stamp.now.engine,
            anew: 0,
            verdict: None,
            unverified: None,
            considered: Vec::new(),
            orders: BTreeMap::new(),
            call_119: None,
            holder: None,
            handover: command::Handover::default(),
            scene: scene::Scene::default(),
            unfilled: BTreeMap::new(),
            plan: None,
            asked: BTreeSet::new(),
            panel_reset_seen: false,
            spread_of: None,
            start_offer: None,
            lifts_clear: BTreeSet::new(),
            all_clear: None,
            cleared_over: None,
            restore: Vec::new(),
            restored_by: BTreeMap::new(),
            leak: None,
            timeline: Lines::default(),
        }
    }

    /// A signal as it is latched at the entry that brought it.
    #[must_use]
    pub fn latched(stamp: &Stamp, signal: &SignalRef) -> Signal {
        Signal {
            point: signal.point.clone(),
            kind: signal.kind,
            at: stamp.now.wall,
            panel_at: None,
            seq: stamp.seq,
            restored_at: None,
        }
    }

    /// The open incident of a compartment's fire; a leak in the same place is another one.
    #[must_use]
    pub fn is_open_fire_in(&self, compartment: &CompartmentId) -> bool {
        self.leak.is_none() && self.compartment == *compartment && self.stage != Stage::Closed
    }

    /// Whether a verdict is still wanted.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        matches!(self.stage, Stage::Verifying | Stage::Unverified)
    }

    /// The entry that last said something about it.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.timeline.lines.back().map_or(0, |line| line.seq)
    }

    /// Independent fire devices that stand latched and are not covered by a verdict 误报.
    pub fn standing(&self) -> impl Iterator<Item = &Signal> {
        let covered = match &self.verdict {
            Some(Verdict {
                cause: Some(_),
                seq,
                ..
            }) => *seq,
            Some(Verdict { cause: None, .. }) | None => 0,
        };
        self.signals
            .iter()
            .filter(move |signal| signal.seq > covered || covered == 0)
            .filter(|signal| signal.seq >= self.anew)
    }

    /// Somebody is at the scene of this fire, or was.
    #[must_use]
    pub fn somebody_arrived(&self) -> bool {
        let mut orders = self.orders.values();
        orders.any(|order| order.arrived_at.is_some() && order.seq >= self.anew)
    }

    /// Of these, whatever is a device or a person: the common alarm of a panel may be any device's.
    pub fn standing_devices(&self) -> impl Iterator<Item = &Signal> {
        let is_device = |signal: &&Signal| signal.kind.is_none_or(PointKind::is_device);
        self.standing().filter(is_device)
    }

    /// Open orders of a kind.
    pub fn open_orders(&self, kind: OrderKind) -> impl Iterator<Item = &Order> {
        self.orders
            .values()
            .filter(move |order| order.given.kind == kind && order.state.is_open())
    }

    /// The id of the next order.
    #[must_use]
    pub fn next_order(&self, ahead: usize) -> OrderId {
        OrderId::from(format!("{}-{}", self.id, self.orders.len() + 1 + ahead))
    }

    /// A signal as events name it.
    #[must_use]
    pub fn signal_ref(signal: &Signal) -> SignalRef {
        SignalRef {
            point: signal.point.clone(),
            kind: signal.kind,
        }
    }
}
