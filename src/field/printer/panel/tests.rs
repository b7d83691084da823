//! Records as panels print them, byte for byte, read by the shipped profiles.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::domain::profile::UnitProfile;
use crate::domain::text::Text as Name;
use crate::field::printer::records::Cutter;
use crate::field::testing::{bus, point, site};

/// 海湾GST9000柜式报警主机通讯协议, vgte.net/zjwx/230.html: two fires and a reset as the source writes them down.
const GST_FIRST: &[u8] = b"\x1b\x36\x30\x38\x2f\x31\x32\x2f\x30\x32\x20\x20\x31\x37\x3a\x32\x34\x0a\x20\x20\x30\x30\x34\x2d\x30\x30\x34\x0a\x1b\x39\xca\xd7\xb4\xce\xbb\xf0\xbe\xaf\x0a\xc8\xb9\xc2\xa5\xd2\xbb\xb2\xe3\xc9\xcf\xbf\xd5\x0a\xb8\xd0\xd1\xcc\xcc\xbd\xb2\xe2\xc6\xf7\x0a\x0a";
const GST_LATER: &[u8] = b"\x1b\x36\x30\x38\x2f\x31\x32\x2f\x30\x32\x20\x20\x31\x37\x3a\x32\x31\x0a\x20\x20\x30\x30\x36\x2d\x30\x30\x37\x0a\x1b\x39\xbb\xf0\xbe\xaf\xba\xf3\xd0\xf8\x0a\xd6\xd0\xd1\xcc\xc1\xf9\xb2\xe3\xbc\xc6\xbb\xae\xb2\xbf\x0a\xb8\xd0\xd1\xcc\xcc\xbd\xb2\xe2\xc6\xf7\x0a\x0a";
const GST_RESET: &[u8] = b"\x1b\x36\x30\x38\x2f\x31\x32\x2f\x30\x32\x20\x20\x31\x37\x3a\x32\x35\x0a\x20\x20\x0a\x1b\x39\xcf\xb5\xcd\xb3\xb8\xb4\xce\xbb\x0a\x0a";

pub(crate) fn profile(name: &str) -> Printer {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let loaded = crate::config::load(&folder);
    let loaded =
        loaded.unwrap_or_else(|errors| panic!("{}", crate::config::render(&errors, false)));
    match loaded.profiles.get(name) {
        Some(UnitProfile::Printer(profile)) => profile.clone(),
        other => panic!("{name} is {other:?}"),
    }
}

/// Points by what the panel calls them, beside the one for everything else and the panel's own states.
pub(crate) fn campus(labels: &[(&str, PointKind)]) -> Site {
    let panel = |group: &str, label: &str, kind| Point {
        kind,
        group: group.to_owned(),
        address: Address::Label(label.to_owned()),
        name: Name::new(label, label),
        ..point(&format!("{group}/{label}"), "p", 1, ("devices", 0))
    };
    let mut points = vec![
        panel(printer::OTHER, "0", PointKind::PanelFire),
        panel(printer::PANEL, "mains", PointKind::PanelMains),
        panel(printer::PANEL, "silenced", PointKind::PanelSilenced),
        panel(printer::PANEL, "automatic", PointKind::PanelKey),
    ];
    points.extend(
        labels
            .iter()
            .map(|(label, kind)| panel(printer::POINTS, label, *kind)),
    );
    site(vec![bus("p", "-", &[(1, "p")])], points)
}

struct Desk {
    panel: Panel,
    cutter: Cutter,
}

impl Desk {
    fn new(profile: Printer, labels: &[(&str, PointKind)]) -> Self {
        Self {
            cutter: Cutter::new(profile.framing.clone()),
            panel: Panel::new(&campus(labels), profile, |_| true),
        }
    }

    fn gst(labels: &[(&str, PointKind)]) -> Self {
        Self::new(profile("gst9000_printer"), labels)
    }

    fn utf8(labels: &[(&str, PointKind)]) -> Self {
        Self::new(profile("generic_utf8_printer"), labels)
    }

    /// What each record of the bytes led to; a pause ends the last.
    fn hear(&mut self, bytes: &[u8]) -> Vec<Heard> {
        let mut records = self.cutter.push(bytes);
        records.extend(self.cutter.idle());
        let heard = records.iter().flat_map(|record| self.panel.hear(record));
        heard.collect()
    }

    fn understood(&mut self, bytes: &[u8]) -> Vec<Understood> {
        self.hear(bytes)
            .iter()
            .map(|heard| heard.understood)
            .collect()
    }

    fn of(&self, point: &str) -> Conditions {
        self.panel.points[point].conditions
    }
}

const SMOKE: PointKind = PointKind::Smoke;
const OTHER: &str = "other/0";

#[test]
fn a_gst9000s_fires_and_reset_are_read_as_its_source_wrote_them_down() {
    let mut desk = Desk::gst(&[("4-4", SMOKE), ("6-7", SMOKE)]);
    let heard = desk.hear(GST_FIRST);
    assert_eq!(heard.len(), 1);
    assert_eq!(
        heard[0].text,
        "08/12/02 17:24 | 004-004 | 首次火警 | 裙楼一层上空 | 感烟探测器"
    );
    let change = &heard[0].changes[0];
    assert_eq!(change.point.as_str(), "points/4-4");
    assert!(change.conditions.fire);
    // 2008-12-02 17:24 in China.
    assert_eq!(change.device_time, Some(WallTime(1_228_209_840_000)));
    // A rule by byte positions would have missed this one: its word stands four bytes earlier.
    assert_eq!(desk.understood(GST_LATER), [Understood::Known]);
    assert!(desk.of("points/4-4").fire && desk.of("points/6-7").fire);
    assert_eq!(desk.understood(GST_RESET), [Understood::Reset]);
    assert!(!desk.of("points/4-4").fire && !desk.of("points/6-7").fire);
    assert!(!desk.of(OTHER).fire);
}

#[test]
fn a_record_is_read_the_same_however_its_bytes_arrive() {
    let stream = [GST_FIRST, GST_LATER, GST_RESET].concat();
    for size in [1, 2, 3, 7, 64] {
        let mut desk = Desk::gst(&[("4-4", SMOKE), ("6-7", SMOKE)]);
        let chunks = stream.chunks(size);
        let heard = chunks
            .flat_map(|chunk| desk.cutter.push(chunk))
            .collect::<Vec<_>>();
        let heard = heard.iter().flat_map(|record| desk.panel.hear(record));
        let heard: Vec<_> = heard.map(|heard| heard.understood).collect();
        assert_eq!(
            heard,
            [Understood::Known, Understood::Known, Understood::Reset]
        );
    }
}

#[test]
fn a_fire_that_points_csv_does_not_know_is_shown_at_the_point_for_everything_else() {
    let mut desk = Desk::gst(&[("4-5", SMOKE)]);
    assert_eq!(desk.understood(GST_FIRST), [Understood::Unlisted]);
    assert!(desk.of(OTHER).fire);
    assert!(!desk.of("points/4-5").fire);
    desk.hear(GST_RESET);
    assert!(!desk.of(OTHER).fire);
    // Neither may a fire be lost at a point that cannot show it.
    let mut desk = Desk::gst(&[("4-4", PointKind::Feedback)]);
    assert_eq!(desk.understood(GST_FIRST), [Understood::Unlisted]);
    assert!(desk.of(OTHER).fire);
}

#[test]
fn an_alarm_that_no_pattern_knows_is_shown_at_the_point_for_everything_else() {
    let mut desk = Desk::utf8(&[("1-1-15", SMOKE)]);
    assert_eq!(
        desk.understood("火警 三层东侧\n".as_bytes()),
        [Understood::Unknown]
    );
    assert!(desk.of(OTHER).fire);
    let mut desk = Desk::utf8(&[("1-1-15", SMOKE)]);
    assert_eq!(
        desk.understood("打印机缺纸\n".as_bytes()),
        [Understood::Unknown]
    );
    assert!(!desk.of(OTHER).fire);
}

#[test]
fn half_a_record_places_no_fire_and_is_still_an_alarm() {
    let cut = GST_FIRST.len() - 2;
    for end in 0..cut {
        let mut desk = Desk::gst(&[("4-4", SMOKE)]);
        let heard = desk.understood(&GST_FIRST[..end]);
        assert!(
            heard.iter().all(|one| *one == Understood::Damaged),
            "{end}: {heard:?}"
        );
        assert!(!desk.of("points/4-4").fire, "{end}");
        // The word of fire ends with the 38th byte.
        assert_eq!(desk.of(OTHER).fire, end >= 38, "{end}");
    }
    for start in 1..34 {
        let mut desk = Desk::gst(&[("4-4", SMOKE)]);
        desk.hear(&GST_FIRST[start..]);
        assert!(!desk.of("points/4-4").fire, "{start}");
        assert!(desk.of(OTHER).fire, "{start}");
    }
}

#[test]
fn records_that_run_together_are_each_read_and_else_are_an_alarm() {
    let line = "2026-11-28 06:30:15 1-1-015 火警 201室 感烟探测器";
    let labels = [("1-1-15", SMOKE), ("1-1-16", SMOKE)];
    // The second stands in the last words of the first, and is whole.
    let mut desk = Desk::utf8(&labels);
    let joined = format!("{line}{}\r\n", line.replace("015", "016"));
    assert_eq!(desk.understood(joined.as_bytes()), [Understood::Known; 2]);
    assert!(desk.of("points/1-1-15").fire && desk.of("points/1-1-16").fire);
    assert!(!desk.of(OTHER).fire);
    let reset = format!("{line}2026-11-28 06:31:00 复位\r\n");
    assert_eq!(
        desk.understood(reset.as_bytes()),
        [Understood::Known, Understood::Reset]
    );
    assert!(!desk.of("points/1-1-15").fire);
    // A reset has no words in which anything could stand: what is joined with it is no reset, but it is an alarm.
    let mut desk = Desk::utf8(&labels);
    let joined = format!("2026-11-28 06:30:15 复位{line}\r\n");
    assert_eq!(desk.understood(joined.as_bytes()), [Understood::Unknown]);
    assert!(desk.of(OTHER).fire && !desk.of("points/1-1-15").fire);
    // Half of a second fire is no place, but it is an alarm.
    let mut desk = Desk::utf8(&labels);
    let joined = format!("{line} 1-016 火警\r\n");
    assert_eq!(desk.understood(joined.as_bytes()), [Understood::Known]);
    assert!(desk.of("points/1-1-15").fire && desk.of(OTHER).fire);
    assert!(!desk.of("points/1-1-16").fire);
}

#[test]
fn the_other_encoding_is_damage_and_still_an_alarm() {
    let mut desk = Desk::utf8(&[("1-1-15", SMOKE)]);
    let (bytes, _, _) = encoding_rs::GB18030.encode("2026-11-28 06:30:15 1-1-015 火警 201室\r\n");
    assert_eq!(desk.understood(&bytes), [Understood::Damaged]);
    assert!(desk.of(OTHER).fire && !desk.of("points/1-1-15").fire);
}

#[test]
fn conditions_are_independent_and_each_ends_by_its_own_line() {
    let mut desk = Desk::utf8(&[("1-1-15", SMOKE)]);
    let mut say = |what: &str| {
        let line = format!("2026-11-28 06:30:15 1-1-015 {what} 201室 感烟探测器\r\n");
        assert_eq!(
            desk.understood(line.as_bytes()),
            [Understood::Known],
            "{what}"
        );
        let now = desk.of("points/1-1-15");
        (now.fire, now.fault, now.disabled)
    };
    assert_eq!(say("故障"), (false, true, false));
    assert_eq!(say("火警"), (true, true, false));
    assert_eq!(say("屏蔽"), (true, true, true));
    assert_eq!(say("故障恢复"), (true, false, true));
    assert_eq!(say("屏蔽解除"), (true, false, false));
    desk.hear("2026-11-28 06:30:15 1-1-015 屏蔽 201室\r\n".as_bytes());
    // 复位 ends the fire and no disablement.
    assert_eq!(
        desk.understood("2026-11-28 06:31:00 复位\r\n".as_bytes()),
        [Understood::Reset]
    );
    assert_eq!(
        desk.of("points/1-1-15"),
        Conditions {
            disabled: true,
            ..Conditions::default()
        }
    );
}

#[test]
fn the_panels_own_states_are_shown_and_a_reset_says_nothing_of_mains_and_key() {
    let mut desk = Desk::utf8(&[]);
    for (line, point, is_active) in [
        ("主电恢复", "panel/mains", true),
        ("主电故障", "panel/mains", false),
        ("消音", "panel/silenced", true),
        ("自动", "panel/automatic", true),
        ("手动", "panel/automatic", false),
    ] {
        let heard = desk.hear(format!("2026-11-28 06:30:15 {line}\r\n").as_bytes());
        assert_eq!(heard[0].changes[0].point.as_str(), point);
        assert_eq!(heard[0].changes[0].conditions.active, is_active, "{line}");
    }
    let heard = desk.hear("2026-11-28 06:30:15 复位\r\n".as_bytes());
    let told: Vec<_> = heard[0]
        .changes
        .iter()
        .map(|change| change.point.as_str())
        .collect();
    assert_eq!(told, [OTHER, "panel/silenced"]);
    assert!(!desk.of("panel/silenced").active);
    assert_eq!(
        desk.understood("2026-11-28 06:30:15 自检正常\r\n".as_bytes()),
        [Understood::Known]
    );
}

#[test]
fn what_was_known_before_is_kept() {
    let mut desk = Desk::gst(&[("4-4", SMOKE), ("6-7", SMOKE)]);
    let fault = Conditions {
        fault: true,
        ..Conditions::default()
    };
    desk.panel.remember(&"points/4-4".into(), fault);
    let heard = desk.hear(GST_FIRST);
    assert_eq!(
        heard[0].changes[0].conditions,
        Conditions {
            fire: true,
            ..fault
        }
    );
    desk.hear(GST_RESET);
    assert_eq!(desk.of("points/4-4"), fault);
}

proptest! {
    /// Whatever is printed: nothing panics, and a byte that is changed anywhere never puts the fire at another point.
    #[test]
    fn a_changed_byte_never_moves_a_fire(at in 0..GST_FIRST.len(), byte in any::<u8>()) {
        let mut desk = Desk::gst_of(&PROFILE, &[("4-4", SMOKE), ("6-7", SMOKE)]);
        let mut bytes = GST_FIRST.to_vec();
        bytes[at] = byte;
        desk.hear(&bytes);
        // Digits have no checksum: only a changed digit can name another device, and there is no 6-7 one digit away.
        prop_assert!(!desk.of("points/6-7").fire);
    }

    #[test]
    fn noise_sets_and_clears_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut desk = Desk::gst_of(&PROFILE, &[("4-4", SMOKE)]);
        desk.hear(GST_FIRST);
        desk.hear(&bytes);
        prop_assert!(desk.of("points/4-4").fire);
    }
}

static PROFILE: std::sync::LazyLock<Printer> =
    std::sync::LazyLock::new(|| profile("gst9000_printer"));

impl Desk {
    fn gst_of(profile: &Printer, labels: &[(&str, PointKind)]) -> Self {
        Self::new(profile.clone(), labels)
    }
}
