//! The site: everything the configuration says of the campus, validated once and read-only ever after.

use std::collections::BTreeMap;

use super::group::{Group, GroupId};
use super::ids::{
    BuildingId, BusId, CompartmentId, FloorId, NodeId, OutputId, PointId, RecipientId, SiteId,
    ZoneId,
};
use super::limits::FireLimits;
use super::line::Line;
use super::output::Output;
use super::point::Point;
use super::text::Text;
use super::transmitter::Caller;

/// What the core may know of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// As it stands in topics.
    pub id: SiteId,
    /// Name of the campus.
    pub name: Text,
    /// Street address, for the 119 card.
    pub address: String,
    /// Number to call back, for the 119 card.
    pub phone: String,
    /// Offset of civil time from UTC; China has one all year.
    pub utc_offset_minutes: i32,
    /// Whether fengsui.toml names a broker. Without one, orders go over HTTP.
    pub has_broker: bool,
    /// A simulated campus: armed outputs are accepted on loopback and pty addresses only.
    pub demo: bool,
    /// File name of the site plan, without folder.
    pub plan: Option<String>,
    /// Buildings in the order of the file.
    pub buildings: BTreeMap<BuildingId, Building>,
    /// Floors.
    pub floors: BTreeMap<FloorId, Floor>,
    /// Fire compartments 防火分区.
    pub compartments: BTreeMap<CompartmentId, Compartment>,
    /// Alarm zones 报警区域.
    pub zones: BTreeMap<ZoneId, Zone>,
    /// Points 点位.
    pub points: BTreeMap<PointId, Point>,
    /// Outputs 输出.
    pub outputs: BTreeMap<OutputId, Output>,
    /// Lines of the field, with the panels and modules on them.
    pub buses: BTreeMap<BusId, Bus>,
    /// Posts 岗位 and persons who can be sent an order.
    pub recipients: BTreeMap<RecipientId, Recipient>,
    /// Who takes command at a confirmed fire, first reachable first.
    pub succession: Vec<RecipientId>,
    /// Who the confirmed fire is reported to 总指挥.
    pub commander: RecipientId,
    /// The groups that the site has filled; one that is missing is shown red at a fire.
    pub groups: BTreeMap<GroupId, Group>,
    /// The ways on foot.
    pub routes: Routes,
    /// The figures of procedures.toml.
    pub limits: FireLimits,
}

/// A building.
#[derive(Clone, Debug, PartialEq)]
pub struct Building {
    /// Its id.
    pub id: BuildingId,
    /// Its name.
    pub name: Text,
    /// People sleep here.
    pub sleeping: bool,
    /// Place on the site plan, in plan units.
    pub place: Option<(f64, f64)>,
    /// The gate and fire lane the brigade uses, for the 119 card.
    pub gate: Text,
    /// Hazards, for the 119 card.
    pub hazards: Text,
}

/// A floor.
#[derive(Clone, Debug, PartialEq)]
pub struct Floor {
    /// Its id.
    pub id: FloorId,
    /// The building it belongs to.
    pub building: BuildingId,
    /// Its name, for example 2 层.
    pub name: Text,
    /// File name of its plan, without folder.
    pub plan: Option<String>,
    /// Sorting height, ground = 1.
    pub level: i16,
}

/// A fire compartment 防火分区.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compartment {
    /// Its id.
    pub id: CompartmentId,
    /// Its name.
    pub name: Text,
    /// The building.
    pub building: BuildingId,
    /// The floor.
    pub floor: FloorId,
    /// The zone that contains it.
    pub zone: ZoneId,
}

/// An alarm zone 报警区域: feeders, sounders and display follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its id.
    pub id: ZoneId,
    /// Its name.
    pub name: Text,
    /// The building.
    pub building: BuildingId,
    /// Zones that are switched with it.
    pub related: Vec<ZoneId>,
}

/// Post or person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipientKind {
    /// 岗位: can be sent to look.
    Post,
    /// A named person with a duty.
    Person,
}

/// Somebody who can be sent an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipient {
    /// Its id, also its MQTT user name.
    pub id: RecipientId,
    /// Post or person.
    pub kind: RecipientKind,
    /// The name people call it by, for example 岗2 王强.
    pub name: String,
    /// Where it stands.
    pub place: Text,
    /// Its node of the route graph; `None` for persons who are not sent to look.
    pub node: Option<NodeId>,
    /// Place on the site plan, in plan units.
    pub plan_place: Option<(f64, f64)>,
    /// Radio channel or extension, when MQTT is silent.
    pub radio: Option<String>,
    /// Whether the post may be left.
    pub may_leave: bool,
    /// Buildings it holds keys for.
    pub keys: Vec<BuildingId>,
}

/// A line of the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bus {
    /// Its id.
    pub id: BusId,
    /// Its name.
    pub name: Text,
    /// The way to its devices.
    pub line: Line,
    /// Time between two polls of the same block, in milliseconds.
    pub poll_interval_ms: u32,
    /// Longest wait for a reply, in milliseconds.
    pub timeout_ms: u32,
    /// How long the devices are left alone after a connection is made, in milliseconds; some ignore what comes sooner.
    pub pause_after_connect_ms: u32,
    /// Units on the line: unit id and the name of its profile in `panels/`.
    pub units: Vec<Unit>,
}

/// A device on a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Modbus unit id, or the number by which points.csv calls the device.
    pub unit: u8,
    /// Name of the profile file without `.toml`.
    pub profile: String,
    /// Least silence before it is asked, in milliseconds; slow devices ignore what comes sooner.
    pub gap_ms: u32,
    /// Longest wait for its reply, in milliseconds; `None` is as long as for the others of its bus.
    pub timeout_ms: Option<u32>,
    /// How often a read without a reply is repeated at once.
    pub retries: u8,
    /// How a device is known that connects to us.
    pub caller: Option<Caller>,
}

/// How often a read is repeated where a unit says nothing else.
pub const RETRIES: u8 = 1;

/// The ways on foot: rooms, corridors, stairs, outdoor paths. Lifts are never in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routes {
    /// Nodes with their names.
    pub nodes: BTreeMap<NodeId, Node>,
    /// Ways between them, usable both ways.
    pub edges: Vec<Edge>,
}

/// A place of the route graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its id.
    pub id: NodeId,
    /// Its name; stairs and doors are told to the guard.
    pub name: Text,
    /// A stair or door worth telling.
    pub is_landmark: bool,
    /// Floor and place on its plan, to draw the way.
    pub place: Option<(FloorId, f64, f64)>,
}

/// A way between two nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// One end.
    pub from: NodeId,
    /// The other end.
    pub to: NodeId,
    /// Length in metres.
    pub metres: u32,
    /// Time on foot in seconds.
    pub seconds: u32,
    /// Closed at present (building site, locked gate).
    pub closed: bool,
}
