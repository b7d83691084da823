//! The six groups of a fire 六组 (process.md 94): who leads each, and who steps in.

use serde::{Deserialize, Serialize};

use super::ids::RecipientId;

/// One of the six groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupId {
    /// 灭火组: brings gear, fights the fire, contains it.
    Extinguish,
    /// 警戒组: keeps order, keeps people out, keeps the fire lane clear.
    Cordon,
    /// 疏散组: brings people and property out of the area.
    Evacuate,
    /// 救护组: treats the injured, arranges vehicles to hospital.
    Rescue,
    /// 设备组: secures fire water, checks that mains and gas are really off.
    Equipment,
    /// 机动组: stands by at the commander.
    Reserve,
}

impl GroupId {
    /// Every group, in the order of the handbook.
    pub const ALL: [Self; 6] = [
        Self::Extinguish,
        Self::Cordon,
        Self::Evacuate,
        Self::Rescue,
        Self::Equipment,
        Self::Reserve,
    ];

    /// The word in files, topics and the catalogue (`group.{word}.name`).
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Extinguish => "extinguish",
            Self::Cordon => "cordon",
            Self::Evacuate => "evacuate",
            Self::Rescue => "rescue",
            Self::Equipment => "equipment",
            Self::Reserve => "reserve",
        }
    }
}

/// A group as the site's files fill it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Which.
    pub id: GroupId,
    /// Gets its order first.
    pub leader: RecipientId,
    /// Get it as well, one after the other, when those before them cannot be reached.
    pub deputies: Vec<RecipientId>,
}

impl Group {
    /// Leader and deputies, in the order in which they are asked.
    pub fn chain(&self) -> impl Iterator<Item = &RecipientId> {
        std::iter::once(&self.leader).chain(&self.deputies)
    }
}
