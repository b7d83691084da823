use super::super::testing::{
    LABEL_MS, OFFSET, SOURCE, caller, frame, operation, part, part_of, points, profile, system,
};
use super::*;
use crate::domain::input::{Act, ToldPart};
use crate::domain::point::Milli;

const FIRE: u16 = 0x0002;
const NORMAL: u16 = 0x0001;

struct Bench {
    device: Device,
    now: Now,
    sequence: u16,
    last: BTreeMap<PointId, Reading>,
    told: Vec<Telling>,
}

impl Bench {
    fn new() -> Self {
        Self::with(profile())
    }

    fn with(profile: Transmitter) -> Self {
        let points = points();
        let (places, unplaced) = Places::new(points.iter());
        assert!(unplaced.is_empty());
        Self {
            device: Device::new(1, caller(SOURCE), profile, places, OFFSET),
            now: Now {
                engine: EngineTime(1_000),
                wall: WallTime(LABEL_MS),
            },
            sequence: 0,
            last: BTreeMap::new(),
            told: Vec::new(),
        }
    }

    fn later(&mut self, ms: i64) {
        self.now.engine.0 += ms;
        self.now.wall.0 += ms;
        let taken = self.device.due(self.now);
        self.keep(taken);
    }

    fn send(&mut self, adu: &[u8]) {
        self.sequence += 1;
        self.send_as(self.sequence, adu);
    }

    fn send_as(&mut self, sequence: u16, adu: &[u8]) {
        match self.device.take(&frame(sequence, adu), self.now) {
            Reply::WhenKept(taken) => self.keep(taken),
            other @ (Reply::Now(_) | Reply::None(_) | Reply::Deny) => panic!("{other:?}"),
        }
    }

    fn keep(&mut self, taken: Taken) {
        self.last.extend(taken.readings);
        self.told.extend(taken.told);
    }

    fn of(&self, point: &str) -> Conditions {
        let reading = self.last.get(point);
        reading
            .unwrap_or_else(|| panic!("{point} was never read"))
            .conditions
    }

    /// Addresses of the parts that were told of, with whether the table has them.
    fn parts(&self) -> Vec<(&str, bool)> {
        let part = |told: &'_ Telling| match told {
            Telling::Part(_) => true,
            Telling::Operated(_) | Telling::Unread { .. } => false,
        };
        let parts = self.told.iter().filter(|told| part(told));
        parts
            .map(|told| match told {
                Telling::Part(part) => (part.address.as_str(), part.listed),
                Telling::Operated(_) | Telling::Unread { .. } => unreachable!("filtered"),
            })
            .collect()
    }

    fn acts(&self) -> Vec<Act> {
        let act = |told: &Telling| match told {
            Telling::Operated(operated) => Some(operated.act),
            Telling::Part(_) | Telling::Unread { .. } => None,
        };
        self.told.iter().filter_map(act).collect()
    }
}

#[test]
fn a_part_in_fire_is_read_with_its_time_and_told_in_its_own_words_once() {
    let mut bench = Bench::new();
    bench.send(&part(2, FIRE));
    let reading = bench.last["SMOKE-2"];
    assert!(
        reading.conditions.fire && !reading.conditions.test,
        "bit 0 is not believed"
    );
    assert_eq!(reading.device_time, Some(WallTime(LABEL_MS)));
    bench.send(&part(2, FIRE));
    let told = ToldPart {
        point: "SMOKE-2".into(),
        listed: true,
        address: "1/2-0".to_owned(),
        part_type: Some(40),
        text: "room 7".to_owned(),
        conditions: reading.conditions,
        device_time: Some(WallTime(LABEL_MS)),
    };
    assert_eq!(bench.told, [Telling::Part(told)]);
    bench.send(&part(2, NORMAL));
    assert_eq!(bench.of("SMOKE-2"), Conditions::default());
    assert!(!bench.of("OTHER").fire);
}

#[test]
fn a_part_that_the_table_does_not_have_is_loud_in_the_point_for_everything_else() {
    let mut bench = Bench::new();
    bench.send(&part(77, FIRE));
    assert!(bench.of("OTHER").fire);
    bench.send(&part(78, FIRE));
    bench.send(&part(77, NORMAL));
    assert!(bench.of("OTHER").fire, "another one stands");
    bench.send(&part(78, NORMAL | 4));
    assert!(!bench.of("OTHER").fire && bench.of("OTHER").fault);
    let told = [
        ("1/77-0", false),
        ("1/78-0", false),
        ("1/77-0", false),
        ("1/78-0", false),
    ];
    assert_eq!(bench.parts(), told);
}

#[test]
fn bits_mean_what_the_kind_of_point_shows() {
    let mut bench = Bench::new();
    bench.send(&part(1, NORMAL | 1 << 3 | 1 << 8));
    assert!(bench.of("SMOKE-1").disabled && bench.of("SMOKE-1").fault && !bench.of("SMOKE-1").fire);
    for bit in [1, 4, 5, 6] {
        bench.send(&part(3, NORMAL | 1 << bit));
        assert!(bench.of("FLOW").fire, "bit {bit} of a flow switch");
        bench.send(&part(5, NORMAL | 1 << bit));
        assert!(bench.of("VALVE").active, "bit {bit} of a valve");
    }
    bench.send(&part(4, NORMAL | 1 << 5));
    assert!(
        !bench.of("PUMP").active,
        "started is what was commanded, not what happened"
    );
    bench.send(&part(4, NORMAL | 1 << 6));
    assert!(bench.of("PUMP").active);
    bench.send(&part_of((2, 1), FIRE));
    assert!(bench.of("GAS").low && !bench.of("GAS").high && !bench.of("GAS").fire);
}

#[test]
fn what_a_maker_does_otherwise_is_said_by_the_profile() {
    let quirky = Transmitter {
        honour_test_bit: true,
        started_is_feedback: true,
        gas_alarm_is_high: true,
        ..profile()
    };
    let mut bench = Bench::with(quirky);
    bench.send(&part(1, FIRE));
    assert!(bench.of("SMOKE-1").fire && bench.of("SMOKE-1").test);
    bench.send(&part(4, NORMAL | 1 << 5));
    assert!(bench.of("PUMP").active);
    bench.send(&part_of((2, 1), FIRE));
    assert!(bench.of("GAS").high);
}

#[test]
fn the_panel_as_a_whole_waits_for_the_part_that_says_where() {
    let mut bench = Bench::new();
    bench.send(&system(1, FIRE));
    assert!(!bench.of("OTHER").fire);
    bench.later(1_000);
    bench.send(&part(1, FIRE));
    bench.later(10_000);
    assert!(
        bench.of("SMOKE-1").fire && !bench.of("OTHER").fire,
        "one fire, not two"
    );
    // The other way round.
    bench.send(&system(1, FIRE));
    bench.later(10_000);
    assert!(!bench.of("OTHER").fire);
}

#[test]
fn a_panel_in_fire_of_which_no_part_speaks_is_loud_after_three_seconds() {
    let mut bench = Bench::new();
    bench.send(&system(1, FIRE));
    bench.later(2_999);
    assert!(!bench.of("OTHER").fire);
    bench.later(1);
    assert!(bench.of("OTHER").fire);
    assert_eq!(bench.parts(), [("1", false)]);
    bench.send(&system(1, FIRE));
    assert_eq!(bench.parts().len(), 1, "told once");
    bench.send(&system(1, NORMAL));
    assert!(!bench.of("OTHER").fire);
}

#[test]
fn a_panel_tells_of_its_key_its_mains_and_its_fault() {
    let mut bench = Bench::new();
    bench.send(&system(1, NORMAL));
    assert!(bench.of("KEY").active && bench.of("MAINS").active && !bench.of("OTHER").fault);
    bench.send(&system(1, NORMAL | 1 << 11 | 1 << 8));
    assert!(!bench.of("KEY").active && !bench.of("MAINS").active);
    assert!(
        bench.of("OTHER").fault,
        "nothing else shows the fault of this panel"
    );
}

#[test]
fn a_quiet_panel_says_that_its_parts_are_quiet_and_takes_nothing_back() {
    let mut bench = Bench::new();
    bench.send(&part(1, NORMAL | 4));
    bench.send(&system(1, NORMAL));
    assert!(bench.of("SMOKE-1").fault, "the part says it itself");
    assert_eq!(bench.of("SMOKE-2"), Conditions::default());
    assert!(
        !bench.last.contains_key("GAS"),
        "of another panel nothing is known"
    );
    let mut bench = Bench::new();
    bench.send(&system(1, NORMAL | 4));
    assert!(
        !bench.last.contains_key("SMOKE-2"),
        "one of them may be the faulty one"
    );
}

#[test]
fn a_reset_at_the_panel_ends_its_fires_and_nothing_else() {
    for reset in [
        operation(1, 1),
        operation(1, 8),
        system(1, NORMAL | 1 << 13),
    ] {
        let mut bench = Bench::new();
        bench.send(&part(1, FIRE | 4 | 8));
        bench.send(&part(77, FIRE));
        bench.send(&part_of((2, 1), FIRE));
        bench.send(&reset);
        let smoke = bench.of("SMOKE-1");
        assert!(!smoke.fire && smoke.fault && smoke.disabled, "{smoke:?}");
        assert!(!bench.of("OTHER").fire && bench.of("GAS").low);
    }
}

#[test]
fn an_operation_that_is_sent_again_is_told_once() {
    let mut bench = Bench::new();
    bench.send_as(5, &operation(1, 0b10));
    bench.send_as(5, &operation(1, 0b10));
    assert_eq!(bench.acts(), [Act::Silence]);
    bench.send_as(6, &operation(1, 0b10));
    bench.later(60_000);
    bench.send_as(6, &operation(1, 0b10));
    assert_eq!(
        bench.acts().len(),
        3,
        "another number, and a minute later, is another one"
    );
    bench.device.forget(6);
    bench.send_as(6, &operation(1, 0b10));
    assert_eq!(bench.acts().len(), 4, "the engine did not keep it");
    bench.send(&[24, 1, 0b10_0001, 3]);
    assert_eq!(bench.acts()[4..], [Act::Reset, Act::DutyAnswer]);
}

#[test]
fn the_key_for_a_manual_alarm_is_a_fire_until_its_reset() {
    let mut bench = Bench::new();
    bench.send(&[24, 1, 0b100, 3]);
    assert!(bench.of("OTHER").fire);
    assert_eq!(bench.acts(), [Act::ManualAlarm]);
    bench.send(&operation(1, 1));
    assert!(bench.of("OTHER").fire, "the panel is not the device");
    bench.send(&[24, 1, 1, 3]);
    assert!(!bench.of("OTHER").fire);
}

#[test]
fn the_device_tells_of_its_own_faults_and_its_fire_is_no_second_one() {
    let mut bench = Bench::new();
    bench.send(&[21, 1, 0x09]);
    assert!(bench.of("DEVICE").fault && !bench.of("OTHER").fault);
    bench.send(&part(1, FIRE));
    bench.send(&[21, 1, 0x02]);
    assert!(!bench.of("OTHER").fire);
    bench.send(&part(1, NORMAL));
    bench.send(&[21, 1, 0x02]);
    assert!(bench.of("OTHER").fire, "alone it is loud");
    bench.send(&[21, 1, 0x01]);
    assert!(!bench.of("OTHER").fire && !bench.of("DEVICE").fault);
}

#[test]
fn a_value_is_measured_in_its_unit_and_an_impossible_one_is_a_fault() {
    let value = |counts: i16| {
        let mut adu = vec![3, 1, 1, 1, 31, 1, 0, 0, 0, 3];
        adu.extend(counts.to_le_bytes());
        adu
    };
    let mut bench = Bench::new();
    bench.send(&value(-125));
    assert_eq!(bench.last["WARMTH"].value, Some(Milli(-12_500)));
    bench.send(&value(-2_731));
    let reading = bench.last["WARMTH"];
    assert_eq!(
        (reading.value, reading.conditions.fault),
        (Some(Milli(-12_500)), true)
    );
    bench.send(&value(200));
    assert_eq!(
        (bench.last["WARMTH"].value, bench.of("WARMTH").fault),
        (Some(Milli(20_000)), false)
    );
}

#[test]
fn what_cannot_be_read_is_told_once_an_hour_and_stands_as_a_fault_until_it_can_be() {
    let mut bench = Bench::new();
    let mut wrong = part(1, FIRE);
    wrong.truncate(20);
    bench.send(&wrong);
    bench.send(&wrong);
    assert!(bench.of("OTHER").fault, "a fire may stand in it");
    let unread = |bench: &Bench| {
        let unread = |told: &&Telling| matches!(told, Telling::Unread { .. });
        bench.told.iter().filter(unread).count()
    };
    assert_eq!(unread(&bench), 1);
    bench.later(3_600_000);
    bench.send(&wrong);
    assert_eq!(unread(&bench), 2);
    bench.send(&part(1, NORMAL));
    assert!(!bench.of("OTHER").fault);
    bench.send(&[0x96, 1, 0]);
    assert!(
        !bench.of("OTHER").fault,
        "a maker's own type carries no fire of the standard"
    );
    assert_eq!(unread(&bench), 3);
}

#[test]
fn heartbeats_are_confirmed_at_once_in_their_own_form() {
    let mut bench = Bench::new();
    let mut reply = |adu: &[u8]| bench.device.take(&frame(0, adu), bench.now);
    assert_eq!(reply(&[]), Reply::Now(Vec::new()));
    assert_eq!(reply(&[0x16]), Reply::Now(vec![0x17]));
    let mut control = frame(0, &[91, 1, 10]);
    control.header.command = Command::Control;
    assert_eq!(bench.device.take(&control, bench.now), Reply::Deny);
}

proptest::proptest! {
    /// Whatever a device sends, nothing panics and no memory grows beyond its bounds.
    #[test]
    fn any_units_are_taken(units in proptest::collection::vec(
        proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120), 0..40
    )) {
        let mut bench = Bench::new();
        for (sequence, mut adu) in (0..).zip(units) {
            if let Some(type_flag) = adu.first_mut() {
                // Mostly types that are read.
                *type_flag %= 32;
            }
            let _ = bench.device.take(&frame(sequence, &adu), bench.now);
            bench.later(700);
        }
        proptest::prop_assert!(bench.device.operations.len() <= 32);
    }
}
