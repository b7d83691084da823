//! The one catalogue of operators' words, Chinese and English: the daemon and the pages read the same file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::domain::text::{Argument, Line, Text};

/// What the daemon says, what the desk's page adds, what the guard's page adds.
const PARTS: [&str; 3] = [
    include_str!("catalogue.json"),
    include_str!("desk.json"),
    include_str!("guard.json"),
];

static CATALOGUE: LazyLock<BTreeMap<String, Text>> = LazyLock::new(|| {
    // A part that does not parse fails the test below; the daemon then shows keys, which beats showing nothing.
    let part = |text| serde_json::from_str::<BTreeMap<String, Text>>(text).unwrap_or_default();
    PARTS.iter().flat_map(|text| part(text)).collect()
});

/// A line in both languages. A key that is missing is shown as it is.
#[must_use]
pub fn both(line: &Line) -> Text {
    match CATALOGUE.get(&line.key) {
        Some(words) => Text::new(
            fill(&words.zh, line, |name| &name.zh),
            fill(&words.en, line, |name| &name.en),
        ),
        None => Text::new(line.key.clone(), line.key.clone()),
    }
}

/// The end of the key below `prefix` whose words, in either language, are these.
#[must_use]
pub fn key_of(prefix: &str, words: &str) -> Option<&'static str> {
    let keys = CATALOGUE.range(prefix.to_owned()..);
    let mut keys = keys.map_while(|(key, text)| Some((key.strip_prefix(prefix)?, text)));
    let found = keys.find(|(_, text)| text.zh == words || text.en.eq_ignore_ascii_case(words));
    found.map(|(key, _)| key)
}

/// Whether the catalogue has words for a key.
#[must_use]
pub fn has(key: &str) -> bool {
    CATALOGUE.contains_key(key)
}

fn fill(words: &str, line: &Line, of: fn(&Text) -> &String) -> String {
    let replace = |words: String, (name, value): (&String, &Argument)| {
        let value = match value {
            Argument::Word(word) => word,
            Argument::Name(name) => of(name),
        };
        words.replace(&format!("{{{name}}}"), value)
    };
    line.args.iter().fold(words.to_owned(), replace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_parses_and_every_key_has_both_languages() {
        for part in PARTS {
            serde_json::from_str::<BTreeMap<String, Text>>(part).expect("the part parses");
        }
        assert!(CATALOGUE.len() > 50);
        for (key, words) in CATALOGUE.iter() {
            assert!(
                !words.zh.is_empty() && !words.en.is_empty(),
                "{key} lacks a language"
            );
        }
    }

    #[test]
    fn a_name_of_the_site_is_said_in_the_language_of_the_sentence() {
        let name = Text::new("燃气总阀", "Main gas valve");
        let both = both(&Line::new("record.not_in_place").named("output", &name));
        assert!(
            both.zh.contains("燃气总阀") && !both.zh.contains("Main"),
            "{both:?}"
        );
        assert!(
            both.en.contains("Main gas valve") && !both.en.contains("燃气"),
            "{both:?}"
        );
        // As it stands in documents and, for the reasons of a choice, in the journal.
        let line = Line::new("a").with("n", 3).named("output", &name);
        let text = serde_json::json!({ "key": "a", "args": { "n": "3", "output": { "zh": "燃气总阀", "en": "Main gas valve" } } });
        assert_eq!(serde_json::to_value(&line).expect("it"), text);
        assert_eq!(serde_json::from_value::<Line>(text).expect("it"), line);
    }

    #[test]
    fn the_bare_word_for_confirm_is_on_no_verb() {
        for (key, words) in CATALOGUE.iter().filter(|(key, _)| key.starts_with("verb.")) {
            assert_ne!(words.zh.trim(), "确认", "{key}");
        }
    }
}
