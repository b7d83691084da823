//! What handlers take from a request, with every refusal as a problem: path parts, JSON bodies, the idempotency key.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::problem::Failure;

/// Longest id or verb in a path; anything longer names nothing that exists.
const WORD_MAX: usize = 64;
/// Longest idempotency key.
const KEY_MAX: usize = 128;

/// Parts of the path. Percent-encoded bytes that are no text lead nowhere.
pub(super) struct Parted<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Parted<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(parted)) => Ok(Self(parted)),
            Err(_rejection) => Err(Failure::new(404, "route_unknown")),
        }
    }
}

/// Whether a path part can be an id or a verb: letters, digits, `-`, `_`, `.`. A slash would name another kind of case.
pub(super) fn is_word(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !part.is_empty() && part.len() <= WORD_MAX && part.bytes().all(plain)
}

/// The bytes of a JSON body. The media type must say JSON, so that no form of another site can post here.
pub(super) struct JsonText(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonText {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let is_json = media_type(request.headers()).is_some_and(|kind| {
            kind.eq_ignore_ascii_case("application/json") || kind.ends_with("+json")
        });
        match Bytes::from_request(request, state).await {
            Ok(bytes) if is_json || bytes.is_empty() => Ok(Self(bytes)),
            Ok(_bytes) => Err(Failure::new(415, "media_type")),
            Err(rejection) => Err(unread(&rejection)),
        }
    }
}

impl JsonText {
    /// The body as a value of ours, refused with `code` when it is none.
    pub(super) fn parse<T: DeserializeOwned>(&self, code: &str) -> Result<T, Failure> {
        serde_json::from_slice(&self.0).map_err(|_| Failure::new(422, code))
    }
}

fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

fn unread(rejection: &BytesRejection) -> Failure {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Failure::new(413, "body_too_large");
    }
    Failure::new(422, "body_unreadable")
}

/// The `Idempotency-Key` of a verb.
pub(super) struct Key(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let Some(key) = parts.headers.get("idempotency-key") else {
            return Err(Failure::new(422, "idempotency_key_missing"));
        };
        match key.to_str() {
            Ok(key) if !key.is_empty() && key.len() <= KEY_MAX => Ok(Self(key.to_owned())),
            Ok(_) | Err(_) => Err(Failure::new(422, "idempotency_key_unusable")),
        }
    }
}
