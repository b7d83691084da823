//! What somebody said, with a name and a telephone number: kept in an erasable row, never in the journal.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A report in words. The journal keeps its id alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Who called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// The caller's telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Note {
    /// The last four digits of the telephone number: all that a page shows of it.
    #[must_use]
    pub fn phone_last4(&self) -> Option<String> {
        let digits: Vec<char> = self
            .phone
            .as_ref()?
            .chars()
            .filter(char::is_ascii_digit)
            .collect();
        let from = digits.len().checked_sub(4)?;
        Some(digits[from..].iter().collect())
    }
}

/// Where each personal field of a body belongs in a note.
const PERSONAL: [(&str, Part); 5] = [
    ("caller", Part::Caller),
    ("name", Part::Caller),
    ("phone", Part::Phone),
    ("text", Part::Text),
    ("reason", Part::Text),
];

#[derive(Clone, Copy)]
enum Part {
    Caller,
    Phone,
    Text,
}

/// Takes what is personal out of a body that the journal will keep: the note belongs into an erasable row under `id`, the body
/// keeps the id as `note`. `None` when there is nothing personal in it; a `reason` that is a word of the catalogue is not.
pub fn take_personal(body: &mut Value, id: &str) -> Option<Note> {
    let body = body.as_object_mut()?;
    let mut note = Note::default();
    for (field, part) in PERSONAL {
        let is_word = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let personal =
            |text: &str| !text.trim().is_empty() && (field != "reason" || !is_word(text));
        if !body
            .get(field)
            .and_then(Value::as_str)
            .is_some_and(personal)
        {
            continue;
        }
        let Some(Value::String(text)) = body.remove(field) else {
            continue;
        };
        match part {
            Part::Caller => note.caller = Some(text),
            Part::Phone => note.phone = Some(text),
            Part::Text => note.text = Some(text),
        }
    }
    if note == Note::default() {
        return None;
    }
    body.insert("note".to_owned(), Value::from(id));
    Some(note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_personal_leaves_the_body() {
        let mut body = serde_json::json!({
            "compartment": "D1-2A", "caller": "李四", "phone": "13800138000", "text": "冒烟", "reason": "door_locked",
        });
        let note = take_personal(&mut body, "n1").expect("a note");
        assert_eq!(note.caller.as_deref(), Some("李四"));
        assert_eq!(note.phone_last4().as_deref(), Some("8000"));
        assert_eq!(
            body,
            serde_json::json!({ "compartment": "D1-2A", "reason": "door_locked", "note": "n1" })
        );
        assert_eq!(
            take_personal(&mut serde_json::json!({ "phone": " " }), "n2"),
            None
        );
    }

    #[test]
    fn a_page_shows_four_digits_of_a_number_or_none() {
        let last4 = |phone: &str| {
            let phone = Some(phone.to_owned());
            Note {
                phone,
                ..Note::default()
            }
            .phone_last4()
        };
        assert_eq!(last4("138-0013 8000"), Some("8000".to_owned()));
        assert_eq!(last4("110"), None);
        assert_eq!(Note::default().phone_last4(), None);
    }
}
