//! Who is calling: the session behind the cookie or the token of a program, the header that only our own pages can send, the
//! limit on failed sign-ons.
//!
//! The limit is for passwords alone: nothing here may ever stand between a signed-on person and a verb that protects.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use tokio::time::Instant;

use super::problem::Failure;
use super::{Served, glance, secret, token};
use crate::domain::role::Power;
use crate::domain::time::{EngineTime, WallTime};
use crate::engine::handle::Audience;
use crate::engine::ports::{AccountRow, SessionRow};

/// Which of our pages a call comes from. Desk and guard page of one browser have a session each: a guard who signs on beside the
/// desk must not silence it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The desk, `/plain`, and whatever says nothing.
    Desk,
    /// The guard's page: it says so in a header, and in the address of its stream, which can have no header of its own.
    Guard,
}

/// The header in which the guard's page says what it is.
const PAGE: &str = "x-fengsui-page";

impl Origin {
    /// What the header says.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        match headers.get(PAGE).map(|page| page.as_bytes()) {
            Some(b"guard") => Self::Guard,
            Some(_) | None => Self::Desk,
        }
    }

    fn of_request(parts: &Parts) -> Self {
        let mut pairs = parts.uri.query().unwrap_or_default().split('&');
        match pairs.any(|pair| pair == "page=guard") {
            true => Self::Guard,
            false => Self::of(&parts.headers),
        }
    }

    /// The name of its cookie.
    pub(super) fn cookie(self) -> &'static str {
        match self {
            Self::Desk => "fengsui_session",
            Self::Guard => "fengsui_guard",
        }
    }
}

/// The header that proves that the call comes from our own page.
pub(super) const CSRF: &str = "x-fengsui-csrf";
/// A session ends 30 days after it was opened, used or not; never by idleness.
pub(super) const SESSION_MAX_MS: i64 = 30 * 24 * 3_600_000;

/// Failed sign-ons of one account from one address within the window.
const TRIES_MAX: usize = 10;
/// Failed sign-ons from one address, whatever the account.
const TRIES_OF_PEER_MAX: usize = 60;
/// The window.
const TRIES_WINDOW: Duration = Duration::from_secs(60);
/// Most accounts and addresses that are counted; beyond it the oldest count is dropped.
const TRIED_MAX: usize = 4_096;

/// How somebody came in.
#[derive(Clone, Debug)]
pub(super) enum Pass {
    /// A person, by the cookie.
    Session(SessionRow),
    /// A program, by the hash of its token.
    Token(String),
}

/// A signed-on person, or a program.
pub(super) struct Signed {
    pub(super) pass: Pass,
    pub(super) account: AccountRow,
}

impl Signed {
    /// The same pass, looked up now: `None` when it is not good any more.
    pub(super) fn still(served: &Served, pass: &Pass) -> Option<Self> {
        match pass {
            Pass::Session(session) => of_session(served, &session.id),
            Pass::Token(id) => token::of_hash(served, id),
        }
    }

    /// What nobody can guess and what is erased with the session or token.
    pub(super) fn salt(&self) -> &str {
        match &self.pass {
            Pass::Session(session) => &session.csrf,
            Pass::Token(hash) => hash,
        }
    }

    /// The session, where it is one.
    pub(super) fn session(&self) -> Result<&SessionRow, Failure> {
        match &self.pass {
            Pass::Session(session) => Ok(session),
            Pass::Token(_) => Err(Failure::new(403, "session_only")),
        }
    }

    /// Whether the person has given the password within `bound`. A program has none.
    pub(super) fn is_proved(&self, now: EngineTime, bound: Duration) -> bool {
        match &self.pass {
            Pass::Session(session) => session.proved_at.is_some_and(|at| now - at <= bound),
            Pass::Token(_) => false,
        }
    }

    /// Whose eyes documents are for.
    pub(super) fn audience(&self) -> Audience {
        Audience {
            role: self.account.role,
            recipient: self.account.recipient.clone(),
        }
    }
}

impl FromRequestParts<Arc<Served>> for Signed {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, served: &Arc<Served>) -> Result<Self, Failure> {
        // Before the journal is loaded nobody is known; 401 would send people to sign on in vain.
        ready(served)?;
        if let Some(bearer) = token::bearer(&parts.headers) {
            let known = token::of_hash(served, &secret::sha256(bearer));
            return known.ok_or_else(|| Failure::new(401, "token_refused"));
        }
        let of = |origin| {
            let session = cookie(&parts.headers, origin).map(secret::sha256)?;
            of_session(served, &session)
        };
        let signed = match Origin::of_request(parts) {
            Origin::Desk => of(Origin::Desk),
            // Who signed on at the desk and has nothing to see there goes on at the guard's page.
            Origin::Guard => of(Origin::Guard).or_else(|| {
                of(Origin::Desk).filter(|signed| !signed.account.role.may(Power::SeeBoards))
            }),
        };
        signed.ok_or_else(|| Failure::new(401, "not_signed_on"))
    }
}

/// Somebody who changes something: with a session the call also carries its CSRF token; no page of another site can send a
/// program's token.
pub(super) struct Acting(pub(super) Signed);

impl FromRequestParts<Arc<Served>> for Acting {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, served: &Arc<Served>) -> Result<Self, Failure> {
        let signed = Signed::from_request_parts(parts, served).await?;
        let csrf = parts
            .headers
            .get(CSRF)
            .and_then(|value| value.to_str().ok());
        let genuine = match &signed.pass {
            Pass::Session(session) => csrf.is_some_and(|csrf| secret::same(csrf, &session.csrf)),
            Pass::Token(_) => true,
        };
        if genuine {
            return Ok(Self(signed));
        }
        Err(Failure::new(403, "csrf_missing"))
    }
}

/// Refuses while the journal is not loaded.
pub(super) fn ready(served: &Served) -> Result<(), Failure> {
    let health = served.handle.health();
    match (health.ready, health.store) {
        (true, _) => Ok(()),
        (false, Some(_why)) => Err(Failure::new(503, "journal_closed").retry_after(2)),
        (false, None) => Err(Failure::new(503, "starting").retry_after(1)),
    }
}

/// Looks a session up by the hash of its token.
pub(super) fn of_session(served: &Served, session: &str) -> Option<Signed> {
    let signed = served.handle.people(|people| {
        let session = people.sessions.get(session)?.clone();
        let account = people.accounts.get(session.account.as_str())?;
        let account = Some(account).filter(|account| !account.disabled)?.clone();
        let over = is_over(&session, served.handle.now().wall);
        let pass = Pass::Session(session);
        Some((Signed { pass, account }, over))
    });
    let (signed, over) = signed?;
    // Nobody is signed off by a calendar in the middle of a fire.
    (!over || glance::of(&served.handle).incidents > 0).then_some(signed)
}

/// Whether a session is past its 30 days.
pub(super) fn is_over(session: &SessionRow, now: WallTime) -> bool {
    now.0.saturating_sub(session.opened_at.0) > SESSION_MAX_MS
}

/// The session token of a request from one of our pages.
pub(super) fn cookie(headers: &HeaderMap, of: Origin) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let mut pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    pairs.find_map(|pair| match pair.trim().split_once('=') {
        Some((name, token)) if name == of.cookie() => Some(token),
        Some(_) | None => None,
    })
}

/// Failed sign-ons. A try counts as failed until it has succeeded, so that many at once count as many.
#[derive(Debug, Default)]
pub(super) struct Tries {
    failed: Mutex<BTreeMap<(IpAddr, String), VecDeque<Instant>>>,
}

impl Tries {
    /// Counts a try. When there were too many, the time until the next one.
    pub(super) fn begin(&self, peer: IpAddr, account: &str) -> Result<(), Duration> {
        let now = Instant::now();
        let mut failed = self.lock();
        let limits = [
            (String::new(), TRIES_OF_PEER_MAX),
            (account.to_owned(), TRIES_MAX),
        ];
        for (account, max) in &limits {
            let Some(moments) = failed.get_mut(&(peer, account.clone())) else {
                continue;
            };
            moments.retain(|at| now - *at < TRIES_WINDOW);
            if let Some(oldest) = moments.front().filter(|_| moments.len() >= *max) {
                return Err(TRIES_WINDOW - (now - *oldest));
            }
        }
        for (account, _max) in limits {
            make_room(&mut failed, now);
            failed.entry((peer, account)).or_default().push_back(now);
        }
        Ok(())
    }

    /// The try was a right one: the account's failures from there are forgotten.
    pub(super) fn succeeded(&self, peer: IpAddr, account: &str) {
        let mut failed = self.lock();
        failed.remove(&(peer, account.to_owned()));
        if let Some(moments) = failed.get_mut(&(peer, String::new())) {
            moments.pop_back();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(IpAddr, String), VecDeque<Instant>>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(failed: &mut BTreeMap<(IpAddr, String), VecDeque<Instant>>, now: Instant) {
    if failed.len() < TRIED_MAX {
        return;
    }
    failed.retain(|_, moments| moments.back().is_some_and(|at| now - *at < TRIES_WINDOW));
    while failed.len() >= TRIED_MAX {
        failed.pop_first();
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        let of = |headers: &HeaderMap| cookie(headers, Origin::Desk).map(str::to_owned);
        assert_eq!(of(&headers), None);
        headers.append(
            "cookie",
            HeaderValue::from_static("a=b; fengsui_sessionx=1"),
        );
        assert_eq!(of(&headers), None);
        headers.append(
            "cookie",
            HeaderValue::from_static("c; fengsui_session=t=1;d=e"),
        );
        assert_eq!(of(&headers), Some("t=1".to_owned()));
        assert_eq!(cookie(&headers, Origin::Guard), None);
    }

    #[test]
    fn failures_are_counted_per_account_and_address_and_forgotten_after_success() {
        let tries = Tries::default();
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..TRIES_MAX {
            tries.begin(here, "operator").expect("within the limit");
        }
        assert!(tries.begin(here, "operator").expect_err("too many") <= TRIES_WINDOW);
        tries.begin(there, "operator").expect("another address");
        tries.begin(here, "leader").expect("another account");
        tries.succeeded(here, "operator");
        tries.begin(here, "operator").expect("forgotten");
    }

    #[test]
    fn one_address_cannot_try_every_account() {
        let tries = Tries::default();
        let here = IpAddr::from([10, 0, 0, 1]);
        let refused = (0..2 * TRIES_OF_PEER_MAX)
            .filter(|n| tries.begin(here, &format!("a{n}")).is_err())
            .count();
        assert_eq!(refused, TRIES_OF_PEER_MAX);
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let tries = Tries::default();
        for n in 0..u32::try_from(2 * TRIED_MAX).expect("small") {
            tries
                .begin(IpAddr::from(n.to_be_bytes()), "a")
                .expect("new");
        }
        assert!(tries.lock().len() <= TRIED_MAX + 1);
    }
}
