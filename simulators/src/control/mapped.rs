//! Units that answer by a panel map.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::Deserialize;

use super::error::Error;
use crate::campus::{Campus, Refusal};
use crate::map::MappedView;

/// `?group=detectors`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    group: Option<String>,
}

/// `?way=2`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Way {
    #[serde(default)]
    way: usize,
}

pub(super) async fn points(
    State(campus): State<Campus>,
    Path(id): Path<String>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<Vec<MappedView>>, Error> {
    let Query(Which { group }) = which.map_err(|rejected| Error::body(&rejected.body_text()))?;
    Ok(Json(campus.mapped(&id, group.as_deref())?))
}

pub(super) async fn set(
    State(campus): State<Campus>,
    Path((id, group, index, state)): Path<(String, String, String, String)>,
    way: Result<Query<Way>, QueryRejection>,
) -> Result<Json<MappedView>, Error> {
    let Query(Way { way }) = way.map_err(|rejected| Error::body(&rejected.body_text()))?;
    let state = state.parse().map_err(|why| Refusal::Unfit { why })?;
    Ok(Json(campus.set_mapped(
        &id,
        (&group, &index),
        (&state, way),
    )?))
}
