//! What persons do: `POST` of a verb becomes one input. Nothing is decided here; a refusal of the engine passes through, and
//! a protective verb needs neither a version nor a fresh picture.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;

use super::auth::Acting;
use super::extract::{JsonText, Key, Parted, is_word};
use super::problem::Failure;
use super::{Served, json, secret};
use crate::domain::actor::Actor;
use crate::domain::input::{Idempotency, Input, Verb};
use crate::engine::ports::Durable;

/// Largest body of a verb: it is kept in the journal for ever.
const BODY_MAX: usize = 16 * 1024;

/// It is done, or it had been done before.
#[derive(Debug, Serialize)]
pub(super) struct Recorded {
    seq: u64,
    durable: Durable,
}

/// `POST /incidents/{id}/{verb}`
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

/// `POST /site/{verb}`
pub(super) async fn site(
    served: State<Arc<Served>>,
    acting: Acting,
    Parted(verb): Parted<String>,
    key: Key,
    body: JsonText,
) -> Result<Json<Recorded>, Failure> {
    act(&served, acting, ("site".to_owned(), verb), (key, body)).await
}

/// `POST /outputs/{id}/start`
pub(super) async fn start(
    served: State<Arc<Served>>,
    acting: Acting,
    Parted(id): Parted<String>,
    key: Key,
    body: JsonText,
) -> Result<Json<Recorded>, Failure> {
    if !is_word(&id) {
        return Err(Failure::new(404, "output_unknown"));
    }
    let case = format!("output/{id}");
    act(&served, acting, (case, "start".to_owned()), (key, body)).await
}

async fn act(
    served: &Served,
    Acting(signed): Acting,
    (case, name): (String, String),
    (Key(key), body): (Key, JsonText),
) -> Result<Json<Recorded>, Failure> {
    if !is_word(&name) {
        return Err(Failure::new(404, "verb_unknown"));
    }
    let body = object(&body)?;
    let asked = json::canonical(&Value::from(vec![
        Value::from(case.as_str()),
        Value::from(name.as_str()),
        body.clone(),
    ]));
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
    let done = served.submit(actor, Input::Verb(verb), Vec::new()).await?;
    Ok(Json(Recorded {
        seq: done.seq,
        durable: done.durable,
    }))
}

/// The body as an object; no body is an empty one.
fn object(body: &JsonText) -> Result<Value, Failure> {
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
