//! Problem details (RFC 9457) with a stable code and the catalogue's words in both languages.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Served, openapi};
use crate::domain::actor::Actor;
use crate::domain::text::{Line, Text};
use crate::domain::time::WallTime;
use crate::engine::ports::Problem;
use crate::text;

/// The body of every refusal (RFC 9457); `Problem` of web/src/documents.ts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDoc {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    /// Stable; its words are in the catalogue under `code.`.
    code: String,
    #[schema(value_type = openapi::Words)]
    detail: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_by: Option<ActorDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    settled_at: Option<WallTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    how: Option<String>,
}

/// Who did it; `Actor` of web/src/documents.ts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Actor)]
pub(super) struct ActorDoc {
    kind: &'static str,
    id: String,
    name: String,
}

/// A refusal's code beside its answer, for those who count.
#[derive(Clone, Debug)]
pub(super) struct Code(pub(super) String);

/// A refusal on its way out.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    document: Box<ProblemDoc>,
    retry_after_s: Option<u64>,
}

impl Failure {
    /// A refusal of the adapter itself; the words are `code.{code}` of the catalogue.
    pub(super) fn new(status: u16, code: &str) -> Self {
        let detail = text::both(&Line::new(format!("code.{code}")));
        Self::with(status, code, detail)
    }

    fn with(status: u16, code: &str, detail: Text) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let document = ProblemDoc {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Refused"),
            status: status.as_u16(),
            code: code.to_owned(),
            detail,
            settled_by: None,
            settled_at: None,
            how: None,
        };
        Self {
            status,
            document: Box::new(document),
            retry_after_s: None,
        }
    }

    /// A refusal of the engine, with the names of who settled the step.
    pub(super) fn told(served: &Served, problem: Problem) -> Self {
        let mut failure = Self::with(problem.status, &problem.code, problem.detail);
        failure.document.settled_by = problem.settled_by.map(|actor| named(served, &actor));
        failure.document.settled_at = problem.settled_at;
        failure.document.how = problem.how;
        failure
    }

    /// What it says to a person.
    pub(super) fn words(&self) -> &Text {
        &self.document.detail
    }

    /// Its code.
    pub(super) fn code(&self) -> &str {
        &self.document.code
    }

    /// Its status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Who settled the step, and when.
    pub(super) fn settled(&self) -> Option<(&str, WallTime)> {
        let by = self.document.settled_by.as_ref()?;
        Some((&by.name, self.document.settled_at?))
    }

    /// Tells the caller when to try again.
    pub(super) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let code = Code(self.document.code.clone());
        let mut response = (self.status, Json(self.document)).into_response();
        response.extensions_mut().insert(code);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// An actor as the documents show it: names of accounts from erasable rows, names of recipients from the site's files.
fn named(served: &Served, actor: &Actor) -> ActorDoc {
    let (kind, id, name) = match actor {
        Actor::System => ("system", "system", in_chinese("http.by_system")),
        Actor::Field => ("panel", "field", in_chinese("http.by_field")),
        Actor::Account(id) => {
            let name = served.handle.people(|people| {
                let account = people.accounts.get(id.as_str());
                account.map(|account| account.name.clone())
            });
            ("account", id.as_str(), name.unwrap_or(id.to_string()))
        }
        Actor::Recipient(id) => {
            let recipient = served.site.recipients.get(id);
            let name = recipient.map_or(id.to_string(), |recipient| recipient.name.clone());
            ("recipient", id.as_str(), name)
        }
    };
    ActorDoc {
        kind,
        id: id.to_owned(),
        name,
    }
}

/// Names are in one language, the site's own.
fn in_chinese(key: &str) -> String {
    text::both(&Line::new(key)).zh
}

/// A route that is there, with a method that is not.
pub(super) async fn method_unknown() -> Failure {
    Failure::new(405, "method_unknown")
}
