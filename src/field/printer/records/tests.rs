//! Streams as lines deliver them: split anywhere, joined, with noise, without ends, without end.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn framing(starts: &[u8], ends: &[&[u8]]) -> Framing {
    Framing {
        starts: starts.to_vec(),
        ends: ends.iter().map(|end| end.to_vec()).collect(),
        length: None,
        idle: Duration::from_millis(500),
        drops: Vec::new(),
        bytes_max: 64,
    }
}

fn gst() -> Framing {
    framing(b"\x1b6", &[b"\n\n"])
}

/// Records as text, with `!` before one that is not whole.
fn cut(framing: Framing, chunks: &[&[u8]]) -> Vec<String> {
    let mut cutter = Cutter::new(framing);
    let mut records = Vec::new();
    for chunk in chunks {
        records.extend(cutter.push(chunk));
    }
    records.extend(cutter.idle());
    assert!(!cutter.is_held());
    let shown = records.iter().map(|record| {
        let text = String::from_utf8_lossy(&record.bytes).into_owned();
        if record.is_whole {
            text
        } else {
            format!("!{text}")
        }
    });
    shown.collect()
}

#[test]
fn records_are_cut_at_their_marks_however_they_are_read() {
    let stream = b"\x1b6A 1\nB\n\n\x1b6C\n\n";
    assert_eq!(cut(gst(), &[stream]), ["A 1\nB", "C"]);
    let single: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(cut(gst(), &single), ["A 1\nB", "C"]);
    for at in 1..stream.len() {
        let (first, second) = stream.split_at(at);
        assert_eq!(
            cut(gst(), &[first, second]),
            ["A 1\nB", "C"],
            "split at {at}"
        );
    }
}

#[test]
fn a_record_without_its_end_is_not_whole_and_takes_nothing_from_the_next() {
    assert_eq!(cut(gst(), &[b"\x1b6A 1\n\x1b6C\n\n"]), ["!A 1\n", "C"]);
    assert_eq!(cut(gst(), &[b"\x1b6A 1\nB"]), ["!A 1\nB"]);
}

#[test]
fn what_comes_before_a_beginning_is_kept_as_not_whole() {
    assert_eq!(cut(gst(), &[b"noise\x1b6A\n\n"]), ["!noise", "A"]);
    assert_eq!(cut(gst(), &[b"6A\nB\n\n\x1b6C\n\n"]), ["!6A\nB", "C"]);
    // Empty lines between two records are nothing.
    assert_eq!(cut(gst(), &[b"\n \n\n\x1b6A\n\n\n\n\n"]), ["A"]);
}

#[test]
fn where_only_beginnings_are_known_the_next_one_or_a_pause_ends_a_record() {
    let starts = || framing(b"#", &[]);
    assert_eq!(cut(starts(), &[b"#A#B", b"C"]), ["A", "BC"]);
}

#[test]
fn lines_end_by_any_of_their_ends() {
    let lines = || framing(b"", &[b"\r\n", b"\n", b"\x0c"]);
    assert_eq!(
        cut(lines(), &[b"A\r\nB\nC\x0c\nD"]),
        ["A\r", "B", "C", "!D"].map(|r| r.replace('\r', ""))
    );
    let pauses = || framing(b"", &[]);
    assert_eq!(cut(pauses(), &[b"A\nB"]), ["A\nB"]);
}

#[test]
fn a_length_counts_what_begins_the_record() {
    let fixed = |starts: &[u8]| Framing {
        length: Some(4),
        ..framing(starts, &[])
    };
    assert_eq!(cut(fixed(b""), &[b"ABCDEFGHI"]), ["ABCD", "EFGH", "!I"]);
    assert_eq!(
        cut(fixed(b"#"), &[b"xx#ABC#DE#FGH"]),
        ["!xx", "ABC", "!DE", "FGH"]
    );
}

#[test]
fn a_record_without_end_is_cut_and_a_word_on_the_border_is_not_torn() {
    let mut stream = vec![b'x'; 62];
    stream.extend("火警".as_bytes());
    stream.extend(b"\n");
    let records = {
        let mut cutter = Cutter::new(framing(b"", &[b"\n"]));
        let records = cutter.push(&stream);
        assert!(!cutter.is_held());
        records
    };
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| !record.is_whole));
    assert!(records[1].bytes.ends_with("火警".as_bytes()));
}

proptest! {
    /// Whatever comes and however: memory is bounded, every printed byte is in a record, and chunks make no difference.
    #[test]
    fn no_byte_is_lost_and_nothing_grows(
        stream in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(0x1b), Just(b'6'), any::<u8>()], 0..600),
        sizes in proptest::collection::vec(1_usize..9, 1..200),
        has_start in any::<bool>(),
    ) {
        let framing = if has_start { gst() } else { framing(b"", &[b"\n"]) };
        let mut cutter = Cutter::new(framing.clone());
        let mut by_chunk = Vec::new();
        let mut rest = stream.as_slice();
        for size in sizes.iter().cycle() {
            let (chunk, after) = rest.split_at((*size).min(rest.len()));
            by_chunk.extend(cutter.push(chunk));
            rest = after;
            prop_assert!(cutter.held.len() <= framing.bytes_max);
            if rest.is_empty() {
                break;
            }
        }
        by_chunk.extend(cutter.idle());
        let mut cutter = Cutter::new(framing.clone());
        let mut at_once = cutter.push(&stream);
        at_once.extend(cutter.idle());
        prop_assert_eq!(&by_chunk, &at_once);
        prop_assert!(at_once.iter().all(|record| record.bytes.len() <= framing.bytes_max));
        let kept: usize = at_once.iter().map(|record| record.bytes.len()).sum();
        let marks = stream.iter().filter(|byte| byte.is_ascii_whitespace() || **byte == 0x1b || **byte == b'6').count();
        prop_assert!(kept + marks >= stream.len());
    }
}
