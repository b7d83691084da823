//! The description of the API: OpenAPI 3.1 made from the handlers, and a page of our own that shows it.
//!
//! `docs/openapi.json` is the same text, so that a change of the API shows in review. Nothing is loaded from elsewhere.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Map, Value, json};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa::{OpenApi as _, ToSchema};

use super::html::Html as Page;
use super::problem::{ActorDoc, ProblemDoc};
use crate::domain::text::Line;
use crate::text;

/// Refusals that every call with a session or token may meet, by status and codes.
const OF_EVERY_CALLER: [(&str, &str); 2] = [
    ("401", "not_signed_on, token_refused"),
    ("503", "starting, journal_closed"),
];
/// What a call that changes something may meet besides.
const OF_EVERY_CHANGE: (&str, &str) = ("403", "csrf_missing");
/// What any call may meet.
const OF_ANYBODY: (&str, &str) = ("500", "internal");

/// A role of the organisation.
#[derive(ToSchema)]
#[schema(as = Role)]
#[expect(dead_code, reason = "it only describes")]
pub(super) enum RoleWord {
    #[schema(rename = "viewer")]
    Viewer,
    #[schema(rename = "school")]
    School,
    #[schema(rename = "guard")]
    Guard,
    #[schema(rename = "clerk")]
    Clerk,
    #[schema(rename = "operator")]
    Operator,
    #[schema(rename = "foreman")]
    Foreman,
    #[schema(rename = "supervisor")]
    Supervisor,
    #[schema(rename = "director")]
    Director,
    #[schema(rename = "engineer")]
    Engineer,
}

/// Where the record is: in the journal, in the spool file with the journal to follow, or in memory alone.
#[derive(ToSchema)]
#[schema(as = Durable)]
#[expect(dead_code, reason = "it only describes")]
pub(super) enum DurableWord {
    #[schema(rename = "journal")]
    Journal,
    #[schema(rename = "spool")]
    Spool,
    #[schema(rename = "memory")]
    Memory,
}

/// A text in both languages.
#[derive(ToSchema)]
#[schema(as = Text)]
#[expect(dead_code, reason = "it only describes")]
pub(super) struct Words {
    zh: String,
    en: String,
}

/// All documents at one seq; each is described in web/src/documents.ts.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub(super) struct Snapshot {
    journal_id: String,
    seq: u64,
    engine: i64,
    wall: i64,
    #[schema(value_type = Object)]
    documents: (),
}

/// What no handler names by itself.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(ProblemDoc, ActorDoc)))]
struct Shared;

/// The head of the description.
pub(super) fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Fengsui 烽燧")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "People sign on and act with a session; programs act with `Authorization: Bearer`. A verb is a POST with an \
             Idempotency-Key: the same key with the same body has the same answer and is done once. Every refusal is a problem \
             (RFC 9457) with a stable code and words in Chinese and English. Within v1 there are only additions.",
        ))
        .build();
    let components = Shared::openapi().components;
    OpenApiBuilder::new()
        .info(info)
        .components(components)
        .build()
}

/// The text of `/api/v1/openapi.json` and the page of `/api`.
struct Described {
    json: String,
    page: String,
}

static DESCRIBED: LazyLock<Described> = LazyLock::new(|| {
    let api = super::described().into_openapi();
    // A description of our own types always serialises.
    let api = complete(serde_json::to_value(api).unwrap_or_default());
    let mut json = serde_json::to_string_pretty(&api).unwrap_or_default();
    json.push('\n');
    Described {
        json,
        page: shown(&api),
    }
});

/// The description as it is served and as it stands in docs/openapi.json.
#[utoipa::path(
    get, path = "/openapi.json", tag = "description", summary = "This description",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)),
    security(()),
)]
pub(super) async fn document() -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (headers, DESCRIBED.json.as_str()).into_response()
}

/// The description for people.
#[utoipa::path(
    get, path = "/api", tag = "description", summary = "This description as a page",
    responses((status = 200, description = "A page", body = String, content_type = "text/html")),
    security(()),
)]
pub(super) async fn page() -> Html<&'static str> {
    Html(&DESCRIBED.page)
}

/// Adds what holds for many routes: security, common refusals, the body of every refusal.
fn complete(mut api: Value) -> Value {
    api["components"]["securitySchemes"] = json!({
        "session": { "type": "apiKey", "in": "cookie", "name": super::auth::Origin::Desk.cookie() },
        "csrf": { "type": "apiKey", "in": "header", "name": super::auth::CSRF,
            "description": "The `csrf` of /api/v1/me, with every POST and DELETE of a session" },
        "bearer": { "type": "http", "scheme": "bearer", "description": "`fengsui token add`" },
    });
    let paths = api["paths"].as_object_mut();
    for (path, operations) in paths.into_iter().flatten() {
        let page = path.starts_with("/plain");
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            complete_operation(method, operation, page);
        }
    }
    api
}

fn complete_operation(method: &str, operation: &mut Value, page: bool) {
    let mut common = vec![OF_ANYBODY];
    if operation.get("security").is_none() {
        let changes = method != "get";
        common.extend(OF_EVERY_CALLER);
        common.extend(changes.then_some(OF_EVERY_CHANGE));
        let session = match changes {
            true => json!({ "session": [], "csrf": [] }),
            false => json!({ "session": [] }),
        };
        operation["security"] = json!([session, { "bearer": [] }]);
    }
    let Some(responses) = operation["responses"].as_object_mut() else {
        return;
    };
    for (status, codes) in common {
        also(responses, status, codes);
    }
    let refusals = responses.iter_mut();
    for (_, response) in refusals.filter(|(status, _)| status.as_str() >= "400") {
        // A page answers with a page, and who watches with reasons.
        if !page && response.get("content").is_none() {
            let problem = json!({ "$ref": "#/components/schemas/Problem" });
            response["content"] = json!({ "application/problem+json": { "schema": problem } });
        } else if page {
            let text = json!({ "type": "string" });
            response["content"] = json!({ "text/html": { "schema": text } });
        }
    }
}

fn also(responses: &mut Map<String, Value>, status: &str, codes: &str) {
    let response = responses.entry(status).or_insert_with(|| json!({}));
    let before = response["description"].as_str().unwrap_or_default();
    let codes = match before {
        "" => codes.to_owned(),
        before => format!("{codes}, {before}"),
    };
    response["description"] = codes.into();
}

/// The codes that a refusal's description names.
fn codes(description: &str) -> impl Iterator<Item = &str> {
    let is_code = |word: &&str| {
        word.contains('_') || ["internal", "starting", "busy", "stopping"].contains(word)
    };
    description.split([',', ' ', ':']).filter(is_code)
}

/// The page: every route, what it takes, what it answers, and the words of every code.
fn shown(api: &Value) -> String {
    let mut page = Page::new("en", "Fengsui 烽燧 API");
    page.tag(
        "h1",
        "",
        &["Fengsui 烽燧 API ", text_of(&api["info"]["version"])].concat(),
    );
    page.tag("p", "", text_of(&api["info"]["description"]));
    page.raw("<p><a href=\"/api/v1/openapi.json\">openapi.json</a></p>");
    for (path, operations) in api["paths"].as_object().into_iter().flatten() {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            let title = format!("{} {path}", method.to_uppercase());
            page.raw("<section>");
            page.tag("h2", "", &title);
            page.tag("p", "", text_of(&operation["summary"]));
            let parameters = operation["parameters"].as_array();
            for parameter in parameters.into_iter().flatten() {
                let words = format!(
                    "{} ({}): {}",
                    text_of(&parameter["name"]),
                    text_of(&parameter["in"]),
                    text_of(&parameter["description"])
                );
                page.tag("p", "cap", &words);
            }
            answers(&mut page, &operation["responses"]);
            page.raw("</section>");
        }
    }
    page.finish()
}

fn answers(page: &mut Page, responses: &Value) {
    page.raw("<dl>");
    for (status, response) in responses.as_object().into_iter().flatten() {
        let description = text_of(&response["description"]);
        let mut words = description.to_owned();
        for code in codes(description) {
            let line = Line::new(format!("code.{code}"));
            if text::has(&line.key) {
                // Writing into a text cannot fail.
                let _ = write!(words, " · {code}: {}", text::both(&line).en);
            }
        }
        page.tag("dt", "", status);
        page.tag("dd", "", &words);
    }
    page.raw("</dl>");
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The committed description, which is the one that is served.
    #[test]
    fn the_committed_description_is_the_one_that_is_served() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        if committed != DESCRIBED.json {
            // Where the checkout cannot be written the message alone must do.
            let _ = std::fs::write(path, &DESCRIBED.json);
            panic!(
                "docs/openapi.json was not up to date and is now renewed: read its difference and commit it"
            );
        }
    }

    #[test]
    fn every_code_that_is_named_has_words() {
        let api: Value = serde_json::from_str(&DESCRIBED.json).expect("JSON");
        let mut named = 0;
        for operations in api["paths"].as_object().expect("paths").values() {
            for operation in operations.as_object().expect("operations").values() {
                for (status, response) in operation["responses"].as_object().expect("responses") {
                    let refusal = status.as_str() >= "400";
                    let description = text_of(&response["description"]);
                    assert!(!description.is_empty(), "{status} says nothing");
                    for code in codes(description).filter(|_| refusal) {
                        named += 1;
                        assert!(text::has(&format!("code.{code}")), "{code}");
                    }
                }
            }
        }
        assert!(named > 50, "{named}");
    }

    #[test]
    fn no_route_is_served_beside_the_description() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http");
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path).expect("text");
                let program = text.split("#[cfg(test)]").next().unwrap_or_default();
                for way in [".route(", ".route_service(", ".nest_service("] {
                    assert!(!program.contains(way), "{}: {way}", path.display());
                }
            }
        }
    }
}
