//! How much hangs on each controller, loop and line, against what the standards allow (GB 50116-2013 3.1.5).
//!
//! 应 is a duty and 宜 a recommendation: neither keeps a daemon from starting, because what is built is built and must be shown.

use std::collections::BTreeMap;

use crate::domain::ids::BusId;
use crate::domain::line::Line;
use crate::domain::point::{Address, Point, PointKind};
use crate::domain::site::Site;

/// Devices of one controller (3.1.5, 应).
const CONTROLLER_MAX: usize = 3_200;
/// Devices of one loop (3.1.5, 宜), of which a tenth stays free.
const LOOP_MAX: usize = 200;
/// Modules of one linkage controller (3.1.5, 应), and of one of its loops (宜).
const MODULES_MAX: usize = 1_600;
const LOOP_MODULES_MAX: usize = 100;
/// Devices on a line without a repeater (TIA-485-A: 32 unit loads).
const LINE_UNITS_MAX: usize = 32;

/// What is more than it should be: what and how much, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Warning {
    pub(super) message: String,
    pub(super) help: String,
}

/// A controller: a unit of a line, and behind a transmission device one of its systems.
type Controller<'a> = (&'a BusId, u8, Option<u8>);

#[derive(Default)]
struct Count {
    devices: usize,
    modules: usize,
}

impl Count {
    fn add(&mut self, point: &Point) {
        self.devices += 1;
        self.modules += usize::from(is_module(point.kind));
    }
}

/// Everything that is more than it should be, in the order of the site's lines.
pub(super) fn warnings(site: &Site) -> Vec<Warning> {
    let mut controllers: BTreeMap<Controller<'_>, Count> = BTreeMap::new();
    let mut loops: BTreeMap<(Controller<'_>, &str), Count> = BTreeMap::new();
    for point in site.points.values().filter(|point| is_device(point.kind)) {
        let (system, of_loop) = place(point);
        let controller = (&point.bus, point.unit, system);
        controllers.entry(controller).or_default().add(point);
        if let Some(of_loop) = of_loop {
            loops.entry((controller, of_loop)).or_default().add(point);
        }
    }
    let mut warnings = Vec::new();
    for (controller, count) in &controllers {
        warnings.extend(of_controller(*controller, count));
    }
    for ((controller, of_loop), count) in &loops {
        warnings.extend(of_one_loop(*controller, of_loop, count));
    }
    warnings.extend(of_lines(site));
    warnings
}

/// The panel's own states are not devices on its loops.
fn is_device(kind: PointKind) -> bool {
    !matches!(
        kind,
        PointKind::PanelKey
            | PointKind::PanelSilenced
            | PointKind::PanelSounders
            | PointKind::PanelMains
            | PointKind::PanelFire
    )
}

/// What is joined to a loop by a module 模块.
fn is_module(kind: PointKind) -> bool {
    matches!(
        kind,
        PointKind::Feedback
            | PointKind::Supervisory
            | PointKind::FlowSwitch
            | PointKind::PressureSwitch
    )
}

/// `L1` of `L1D15`.
fn of_name(number: &str) -> Option<&str> {
    let letter = number.strip_prefix('L')?.find(char::is_alphabetic)?;
    number.get(..=letter)
}

/// The system and the loop of a point, as far as its address tells them.
fn place(point: &Point) -> (Option<u8>, Option<&str>) {
    match &point.address {
        // L1D15 is a device of loop 1, whatever its group; without loops in the profile a group is one.
        Address::Index(_) => (None, of_name(&point.number).or(Some(point.group.as_str()))),
        Address::Part { system, .. } => (Some(*system), None),
        // 1-2-15: device 15 of loop 2 of panel 1.
        Address::Label(label) => (None, label.rsplit_once('-').map(|(of_loop, _)| of_loop)),
    }
}

fn of_controller(controller: Controller<'_>, count: &Count) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut check = |found: usize, most: usize, what: &str| {
        if found > most {
            warnings.push(Warning {
                message: format!(
                    "{} has {found} {what}; one controller must have at most {most} (GB 50116-2013 3.1.5, 应)",
                    named(controller)
                ),
                help: "spread them over more controllers, or give each controller behind this unit a unit of its own".to_owned(),
            });
        }
    };
    check(count.devices, CONTROLLER_MAX, "devices");
    check(count.modules, MODULES_MAX, "modules");
    warnings
}

fn of_one_loop(controller: Controller<'_>, of_loop: &str, count: &Count) -> Option<Warning> {
    let checked = [
        (count.devices, LOOP_MAX, "devices"),
        (count.modules, LOOP_MODULES_MAX, "modules"),
    ];
    let (found, most, what) = checked
        .into_iter()
        .find(|(found, most, _)| *found > most - most / 10)?;
    let place = format!("`{of_loop}` of {}", named(controller));
    let message = if found > most {
        format!(
            "{place} has {found} {what}; one loop should have at most {most} (GB 50116-2013 3.1.5, 宜)"
        )
    } else {
        format!(
            "{place} has {found} {what}; of the {most} of one loop a tenth should stay free (GB 50116-2013 3.1.5)"
        )
    };
    Some(Warning {
        message,
        help: "if it is one loop of the panel, move devices to another; if it is several, there is nothing to do".to_owned(),
    })
}

fn of_lines(site: &Site) -> impl Iterator<Item = Warning> {
    let crowded = site.buses.values().filter(|bus| {
        let is_serial = matches!(bus.line, Line::Serial(_) | Line::RtuOverTcp(_));
        is_serial && bus.units.len() > LINE_UNITS_MAX
    });
    crowded.map(|bus| Warning {
        message: format!(
            "`{}` has {} units; an RS-485 line carries {LINE_UNITS_MAX} unit loads without a repeater (TIA-485-A)",
            bus.id,
            bus.units.len()
        ),
        help: "add a repeater, or see that their transceivers are 1/4 or 1/8 of a unit load".to_owned(),
    })
}

fn named((bus, unit, system): Controller<'_>) -> String {
    match system {
        Some(system) => format!("system {system} of unit {unit} on `{bus}`"),
        None => format!("unit {unit} on `{bus}`"),
    }
}
