//! What persons do: `POST` of a verb becomes one input. Nothing is decided here; a refusal of the engine passes through, and
//! a protective verb needs neither a version nor a fresh picture.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::auth::{Acting, Signed};
use super::extract::{JsonText, Key, Parted, is_word};
use super::problem::Failure;
use super::{Served, json, openapi, secret};
use crate::domain::actor::Actor;
use crate::domain::input::{Idempotency, Input, Verb};
use crate::domain::note::take_personal;
use crate::domain::role::Power;
use crate::domain::weight::{self, Weight};
use crate::engine::ports::{Done, Durable, RowChange, Table};

/// Largest body of a verb: it is kept in the journal for ever.
const BODY_MAX: usize = 16 * 1024;

/// It is done, or it had been done before.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Recorded {
    pub(super) seq: u64,
    #[schema(value_type = openapi::DurableWord)]
    pub(super) durable: Durable,
}

#[utoipa::path(
    post, path = "/incidents/{id}/{verb}", tag = "verbs", summary = "Does something in one incident: take, dispatch, confirm_fire, judge_false, call_119 …",
    params(("id" = String, Path, description = "The incident"), ("verb" = String, Path, description = "As the step of the incident's document offers it"), ("idempotency-key" = String, Header, min_length = 1, max_length = 128, description = "Makes a repeat harmless: kept 24 h per account with the answer")),
    request_body(content = Object, description = "What was chosen, as the document says; nothing for a verb without a choice"),
    responses(
        (status = 200, description = "It is done, or had been done before under the same key", body = Recorded),
        (status = 403, description = "step_up_required, person_only: it weakens protection, see /session/proof; or the role or the holder of command, with a code of the procedure"),
        (status = 404, description = "case_unknown, verb_unknown"),
        (status = 409, description = "That step is settled or not due: a code of the procedure, with who and how"),
        (status = 413, description = "body_too_large"),
        (status = 415, description = "media_type"),
        (status = 422, description = "idempotency_key_missing, idempotency_key_unusable, idempotency_key_reused, body_unreadable, or a code of the procedure"),
        (status = 503, description = "store_down, not_recorded, too_slow, busy, stopping"),
    ),
)]
pub(super) async fn incident(
    served: State<Arc<Served>>,
    acting: Acting,
    Parted((id, verb)): Parted<(String, String)>,
    key: Key,
    body: JsonText,
) -> Result<Json<Recorded>, Failure> {
    // The room is no incident, and it has its own route.
    if !is_word(&id) || id == "site" {
        return Err(Failure::new(404, "case_unknown"));
    }
    act(&served, acting, (id, verb), (key, body)).await
}

#[utoipa::path(
    post, path = "/site/{verb}", tag = "verbs", summary = "Does something in the room as a whole: mute, mode …",
    params(("verb" = String, Path, description = "mute, mode …"), ("idempotency-key" = String, Header, min_length = 1, max_length = 128, description = "Makes a repeat harmless: kept 24 h per account with the answer")),
    request_body(content = Object, description = "What was chosen"),
    responses(
        (status = 200, description = "It is done, or had been done before under the same key", body = Recorded),
        (status = 403, description = "step_up_required, person_only: it weakens protection, see /session/proof; or the role or the holder of command, with a code of the procedure"),
        (status = 404, description = "case_unknown, verb_unknown"),
        (status = 409, description = "That step is settled or not due: a code of the procedure, with who and how"),
        (status = 413, description = "body_too_large"),
        (status = 415, description = "media_type"),
        (status = 422, description = "idempotency_key_missing, idempotency_key_unusable, idempotency_key_reused, body_unreadable, or a code of the procedure"),
        (status = 503, description = "store_down, not_recorded, too_slow, busy, stopping"),
    ),
)]
pub(super) async fn site(
    served: State<Arc<Served>>,
    acting: Acting,
    Parted(verb): Parted<String>,
    key: Key,
    body: JsonText,
) -> Result<Json<Recorded>, Failure> {
    act(&served, acting, ("site".to_owned(), verb), (key, body)).await
}

#[utoipa::path(
    post, path = "/outputs/{id}/{verb}", tag = "verbs", summary = "Does something with one output: start, maintenance, write, end_maintenance",
    params(("id" = String, Path, description = "The output"), ("verb" = String, Path, description = "start: by hand, for everybody of the room. maintenance: a foreman, supervisor, director or engineer begins it. write: who began it has the output's own command written. end_maintenance: everybody of the room; it also ends by itself, and when an incident opens that may need the output"), ("idempotency-key" = String, Header, min_length = 1, max_length = 128, description = "Makes a repeat harmless: kept 24 h per account with the answer")),
    request_body(content = Object, description = "For maintenance: person, the recipient of the site who stands at the device, and text, why. Nothing for the others"),
    responses(
        (status = 200, description = "It is done, or had been done before under the same key", body = Recorded),
        (status = 403, description = "maintenance_role, step_up_required, person_only: maintenance and write weaken protection, see /session/proof; or the role"),
        (status = 404, description = "output_unknown, verb_unknown"),
        (status = 409, description = "output_observe, output_running, lift_not_home, maintenance_panel, maintenance_running, maintenance_needed, maintenance_none, maintenance_expired, maintenance_ended, maintenance_overtaken, maintenance_of_another: with who and how"),
        (status = 413, description = "body_too_large"),
        (status = 415, description = "media_type"),
        (status = 422, description = "idempotency_key_missing, idempotency_key_unusable, idempotency_key_reused, body_unreadable, body_maintenance, maintenance_person, reason_missing"),
        (status = 503, description = "store_down, not_recorded, too_slow, busy, stopping"),
    ),
)]
pub(super) async fn output(
    served: State<Arc<Served>>,
    acting: Acting,
    Parted((id, verb)): Parted<(String, String)>,
    key: Key,
    body: JsonText,
) -> Result<Json<Recorded>, Failure> {
    if !is_word(&id) {
        return Err(Failure::new(404, "output_unknown"));
    }
    act(&served, acting, (format!("output/{id}"), verb), (key, body)).await
}

async fn act(
    served: &Served,
    Acting(signed): Acting,
    (case, name): (String, String),
    (Key(key), body): (Key, JsonText),
) -> Result<Json<Recorded>, Failure> {
    let body = object(&body)?;
    let done = perform(served, signed, (case, name), (key, body)).await?;
    Ok(Json(Recorded {
        seq: done.seq,
        durable: done.durable,
    }))
}

/// A verb of somebody who is known. What is personal in the body goes into an erasable row, so that the journal never has it.
pub(super) async fn perform(
    served: &Served,
    signed: Signed,
    (case, name): (String, String),
    (key, mut body): (String, Value),
) -> Result<Done, Failure> {
    if weight::of(&name, &body) == Weight::Weakens {
        stepped_up(served, &signed)?;
    }
    if !is_word(&name) {
        return Err(Failure::new(404, "verb_unknown"));
    }
    let mut asked = json::canonical(&Value::from(vec![
        Value::from(case.as_str()),
        Value::from(name.as_str()),
        body.clone(),
    ]));
    let rows = note(&signed, &key, &mut body);
    if !rows.is_empty() {
        // The journal keeps the hash: without something that is erased with its session, a telephone number could be guessed.
        asked.push_str(signed.salt());
    }
    let idempotency = Idempotency {
        key,
        body_hash: secret::sha256(&asked),
    };
    let verb = Verb {
        case: case.into(),
        name,
        body,
        role: signed.account.role,
        recipient: signed.account.recipient,
        idempotency: Some(idempotency),
    };
    let actor = Actor::Account(signed.account.id);
    served.submit(actor, Input::Verb(verb), rows).await
}

/// What weakens protection is done by a person who has just given the password (DESIGN.md 4, rule 15). Whoever may only look is
/// refused by the engine, which keeps it.
fn stepped_up(served: &Served, signed: &Signed) -> Result<(), Failure> {
    let now = served.handle.now().engine;
    if signed.is_proved(now, served.step_up) || !signed.account.role.may(Power::Protect) {
        return Ok(());
    }
    signed
        .session()
        .map_err(|_| Failure::new(403, "person_only"))?;
    Err(Failure::new(403, "step_up_required"))
}

/// The erasable row of what is personal in a body; its id is the same for every repeat of the same call.
pub(super) fn note(signed: &Signed, key: &str, body: &mut Value) -> Vec<RowChange> {
    let id = secret::sha256(&format!("note/{}/{key}", signed.account.id));
    let note = take_personal(body, &id);
    let row = note.map(|note| RowChange {
        table: Table::Notes,
        id,
        seq: 0,
        open: false,
        due: None,
        // A row of our own types always serialises.
        detail: Some(serde_json::to_string(&note).unwrap_or_default()),
    });
    row.into_iter().collect()
}

/// The body as an object; no body is an empty one.
pub(super) fn object(body: &JsonText) -> Result<Value, Failure> {
    if body.0.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    if body.0.len() > BODY_MAX {
        return Err(Failure::new(413, "body_too_large"));
    }
    let value: Value = body.parse("body_unreadable")?;
    if value.is_object() {
        return Ok(value);
    }
    Err(Failure::new(422, "body_unreadable"))
}
