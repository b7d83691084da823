//! The six groups on the commander's board: who leads each, how far he is, and which are red.

use serde_json::{Value, json};

use super::Viewer;
use crate::domain::group::GroupId;
use crate::domain::text::Line;
use crate::procedure::fire::{Class, Incident, Order, groups};

/// One group as it stands now.
pub(super) struct Standing<'a> {
    id: GroupId,
    /// The order that counts: the one that is filled, else the latest.
    order: Option<&'a Order>,
    /// `vacant` or `unreachable`, while nobody has it in hand.
    unfilled: Option<&'a str>,
}

/// The groups of a confirmed fire, in the order of the handbook; none before.
pub(super) fn standing(incident: &Incident) -> Vec<Standing<'_>> {
    if incident.class != Class::Confirmed {
        return Vec::new();
    }
    let of = |id| {
        let orders: Vec<&Order> = groups::of(incident, id).collect();
        let filled = orders.iter().find(|order| groups::is_filled(order));
        let unfilled = incident.unfilled.get(&id).filter(|_| filled.is_none());
        Standing {
            id,
            order: filled.or(orders.last()).copied(),
            unfilled: unfilled.map(String::as_str),
        }
    };
    GroupId::ALL.into_iter().map(of).collect()
}

/// `groups` of an incident's document.
#[must_use]
pub(super) fn groups(viewer: &Viewer<'_>, incident: &Incident) -> Vec<Value> {
    let group = |standing: &Standing<'_>| {
        let known = viewer.site.groups.get(&standing.id);
        let who = standing.order.map(|order| &order.given.recipient);
        let leader = known.map(|group| &group.leader);
        let deputy = who.is_some_and(|who| leader.is_some_and(|leader| leader != who));
        let state = match (standing.unfilled, standing.order) {
            (Some(why), _) => json!(why),
            (None, Some(order)) => json!(order.state),
            (None, None) => json!("vacant"),
        };
        json!({
            "id": standing.id,
            "name": name(standing.id),
            "leader": who.or(leader).map(|id| viewer.recipient(id)),
            "deputy": deputy,
            "order": standing.order.map(|order| &order.given.id),
            "state": state,
        })
    };
    standing(incident).iter().map(group).collect()
}

fn name(id: GroupId) -> Line {
    Line::new(format!("group.{}.name", id.word()))
}

/// One line for each group, for the step of the groups.
pub(super) fn facts(viewer: &Viewer<'_>, incident: &Incident) -> Vec<Value> {
    let fact = |standing: &Standing<'_>| {
        let line = match (standing.unfilled, standing.order) {
            (Some(why), _) => Line::new(format!("fact.group_{why}")),
            (None, None) => Line::new("fact.group_vacant"),
            (None, Some(order)) => {
                let state = json!(order.state);
                let state = state.as_str().unwrap_or_default().to_owned();
                let known = viewer.site.groups.get(&standing.id);
                let leads = known.is_none_or(|group| group.leader == order.given.recipient);
                let key = if leads {
                    "fact.group"
                } else {
                    "fact.group_deputy"
                };
                let name = viewer.recipient_name(order.given.recipient.as_str());
                Line::new(key)
                    .with("recipient", name)
                    .with("state", format!("state.order.{state}"))
            }
        };
        json!(line.with("group", format!("group.{}.name", standing.id.word())))
    };
    standing(incident).iter().map(fact).collect()
}

/// What is red: groups that nobody fills.
pub(super) fn notices(incident: &Incident) -> Vec<Value> {
    standing(incident)
        .iter()
        .filter_map(|standing| {
            let line = Line::new(format!("notice.group_{}", standing.unfilled?));
            Some(json!(
                line.with("group", format!("group.{}.name", standing.id.word()))
            ))
        })
        .collect()
}

/// Groups that nobody ever had in hand, for the record.
pub(super) fn missing(incident: &Incident) -> Vec<Line> {
    let accepted = |order: &Order| order.accepted_at.is_some();
    let never = |id: &GroupId| !groups::of(incident, *id).any(accepted);
    let open = GroupId::ALL.into_iter().filter(never);
    open.map(|id| {
        let name = format!("group.{}.name", id.word());
        Line::new("record.group_missing").with("group", name)
    })
    .collect()
}
