//! Forms: a verb of a document as a form, and the fields of a form as the verb's body.

use serde_json::{Map, Value};

use super::Fields;
use super::page::{Reader, line};
use crate::http::html::Html;
use crate::http::secret;

/// Whether a verb can be one button on a page that asks for itself again: nothing to fill in, nothing to think twice about.
pub(super) fn is_button(verb: &Value) -> bool {
    let nothing = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    let held = verb["hold_ms"].as_u64().unwrap_or(0) > 0;
    let step_up = verb["step_up"] == true;
    !held && !step_up && nothing(&verb["choice"]) && nothing(&verb["fields"])
}

/// A verb: a button, or the way to its page.
pub(super) fn offered(page: &mut Html, reader: &Reader<'_>, csrf: &str, verb: &Value) {
    if is_button(verb) {
        form(page, reader, (csrf, false), verb);
        return;
    }
    let path = verb["path"].as_str().unwrap_or_default();
    let key = verb["line"]["key"].as_str().unwrap_or_default();
    page.raw("<form class=\"row\" method=\"get\" action=\"/plain/do\">");
    page.hidden("path", path);
    page.hidden("line", key);
    page.hidden("lang", reader.lang);
    button(
        page,
        verb,
        &format!("{} …", reader.words(&line(&verb["line"]))),
    );
    page.raw("</form> ");
}

/// The form of a verb with everything that must be filled in; with `asks` the password too.
pub(super) fn form(page: &mut Html, reader: &Reader<'_>, (csrf, asks): (&str, bool), verb: &Value) {
    let row = if is_button(verb) {
        " class=\"row\""
    } else {
        ""
    };
    page.raw("<form method=\"post\" action=\"/plain/act\"");
    page.raw(row);
    page.raw(">");
    page.hidden("csrf", csrf);
    page.hidden("lang", reader.lang);
    page.hidden("path", verb["path"].as_str().unwrap_or_default());
    page.hidden("body", &verb["body"].to_string());
    // The same form sent twice is one deed.
    page.hidden("key", &secret::token().unwrap_or_default());
    if verb["choice"].is_object() {
        let choice = &verb["choice"];
        select(
            page,
            reader,
            choice["field"].as_str().unwrap_or_default(),
            &choice["options"],
        );
    }
    for field in verb["fields"].as_array().into_iter().flatten() {
        filled_in(page, reader, field, &verb["body"]);
    }
    if asks {
        page.raw("<p><label>");
        page.text(&reader.word("plain.password_again"));
        page.raw(" <input type=\"password\" name=\"password\" required></label></p>");
    }
    let words = reader.words(&line(&verb["line"]));
    button(page, verb, &words);
    page.raw("</form> ");
}

fn button(page: &mut Html, verb: &Value, words: &str) {
    let fire = verb["tone"] == "fire";
    page.raw(if fire {
        "<button class=\"fire\">"
    } else {
        "<button>"
    });
    page.text(words);
    page.raw("</button>");
}

fn select(page: &mut Html, reader: &Reader<'_>, field: &str, options: &Value) {
    page.raw("<p><select required name=\"text.");
    page.text(field);
    page.raw("\"><option value=\"\"></option>");
    for option in options.as_array().into_iter().flatten() {
        page.raw("<option value=\"");
        page.text(option["value"].as_str().unwrap_or_default());
        page.raw("\">");
        page.text(&reader.words(&line(&option["line"])));
        page.raw("</option>");
    }
    page.raw("</select></p>");
}

fn filled_in(page: &mut Html, reader: &Reader<'_>, field: &Value, body: &Value) {
    let name = field["field"].as_str().unwrap_or_default();
    page.raw("<p><label>");
    page.text(&reader.words(&line(&field["line"])));
    page.raw(" ");
    if field["kind"] == "select" {
        page.raw("</label></p>");
        select(page, reader, name, &field["options"]);
        return;
    }
    let number = field["kind"] == "number";
    let (kind, before) = match number {
        true => ("number", "number."),
        false => ("text", "text."),
    };
    page.raw("<input type=\"");
    page.raw(kind);
    page.raw("\" name=\"");
    page.raw(before);
    page.text(name);
    page.raw("\" value=\"");
    match &body[name] {
        Value::String(text) => page.text(text),
        Value::Number(number) => page.text(&number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
    }
    page.raw(if field["required"] == true {
        "\" required"
    } else {
        "\""
    });
    page.raw("></label></p>");
}

/// The body of a verb from the fields of its form; `None` when they are none of ours.
pub(super) fn body(fields: &Fields) -> Option<Value> {
    let text = fields.get("body").map_or("{}", String::as_str);
    let mut body: Map<String, Value> = serde_json::from_str(text).ok()?;
    for (name, value) in fields.iter().filter(|(_, value)| !value.trim().is_empty()) {
        if let Some(field) = name.strip_prefix("text.") {
            body.insert(field.to_owned(), value.trim().into());
        } else if let Some(field) = name.strip_prefix("number.") {
            let number: i64 = value.trim().parse().ok()?;
            body.insert(field.to_owned(), number.into());
        }
    }
    Some(Value::Object(body))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn fields_fill_the_body_that_the_document_gave() {
        let filled = [
            ("body", r#"{"connected":true,"present":1}"#),
            ("text.cause", " steam "),
            ("number.present", "12"),
            ("text.left_out", "  "),
            ("csrf", "x"),
        ];
        let wanted = json!({ "connected": true, "cause": "steam", "present": 12 });
        assert_eq!(body(&fields(&filled)), Some(wanted));
        assert_eq!(body(&fields(&[])), Some(json!({})));
        for wrong in [("body", "[]"), ("body", "{"), ("number.n", "twelve")] {
            assert_eq!(body(&fields(&[wrong])), None, "{wrong:?}");
        }
    }

    #[test]
    fn whatever_is_held_or_filled_in_is_no_button() {
        let plain = json!({ "hold_ms": 0, "choice": null, "fields": [] });
        assert!(is_button(&plain) && is_button(&json!({})));
        for (name, value) in [
            ("hold_ms", json!(1500)),
            ("choice", json!({ "field": "cause" })),
            ("fields", json!([{}])),
            ("step_up", json!(true)),
        ] {
            let mut verb = plain.clone();
            verb[name] = value;
            assert!(!is_button(&verb), "{name}");
        }
    }
}
