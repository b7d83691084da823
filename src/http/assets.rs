//! The pages, embedded from web/dist, and the plans of the site's files.
//!
//! Pages are for anybody (one must see the sign-on); plans need a session. Nothing is read from disk at a request's word.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest, Sha256};

use super::auth::Signed;
use super::extract::Parted;
use super::problem::Failure;
use super::{Served, secret};
use crate::domain::text::Line;
use crate::text;

/// What `make web` has built.
#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Pages;

/// Files whose name changes with their content.
const HASHED: &str = "assets/";
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Asked for every time: an old page must not run against a new daemon.
const FRESH: &str = "no-cache";

/// The identity of this build: the program's version and a hash of every page's file.
pub(super) fn build() -> String {
    let mut names: Vec<_> = Pages::iter().collect();
    names.sort();
    let mut hash = Sha256::new();
    for name in names {
        if let Some(file) = Pages::get(&name) {
            hash.update(name.as_bytes());
            hash.update(file.metadata.sha256_hash());
        }
    }
    let hash = secret::hex(&hash.finalize());
    format!("{}-{}", env!("CARGO_PKG_VERSION"), &hash[..12])
}

/// Everything that is no route: a file of the pages, or nothing.
pub(super) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if path.starts_with("/api/") {
        return Failure::new(404, "route_unknown").into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return Failure::new(405, "method_unknown").into_response();
    }
    let name = match path {
        "/" => "index.html",
        "/g" | "/g/" => "guard.html",
        other => other.trim_start_matches('/'),
    };
    match Pages::get(name) {
        Some(file) => sent(name, file, &headers),
        None if name.ends_with(".html") => unbuilt(),
        None => Failure::new(404, "route_unknown").into_response(),
    }
}

fn sent(name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", secret::hex(&file.metadata.sha256_hash()));
    let keep = kept(name);
    let known = headers.get(header::IF_NONE_MATCH);
    if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        let headers = [
            (header::CACHE_CONTROL, keep.to_owned()),
            (header::ETAG, tag),
        ];
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, with_charset(file.metadata.mimetype())),
        (header::CACHE_CONTROL, keep.to_owned()),
        (header::ETAG, tag),
    ];
    (headers, file.data.into_owned()).into_response()
}

/// How long a browser may keep a file without asking.
fn kept(name: &str) -> &'static str {
    if name.starts_with(HASHED) {
        FOREVER
    } else {
        FRESH
    }
}

/// Our texts are UTF-8, whatever a browser would guess.
fn with_charset(kind: &str) -> String {
    let is_text = kind.starts_with("text/") || kind.ends_with("/javascript");
    let charset = if is_text { "; charset=utf-8" } else { "" };
    format!("{kind}{charset}")
}

/// The page of a daemon that was built without its pages: it says what to do, and the daemon itself is complete.
fn unbuilt() -> Response {
    let words = text::both(&Line::new("http.unbuilt"));
    let page = format!(
        "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>烽燧 Fengsui</title>\
        <h1>烽燧 Fengsui</h1><p>{}</p><p>{}</p>\
        <p><a href=\"/api/v1/status\">/api/v1/status</a></p></html>",
        words.zh, words.en
    );
    ([(header::CACHE_CONTROL, FRESH)], Html(page)).into_response()
}

#[utoipa::path(
    get, path = "/plans/{name}", tag = "documents", summary = "A floor plan",
    params(("name" = String, Path, description = "As `plan` of the site's document says")),
    responses(
        (status = 200, description = "SVG without scripts", body = String, content_type = "image/svg+xml"),
        (status = 404, description = "plan_unknown"),
    ),
)]
pub(super) async fn plan(
    State(served): State<Arc<Served>>,
    _signed: Signed,
    Parted(name): Parted<String>,
) -> Result<Response, Failure> {
    let Some(plan) = served.plans.get(&name) else {
        return Err(Failure::new(404, "plan_unknown"));
    };
    let kind = HeaderValue::from_static("image/svg+xml");
    Ok(([(header::CONTENT_TYPE, kind)], plan.clone()).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_with_a_hash_in_their_name_are_kept_without_asking() {
        assert_eq!(kept("assets/index-BZ1.js"), FOREVER);
        for fresh in ["index.html", "guard.html", "sw.js", "beacon.svg"] {
            assert_eq!(kept(fresh), FRESH);
        }
    }

    #[test]
    fn texts_say_their_characters() {
        assert_eq!(with_charset("text/html"), "text/html; charset=utf-8");
        assert_eq!(with_charset("image/svg+xml"), "image/svg+xml");
    }
}
