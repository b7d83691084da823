//! The shipped maps against `tests/vectors/panels`: what stands in the registers of a device, and what its points must show then.

mod played;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::decode::decode;
use super::memory::{Memory, Seen};
use super::modbus::pdu::Values;
use super::plan::{self, Block};
use super::testing::{Bench, Device, Server, bus, point, site};
use crate::domain::point::{Address, Conditions, Point, PointKind, Quality};
use crate::domain::profile::{Area, Profile, UnitProfile};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config");
const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/panels");
/// Maps of the simulated campus: the simulator itself is their second reading.
const OF_THE_SIMULATOR: [&str; 2] = ["simulated_panel", "simulated_gas"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    profile: String,
    /// From where in the maker's text the expectations come.
    #[serde(rename = "source")]
    _source: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    group: String,
    /// As points.csv calls it.
    point: String,
    kind: PointKind,
    /// What is asked for this point alone, and what comes back.
    reads: Vec<Read>,
    shows: BTreeSet<String>,
    #[serde(default)]
    trouble: Option<String>,
    /// The value in thousandths.
    #[serde(default)]
    milli: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    function: u8,
    address: u16,
    reply: Vec<u16>,
}

impl Read {
    fn area(&self) -> Area {
        match self.function {
            1 => Area::Coil,
            2 => Area::Discrete,
            3 => Area::Holding,
            4 => Area::Input,
            other => panic!("function code {other} reads nothing"),
        }
    }

    fn values(&self) -> Values {
        if self.area().is_bits() {
            Values::Bits(self.reply.iter().map(|bit| *bit == 1).collect())
        } else {
            Values::Registers(self.reply.clone())
        }
    }

    fn put(&self, device: &mut Device) {
        for (at, value) in (self.address..).zip(&self.reply) {
            match self.area() {
                Area::Coil => _ = device.coils.insert(at, *value == 1),
                Area::Discrete => _ = device.inputs.insert(at, *value == 1),
                Area::Holding | Area::Input => _ = device.registers.insert(at, *value),
            }
        }
    }
}

/// The registers of every map that is no simulator's, with its vectors.
fn shipped() -> Vec<(File, Profile)> {
    let loaded = crate::config::load(Path::new(SHIPPED));
    let loaded = loaded.unwrap_or_else(|r| panic!("{}", crate::config::render(&r, false)));
    let maps = super::register_maps(&loaded.profiles).into_iter();
    let maps = maps.filter(|(name, _)| !OF_THE_SIMULATOR.contains(&name.as_str()));
    let read = |(name, profile): (String, Profile)| {
        let path = format!("{VECTORS}/{name}.json");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("{path} is shipped"));
        let file: File = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"));
        assert_eq!(file.profile, name);
        (file, profile)
    };
    maps.map(read).collect()
}

fn point_of(case: &Case, profile: &Profile, (id, bus): (&str, &str)) -> Point {
    let group = &profile.groups[&case.group];
    let index = group.numbering.index(&case.point).unwrap();
    Point {
        kind: case.kind,
        group: case.group.clone(),
        address: Address::Index(index),
        ..point(id, bus, 1, ("devices", 0))
    }
}

fn assert_shows(case: &Case, seen: Seen, profile: &str) {
    let expected = crate::domain::point::Condition::ALL
        .into_iter()
        .filter(|condition| case.shows.contains(condition.word()))
        .fold(Conditions::default(), |all, shows| all.with(shows, true));
    let trouble = seen.trouble.map(crate::domain::point::Trouble::word);
    let value = seen.value.map(|value| value.0);
    assert_eq!(
        (seen.conditions, trouble, value),
        (expected, case.trouble.as_deref(), case.milli),
        "{profile}: {}",
        case.name
    );
}

#[test]
fn every_shipped_map_reads_what_the_makers_text_says() {
    for (file, profile) in shipped() {
        let profiles: BTreeMap<String, Profile> = [("map".to_owned(), profile)].into();
        for case in &file.cases {
            let point = point_of(case, &profiles["map"], ("P", "b"));
            let site = site(vec![bus("b", "-", &[(1, "map")])], vec![point]);
            let (blocks, unplaced) = plan::blocks(&site, &site.buses["b"], &profiles);
            assert_eq!(unplaced, []);
            let asked = |block: &Block| (block.span.area(), block.span.start(), block.span.count());
            let expected = |read: &Read| {
                let count = u16::try_from(read.reply.len()).unwrap();
                (read.area(), read.address, count)
            };
            let mut expected: Vec<_> = case.reads.iter().map(expected).collect();
            expected.sort_unstable();
            let asked: Vec<_> = blocks.iter().map(asked).collect();
            assert_eq!(asked, expected, "{}: {}", file.profile, case.name);
            let (mut memory, mut seen) = (Memory::default(), None);
            for block in &blocks {
                let start = block.span.start();
                let mut reads = case.reads.iter();
                let read = reads.find(|read| read.address == start).unwrap();
                for placed in &block.points {
                    seen = memory.take(placed, decode(placed, &read.values())).0;
                }
            }
            assert_shows(case, seen.expect("a reading"), &file.profile);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shipped_map_is_read_from_a_device() {
    for (file, profile) in shipped() {
        let (mut buses, mut points, mut servers) = (Vec::new(), Vec::new(), Vec::new());
        for (n, case) in file.cases.iter().enumerate() {
            let server = Server::start().await;
            server.with(|device| case.reads.iter().for_each(|read| read.put(device)));
            let (id, name) = (format!("P{n}"), format!("b{n}"));
            buses.push(bus(&name, &server.address, &[(1, "map")]));
            points.push(point_of(case, &profile, (&id, &name)));
            servers.push(server);
        }
        let map = UnitProfile::Registers(profile);
        let profiles = [("map".to_owned(), map)].into();
        let bench = Bench::with(site(buses, points), &profiles);
        let all = file.cases.len();
        let up = move |heard: &super::testing::Heard| {
            heard.links().iter().filter(|link| **link == "up").count() == all
        };
        let heard = bench.engine.until("all are read", up).await;
        for (n, case) in file.cases.iter().enumerate() {
            let latest = heard.latest(&format!("P{n}")).expect("a reading").latest;
            assert_eq!(latest.quality, Quality::Good);
            let seen = Seen {
                conditions: latest.conditions,
                quality: latest.quality,
                value: latest.value,
                trouble: latest.trouble,
            };
            assert_shows(case, seen, &file.profile);
        }
        bench.end().await;
    }
}
