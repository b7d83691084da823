//! Behaviours of units, and scenarios.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Map, Value};

use super::Body;
use super::error::Error;
use crate::campus::{Campus, Refusal};
use crate::nasty::catalogue::{self, BehaviourView};
use crate::scenario::{Scenario, ScenarioView};
use crate::view::UnitView;

pub(super) async fn behaviours() -> Json<Vec<BehaviourView>> {
    Json(catalogue::all())
}

pub(super) async fn units(State(campus): State<Campus>) -> Json<Vec<UnitView>> {
    Json(campus.units())
}

pub(super) async fn switch_on(
    State(campus): State<Campus>,
    Path((line, unit)): Path<(String, u8)>,
    asked: Body<Map<String, Value>>,
) -> Result<Json<UnitView>, Error> {
    let Json(asked) = asked.map_err(|rejected| Error::body(&rejected.body_text()))?;
    Ok(Json(campus.misbehave(&line, unit, asked)?))
}

pub(super) async fn switch_all_off(
    State(campus): State<Campus>,
    Path((line, unit)): Path<(String, u8)>,
) -> Result<Json<UnitView>, Error> {
    Ok(Json(campus.behave(&line, unit, None)?))
}

pub(super) async fn switch_off(
    State(campus): State<Campus>,
    Path((line, unit, name)): Path<(String, u8, String)>,
) -> Result<Json<UnitView>, Error> {
    Ok(Json(campus.behave(&line, unit, Some(&name))?))
}

pub(super) async fn scenario(State(campus): State<Campus>) -> Json<Option<ScenarioView>> {
    Json(campus.scenario())
}

/// The body is the text of a scenario file.
pub(super) async fn play(
    State(campus): State<Campus>,
    text: String,
) -> Result<Json<ScenarioView>, Error> {
    let scenario = Scenario::parse(&text).map_err(|why| Refusal::Unfit { why })?;
    Ok(Json(campus.play(scenario)?))
}

pub(super) async fn stop(State(campus): State<Campus>) -> Json<Option<ScenarioView>> {
    campus.stop_scenario();
    Json(campus.scenario())
}
