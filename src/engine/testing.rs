//! A small dormitory for tests of the engine, made without files.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::group::{Group, GroupId};
use crate::domain::ids::{NodeId, OutputId};
use crate::domain::limits::FireLimits;
use crate::domain::line::Line;
use crate::domain::output::{Action, Arming, Feedback, Master, Output, OutputKind, Target};
use crate::domain::point::{Point, PointKind};
use crate::domain::site::{
    Building, Bus, Compartment, Edge, Floor, Node, Recipient, RecipientKind, Routes, Site, Zone,
};
use crate::domain::text::Text;

/// Output, kind, action, feedback point, the state of it that means done.
type Row = (
    &'static str,
    OutputKind,
    Action,
    Option<(&'static str, bool)>,
);

const OUTPUTS: [Row; 11] = [
    (
        "D1-SOUNDER",
        OutputKind::Sounder,
        Action::Level,
        Some(("D1-SOUNDER-FB", true)),
    ),
    (
        "D1-DOORS",
        OutputKind::DoorRelease,
        Action::Level,
        Some(("D1-DOORS-FB", true)),
    ),
    (
        "D1-LIFT",
        OutputKind::ElevatorRecall,
        Action::Level,
        Some(("D1-LIFT-HOME", true)),
    ),
    (
        "GAS-VALVE",
        OutputKind::GasClose,
        Action::Level,
        Some(("GAS-VALVE-CLOSED", true)),
    ),
    (
        "HYDRANT-PUMP",
        OutputKind::PumpStart,
        Action::Pulse,
        Some(("HYDRANT-PUMP-RUN", true)),
    ),
    (
        "D1-FEEDER",
        OutputKind::FeederTrip,
        Action::Level,
        Some(("D1-FEEDER-OFF", true)),
    ),
    (
        "D1-LIFT-FEEDER",
        OutputKind::FeederTrip,
        Action::Level,
        Some(("D1-LIFT-FEEDER-OFF", true)),
    ),
    (
        "P1-SILENCE",
        OutputKind::PanelSilence,
        Action::Pulse,
        Some(("P1-SILENCED", true)),
    ),
    (
        "P1-STOP-SOUNDERS",
        OutputKind::PanelStopSounders,
        Action::Pulse,
        Some(("P1-SOUNDERS", false)),
    ),
    ("P1-RESET", OutputKind::PanelReset, Action::Pulse, None),
    (
        "P1-AUTO",
        OutputKind::PanelAuto,
        Action::Pulse,
        Some(("P1-KEY", true)),
    ),
];

/// The feedback of an output, with the state that means done.
pub(crate) fn output_feedback(id: &OutputId) -> Option<(String, bool)> {
    let (_, _, _, feedback) = OUTPUTS.iter().find(|(output, ..)| *output == id.as_str())?;
    feedback.map(|(point, active)| (point.to_owned(), active))
}

fn same(word: &str) -> Text {
    Text::new(word, word)
}

fn point(id: &str, kind: PointKind, bus: &str) -> Point {
    Point {
        id: id.into(),
        kind,
        name: same(id),
        building: "D1".into(),
        floor: "D1-2F".into(),
        room: same("203"),
        compartment: "D1-2".into(),
        place: Some((10.0, 20.0)),
        node: "room".into(),
        bus: bus.into(),
        unit: 1,
        group: "devices".into(),
        address: crate::domain::point::Address::Index(0),
        number: "0".into(),
        measured_in: None,
    }
}

fn points() -> Vec<Point> {
    let mut points: Vec<Point> = (15..=30)
        .map(|n| point(&format!("P1-{n:03}"), PointKind::Smoke, "panel1"))
        .collect();
    points.push(point("P1-KEY", PointKind::PanelKey, "panel1"));
    points.push(point("P1-SILENCED", PointKind::PanelSilenced, "panel1"));
    points.push(point("P1-SOUNDERS", PointKind::PanelSounders, "panel1"));
    let feedback = OUTPUTS.iter().filter_map(|(.., feedback)| *feedback);
    let feedback = feedback.filter(|(id, _)| !id.starts_with("P1"));
    points.extend(feedback.map(|(id, _)| point(id, PointKind::Feedback, "io1")));
    points
}

fn outputs() -> Vec<Output> {
    let output =
        |(id, kind, action, feedback): &(&str, OutputKind, Action, Option<(&str, bool)>)| {
            let panel = kind.is_panel();
            Output {
                id: (*id).into(),
                kind: *kind,
                name: same(id),
                building: (!panel && id.starts_with("D1")).then(|| "D1".into()),
                zone: None,
                bus: if panel { "panel1".into() } else { "io1".into() },
                unit: 1,
                target: Target::Coil { register: 0 },
                action: *action,
                repeat_is_safe: *action == Action::Level,
                feedback: feedback.map(|(point, active)| Feedback {
                    point: point.into(),
                    active,
                    window: Duration::from_secs(10),
                }),
                arming: if panel { Arming::Assist } else { Arming::Auto },
                master: if panel {
                    Master::Panel
                } else {
                    Master::Fengsui
                },
                waits_for: (*id == "D1-LIFT-FEEDER").then(|| "D1-LIFT".into()),
                stagger: None,
                deferred: false,
                gas_detectors: Vec::new(),
                by_hand: "chief-eng".into(),
            }
        };
    OUTPUTS.iter().map(output).collect()
}

fn recipients() -> Vec<Recipient> {
    let of = |id: &str, kind, node: Option<&str>| Recipient {
        id: id.into(),
        kind,
        name: id.to_owned(),
        place: same(id),
        node: node.map(Into::into),
        plan_place: None,
        radio: Some("1".into()),
        may_leave: true,
        keys: Vec::new(),
    };
    vec![
        of("post1", RecipientKind::Post, Some("gate")),
        of("post2", RecipientKind::Post, Some("yard")),
        of("duty-lead", RecipientKind::Person, None),
        of("director", RecipientKind::Person, None),
        of("warden", RecipientKind::Person, None),
        of("chief-eng", RecipientKind::Person, None),
    ]
}

fn routes() -> Routes {
    let node = |id: &str| Node {
        id: id.into(),
        name: same(id),
        is_landmark: id == "stair",
        place: None,
    };
    let nodes: BTreeMap<NodeId, Node> = ["gate", "yard", "stair", "room"]
        .map(|id| (id.into(), node(id)))
        .into();
    let edge = |from: &str, to: &str, seconds| Edge {
        from: from.into(),
        to: to.into(),
        metres: seconds,
        seconds,
        closed: false,
    };
    let edges = vec![
        edge("gate", "yard", 60),
        edge("yard", "stair", 20),
        edge("stair", "room", 20),
    ];
    Routes { nodes, edges }
}

fn bus(id: &str) -> Bus {
    Bus {
        id: id.into(),
        name: same(id),
        line: Line::Tcp("127.0.0.1:1".into()),
        poll_interval_ms: 100,
        timeout_ms: 500,
        pause_after_connect_ms: 0,
        units: Vec::new(),
    }
}

pub(crate) fn limits() -> FireLimits {
    let seconds = Duration::from_secs;
    FireLimits {
        receive: seconds(15),
        accept: seconds(30),
        arrive: seconds(180),
        verdict: seconds(300),
        take: seconds(30),
        mute: seconds(180),
        call_119: seconds(90),
        command_expiry: seconds(30),
        two_posts_over: seconds(180),
        succession: seconds(60),
        start_answer: seconds(30),
        maintenance: seconds(900),
        single_device_suspects: false,
    }
}

/// A dormitory that people sleep in, with a panel, an I/O module, two posts and four persons.
pub(crate) fn dormitory() -> Site {
    let building = Building {
        id: "D1".into(),
        name: same("D1"),
        sleeping: true,
        place: None,
        gate: same("south"),
        hazards: same("none"),
    };
    let floor = Floor {
        id: "D1-2F".into(),
        building: "D1".into(),
        name: same("2F"),
        plan: Some("d1-2f".into()),
        level: 2,
    };
    let compartment = Compartment {
        id: "D1-2".into(),
        name: same("D1-2"),
        building: "D1".into(),
        floor: "D1-2F".into(),
        zone: "D1".into(),
    };
    let zone = Zone {
        id: "D1".into(),
        name: same("D1"),
        building: "D1".into(),
        related: Vec::new(),
    };
    Site {
        id: "test".into(),
        name: same("test"),
        address: "1 Test Road".to_owned(),
        phone: "0".to_owned(),
        utc_offset_minutes: 480,
        has_broker: true,
        demo: true,
        plan: None,
        buildings: [(building.id.clone(), building)].into(),
        floors: [(floor.id.clone(), floor)].into(),
        compartments: [(compartment.id.clone(), compartment)].into(),
        zones: [(zone.id.clone(), zone)].into(),
        points: points()
            .into_iter()
            .map(|point| (point.id.clone(), point))
            .collect(),
        outputs: outputs()
            .into_iter()
            .map(|output| (output.id.clone(), output))
            .collect(),
        buses: ["panel1", "io1"].map(|id| (id.into(), bus(id))).into(),
        recipients: recipients()
            .into_iter()
            .map(|r| (r.id.clone(), r))
            .collect(),
        succession: vec!["duty-lead".into(), "director".into()],
        commander: "director".into(),
        groups: groups(),
        routes: routes(),
        limits: limits(),
    }
}

/// All six groups; the evacuation group has a deputy.
fn groups() -> BTreeMap<GroupId, Group> {
    let of = |id: GroupId| {
        let (leader, deputies): (&str, &[&str]) = match id {
            GroupId::Extinguish | GroupId::Cordon => ("post1", &["post2"]),
            GroupId::Evacuate => ("warden", &["post2"]),
            GroupId::Rescue => ("post2", &["post1"]),
            GroupId::Equipment => ("chief-eng", &[]),
            GroupId::Reserve => ("duty-lead", &[]),
        };
        let group = Group {
            id,
            leader: leader.into(),
            deputies: deputies.iter().map(|id| (*id).into()).collect(),
        };
        (id, group)
    };
    GroupId::ALL.into_iter().map(of).collect()
}
