//! `POST /device`: a new credential for a device of the recipient who is signed on. It is shown once and kept as a hash.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Acting;
use super::problem::Failure;
use super::{Served, secret};
use crate::domain::actor::Actor;
use crate::domain::ids::RecipientId;
use crate::domain::input::Input;
use crate::engine::ports::{DeviceRow, RowChange, Table};

/// Most devices of one recipient. When one more is added another loses its credential and asks for a new one at its next
/// connection.
const DEVICES_MAX: usize = 32;

/// What a device needs to reach the broker.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Issued {
    #[schema(value_type = String)]
    recipient: RecipientId,
    token: String,
    prefix: String,
    websocket_port: u16,
}

#[utoipa::path(
    post, path = "/device", tag = "orders", summary = "A new credential for the broker, for a device of the recipient who is signed on",
    responses(
        (status = 200, description = "Shown once, kept as a hash", body = Issued),
        (status = 403, description = "no_recipient"),
        (status = 503, description = "not_recorded"),
    ),
)]
pub(super) async fn issue(
    State(served): State<Arc<Served>>,
    Acting(signed): Acting,
) -> Result<Json<Issued>, Failure> {
    let Some(recipient) = signed.account.recipient else {
        return Err(Failure::new(403, "no_recipient"));
    };
    let token = secret::token()?;
    let device = DeviceRow {
        recipient: recipient.clone(),
        token_sha256: secret::sha256(&token),
    };
    let mut rows = too_many(&served, &recipient);
    rows.push(row(&device.token_sha256, Some(&device)));
    let input = Input::PeopleChanged {
        subject: format!("device/{recipient}"),
    };
    let actor = Actor::Account(signed.account.id);
    served.submit(actor, input, rows).await?;
    Ok(Json(Issued {
        recipient,
        token,
        prefix: format!("fengsui/v1/{}/", served.site.id),
        websocket_port: served.mqtt_websocket_port,
    }))
}

/// Devices that make room for one more.
fn too_many(served: &Served, recipient: &RecipientId) -> Vec<RowChange> {
    served.handle.people(|people| {
        let own = people
            .devices
            .iter()
            .filter(|(_, d)| d.recipient == *recipient);
        let own: Vec<&String> = own.map(|(key, _)| key).collect();
        let over = (own.len() + 1).saturating_sub(DEVICES_MAX);
        own.into_iter()
            .take(over)
            .map(|key| row(key, None))
            .collect()
    })
}

/// The row's key is the hash of the token: a recipient may have several devices.
fn row(key: &str, device: Option<&DeviceRow>) -> RowChange {
    RowChange {
        table: Table::Devices,
        id: key.to_owned(),
        seq: 0,
        open: false,
        due: None,
        // A row of our own types always serialises.
        detail: device.map(|device| serde_json::to_string(device).unwrap_or_default()),
    }
}
