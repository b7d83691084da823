//! What is reported of the scene of a confirmed fire (process.md 97, 98): the fire is out, heads are counted, the injured are
//! accounted for, somebody watches for re-ignition. Counts and ids only; names stand in erasable notes.

use serde::{Deserialize, Serialize};

use super::super::events::Event;
use super::super::{By, Campus, Stamp};
use super::posts::new_order;
use super::{Incident, Order, Stage};
use crate::domain::ids::{CaseId, RecipientId};
use crate::domain::order::{Cause, Figures, OrderKind, ReplyVerb};
use crate::domain::site::Site;
use crate::domain::time::Now;

/// What is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scene {
    /// 火已扑灭, and the entry that said so: a later signal makes it doubtful.
    pub fire_out: Option<(By, u64)>,
    /// 清点人数: present, missing.
    pub head_count: Option<(u32, u32, By)>,
    /// 伤员: how many, of whom accounted for.
    pub casualties: Option<(u32, u32, By)>,
    /// 看守复燃.
    pub watch: Option<Watch>,
    /// 误报 by camera, waiting for a supervisor's countersign.
    pub proposed_false: Option<Proposal>,
}

/// Who watches for re-ignition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// A recipient of the site, when it is one.
    pub person: Option<RecipientId>,
    /// Else the erasable note with the name.
    pub note: Option<String>,
    /// Who named him.
    pub by: By,
}

/// A verdict 误报 that one person proposes and another one countersigns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The cause.
    pub cause: Cause,
    /// The erasable note with the reason.
    pub note: Option<String>,
    /// Who proposes.
    pub by: By,
    /// Signals up to this entry are covered.
    pub seq: u64,
}

/// 看守复燃: after the all-clear whoever was named gets an order, on which he reports when it burns again.
pub(super) fn watch(_: &Campus, site: &Site, now: Now, incident: &Incident) -> Vec<Event> {
    if incident.stage != Stage::Restoring {
        return Vec::new();
    }
    let Some(person) = incident
        .scene
        .watch
        .as_ref()
        .and_then(|w| w.person.as_ref())
    else {
        return Vec::new();
    };
    let others = incident.open_orders(OrderKind::Watch);
    let others = others.filter(|order| order.given.recipient != *person);
    let mut events: Vec<Event> = others
        .map(|order| Event::OrderWithdrawn {
            incident: incident.id.clone(),
            order: order.given.id.clone(),
        })
        .collect();
    if watch_order(incident).is_none_or(|order| order.given.recipient != *person) {
        let to = (person, OrderKind::Watch);
        events.push(Event::OrderIssued {
            incident: incident.id.clone(),
            order: new_order(site, now, incident.next_order(0), to, None),
        });
    }
    events
}

/// The latest order to watch for re-ignition of this fire.
fn watch_order(incident: &Incident) -> Option<&Order> {
    let of_this_fire =
        |order: &&Order| order.given.kind == OrderKind::Watch && order.seq >= incident.anew;
    let orders = incident.orders.values().filter(of_this_fire);
    orders.max_by_key(|order| order.number())
}

/// Nobody watches: nobody was named, or who was named cannot or does not answer.
#[must_use]
pub fn nobody_watches(incident: &Incident) -> bool {
    let lapsed = watch_order(incident).is_some_and(|o| o.has_lapsed() && o.accepted_at.is_none());
    incident.scene.watch.is_none() || lapsed
}

impl Incident {
    /// The fire is reported out, and no signal is younger than that report.
    #[must_use]
    pub fn is_out(&self) -> bool {
        let latest = self.signals.iter().map(|signal| signal.seq).max();
        self.scene
            .fire_out
            .as_ref()
            .is_some_and(|(_, seq)| latest.is_none_or(|latest| latest <= *seq))
    }

    /// Somebody was counted and nobody is missing.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        matches!(self.scene.head_count, Some((_, 0, _)))
    }

    /// The injured were reported, and every one of them is accounted for.
    #[must_use]
    pub fn are_injured_accounted(&self) -> bool {
        matches!(self.scene.casualties, Some((count, accounted, _)) if accounted >= count)
    }
}

/// The event of a structured report; `None` when its figures are missing or it is no such report.
#[must_use]
pub fn reported(incident: &CaseId, verb: ReplyVerb, figures: Option<Figures>) -> Option<Event> {
    let incident = incident.clone();
    let figures = figures.unwrap_or_default();
    match verb {
        ReplyVerb::FireOut => Some(Event::FireOut { incident }),
        ReplyVerb::HeadCount => Some(Event::HeadCounted {
            incident,
            present: figures.present?,
            missing: figures.missing?,
        }),
        ReplyVerb::Casualties => Some(Event::CasualtiesCounted {
            incident,
            count: figures.count?,
            accounted: figures.accounted?,
        }),
        ReplyVerb::Received
        | ReplyVerb::Accept
        | ReplyVerb::Arrive
        | ReplyVerb::ReportFalse
        | ReplyVerb::ReportReal
        | ReplyVerb::Unable
        | ReplyVerb::Done
        | ReplyVerb::LiftClear => None,
    }
}

/// Changes what is known of the scene.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only the reports of the scene are its business"
)]
pub(super) fn apply(scene: &mut Scene, stamp: &Stamp, event: &Event) {
    match event {
        Event::FireOut { .. } => scene.fire_out = Some((stamp.by(), stamp.seq)),
        Event::HeadCounted {
            present, missing, ..
        } => scene.head_count = Some((*present, *missing, stamp.by())),
        Event::CasualtiesCounted {
            count, accounted, ..
        } => scene.casualties = Some((*count, *accounted, stamp.by())),
        Event::WatchNamed { person, note, .. } => {
            scene.watch = Some(Watch {
                person: person.clone(),
                note: note.clone(),
                by: stamp.by(),
            });
        }
        Event::FalseProposed { cause, note, .. } => {
            scene.proposed_false = Some(Proposal {
                cause: *cause,
                note: note.clone(),
                by: stamp.by(),
                seq: stamp.seq,
            });
        }
        Event::JudgedFalse { .. }
        | Event::JudgedReal { .. }
        | Event::CorrectedFalse { .. }
        | Event::Reopened { .. } => {
            scene.proposed_false = None;
        }
        _ => {}
    }
}
