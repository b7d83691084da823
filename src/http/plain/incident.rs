//! What the overview shows: the frame, incidents with their steps, orders. It reads documents and knows no procedure.

use serde_json::{Value, json};

use super::forms;
use super::page::{Documents, Reader, found, line};
use crate::domain::text::Line;
use crate::http::html::Html;

/// Most incidents on the page; the frame says how many there are.
const INCIDENTS_MAX: usize = 20;

/// What a page is made from.
pub(super) struct Shown<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) documents: &'a Documents,
    pub(super) site: &'a Value,
    pub(super) csrf: &'a str,
    /// The reader may use what documents offer.
    pub(super) operates: bool,
}

impl Shown<'_> {
    fn words(&self, value: &Value) -> String {
        self.reader.words(&line(value))
    }

    fn word(&self, before: &str, value: &Value) -> String {
        let value = value.as_str().unwrap_or_default();
        self.reader.word(&format!("{before}{value}"))
    }

    fn clock(&self, wall: &Value) -> String {
        self.reader.clock(wall, self.site)
    }

    /// `name time`, for who did something when.
    fn stamp(&self, by: &Value, at: &Value) -> String {
        let name = by["name"].as_str().unwrap_or_default();
        match at.is_null() {
            true => name.to_owned(),
            false => format!("{name} {}", self.clock(at)),
        }
    }

    /// Where an alarm is, and which device.
    fn place(&self, alarm: &Value) -> String {
        let parts = ["building", "floor", "room", "device"];
        let parts = parts.map(|part| self.reader.name(&alarm[part]));
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(" ")
    }

    /// What is left of a limit, in seconds; negative when it is over.
    fn left(&self, limit: &Value) -> Option<i64> {
        Some((limit["due"].as_i64()? - self.reader.now.engine.0) / 1_000)
    }
}

/// The frame and every open incident.
pub(super) fn room(page: &mut Html, shown: &Shown<'_>) {
    let nothing = Value::Null;
    let summary = shown.documents.get("summary").unwrap_or(&nothing);
    frame(page, shown, summary);
    let open = summary["incidents"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    if open.is_empty() {
        page.tag("p", "", &shown.reader.word("plain.no_incident"));
    }
    for id in open.iter().take(INCIDENTS_MAX).filter_map(Value::as_str) {
        let first = summary["first_alarm"]["incident"] == id;
        if let Some(incident) = shown.documents.get(&format!("incident/{id}")) {
            section(page, shown, incident, first);
        }
    }
}

fn frame(page: &mut Html, shown: &Shown<'_>, summary: &Value) {
    if let Some(degraded @ ("spool" | "memory")) = summary["degraded"].as_str() {
        let words = shown.reader.word(&format!("ui.degraded_{degraded}"));
        page.tag("p", "bad", &words);
    }
    if summary["room_lost"].is_object() {
        page.tag("p", "bad", &shown.reader.word("ui.room_lost"));
    }
    let lamps = &summary["lamps"];
    let number = |value: &Value| value.as_i64().unwrap_or(0).to_string();
    let counts = Line::new("plain.counts")
        .with("open", summary["incidents"].as_array().map_or(0, Vec::len))
        .with("untaken", number(&lamps["fire"]["untaken"]))
        .with("faults", number(&lamps["fault"]))
        .with("disabled", number(&lamps["disabled"]))
        .with("up", number(&lamps["links"]["up"]))
        .with("total", number(&lamps["links"]["total"]))
        .with("online", number(&summary["posts"]["online"]))
        .with("posts", number(&summary["posts"]["total"]));
    page.tag("p", "", &shown.reader.words(&counts));
    let mode = format!(
        "{}: {} · {}: {}",
        shown.reader.word("ui.linkage"),
        shown.word("ui.mode_", &summary["mode"]),
        shown.reader.word("ui.panel_key"),
        shown.word("ui.key_", &summary["panel_key"]),
    );
    page.tag("p", "", &mode);
    for (key, alarm) in [
        ("ui.first_alarm", "first_alarm"),
        ("ui.latest_alarm", "latest_alarm"),
    ] {
        let alarm = &summary[alarm];
        if alarm.is_object() {
            let words = format!(
                "{}: {} {}",
                shown.reader.word(key),
                shown.clock(&alarm["at"]),
                shown.place(alarm)
            );
            page.tag("p", "now", &words);
        }
    }
    for fault in summary["faults"].as_array().into_iter().flatten() {
        page.tag(
            "p",
            "cap",
            &format!(
                "{} {}",
                shown.words(&fault["line"]),
                shown.clock(&fault["since"])
            ),
        );
    }
}

fn section(page: &mut Html, shown: &Shown<'_>, incident: &Value, first: bool) {
    page.raw("<section>");
    let mark = if first {
        shown.reader.word("ui.first_alarm")
    } else {
        String::new()
    };
    let title = format!(
        "{} · {} · {} {mark}",
        class(shown, incident),
        shown.word("ui.stage_", &incident["stage"]),
        shown.place(&incident["first"]),
    );
    page.tag("h2", "", title.trim());
    let id = incident["id"].as_str().unwrap_or_default();
    page.tag(
        "p",
        "cap",
        &format!("{id} · {}", shown.clock(&incident["opened_at"])),
    );
    for notice in incident["notices"].as_array().into_iter().flatten() {
        page.tag("p", "bad", &shown.words(notice));
    }
    page.raw("<ul>");
    for signal in incident["signals"].as_array().into_iter().flatten() {
        page.tag(
            "li",
            "",
            &format!("{} {}", shown.clock(&signal["at"]), shown.place(signal)),
        );
    }
    page.raw("</ul>");
    for step in incident["steps"].as_array().into_iter().flatten() {
        one_step(page, shown, step);
    }
    card(page, shown, incident);
    if shown.operates {
        beside_steps(page, shown, incident);
    }
    rows(page, shown, incident);
    orders(page, shown, incident);
    page.raw("</section>");
}

/// A gas leak is no fire and has no class of one.
fn class(shown: &Shown<'_>, incident: &Value) -> String {
    match incident["kind"].as_str() {
        Some("gas") => shown.reader.word("ui.gas_leak"),
        Some(_) | None => shown.word("ui.class_of_", &incident["class"]),
    }
}

/// What is read out to 119, as long as nobody has said it.
fn card(page: &mut Html, shown: &Shown<'_>, incident: &Value) {
    let card = &incident["card119"];
    if !card.is_object() || card["outcome"]["kind"] == "connected" {
        return;
    }
    page.raw("<section class=\"now\"><h3>119</h3><dl>");
    let told = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let place = format!(
        "{} {}",
        told(&card["address"]),
        shown.reader.name(&card["place"])
    );
    let lines = [
        ("unit", told(&card["unit"])),
        ("place", place),
        ("burning", shown.words(&card["burning"])),
        ("size", shown.words(&card["size"])),
        ("trapped", shown.words(&card["trapped"])),
        ("hazards", shown.reader.name(&card["hazards"])),
        ("gate", shown.reader.name(&card["gate"])),
        (
            "caller",
            format!("{} {}", told(&card["caller"]), told(&card["phone"])),
        ),
    ];
    for (part, words) in lines {
        page.tag("dt", "", &shown.reader.word(&format!("ui.card_{part}")));
        page.tag("dd", "", &words);
    }
    page.raw("</dl></section>");
}

/// Verbs that stand beside the steps.
fn beside_steps(page: &mut Html, shown: &Shown<'_>, incident: &Value) {
    let (mut all, mut of_steps) = (Vec::new(), Vec::new());
    found(incident, &mut all);
    found(&incident["steps"], &mut of_steps);
    let same =
        |one: &Value, other: &Value| one["path"] == other["path"] && one["line"] == other["line"];
    for verb in all
        .iter()
        .filter(|verb| !of_steps.iter().any(|known| same(verb, known)))
    {
        forms::offered(page, shown.reader, shown.csrf, verb);
    }
}

fn one_step(page: &mut Html, shown: &Shown<'_>, step: &Value) {
    let now = step["state"] == "now" || step["state"] == "late";
    page.raw(if now {
        "<section class=\"now\">"
    } else {
        "<section>"
    });
    let mut title = format!(
        "{} · {}",
        shown.words(&step["line"]),
        shown.word("plain.step_", &step["state"])
    );
    if step["who"].is_object() {
        title = format!("{title} · {}", shown.stamp(&step["who"], &step["at"]));
    }
    page.tag("h3", "", &title);
    if let Some(left) = shown.left(&step["limit"]) {
        let key = if left < 0 { "plain.over" } else { "plain.left" };
        page.tag(
            "p",
            "",
            &shown
                .reader
                .words(&Line::new(key).with("seconds", left.abs())),
        );
    }
    for fact in step["facts"].as_array().into_iter().flatten() {
        page.tag("p", "cap", &shown.words(fact));
    }
    if shown.operates {
        for verb in step["verbs"].as_array().into_iter().flatten() {
            forms::offered(page, shown.reader, shown.csrf, verb);
        }
    }
    page.raw("</section>");
}

/// The outputs of the plan, with what a person may start.
fn rows(page: &mut Html, shown: &Shown<'_>, incident: &Value) {
    let rows = incident["linkage"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    if rows.is_empty() {
        return;
    }
    page.raw("<ul>");
    for row in rows {
        let id = row["output"].as_str().unwrap_or_default();
        let nothing = Value::Null;
        let output = shown
            .documents
            .get(&format!("output/{id}"))
            .unwrap_or(&nothing);
        page.raw("<li>");
        let state = shown.word("ui.output_", &row["state"]);
        page.text(&format!("{}: {state} ", shown.reader.name(&output["name"])));
        let idle = ["done", "asked", "sending", "sent"]
            .iter()
            .all(|state| row["state"] != *state);
        for verb in output["verbs"].as_array().into_iter().flatten() {
            if shown.operates && idle {
                forms::offered(page, shown.reader, shown.csrf, verb);
            }
        }
        page.raw("</li>");
    }
    page.raw("</ul>");
}

/// Where the orders of an incident stand.
fn orders(page: &mut Html, shown: &Shown<'_>, incident: &Value) {
    page.raw("<ul>");
    for key in incident["orders"].as_array().into_iter().flatten() {
        let key = key.as_str().unwrap_or_default();
        if let Some(order) = shown.documents.get(&format!("order/{key}")) {
            let words = format!(
                "{} · {} · {}",
                order["recipient_name"].as_str().unwrap_or_default(),
                shown.reader.name(&order["title"]),
                shown.word("ui.order_", &order["state"]),
            );
            page.tag("li", "", &words);
        }
    }
    page.raw("</ul>");
}

/// The open orders of a recipient, with what it may answer.
pub(super) fn own_orders(page: &mut Html, shown: &Shown<'_>, recipient: &str) {
    let own = shown.documents.range(format!("order/{recipient}/")..);
    let own = own.map_while(|(key, order)| {
        key.starts_with(&format!("order/{recipient}/"))
            .then_some(order)
    });
    let mut any = false;
    for order in own.filter(|order| order["open"] == true) {
        any = true;
        page.raw("<section class=\"now\">");
        page.tag("h2", "", &shown.reader.name(&order["title"]));
        page.tag("p", "", &shown.reader.name(&order["place"]));
        page.tag("p", "", &shown.reader.name(&order["body"]));
        let state = shown.word("ui.order_", &order["state"]);
        page.tag(
            "p",
            "cap",
            &format!("{} · {state}", shown.clock(&order["at"])),
        );
        if order["walk"].is_object() {
            page.tag("p", "", &shown.reader.name(&order["walk"]["via"]));
        }
        for verb in replies(order) {
            forms::offered(page, shown.reader, shown.csrf, &verb);
        }
        page.raw("</section>");
    }
    if !any {
        page.tag("p", "", &shown.reader.word("guard.idle"));
    }
}

/// What may be answered to an order, as verbs. A verdict is asked for on a page of its own.
pub(super) fn replies(order: &Value) -> Vec<Value> {
    let id = order["id"].as_str().unwrap_or_default();
    let path = format!("/api/v1/orders/{id}/replies");
    let replies = order["replies"].as_array().into_iter().flatten();
    let as_verb = |reply: &Value| {
        let real = reply["verb"] == "report_real";
        json!({
            "verb": reply["verb"],
            "path": path,
            "line": reply["line"],
            "hold_ms": if real { 1_500 } else { 0 },
            "tone": if real { "fire" } else { "act" },
            "body": { "verb": reply["verb"] },
            "choice": reply["choice"],
            "fields": reply["fields"],
        })
    };
    replies.map(as_verb).collect()
}
