//! `fengsui probe … decode`: the points of a unit with what its registers say of them.

use std::collections::BTreeMap;

use clap::Args;

use super::way::Way;
use super::{Stopped, lines, say};
use crate::cli::{SiteArguments, check, load};
use crate::config;
use crate::domain::ids::{BusId, PointId};
use crate::domain::line::Line;
use crate::domain::point::{Address, Point, PointKind};
use crate::domain::profile::UnitProfile;
use crate::domain::site::{Bus, Unit};
use crate::domain::text::Text;
use crate::field::explain;

/// A unit and what its registers mean.
#[derive(Debug, Args)]
pub struct Decode {
    /// The unit on the line.
    #[arg(long)]
    pub unit: u8,
    /// The profile: the name of a file in the site's panels/. With --bus, the unit's own when it is not given.
    #[arg(long)]
    pub profile: Option<String>,
    /// Shows only points that are not normal.
    #[arg(long)]
    pub alarms: bool,
}

/// Reads and explains.
pub(super) fn decode(way: &mut Way, decode: &Decode, site: &SiteArguments) -> Result<(), Stopped> {
    let (points, bus, profiles) = match (way.bus(), &decode.profile) {
        (Some(bus), None) => of_site(&bus, decode.unit, site)?,
        (None, None) => {
            return Err(Stopped::usage(
                "give --profile: a line that is no bus of site.toml has no profile of its own",
            ));
        }
        (_, Some(profile)) => of_profile(profile, decode.unit, site)?,
    };
    let (pages, unplaced) = explain::pages(&points, &bus, &profiles);
    for why in unplaced {
        eprintln!("fengsui: {why}");
    }
    let names: BTreeMap<&PointId, &Text> = points
        .iter()
        .map(|point| (&point.id, &point.name))
        .collect();
    for page in pages {
        let told = way.ask(page.question())?;
        let Some(explained) = page.explain(&told) else {
            let why = lines(0, &told).concat();
            say(&format!("{:?}: {why}", page.question().ask));
            continue;
        };
        for point in explained {
            if decode.alarms && point.meaning == "normal" {
                continue;
            }
            let name = names.get(&point.point).map_or("", |name| name.zh.as_str());
            let (id, raw, meaning) = (point.point.as_str(), &point.raw, &point.meaning);
            say(&format!(
                "{id:<20} {:>5}  {raw:<8} {meaning:<16} {name}",
                point.address
            ));
        }
    }
    Ok(())
}

type Known = (Vec<Point>, Bus, BTreeMap<String, UnitProfile>);

/// The points that points.csv has on the unit.
fn of_site(bus: &BusId, unit: u8, site: &SiteArguments) -> Result<Known, Stopped> {
    let configuration = load(site).map_err(|_| Stopped::usage("the points are not known"))?;
    let Some(found) = configuration.site.buses.get(bus) else {
        return Err(Stopped::usage(format!("site.toml has no bus {bus}")));
    };
    let points = configuration.site.points.values();
    let points: Vec<Point> = points
        .filter(|point| point.bus == *bus && point.unit == unit)
        .cloned()
        .collect();
    if points.is_empty() {
        return Err(Stopped::usage(format!(
            "points.csv has no point on unit {unit} of {bus}; give --profile to see all that the profile knows"
        )));
    }
    Ok((points, found.clone(), configuration.profiles))
}

/// A point for everything that the profile knows.
fn of_profile(name: &str, unit: u8, site: &SiteArguments) -> Result<Known, Stopped> {
    let profiles = check::printed(config::load_profiles(&site.config))
        .map_err(|_| Stopped::usage("the profiles are not known"))?;
    let Some(UnitProfile::Registers(profile)) = profiles.get(name) else {
        let known: Vec<&str> = profiles.keys().map(String::as_str).collect();
        return Err(Stopped::usage(format!(
            "there is no profile {name} for Modbus; there is {}",
            known.join(", ")
        )));
    };
    let bus: BusId = "probe".into();
    let point = |group: &str, index: u16| Point {
        id: format!("{group}/{index}").as_str().into(),
        // What a bare contact means depends on what hangs on it, which nobody has said yet: it is shown as active.
        kind: PointKind::Supervisory,
        name: Text::default(),
        building: "-".into(),
        floor: "-".into(),
        room: Text::default(),
        compartment: "-".into(),
        place: None,
        node: "-".into(),
        bus: bus.clone(),
        unit,
        group: group.to_owned(),
        number: index.to_string(),
        address: Address::Index(index),
        measured_in: None,
    };
    let groups = profile.groups.iter();
    let points =
        groups.flat_map(|(group, found)| (0..found.count).map(move |index| (group, index)));
    let points = points.map(|(group, index)| point(group, index)).collect();
    let bus = Bus {
        id: bus.clone(),
        name: Text::default(),
        line: Line::Tcp(String::new()),
        poll_interval_ms: 0,
        timeout_ms: 0,
        pause_after_connect_ms: 0,
        units: vec![Unit {
            unit,
            profile: name.to_owned(),
            gap_ms: 0,
            timeout_ms: None,
            retries: 0,
            caller: None,
        }],
    };
    Ok((points, bus, profiles))
}
