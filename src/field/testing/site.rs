//! Sites with a panel or a module, made by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Clock;
use crate::domain::line::Line;
use crate::domain::output::{Action, Target};
use crate::domain::point::{Address, Point, PointKind};
use crate::domain::profile::{Area, Group, Layout, Profile, Quirks, Scan, UnitProfile};
use crate::domain::site::{Bus, RETRIES, Site, Unit};
use crate::domain::text::Text;
use crate::engine::ports::WriteEffect;
use crate::engine::testing::dormitory;

/// Reply timeout of the tests' buses.
pub(crate) const TIMEOUT_MS: u32 = 200;

pub(crate) fn word() -> Layout {
    Layout::Word {
        fire: Some(0),
        fault: Some(1),
        disabled: Some(2),
        test: Some(3),
        active: Some(4),
        low: None,
        high: None,
        missing: Some(0xFFFF),
    }
}

/// The same as the field is given them.
pub(crate) fn unit_profiles() -> BTreeMap<String, UnitProfile> {
    let wrapped = |(name, profile)| (name, UnitProfile::Registers(profile));
    profiles().into_iter().map(wrapped).collect()
}

/// A panel with 48 devices in holding registers, and a module with 16 outputs and their feedback.
pub(crate) fn profiles() -> BTreeMap<String, Profile> {
    let group = |area, count, layout, scan| Group {
        area,
        start: 0,
        count,
        layout,
        scan,
    };
    let profile = |name: &str, groups: Vec<(&str, Group)>| Profile {
        name: name.to_owned(),
        registers_max: 125,
        bits_max: 2_000,
        gap_max: 8,
        quirks: Quirks::default(),
        groups: groups.into_iter().map(|(n, g)| (n.to_owned(), g)).collect(),
        writes: BTreeMap::new(),
    };
    let status = Group {
        start: 200,
        ..group(
            Area::Holding,
            4,
            Layout::Bit { inverted: false },
            Scan::Rest,
        )
    };
    let inputs = group(
        Area::Discrete,
        16,
        Layout::Bit { inverted: false },
        Scan::First,
    );
    let devices = group(Area::Holding, 48, word(), Scan::First);
    let panel = profile("panel", vec![("devices", devices), ("status", status)]);
    let io = profile("io", vec![("inputs", inputs)]);
    [("panel".to_owned(), panel), ("io".to_owned(), io)].into()
}

pub(crate) fn bus(id: &str, address: &str, units: &[(u8, &str)]) -> Bus {
    Bus {
        id: id.into(),
        name: Text::new(id, id),
        line: Line::Tcp(address.to_owned()),
        poll_interval_ms: 10,
        timeout_ms: TIMEOUT_MS,
        pause_after_connect_ms: 0,
        units: units
            .iter()
            .map(|(unit, profile)| Unit {
                unit: *unit,
                profile: (*profile).to_owned(),
                gap_ms: 0,
                timeout_ms: None,
                retries: RETRIES,
            })
            .collect(),
    }
}

pub(crate) fn point(id: &str, bus: &str, unit: u8, (group, index): (&str, u16)) -> Point {
    let kind = match group {
        "devices" => PointKind::Smoke,
        "status" => PointKind::PanelKey,
        _ => PointKind::Feedback,
    };
    Point {
        id: id.into(),
        kind,
        name: Text::new(id, id),
        building: "D1".into(),
        floor: "D1-2F".into(),
        room: Text::new("203", "203"),
        compartment: "D1-2".into(),
        place: None,
        node: "room".into(),
        bus: bus.into(),
        unit,
        group: group.to_owned(),
        address: Address::Index(index),
    }
}

/// The dormitory with these buses and points instead of its own.
pub(crate) fn site(buses: Vec<Bus>, points: Vec<Point>) -> Site {
    Site {
        buses: buses.into_iter().map(|bus| (bus.id.clone(), bus)).collect(),
        points: points
            .into_iter()
            .map(|point| (point.id.clone(), point))
            .collect(),
        ..dormitory()
    }
}

/// A panel at this address with devices P000 to P047 and its key.
pub(crate) fn panel_site(address: &str) -> Site {
    let mut points: Vec<Point> = (0..48)
        .map(|n| point(&format!("P{n:03}"), "panel1", 1, ("devices", n)))
        .collect();
    points.push(point("KEY", "panel1", 1, ("status", 0)));
    site(vec![bus("panel1", address, &[(1, "panel")])], points)
}

/// A module at this address with feedback inputs I00 to I15.
pub(crate) fn io_site(address: &str) -> Site {
    let points = (0..16).map(|n| point(&format!("I{n:02}"), "io1", 1, ("inputs", n)));
    site(vec![bus("io1", address, &[(1, "io")])], points.collect())
}

pub(crate) fn effect(bus: &str, command: &str, target: Target, action: Action) -> WriteEffect {
    WriteEffect {
        command: command.into(),
        output: command.into(),
        bus: bus.into(),
        unit: 1,
        target,
        action,
        stagger: None,
        expires: Clock::default().now().engine + Duration::from_secs(30),
    }
}
