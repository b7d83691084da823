//! The shipped maps played by the simulator, read and written by a real bus. The simulator makes words of conditions by a reading of
//! its own, so what comes through has been understood alike twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fengsui_sim::campus::{self, CampusOptions, Running};
use fengsui_sim::layout::Which;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_modbus::ExceptionCode;
use tokio_modbus::client::{Client as _, Context, tcp};
use tokio_modbus::prelude::{Request, Slave};

use super::SHIPPED;
use crate::domain::layout::{Format, Group, Layout, Meaning, Number, Part, States};
use crate::domain::output::{Action, Target, WriteOutcome};
use crate::domain::point::{Address, Condition, Conditions, Point, PointKind, Quality, Trouble};
use crate::domain::profile::{Area, Profile, Quirks, UnitProfile};
use crate::engine::ports::Field as _;
use crate::field::register_maps;
use crate::field::testing::{BOUND, Bench, Heard, bus, effect, point, site};

const EVERY_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/every_key.toml");
/// Bytes of a reply of Modbus TCP beside its data.
const BESIDE: u16 = 9;
/// With two kinds of device a bare contact is seen to mean what the device is for.
const KINDS: [PointKind; 2] = [PointKind::Smoke, PointKind::Supervisory];
const TROUBLES: [Trouble; 6] = [
    Trouble::NotPresent,
    Trouble::UnknownCode,
    Trouble::Broken,
    Trouble::Shorted,
    Trouble::Implausible,
    Trouble::NotANumber,
];

#[tokio::test(flavor = "multi_thread")]
async fn every_shipped_map_is_read_and_written_as_the_simulator_plays_it() {
    let mut maps = JoinSet::new();
    for (name, profile) in maps_of(SHIPPED.as_ref()) {
        let path = PathBuf::from(format!("{SHIPPED}/panels/{name}.toml"));
        maps.spawn(play(path, profile));
    }
    while let Some(played) = maps.join_next().await {
        played.unwrap();
    }
}

/// What no shipped map needs yet: every order and format, every kind of write, a summary, a device that departs from the protocol. One that
/// does not echo the transaction is asked too slowly for this; the tests of the bus have it.
#[tokio::test(flavor = "multi_thread")]
async fn a_map_with_every_key_is_read_and_written_as_the_simulator_plays_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("panels")).unwrap();
    let path = folder.path().join("panels/every_key.toml");
    std::fs::copy(EVERY_KEY, &path).unwrap();
    let profile = maps_of(folder.path()).remove("every_key").unwrap();
    play(path, profile).await;
}

fn maps_of(config: &Path) -> BTreeMap<String, Profile> {
    let profiles = crate::config::load_profiles(config);
    let profiles = profiles.unwrap_or_else(|r| panic!("{}", crate::config::render(&r, false)));
    register_maps(&profiles)
}

async fn play(map: PathBuf, profile: Profile) {
    let played = Played::start(map, profile).await;
    played.limits().await;
    for (name, group) in &played.profile.groups {
        played.group((name, group)).await;
    }
    played.writes().await;
    played.bench.end().await;
    played.campus.stop().await;
}

/// A map between its two readers.
struct Played {
    name: String,
    profile: Profile,
    campus: Running,
    bench: Bench,
    control: reqwest::Client,
}

/// A point as the simulator says that it is set.
#[derive(Debug)]
struct Set {
    conditions: Conditions,
    trouble: Option<String>,
    /// In thousandths.
    value: Option<i64>,
    /// In how many ways the map says this.
    ways: usize,
}

impl Played {
    async fn start(map: PathBuf, profile: Profile) -> Self {
        let units = vec![1];
        let campus = campus::start(CampusOptions {
            layout: Which::Mapped { map, units },
            ..CampusOptions::default()
        });
        let campus = campus.await.unwrap();
        let mut bus = bus("b", &campus.addresses.lines["panel"], &[(1, "map")]);
        bus.poll_interval_ms = 2;
        let groups = profile.groups.iter();
        let points = groups.flat_map(|(name, group)| points_of(name, group));
        let site = site(vec![bus], points.collect());
        let profiles = [("map".to_owned(), UnitProfile::Registers(profile.clone()))];
        let bench = Bench::with(site, &profiles.into());
        Self {
            name: profile.name.clone(),
            profile,
            campus,
            bench,
            control: reqwest::Client::new(),
        }
    }

    /// Every condition, alone and with each other, in every way in which the map says it; every reason of there being nothing; and
    /// values up to their ends.
    async fn group(&self, (name, group): (&str, &Group)) {
        for kind in KINDS.into_iter().filter(|kind| is_read_as(group, *kind)) {
            for index in samples(group) {
                self.rest((name, group), kind, index).await;
            }
            // A bare contact says what its device is for, so both kinds would be told the same.
            let is_bare = is_read_as(group, KINDS[1]);
            let asked = Condition::ALL.into_iter();
            for one in asked.filter(|one| !is_bare || group.shows(kind, *one)) {
                for index in samples(group) {
                    let said = self.all_ways((name, group), (kind, index), one.word());
                    let said = said.await;
                    assert_eq!(
                        said.is_some_and(|said| said.has(one)),
                        group.shows(kind, one),
                        "{}: {name}/{index} {}",
                        self.name,
                        one.word()
                    );
                }
                let others = Condition::ALL.into_iter().filter(|other| *other > one);
                for other in others.filter(|other| group.shows(kind, *other)) {
                    let both = format!("{}+{}", one.word(), other.word());
                    self.all_ways((name, group), (kind, 0), &both).await;
                }
            }
            for trouble in TROUBLES {
                let said = self.all_ways((name, group), (kind, 0), trouble.word());
                let has_word = group.parts.iter().any(|part| has_word(part, trouble));
                assert_eq!(
                    said.await.is_some(),
                    has_word,
                    "{}: {name} {trouble:?}",
                    self.name
                );
            }
            for value in values(group) {
                let value = value.to_string();
                let said = self.all_ways((name, group), (kind, 0), &value);
                assert!(said.await.is_some(), "{}: {name} {value}", self.name);
            }
        }
    }

    /// Sets a point to a state in each way, sees it arrive at its point alone, and back at rest. `None` where the map cannot say it.
    async fn all_ways(
        &self,
        (name, group): (&str, &Group),
        (kind, index): (PointKind, u16),
        state: &str,
    ) -> Option<Conditions> {
        let label = group.numbering.name(index);
        let first = self.set((name, &label), state, 0).await?;
        for way in 0..first.ways {
            // The first sample shows them all, the others show that they stand at other places.
            if way > 0 && index > 0 {
                break;
            }
            let set = self.set((name, &label), state, way).await;
            let set = set.unwrap_or_else(|| panic!("{}: {name} {state} way {way}", self.name));
            self.arrives((name, kind, index), &set, state).await;
            for other in samples(group).into_iter().filter(|other| *other != index) {
                let heard = self.bench.engine.heard();
                let latest = heard.latest(&id(name, kind, other)).unwrap().latest;
                let quiet = Conditions::default();
                assert_eq!(
                    latest.conditions, quiet,
                    "{}: {name}/{other} {state}",
                    self.name
                );
            }
            self.rest((name, group), kind, index).await;
        }
        Some(first.conditions)
    }

    async fn rest(&self, (name, group): (&str, &Group), kind: PointKind, index: u16) {
        let label = group.numbering.name(index);
        let set = self.set((name, &label), "normal", 0).await;
        let set = set.expect("a map has a word for a device at rest");
        assert_eq!(set.conditions, Conditions::default());
        self.arrives((name, kind, index), &set, "normal").await;
    }

    /// Waits until the bus has told what was set.
    async fn arrives(&self, (name, kind, index): (&str, PointKind, u16), set: &Set, state: &str) {
        let id = id(name, kind, index);
        let what = format!("{}: {id} {state} {set:?}", self.name);
        let stands = |heard: &Heard| {
            heard.latest(&id).is_some_and(|seen| {
                let seen = &seen.latest;
                seen.quality == Quality::Good && seen.conditions == set.conditions
            })
        };
        self.bench.engine.until(&what, stands).await;
        // Values wake nobody; they stand beside, for the screens.
        let reads = || {
            let live = self.bench.engine.handle.live();
            let live = live.get(id.as_str());
            let trouble = live.and_then(|live| live.trouble).map(Trouble::word);
            let value = live.and_then(|live| live.value).map(|value| value.0);
            (trouble, value) == (set.trouble.as_deref(), set.value)
        };
        let mut pause = tokio::time::interval(Duration::from_millis(2));
        let is_read = async {
            while !reads() {
                pause.tick().await;
            }
        };
        let is_read = tokio::time::timeout(BOUND, is_read).await;
        is_read.unwrap_or_else(|_| panic!("never: {what}"));
    }

    /// Sets a point by the control API; `None` where the map has no word for it.
    async fn set(&self, (group, label): (&str, &str), state: &str, way: usize) -> Option<Set> {
        let control = self.campus.addresses.control;
        let url = format!("http://{control}/mapped/unit1/points/{group}/{label}/{state}?way={way}");
        let answer = self.control.post(url).send().await.unwrap();
        if answer.status() == 422 {
            return None;
        }
        assert_eq!(answer.status(), 200, "{}: {group}/{label}", self.name);
        let said: Value = answer.json().await.unwrap();
        let shows = said["shows"].as_array().unwrap();
        let stands = |condition: &Condition| shows.contains(&condition.word().into());
        let shown = Condition::ALL.into_iter().filter(stands);
        let thousandths = |value: f64| (value * 1_000.0).round() as i64;
        Some(Set {
            conditions: shown.fold(Conditions::default(), |all, one| all.with(one, true)),
            trouble: said["trouble"].as_str().map(str::to_owned),
            value: said["value"].as_f64().map(thousandths),
            ways: usize::try_from(said["ways"].as_u64().unwrap()).unwrap(),
        })
    }

    /// More than a request may ask for is refused with 03, an address that the map does not have with 02.
    async fn limits(&self) {
        if self.profile.quirks != Quirks::default() {
            // No other client would take its replies.
            return;
        }
        let address = self.campus.addresses.lines["panel"].parse().unwrap();
        let mut client = tcp::connect_slave(address, Slave(1)).await.unwrap();
        let groups = self.profile.groups.values();
        for part in groups.flat_map(|group| &group.parts) {
            let most = self.profile.count_max(part.area, BESIDE);
            let refused = refused(&mut client, part.area, part.start, most + 1).await;
            assert_eq!(
                refused,
                Some(ExceptionCode::IllegalDataValue),
                "{}",
                self.name
            );
            let refused = self::refused(&mut client, part.area, u16::MAX, 1).await;
            assert_eq!(
                refused,
                Some(ExceptionCode::IllegalDataAddress),
                "{}",
                self.name
            );
        }
    }

    /// The first and the last of every write arrive once, as the map has them, and what can be read back stands.
    async fn writes(&self) {
        for (name, write) in &self.profile.writes {
            for index in BTreeSet::from([0, write.count - 1]) {
                let target = write.target.nth(index).unwrap();
                let action = if write.pulse {
                    Action::Pulse
                } else {
                    Action::Level
                };
                let command = format!("{name}/{index}");
                let before = self.campus.campus.writes(0).total;
                self.bench
                    .field
                    .write(effect("b", &command, target, action));
                let outcome = self.bench.outcome(&command).await;
                assert_eq!(outcome, WriteOutcome::Written, "{}: {command}", self.name);
                let came = self.campus.campus.writes(before).writes;
                assert_eq!(came.len(), 1, "{}: {command}", self.name);
                let multiple = self.profile.quirks.writes_multiple;
                let (function, address, values, called) = match target {
                    Target::Coil { register } if multiple => (15, register, vec![1], command),
                    Target::Coil { register } => (5, register, vec![1], command),
                    Target::Register { register, value } if multiple => {
                        (16, register, vec![value], name.clone())
                    }
                    Target::Register { register, value } => {
                        (6, register, vec![value], name.clone())
                    }
                    Target::Registers { register, values } => {
                        (16, register, values.to_vec(), name.clone())
                    }
                    Target::Mask { register, and, or } => (22, register, vec![and, or], command),
                };
                let write = &came[0];
                assert_eq!(
                    (
                        write.function,
                        write.address,
                        &write.values,
                        write.output.as_ref()
                    ),
                    (function, address, &values, Some(&called)),
                    "{}",
                    self.name
                );
                self.shows_coil(target, action).await;
            }
        }
    }

    /// A coil that stays is seen at the point that stands there, where the map has one.
    async fn shows_coil(&self, target: Target, action: Action) {
        let (Target::Coil { register }, Action::Level) = (target, action) else {
            return;
        };
        for (name, group) in &self.profile.groups {
            for index in samples(group) {
                let place = group.parts[0].place(group.numbering, index).unwrap();
                if group.parts[0].area == Area::Coil && place.start == register {
                    let on = Set {
                        conditions: Conditions::default().with(Condition::Active, true),
                        trouble: None,
                        value: None,
                        ways: 1,
                    };
                    let point = (name.as_str(), PointKind::Supervisory, index);
                    self.arrives(point, &on, "written").await;
                }
            }
        }
    }
}

async fn refused(
    client: &mut Context,
    area: Area,
    start: u16,
    count: u16,
) -> Option<ExceptionCode> {
    let request = match area {
        Area::Coil => Request::ReadCoils(start, count),
        Area::Discrete => Request::ReadDiscreteInputs(start, count),
        Area::Holding => Request::ReadHoldingRegisters(start, count),
        Area::Input => Request::ReadInputRegisters(start, count),
    };
    client.call(request).await.unwrap().err()
}

fn id(group: &str, kind: PointKind, index: u16) -> String {
    format!("{group}-{kind:?}-{index}")
}

/// The first, the second, one inside and the last point of a group: neighbours, other registers, other loops.
fn samples(group: &Group) -> Vec<u16> {
    let last = group.count - 1;
    let mut samples = vec![0, 1, last / 2 + 1, last];
    samples.retain(|index| *index <= last);
    samples.dedup();
    samples
}

fn points_of(name: &str, group: &Group) -> Vec<Point> {
    let kinds = KINDS.into_iter().filter(|kind| is_read_as(group, *kind));
    let all = kinds.flat_map(|kind| samples(group).into_iter().map(move |index| (kind, index)));
    let made = all.map(|(kind, index)| Point {
        kind,
        group: name.to_owned(),
        address: Address::Index(index),
        ..point(&id(name, kind, index), "b", 1, ("devices", index))
    });
    made.collect()
}

/// Both kinds where the map leaves it to the device what its contact means, else the first.
fn is_read_as(group: &Group, kind: PointKind) -> bool {
    let differs = |condition| group.shows(KINDS[0], condition) != group.shows(KINDS[1], condition);
    kind == KINDS[0] || Condition::ALL.into_iter().any(differs)
}

/// Whether a table has a word for this kind of nothing.
fn has_word(part: &Part, trouble: Trouble) -> bool {
    let states = |states: &States| match trouble {
        Trouble::NotPresent => !states.missing.is_empty(),
        Trouble::UnknownCode => states.codes.as_ref().is_some_and(|codes| {
            let codes_max = 1_usize << codes.mask.count_ones();
            codes.table.len() < codes_max
        }),
        Trouble::Broken | Trouble::Shorted | Trouble::Implausible | Trouble::NotANumber => false,
    };
    match &*part.layout {
        Layout::Word { states: of, .. } => states(of),
        Layout::Packed(packed) => match &packed.meaning {
            Meaning::States(of) => states(of),
            Meaning::Contact { .. } => false,
        },
        Layout::Number(number) => match trouble {
            Trouble::NotPresent => !number.missing.is_empty(),
            Trouble::Broken => number.broken_below.is_some(),
            Trouble::Shorted => number.shorted_above.is_some(),
            Trouble::Implausible => is_ever_implausible(number),
            Trouble::NotANumber => matches!(
                number.format,
                Format::Bcd16 | Format::Bcd32 | Format::Float32
            ),
            Trouble::UnknownCode => false,
        },
    }
}

/// A sensor whose wire is watched on both sides has no count left that is only implausible.
fn is_ever_implausible(number: &Number) -> bool {
    number.broken_below.is_none() || number.shorted_above.is_none()
}

/// The ends of what is plausible, the limits, and what lies between.
fn values(group: &Group) -> Vec<f64> {
    let numbers = group.parts.iter().filter_map(|part| match &*part.layout {
        Layout::Number(number) => Some(number),
        Layout::Word { .. } | Layout::Packed(_) => None,
    });
    let values = numbers.flat_map(|number| {
        let (least, greatest) = number.plausible;
        let ends = [least.0, greatest.0, least.0 / 2 + greatest.0 / 2];
        let limits = number.limits.iter().map(|limit| limit.at.0);
        ends.into_iter().chain(limits)
    });
    values.map(|milli| milli as f64 / 1_000.0).collect()
}
