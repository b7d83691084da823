//! What somebody said, with a name and a telephone number: kept in an erasable row, never in the journal.

use serde::{Deserialize, Serialize};

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

#[cfg(test)]
mod tests {
    use super::*;

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
