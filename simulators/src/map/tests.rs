//! Words by hand, from docs/panels.md and the standard: the worked example there, every layout, every refusal.

use tokio_modbus::ExceptionCode;
use tokio_modbus::prelude::{Request, Response};

use super::{MapFile, Mapped, State, Unset};

/// The sheet of the worked example, a few layouts beside it, and one write of each kind.
const MAP: &str = r#"
version = 1
source = "docs/panels.md"
tier = "listed"
base = "reference"

[limits]
registers_max = 60
bits_max = 16
gap_max = 2

[groups.devices]
area = "holding"
start = 40001
loops = { count = 4, stride = 200, first = 1, last = 120, letter = "D" }
layout = "word"
bits = { test = 0 }
codes = { mask = 0x00F0, normal = 0, fire = 1, fault = 2, disabled = 3 }
missing = 0xFFFF
scan = "first"

[groups.pairs]
area = "input"
start = 30001
count = 20
first = 1
layout = "packed"
width = 2
packing = "most_first"
skip = 2
codes = { normal = 0, fire = 1, fault = 2, disabled = 3 }
scan = "first"

[groups.contacts]
area = "discrete"
start = 10001
count = 4
layout = "bit"
inverted = true
scan = "rest"

[groups.pressure]
area = "input"
start = 30101
count = 2
stride = 4
layout = "number"
scan = "rest"
[groups.pressure.number]
type = "int32"
order = "CDAB"
decimals = 30103
scale = 1.0
offset = -5.0
unit = "kPa"
plausible = [0.0, 2000.0]
broken_below = -10
limits = { low = { below = 300.0 }, high = { above = 900.0 } }

[summary]
area = "holding"
start = 49001
count = 1
groups = ["devices"]
max_age_ms = 5000

[writes.relays]
coil = 17
count = 4
when_silent = "hold"

[writes.stroke]
coil = 21
pulse = true
when_silent = "hold"

[writes.reset]
register = 40950
value = 14
pulse = true

[writes.unlock]
register = 40960
values = [0x1234, 7]
pulse = true

[writes.lamps]
register = 40970
bit = 4
count = 3
when_silent = "hold"
"#;

fn unit() -> Mapped {
    Mapped::new(&MapFile::parse(MAP).unwrap(), 9).unwrap()
}

fn set(unit: &mut Mapped, group: &str, index: &str, state: &str) -> Result<usize, Unset> {
    let state: State = state.parse().unwrap();
    unit.set((group, index), &state, 0).map(|view| view.ways)
}

fn holding(unit: &mut Mapped, address: u16) -> u16 {
    match unit.answer(&Request::ReadHoldingRegisters(address, 1), true) {
        Ok(Response::ReadHoldingRegisters(words)) => words[0],
        other => panic!("{other:?}"),
    }
}

fn input(unit: &mut Mapped, address: u16, count: u16) -> Vec<u16> {
    match unit.answer(&Request::ReadInputRegisters(address, count), true) {
        Ok(Response::ReadInputRegisters(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_worked_example_stands_where_its_page_says() {
    let mut unit = unit();
    assert_eq!(holding(&mut unit, 9_000), 0);
    set(&mut unit, "devices", "L2D15", "fire+test").unwrap();
    assert_eq!(holding(&mut unit, 214), 0x0011);
    set(&mut unit, "devices", "L2D15", "unknown_code").unwrap();
    assert_eq!(holding(&mut unit, 214), 0x0040);
    set(&mut unit, "devices", "L2D15", "not_present").unwrap();
    assert_eq!(holding(&mut unit, 214), 0xFFFF);
    // Its summary counts each change.
    assert_eq!(holding(&mut unit, 9_000), 3);
    unit.calm();
    assert_eq!([214, 9_000].map(|at| holding(&mut unit, at)), [0, 0]);
}

#[test]
fn what_the_map_cannot_say_changes_nothing() {
    let mut unit = unit();
    let unsayable = [
        ("devices", "L1D1", "fire+fault"),
        ("devices", "L1D1", "active"),
        ("devices", "L1D1", "12.5"),
        ("pairs", "1", "not_present"),
        ("contacts", "0", "fault"),
        ("contacts", "0", "fire+active"),
        ("pressure", "0", "1e12"),
    ];
    for (group, index, state) in unsayable {
        let answer = set(&mut unit, group, index, state);
        assert_eq!(answer, Err(Unset::Unsayable), "{group}/{index} {state}");
    }
    for (group, index) in [("devices", "L5D1"), ("devices", "L1D121"), ("pairs", "0")] {
        assert_eq!(set(&mut unit, group, index, "fire"), Err(Unset::Unknown));
    }
    assert_eq!(holding(&mut unit, 0), 0);
    assert!("smoke".parse::<State>().is_err());
    assert!("inf".parse::<State>().is_err());
}

#[test]
fn points_that_share_a_register_leave_each_other_alone() {
    let mut unit = unit();
    set(&mut unit, "pairs", "1", "fire").unwrap();
    set(&mut unit, "pairs", "2", "disabled").unwrap();
    set(&mut unit, "pairs", "7", "fault").unwrap();
    assert_eq!(input(&mut unit, 0, 2), [0x0700, 0x8000]);
    set(&mut unit, "pairs", "2", "normal").unwrap();
    assert_eq!(input(&mut unit, 0, 2), [0x0400, 0x8000]);
    // An inverted contact is 1 at rest.
    let Ok(Response::ReadDiscreteInputs(bits)) =
        unit.answer(&Request::ReadDiscreteInputs(0, 4), true)
    else {
        panic!("no bits");
    };
    assert_eq!(bits, [true; 4]);
}

#[test]
fn a_value_is_written_in_the_order_and_with_the_decimals_of_the_map() {
    let mut unit = unit();
    set(&mut unit, "pressure", "1", "812.5").unwrap();
    // 8175 tenths and an offset of -5: low register first, then the decimals.
    assert_eq!(input(&mut unit, 104, 3), [8_175, 0, 1]);
    set(&mut unit, "pressure", "1", "-8").unwrap();
    assert_eq!(input(&mut unit, 104, 3), [0xFFE2, 0xFFFF, 1]);
    let low: State = "low".parse().unwrap();
    let shown = unit.set(("pressure", "1"), &low, 0).unwrap().said;
    assert_eq!((shown.value, shown.shows.len()), (Some(0.0), 1));
    let fault: State = "fault".parse().unwrap();
    let shown = unit.set(("pressure", "1"), &fault, 0).unwrap().said;
    assert_eq!(shown.trouble, Some(super::Trouble::Broken));
    assert_eq!(input(&mut unit, 104, 2), [0xFFF5, 0xFFFF]);
}

#[test]
fn reads_have_the_limits_of_the_map() {
    let mut unit = unit();
    let mut refused = |request| unit.answer(&request, true).unwrap_err();
    use ExceptionCode::{IllegalDataAddress, IllegalDataValue};
    for (request, code) in [
        (Request::ReadHoldingRegisters(0, 61), IllegalDataValue),
        (Request::ReadHoldingRegisters(0, 0), IllegalDataValue),
        (Request::ReadDiscreteInputs(0, 17), IllegalDataValue),
        // Behind the last device of a loop; and one place beyond the table.
        (Request::ReadHoldingRegisters(119, 2), IllegalDataAddress),
        (Request::ReadHoldingRegisters(65_535, 2), IllegalDataAddress),
        (Request::ReadDiscreteInputs(3, 2), IllegalDataAddress),
    ] {
        assert_eq!(refused(request.clone()), code, "{request:?}");
    }
    // Gaps that may be read along are there.
    assert_eq!(input(&mut unit, 100, 7).len(), 7);
}

#[test]
fn a_frame_is_never_longer_than_the_device_makes_it() {
    let map = MAP.replace("gap_max = 2", "gap_max = 2\nframe_bytes_max = 64");
    let map = MapFile::parse(&map).unwrap();
    for (beside, most) in [(9, 27), (5, 29)] {
        let mut unit = Mapped::new(&map, beside).unwrap();
        let mut read = |count| unit.answer(&Request::ReadHoldingRegisters(0, count), true);
        assert!(read(most).is_ok());
        assert_eq!(read(most + 1), Err(ExceptionCode::IllegalDataValue));
    }
}

#[test]
fn writes_are_what_the_map_names_and_nothing_else() {
    use ExceptionCode::{IllegalDataAddress, IllegalDataValue};
    let mut unit = unit();
    let taken = [
        (Request::WriteSingleCoil(17, true), "relays/1"),
        (
            Request::WriteMultipleCoils(20, vec![true].into()),
            "stroke/0",
        ),
        (Request::WriteSingleRegister(949, 14), "reset"),
        (
            Request::WriteMultipleRegisters(959, vec![0x1234, 7].into()),
            "unlock",
        ),
        (Request::MaskWriteRegister(969, !0x0020, 0x0020), "lamps/1"),
    ];
    for (request, name) in taken {
        assert_eq!(unit.name_of(&request).as_deref(), Some(name));
        assert!(unit.answer(&request, true).is_ok(), "{name}");
    }
    // A level stays, a stroke is over; a command register keeps the last command.
    let Ok(Response::ReadCoils(coils)) = unit.answer(&Request::ReadCoils(16, 5), true) else {
        panic!("no coils");
    };
    assert_eq!(coils, [false, true, false, false, false]);
    assert_eq!([949, 969].map(|at| holding(&mut unit, at)), [14, 0x0020]);
    for (request, code) in [
        (Request::WriteSingleCoil(21, true), IllegalDataAddress),
        (
            Request::WriteMultipleCoils(19, vec![true; 3].into()),
            IllegalDataAddress,
        ),
        (Request::WriteSingleRegister(949, 15), IllegalDataValue),
        (Request::WriteSingleRegister(0, 1), IllegalDataAddress),
        (
            Request::MaskWriteRegister(969, !0x0088, 0x0008),
            IllegalDataAddress,
        ),
        (Request::ReportServerId, ExceptionCode::IllegalFunction),
    ] {
        assert_eq!(unit.answer(&request, true), Err(code), "{request:?}");
    }
    unit.drop_relays();
    let coils = unit.answer(&Request::ReadCoils(16, 5), true);
    assert_eq!(coils, Ok(Response::ReadCoils(vec![false; 5])));
}

#[test]
fn a_file_that_is_no_register_map_is_refused() {
    for (text, why) in [
        ("protocol = \"printer\"", "the protocol is printer"),
        (&MAP.replace("skip = 2", "leap = 2"), "leap"),
        (&MAP.replace("base = \"reference\"", "base = 7"), "base"),
        (&MAP.replace("start = 40001", "start = 30001"), "no address"),
    ] {
        let read = MapFile::parse(text).and_then(|map| Mapped::new(&map, 9));
        let said = read.expect_err(why);
        assert!(said.contains(why), "{said}");
    }
}
