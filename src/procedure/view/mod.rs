//! View documents: what the pages, the broker and the board show, made from state and the site's files alone.
//!
//! `web/src/documents.ts` is the contract. A document is text that depends on nothing but committed state, so that the snapshot
//! and the stream agree byte for byte.

pub mod groups;
pub mod incident;
pub mod lines;
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
use crate::domain::ids::{CaseId, OutputId, PointId, RecipientId};
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

/// The documents that touched cells change, by key; `None` when a document is gone.
#[must_use]
pub fn documents(viewer: &Viewer<'_>, touched: &BTreeSet<Cell>) -> BTreeMap<String, Option<Value>> {
    let mut documents = BTreeMap::new();
    let mut outputs: BTreeSet<&OutputId> = BTreeSet::new();
    let mut incidents = BTreeSet::new();
    for cell in touched {
        match cell {
            Cell::Desk => {}
            Cell::Recent => {
                documents.insert("recent".to_owned(), Some(lines::recent(viewer)));
            }
            Cell::Point(id) => {
                documents.insert(format!("point/{id}"), summary::point(viewer, id));
                let fed = viewer.site.outputs.values();
                let fed = fed.filter(|o| o.feedback.as_ref().is_some_and(|f| f.point == *id));
                outputs.extend(fed.map(|output| &output.id));
                incidents.extend(leaks(viewer, |point| point == id));
            }
            Cell::Link(id) => {
                incidents.extend(leaks(viewer, |point| {
                    let point = viewer.site.points.get(point);
                    point.is_some_and(|point| point.bus == *id)
                }));
                documents.insert(format!("link/{id}"), summary::link(viewer, id));
                for point in viewer.site.points.values().filter(|point| point.bus == *id) {
                    documents.insert(
                        format!("point/{}", point.id),
                        summary::point(viewer, &point.id),
                    );
                }
                let on_bus = viewer
                    .site
                    .outputs
                    .values()
                    .filter(|output| output.bus == *id);
                outputs.extend(on_bus.map(|output| &output.id));
            }
            Cell::Recipient(id) => {
                documents.insert(format!("recipient/{id}"), summary::recipient(viewer, id));
            }
            Cell::Output(id) => {
                outputs.extend(viewer.site.outputs.get(id).map(|output| &output.id));
            }
            Cell::Incident(id) => {
                incidents.insert(id.clone());
            }
        }
    }
    for id in outputs {
        documents.insert(format!("output/{id}"), incident::output(viewer, id));
        let concerned = viewer.campus.incidents.values().filter(|incident| {
            incident.asked.contains(id)
                || incident
                    .plan
                    .as_ref()
                    .is_some_and(|plan| plan.iter().any(|p| p.output == *id))
        });
        incidents.extend(concerned.map(|incident| incident.id.clone()));
    }
    // What is linked is shown together: the fires of a building, and a leak and a fire of one compartment.
    let linked: BTreeSet<CaseId> = incidents.iter().flat_map(|id| beside(viewer, id)).collect();
    for id in linked.difference(&incidents) {
        documents.extend(itself(viewer, id));
    }
    let mut recipients = BTreeSet::new();
    for id in incidents {
        of_incident(viewer, &id, (&mut documents, &mut recipients));
    }
    for id in recipients {
        documents.insert(format!("recipient/{id}"), summary::recipient(viewer, &id));
    }
    documents.insert("summary".to_owned(), Some(summary::summary(viewer)));
    documents
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

/// The document of an incident that only stands beside what has changed.
fn itself(viewer: &Viewer<'_>, id: &CaseId) -> Option<(String, Option<Value>)> {
    let incident = viewer.campus.incidents.get(id)?;
    let document = incident::incident(viewer, incident);
    Some((format!("incident/{id}"), Some(document)))
}

/// The documents of one incident: itself, its timeline, its orders; and the recipients of these, each once.
fn of_incident(
    viewer: &Viewer<'_>,
    id: &CaseId,
    (documents, recipients): (
        &mut BTreeMap<String, Option<Value>>,
        &mut BTreeSet<RecipientId>,
    ),
) {
    let Some(incident) = viewer.campus.incidents.get(id) else {
        return;
    };
    documents.extend(itself(viewer, id));
    documents.insert(
        format!("timeline/{id}"),
        Some(lines::timeline(viewer, incident)),
    );
    documents.insert(
        format!("record/{id}"),
        Some(record::record(viewer, incident)),
    );
    for order in incident.orders.values() {
        let recipient = &order.given.recipient;
        let key = format!("order/{recipient}/{}", order.given.id);
        documents.insert(key, Some(order::order(viewer, incident, order)));
        recipients.insert(recipient.clone());
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

/// Every document there is, for the start of the daemon.
#[must_use]
pub fn all(viewer: &Viewer<'_>) -> BTreeMap<String, Option<Value>> {
    let site = viewer.site;
    let mut cells = BTreeSet::from([Cell::Desk, Cell::Recent]);
    cells.extend(site.points.keys().cloned().map(Cell::Point));
    cells.extend(site.buses.keys().cloned().map(Cell::Link));
    cells.extend(site.recipients.keys().cloned().map(Cell::Recipient));
    cells.extend(site.outputs.keys().cloned().map(Cell::Output));
    cells.extend(viewer.campus.incidents.keys().cloned().map(Cell::Incident));
    let mut documents = documents(viewer, &cells);
    documents.insert("site".to_owned(), Some(site::site(site)));
    documents
}
