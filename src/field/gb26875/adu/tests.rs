use std::fmt::Write;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::vectors::{bytes, civil, vectors};
use super::*;

const SHAPE: Shape = Shape { text: 31 };

fn at(label: Option<Label>) -> String {
    label.map_or(String::new(), |label| format!(" at {}", civil(label)))
}

fn of(system: Option<System>) -> String {
    system.map_or("device".to_owned(), |system| {
        format!("{}.{}", system.kind, system.address)
    })
}

fn part(part: Part) -> String {
    format!(
        "{} kind {} address {:08X}",
        of(Some(part.system)),
        part.kind,
        part.address
    )
}

/// As the vectors describe it.
fn lines(unit: Unit) -> Vec<String> {
    match unit {
        Unit::Systems(all) => all
            .into_iter()
            .map(|s| {
                format!(
                    "system {} state {:04X}{}",
                    of(Some(s.system)),
                    s.state.0,
                    at(s.label)
                )
            })
            .collect(),
        Unit::Parts(all) => all
            .into_iter()
            .map(|p| {
                let state = p.state.0;
                format!(
                    "part {} state {state:04X} “{}”{}",
                    part(p.part),
                    p.text,
                    at(p.label)
                )
            })
            .collect(),
        Unit::Analogs(all) => all
            .into_iter()
            .map(|a| {
                let (quantity, value) = (a.quantity, a.value);
                format!(
                    "analog {} quantity {quantity} value {value}{}",
                    part(a.part),
                    at(a.label)
                )
            })
            .collect(),
        Unit::Operations(all) => all
            .into_iter()
            .map(|o| {
                let (acts, operator) = (o.acts, o.operator);
                format!(
                    "operation {} acts {acts:02X} operator {operator}{}",
                    of(o.system),
                    at(o.label)
                )
            })
            .collect(),
        Unit::Device(state, label) => vec![format!("device state {state:02X}{}", at(label))],
        Unit::Remarks(all) => all.into_iter().map(remark_line).collect(),
    }
}

fn remark_line(remark: Remark) -> String {
    match remark {
        Remark::Version {
            system,
            main,
            minor,
        } => format!("version {} {main}.{minor}", of(system)),
        Remark::Configuration { system, text } => format!("configuration {} “{text}”", of(system)),
        Remark::PartConfiguration { part: of, text } => {
            format!("part configuration {} “{text}”", part(of))
        }
        Remark::Clock { system, label } => format!("clock {}{}", of(system), at(Some(label))),
    }
}

#[test]
fn every_vector_says_what_it_is_described_to_say() {
    let vectors = vectors();
    let frames = vectors.frames.into_iter().map(|f| (f.name, f.adu, f.unit));
    let units = vectors.units.into_iter().map(|u| (u.name, u.hex, u.unit));
    let mut upward = 0;
    for (name, hex, described) in frames.chain(units) {
        let unit = read(&bytes(&hex), SHAPE);
        // What goes down, a heartbeat and a maker's own are no units that a device sends by the standard.
        let up = |lines: &Vec<String>| !lines.is_empty() && !lines[0].starts_with("ask");
        match described.filter(up) {
            Some(described) => {
                assert_eq!(unit.map(lines), Ok(described), "{name}");
                upward += 1;
            }
            None => assert!(unit.is_err(), "{name}"),
        }
    }
    assert_eq!(upward, 27);
}

#[test]
fn what_the_centre_asks_is_written_as_the_vectors_say() {
    let china = |text: &str| {
        let of = vectors()
            .frames
            .into_iter()
            .find(|f| f.name == text)
            .expect("a vector");
        bytes(&of.adu)
    };
    let system = System {
        kind: 1,
        address: 1,
    };
    let part = Ask::Parts(vec![(system, 1_769_475)]);
    assert_eq!(part.encode(), china("gen type62 read component state"));
    let clock = Ask::Clock([2, 58, 9, 26, 9, 12]);
    assert_eq!(clock.encode(), china("pub A10 sync"));
    assert_eq!(Ask::Device.encode(), [81, 1, 0]);
    assert_eq!(Ask::System(system).encode(), [61, 1, 1, 1]);
    let most = Ask::Parts(vec![(system, 1); PARTS_MAX]);
    assert_eq!(PARTS_MAX, 22);
    assert_eq!(most.encode()[..2], [62, 22]);
}

#[test]
fn a_length_that_does_not_follow_from_type_and_count_is_read_as_nothing() {
    let good = bytes("150108023A091A090C");
    assert!(read(&good, SHAPE).is_ok());
    for cut in 0..good.len() {
        // Without its label a unit is whole too.
        assert_eq!(read(&good[..cut], SHAPE).is_ok(), cut == 3, "{cut} bytes");
    }
    let longer = [&good[..], &[0]].concat();
    let size = BadUnit::Size {
        kind: 21,
        count: 1,
        length: 10,
    };
    assert_eq!(read(&longer, SHAPE), Err(size));
    assert!(read(&[2, 0], SHAPE).is_err(), "no object at all");
    assert_eq!(read(&[0x87, 1, 0], SHAPE), Err(BadUnit::Type(0x87)));
    assert_eq!(read(&[0x16], SHAPE), Err(BadUnit::Short));
}

#[test]
fn a_maker_may_leave_labels_out_and_write_another_length_of_text() {
    let without = [
        &[2, 2][..],
        &[1, 1, 40, 10, 0, 2, 0, 2, 0],
        &[0; 31],
        &[1, 1, 23, 1, 0, 0, 0, 3, 0],
        &[0; 31],
    ]
    .concat();
    let Ok(Unit::Parts(parts)) = read(&without, SHAPE) else {
        panic!("parts");
    };
    assert_eq!(
        (parts.len(), parts[0].label, parts[1].part.kind),
        (2, None, 23)
    );
    let shorter = [
        &[2, 1, 1, 1, 40, 10, 0, 2, 0, 2, 0][..],
        b"B1",
        &[0; 6],
        &[1, 2, 3, 4, 5, 6],
    ]
    .concat();
    assert!(read(&shorter, SHAPE).is_err());
    let Ok(Unit::Parts(parts)) = read(&shorter, Shape { text: 8 }) else {
        panic!("parts");
    };
    assert_eq!(
        (parts[0].text.as_str(), parts[0].label),
        ("B1", Some([1, 2, 3, 4, 5, 6]))
    );
}

#[test]
fn a_text_ends_at_its_first_nul_and_is_never_more_than_words() {
    let (gb, _, _) = GB18030.encode("1号接口板1回路1号");
    let left_over = [&gb[..], &[0, 0x12, 0xFF, 0x35]].concat();
    assert_eq!(text(&left_over), "1号接口板1回路1号");
    assert_eq!(
        text(&[b"  A\x0722  "[..].to_vec(), vec![0]].concat()),
        "A22"
    );
    let cut = &gb[..gb.len() - 1];
    assert!(text(cut).starts_with("1号接口板1回路1"));
}

#[test]
fn a_fire_without_the_normal_bit_is_a_fire() {
    let state = State(0x0002);
    assert!(state.fire() && state.is_test());
    let all = State(0xFFFF);
    assert!(all.fire() && all.fault() && all.disabled() && all.acted() && all.supervisory());
    assert!(all.power_fault() && all.supply_fault() && all.manual() && all.reset());
    assert!(!State(1).is_test() && !State(1).fire());
}

proptest! {
    #[test]
    fn any_bytes_are_a_unit_or_an_error(adu in vec(any::<u8>(), 0..1_100), text in 0_usize..64) {
        let mut said = String::new();
        if let Ok(unit) = read(&adu, Shape { text }) {
            for line in lines(unit) {
                writeln!(said, "{line}").expect("a string");
            }
        }
    }
}
