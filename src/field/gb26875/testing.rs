//! A device of the tests, and the points behind it.

use std::time::Duration;

use super::adu::Label;
use super::frame::{Command, Frame, Header, Station};
use crate::domain::point::{Address, Point, PointKind};
use crate::domain::transmitter::{Caller, PartAddress, Transmitter};
use crate::field::testing::point;

/// 2026-11-23 14:05:09.
pub(super) const LABEL: Label = [9, 5, 14, 23, 11, 26];
/// The same in UTC milliseconds, at the offset of the tests.
pub(super) const LABEL_MS: i64 = 1_795_413_909_000;
pub(super) const OFFSET: i32 = 480;
pub(super) const SOURCE: u64 = 889;

pub(super) fn profile() -> Transmitter {
    Transmitter {
        name: "gb26875".to_owned(),
        silent_after: Duration::from_secs(90),
        part_address: PartAddress::ZoneUnit,
        text_bytes: 31,
        honour_test_bit: false,
        started_is_feedback: false,
        gas_alarm_is_high: false,
        answers: true,
    }
}

pub(super) fn caller(source: u64) -> Caller {
    Caller { source, from: None }
}

/// A point of unit 1: its kind, its group and its address.
pub(super) fn told(id: &str, kind: PointKind, group: &str, (system, part): (u8, u32)) -> Point {
    Point {
        kind,
        address: Address::Part { system, part },
        ..point(id, "devices", 1, (group, 0))
    }
}

/// Two detectors of panel 1, a flow switch, a pump, a valve, a temperature, the panel, the device, and what has no point.
pub(super) fn points() -> Vec<Point> {
    vec![
        told("SMOKE-1", PointKind::Smoke, "parts", (1, 1)),
        told("SMOKE-2", PointKind::Smoke, "parts", (1, 2)),
        told("FLOW", PointKind::FlowSwitch, "parts", (1, 3)),
        told("PUMP", PointKind::Feedback, "parts", (1, 4)),
        told("VALVE", PointKind::Supervisory, "parts", (1, 5)),
        told("GAS", PointKind::Gas, "parts", (2, 1)),
        told("WARMTH", PointKind::Supervisory, "temperature_c", (1, 1)),
        told("KEY", PointKind::PanelKey, "system", (1, 0)),
        told("MAINS", PointKind::PanelMains, "system", (1, 0)),
        told("DEVICE", PointKind::Supervisory, "device", (0, 0)),
        told("OTHER", PointKind::PanelFire, "other", (0, 0)),
    ]
}

pub(super) fn frame(sequence: u16, adu: &[u8]) -> Frame {
    Frame {
        header: Header {
            sequence,
            version: [1, 1],
            time: LABEL,
            source: Station::of(SOURCE),
            destination: Station::of(88_888),
            command: Command::Send,
        },
        adu: adu.to_vec(),
    }
}

/// Type 2 of one part of panel 1, with a text and a label.
pub(super) fn part(address: u32, state: u16) -> Vec<u8> {
    part_of((1, address), state)
}

pub(super) fn part_of((system, address): (u8, u32), state: u16) -> Vec<u8> {
    let mut adu = vec![2, 1, 1, system, 40];
    adu.extend(address.to_le_bytes());
    adu.extend(state.to_le_bytes());
    let mut text = b"room 7".to_vec();
    text.resize(31, 0);
    adu.extend(text);
    adu.extend(LABEL);
    adu
}

/// Type 1 of a panel.
pub(super) fn system(address: u8, state: u16) -> Vec<u8> {
    let mut adu = vec![1, 1, 1, address];
    adu.extend(state.to_le_bytes());
    adu.extend(LABEL);
    adu
}

/// Type 4 of a panel: the bits of what was done, by operator 7.
pub(super) fn operation(system: u8, acts: u8) -> Vec<u8> {
    [&[4, 1, 1, system, acts, 7], LABEL.as_slice()].concat()
}
