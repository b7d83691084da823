//! `POST /reports`: somebody reports a fire that no device has seen 发现火情.
//!
//! Whoever is a post or person of the site stands at the scene: it is a report of his own. Everybody else passes on what he was
//! told: the room's verb `report`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;

use super::Served;
use super::auth::{Acting, Signed};
use super::extract::{JsonText, Key};
use super::problem::Failure;
use super::verbs::{self, Recorded};
use crate::domain::actor::Actor;
use crate::domain::ids::{CompartmentId, RecipientId};
use crate::domain::input::{Input, Report};
use crate::domain::order::Via;
use crate::domain::role::Power;
use crate::engine::ports::Done;

/// What a reporter at the scene says, without what is personal.
#[derive(Deserialize)]
struct AtScene {
    compartment: Option<CompartmentId>,
    room: Option<String>,
    #[serde(default)]
    real: bool,
    note: Option<String>,
}

/// A report; the words of the caller go into an erasable row.
#[utoipa::path(
    post, path = "/reports", tag = "verbs",
    summary = "Reports a fire that no device has seen: from the scene, or as it was told",
    params(
        ("idempotency-key" = String, Header, min_length = 1, max_length = 128, description = "Makes a repeat harmless"),
    ),
    request_body(
        content = Object,
        description = "compartment (not needed at the own post), room, real; how, caller, phone, text",
    ),
    responses(
        (status = 200, description = "It is in the journal", body = Recorded),
        (status = 403, description = "role_sees_only"),
        (status = 404, description = "The place is unknown: a code of the procedure"),
        (status = 413, description = "body_too_large"),
        (status = 415, description = "media_type"),
        (status = 422, description = "idempotency_key_missing, idempotency_key_unusable, idempotency_key_reused, body_unreadable, body_report, or a code of the procedure"),
        (status = 503, description = "store_down, not_recorded, too_slow, busy, stopping"),
    ),
)]
pub(super) async fn report(
    State(served): State<Arc<Served>>,
    Acting(signed): Acting,
    Key(key): Key,
    body: JsonText,
) -> Result<Json<Recorded>, Failure> {
    let body = verbs::object(&body)?;
    let done = told(&served, signed, key, body).await?;
    Ok(Json(Recorded {
        seq: done.seq,
        durable: done.durable,
    }))
}

/// As [`report`], for somebody who is known.
pub(super) async fn told(
    served: &Served,
    signed: Signed,
    key: String,
    body: Value,
) -> Result<Done, Failure> {
    if !signed.account.role.may(Power::Report) {
        return Err(Failure::new(403, "role_sees_only"));
    }
    // A leader who is a recipient too passes on what he was told: only a post's own account stands at the scene.
    let at_scene = !signed.account.role.may(Power::SeeBoards);
    match signed.account.recipient.clone().filter(|_| at_scene) {
        Some(recipient) => from_scene(served, (signed, recipient), key, body).await,
        None => {
            let verb = ("site".to_owned(), "report".to_owned());
            verbs::perform(served, signed, verb, (key, body)).await
        }
    }
}

async fn from_scene(
    served: &Served,
    (signed, recipient): (Signed, RecipientId),
    key: String,
    mut body: Value,
) -> Result<Done, Failure> {
    let rows = verbs::note(&signed, &key, &mut body);
    let said: AtScene =
        serde_json::from_value(body).map_err(|_| Failure::new(422, "body_report"))?;
    let report = Report {
        recipient: recipient.clone(),
        report_id: key,
        via: Via::Http,
        compartment: said.compartment,
        room: said.room,
        real: said.real,
        note: said.note,
    };
    let actor = Actor::Recipient(recipient);
    served.submit(actor, Input::Report(report), rows).await
}
