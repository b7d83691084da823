//! The I/O module and its devices over field time, without sockets.

use super::{IoModule, OutputVerb, Violation};
use crate::layout::{Layout, Which};
use tokio_modbus::ExceptionCode;

const SOUNDER: u16 = 0;
const LIFT: u16 = 2;
const GAS: u16 = 3;
const PUMP: u16 = 4;
const LIFT_FEEDER: u16 = 6;

fn module() -> IoModule {
    let campus = Layout::read(&Which::Small).expect("the shipped layout parses");
    IoModule::new(&campus, &campus.modules[0])
}

fn feedback(io: &IoModule, input: u16) -> bool {
    io.read_inputs(input, 1).expect("input")[0]
}

#[test]
fn feedback_comes_when_the_stroke_is_over_and_not_with_the_coil() {
    let mut io = module();
    assert_eq!(io.write(GAS, &[true]), Ok(None));
    io.advance(5_999);
    assert_eq!(io.read_coils(GAS, 1), Ok(vec![true]));
    assert!(!feedback(&io, GAS));
    io.advance(6_000);
    assert!(feedback(&io, GAS));
}

#[test]
fn a_pulse_clears_itself_and_the_pump_keeps_running() {
    let mut io = module();
    assert_eq!(io.write(PUMP, &[true]), Ok(None));
    io.advance(999);
    assert!(io.is_on(PUMP));
    io.advance(1_000);
    assert!(!io.is_on(PUMP));
    io.advance(3_000);
    assert!(feedback(&io, PUMP));
    io.advance(600_000);
    assert!(feedback(&io, PUMP));
}

#[test]
fn a_stuck_device_takes_the_write_and_goes_on_where_it_stood() {
    let mut io = module();
    assert_eq!(io.write(GAS, &[true]), Ok(None));
    io.advance(2_000);
    assert!(io.act("GAS-VALVE", OutputVerb::Stuck));
    io.advance(60_000);
    assert!(io.is_on(GAS));
    assert!(!feedback(&io, GAS));
    assert!(io.act("GAS-VALVE", OutputVerb::Free));
    io.advance(63_999);
    assert!(!feedback(&io, GAS));
    io.advance(64_000);
    assert!(feedback(&io, GAS));
}

#[test]
fn a_device_that_jams_at_its_end_keeps_its_feedback() {
    let mut io = module();
    assert_eq!(io.write(SOUNDER, &[true]), Ok(None));
    io.advance(1_000);
    io.act("D1-SOUNDER", OutputVerb::Stuck);
    assert_eq!(io.write(SOUNDER, &[false]), Ok(None));
    io.advance(60_000);
    assert!(feedback(&io, SOUNDER));
}

#[test]
fn only_sounders_follow_a_cleared_coil() {
    let mut io = module();
    assert_eq!(io.write(SOUNDER, &[true]), Ok(None));
    assert_eq!(io.write(GAS, &[true]), Ok(None));
    io.advance(10_000);
    assert_eq!(io.write(SOUNDER, &[false]), Ok(None));
    assert_eq!(io.write(GAS, &[false]), Ok(Some(Violation::Undo)));
    io.advance(20_000);
    assert!(!feedback(&io, SOUNDER));
    assert!(!io.is_on(GAS));
    assert!(feedback(&io, GAS), "the valve latches");
}

#[test]
fn a_person_puts_a_device_back() {
    let mut io = module();
    assert_eq!(io.write(GAS, &[true]), Ok(None));
    io.advance(10_000);
    assert!(io.act("GAS-VALVE", OutputVerb::Restore));
    io.advance(20_000);
    assert!(!io.is_on(GAS));
    assert!(!feedback(&io, GAS));
    assert!(!io.act("NO-VALVE", OutputVerb::Restore));
}

#[test]
fn a_lift_without_power_stands_still_and_the_write_is_a_violation() {
    let mut io = module();
    assert_eq!(io.write(LIFT, &[true]), Ok(None));
    io.advance(5_000);
    assert_eq!(
        io.write(LIFT_FEEDER, &[true]),
        Ok(Some(Violation::LiftNotHome))
    );
    io.advance(600_000);
    assert!(feedback(&io, LIFT_FEEDER));
    assert!(!feedback(&io, LIFT));
    let lift = io.find("D1-LIFT").expect("lift");
    assert_eq!(
        lift.progress(),
        300,
        "it ran on for the one second that the feeder took"
    );
}

#[test]
fn a_feeder_cut_after_the_lift_is_home_is_right() {
    let mut io = module();
    assert_eq!(io.write(LIFT, &[true]), Ok(None));
    io.advance(20_000);
    assert_eq!(io.write(LIFT_FEEDER, &[true]), Ok(None));
    io.advance(21_000);
    assert!(feedback(&io, LIFT));
    assert!(feedback(&io, LIFT_FEEDER));
}

#[test]
fn what_the_module_does_not_have_is_refused_whole() {
    let mut io = module();
    let address = ExceptionCode::IllegalDataAddress;
    assert_eq!(io.read_coils(16, 1), Err(address));
    assert_eq!(io.read_inputs(15, 2), Err(address));
    assert_eq!(io.read_inputs(u16::MAX, 2), Err(address));
    assert_eq!(io.write(14, &[true, true, true]), Err(address));
    assert_eq!(io.read_coils(14, 2), Ok(vec![false, false]));
    assert_eq!(io.read_coils(0, 0), Err(ExceptionCode::IllegalDataValue));
    assert_eq!(io.read_coils(0, 2001), Err(ExceptionCode::IllegalDataValue));
    assert_eq!(io.write(0, &[]), Err(ExceptionCode::IllegalDataValue));
}
