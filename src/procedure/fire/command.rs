//! 指挥权 (process.md 98): exactly one person holds command of a confirmed fire. A hand-over is an act of both: one offers, the
//! other accepts; an offer that nobody answers in time lapses and goes to the next of the succession. The holder keeps command
//! until somebody else has accepted it.

use serde::{Deserialize, Serialize};

use super::super::events::{Event, NewOrder};
use super::super::{By, Campus, Stamp, desk};
use super::posts::new_order;
use super::{Incident, Stage, spread};
use crate::domain::ids::{OrderId, RecipientId};
use crate::domain::order::{How, OrderKind};
use crate::domain::site::Site;
use crate::domain::time::{EngineTime, Now, WallTime};

/// How command is being handed over, and to whom it went outside of the site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// The latest change of hands.
    pub since: Option<WallTime>,
    /// Offered and not answered.
    pub offer: Option<Offer>,
    /// Whose offer lapsed since then, oldest first; each is asked once.
    pub lapsed: Vec<RecipientId>,
    /// The next of the succession is to be asked.
    pub ask_next: bool,
    /// 移交消防救援机构指挥.
    pub brigade: Option<Brigade>,
    /// 现场已移交本单位.
    pub handed_back: Option<By>,
}

/// An offer of command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// To whom.
    pub to: RecipientId,
    /// Made at.
    pub from: EngineTime,
    /// It lapses then.
    pub answer_by: EngineTime,
    /// The order on the recipient's device.
    pub order: OrderId,
}

/// The brigade commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brigade {
    /// The erasable note with the name of its commander.
    pub note: Option<String>,
    /// Who recorded it.
    pub by: By,
}

/// A confirmed fire has a holder at once: the first of the succession who can be reached, acting 代理 unless he is the commander.
pub(super) fn first_holder(
    campus: &Campus,
    site: &Site,
    now: Now,
    incident: &Incident,
) -> Option<Event> {
    if incident.holder.is_some() {
        return None;
    }
    let reachable = |id: &&RecipientId| desk::is_reachable(campus, now, id);
    // One person holds command of a building.
    let held = spread::burning(campus, incident).and_then(|fire| fire.holder.as_ref());
    let holder = held
        .map(|(holder, _)| holder)
        .or_else(|| site.succession.iter().find(reachable))
        .or_else(|| site.succession.first())?;
    Some(taken(site, incident, holder, None))
}

/// Somebody holds command from now on.
#[must_use]
pub fn taken(site: &Site, incident: &Incident, holder: &RecipientId, how: Option<How>) -> Event {
    Event::CommandTaken {
        incident: incident.id.clone(),
        holder: holder.clone(),
        acting: *holder != site.commander,
        how,
    }
}

/// An offer, and the order that shows it on the recipient's device.
#[must_use]
pub fn offer(
    site: &Site,
    now: Now,
    incident: &Incident,
    to: &RecipientId,
    how: Option<How>,
) -> Vec<Event> {
    let answer_by = now.engine + site.limits.succession;
    let order = new_order(
        site,
        now,
        incident.next_order(0),
        (to, OrderKind::Command),
        None,
    );
    let order = NewOrder {
        accept_by: answer_by,
        ..order
    };
    vec![
        Event::CommandOffered {
            incident: incident.id.clone(),
            to: to.clone(),
            answer_by,
            order: order.id.clone(),
            how,
        },
        Event::OrderIssued {
            incident: incident.id.clone(),
            order,
        },
    ]
}

/// After an offer that lapsed: the next of the succession who can be reached and was not asked yet.
pub(super) fn succession(
    campus: &Campus,
    site: &Site,
    now: Now,
    incident: &Incident,
) -> Vec<Event> {
    let handover = &incident.handover;
    if !handover.ask_next || incident.stage != Stage::Fighting {
        return Vec::new();
    }
    let is_holder = |id: &RecipientId| {
        incident
            .holder
            .as_ref()
            .is_some_and(|(holder, _)| holder == id)
    };
    let next = site.succession.iter().find(|id| {
        !handover.lapsed.contains(id) && !is_holder(id) && desk::is_reachable(campus, now, id)
    });
    next.map(|next| offer(site, now, incident, next, None))
        .unwrap_or_default()
}

/// The limit of an offer.
pub(super) fn limit(incident: &Incident) -> Option<(EngineTime, Vec<Event>)> {
    let offer = incident.handover.offer.as_ref()?;
    Some((offer.answer_by, lapse(incident, offer)))
}

/// An offer ends without an answer, or with a refusal.
#[must_use]
pub fn lapse(incident: &Incident, offer: &Offer) -> Vec<Event> {
    let mut events = vec![Event::CommandOfferLapsed {
        incident: incident.id.clone(),
        to: offer.to.clone(),
    }];
    let open = incident.orders.get(&offer.order);
    if open.is_some_and(|order| order.state.is_open()) {
        events.push(Event::OrderWithdrawn {
            incident: incident.id.clone(),
            order: offer.order.clone(),
        });
    }
    events
}

/// Changes who holds command.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only the events of command are its business"
)]
pub(super) fn apply(incident: &mut Incident, stamp: &Stamp, event: &Event) {
    let handover = &mut incident.handover;
    match event {
        Event::CommandTaken { holder, acting, .. } => {
            incident.holder = Some((holder.clone(), *acting));
            handover.since = Some(stamp.now.wall);
            handover.offer = None;
            handover.lapsed.clear();
            handover.ask_next = false;
        }
        Event::CommandOffered {
            to,
            answer_by,
            order,
            ..
        } => {
            handover.offer = Some(Offer {
                to: to.clone(),
                from: stamp.now.engine,
                answer_by: *answer_by,
                order: order.clone(),
            });
            handover.ask_next = false;
        }
        Event::CommandOfferLapsed { to, .. } => {
            handover.offer = None;
            handover.lapsed.push(to.clone());
            handover.ask_next = true;
        }
        Event::BrigadeCommands { note, .. } => {
            handover.brigade = Some(Brigade {
                note: note.clone(),
                by: stamp.by(),
            });
            handover.handed_back = None;
        }
        Event::HandedBack { .. } => handover.handed_back = Some(stamp.by()),
        _ => {}
    }
}
