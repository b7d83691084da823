//! `/plain`: the whole of what must work when scripts do not. It reads the same documents as the other pages, sends the same verbs,
//! and holds no procedure logic.
//!
//! The overview asks for itself again every 5 s and has no field that this could empty; whatever needs a field or a second look has
//! a page of its own that stands still.

mod forms;
mod incident;
mod page;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{ConnectInfo, Form, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::auth::{Origin, Pass, Signed, cookie, of_session, ready};
use super::connection::Peer;
use super::extract::{JsonText, is_word};
use super::problem::Failure;
use super::session::{self, Credentials};
use super::{Served, orders, reports, secret, verbs};
use page::Reader;

/// Longest body of a verb in a form.
const BODY_MAX: usize = 16 * 1024;

/// What the address says.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    lang: Option<String>,
    /// The verb whose page is asked for.
    path: Option<String>,
    /// The key of its words, where one path has several.
    line: Option<String>,
    /// What was just done.
    done: Option<String>,
}

type Fields = BTreeMap<String, String>;

/// The overview, or the form for signing on.
#[utoipa::path(
    get, path = "/plain", tag = "plain", summary = "The overview without scripts, or the form for signing on",
    params(("lang" = Option<String>, Query, description = "zh, or en")),
    responses((status = 200, description = "A page", body = String, content_type = "text/html")),
    security((), ("session" = [])),
)]
pub(super) async fn overview(
    State(served): State<Arc<Served>>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let reader = Reader::new(&served, asked.lang.as_deref());
    match signed(&served, &headers) {
        Ok(signed) => Html(page::overview(&reader, &signed, asked.done.as_deref())).into_response(),
        Err(failure) => {
            let why = (failure.code() != "not_signed_on").then_some(&failure);
            Html(page::sign_on(&reader, why)).into_response()
        }
    }
}

/// One verb with what must be filled in, or the overview when it is not offered any more.
#[utoipa::path(
    get, path = "/plain/do", tag = "plain", summary = "One verb with its fields, without scripts",
    params(
        ("path" = Option<String>, Query, description = "The verb's path"),
        ("line" = Option<String>, Query, description = "The key of its words"),
        ("lang" = Option<String>, Query, description = "zh, or en"),
    ),
    responses(
        (status = 200, description = "A page", body = String, content_type = "text/html"),
        (status = 303, description = "It is not offered any more"),
        (status = 422, description = "body_unreadable"),
    ),
    security((), ("session" = [])),
)]
pub(super) async fn verb(
    State(served): State<Arc<Served>>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let Ok(Query(asked)) = asked else {
        return Failure::new(422, "body_unreadable").into_response();
    };
    let reader = Reader::new(&served, asked.lang.as_deref());
    let Ok(signed) = signed(&served, &headers) else {
        return to_overview(&reader, None);
    };
    let (path, line) = (
        asked.path.unwrap_or_default(),
        asked.line.unwrap_or_default(),
    );
    match page::verb(&reader, &signed, (&path, &line)) {
        Some(page) => Html(page).into_response(),
        None => to_overview(&reader, None),
    }
}

/// Signs on by a form.
#[utoipa::path(
    post, path = "/plain/session", tag = "plain", summary = "Signs on by a form",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded", description = "account, password, lang"),
    responses(
        (status = 303, description = "To the overview"),
        (status = 401, description = "sign_on_refused"),
        (status = 403, description = "csrf_missing"),
        (status = 413, description = "body_too_large"),
        (status = 422, description = "body_session"),
        (status = 429, description = "too_many_tries"),
        (status = 503, description = "starting, journal_closed, not_recorded, sign_on_busy"),
    ),
    security(()),
)]
pub(super) async fn sign_on(
    State(served): State<Arc<Served>>,
    peer: ConnectInfo<Peer>,
    headers: HeaderMap,
    fields: Result<Form<Fields>, FormRejection>,
) -> Response {
    let mut fields = fields.map(|Form(fields)| fields).unwrap_or_default();
    let lang = fields.remove("lang");
    let reader = Reader::new(&served, lang.as_deref());
    let credentials = Credentials {
        account: fields.remove("account").unwrap_or_default(),
        password: fields.remove("password").unwrap_or_default(),
    };
    let opened = match own_page(&headers).and_then(|()| ready(&served)) {
        Ok(()) => session::open(&served, &peer, &headers, credentials).await,
        Err(failure) => Err(failure),
    };
    match opened {
        Ok((cookie, _me)) => to_overview(&reader, Some(cookie)),
        Err(failure) => {
            let page = page::sign_on(&reader, Some(&failure));
            (failure.status(), Html(page)).into_response()
        }
    }
}

/// Signs off by a form.
#[utoipa::path(
    post, path = "/plain/off", tag = "plain", summary = "Signs off by a form",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded", description = "csrf, lang"),
    responses(
        (status = 303, description = "To the form for signing on"),
        (status = 401, description = "not_signed_on"),
        (status = 403, description = "csrf_missing"),
        (status = 503, description = "not_recorded"),
    ),
    security((), ("session" = [])),
)]
pub(super) async fn sign_off(
    State(served): State<Arc<Served>>,
    headers: HeaderMap,
    fields: Result<Form<Fields>, FormRejection>,
) -> Response {
    let fields = fields.map(|Form(fields)| fields).unwrap_or_default();
    let reader = Reader::new(&served, fields.get("lang").map(String::as_str));
    let closed = match acting(&served, &headers, &fields) {
        Ok(signed) => session::close(&served, signed, Origin::Desk).await,
        Err(failure) => Err(failure),
    };
    match closed {
        Ok(cookie) => to_overview(&reader, Some(cookie)),
        Err(failure) => refused(&reader, &failure),
    }
}

/// Does what a form says.
#[utoipa::path(
    post, path = "/plain/act", tag = "plain", summary = "Does a verb by a form",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded",
        description = "csrf, key, path, body, text.NAME, number.NAME of what was filled in, and password where the form asks for it"),
    responses(
        (status = 303, description = "It is done; to the overview"),
        (status = 401, description = "not_signed_on"),
        (status = 403, description = "csrf_missing, proof_refused, or as the verb's own route"),
        (status = 404, description = "As the verb's own route"),
        (status = 409, description = "As the verb's own route"),
        (status = 413, description = "body_too_large"),
        (status = 422, description = "body_unreadable, or as the verb's own route"),
        (status = 429, description = "too_many_tries"),
        (status = 503, description = "sign_on_busy, not_recorded, or as the verb's own route"),
    ),
    security((), ("session" = [])),
)]
pub(super) async fn act(
    State(served): State<Arc<Served>>,
    peer: ConnectInfo<Peer>,
    headers: HeaderMap,
    fields: Result<Form<Fields>, FormRejection>,
) -> Response {
    let fields = match fields {
        Ok(Form(fields)) => fields,
        Err(rejection) => {
            let large = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
            let failure = match large {
                true => Failure::new(413, "body_too_large"),
                false => Failure::new(422, "body_unreadable"),
            };
            return refused(&Reader::new(&served, None), &failure);
        }
    };
    let reader = Reader::new(&served, fields.get("lang").map(String::as_str));
    let done = match acting(&served, &headers, &fields) {
        Ok(signed) => perform(&served, &peer, signed, &fields).await,
        Err(failure) => Err(failure),
    };
    match done {
        Ok(()) => redirect(&format!("{}&done=yes", reader.home()), None),
        Err(failure) => refused(&reader, &failure),
    }
}

/// The same as the verb's own route does.
async fn perform(
    served: &Served,
    peer: &ConnectInfo<Peer>,
    signed: Signed,
    fields: &Fields,
) -> Result<(), Failure> {
    let path = fields.get("path").map_or("", String::as_str);
    let key = fields
        .get("key")
        .filter(|key| !key.is_empty() && key.len() <= 128);
    let key = key.ok_or_else(|| Failure::new(422, "idempotency_key_missing"))?;
    let body = forms::body(fields).ok_or_else(|| Failure::new(422, "body_unreadable"))?;
    if body.to_string().len() > BODY_MAX {
        return Err(Failure::new(413, "body_too_large"));
    }
    let parts: Vec<&str> = path.trim_start_matches("/api/v1/").split('/').collect();
    let unknown = || Err(Failure::new(404, "route_unknown"));
    let verb = match parts[..] {
        ["orders", order, "replies"] => return reply(served, signed, (order, key), body).await,
        ["reports"] => {
            reports::told(served, signed, key.clone(), body).await?;
            return Ok(());
        }
        ["incidents", id, verb] if is_word(id) && id != "site" => (id.to_owned(), verb),
        ["site", verb] => ("site".to_owned(), verb),
        ["outputs", id, "start"] if is_word(id) => (format!("output/{id}"), "start"),
        _ => return unknown(),
    };
    let verb = (verb.0, verb.1.to_owned());
    let signed = proved(served, peer, signed, fields).await?;
    verbs::perform(served, signed, verb, (key.clone(), body)).await?;
    Ok(())
}

/// With the password in the form, whoever sends it has just proved who he is.
async fn proved(
    served: &Served,
    peer: &ConnectInfo<Peer>,
    signed: Signed,
    fields: &Fields,
) -> Result<Signed, Failure> {
    let Some(password) = fields.get("password").filter(|word| !word.is_empty()) else {
        return Ok(signed);
    };
    session::prove(served, peer, &signed, password.clone()).await?;
    let again = Signed::still(served, &signed.pass);
    again.ok_or_else(|| Failure::new(401, "not_signed_on"))
}

async fn reply(
    served: &Served,
    signed: Signed,
    (order, key): (&str, &str),
    mut body: Value,
) -> Result<(), Failure> {
    body["v"] = 1.into();
    body["reply_id"] = key.into();
    let body = JsonText(Bytes::from(body.to_string()));
    orders::answer(served, signed, order.to_owned(), &body).await?;
    Ok(())
}

/// Who is signed on.
fn signed(served: &Served, headers: &HeaderMap) -> Result<Signed, Failure> {
    ready(served)?;
    let session = cookie(headers, Origin::Desk).map(secret::sha256);
    let signed = session.and_then(|session| of_session(served, &session));
    signed.ok_or_else(|| Failure::new(401, "not_signed_on"))
}

/// Who is signed on and sends a form of ours.
fn acting(served: &Served, headers: &HeaderMap, fields: &Fields) -> Result<Signed, Failure> {
    own_page(headers)?;
    let signed = signed(served, headers)?;
    let Pass::Session(session) = &signed.pass else {
        return Err(Failure::new(403, "session_only"));
    };
    let csrf = fields.get("csrf").map_or("", String::as_str);
    if secret::same(csrf, &session.csrf) {
        return Ok(signed);
    }
    Err(Failure::new(403, "csrf_missing"))
}

/// A browser that says where a form comes from must say: from here. Browsers too old to say it are let through; what changes
/// something asks for the token besides.
fn own_page(headers: &HeaderMap) -> Result<(), Failure> {
    let site = headers.get("sec-fetch-site");
    match site.and_then(|site| site.to_str().ok()) {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_elsewhere) => Err(Failure::new(403, "csrf_missing")),
    }
}

fn refused(reader: &Reader<'_>, failure: &Failure) -> Response {
    (failure.status(), Html(page::refused(reader, failure))).into_response()
}

fn to_overview(reader: &Reader<'_>, cookie: Option<HeaderValue>) -> Response {
    redirect(&reader.home(), cookie)
}

fn redirect(place: &str, cookie: Option<HeaderValue>) -> Response {
    let mut response = (
        StatusCode::SEE_OTHER,
        [(header::LOCATION, place.to_owned())],
    )
        .into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
