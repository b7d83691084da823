//! Files to validated values: every error with file, line and a caret; nothing starts before all of them are known.
//!
//! The files are read once. Ids are declared before anything refers to one, so that the order of files and entries
//! never matters. A broken entry is reported and left out, its id stays declared: one mistake is one error. This room
//! never listens, never writes and never looks at a clock.

mod address;
mod buses;
mod callers;
mod daemon;
mod files;
#[cfg(test)]
pub(crate) mod fuzz;
mod groups;
mod lines;
mod linkage;
mod lookup;
mod names;
mod number;
mod parts;
mod people;
mod plans;
mod points;
mod printer;
mod procedures;
mod profile;
mod prover;
mod quirks;
mod report;
mod routes;
mod scope;
mod section;
mod site;
mod states;
mod summary;
mod svg;
mod table;
#[cfg(test)]
mod tests;
mod transmitters;
mod writes;

use std::collections::BTreeMap;
use std::path::Path;

use self::files::{Folder, Source};
use self::lookup::Lookup;
use self::names::{Names, Noun, Word};
use self::plans::Plan;
pub use self::points::COLUMNS as POINT_COLUMNS;
use self::profile::Known;
pub use self::report::{Report, render};
use self::scope::Scope;
use self::section::Section;
use self::site::Campus;
use self::table::Row;
use crate::domain::ids::{OutputId, PointId};
use crate::domain::limits::FireLimits;
use crate::domain::output::Output;
use crate::domain::point::Point;
use crate::domain::profile::UnitProfile;
use crate::domain::settings::{Broker, Settings};
use crate::domain::site::Site;

/// Everything the files say, valid as a whole.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The campus.
    pub site: Site,
    /// Profiles of units by name.
    pub profiles: BTreeMap<String, UnitProfile>,
    /// What fengsui.toml says of the daemon itself.
    pub settings: Settings,
    /// Drawings by file name; each only draws.
    pub plans: BTreeMap<String, String>,
    /// SHA-256 over names and bytes of all files, in hexadecimal.
    pub version: String,
}

/// Reads the folder.
///
/// # Errors
///
/// Every error of every file, by file and from top to bottom.
pub fn load(dir: &Path) -> Result<Configuration, Vec<Report>> {
    load_folder(dir, None).map_err(report::listed)
}

/// Reads the folder as if `points` were its points.csv.
///
/// # Errors
///
/// As [`load`], each on its own however often it is repeated.
pub fn load_with_points(dir: &Path, points: &str) -> Result<Configuration, Vec<Report>> {
    load_folder(dir, Some(("points.csv", points.as_bytes()))).map_err(report::sorted)
}

/// Reads the profiles of a folder whose other files may be wrong or missing.
///
/// # Errors
///
/// Every error of the profiles.
pub fn load_profiles(dir: &Path) -> Result<BTreeMap<String, UnitProfile>, Vec<Report>> {
    let (mut reports, mut others) = (Vec::new(), Vec::new());
    let folder = files::read(dir, None, &mut others);
    let profiles = profile::read_all(&folder, &mut Names::default(), &mut reports);
    if reports.is_empty() {
        return Ok(bare(profiles));
    }
    Err(report::listed(reports))
}

fn load_folder(dir: &Path, instead: Option<(&str, &[u8])>) -> Result<Configuration, Vec<Report>> {
    let mut reports = Vec::new();
    let folder = files::read(dir, instead, &mut reports);
    let configuration = read(&folder, &mut reports);
    match configuration {
        Some(configuration) if reports.is_empty() => Ok(configuration),
        Some(_) | None => Err(reports),
    }
}

/// A file with its tables, not yet read.
type Opened<'a> = Option<(&'a Source, Section<'a>)>;

/// Reads every file, also after errors; `None` when a part is missing.
fn read(folder: &Folder, reports: &mut Vec<Report>) -> Option<Configuration> {
    let mut names = Names::default();
    let profiles = profile::read_all(folder, &mut names, reports);
    let plans = plans::read_all(folder, &mut names, reports);
    let site = open(folder, "site.toml", reports);
    let linkage = open(folder, "linkage.toml", reports);
    let points = folder.sources.get("points.csv");
    let rows = points.and_then(|source| table::read(source, &points::COLUMNS, reports));
    declare(&mut names, (&site, &linkage), (points, &rows), reports);

    let names = &names;
    let settings = open(folder, "fengsui.toml", reports).and_then(|(source, file)| {
        daemon::read(file, &folder.dir, &mut scope(source, names, reports))
    });
    let limits = open(folder, "procedures.toml", reports)
        .and_then(|(source, file)| procedures::read(file, &mut scope(source, names, reports)));
    let campus = match site {
        Some((source, file)) => site::read(file, &mut scope(source, names, reports)),
        None => Campus::default(),
    };
    let mut lookup = Lookup {
        campus: &campus,
        profiles: &profiles,
        plans: &plans,
        points: &BTreeMap::new(),
    };
    let points = match (points, rows) {
        (Some(source), Some(rows)) => {
            points::read(&rows, &lookup, &mut scope(source, names, reports))
        }
        (Some(_) | None, _) => BTreeMap::new(),
    };
    if let Some(source) = folder.sources.get("site.toml") {
        let scope = &mut scope(source, names, reports);
        transmitters::check(&campus.wired, &profiles, scope);
        printer::check(&campus.wired, &profiles, scope);
        // Points with an error are reported and left out: only a table that is right as it stands can lack one.
        if names.count(Noun::Point) == points.len() {
            transmitters::check_others(&campus.buses, &points, &campus.wired, scope);
        }
    }
    if let Some(source) = folder.sources.get("points.csv")
        && names.count(Noun::Point) == points.len()
    {
        printer::check_others(&campus.buses, &points, &mut scope(source, names, reports));
    }
    lookup.points = &points;
    let outputs = match linkage {
        Some((source, file)) => linkage::read(file, &lookup, &mut scope(source, names, reports)),
        None => BTreeMap::new(),
    };
    let mut site = whole(campus, points, outputs, limits?)?;
    site.has_broker = settings.as_ref()?.mqtt.broker != Broker::None;
    check_whole(names, &site, reports);
    Some(Configuration {
        site,
        profiles: bare(profiles),
        settings: settings?,
        plans: drawings(plans),
        version: folder.version.clone(),
    })
}

fn open<'a>(folder: &'a Folder, name: &str, reports: &mut Vec<Report>) -> Opened<'a> {
    let source = folder.sources.get(name)?;
    Some((source, Section::of_file(source, reports)?))
}

fn scope<'a>(source: &'a Source, names: &'a Names, reports: &'a mut Vec<Report>) -> Scope<'a> {
    Scope {
        source,
        names,
        reports,
    }
}

/// Declares every id of every file. What could not be opened declares nothing, and references to it are not judged.
fn declare(
    names: &mut Names,
    (site, linkage): (&Opened<'_>, &Opened<'_>),
    (points, rows): (Option<&Source>, &Option<Vec<Row>>),
    reports: &mut Vec<Report>,
) {
    if let Some((source, file)) = site {
        site::declare(file, source, names, reports);
    }
    if let Some((source, file)) = linkage {
        names.declare(Noun::Output, source, &file.ids(&["outputs"]), reports);
    }
    if let (Some(source), Some(rows)) = (points, rows) {
        let ids: Vec<Word> = rows.iter().map(|row| row.word("id")).collect();
        names.declare(Noun::Point, source, &ids, reports);
    }
}

/// The parts as one site.
fn whole(
    campus: Campus,
    points: BTreeMap<PointId, Point>,
    outputs: BTreeMap<OutputId, Output>,
    limits: FireLimits,
) -> Option<Site> {
    let head = campus.head?;
    Some(Site {
        id: head.id,
        name: head.name,
        address: head.address,
        phone: head.phone,
        utc_offset_minutes: head.utc_offset_minutes,
        // The daemon's own file says it, not the site's.
        has_broker: false,
        demo: head.demo,
        plan: head.plan,
        buildings: campus.buildings,
        floors: campus.floors,
        compartments: campus.compartments,
        zones: campus.zones,
        points,
        outputs,
        buses: campus.buses,
        recipients: campus.recipients,
        succession: head.succession,
        commander: head.commander,
        groups: campus.groups,
        routes: campus.routes,
        limits,
    })
}

/// Entries with an error are left out. Should one ever be left out without an error, nothing may start: a detector
/// that is in the file and not in the site would be quiet for ever.
fn check_whole(names: &Names, site: &Site, reports: &mut Vec<Report>) {
    let read = [
        (Noun::Building, site.buildings.len()),
        (Noun::Floor, site.floors.len()),
        (Noun::Compartment, site.compartments.len()),
        (Noun::Zone, site.zones.len()),
        (Noun::Recipient, site.recipients.len()),
        (Noun::Node, site.routes.nodes.len()),
        (Noun::Bus, site.buses.len()),
        (Noun::Point, site.points.len()),
        (Noun::Output, site.outputs.len()),
    ];
    for (noun, count) in read {
        let declared = names.count(noun);
        if declared != count && reports.is_empty() {
            let noun = noun.word();
            let message = format!("{declared} {noun}s are declared and {count} were understood");
            let help = "this is a mistake of Fengsui, not of the files: send them to its makers";
            reports.push(Report::of_file("", message).help(help));
        }
    }
}

fn bare(profiles: BTreeMap<String, Known>) -> BTreeMap<String, UnitProfile> {
    let bare = |(name, known): (String, Known)| (name, known.bare());
    profiles.into_iter().map(bare).collect()
}

fn drawings(plans: BTreeMap<String, Plan>) -> BTreeMap<String, String> {
    plans
        .into_iter()
        .map(|(name, plan)| (name, plan.svg))
        .collect()
}
