//! `GET /incidents/{id}/record`: everything that is known of an incident in one answer, to be printed or filed, with the entry of
//! the journal up to which it speaks and that entry's hash: whoever has the journal can prove the paper by it.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;

use super::auth::Signed;
use super::extract::{Parted, is_word};
use super::problem::Failure;
use super::{Served, json};
use crate::engine::handle::Documents;

/// The record of an incident; the documents in it are those of web/src/documents.ts.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(super) struct IncidentRecord {
    /// The journal, its last entry here, and the hash of that entry in hexadecimal.
    journal: JournalHead,
    /// When this was made.
    wall: i64,
    engine: i64,
    /// Who asked for it.
    made_for: String,
    #[schema(value_type = Object)]
    incident: (),
    /// What is missing, and the conditions over which the all-clear was given.
    #[schema(value_type = Object)]
    record: (),
    /// What happened, oldest first: civil time, engine time, who, what, entry.
    #[schema(value_type = Object)]
    timeline: (),
    /// Orders to people by `recipient/id`, with their answers.
    #[schema(value_type = Object)]
    orders: (),
    /// The outputs of its plan by id, with the result of their command.
    #[schema(value_type = Object)]
    outputs: (),
}

/// Where a journal stands.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(super) struct JournalHead {
    id: String,
    seq: u64,
    hash: String,
}

#[utoipa::path(
    get, path = "/incidents/{id}/record", tag = "documents", summary = "Everything known of an incident, with the journal's head",
    params(("id" = String, Path, description = "The incident: an open one, or one of the latest closed")),
    responses(
        (status = 200, description = "The record", body = IncidentRecord),
        (status = 404, description = "case_unknown: no such incident, or not for these eyes"),
    ),
)]
pub(super) async fn record(
    State(served): State<Arc<Served>>,
    signed: Signed,
    Parted(id): Parted<String>,
) -> Result<Response, Failure> {
    let now = served.handle.now();
    let documents = served.handle.snapshot(&signed.audience());
    let incident = is_word(&id)
        .then(|| documents.by_key.get(format!("incident/{id}").as_str()))
        .flatten()
        .ok_or_else(|| Failure::new(404, "case_unknown"))?;
    let own = |kind: &str| {
        let text = documents.by_key.get(format!("{kind}/{id}").as_str());
        text.map_or("null", |text| &**text)
    };
    let mut out = String::new();
    // Writing into a text cannot fail.
    let _ = write!(
        out,
        "{{\"journal\":{{\"id\":{},\"seq\":{},\"hash\":\"{}\"}},\"wall\":{},\"engine\":{},\"made_for\":{},\"incident\":{incident},\"record\":{},\"timeline\":{},\"orders\":",
        json::quoted(&documents.journal_id),
        documents.seq,
        hexadecimal(&documents.hash),
        now.wall.0,
        now.engine.0,
        json::quoted(&signed.account.name),
        own("record"),
        own("timeline"),
    );
    let of = |kind: &str, field: &str| named(&documents, kind, incident, field);
    json::documents(&mut out, of("order/", "orders").into_iter());
    out.push_str(",\"outputs\":");
    json::documents(&mut out, of("output/", "linkage").into_iter());
    out.push('}');
    Ok(([(header::CONTENT_TYPE, "application/json")], out).into_response())
}

/// The documents of a kind that the incident's own document names in a field.
fn named<'a>(
    documents: &'a Documents,
    kind: &str,
    incident: &str,
    field: &str,
) -> Vec<(&'a str, Option<&'a str>)> {
    let incident: serde_json::Value = serde_json::from_str(incident).unwrap_or_default();
    let names = incident[field].as_array().into_iter().flatten();
    let names = names.filter_map(|name| name.as_str().or_else(|| name["output"].as_str()));
    let keys = names.map(|name| format!("{kind}{name}"));
    let found = keys.filter_map(|key| documents.by_key.get_key_value(key.as_str()));
    let found = found.map(|(key, text)| (&key[kind.len()..], Some(&**text)));
    found.collect()
}

fn hexadecimal(hash: &[u8; 32]) -> String {
    hash.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
