//! Signing on and off, and who one is.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{
    Acting, Origin, Pass, SESSION_MAX_MS, Signed, cookie, is_over, of_session, ready,
};
use super::connection::Peer;
use super::extract::JsonText;
use super::problem::Failure;
use super::{Served, address, openapi, secret};
use crate::domain::actor::{Actor, Role};
use crate::domain::ids::{AccountId, RecipientId};
use crate::domain::input::Input;
use crate::engine::ports::{AccountRow, RowChange, SessionRow, Table};

/// Most sessions of one account; the oldest ends when one more begins.
const SESSIONS_MAX: usize = 32;
/// Longest account name or password that is looked at.
const WORD_MAX: usize = 256;

/// What is sent to sign on. It is never printed.
#[derive(Deserialize, ToSchema)]
pub(super) struct Credentials {
    pub(super) account: String,
    pub(super) password: String,
}

/// Who is signed on; `Me` of web/src/documents.ts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    #[schema(value_type = String)]
    account: AccountId,
    name: String,
    #[schema(value_type = openapi::RoleWord)]
    role: Role,
    #[schema(value_type = Option<String>)]
    recipient: Option<RecipientId>,
    csrf: String,
}

impl Me {
    fn of(account: AccountRow, pass: Pass) -> Self {
        Self {
            account: account.id,
            name: account.name,
            role: account.role,
            recipient: account.recipient,
            csrf: match pass {
                Pass::Session(session) => session.csrf,
                Pass::Token(_) => String::new(),
            },
        }
    }
}

#[utoipa::path(
    get, path = "/me", tag = "people", summary = "Who is signed on",
    responses(
        (status = 200, description = "The account, and the CSRF token that every verb sends back", body = Me),
    ),
)]
pub(super) async fn me(signed: Signed) -> Json<Me> {
    Json(Me::of(signed.account, signed.pass))
}

#[utoipa::path(
    post, path = "/session", tag = "people", summary = "Signs on",
    request_body(content = Credentials),
    responses(
        (status = 200, description = "A session; its cookie is set", body = Me),
        (status = 401, description = "sign_on_refused"),
        (status = 413, description = "body_too_large"),
        (status = 415, description = "media_type"),
        (status = 422, description = "body_session"),
        (status = 429, description = "too_many_tries"),
        (status = 503, description = "sign_on_busy, starting, journal_closed, not_recorded"),
    ),
    security(()),
)]
pub(super) async fn sign_on(
    State(served): State<Arc<Served>>,
    peer: ConnectInfo<Peer>,
    headers: HeaderMap,
    body: JsonText,
) -> Result<Response, Failure> {
    ready(&served)?;
    let credentials: Credentials = body.parse("body_session")?;
    let (cookie, me) = open(&served, &peer, &headers, credentials).await?;
    Ok(([(header::SET_COOKIE, cookie)], Json(me)).into_response())
}

/// A new session for whoever knows the password: its cookie, and who it is.
pub(super) async fn open(
    served: &Served,
    peer: &ConnectInfo<Peer>,
    headers: &HeaderMap,
    credentials: Credentials,
) -> Result<(HeaderValue, Me), Failure> {
    if credentials.account.len() > WORD_MAX || credentials.password.len() > WORD_MAX {
        return Err(Failure::new(422, "body_session"));
    }
    let account = verified(served, address(peer).ip(), credentials).await?;
    let token = secret::token()?;
    let origin = Origin::of(headers);
    let before = cookie(headers, origin).map(secret::sha256);
    let now = served.handle.now();
    let session = SessionRow {
        id: secret::sha256(&token),
        account: account.id.clone(),
        csrf: csrf(served, &account, before.as_deref())?,
        opened_at: now.wall,
        proved_at: Some(now.engine),
    };
    let mut rows = ended(served, &account, before.as_deref());
    rows.push(row(&session.id, Some(&session)));
    let input = Input::SignedOn {
        account: account.id.clone(),
    };
    let actor = Actor::Account(account.id.clone());
    served.submit(actor, input, rows).await?;
    let cookie = set_cookie(served, origin, (&token, SESSION_MAX_MS / 1_000))?;
    Ok((cookie, Me::of(account, Pass::Session(session))))
}

/// The password of the person who is signed on.
#[derive(Deserialize, ToSchema)]
pub(super) struct Proof {
    password: String,
}

#[utoipa::path(
    post, path = "/session/proof", tag = "people", summary = "Gives the password again, before a verb that weakens protection",
    request_body(content = Proof),
    responses(
        (status = 204, description = "The verbs that answered step_up_required may be sent again, under the same key"),
        (status = 403, description = "proof_refused, session_only"),
        (status = 413, description = "body_too_large"),
        (status = 415, description = "media_type"),
        (status = 422, description = "body_proof"),
        (status = 429, description = "too_many_tries"),
        (status = 503, description = "sign_on_busy, not_recorded, store_down"),
    ),
)]
pub(super) async fn proof(
    State(served): State<Arc<Served>>,
    peer: ConnectInfo<Peer>,
    Acting(signed): Acting,
    body: JsonText,
) -> Result<StatusCode, Failure> {
    let Proof { password } = body.parse("body_proof")?;
    prove(&served, &peer, &signed, password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whoever is signed on gives the password again; the session keeps when.
pub(super) async fn prove(
    served: &Served,
    peer: &ConnectInfo<Peer>,
    signed: &Signed,
    password: String,
) -> Result<(), Failure> {
    let session = signed.session()?;
    if password.len() > WORD_MAX {
        return Err(Failure::new(422, "body_proof"));
    }
    let account = signed.account.id.clone();
    let credentials = Credentials {
        account: account.to_string(),
        password,
    };
    let known = verified(served, address(peer).ip(), credentials).await;
    known.map_err(|failure| match failure.code() {
        // 401 would say that nobody is signed on.
        "sign_on_refused" => Failure::new(403, "proof_refused"),
        _ => failure,
    })?;
    let session = SessionRow {
        proved_at: Some(served.handle.now().engine),
        ..session.clone()
    };
    let rows = vec![row(&session.id, Some(&session))];
    let input = Input::Proved {
        account: account.clone(),
    };
    served.submit(Actor::Account(account), input, rows).await?;
    Ok(())
}

/// The account whose password this is. An unknown account takes as long as a wrong password and reads the same.
pub(super) async fn verified(
    served: &Served,
    peer: IpAddr,
    credentials: Credentials,
) -> Result<AccountRow, Failure> {
    let Credentials { account, password } = credentials;
    if let Err(wait) = served.tries.begin(peer, &account) {
        let seconds = wait.as_secs().saturating_add(1);
        return Err(Failure::new(429, "too_many_tries").retry_after(seconds));
    }
    let known = served
        .handle
        .people(|people| people.accounts.get(&account).cloned())
        .filter(|known| !known.disabled);
    let hash = known.as_ref().map(|known| known.password_hash.clone());
    let matches = served.passwords.verify(password, hash).await;
    match (matches, known) {
        (Some(true), Some(known)) => {
            served.tries.succeeded(peer, &account);
            Ok(known)
        }
        (Some(_), known) => {
            if let Some(known) = known {
                tracing::info!(account.id = %known.id, %peer, "a sign-on was refused");
            }
            Err(Failure::new(401, "sign_on_refused"))
        }
        (None, _) => Err(Failure::new(503, "sign_on_busy").retry_after(1)),
    }
}

/// The CSRF token of the new session. Other tabs of the same browser hold that of the session before: when the same person
/// signs on again it stays, or their verbs would be refused until somebody reloads them.
fn csrf(served: &Served, account: &AccountRow, before: Option<&str>) -> Result<String, Failure> {
    let held = before.and_then(|before| of_session(served, before));
    match held {
        Some(held) if held.account.id == account.id => Ok(held.session()?.csrf.clone()),
        Some(_) | None => secret::token(),
    }
}

/// Sessions that end as this one begins: the one of the same browser, those past their time, and the oldest of too many.
fn ended(served: &Served, account: &AccountRow, before: Option<&str>) -> Vec<RowChange> {
    let now = served.handle.now().wall;
    let mut over: Vec<String> = Vec::new();
    let mut own = Vec::new();
    served.handle.people(|people| {
        for session in people.sessions.values() {
            if before == Some(&*session.id) || is_over(session, now) {
                over.push(session.id.clone());
            } else if session.account == account.id {
                own.push((session.opened_at, session.id.clone()));
            }
        }
    });
    own.sort();
    let too_many = (own.len() + 1).saturating_sub(SESSIONS_MAX);
    over.extend(own.into_iter().take(too_many).map(|(_, id)| id));
    over.iter().map(|id| row(id, None)).collect()
}

fn row(id: &str, session: Option<&SessionRow>) -> RowChange {
    RowChange {
        table: Table::Sessions,
        id: id.to_owned(),
        seq: 0,
        open: false,
        due: None,
        // A row of our own types always serialises.
        detail: session.map(|session| serde_json::to_string(session).unwrap_or_default()),
    }
}

#[utoipa::path(
    delete, path = "/session", tag = "people", summary = "Signs off",
    responses(
        (status = 204, description = "The session has ended"),
        (status = 403, description = "session_only"),
        (status = 503, description = "not_recorded"),
    ),
)]
pub(super) async fn sign_off(
    State(served): State<Arc<Served>>,
    headers: HeaderMap,
    Acting(signed): Acting,
) -> Result<Response, Failure> {
    let cookie = close(&served, signed, Origin::of(&headers)).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Ends a session; the cookie that takes its place.
pub(super) async fn close(
    served: &Served,
    signed: Signed,
    origin: Origin,
) -> Result<HeaderValue, Failure> {
    let rows = vec![row(&signed.session()?.id, None)];
    let account = signed.account.id;
    let input = Input::SignedOff {
        account: account.clone(),
    };
    served.submit(Actor::Account(account), input, rows).await?;
    set_cookie(served, origin, ("", 0))
}

pub(super) fn set_cookie(
    served: &Served,
    origin: Origin,
    (token, seconds): (&str, i64),
) -> Result<HeaderValue, Failure> {
    let secure = if served.secure_cookies {
        "; Secure"
    } else {
        ""
    };
    let name = origin.cookie();
    let cookie =
        format!("{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&cookie).map_err(|_| Failure::new(500, "internal"))
}
