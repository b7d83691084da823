//! View documents: what the pages, the broker and the board show, made from state and the site's files alone.
//!
//! `web/src/documents.ts` is the contract. A document is text that depends on nothing but committed state, so that the snapshot
//! and the stream agree byte for byte.

pub mod groups;
pub mod incident;
pub mod lines;
mod maintenance;
pub(in crate::procedure) mod offers;
pub mod order;
pub mod parts;
pub mod record;
pub(in crate::procedure) mod restore;
pub mod site;
pub mod steps;
pub mod summary;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fire::{Incident, Stage};
use super::{Campus, Cell};
use crate::domain::actor::Actor;
use crate::domain::ids::{BusId, CaseId, OutputId, PointId, RecipientId};
use crate::domain::note::Note;
use crate::domain::site::Site;

/// Everything a view may read.
pub struct Viewer<'a> {
    /// Committed state.
    pub campus: &'a Campus,
    /// The site's files.
    pub site: &'a Site,
    /// What stands in erasable rows and never in the journal.
    pub erasable: &'a Erasable,
}

/// Names, phones and free text by the ids that the journal keeps. A row that is erased leaves its id alone.
#[derive(Clone, Debug, Default)]
pub struct Erasable {
    /// Names of accounts.
    pub names: BTreeMap<String, String>,
    /// What a person reported, by the note's id.
    pub notes: BTreeMap<String, Note>,
}

impl Viewer<'_> {
    /// An actor as the pages show it.
    #[must_use]
    pub fn actor(&self, actor: &Actor) -> Value {
        let (kind, id, name) = match actor {
            Actor::System => ("system", "system", "系统"),
            Actor::Field => ("panel", "field", "现场"),
            Actor::Account(id) => {
                let name = self
                    .erasable
                    .names
                    .get(id.as_str())
                    .map_or(id.as_str(), String::as_str);
                ("account", id.as_str(), name)
            }
            Actor::Recipient(id) => ("recipient", id.as_str(), self.recipient_name(id.as_str())),
        };
        serde_json::json!({ "kind": kind, "id": id, "name": name })
    }

    /// An erasable note, while it is there.
    #[must_use]
    pub fn note(&self, id: Option<&String>) -> Option<&Note> {
        self.erasable.notes.get(id?)
    }

    /// A recipient as the pages show an actor.
    #[must_use]
    pub fn recipient(&self, id: &RecipientId) -> Value {
        self.actor(&Actor::Recipient(id.clone()))
    }

    /// The name of a recipient, or its id.
    #[must_use]
    pub fn recipient_name<'b>(&'b self, id: &'b str) -> &'b str {
        self.site
            .recipients
            .get(id)
            .map_or(id, |recipient| recipient.name.as_str())
    }
}

/// Gives the documents that touched cells change one after the other, each once and by key; `None` when a document is gone.
///
/// Thousands may change at once, as when a line comes up, so none is kept here.
pub fn documents(
    viewer: &Viewer<'_>,
    touched: &BTreeSet<Cell>,
    mut give: impl FnMut(String, Option<Value>),
) {
    let mut concerned = Concerned::default();
    for cell in touched {
        concerned.by(viewer, cell);
    }
    if touched.contains(&Cell::Recent) {
        give("recent".to_owned(), Some(lines::recent(viewer)));
    }
    for id in &concerned.points {
        give(format!("point/{id}"), summary::point(viewer, id));
    }
    for id in &concerned.links {
        give(format!("link/{id}"), summary::link(viewer, id));
    }
    for id in &concerned.outputs {
        give(format!("output/{id}"), incident::output(viewer, id));
        concerned.incidents.extend(asking(viewer, id));
    }
    // What is linked is shown together: the fires of a building, and a leak and a fire of one compartment.
    let incidents = concerned.incidents;
    let linked: BTreeSet<CaseId> = incidents.iter().flat_map(|id| beside(viewer, id)).collect();
    let found = |id| viewer.campus.incidents.get(id);
    for incident in linked.difference(&incidents).filter_map(found) {
        let document = incident::incident(viewer, incident);
        give(format!("incident/{}", incident.id), Some(document));
    }
    for incident in incidents.iter().filter_map(found) {
        of_incident(viewer, incident, &mut give);
        let orders = incident.orders.values();
        let recipients = orders.map(|order| order.given.recipient.clone());
        concerned.recipients.extend(recipients);
    }
    for id in &concerned.recipients {
        give(format!("recipient/{id}"), summary::recipient(viewer, id));
    }
    give("summary".to_owned(), Some(summary::summary(viewer)));
}

/// What has documents that must be made anew.
#[derive(Default)]
struct Concerned<'a> {
    points: BTreeSet<&'a PointId>,
    links: BTreeSet<&'a BusId>,
    outputs: BTreeSet<&'a OutputId>,
    recipients: BTreeSet<RecipientId>,
    incidents: BTreeSet<CaseId>,
}

impl<'a> Concerned<'a> {
    fn by(&mut self, viewer: &Viewer<'a>, cell: &'a Cell) {
        let outputs = viewer.site.outputs.values();
        match cell {
            Cell::Desk | Cell::Recent => {}
            Cell::Point(id) => {
                self.points.insert(id);
                let fed = outputs.filter(|o| o.feedback.as_ref().is_some_and(|f| f.point == *id));
                self.outputs.extend(fed.map(|output| &output.id));
                self.incidents.extend(leaks(viewer, |point| point == id));
            }
            Cell::Link(id) => {
                self.links.insert(id);
                let points = viewer.site.points.values();
                let on_bus = points.filter(|point| point.bus == *id);
                self.points.extend(on_bus.map(|point| &point.id));
                let on_bus = outputs.filter(|output| output.bus == *id);
                self.outputs.extend(on_bus.map(|output| &output.id));
                self.incidents.extend(leaks(viewer, |point| {
                    let point = viewer.site.points.get(point);
                    point.is_some_and(|point| point.bus == *id)
                }));
            }
            Cell::Recipient(id) => {
                self.recipients.insert(id.clone());
            }
            Cell::Output(id) => {
                let output = viewer.site.outputs.get(id);
                self.outputs.extend(output.map(|output| &output.id));
            }
            Cell::Incident(id) => {
                self.incidents.insert(id.clone());
            }
        }
    }
}

/// The incidents that show an output: they have asked for it or plan to.
fn asking(viewer: &Viewer<'_>, id: &OutputId) -> Vec<CaseId> {
    let shows = |incident: &&Incident| {
        let mut planned = incident.plan.iter().flatten();
        incident.asked.contains(id) || planned.any(|planned| planned.output == *id)
    };
    let incidents = viewer.campus.incidents.values().filter(shows);
    incidents.map(|incident| incident.id.clone()).collect()
}

/// The leaks that show the readings of such a detector.
fn leaks(viewer: &Viewer<'_>, is: impl Fn(&PointId) -> bool) -> Vec<CaseId> {
    let shows = |incident: &&Incident| {
        let mut points = incident.signals.iter().filter_map(|s| s.point.as_ref());
        incident.leak.is_some() && points.any(&is)
    };
    let leaks = viewer.campus.incidents.values().filter(shows);
    leaks.map(|incident| incident.id.clone()).collect()
}

/// The open incidents whose documents may speak of this one: those with a 119 card, those that burn by spread, and a leak or fire
/// of the same compartment.
fn beside(viewer: &Viewer<'_>, id: &CaseId) -> Vec<CaseId> {
    let Some(incident) = viewer.campus.incidents.get(id) else {
        return Vec::new();
    };
    let others = viewer.campus.incidents.values();
    others
        .filter(|other| other.stage != Stage::Closed && other.building == incident.building)
        .filter(|other| {
            let speaks = other.call_119.is_some() || other.spread_of.is_some();
            speaks || other.compartment == incident.compartment
        })
        .map(|other| other.id.clone())
        .collect()
}

/// The documents of one incident: itself, its timeline, its orders.
fn of_incident(
    viewer: &Viewer<'_>,
    incident: &Incident,
    give: &mut impl FnMut(String, Option<Value>),
) {
    let id = &incident.id;
    let document = incident::incident(viewer, incident);
    give(format!("incident/{id}"), Some(document));
    let document = lines::timeline(viewer, incident);
    give(format!("timeline/{id}"), Some(document));
    let document = record::record(viewer, incident);
    give(format!("record/{id}"), Some(document));
    for order in incident.orders.values() {
        let key = format!("order/{}/{}", order.given.recipient, order.given.id);
        give(key, Some(order::order(viewer, incident, order)));
    }
}

/// The keys of an incident's documents.
#[must_use]
pub fn keys_of(incident: &Incident) -> Vec<String> {
    let orders = incident.orders.values();
    let orders = orders.map(|order| format!("order/{}/{}", order.given.recipient, order.given.id));
    let own = [
        format!("incident/{}", incident.id),
        format!("timeline/{}", incident.id),
        format!("record/{}", incident.id),
    ];
    own.into_iter().chain(orders).collect()
}

/// Gives every document there is, for the start of the daemon.
pub fn all(viewer: &Viewer<'_>, mut give: impl FnMut(String, Option<Value>)) {
    let site = viewer.site;
    let mut cells = BTreeSet::from([Cell::Desk, Cell::Recent]);
    cells.extend(site.points.keys().cloned().map(Cell::Point));
    cells.extend(site.buses.keys().cloned().map(Cell::Link));
    cells.extend(site.recipients.keys().cloned().map(Cell::Recipient));
    cells.extend(site.outputs.keys().cloned().map(Cell::Output));
    cells.extend(viewer.campus.incidents.keys().cloned().map(Cell::Incident));
    give("site".to_owned(), Some(site::site(site)));
    documents(viewer, &cells, give);
}
