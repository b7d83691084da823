//! The procedure of a gas leak 燃气泄漏 (process.md 78a, DESIGN.md 4, rule 6a): an incident class of its own, above supervisory and
//! below a confirmed fire, and never part of a fire's AND.
//!
//! ```text
//! level   Low ──one healthy detector at its high limit──► High: its own valve is closed, its exhaust fan started
//! stage   Verifying ─► Unverified (nobody answered) ─► …
//!         Verifying ─people: leak─► Fighting   ─readings normal─► Restoring ─every item ticked─► Closed
//!         Verifying ─people: none─► FalseAlarm ─readings normal─► Restoring
//!         Restoring ─the gas is back─► Verifying
//! ```
//! It shares incidents, orders and limits with the fire procedure (`fire::Incident` with `leak`). What it never does: switch
//! anything but the valve and the fan of the detector, open a valve, or take a detector that is lost or faulty for "no gas".

pub mod apply;
pub mod follow;
pub mod signals;
pub mod verbs;
pub mod view;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::By;
use crate::domain::ids::{OutputId, PointId};
use crate::domain::order::Cause;

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// 低限: somebody is sent to look.
    Low,
    /// 高限.
    High,
}

/// What is done by people, and ticked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// 疏散: nobody is left in the space.
    Evacuated,
    /// 通知燃气公司.
    GasCompany,
    /// 警戒: nobody enters, nothing is lit.
    Cordon,
    /// The space's power was cut by a person at a point outside of it.
    PowerOutside,
}

impl Task {
    /// Every task in the order in which it is shown.
    pub const ALL: [Self; 4] = [
        Self::Evacuated,
        Self::GasCompany,
        Self::Cordon,
        Self::PowerOutside,
    ];

    /// The word in verbs, events and the catalogue.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Evacuated => "evacuated",
            Self::GasCompany => "gas_company",
            Self::Cordon => "cordon",
            Self::PowerOutside => "power_outside",
        }
    }
}

/// What a person found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Gas is there; else it was a false alarm.
    pub leak: bool,
    /// Why it was false.
    pub cause: Option<Cause>,
    /// Who said so.
    pub by: By,
}

/// What an incident has beside its signals and orders when it is a leak.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// The highest limit that was reached.
    pub level: Level,
    /// Detectors at their high limit; true when one counted for the rule (it was healthy).
    pub high: BTreeMap<PointId, bool>,
    /// Outputs of this leak that are still to be started.
    pub due: BTreeSet<OutputId>,
    /// What people have done.
    pub tasks: BTreeMap<Task, By>,
    /// What people have found.
    pub report: Option<Report>,
}

/// Items of the restore checklist that are no outputs, in their order around them.
pub(super) const LEAK_TEST: &str = "leak_test";
/// The power that a person cut outside of the space.
pub(super) const POWER: &str = "gas_power";
/// People are back.
pub(super) const PEOPLE_BACK: &str = "people_back";
