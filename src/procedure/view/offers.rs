//! Verbs with forms: what the steps offer besides a press. Everything that is known is filled in; the person adds what only he knows.

use serde_json::{Value, json};

use super::{Viewer, steps};
use crate::domain::order::{Cause, How, OrderKind, ReplyVerb};
use crate::domain::text::Line;
use crate::procedure::fire::apply::word;
use crate::procedure::fire::{Incident, Order, verbs};

/// How a verb is offered: hold in ms, tone, key.
type Look = (u32, &'static str, Option<&'static str>);
/// A plain press.
pub(super) const PLAIN: Look = (0, "plain", None);

/// A verb of an incident.
#[must_use]
pub(in crate::procedure) fn of(incident: &Incident, name: &str, look: Look) -> Value {
    let path = format!("/api/v1/incidents/{}/{name}", incident.id);
    steps::verb(name, &path, &format!("verb.{name}"), look)
}

/// An option of a choice, with a line of the catalogue.
fn option(value: &str, line: String) -> Value {
    json!({ "value": value, "line": Line::new(line) })
}

/// Recipients as options.
fn people(viewer: &Viewer<'_>) -> Vec<Value> {
    let recipients = viewer.site.recipients.values();
    recipients
        .map(|who| json!({ "value": who.id, "line": Line::new("fact.name").with("name", &who.name) }))
        .collect()
}

/// A field of a form.
#[must_use]
pub(super) fn field(name: &str, kind: &str, required: bool) -> Value {
    json!({
        "field": name,
        "line": Line::new(format!("field.{name}")),
        "kind": kind,
        "required": required,
    })
}

fn select(name: &str, options: Vec<Value>, required: bool) -> Value {
    let mut field = field(name, "select", required);
    field["options"] = Value::from(options);
    field
}

/// Who it was: a recipient of the site, or a name.
pub(super) fn who(viewer: &Viewer<'_>) -> Vec<Value> {
    vec![
        select("person", people(viewer), false),
        field("name", "text", false),
    ]
}

/// By radio, by telephone, in person.
fn channel(required: bool) -> Value {
    let options = How::OF_THE_ROOM.iter();
    let options = options.map(|how| option(how.word(), format!("how.{}", how.word())));
    select("channel", options.collect(), required)
}

/// 代录 for an order: one choice of the answer, and 误报 apart because it has a cause. Two presses when the recipient speaks by
/// radio; `fields` correct what is filled in.
pub(super) fn record(
    viewer: &Viewer<'_>,
    incident: &Incident,
    order: &Order,
    key: Option<&'static str>,
) -> Vec<Value> {
    let recordable = verbs::recordable(incident, order);
    let make = |line: &str, body: Value, key| {
        let mut verb = of(incident, "record_reply", (0, "plain", key));
        let name = viewer.recipient_name(order.given.recipient.as_str());
        verb["line"] = json!(Line::new(line).with("recipient", name));
        verb["body"] = json!({
            "order": order.given.id,
            "person": order.given.recipient,
            "channel": How::Radio,
        });
        if let (Some(fixed), Some(all)) = (body.as_object(), verb["body"].as_object_mut()) {
            all.extend(fixed.clone());
        }
        verb["fields"] = json!([
            channel(true),
            select("person", people(viewer), false),
            field("name", "text", false),
        ]);
        verb
    };
    let plain = |verb: &&ReplyVerb| {
        !matches!(
            verb,
            ReplyVerb::ReportFalse | ReplyVerb::HeadCount | ReplyVerb::Casualties
        )
    };
    let options: Vec<Value> = recordable
        .iter()
        .filter(plain)
        .map(|verb| option(word(*verb), format!("reply.{}", word(*verb))))
        .collect();
    let mut offers = Vec::new();
    if !options.is_empty() {
        let mut answer = make("verb.record_reply", json!({}), key);
        answer["choice"] = json!({ "field": "verb", "options": options });
        offers.push(answer);
    }
    if recordable.contains(&ReplyVerb::ReportFalse) {
        let body = json!({ "verb": ReplyVerb::ReportFalse });
        let mut answer = make("verb.record_false", body, None);
        answer["choice"] = causes();
        offers.push(answer);
    }
    for verb in [ReplyVerb::HeadCount, ReplyVerb::Casualties] {
        if recordable.contains(&verb) {
            let line = format!("verb.record_{}", word(verb));
            let mut answer = make(&line, json!({ "verb": verb }), None);
            if let Some(fields) = answer["fields"].as_array_mut() {
                fields.splice(0..0, figures(verb));
            }
            offers.push(answer);
        }
    }
    offers
}

/// The two figures of a structured report.
#[must_use]
pub(super) fn figures(verb: ReplyVerb) -> Vec<Value> {
    let names: &[&str] = match verb {
        ReplyVerb::HeadCount => &["present", "missing"],
        ReplyVerb::Casualties => &["count", "accounted"],
        ReplyVerb::Received
        | ReplyVerb::Accept
        | ReplyVerb::Arrive
        | ReplyVerb::ReportFalse
        | ReplyVerb::ReportReal
        | ReplyVerb::Unable
        | ReplyVerb::Done
        | ReplyVerb::FireOut
        | ReplyVerb::LiftClear => &[],
    };
    names
        .iter()
        .map(|name| field(name, "number", true))
        .collect()
}

/// The causes of a false alarm as a choice.
#[must_use]
pub(super) fn causes() -> Value {
    let options: Vec<Value> = Cause::ALL
        .iter()
        .map(|cause| option(cause.word(), format!("cause.{}", cause.word())))
        .collect();
    json!({ "field": "cause", "options": options })
}

/// 误报 by camera, and its countersign.
pub(super) fn by_camera(incident: &Incident) -> Vec<Value> {
    if incident.scene.proposed_false.is_some() {
        return vec![of(incident, "countersign_false", PLAIN)];
    }
    if incident.somebody_arrived() || incident.standing_devices().count() >= 2 {
        return Vec::new();
    }
    let mut verb = of(incident, "judge_false", PLAIN);
    verb["line"] = json!(Line::new("verb.judge_false_cctv"));
    verb["body"] = json!({ "cctv": true });
    verb["choice"] = causes();
    verb["fields"] = json!([field("reason", "text", true)]);
    vec![verb]
}

/// 更正为误报, held: a cause, and why it was taken for a fire.
pub(super) fn correct(incident: &Incident) -> Value {
    let mut verb = of(incident, "correct_false", (1_500, "plain", None));
    verb["choice"] = causes();
    verb["fields"] = json!([field("reason", "text", true)]);
    verb
}

/// The 119 card: connected, failed, not called, and further calls on the same card.
pub(super) fn calls(incident: &Incident) -> Vec<Value> {
    let Some(card) = &incident.call_119 else {
        return Vec::new();
    };
    let connected = card.outcome.as_ref().is_some_and(|(ok, _)| *ok);
    let make = |outcome: &str, look: Look, fields: Value| {
        let mut verb = of(incident, "call_119", look);
        verb["line"] = json!(Line::new(format!("verb.call_119_{outcome}")));
        verb["body"] = json!({ "outcome": outcome });
        verb["fields"] = fields;
        verb
    };
    if connected {
        let mut offers = vec![make(
            "follow_up",
            PLAIN,
            json!([field("text", "text", true)]),
        )];
        if card.is_coming() {
            offers.push(make(
                "called_off",
                PLAIN,
                json!([field("reason", "text", true)]),
            ));
        }
        return offers;
    }
    let mut call = of(incident, "call_119", (0, "act", Some("F8")));
    call["body"] = json!({ "connected": true });
    let mut failed = of(incident, "call_119", PLAIN);
    failed["line"] = json!(Line::new("verb.call_119_failed"));
    failed["body"] = json!({ "connected": false });
    let lines = ["fixed", "mobile", "radio", "direct"];
    let lines = lines
        .iter()
        .map(|line| option(line, format!("call.used_{line}")));
    failed["fields"] = json!([select("used", lines.collect(), false)]);
    let mut offers = vec![call, failed];
    if !card.is_settled() {
        let reason = json!([field("reason", "text", true)]);
        offers.push(make("not_called", PLAIN, reason));
    }
    offers
}

/// Hand-over of command, to somebody of the site or to the brigade.
pub(super) fn command(viewer: &Viewer<'_>, incident: &Incident) -> Vec<Value> {
    let handover = &incident.handover;
    let mut offers = Vec::new();
    if handover.offer.is_some() {
        let mut accept = of(incident, "accept_command", PLAIN);
        accept["fields"] = json!([channel(false)]);
        offers.push(accept);
    }
    let mut offer = of(incident, "offer_command", PLAIN);
    offer["choice"] = json!({ "field": "to", "options": people(viewer) });
    offer["fields"] = json!([channel(false)]);
    offers.push(offer);
    offers.push(of(incident, "take_command", PLAIN));
    if handover.brigade.is_none() || handover.handed_back.is_some() {
        let mut brigade = of(incident, "brigade_command", PLAIN);
        brigade["fields"] = json!([field("name", "text", true)]);
        offers.push(brigade);
    } else {
        let mut back = of(incident, "handed_back", PLAIN);
        back["fields"] = json!([channel(false)]);
        offers.push(back);
    }
    offers
}

/// What the room enters of the scene while it is not reported.
pub(super) fn scene(viewer: &Viewer<'_>, incident: &Incident) -> Vec<Value> {
    let mut offers = Vec::new();
    if !incident.is_out() {
        offers.push(of(incident, "fire_out", PLAIN));
    }
    for (verb, settled) in [
        (ReplyVerb::HeadCount, incident.is_counted()),
        (ReplyVerb::Casualties, incident.are_injured_accounted()),
    ] {
        if !settled {
            let mut report = of(incident, word(verb), PLAIN);
            report["fields"] = Value::from(figures(verb));
            offers.push(report);
        }
    }
    if incident.scene.watch.is_none() {
        offers.push(watch(viewer, incident));
    }
    offers
}

/// Who watches for re-ignition.
pub(super) fn watch(viewer: &Viewer<'_>, incident: &Incident) -> Value {
    let mut watch = of(incident, "name_watch", PLAIN);
    watch["fields"] = json!(who(viewer));
    watch
}

/// 代录 for every open order of a kind.
pub(super) fn record_all(
    viewer: &Viewer<'_>,
    incident: &Incident,
    kind: OrderKind,
    key: Option<&'static str>,
) -> Vec<Value> {
    let orders = incident.open_orders(kind).enumerate();
    orders
        .flat_map(|(index, order)| {
            let key = key.filter(|_| index == 0);
            record(viewer, incident, order, key)
        })
        .collect()
}
