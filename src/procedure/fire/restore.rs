//! 恢复正常秩序 (process.md 99): what is put back after the all-clear, in the order of the handbook, each item by a named person.
//! Nothing is switched by it: no verb opens gas, restores a feeder or stops a pump.

use super::super::{Refusal, RefusalKind};
use super::Incident;
use crate::domain::output::{Output, OutputKind};
use crate::domain::site::Site;
use crate::linkage;

/// 现场移交，此前保护现场.
const SCENE: &str = "scene";
/// 看守复燃.
const WATCH: &str = "watch";
/// Valves open, tank refilled, used heads, extinguishers and hoses replaced.
const WATER: &str = "water";
/// Sounders stopped, panel reset, detectors cleaned or replaced.
const PANEL: &str = "panel";
/// All 屏蔽 reviewed, modes as before.
const DISABLED: &str = "disabled";
/// Insulation and water checked by an electrician, before any feeder.
const INSULATION: &str = "insulation";
/// Detectors and exhaust work, no leak: before any gas valve.
const LEAK_TEST: &str = "leak_test";
/// 人员返回.
const PEOPLE_BACK: &str = "people_back";

/// The place of an item that is no output; the numbers are those of the handbook.
fn fixed_rank(item: &str) -> u8 {
    match item {
        SCENE => 1,
        WATCH => 2,
        WATER => 3,
        PANEL | DISABLED => 4,
        INSULATION => 5,
        LEAK_TEST => 8,
        PEOPLE_BACK => 9,
        _ => 7,
    }
}

fn kind(site: &Site, item: &str) -> Option<OutputKind> {
    site.outputs.get(item).map(|output| output.kind)
}

fn rank(site: &Site, item: &str) -> u8 {
    kind(site, item).map_or_else(|| fixed_rank(item), linkage::restore_rank)
}

/// The checklist of a fire: everything that acted, and what has no output.
#[must_use]
pub fn items(site: &Site, incident: &Incident) -> Vec<String> {
    listed(
        site,
        incident,
        &[SCENE, WATCH, WATER, PANEL, DISABLED, PEOPLE_BACK],
    )
}

/// The checklist of a fire that was none: there is no scene to keep and nothing to watch; water only where a pump ran.
#[must_use]
pub fn items_of_none(site: &Site, incident: &Incident) -> Vec<String> {
    let mut acted = acted(site, incident);
    let water = acted.any(|output| output.kind == OutputKind::PumpStart);
    let water = water.then_some(WATER);
    let fixed: Vec<&str> = [PANEL, DISABLED, PEOPLE_BACK]
        .into_iter()
        .chain(water)
        .collect();
    listed(site, incident, &fixed)
}

/// What was commanded for an incident, now or before it was opened again, and is not ticked as put back.
pub fn acted<'a>(site: &'a Site, incident: &'a Incident) -> impl Iterator<Item = &'a Output> {
    let open = incident.restore.iter().filter(|(_, by)| by.is_none());
    let before = open.filter_map(|(item, _)| site.outputs.get(item.as_str()));
    let asked = incident.asked.iter().filter_map(|id| site.outputs.get(id));
    let again = |output: &&Output| !incident.asked.contains(&output.id);
    let all = asked.chain(before.filter(again));
    all.filter(|output| !output.kind.is_panel())
}

fn listed(site: &Site, incident: &Incident, fixed: &[&str]) -> Vec<String> {
    let of = |wanted: OutputKind| acted(site, incident).any(|output| output.kind == wanted);
    let mut items: Vec<String> = fixed.iter().map(|&item| item.to_owned()).collect();
    if of(OutputKind::FeederTrip) {
        items.push(INSULATION.to_owned());
    }
    if of(OutputKind::GasClose) {
        items.push(LEAK_TEST.to_owned());
    }
    items.extend(acted(site, incident).map(|output| output.id.to_string()));
    // Of one rank: pumps before the water they take, the check before what it allows.
    let check = |item: &str| !is_check(item);
    let after = |item: &str| matches!(item, WATER | PANEL | DISABLED);
    items.sort_by_key(|item| (rank(site, item), check(item), after(item), item.clone()));
    items
}

/// A check that allows what follows it.
#[must_use]
pub fn is_check(item: &str) -> bool {
    matches!(item, INSULATION | LEAK_TEST)
}

/// The item that must be ticked before this one, if one is open: a feeder waits for the insulation, gas for the leak test and for
/// everything else that is switched.
#[must_use]
pub fn waits_for<'a>(site: &Site, incident: &'a Incident, item: &str) -> Option<&'a str> {
    let open = |wanted: &dyn Fn(&str) -> bool| {
        let mut items = incident.restore.iter();
        let found = items.find(|(known, by)| by.is_none() && known != item && wanted(known));
        found.map(|(known, _)| known.as_str())
    };
    match kind(site, item) {
        Some(OutputKind::FeederTrip) => open(&|known| known == INSULATION),
        Some(OutputKind::GasClose) => {
            let first = rank(site, item);
            open(&|known| known == LEAK_TEST).or_else(|| open(&|known| rank(site, known) < first))
        }
        Some(_) | None => None,
    }
}

/// Whether an item is ticked only with the name of the person who checked it on site: insulation, leak test, gas.
#[must_use]
pub fn needs_a_name(site: &Site, item: &str) -> bool {
    matches!(item, INSULATION | LEAK_TEST) || kind(site, item) == Some(OutputKind::GasClose)
}

/// Refuses an item whose turn has not come.
pub(super) fn in_turn(site: &Site, incident: &Incident, item: &str) -> Result<(), Refusal> {
    let Some(first) = waits_for(site, incident, item) else {
        return Ok(());
    };
    let refusal = Refusal::new(RefusalKind::Conflict, "restore_first");
    let name = site.outputs.get(first).map(|output| output.name.zh.clone());
    let name = name.unwrap_or_else(|| {
        crate::text::both(&crate::domain::text::Line::new(format!("restore.{first}"))).zh
    });
    Err(Refusal {
        how: Some(name),
        ..refusal
    })
}
