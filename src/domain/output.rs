//! An output: what Fengsui can be asked to write, and the life of one command (DESIGN.md 4, rule 8).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::{BuildingId, BusId, OutputId, PointId, RecipientId, ZoneId};
use super::profile::Area;
use super::text::Text;

/// What an output drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    /// 声光警报.
    Sounder,
    /// 应急广播.
    Broadcast,
    /// 应急照明.
    EmergencyLighting,
    /// 门禁释放.
    DoorRelease,
    /// 电梯迫降.
    ElevatorRecall,
    /// 燃气总阀: close only; there is no command that opens it.
    GasClose,
    /// 事故排风: explosion-proof, start only, and only by a gas leak.
    ExhaustFan,
    /// 消防泵: start only; there is no command that stops it.
    PumpStart,
    /// 非消防电源切断: trip only; there is no command that restores it.
    FeederTrip,
    /// 消音 at the panel.
    PanelSilence,
    /// 停止警报 at the panel.
    PanelStopSounders,
    /// 复位 at the panel.
    PanelReset,
    /// The panel's own key to 自动.
    PanelAuto,
}

impl OutputKind {
    /// Whether it is a command to the panel itself, never part of a linkage plan.
    #[must_use]
    pub fn is_panel(self) -> bool {
        matches!(
            self,
            Self::PanelSilence | Self::PanelStopSounders | Self::PanelReset | Self::PanelAuto
        )
    }
}

/// Who may write an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arming {
    /// Never written: the default.
    #[default]
    Observe,
    /// A person starts it.
    Assist,
    /// A rule may write it.
    Auto,
}

/// Who runs the cause and effect of an output; never both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Master {
    /// The panel does; Fengsui shows it.
    #[default]
    Panel,
    /// Fengsui does.
    Fengsui,
}

/// How the field acts on a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The output stays where it was written.
    Level,
    /// One write is one stroke; never written twice for one command.
    Pulse,
}

/// What is written where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Function code 05: one coil on, zero-based.
    Coil {
        /// Zero-based address.
        register: u16,
    },
    /// Function code 06: one value into a holding register, zero-based.
    Register {
        /// Zero-based address.
        register: u16,
        /// The value that stands for this command.
        value: u16,
    },
    /// Function code 16: two holding registers at once, zero-based: a password and its command, or a command of 32 bits.
    Registers {
        /// Zero-based address of the first.
        register: u16,
        /// The values that stand for this command.
        values: [u16; 2],
    },
    /// Function code 22: some bits of a holding register; the others stay as they are.
    Mask {
        /// Zero-based address.
        register: u16,
        /// Ones are the bits that stay.
        and: u16,
        /// What the others become.
        or: u16,
    },
}

impl Target {
    /// One bit of a holding register on, the others as they are.
    #[must_use]
    pub fn bit(register: u16, bit: u16) -> Self {
        let or = 1_u16.checked_shl(bit.into()).unwrap_or_default();
        let and = !or;
        Self::Mask { register, and, or }
    }

    /// Where the target can be read back after a write: a coil, or bits of a register, that stay where they are put. A pulse is gone
    /// by then, and a command register shows the last command whether or not it acted.
    #[must_use]
    pub fn read_back(self, action: Action) -> Option<(Area, u16)> {
        match (self, action) {
            (Self::Coil { register }, Action::Level) => Some((Area::Coil, register)),
            (Self::Mask { register, .. }, Action::Level) => Some((Area::Holding, register)),
            (_, Action::Pulse) | (Self::Register { .. } | Self::Registers { .. }, _) => None,
        }
    }

    /// The target `index` places further in a row of coils or of bits; `None` when the row ends before. A command has no row.
    #[must_use]
    pub fn nth(self, index: u16) -> Option<Self> {
        match self {
            Self::Coil { register } => Some(Self::Coil {
                register: register.checked_add(index)?,
            }),
            Self::Mask { register, or, .. } => {
                let bit = or.trailing_zeros().checked_add(index.into())?;
                let bit = u16::try_from(bit).ok().filter(|bit| *bit < 16)?;
                Some(Self::bit(register, bit))
            }
            Self::Register { .. } | Self::Registers { .. } => Some(self),
        }
    }
}

/// How the field shows that the command has acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// The point to look at.
    pub point: PointId,
    /// The state of its `active` bit that means done.
    pub active: bool,
    /// How long it may take before a person is sent.
    pub window: Duration,
}

/// A supply on which not everything may start at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stagger {
    /// The word by which the outputs of one supply name it.
    pub supply: String,
    /// From one start to the next.
    pub pause: Duration,
}

/// An output as the site's files describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its id.
    pub id: OutputId,
    /// What it drives.
    pub kind: OutputKind,
    /// Its name.
    pub name: Text,
    /// The building it serves; `None` for the whole campus.
    pub building: Option<BuildingId>,
    /// The zone it serves; `None` for the whole building.
    pub zone: Option<ZoneId>,
    /// The bus that writes it.
    pub bus: BusId,
    /// The unit on that bus.
    pub unit: u8,
    /// What is written.
    pub target: Target,
    /// Level or pulse.
    pub action: Action,
    /// Whether a level output may be written once more after an unknown outcome.
    pub repeat_is_safe: bool,
    /// How it is confirmed. A reset is confirmed by what the panel then shows, so it names no point.
    pub feedback: Option<Feedback>,
    /// Who may write it.
    pub arming: Arming,
    /// Who runs it.
    pub master: Master,
    /// The output whose feedback must come first (only a lift's feeder waits for its lift).
    pub waits_for: Option<OutputId>,
    /// The supply that it shares with other pumps, and the pause between two starts on it.
    pub stagger: Option<Stagger>,
    /// A feeder that no rule cuts: it waits for a person's start 待人工 (DESIGN.md 4, rule 5).
    pub deferred: bool,
    /// The gas detectors whose high limit starts it (DESIGN.md 4, rule 6a); only of a valve or an exhaust fan.
    pub gas_detectors: Vec<PointId>,
    /// Who is sent to do it by hand.
    pub by_hand: RecipientId,
}

/// The life of a command 命令.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// Decided; the bus has no permit yet.
    Asked,
    /// The permit is committed: bytes may be on the wire.
    Sending,
    /// Written, echo and read-back agree; the feedback is awaited.
    Sent,
    /// The feedback came.
    Done,
    /// The window passed without feedback; a person is on it.
    NoFeedback,
    /// The device refused.
    Refused,
    /// Nobody knows whether the write arrived.
    Unknown,
    /// Its time passed before a permit; nothing was written.
    Expired,
}

impl CommandState {
    /// Whether nothing more is expected of this command.
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Done | Self::Refused | Self::Expired)
    }
}

/// What became of a write on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum WriteOutcome {
    /// Echo equal, and the read-back too where the target can be read back.
    Written,
    /// The device answered with a Modbus exception: nothing was done.
    Refused {
        /// The exception code.
        exception: u8,
    },
    /// No or a wrong answer after bytes left: it may or may not have acted.
    Unknown,
    /// Nothing left this machine (the link was down): the command stays asked until it expires.
    NotSent,
}
