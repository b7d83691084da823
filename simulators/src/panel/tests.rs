//! The panel's behaviour over field time, without sockets.

use super::{ABSENT, DISABLED, FAULT, FIRE, KEY_AUTO, MAINS, Panel, PanelVerb, PointVerb};
use super::{GAS_HIGH, GAS_LOW, GasLevel, SILENCED, SOUNDERS};
use crate::layout::{Layout, Which};
use tokio_modbus::ExceptionCode;

fn panel() -> Panel {
    let campus = Layout::read(&Which::Small).expect("the shipped layout parses");
    Panel::new(&campus, &campus.panels[0])
}

fn status(panel: &Panel) -> u16 {
    panel.read(200, 1, true).expect("status register")[0]
}

#[test]
fn an_alarm_stays_after_its_cause_until_the_reset() {
    let mut panel = panel();
    panel.point(15, PointVerb::Alarm);
    assert_eq!(panel.read(14, 1, true), Ok(vec![FIRE]));
    panel.point(15, PointVerb::Normal);
    assert_eq!(panel.read(14, 1, true), Ok(vec![FIRE]));
    panel.act(PanelVerb::Reset);
    panel.advance(60_000);
    assert_eq!(panel.read(14, 1, true), Ok(vec![0]));
}

#[test]
fn a_reset_with_smoke_still_there_alarms_again_within_two_seconds() {
    let mut panel = panel();
    panel.point(15, PointVerb::Alarm);
    panel.advance(10_000);
    panel.act(PanelVerb::Reset);
    assert_eq!(panel.read(14, 1, true), Ok(vec![0]));
    assert_eq!(status(&panel) & (SOUNDERS | SILENCED), 0);
    panel.advance(12_000);
    assert_eq!(panel.read(14, 1, true), Ok(vec![FIRE]));
}

#[test]
fn smoke_that_goes_between_reset_and_next_alarm_does_not_alarm() {
    let mut panel = panel();
    panel.point(15, PointVerb::Alarm);
    panel.act(PanelVerb::Reset);
    panel.point(15, PointVerb::Normal);
    panel.advance(10_000);
    assert_eq!(panel.read(14, 1, true), Ok(vec![0]));
}

#[test]
fn sounders_start_three_seconds_after_the_first_alarm() {
    let mut panel = panel();
    panel.advance(1_000);
    panel.point(1, PointVerb::Alarm);
    panel.advance(3_999);
    assert_eq!(status(&panel) & SOUNDERS, 0);
    // A second alarm does not put the first one's sounders off.
    panel.point(2, PointVerb::Alarm);
    panel.advance(4_000);
    assert_eq!(status(&panel) & SOUNDERS, SOUNDERS);
    panel.act(PanelVerb::StopSounders);
    panel.advance(60_000);
    assert_eq!(status(&panel) & SOUNDERS, 0);
    // 再有火警信号: a new alarm sounds again.
    panel.point(3, PointVerb::Alarm);
    panel.advance(63_000);
    assert_eq!(status(&panel) & SOUNDERS, SOUNDERS);
}

#[test]
fn a_late_look_sees_the_re_alarm_and_its_sounders() {
    let mut panel = panel();
    panel.point(1, PointVerb::Alarm);
    panel.act(PanelVerb::Reset);
    panel.advance(1_500 + 3_000);
    assert_eq!(panel.word(1), FIRE);
    assert_eq!(status(&panel) & SOUNDERS, SOUNDERS);
}

#[test]
fn silence_lasts_until_something_new_happens() {
    let mut panel = panel();
    for (number, verb) in [(2, PointVerb::Alarm), (3, PointVerb::Fault)] {
        panel.point(1, PointVerb::Alarm);
        panel.act(PanelVerb::Silence);
        panel.point(1, PointVerb::Alarm);
        assert_eq!(
            status(&panel) & SILENCED,
            SILENCED,
            "the same alarm is nothing new"
        );
        panel.point(number, verb);
        assert_eq!(status(&panel) & SILENCED, 0);
    }
}

#[test]
fn fault_follows_its_source_and_is_independent_of_fire() {
    let mut panel = panel();
    panel.point(7, PointVerb::Fault);
    assert_eq!(panel.word(7), FAULT);
    panel.point(7, PointVerb::Alarm);
    assert_eq!(panel.word(7), FIRE | FAULT);
    panel.act(PanelVerb::Reset);
    assert_eq!(panel.word(7), FAULT);
    panel.point(7, PointVerb::Repaired);
    assert_eq!(panel.word(7), 0);
}

#[test]
fn a_disabled_device_shows_no_new_alarm_and_alarms_when_enabled() {
    let mut panel = panel();
    panel.point(7, PointVerb::Disable);
    panel.point(7, PointVerb::Alarm);
    panel.advance(60_000);
    assert_eq!(panel.word(7), DISABLED);
    assert_eq!(status(&panel) & SOUNDERS, 0);
    panel.act(PanelVerb::Reset);
    panel.advance(120_000);
    assert_eq!(panel.word(7), DISABLED, "a reset clears no disablement");
    panel.point(7, PointVerb::Enable);
    assert_eq!(panel.word(7), FIRE);
}

#[test]
fn a_disabled_device_keeps_the_alarm_it_had() {
    let mut panel = panel();
    panel.point(7, PointVerb::Alarm);
    panel.point(7, PointVerb::Disable);
    assert_eq!(panel.word(7), FIRE | DISABLED);
}

#[test]
fn the_command_register_keeps_the_last_command_and_its_key_is_real() {
    let mut panel = panel();
    assert_eq!(
        status(&panel),
        MAINS,
        "at rest: 手动, mains there, nothing else"
    );
    panel.point(1, PointVerb::Alarm);
    assert_eq!(panel.write(300, 4), Ok(()));
    assert_eq!(status(&panel) & KEY_AUTO, KEY_AUTO);
    panel.act(PanelVerb::KeyManual);
    assert_eq!(
        panel.read(300, 1, true),
        Ok(vec![4]),
        "reading it back proves nothing"
    );
    assert_eq!(status(&panel) & KEY_AUTO, 0);
    assert_eq!(panel.write(300, 1), Ok(()));
    assert_eq!(panel.write(300, 2), Ok(()));
    assert_eq!(panel.write(300, 3), Ok(()));
    assert_eq!(panel.read(300, 1, true), Ok(vec![3]));
    assert_eq!(panel.word(1), 0);
}

#[test]
fn addresses_without_a_device_are_absent() {
    let panel = panel();
    let words = panel.read(0, 120, true).expect("devices");
    assert_eq!(words.iter().position(|word| *word == ABSENT), Some(42));
    assert!(words[42..].iter().all(|word| *word == ABSENT));
}

#[test]
fn what_the_panel_does_not_have_is_refused() {
    let mut panel = panel();
    let address = Err(ExceptionCode::IllegalDataAddress);
    let value = Err(ExceptionCode::IllegalDataValue);
    for (start, count) in [
        (120, 1),
        (119, 2),
        (199, 1),
        (200, 2),
        (301, 1),
        (u16::MAX, 2),
    ] {
        assert_eq!(panel.read(start, count, true), address, "{start}+{count}");
    }
    assert_eq!(panel.read(0, 0, true), value);
    assert_eq!(panel.read(0, 126, true), value);
    assert_eq!(panel.write(0, 1), Err(ExceptionCode::IllegalDataAddress));
    assert_eq!(panel.write(200, 1), Err(ExceptionCode::IllegalDataAddress));
    for unknown in [0, 5, 0xFFFF] {
        assert_eq!(
            panel.write(300, unknown),
            Err(ExceptionCode::IllegalDataValue)
        );
    }
    assert_eq!(panel.read(300, 1, true), Ok(vec![0]));
    assert!(!panel.point(43, PointVerb::Alarm));
}

#[test]
fn calm_clears_everything() {
    let mut panel = panel();
    panel.point(1, PointVerb::Alarm);
    panel.point(2, PointVerb::Fault);
    panel.point(3, PointVerb::Disable);
    panel.act(PanelVerb::KeyAuto);
    panel.act(PanelVerb::MainsOff);
    panel.calm();
    panel.advance(60_000);
    assert_eq!(status(&panel), MAINS);
    assert!(
        panel
            .read(0, 42, true)
            .expect("devices")
            .iter()
            .all(|word| *word == 0)
    );
}

#[test]
fn a_gas_detector_shows_its_highest_limit_until_the_reset_and_sounds_no_evacuation() {
    let campus = Layout::read(&Which::Lin).expect("the shipped layout parses");
    let layout = campus.panels.iter().find(|one| one.id == "gas1");
    let mut panel = Panel::new(&campus, layout.expect("a gas controller"));
    assert!(panel.point(1, PointVerb::Gas(GasLevel::Low)));
    assert_eq!(panel.word(1), GAS_LOW);
    panel.point(1, PointVerb::Gas(GasLevel::High));
    panel.point(1, PointVerb::Gas(GasLevel::Low));
    panel.advance(60_000);
    assert_eq!(
        panel.word(1),
        GAS_LOW | GAS_HIGH,
        "what was over the limit stays shown"
    );
    assert_eq!(status(&panel) & SOUNDERS, 0);
    panel.act(PanelVerb::Reset);
    assert_eq!(panel.word(1), 0);
    panel.advance(62_000);
    assert_eq!(
        panel.word(1),
        GAS_LOW,
        "gas that is still there shows again"
    );
    panel.point(1, PointVerb::Normal);
    panel.act(PanelVerb::Reset);
    panel.advance(120_000);
    assert_eq!(panel.word(1), 0);
}

#[test]
fn a_smoke_detector_smells_no_gas() {
    assert!(!panel().point(1, PointVerb::Gas(GasLevel::High)));
}
