//! The site of the cases: a line for each behaviour and way, with a panel as unit 1 that misbehaves and one as unit 2 that does not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::cases::{Case, Expect, Way};

/// Devices of unit 1 in two blocks of one length, so that a reply to the one looks like a reply to the other.
pub(super) const BLOCKS: [std::ops::RangeInclusive<u16>; 2] = [1..=8, 33..=40];
/// Devices of unit 2.
pub(super) const OTHERS: std::ops::RangeInclusive<u16> = 1..=4;
/// Devices that stand in fault from the start, so that every block looks different: unit and device.
pub(super) const FAULTY: [(u8, u16); 6] = [(1, 2), (1, 5), (1, 34), (1, 36), (1, 40), (2, 3)];
/// The module of a case that writes.
pub(super) const MODULE: u8 = 9;

/// A case on one way.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) case: Case,
    pub(super) way: Way,
}

impl Place {
    /// The bus, the line of the simulator and the building.
    pub(super) fn line(&self) -> String {
        let way = match self.way {
            Way::Tcp => "tcp",
            Way::Serial => "tty",
        };
        format!("n{:02}-{}-{way}1", self.case.number, self.case.name)
    }

    fn stem(&self) -> String {
        self.line().trim_end_matches('1').to_owned()
    }

    pub(super) fn is_write(&self) -> bool {
        matches!(self.case.expect, Expect::Write(..) | Expect::Dropped)
    }

    pub(super) fn point(&self, unit: u8, device: u16) -> String {
        format!("{}u{unit}-{device:03}", self.line())
    }

    /// Every device that the daemon knows.
    pub(super) fn devices(&self) -> impl Iterator<Item = (u8, u16)> {
        // Where the length of a read is the matter there is one long block.
        let blocks = if self.case.number == 18 {
            vec![1..=40]
        } else {
            BLOCKS.to_vec()
        };
        let first = blocks.into_iter().flatten().map(|device| (1, device));
        first.chain(OTHERS.map(|device| (2, device)))
    }
}

/// The layout of the simulator.
pub(super) fn layout(places: &[Place]) -> String {
    let mut text =
        "version = 1\nid = \"nasty\"\nname = { zh = \"怪象\", en = \"Nasty\" }\n".to_owned();
    for place in places {
        let (stem, line) = (place.stem(), place.line());
        let way = match place.way {
            Way::Tcp => "way = \"tcp\"",
            Way::Serial => "way = \"serial\"\nbaud = 19200",
        };
        write!(
            text,
            "\n[[plain]]\nid = \"{stem}\"\ncount = 1\n{way}\nunits = [1, 2]\ndevices = 48\n"
        )
        .expect("written");
        if place.is_write() {
            write!(
                text,
                "\n[[io]]\nid = \"{line}-io\"\nname = {{ zh = \"模块\", en = \"Module\" }}\nline = {{ on = \"{line}\" }}\n\
                 unit = {MODULE}\nchannels = 16\npulse_ms = 1000\n\
                 \n[[output]]\nio = \"{line}-io\"\ncoil = 0\nid = \"{line}-OUT\"\nkind = \"sounder\"\n\
                 name = {{ zh = \"警报\", en = \"Sounder\" }}\nplace = \"{stem}\"\nstroke_ms = 200\nundo = true\n"
            )
            .expect("written");
        }
    }
    text
}

/// Makes the files of the small campus into those of this site.
pub(super) fn write(places: &[Place], config: &Path, lines: &BTreeMap<String, String>) {
    let lenient = "\n[quirks]\nunit_zero_replies = true\ntransaction_not_echoed = true\n";
    let profiles: [(&str, &str, (&str, &str), &str); 3] = [
        (
            "simulated_panel",
            "short_panel",
            ("registers_max = 125", "registers_max = 29"),
            "",
        ),
        ("simulated_panel", "lenient_panel", ("", ""), lenient),
        (
            "dry_contact_io",
            "clone_io",
            ("", ""),
            "\n[quirks]\ncoil_on = 0x0100\n",
        ),
    ];
    for (from, to, (old, new), more) in profiles {
        let path = config.join(format!("panels/{from}.toml"));
        let text = std::fs::read_to_string(path).expect("a profile");
        let text = text.replacen(old, new, 1) + more;
        assert!(text.contains(new) && !text.is_empty(), "{from}");
        std::fs::write(config.join(format!("panels/{to}.toml")), text).expect("written");
    }
    std::fs::write(config.join("points.csv"), points(places)).expect("written");
    std::fs::write(config.join("linkage.toml"), linkage(places)).expect("written");
    let path = config.join("site.toml");
    let text = std::fs::read_to_string(&path).expect("a site");
    let mut site: toml::Table = toml::from_str(&text).expect("TOML");
    let more: toml::Table = toml::from_str(&campus(places, lines)).expect("TOML");
    site.remove("buses");
    for (key, value) in more {
        let toml::Value::Array(new) = value else {
            panic!("{key} is a list");
        };
        let list = site
            .entry(key)
            .or_insert_with(|| Vec::<toml::Value>::new().into());
        list.as_array_mut().expect("a list").extend(new);
    }
    let text = toml::to_string(&site).expect("TOML");
    std::fs::write(path, text).expect("written");
}

/// Buildings, compartments and buses.
fn campus(places: &[Place], lines: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for place in places {
        let line = place.line();
        let name = format!("{{ zh = \"{line}\", en = \"{line}\" }}");
        let at = &lines[&line];
        let at = match place.way {
            Way::Tcp => format!("address = \"{at}\""),
            Way::Serial => format!("serial = {{ path = \"{at}\", baud = 19200 }}"),
        };
        let Case {
            bus, unit, profile, ..
        } = place.case;
        let or = |other| if profile.is_empty() { other } else { profile };
        let (profile, module) = if place.is_write() {
            let module = or("dry_contact_io");
            let module = format!(", {{ unit = {MODULE}, profile = \"{module}\" }}");
            ("simulated_panel", module)
        } else {
            (or("simulated_panel"), String::new())
        };
        write!(
            text,
            "[[buildings]]\nid = \"{line}\"\nname = {name}\nsleeping = false\ngate = {name}\nhazards = {name}\n\
             [[floors]]\nid = \"{line}\"\nbuilding = \"{line}\"\nname = {name}\nlevel = 1\n\
             [[zones]]\nid = \"{line}\"\nname = {name}\nbuilding = \"{line}\"\nrelated = []\n\
             [[compartments]]\nid = \"{line}u1\"\nname = {name}\nbuilding = \"{line}\"\nfloor = \"{line}\"\nzone = \"{line}\"\n\
             [[compartments]]\nid = \"{line}u2\"\nname = {name}\nbuilding = \"{line}\"\nfloor = \"{line}\"\nzone = \"{line}\"\n\
             [[buses]]\nid = \"{line}\"\nname = {name}\n{at}\npoll_interval_ms = 250\ntimeout_ms = 500\n{bus}\n\
             units = [{{ unit = 1, profile = \"{profile}\"{unit} }}, {{ unit = 2, profile = \"simulated_panel\" }}{module}]\n\n"
        )
        .expect("written");
    }
    text
}

fn points(places: &[Place]) -> String {
    let mut text = "id,kind,name_zh,name_en,building,floor,room_zh,room_en,compartment,x,y,node,bus,unit,group,index\n".to_owned();
    for place in places {
        let line = place.line();
        let mut row = |id: &str, kind: &str, (unit, group, index): (u8, &str, u16)| {
            let near = unit.min(2);
            writeln!(
                text,
                "{id},{kind},{id},{id},{line},{line},{id},{id},{line}u{near},,,crossing,{line},{unit},{group},{index}"
            )
            .expect("written");
        };
        for (unit, device) in place.devices() {
            row(
                &place.point(unit, device),
                "smoke",
                (unit, "devices", device - 1),
            );
        }
        if place.is_write() {
            row(&format!("{line}-FB"), "feedback", (MODULE, "inputs", 0));
        }
    }
    text
}

fn linkage(places: &[Place]) -> String {
    let mut text = "version = 1\n".to_owned();
    if !places.iter().any(Place::is_write) {
        text.push_str("outputs = []\n");
    }
    for place in places.iter().filter(|place| place.is_write()) {
        let line = place.line();
        write!(
            text,
            "\n[[outputs]]\nid = \"{line}-OUT\"\nkind = \"sounder\"\nname = {{ zh = \"警报\", en = \"Sounder\" }}\n\
             building = \"{line}\"\nbus = \"{line}\"\nunit = {MODULE}\nwrite = \"relays_low\"\nindex = 0\n\
             feedback = {{ point = \"{line}-FB\", active = true, window_seconds = 5 }}\narming = \"auto\"\n\
             master = \"fengsui\"\nby_hand = \"chief-eng\"\n"
        )
        .expect("written");
    }
    text
}

/// The orders of a case as the control API takes them.
pub(super) fn orders(case: &Case) -> Vec<serde_json::Map<String, Value>> {
    serde_json::from_str(case.order).expect("a list of orders")
}
