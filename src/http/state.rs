//! `GET /state`: all documents that the caller may see, at one seq. `GET /status`: how the daemon is, for anybody.

use std::fmt::Write;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Signed;
use super::glance::{self, Links};
use super::{Served, first, json, openapi};
use crate::domain::time::{EngineTime, WallTime};

/// What anybody may know.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Status {
    build: String,
    ready: bool,
    store: Option<String>,
    seq: u64,
    #[schema(value_type = i64)]
    wall: WallTime,
    #[schema(value_type = i64)]
    engine: EngineTime,
    broker_up: Option<bool>,
    links: Links,
    /// Outputs in maintenance, with somebody at the device.
    maintenance: Vec<String>,
    /// What to type at the machine while nobody can sign on.
    first_account: Option<&'static str>,
}

/// `Snapshot` of web/src/documents.ts.
#[utoipa::path(
    get, path = "/state", tag = "documents", summary = "All documents that the caller may see, at one seq",
    responses(
        (status = 200, description = "The snapshot", body = openapi::Snapshot),
    ),
)]
pub(super) async fn state(State(served): State<Arc<Served>>, signed: Signed) -> Response {
    let snapshot = served.handle.snapshot(&signed.audience());
    served.changes.known(snapshot.seq);
    let now = served.handle.now();
    let mut out = String::new();
    // Writing into a text cannot fail.
    let _ = write!(
        out,
        "{{\"journal_id\":{},\"seq\":{},\"engine\":{},\"wall\":{},\"documents\":",
        json::quoted(&snapshot.journal_id),
        snapshot.seq,
        now.engine.0,
        now.wall.0,
    );
    let there = snapshot.by_key.iter().filter(|(_, text)| !text.is_empty());
    json::documents(&mut out, there.map(|(key, text)| (&**key, Some(&**text))));
    out.push('}');
    ([(header::CONTENT_TYPE, "application/json")], out).into_response()
}

#[utoipa::path(
    get, path = "/status", tag = "documents", summary = "How the daemon is, for anybody",
    responses(
        (status = 200, description = "As it is now", body = Status),
    ),
    security(()),
)]
pub(super) async fn status(State(served): State<Arc<Served>>) -> Json<Status> {
    let health = served.handle.health();
    let now = served.handle.now();
    let glance = glance::of(&served.handle);
    Json(Status {
        build: served.build.clone(),
        ready: health.ready,
        store: health.store,
        seq: served.handle.seq(),
        wall: now.wall,
        engine: now.engine,
        broker_up: glance.broker_up,
        links: glance.links,
        maintenance: glance.maintenance,
        first_account: first::command(&served),
    })
}
