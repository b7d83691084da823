use proptest::collection::vec;
use proptest::prelude::*;

use super::super::vectors::{bytes, civil, vectors};
use super::*;

fn header(sequence: u16, command: Command) -> Header {
    Header {
        sequence,
        version: [1, 1],
        time: [2, 58, 9, 26, 9, 12],
        source: Station::of(889),
        destination: Station::of(88_888),
        command,
    }
}

fn frame(sequence: u16, adu: &[u8]) -> Frame {
    Frame {
        header: header(sequence, Command::Send),
        adu: adu.to_vec(),
    }
}

/// Everything that is found when the bytes come in such pieces.
fn found<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Found> {
    let mut decoder = Decoder::default();
    let mut found = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        found.extend(std::iter::from_fn(|| decoder.next()));
        assert!(decoder.waiting() <= FRAME_MAX);
    }
    found
}

fn frames(found: Vec<Found>) -> Vec<Frame> {
    let frame = |found| match found {
        Found::Frame(frame) => Some(frame),
        Found::BadSum(_) | Found::Noise(_) => None,
    };
    found.into_iter().filter_map(frame).collect()
}

#[test]
fn every_vector_reads_as_it_is_described_and_writes_the_same_bytes() {
    let vectors = vectors().frames;
    assert_eq!(vectors.len(), 32);
    for vector in vectors {
        let wire = bytes(&vector.hex);
        let found = found([&wire[..]]);
        let [Found::Frame(frame)] = &found[..] else {
            assert_eq!(vector.sum, "bad", "{}: {found:?}", vector.name);
            assert!(matches!(found[..], [Found::BadSum(_)]), "{}", vector.name);
            continue;
        };
        assert_eq!(vector.sum, "good", "{}", vector.name);
        let Header {
            sequence,
            version,
            time,
            source,
            destination,
            command,
        } = frame.header;
        let seen = (
            sequence,
            version,
            civil(time),
            source.number(),
            destination.number(),
        );
        let said = (
            vector.sequence,
            vector.version,
            vector.sent,
            vector.source,
            vector.destination,
        );
        assert_eq!(seen, said, "{}", vector.name);
        assert_eq!(
            format!("{command:?}").to_lowercase(),
            vector.command,
            "{}",
            vector.name
        );
        assert_eq!(frame.adu, bytes(&vector.adu), "{}", vector.name);
        assert_eq!(frame.encode(), wire, "{}", vector.name);
    }
}

#[test]
fn a_frame_may_come_byte_by_byte_and_two_at_once() {
    for vector in vectors().frames.into_iter().filter(|v| v.sum == "good") {
        let wire = bytes(&vector.hex);
        let by_byte = frames(found(wire.chunks(1)));
        assert_eq!(by_byte.len(), 1, "{}", vector.name);
        let twice = [&wire[..], &wire[..]].concat();
        assert_eq!(frames(found([&twice[..]])).len(), 2, "{}", vector.name);
    }
}

#[test]
fn marks_inside_a_frame_are_no_marks() {
    let marked = frame(0x4040, b"@@##\x23\x23\x40\x40##@@");
    assert_eq!(frames(found(marked.encode().chunks(3))), [marked]);
}

#[test]
fn a_wrong_sum_is_told_with_the_header_and_the_next_frame_is_read() {
    let mut wire = frame(7, &[21, 1, 1]).encode();
    let sum = wire.len() - 3;
    wire[sum] ^= 1;
    wire.extend(frame(8, &[]).encode());
    let found = found([&wire[..]]);
    assert_eq!(found[0], Found::BadSum(header(7, Command::Send)));
    assert_eq!(found[1], Found::Frame(frame(8, &[])));
}

#[test]
fn a_wrong_end_or_an_impossible_length_costs_one_byte_at_a_time() {
    let good = frame(9, &[1, 2, 3]);
    let mut wrong_end = frame(8, &[]).encode();
    *wrong_end.last_mut().expect("an end") = b'@';
    let mut too_long = frame(8, &[]).encode();
    too_long[24..26].copy_from_slice(&1_025_u16.to_le_bytes());
    let noise = b"GET / HTTP/1.1\r\n\r\n".to_vec();
    // A mark before the mark looks like a frame that begins one byte earlier, until the pause.
    let half = b"@".to_vec();
    for before in [wrong_end, too_long, noise, half] {
        let mut decoder = Decoder::default();
        decoder.push(&[before, good.encode()].concat());
        let mut seen: Vec<Found> = std::iter::from_fn(|| decoder.next()).collect();
        while decoder.look_past().is_some() {
            seen.extend(std::iter::from_fn(|| decoder.next()));
        }
        assert_eq!(frames(seen), std::slice::from_ref(&good));
    }
}

#[test]
fn noise_that_looks_like_the_start_of_a_long_frame_holds_a_good_one_up_only_until_the_pause() {
    let mut noise = frame(1, &[]).encode();
    noise.truncate(HEADER);
    noise[24..26].copy_from_slice(&1_024_u16.to_le_bytes());
    let good = frame(2, &[24, 1, 4, 0]);
    let mut decoder = Decoder::default();
    decoder.push(&[&noise[..], &good.encode()[..]].concat());
    assert_eq!(decoder.next(), None);
    assert_eq!(decoder.look_past(), Some(Found::Noise(HEADER)));
    assert_eq!(decoder.next(), Some(Found::Frame(good)));
}

#[test]
fn a_slow_frame_is_not_given_up() {
    let wire = frame(3, &[7; 900]).encode();
    let mut decoder = Decoder::default();
    decoder.push(&wire[..500]);
    assert_eq!((decoder.next(), decoder.look_past()), (None, None));
    decoder.push(&wire[500..]);
    assert!(matches!(decoder.next(), Some(Found::Frame(_))));
}

#[test]
fn a_reply_turns_the_addresses_round_and_keeps_sequence_and_version() {
    let asked = Header {
        version: [0x10, 0],
        ..header(105, Command::Send)
    };
    let time = [1, 2, 3, 4, 5, 6];
    let reply = asked.reply(Command::Confirm, time);
    assert_eq!(
        (reply.source, reply.destination),
        (asked.destination, asked.source)
    );
    assert_eq!(
        (reply.sequence, reply.version, reply.time),
        (105, [0x10, 0], time)
    );
}

proptest! {
    /// Whatever comes, nothing panics and at most one frame waits.
    #[test]
    fn any_bytes_are_taken(pieces in vec(vec(any::<u8>(), 0..600), 0..8)) {
        found(pieces.iter().map(Vec::as_slice));
    }

    /// Good frames are the same however they are cut.
    #[test]
    fn good_frames_do_not_depend_on_the_pieces(
        adus in vec(vec(any::<u8>(), 0..80), 1..5),
        piece in 1_usize..200,
    ) {
        let sent: Vec<Frame> = adus.iter().zip(0..).map(|(adu, n)| frame(n, adu)).collect();
        let wire: Vec<u8> = sent.iter().flat_map(Frame::encode).collect();
        prop_assert_eq!(frames(found(wire.chunks(piece))), sent);
    }

    /// Behind noise the next good frame is found, at the latest after the pause.
    #[test]
    fn the_next_good_frame_is_found_behind_noise(
        noise in vec(prop_oneof![any::<u8>(), Just(b'@'), Just(b'#')], 0..300),
        adu in vec(any::<u8>(), 0..80),
    ) {
        let good = frame(5, &adu);
        let mut decoder = Decoder::default();
        decoder.push(&noise);
        let mut seen = Vec::new();
        seen.extend(std::iter::from_fn(|| decoder.next()));
        decoder.push(&good.encode());
        seen.extend(std::iter::from_fn(|| decoder.next()));
        while decoder.look_past().is_some() {
            seen.extend(std::iter::from_fn(|| decoder.next()));
        }
        prop_assert!(frames(seen).contains(&good));
    }
}
