//! The one mapping from a refusal to an HTTP answer: a status, a stable code, and words in both languages.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::campus::Refusal;
use crate::guards::GuardRefusal;
use crate::layout::Name;

/// An answer that is not what was asked for.
#[derive(Debug, Serialize)]
pub(crate) struct Error {
    #[serde(skip)]
    status: StatusCode,
    code: &'static str,
    message: Name,
}

impl Error {
    fn new(status: StatusCode, code: &'static str, zh: String, en: String) -> Self {
        Self {
            status,
            code,
            message: Name { zh, en },
        }
    }

    /// The verb does not exist for this kind of thing.
    pub(crate) fn verb(verb: &str) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unknown_verb",
            format!("没有这个操作:{verb}"),
            format!("no such verb: {verb}"),
        )
    }

    /// The body or the query cannot be read.
    pub(crate) fn body(why: &str) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unreadable",
            format!("内容无法读取:{why}"),
            format!("cannot be read: {why}"),
        )
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown { what, id } => Self::new(
                StatusCode::NOT_FOUND,
                "not_found",
                format!("没有 {id}"),
                format!("no {what} {id}"),
            ),
            Refusal::Absent { id } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "absent",
                format!("地址 {id} 没有设备"),
                format!("there is no device at {id}"),
            ),
            Refusal::Guard(refusal) => refusal.into(),
            Refusal::Unfit { why } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "unfit",
                format!("做不到:{why}"),
                why,
            ),
            Refusal::LinkStays { id } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "link_stays",
                format!("链路 {id} 没有切换"),
                format!("link {id} did not follow"),
            ),
        }
    }
}

impl From<GuardRefusal> for Error {
    fn from(refusal: GuardRefusal) -> Self {
        let (code, zh, en) = match refusal {
            GuardRefusal::NoOrder => (
                "no_order",
                "没有未完成的指令".to_owned(),
                "no open order".to_owned(),
            ),
            GuardRefusal::Script(why) => ("script", format!("脚本不对:{why}"), why),
            GuardRefusal::Stays => (
                "guard_stays",
                "终端没有离线".to_owned(),
                "the device did not go offline".to_owned(),
            ),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, zh, en)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        (self.status, Json(self)).into_response()
    }
}

pub(super) async fn not_found() -> Error {
    Error::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "没有这个地址".to_owned(),
        "no such path".to_owned(),
    )
}

pub(super) async fn wrong_method() -> Error {
    Error::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong_method",
        "方法不对".to_owned(),
        "the path takes another method".to_owned(),
    )
}
