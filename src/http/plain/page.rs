//! The pages: signing on, the overview, one verb, a refusal.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{forms, incident};
use crate::domain::role::Power;
use crate::domain::text::{Argument, Line, Text};
use crate::domain::time::Now;
use crate::http::auth::{Pass, Signed};
use crate::http::html::Html;
use crate::http::problem::Failure;
use crate::http::{Served, first};
use crate::text;

/// The overview asks for itself again after so many seconds.
const REFRESH_S: u32 = 5;
/// Documents that these pages read.
const READ: [&str; 5] = ["site", "summary", "incident/", "order/", "output/"];

/// Documents by key.
pub(super) type Documents = BTreeMap<String, Value>;

/// Whoever reads a page: the language and the moment.
pub(super) struct Reader<'a> {
    served: &'a Served,
    /// `zh` or `en`.
    pub(super) lang: &'static str,
    /// The moment of the page.
    pub(super) now: Now,
}

impl<'a> Reader<'a> {
    /// A reader; Chinese unless English is asked for.
    pub(super) fn new(served: &'a Served, lang: Option<&str>) -> Self {
        Self {
            served,
            lang: if lang == Some("en") { "en" } else { "zh" },
            now: served.handle.now(),
        }
    }

    /// Where the overview is.
    pub(super) fn home(&self) -> String {
        format!("/plain?lang={}", self.lang)
    }

    /// A line of the catalogue. An argument that is itself a key of it is shown in words.
    pub(super) fn words(&self, line: &Line) -> String {
        let mut line = line.clone();
        for value in line.args.values_mut() {
            if let Argument::Word(word) = value
                && text::has(word)
            {
                *word = self.word(word);
            }
        }
        self.of(text::both(&line))
    }

    /// A line without arguments.
    pub(super) fn word(&self, key: &str) -> String {
        self.words(&Line::new(key))
    }

    fn of(&self, text: Text) -> String {
        match self.lang {
            "en" if !text.en.is_empty() => text.en,
            _ => text.zh,
        }
    }

    /// A name that the site gives in both languages.
    pub(super) fn name(&self, name: &Value) -> String {
        let text = |language: &str| name[language].as_str().unwrap_or_default().to_owned();
        self.of(Text::new(text("zh"), text("en")))
    }

    /// A moment of the wall clock as the site's clocks show it.
    pub(super) fn clock(&self, wall: &Value, site: &Value) -> String {
        let Some(ms) = wall.as_i64() else {
            return "--:--:--".to_owned();
        };
        let minutes = site["utc_offset_minutes"].as_i64().unwrap_or(0);
        let seconds = (ms / 1_000 + minutes * 60).rem_euclid(24 * 3_600);
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)
    }

    fn title(&self) -> String {
        self.word("plain.title")
    }

    fn page(&self, head: &str) -> Html {
        let language = if self.lang == "en" { "en" } else { "zh-CN" };
        Html::with_head(language, &self.title(), head)
    }
}

/// A line of a document.
pub(super) fn line(value: &Value) -> Line {
    serde_json::from_value(value.clone()).unwrap_or_else(|_| Line::new(""))
}

/// The documents that somebody may see, of the kinds that these pages read.
fn documents(reader: &Reader<'_>, signed: &Signed) -> Documents {
    let snapshot = reader.served.handle.snapshot(&signed.audience());
    let read = |key: &str| {
        READ.iter()
            .any(|kind| key == *kind || kind.ends_with('/') && key.starts_with(kind))
    };
    let there = snapshot.by_key.into_iter().filter(|(key, _)| read(key));
    there
        .filter_map(|(key, text)| Some((key.to_string(), serde_json::from_str(&text).ok()?)))
        .collect()
}

fn csrf(signed: &Signed) -> &str {
    match &signed.pass {
        Pass::Session(session) => &session.csrf,
        Pass::Token(_) => "",
    }
}

/// The form for signing on; a refusal before, and what to type where nobody can sign on yet.
pub(super) fn sign_on(reader: &Reader<'_>, refusal: Option<&Failure>) -> String {
    let mut page = reader.page("");
    page.tag("h1", "", &reader.title());
    page.tag("p", "cap", &reader.word("ui.not_a_panel"));
    if let Some(failure) = refusal {
        page.tag("p", "bad", &reader.of(failure.words().clone()));
    }
    if let Some(command) = first::command(reader.served) {
        let line = Line::new("plain.first_account").with("command", command);
        page.tag("p", "bad", &reader.words(&line));
    }
    page.raw("<form method=\"post\" action=\"/plain/session\">");
    page.hidden("lang", reader.lang);
    page.raw("<p><label>");
    page.text(&reader.word("ui.account"));
    page.raw(" <input name=\"account\" autocomplete=\"username\" required></label></p><p><label>");
    page.text(&reader.word("ui.password"));
    page.raw(" <input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label></p>");
    page.tag("button", "", &reader.word("ui.sign_on"));
    page.raw("</form>");
    other_language(&mut page, reader);
    page.finish()
}

fn other_language(page: &mut Html, reader: &Reader<'_>) {
    let (address, words) = match reader.lang {
        "en" => ("/plain?lang=zh", "中文"),
        _ => ("/plain?lang=en", "English"),
    };
    page.raw("<p><a href=\"");
    page.raw(address);
    page.raw("\">");
    page.text(words);
    page.raw("</a></p>");
}

/// What somebody may see and do now.
pub(super) fn overview(reader: &Reader<'_>, signed: &Signed, done: Option<&str>) -> String {
    let documents = documents(reader, signed);
    let site = &documents.get("site").cloned().unwrap_or_default();
    let head = format!(
        "<meta http-equiv=\"refresh\" content=\"{REFRESH_S};url={}\">",
        reader.home()
    );
    let mut page = reader.page(&head);
    let title = format!("{} {}", reader.name(&site["name"]), reader.title());
    page.tag("h1", "", &title);
    let moment = reader.clock(&json!(reader.now.wall), site);
    let line = Line::new("plain.as_of")
        .with("time", moment)
        .with("seconds", REFRESH_S)
        .with("name", &signed.account.name);
    page.tag("p", "cap", &reader.words(&line));
    if done.is_some() {
        page.tag("p", "now", &reader.word("plain.done"));
    }
    troubles(&mut page, reader);
    let shown = incident::Shown {
        reader,
        documents: &documents,
        site,
        csrf: csrf(signed),
        operates: signed.account.role.may(Power::Protect),
    };
    if signed.account.role.may(Power::SeeBoards) {
        incident::room(&mut page, &shown);
    }
    if let Some(recipient) = &signed.account.recipient {
        incident::own_orders(&mut page, &shown, recipient.as_str());
    }
    page.raw("<section>");
    for verb in of_the_room(reader, signed, &documents) {
        forms::offered(&mut page, reader, csrf(signed), &verb);
    }
    page.raw("</section><form class=\"row\" method=\"post\" action=\"/plain/off\">");
    page.hidden("csrf", csrf(signed));
    page.hidden("lang", reader.lang);
    page.tag("button", "", &reader.word("ui.sign_off"));
    page.raw("</form>");
    other_language(&mut page, reader);
    page.finish()
}

/// What the daemon says of itself when its records are in danger.
fn troubles(page: &mut Html, reader: &Reader<'_>) {
    let health = reader.served.handle.health();
    if let Some(why) = health.store {
        let line = Line::new("ui.store_error").with("error", why);
        page.tag("p", "bad", &reader.words(&line));
    }
}

/// Verbs that stand in no document: those of the room as a whole, and a report.
fn of_the_room(reader: &Reader<'_>, signed: &Signed, documents: &Documents) -> Vec<Value> {
    let role = signed.account.role;
    let summary = documents.get("summary").cloned().unwrap_or_default();
    let mut verbs = Vec::new();
    if role.may(Power::Protect) {
        verbs.push(
            json!({ "path": "/api/v1/site/mute", "line": Line::new("verb.mute"), "body": {} }),
        );
        if summary["mode"] != "auto" {
            let line = Line::new("plain.mode_auto");
            verbs.push(
                json!({ "path": "/api/v1/site/mode", "line": line, "body": { "mode": "auto" } }),
            );
        }
    }
    if role.may(Power::Weaken) && summary["mode"] == "auto" {
        verbs.push(json!({
            "path": "/api/v1/site/mode", "line": Line::new("plain.mode_manual"), "body": { "mode": "manual" }, "step_up": true,
            "fields": [{ "field": "reason", "kind": "text", "required": true, "line": Line::new("plain.reason") }],
        }));
    }
    if role.may(Power::Protect) {
        let mut offered = Vec::new();
        found(&summary, &mut offered);
        offered.retain(|verb| !verbs.iter().any(|known| known["path"] == verb["path"]));
        verbs.extend(offered);
    }
    if role.may(Power::Report) {
        verbs.push(report(reader, documents, role.may(Power::SeeBoards)));
    }
    verbs
}

/// 人工报警 as it was told, or 发现火情 at the own post.
fn report(reader: &Reader<'_>, documents: &Documents, told: bool) -> Value {
    let site = documents.get("site").cloned().unwrap_or_default();
    let option = |compartment: &Value| {
        let name = Line::new("fact.name").with("name", reader.name(&compartment["name"]));
        json!({ "value": compartment["id"], "line": name })
    };
    let places = site["compartments"].as_array().into_iter().flatten();
    let places: Vec<Value> = places.map(option).collect();
    let field = |name: &str, kind: &str, required: bool| json!({ "field": name, "kind": kind, "required": required, "line": Line::new(format!("plain.{name}")) });
    let mut place = field("compartment", "select", told);
    place["options"] = json!(places);
    let mut fields = vec![place, field("room", "text", false)];
    if told {
        let hows = ["phone", "radio", "in_person"];
        let hows = hows.map(|how| json!({ "value": how, "line": Line::new(format!("how.{how}")) }));
        let mut how = field("how", "select", true);
        how["options"] = json!(hows);
        fields.extend([
            how,
            field("caller", "text", false),
            field("phone", "text", false),
        ]);
    }
    fields.push(field("text", "text", false));
    json!({ "path": "/api/v1/reports", "line": Line::new("verb.report"), "tone": "fire", "body": {}, "fields": fields })
}

/// The page of one verb, while it is offered.
pub(super) fn verb(reader: &Reader<'_>, signed: &Signed, asked: (&str, &str)) -> Option<String> {
    let documents = documents(reader, signed);
    let mut offered = of_the_room(reader, signed, &documents);
    for (key, document) in &documents {
        if key.starts_with("order/") {
            let own = signed.account.recipient.as_ref().map(ToString::to_string);
            if own.is_some_and(|own| document["recipient"] == own) {
                offered.extend(incident::replies(document));
            }
        } else if signed.account.role.may(Power::Protect) {
            found(document, &mut offered);
        }
    }
    let (path, key) = asked;
    let verb = offered
        .into_iter()
        .find(|verb| verb["path"] == path && verb["line"]["key"] == key)?;
    let mut page = reader.page("");
    page.tag("h1", "", &reader.words(&line(&verb["line"])));
    if let Some(place) = place_of(path, &documents) {
        page.tag("p", "now", &reader.name(&place));
    }
    let asks =
        verb["step_up"] == true && !signed.is_proved(reader.now.engine, reader.served.step_up);
    forms::form(&mut page, reader, (csrf(signed), asks), &verb);
    page.raw("<p><a href=\"");
    page.text(&reader.home());
    page.raw("\">");
    page.text(&reader.word("guard.back"));
    page.raw("</a></p>");
    Some(page.finish())
}

/// Where the incident of a verb is, or what output it is about.
fn place_of(path: &str, documents: &Documents) -> Option<Value> {
    let rest = path.strip_prefix("/api/v1/")?;
    let mut parts = rest.split('/');
    let (kind, id) = (parts.next()?, parts.next()?);
    match kind {
        "incidents" => {
            let first = &documents.get(&format!("incident/{id}"))?["first"];
            let part = |language: &str| {
                let parts = ["building", "floor", "room"]
                    .map(|part| first[part][language].as_str().unwrap_or_default());
                parts.join(" ")
            };
            Some(json!({ "zh": part("zh"), "en": part("en") }))
        }
        "outputs" => Some(documents.get(&format!("output/{id}"))?["name"].clone()),
        _ => None,
    }
}

/// Every verb that a document offers, wherever it stands in it.
pub(super) fn found(value: &Value, verbs: &mut Vec<Value>) {
    match value {
        Value::Object(fields) if fields.contains_key("verb") && fields.contains_key("path") => {
            verbs.push(value.clone());
        }
        Value::Object(fields) => fields.values().for_each(|value| found(value, verbs)),
        Value::Array(values) => values.iter().for_each(|value| found(value, verbs)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A refusal, with who settled the step and how, and the way back.
pub(super) fn refused(reader: &Reader<'_>, failure: &Failure) -> String {
    let mut page = reader.page("");
    page.tag("h1", "", &reader.word("plain.refused"));
    page.tag("p", "bad", &reader.of(failure.words().clone()));
    if let Some((name, at)) = failure.settled() {
        let site = reader.served.handle.document("site");
        let site = site
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        let line = Line::new("plain.settled_by")
            .with("name", name)
            .with("time", reader.clock(&json!(at), &site));
        page.tag("p", "", &reader.words(&line));
    }
    page.raw("<p><a href=\"");
    page.text(&reader.home());
    page.raw("\">");
    page.text(&reader.word("guard.back"));
    page.raw("</a></p>");
    page.finish()
}
