//! Sites with a panel or a module, made by hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::domain::layout::{
    Format, Group, Layout, Meaning, Number, Numbering, Order, Packed, Part, Pattern, States,
};
use crate::domain::line::Line;
use crate::domain::output::{Action, Target};
use crate::domain::point::{Address, Condition, Milli, Point, PointKind};
use crate::domain::profile::{Area, Profile, Quirks, Scan, UnitProfile};
use crate::domain::site::{Bus, RETRIES, Site, Unit};
use crate::domain::text::Text;
use crate::engine::ports::WriteEffect;
use crate::engine::testing::dormitory;

/// Reply timeout of the tests' buses.
pub(crate) const TIMEOUT_MS: u32 = 200;

/// A word with fire, fault, disabled, test and active in its lowest bits, and a word for "no such device".
pub(crate) fn word() -> Layout {
    let conditions = [
        Condition::Fire,
        Condition::Fault,
        Condition::Disabled,
        Condition::Test,
        Condition::Active,
    ];
    let missing = Pattern {
        mask: 0xFFFF,
        value: 0xFFFF,
    };
    Layout::Word {
        swap_bytes: false,
        states: States {
            bits: (0..).zip(conditions).collect(),
            codes: None,
            missing: vec![missing],
        },
    }
}

/// One bit a point, least significant first.
pub(crate) fn bit() -> Layout {
    Layout::Packed(Packed {
        width: 1,
        most_first: false,
        skip: 0,
        meaning: Meaning::Contact {
            inverted: false,
            shows: None,
        },
    })
}

/// A number as it stands in the registers, without limits.
pub(crate) fn number(format: Format) -> Number {
    Number {
        format,
        order: Order::default(),
        len: format.registers(),
        value_at: 0,
        decimals_at: None,
        scale_micro: 1_000_000,
        offset: Milli(0),
        unit: "%LEL".to_owned(),
        missing: Vec::new(),
        broken_below: None,
        shorted_above: None,
        plausible: (Milli(-5_000_000_000_000), Milli(5_000_000_000_000)),
        limits: Vec::new(),
        hysteresis: Milli(0),
        dead_band: Milli(0),
    }
}

/// Points in one table, numbered from 0.
pub(crate) fn group(area: Area, (start, count): (u16, u16), layout: Layout, scan: Scan) -> Group {
    let stride = match &layout {
        Layout::Number(number) => number.len,
        Layout::Word { .. } | Layout::Packed(_) => 1,
    };
    let part = Part {
        area,
        start,
        stride,
        loop_stride: 0,
        layout: Arc::new(layout),
    };
    Group {
        count,
        numbering: Numbering::Plain { first: 0 },
        parts: vec![part],
        scan,
        clear_after: 2,
    }
}

/// A device with these groups and no other limits than those of the protocol.
pub(crate) fn profile(name: &str, groups: Vec<(&str, Group)>) -> Profile {
    Profile {
        name: name.to_owned(),
        registers_max: 125,
        bits_max: 2_000,
        frame_bytes_max: 260,
        gap_max: 8,
        quirks: Quirks::default(),
        summary: None,
        groups: groups.into_iter().map(|(n, g)| (n.to_owned(), g)).collect(),
        writes: BTreeMap::new(),
    }
}

/// The same as the field is given them.
pub(crate) fn unit_profiles() -> BTreeMap<String, UnitProfile> {
    let wrapped = |(name, profile)| (name, UnitProfile::Registers(profile));
    profiles().into_iter().map(wrapped).collect()
}

/// A panel with 48 devices in holding registers, and a module with 16 outputs and their feedback.
pub(crate) fn profiles() -> BTreeMap<String, Profile> {
    let status = group(Area::Holding, (200, 4), bit(), Scan::Rest);
    let inputs = group(Area::Discrete, (0, 16), bit(), Scan::First);
    let devices = group(Area::Holding, (0, 48), word(), Scan::First);
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
                caller: None,
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
        number: index.to_string(),
        measured_in: None,
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
