//! JSON that is put together from finished texts: documents are spliced as they are and never parsed again.

use std::fmt::Write;

use serde_json::Value;

/// Appends `{"key":document,…}`. A document without text is `null`.
pub(super) fn documents<'a>(
    out: &mut String,
    documents: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) {
    out.push('{');
    for (n, (key, text)) in documents.enumerate() {
        if n > 0 {
            out.push(',');
        }
        out.push_str(&quoted(key));
        out.push(':');
        out.push_str(text.filter(|text| !text.is_empty()).unwrap_or("null"));
    }
    out.push('}');
}

/// A text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    // A text always serialises.
    serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned())
}

/// A value with the keys of its objects in order, so that equal values have equal texts.
pub(super) fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(&mut out, value);
    out
}

fn write_canonical(out: &mut String, value: &Value) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (n, (key, value)) in fields.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                out.push_str(&quoted(key));
                out.push(':');
                write_canonical(out, value);
            }
            out.push('}');
        }
        Value::Array(values) => {
            out.push('[');
            for (n, value) in values.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write_canonical(out, value);
            }
            out.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            // Writing into a text cannot fail.
            let _ = write!(out, "{value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_have_equal_texts_whatever_their_order() {
        let one: Value =
            serde_json::from_str(r#"{"b":[1,{"d":null,"c":"x"}],"a":{}}"#).expect("a value");
        let other: Value =
            serde_json::from_str(r#"{"a":{},"b":[1,{"c":"x","d":null}]}"#).expect("a value");
        assert_eq!(canonical(&one), r#"{"a":{},"b":[1,{"c":"x","d":null}]}"#);
        assert_eq!(canonical(&one), canonical(&other));
        assert_ne!(canonical(&json!([1, 2])), canonical(&json!([2, 1])));
    }

    #[test]
    fn documents_are_spliced_as_they_are() {
        let mut out = String::new();
        let texts = [("a\"", Some(r#"{"n": 1}"#)), ("b", None), ("c", Some(""))];
        documents(&mut out, texts.into_iter());
        assert_eq!(out, r#"{"a\"":{"n": 1},"b":null,"c":null}"#);
    }
}
