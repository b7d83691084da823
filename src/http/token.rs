//! Tokens of programs: `Authorization: Bearer …`. A token is random, shown once by `fengsui token add`, and kept as SHA-256.
//!
//! A program acts under its own name and role. It never signs on, so it needs neither cookie nor CSRF token.

use axum::http::{HeaderMap, header};

use super::Served;
use super::auth::{Pass, Signed};
use crate::engine::ports::{AccountRow, TokenRow};

/// What comes before the token.
const SCHEME: &str = "bearer";

/// The token of a request; a scheme without a token is a wrong one. Other schemes are a proxy's matter.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    let whole = token.is_empty() || token.starts_with(' ');
    (whole && scheme.eq_ignore_ascii_case(SCHEME)).then_some(token.trim())
}

/// The program whose token has this hash, while it is good.
pub(super) fn of_hash(served: &Served, hash: &str) -> Option<Signed> {
    let token = served
        .handle
        .people(|people| people.tokens.get(hash).cloned())?;
    let now = served.handle.now().wall;
    let good = token.ends_at.is_none_or(|end| now < end);
    good.then(|| Signed {
        pass: Pass::Token(hash.to_owned()),
        account: program(token),
    })
}

/// A program in the place of an account. No account has a colon in its id, so the journal tells them apart.
fn program(token: TokenRow) -> AccountRow {
    AccountRow {
        id: format!("program:{}", token.name).as_str().into(),
        name: token.name,
        role: token.role,
        recipient: None,
        password_hash: String::new(),
        disabled: false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_bearer_token_is_found_and_nothing_else_is_one() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", HeaderValue::from_static(value));
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(of("Bearer abc"), Some("abc".to_owned()));
        assert_eq!(of("bearer  abc "), Some("abc".to_owned()));
        assert_eq!(of("Basic abc"), None);
        assert_eq!(of("Bearer"), Some(String::new()));
        assert_eq!(of("Bearers a"), None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
