//! `/printers/{panel}/{verb}`: what a panel's printer prints by itself, and what its line does to the characters.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::Deserialize;

use super::error::Error;
use crate::campus::Campus;
use crate::printer::PrinterVerb;

/// `?words=…`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Printed {
    words: String,
}

pub(super) async fn act(
    State(campus): State<Campus>,
    Path((panel, verb)): Path<(String, String)>,
    printed: Result<Query<Printed>, QueryRejection>,
) -> Result<Json<()>, Error> {
    let verb = match verb.as_str() {
        "words" => {
            let printed = printed.map_err(|rejected| Error::body(&rejected.body_text()))?;
            PrinterVerb::Words(printed.0.words)
        }
        name => PrinterVerb::named(name).ok_or_else(|| Error::verb(name))?,
    };
    Ok(Json(campus.printer(&panel, verb)?))
}
