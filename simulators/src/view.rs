//! What the control API shows, as values that tests can use without HTTP.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::guards::GuardView;
use crate::layout::{BuildingLayout, Name, Person};
use crate::nasty::ActiveView;
use crate::nasty::catalogue::Way;
use crate::panel::GasLevel;
use crate::scenario::ScenarioView;
use crate::writes::Writes;

/// A device of the panel.
#[derive(Clone, Debug, Serialize)]
pub struct PointView {
    /// `P1-015`
    pub id: String,
    /// The panel whose loop it is on.
    pub panel: String,
    /// Address in the panel.
    pub number: u16,
    /// `smoke`, `heat`, `call_point` …
    pub kind: String,
    /// Floor id.
    pub floor: String,
    /// Where it hangs.
    pub room: Name,
    /// There is smoke, or the button is in.
    pub smoke: bool,
    /// What a gas detector reads now.
    pub gas: Option<GasLevel>,
    /// What the panel shows of a gas detector (latched).
    pub gas_shown: Option<GasLevel>,
    /// The panel shows 火警 (latched).
    pub fire: bool,
    /// The panel shows 故障.
    pub fault: bool,
    /// The panel shows 屏蔽.
    pub disabled: bool,
    /// The register, as a client reads it.
    pub word: u16,
}

/// An output of the I/O module and the device behind it.
#[derive(Clone, Debug, Serialize)]
pub struct OutputView {
    /// `GAS-VALVE`
    pub id: String,
    /// Its module.
    pub io: String,
    /// Coil and feedback input.
    pub coil: u16,
    /// `sounder`, `feeder` …
    pub kind: String,
    /// Its name.
    pub name: Name,
    /// Building id, or `campus`.
    pub place: String,
    /// The coil is on now.
    pub coil_on: bool,
    /// Where the device was last asked to go: true is its commanded position.
    pub driven: bool,
    /// It is jammed.
    pub stuck: bool,
    /// How far it has moved, 0 to 1000.
    pub progress: u64,
    /// Milliseconds on the campus for the whole way.
    pub stroke_ms: u64,
    /// The feedback input is on: the device has arrived.
    pub feedback: bool,
    /// The coil clears itself.
    pub pulse: bool,
}

/// The panel's lamps and key.
#[derive(Clone, Debug, Serialize)]
pub struct Lamps {
    /// `auto` or `manual`.
    pub key: &'static str,
    /// 消音
    pub silenced: bool,
    /// Evacuation sounders on.
    pub sounders: bool,
    /// Mains power present.
    pub mains: bool,
    /// The first alarm since the last reset.
    pub first_alarm: Option<String>,
    /// The last value that was written to the command register.
    pub command_register: u16,
}

/// A panel with its lamps and key.
#[derive(Clone, Debug, Serialize)]
pub struct PanelView {
    /// `panel1`
    pub id: String,
    /// Its name.
    pub name: Name,
    /// Lamps and key.
    #[serde(flatten)]
    pub lamps: Lamps,
}

/// A link that a client can poll.
#[derive(Clone, Debug, Serialize)]
pub struct LinkView {
    /// `panel1`, `io1`
    pub id: String,
    /// Its name.
    pub name: Name,
    /// Address and port.
    pub address: String,
    /// It accepts connections.
    pub up: bool,
    /// Connections since the start.
    pub connections: u64,
    /// Requests since the start, the unanswered ones too.
    pub requests: u64,
    /// Of these on a serial line: begun before it had been silent for 3.5 characters.
    pub early: u64,
    /// Bytes on a serial line that were no request.
    pub noise: u64,
}

/// A unit of a line, with what is wrong with it.
#[derive(Clone, Debug, Serialize)]
pub struct UnitView {
    /// The line it is on.
    pub line: String,
    /// Its unit identifier.
    pub unit: u8,
    /// Its name.
    pub name: Name,
    /// Which way its line goes.
    pub way: Way,
    /// Behaviours that are on.
    pub behaviours: Vec<ActiveView>,
    /// How many replies each behaviour has spoiled since the start.
    pub applied: BTreeMap<&'static str, u64>,
}

/// A floor, to group devices.
#[derive(Clone, Debug, Serialize)]
pub struct FloorView {
    /// Floor id.
    pub id: String,
    /// Building id.
    pub building: String,
    /// Its name.
    pub name: Name,
}

/// Everything, for the page.
#[derive(Clone, Debug, Serialize)]
pub struct StateView {
    /// Site id.
    pub site: String,
    /// Its name.
    pub name: Name,
    /// How many times faster than real time the campus lives.
    pub speed: f64,
    /// Real milliseconds since the start.
    pub at_ms: u64,
    /// Civil time in milliseconds since 1970.
    pub wall_ms: u64,
    /// Every panel.
    pub panels: Vec<PanelView>,
    /// Its links.
    pub links: Vec<LinkView>,
    /// Units with what is wrong with them.
    pub units: Vec<UnitView>,
    /// What runs by itself.
    pub scenario: Option<ScenarioView>,
    /// Buildings in order.
    pub buildings: Vec<BuildingLayout>,
    /// Floors in order.
    pub floors: Vec<FloorView>,
    /// Devices in order.
    pub points: Vec<PointView>,
    /// Outputs in order.
    pub outputs: Vec<OutputView>,
    /// People who can be simulated.
    pub people: Vec<Person>,
    /// Guards by recipient.
    pub guards: Vec<GuardView>,
    /// The newest writes.
    pub writes: Writes,
}
