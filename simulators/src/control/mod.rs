//! The control API: what happens on the campus, and what really came over the wire. For people on the page and for tests.
//!
//! It has no authentication and belongs on the loopback interface.

mod error;
mod mapped;
mod nasty;
mod printer;
pub(crate) mod words;

use std::io;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Html;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::campus::Campus;
use crate::guards::script::Script;
use crate::guards::{GuardView, HandReply};
use crate::panel::{GasLevel, PanelVerb, PointVerb};
use crate::view::{Lamps, LinkView, OutputView, PointView, StateView};
use crate::writes::Writes;
use error::{Error, not_found, wrong_method};

const PAGE: &str = include_str!("../../page/index.html");

/// Serves the API until its task is dropped.
pub(crate) async fn serve(listener: TcpListener, campus: Campus) {
    if let Err(error) = run(listener, campus).await {
        tracing::error!(%error, "the control API stopped");
    }
}

async fn run(listener: TcpListener, campus: Campus) -> io::Result<()> {
    axum::serve(listener, router(campus)).await
}

fn router(campus: Campus) -> Router {
    Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/state", get(state))
        .route("/points", get(points))
        .route("/points/{id}/{verb}", post(point))
        .route("/outputs", get(outputs))
        .route("/outputs/{id}/{verb}", post(output))
        .route("/writes", get(writes))
        .route("/panel/{verb}", post(first_panel))
        .route("/panel/{what}/{verb}", post(first_panel_part))
        .route("/panels/{id}/{verb}", post(panel))
        .route("/panels/{id}/{what}/{verb}", post(panel_part))
        .route("/mapped/{id}/points", get(mapped::points))
        .route(
            "/mapped/{id}/points/{group}/{index}/{state}",
            post(mapped::set),
        )
        .route("/links/{id}/{verb}", post(link))
        .route("/behaviours", get(nasty::behaviours))
        .route("/units", get(nasty::units))
        .route(
            "/units/{line}/{unit}/behaviour",
            post(nasty::switch_on).delete(nasty::switch_all_off),
        )
        .route(
            "/units/{line}/{unit}/behaviour/{name}",
            delete(nasty::switch_off),
        )
        .route(
            "/scenario",
            get(nasty::scenario).post(nasty::play).delete(nasty::stop),
        )
        .route("/printers/{panel}/{verb}", post(printer::act))
        .route("/guards", get(guards))
        .route("/guards/{recipient}/script", post(guard_script))
        .route("/guards/{recipient}/reply", post(guard_reply))
        .route("/guards/{recipient}/{verb}", post(guard_switch))
        .route("/reset-campus", post(calm))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .with_state(campus)
}

async fn state(State(campus): State<Campus>) -> Json<StateView> {
    Json(campus.state())
}

async fn points(State(campus): State<Campus>) -> Json<Vec<PointView>> {
    Json(campus.points())
}

async fn point(
    State(campus): State<Campus>,
    Path((id, verb)): Path<(String, String)>,
    gas: Result<Query<Gas>, QueryRejection>,
) -> Result<Json<PointView>, Error> {
    let verb = match verb.as_str() {
        "gas" => {
            let gas = gas.map_err(|rejected| Error::body(&rejected.body_text()))?;
            PointVerb::Gas(gas.0.level)
        }
        _ => words::point(&verb).ok_or_else(|| Error::verb(&verb))?,
    };
    Ok(Json(campus.point(&id, verb)?))
}

/// `?level=low`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gas {
    level: GasLevel,
}

async fn outputs(State(campus): State<Campus>) -> Json<Vec<OutputView>> {
    Json(campus.outputs())
}

async fn output(
    State(campus): State<Campus>,
    Path((id, verb)): Path<(String, String)>,
) -> Result<Json<OutputView>, Error> {
    let verb = words::output(&verb).ok_or_else(|| Error::verb(&verb))?;
    Ok(Json(campus.output(&id, verb)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    /// Only writes with a higher number.
    #[serde(default)]
    since: u64,
}

async fn writes(
    State(campus): State<Campus>,
    since: Result<Query<Since>, QueryRejection>,
) -> Result<Json<Writes>, Error> {
    let Query(Since { since }) = since.map_err(|rejected| Error::body(&rejected.body_text()))?;
    Ok(Json(campus.writes(since)))
}

async fn first_panel(
    State(campus): State<Campus>,
    Path(verb): Path<String>,
) -> Result<Json<Lamps>, Error> {
    Ok(Json(campus.panel(None, panel_verb(&verb)?)?))
}

async fn first_panel_part(
    State(campus): State<Campus>,
    Path((what, verb)): Path<(String, String)>,
) -> Result<Json<Lamps>, Error> {
    Ok(Json(campus.panel(None, part_verb(&what, &verb)?)?))
}

async fn panel(
    State(campus): State<Campus>,
    Path((id, verb)): Path<(String, String)>,
) -> Result<Json<Lamps>, Error> {
    Ok(Json(campus.panel(Some(&id), panel_verb(&verb)?)?))
}

async fn panel_part(
    State(campus): State<Campus>,
    Path((id, what, verb)): Path<(String, String, String)>,
) -> Result<Json<Lamps>, Error> {
    Ok(Json(campus.panel(Some(&id), part_verb(&what, &verb)?)?))
}

fn panel_verb(verb: &str) -> Result<PanelVerb, Error> {
    words::panel(verb).ok_or_else(|| Error::verb(verb))
}

fn part_verb(what: &str, verb: &str) -> Result<PanelVerb, Error> {
    panel_verb(&format!("{what}/{verb}"))
}

async fn link(
    State(campus): State<Campus>,
    Path((id, verb)): Path<(String, String)>,
) -> Result<Json<LinkView>, Error> {
    let up = words::link(&verb).ok_or_else(|| Error::verb(&verb))?;
    Ok(Json(campus.link(&id, up).await?))
}

async fn guards(State(campus): State<Campus>) -> Json<Vec<GuardView>> {
    Json(campus.guards())
}

type Body<T> = Result<Json<T>, JsonRejection>;

async fn guard_script(
    State(campus): State<Campus>,
    Path(recipient): Path<String>,
    script: Body<Script>,
) -> Result<Json<GuardView>, Error> {
    let Json(script) = script.map_err(|rejected| Error::body(&rejected.body_text()))?;
    Ok(Json(campus.guard_script(&recipient, script)?))
}

async fn guard_reply(
    State(campus): State<Campus>,
    Path(recipient): Path<String>,
    reply: Body<HandReply>,
) -> Result<Json<GuardView>, Error> {
    let Json(reply) = reply.map_err(|rejected| Error::body(&rejected.body_text()))?;
    Ok(Json(campus.guard_reply(&recipient, reply)?))
}

async fn guard_switch(
    State(campus): State<Campus>,
    Path((recipient, verb)): Path<(String, String)>,
) -> Result<Json<GuardView>, Error> {
    let online = match verb.as_str() {
        "offline" => false,
        "online" => true,
        _ => return Err(Error::verb(&verb)),
    };
    Ok(Json(campus.guard_online(&recipient, online).await?))
}

async fn calm(State(campus): State<Campus>) -> Result<Json<StateView>, Error> {
    campus.calm().await?;
    Ok(Json(campus.state()))
}
