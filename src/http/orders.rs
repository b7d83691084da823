//! `POST /orders/{order}/replies`: how a recipient answers when MQTT is silent. The body is that of the MQTT reply.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Served;
use super::auth::{Acting, Signed};
use super::extract::{JsonText, Parted, is_word};
use super::problem::Failure;
use crate::domain::actor::Actor;
use crate::domain::input::{Input, Reply};
use crate::domain::order::{Cause, Figures, ReplyVerb, Via};
use crate::engine::ports::Done;

/// Longest id that a device may give its reply; it is kept in the order's document.
const REPLY_ID_MAX: usize = 64;
/// Longest reason.
const REASON_MAX: usize = 64;
/// The version of the payload that is understood.
const VERSION: u32 = 1;

/// The payload; what it says beyond this is for later versions.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Payload {
    v: u32,
    reply_id: String,
    #[schema(value_type = String, example = "accept")]
    verb: ReplyVerb,
    #[schema(value_type = Option<String>, example = "steam")]
    cause: Option<Cause>,
    reason: Option<String>,
    /// With `head_count`: people who are there.
    present: Option<u32>,
    /// With `head_count`: people who are not.
    missing: Option<u32>,
    /// With `casualties`: injured.
    count: Option<u32>,
    /// With `casualties`: of them treated or on the way to a hospital.
    accounted: Option<u32>,
}

/// The reply is in the journal.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Heard {
    seq: u64,
}

/// The same reply twice is one event and the same answer.
#[utoipa::path(
    post, path = "/orders/{order}/replies", tag = "orders", summary = "A recipient answers its order",
    params(("order" = String, Path, description = "The order")),
    request_body(content = Payload),
    responses(
        (status = 200, description = "The reply is in the journal", body = Heard),
        (status = 403, description = "no_recipient, order_of_another"),
        (status = 404, description = "order_unknown"),
        (status = 409, description = "The order is not open for this answer: a code of the procedure"),
        (status = 413, description = "body_too_large"),
        (status = 415, description = "media_type"),
        (status = 422, description = "body_reply, cause_missing"),
        (status = 503, description = "not_recorded, too_slow, busy, stopping"),
    ),
)]
pub(super) async fn reply(
    State(served): State<Arc<Served>>,
    Acting(signed): Acting,
    Parted(order): Parted<String>,
    body: JsonText,
) -> Result<Json<Heard>, Failure> {
    let done = answer(&served, signed, order, &body).await?;
    Ok(Json(Heard { seq: done.seq }))
}

/// As [`reply`], for somebody who is known.
pub(super) async fn answer(
    served: &Served,
    signed: Signed,
    order: String,
    body: &JsonText,
) -> Result<Done, Failure> {
    let Some(recipient) = signed.account.recipient else {
        return Err(Failure::new(403, "no_recipient"));
    };
    if !is_word(&order) {
        return Err(Failure::new(404, "order_unknown"));
    }
    let payload: Payload = body.parse("body_reply")?;
    let fits = payload.v == VERSION
        && (1..=REPLY_ID_MAX).contains(&payload.reply_id.len())
        && payload
            .reason
            .as_ref()
            .is_none_or(|reason| reason.len() <= REASON_MAX);
    if !fits {
        return Err(Failure::new(422, "body_reply"));
    }
    let figures = Figures {
        present: payload.present,
        missing: payload.missing,
        count: payload.count,
        accounted: payload.accounted,
    };
    let reply = Reply {
        recipient: recipient.clone(),
        order: order.into(),
        reply_id: payload.reply_id,
        verb: payload.verb,
        cause: payload.cause,
        reason: payload.reason,
        via: Via::Http,
        figures: figures.given(),
    };
    let actor = Actor::Recipient(recipient);
    served.submit(actor, Input::Reply(reply), Vec::new()).await
}
