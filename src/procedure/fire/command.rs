//! 指挥权 (process.md 98): exactly one person holds command of a confirmed fire. A hand-over is an act of both: one offers, the
//! other accepts; an offer that nobody answers in time lapses and goes to the next of the succession. The holder keeps command
//! until somebody else has accepted it. Whoever got it by rule shows in the same time that he is there, by his phone or by anything
//! that he does; else the next who can be reached holds it. Nobody but the last of the succession is ever left silent with it.

use serde::{Deserialize, Serialize};

use super::super::events::{Event, NewOrder};
use super::super::{By, Campus, Stamp, desk};
use super::orders::RECORDED;
use super::posts::new_order;
use super::{Incident, Order, Stage, spread};
use crate::domain::ids::{OrderId, RecipientId};
use crate::domain::order::{How, OrderKind, OrderState, ReplyVerb, Via};
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
    /// The order by which the holder shows that he is there, when he got command by rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_rule: Option<OrderId>,
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
) -> Vec<Event> {
    if incident.holder.is_some() {
        return Vec::new();
    }
    let reachable = |id: &&RecipientId| desk::is_reachable(campus, now, id);
    // One person holds command of a building.
    let held = spread::burning(campus, incident).and_then(|fire| fire.holder.as_ref());
    if let Some((holder, _)) = held {
        return vec![taken(site, incident, holder, None)];
    }
    let mut succession = site.succession.iter();
    let holder = succession
        .find(reachable)
        .or_else(|| site.succession.first());
    holder
        .map(|holder| given(site, now, incident, holder))
        .unwrap_or_default()
}

/// Command by rule, with the order on which the holder shows that he is there.
fn given(site: &Site, now: Now, incident: &Incident, holder: &RecipientId) -> Vec<Event> {
    let to = (holder, OrderKind::Command);
    let order = new_order(site, now, incident.next_order(0), to, None);
    let order = NewOrder {
        accept_by: now.engine + site.limits.succession,
        ..order
    };
    vec![
        taken(site, incident, holder, None),
        Event::OrderIssued {
            incident: incident.id.clone(),
            order,
        },
    ]
}

/// The order by which the holder shows that he is there.
#[must_use]
pub fn is_of_holder(incident: &Incident, order: &Order) -> bool {
    incident.handover.by_rule.as_ref() == Some(&order.given.id)
}

/// Somebody was asked to command and did not answer in time, or said that he cannot; and he has answered nothing else.
fn was_silent(incident: &Incident, who: &RecipientId) -> bool {
    let mut own = incident
        .orders
        .values()
        .filter(|order| order.given.recipient == *who && order.seq >= incident.anew);
    let lapsed = |order: &Order| order.given.kind == OrderKind::Command && order.has_lapsed();
    let declined = |order: &Order| lapsed(order) && order.state == OrderState::Declined;
    let there = own.clone().any(|order| order.accepted_at.is_some());
    own.clone().any(declined) || (!there && own.any(lapsed))
}

/// A holder who is silent is replaced by the next of the succession who can be reached and was not silent; where there is none
/// he keeps it. One person holds command of a building: a linked fire follows the first.
pub(super) fn silent_holder(
    campus: &Campus,
    site: &Site,
    now: Now,
    incident: &Incident,
) -> Vec<Event> {
    let Some((holder, _)) = incident
        .holder
        .as_ref()
        .filter(|_| incident.stage == Stage::Fighting)
    else {
        return Vec::new();
    };
    let past = incident.open_orders(OrderKind::Command).filter(|order| {
        let offered = incident.handover.offer.as_ref();
        let offered = offered.is_some_and(|offer| offer.order == order.given.id);
        !offered && order.given.recipient != *holder
    });
    let past: Vec<Event> = past
        .map(|order| Event::OrderWithdrawn {
            incident: incident.id.clone(),
            order: order.given.id.clone(),
        })
        .collect();
    if !past.is_empty() {
        return past;
    }
    if let Some(first) = spread::burning(campus, incident) {
        let other = first.holder.as_ref().filter(|(other, _)| other != holder);
        let other = other.filter(|_| was_silent(first, holder));
        return other
            .map(|(other, _)| taken(site, incident, other, None))
            .into_iter()
            .collect();
    }
    // Whoever took command by an act of his own is not asked whether he is there.
    let by_rule = incident.handover.by_rule.is_some();
    if incident.handover.offer.is_some() || !by_rule || !was_silent(incident, holder) {
        return Vec::new();
    }
    let next = site.succession.iter().find(|id| {
        *id != holder && !was_silent(incident, id) && desk::is_reachable(campus, now, id)
    });
    next.map(|next| given(site, now, incident, next))
        .unwrap_or_default()
}

/// Whatever the holder does shows that he is there: it answers the order by which he holds command.
#[must_use]
pub fn shown_by_acting(incident: &Incident, who: Option<&RecipientId>) -> Option<Event> {
    let mut own = incident.open_orders(OrderKind::Command);
    let own =
        own.find(|order| is_of_holder(incident, order) && who == Some(&order.given.recipient))?;
    (own.accepted_at.is_none()).then(|| Event::OrderReplied {
        incident: incident.id.clone(),
        order: own.given.id.clone(),
        reply_id: format!("{RECORDED}acted"),
        verb: ReplyVerb::Accept,
        cause: None,
        reason: None,
        via: Via::Http,
    })
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
            handover.by_rule = None;
        }
        Event::OrderIssued { order, .. } => {
            let holds = |(holder, _): &(RecipientId, bool)| *holder == order.recipient;
            let offered = handover.offer.as_ref();
            let offered = offered.is_some_and(|offer| offer.order == order.id);
            if order.kind == OrderKind::Command
                && !offered
                && incident.holder.as_ref().is_some_and(holds)
            {
                handover.by_rule = Some(order.id.clone());
            }
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
        Event::CorrectedFalse { .. } => handover.offer = None,
        _ => {}
    }
}
