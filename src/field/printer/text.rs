//! From the bytes of a record to its text. Pure.
//!
//! The text has its printed lines with one blank where any number stood, no blanks at the ends of a line and no empty lines.
//! A byte that is no character of the encoding, or a control character that the profile does not know, makes the record damaged.

use encoding_rs::{Encoding as Table, GB18030, UTF_8};

use crate::domain::printer::Encoding;

/// A record's text, or that it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// All of it can be read.
    Clean(String),
    /// Some of it cannot.
    Damaged(String),
}

impl Text {
    /// As a log shows it: on one line, without control characters.
    pub(crate) fn shown(&self) -> String {
        let (Self::Clean(text) | Self::Damaged(text)) = self;
        let shown = text.replace('\n', " | ");
        shown.chars().filter(|sign| !sign.is_control()).collect()
    }
}

/// Reads the bytes of a record.
pub(crate) fn read(bytes: &[u8], encoding: Encoding, drops: &[Vec<u8>]) -> Text {
    let bytes = without(bytes, drops);
    let (text, is_damaged) = table(encoding).decode_without_bom_handling(&bytes);
    let is_control = |sign: char| sign.is_control() && !matches!(sign, '\t' | '\n' | '\r' | '\x0c');
    let is_damaged = is_damaged || text.chars().any(is_control);
    let lines = text.split(['\n', '\r', '\x0c']).map(one_blank);
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    let text = lines.join("\n");
    if is_damaged {
        Text::Damaged(text)
    } else {
        Text::Clean(text)
    }
}

fn table(encoding: Encoding) -> &'static Table {
    match encoding {
        Encoding::Gb18030 => GB18030,
        Encoding::Utf8 => UTF_8,
    }
}

fn one_blank(line: &str) -> String {
    // U+3000 is the blank of a Chinese character's width.
    let words = line.split([' ', '\t', '\u{3000}']);
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The bytes without the sequences that are for the printer alone.
fn without(bytes: &[u8], drops: &[Vec<u8>]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        let drop = drops
            .iter()
            .find(|drop| !drop.is_empty() && rest.starts_with(drop));
        rest = match drop {
            Some(drop) => rest.get(drop.len()..).unwrap_or_default(),
            None => {
                kept.push(*byte);
                after
            }
        };
    }
    kept
}

/// Words in every encoding in which a panel may print them, to be found in bytes that cannot be read as a whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words(Vec<Vec<u8>>);

impl Words {
    pub(crate) fn new(words: &[String]) -> Self {
        let in_both = |word: &String| {
            let (gb18030, _, _) = GB18030.encode(word);
            [gb18030.into_owned(), word.as_bytes().to_vec()]
        };
        let mut bytes: Vec<Vec<u8>> = words.iter().flat_map(in_both).collect();
        bytes.retain(|word| !word.is_empty());
        Self(bytes)
    }

    /// Whether one of them stands in the bytes, wherever a character begins.
    pub(crate) fn are_in(&self, bytes: &[u8]) -> bool {
        let is_in = |word: &Vec<u8>| {
            bytes
                .windows(word.len())
                .any(|part| part == word.as_slice())
        };
        self.0.iter().any(is_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(text: &str) -> Text {
        Text::Clean(text.to_owned())
    }

    #[test]
    fn lines_have_one_blank_between_words_and_none_is_empty() {
        let bytes = b"  a   b\t c \r\n\r\n \x0cd  ";
        assert_eq!(read(bytes, Encoding::Utf8, &[]), clean("a b c\nd"));
        let wide = "首次\u{3000}\u{3000}火警".as_bytes();
        assert_eq!(read(wide, Encoding::Utf8, &[]), clean("首次 火警"));
    }

    #[test]
    fn what_is_for_the_printer_is_no_text_and_what_nobody_knows_is_damage() {
        let bytes = b"\x1b9A\x1b9B";
        assert_eq!(
            read(bytes, Encoding::Gb18030, &[b"\x1b9".to_vec()]),
            clean("AB")
        );
        assert!(matches!(
            read(bytes, Encoding::Gb18030, &[]),
            Text::Damaged(_)
        ));
        assert!(matches!(
            read(b"A\0B", Encoding::Utf8, &[]),
            Text::Damaged(_)
        ));
        assert!(matches!(
            read(b"\xbb\xf0\xbe", Encoding::Gb18030, &[]),
            Text::Damaged(_)
        ));
        assert_eq!(read(b"A\x1b9\nB", Encoding::Utf8, &[]).shown(), "A9 | B");
    }

    #[test]
    fn an_alarm_word_is_found_in_either_encoding_and_at_any_byte() {
        let words = Words::new(&["火警".to_owned(), String::new()]);
        // A byte was lost before it: no character is what it was, the word still stands there.
        assert!(words.are_in(b"\xd7\xb4\xce\xbb\xf0\xbe\xaf".get(..).unwrap()));
        assert!(words.are_in(b"\xca\xbb\xf0\xbe\xaf\n"));
        assert!(words.are_in("首次火警".as_bytes()));
        assert!(!words.are_in("故障".as_bytes()));
        assert!(!words.are_in(b""));
    }
}
