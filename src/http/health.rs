//! `GET /healthz` and `GET /metrics`, for programs that watch the daemon.
//!
//! Both are open to callers on this machine and to any program with a token. A request that a proxy passes on is not from this
//! machine, whatever its address.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::connection::Peer;
use super::problem::{Code, Failure};
use super::{Served, glance, secret, token};
use crate::engine::handle::Handle;
use crate::engine::ports::Count;
use crate::engine::stages::BOUNDS;

/// Headers by which a proxy says for whom it asks.
const OF_PROXIES: [&str; 3] = ["forwarded", "x-forwarded-for", "x-real-ip"];
/// Most codes that are counted apart; codes are constants of the program.
const CODES_MAX: usize = 512;

/// Who may watch.
pub(super) struct Watching;

impl FromRequestParts<Arc<Served>> for Watching {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, served: &Arc<Served>) -> Result<Self, Failure> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>();
        let here = peer.is_some_and(|peer| super::address(peer).ip().is_loopback());
        let passed_on = OF_PROXIES
            .iter()
            .any(|name| parts.headers.contains_key(*name));
        if here && !passed_on {
            return Ok(Self);
        }
        let bearer = token::bearer(&parts.headers).map(secret::sha256);
        match bearer.and_then(|hash| token::of_hash(served, &hash)) {
            Some(_program) => Ok(Self),
            None => Err(Failure::new(403, "loopback_or_token")),
        }
    }
}

/// What HTTP itself counts.
#[derive(Debug)]
pub(super) struct Counters {
    /// Answers by status.
    answers: [AtomicU64; 600],
    /// Refusals by code.
    refusals: Mutex<std::collections::BTreeMap<String, u64>>,
    /// Open streams.
    streams: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            answers: [const { AtomicU64::new(0) }; 600],
            refusals: Mutex::default(),
            streams: AtomicU64::new(0),
        }
    }
}

impl Counters {
    /// Counts one answer.
    pub(super) fn answered(&self, response: &Response) {
        let status = usize::from(response.status().as_u16());
        if let Some(count) = self.answers.get(status) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let Some(Code(code)) = response.extensions().get() else {
            return;
        };
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = refusals.get_mut(code) {
            *count += 1;
        } else if refusals.len() < CODES_MAX {
            refusals.insert(code.clone(), 1);
        }
    }
}

/// An open stream, counted while it lives.
pub(super) struct Counted(Arc<Served>);

impl Counted {
    /// One stream more.
    pub(super) fn new(served: &Arc<Served>) -> Self {
        served.counters.streams.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(served))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.counters.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether the daemon does its work, and why not.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    ok: bool,
    reasons: Vec<Reason>,
}

/// One thing that is not as it must be.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Reason {
    /// `starting`, `store`, `degraded`, `link`.
    what: &'static str,
    /// The line of the field, or the store's own words.
    detail: String,
}

/// Whether the daemon does its work.
#[utoipa::path(
    get, path = "/healthz", tag = "watching",
    summary = "Whether the engine is ready, the journal is written and every line of the field is read",
    responses(
        (status = 200, description = "It does its work", body = Health),
        (status = 403, description = "loopback_or_token"),
        (status = 503, description = "It does not: the reasons, as for 200", body = Health),
    ),
    security((), ("bearer" = [])),
)]
pub(super) async fn healthz(State(served): State<Arc<Served>>, _watching: Watching) -> Response {
    let reasons = reasons(&served.handle);
    let ok = reasons.is_empty();
    let status = match ok {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(Health { ok, reasons })).into_response()
}

fn reasons(handle: &Handle) -> Vec<Reason> {
    let health = handle.health();
    let mut reasons = Vec::new();
    let mut reason = |what, detail: &str| {
        let detail = detail.to_owned();
        reasons.push(Reason { what, detail });
    };
    if !health.ready {
        reason("starting", "the journal is not loaded");
    }
    if let Some(why) = &health.store {
        reason("store", why);
    }
    let glance = glance::of(handle);
    if health.ready && glance.degraded != "no" {
        reason("degraded", &glance.degraded);
    }
    for (bus, link) in links(handle) {
        if link.state != "up" {
            reason("link", &format!("{bus}: {}", link.state));
        }
    }
    reasons
}

#[derive(Deserialize)]
struct Link {
    state: String,
}

/// Every line of the field with its state.
fn links(handle: &Handle) -> Vec<(String, Link)> {
    let documents = handle.with_prefix("link/");
    let link = |(bus, text): (String, Arc<str>)| Some((bus, serde_json::from_str(&text).ok()?));
    documents.into_iter().filter_map(link).collect()
}

/// What can be counted.
#[utoipa::path(
    get, path = "/metrics", tag = "watching", summary = "Stage times and counters for Prometheus",
    responses(
        (status = 200, description = "Text format 0.0.4", body = String, content_type = "text/plain"),
        (status = 403, description = "loopback_or_token"),
    ),
    security((), ("bearer" = [])),
)]
pub(super) async fn metrics(State(served): State<Arc<Served>>, _watching: Watching) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], measured(&served)).into_response()
}

/// The text of all metrics.
fn measured(served: &Served) -> String {
    let mut out = Metrics(String::new());
    let handle = &served.handle;
    let health = handle.health();
    let glance = glance::of(handle);
    let build = [("build", served.build.as_str())];
    out.family("build_info", "gauge", "The program.", [(&build[..], 1)]);
    out.one(
        "ready",
        "gauge",
        "The journal is loaded.",
        u64::from(health.ready),
    );
    let writable = u64::from(health.store.is_none());
    out.one(
        "store_writable",
        "gauge",
        "The journal can be written.",
        writable,
    );
    let states = ["no", "spool", "memory"].map(|state| {
        let is = u64::from(health.ready && glance.degraded == state);
        ([("state", state)], is)
    });
    let states = states.iter().map(|(labels, is)| (&labels[..], *is));
    out.family("degraded", "gauge", "Where records go.", states);
    out.one(
        "journal_seq",
        "counter",
        "The last committed entry.",
        handle.seq(),
    );
    let incidents = glance.incidents as u64;
    out.one("incidents_open", "gauge", "Open incidents.", incidents);
    let links = links(handle);
    let links = links
        .iter()
        .map(|(bus, link)| ([("bus", bus.as_str())], link));
    let links: Vec<_> = links
        .map(|(bus, link)| (bus, u64::from(link.state == "up")))
        .collect();
    let links = links.iter().map(|(bus, up)| (&bus[..], *up));
    out.family("link_up", "gauge", "A line of the field answers.", links);
    if let Some(up) = glance.broker_up {
        out.one(
            "broker_up",
            "gauge",
            "The MQTT broker is reached.",
            u64::from(up),
        );
    }
    let sessions = handle.people(|people| people.sessions.len()) as u64;
    out.one("sessions", "gauge", "Sessions of people.", sessions);
    let streams = served.counters.streams.load(Ordering::Relaxed);
    out.one(
        "stream_clients",
        "gauge",
        "Pages that follow the stream.",
        streams,
    );
    counted(&mut out, &served.counters);
    field(&mut out, &served.field.counts());
    stages(&mut out, handle);
    out.0
}

/// What happened on the lines of the field and with each unit on them. The line has what no unit can be blamed for as well.
fn field(out: &mut Metrics, counts: &[Count]) {
    let units: Vec<_> = counts.iter().map(|count| of_unit(count.unit)).collect();
    let labels = counts.iter().zip(&units).map(|(count, unit)| {
        let labels = [
            ("bus", count.bus.as_str()),
            ("unit", unit.as_str()),
            ("kind", count.kind.as_str()),
        ];
        (labels, count.count)
    });
    let labels: Vec<_> = labels.collect();
    let labels = labels.iter().map(|(labels, count)| (&labels[..], *count));
    out.family(
        "field_total",
        "counter",
        "What happened on a line, and with a unit of it.",
        labels,
    );
}

fn of_unit(unit: Option<u8>) -> String {
    unit.map_or_else(|| "line".to_owned(), |unit| unit.to_string())
}

fn counted(out: &mut Metrics, counters: &Counters) {
    let answers = counters.answers.iter().enumerate();
    let answers: Vec<_> = answers
        .map(|(status, count)| (status.to_string(), count.load(Ordering::Relaxed)))
        .filter(|(_, count)| *count > 0)
        .collect();
    let answers: Vec<_> = answers
        .iter()
        .map(|(status, count)| ([("status", status.as_str())], *count))
        .collect();
    let answers = answers.iter().map(|(labels, count)| (&labels[..], *count));
    out.family(
        "http_answers_total",
        "counter",
        "Answers by status.",
        answers,
    );
    let refusals = counters
        .refusals
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let refusals: Vec<_> = refusals
        .iter()
        .map(|(code, count)| ([("code", code.as_str())], *count))
        .collect();
    let refusals = refusals.iter().map(|(labels, count)| (&labels[..], *count));
    out.family(
        "http_refusals_total",
        "counter",
        "Refusals by code.",
        refusals,
    );
}

fn stages(out: &mut Metrics, handle: &Handle) {
    let name = "stage_seconds";
    out.head(name, "histogram", "How long each stage takes.");
    for (stage, histogram) in handle.stages() {
        let word = stage.word();
        let bounds = BOUNDS.map(|bound| bound.to_string()).into_iter();
        let bounds = bounds.chain(["+Inf".to_owned()]);
        let mut sum = 0;
        for (bound, count) in bounds.zip(histogram.counts) {
            sum += count;
            let labels = [("stage", word), ("le", bound.as_str())];
            out.line(&format!("{name}_bucket"), &labels, &sum.to_string());
        }
        let labels = [("stage", word)];
        out.line(&format!("{name}_sum"), &labels, &histogram.sum.to_string());
        out.line(&format!("{name}_count"), &labels, &sum.to_string());
    }
}

/// The text format 0.0.4 of Prometheus.
struct Metrics(String);

impl Metrics {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a text cannot fail.
        let _ = writeln!(self.0, "# HELP fengsui_{name} {help}");
        let _ = writeln!(self.0, "# TYPE fengsui_{name} {kind}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.family(name, kind, help, [(&[][..], value)]);
    }

    fn family<'a>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        values: impl IntoIterator<Item = (&'a [(&'a str, &'a str)], u64)>,
    ) {
        self.head(name, kind, help);
        for (labels, value) in values {
            self.line(name, labels, &value.to_string());
        }
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: &str) {
        let _ = write!(self.0, "fengsui_{name}");
        for (n, (label, word)) in labels.iter().enumerate() {
            let border = if n == 0 { '{' } else { ',' };
            let word = word
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let _ = write!(self.0, "{border}{label}=\"{word}\"");
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{close} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_that_of_the_format() {
        let mut out = Metrics(String::new());
        out.one("ready", "gauge", "Loaded.", 1);
        out.family(
            "x",
            "counter",
            "X.",
            [(&[("a", "b\"\\"), ("c", "d")][..], 2)],
        );
        let wanted = "# HELP fengsui_ready Loaded.\n# TYPE fengsui_ready gauge\nfengsui_ready 1\n\
            # HELP fengsui_x X.\n# TYPE fengsui_x counter\nfengsui_x{a=\"b\\\"\\\\\",c=\"d\"} 2\n";
        assert_eq!(out.0, wanted);
    }
}
