//! The worked example of the Modicon protocol guide (PI-MBUS-300, appendix C): unit 2, function 07 has the checksum 41 12; and
//! replies with everything in front of, inside of and behind them that a serial line can bring.

use proptest::prelude::*;

use super::super::pdu::{Span, Values};
use super::*;
use crate::domain::profile::Area;

fn framed(mut content: Vec<u8>) -> Vec<u8> {
    content.extend(checksum(&content).to_le_bytes());
    content
}

/// Two registers of unit 17.
fn asked() -> Asked {
    let span = Span::new(Area::Holding, 107, 2).unwrap();
    Asked::new(17, Request::Read(span), false).unwrap()
}

fn right() -> Vec<u8> {
    framed(vec![17, 3, 4, 0x02, 0x2B, 0x00, 0x64])
}

fn values() -> Option<Reply> {
    Some(Reply::Values(Values::Registers(vec![0x022B, 0x0064])))
}

#[test]
fn the_checksum_is_the_one_of_the_guide() {
    assert_eq!(checksum(&[0x02, 0x07]).to_le_bytes(), [0x41, 0x12]);
    let frame = asked().encode();
    assert_eq!(frame[..6], [17, 3, 0, 107, 0, 2]);
    assert_eq!(
        checksum(&frame),
        0,
        "a frame with its checksum has none left"
    );
}

#[test]
fn nobody_asks_everybody() {
    let span = Span::new(Area::Holding, 0, 1).unwrap();
    assert_eq!(Asked::new(0, Request::Read(span), false), None);
}

#[test]
fn a_reply_is_found_behind_noise_and_behind_frames_of_others() {
    let foreign = framed(vec![18, 3, 4, 0, 1, 0, 2]);
    let fewer = framed(vec![17, 3, 2, 0, 1]);
    let function = framed(vec![17, 4, 4, 0, 1, 0, 2]);
    let fronts = [
        (vec![], None, 0),
        (vec![0x00], None, 1),
        (vec![0xFF, 0x00], None, 2),
        (
            foreign,
            Some(BadReply::Unit {
                expected: 17,
                got: 18,
            }),
            0,
        ),
        (
            fewer,
            Some(BadReply::ByteCount {
                expected: 4,
                got: 2,
            }),
            0,
        ),
        (
            function,
            Some(BadReply::Function {
                expected: 3,
                got: 4,
            }),
            0,
        ),
    ];
    for (front, wrong, noise) in fronts {
        let bytes = [front, right()].concat();
        let look = asked().look(&bytes, false);
        assert_eq!(
            (look.reply, look.wrong, look.noise),
            (values(), wrong, noise)
        );
        assert_eq!(look.rest, 0);
    }
    let twice = [right(), right()].concat();
    assert_eq!(asked().look(&twice, false).rest, right().len());
    // What looks like the beginning of a long frame hides the reply only until the line is quiet.
    let bytes = [vec![0x05, 0x03, 0xFA], right()].concat();
    assert_eq!(asked().look(&bytes, false).reply, None);
    assert_eq!(asked().look(&bytes, true).reply, values());
}

#[test]
fn a_reply_is_never_found_inside_of_another_frame() {
    let inner = right();
    let mut outer = vec![18, 3, u8::try_from(inner.len() + 1).unwrap()];
    outer.extend(inner);
    outer.push(0);
    let look = asked().look(&framed(outer), true);
    assert_eq!(look.reply, None);
    assert_eq!(
        look.wrong,
        Some(BadReply::Unit {
            expected: 17,
            got: 18
        })
    );
}

#[test]
fn what_was_wrong_is_named() {
    let verdict = |bytes: &[u8]| asked().conclude(bytes, &mut Tally::default());
    let bad = |bad| Err(Fault::Bad(bad));
    assert_eq!(verdict(&[]), Err(Fault::Timeout));
    assert_eq!(verdict(&right()[..5]), bad(BadReply::Truncated { got: 5 }));
    let mut spoilt = right();
    spoilt[4] ^= 1;
    assert_eq!(verdict(&spoilt), bad(BadReply::Checksum));
    assert_eq!(verdict(&[0xFF; 4]), bad(BadReply::Noise));
    assert_eq!(verdict(&asked().encode()), bad(BadReply::OwnEcho));
    // Behind an echo that is not expected nothing is believed: a write would be its own reply.
    let heard = [asked().encode(), right()].concat();
    assert_eq!(asked().look(&heard, true).reply, None);
}

#[test]
fn two_answers_to_one_question_are_one_only_if_they_are_the_same() {
    let conclude = |pieces: &[Vec<u8>]| {
        let mut tally = Tally::default();
        let concluded = asked().conclude(&pieces.concat(), &mut tally);
        (concluded.ok(), tally.is_out_of_turn)
    };
    let other = || framed(vec![17, 3, 4, 0x02, 0x2B, 0x00, 0x65]);
    let foreign = || framed(vec![18, 3, 4, 0x02, 0x2B, 0x00, 0x65]);
    assert_eq!(conclude(&[right()]), (values(), false));
    assert_eq!(conclude(&[right(), right()]), (values(), true));
    assert_eq!(conclude(&[right(), other()]), (None, true));
    assert_eq!(conclude(&[right(), right(), other()]), (None, true));
    assert_eq!(conclude(&[right(), vec![0xFF], other()]), (None, true));
    assert_eq!(
        conclude(&[right(), framed(vec![17, 0x83, 2])]),
        (None, true)
    );
    // Somebody else speaks, before it and behind it.
    assert_eq!(conclude(&[foreign(), right()]), (values(), true));
    assert_eq!(conclude(&[right(), foreign()]), (values(), true));
    // What a line without bias adds is nobody.
    assert_eq!(
        conclude(&[vec![0xFF, 0x00], right(), vec![0x00; 3]]),
        (values(), false)
    );
}

#[test]
fn noise_of_any_length_is_nobody_and_a_whole_frame_is_somebody() {
    let noise = vec![0xFF; 40];
    assert!(!has_frame(&[]) && !has_frame(&noise) && !has_frame(&[0x00; 40]));
    assert!(!has_frame(&right()[..8]) && !has_frame(&right()[1..]));
    assert!(has_frame(&[noise, right(), vec![0x00]].concat()));
    assert!(has_frame(&framed(vec![18, 0x83, 2])));
}

#[test]
fn an_expected_echo_is_taken_off_and_is_never_the_reply() {
    let request = Request::WriteCoil {
        address: 3,
        value: 0xFF00,
    };
    let asked = Asked::new(17, request, true).unwrap();
    let own = asked.encode();
    assert_eq!(asked.look(&own, true).reply, None);
    let both = [own.clone(), own].concat();
    assert!(asked.look(&both, false).reply.is_some());
}

proptest! {
    /// Whatever comes, a value comes out only of a frame with the right head and checksum.
    #[test]
    fn random_bytes_are_never_a_reply(bytes in prop::collection::vec(any::<u8>(), 0..300), is_quiet: bool) {
        let look = asked().look(&bytes, is_quiet);
        let has_frame = bytes.windows(9).any(|frame| {
            frame.starts_with(&[17, 3, 4]) && checksum(frame) == 0
        }) || bytes.windows(5).any(|frame| frame.starts_with(&[17, 0x83]) && checksum(frame) == 0);
        prop_assert!(look.reply.is_none() || has_frame);
    }

    /// A reply that comes byte by byte is found with its last byte and not before.
    #[test]
    fn a_reply_in_pieces_is_found_when_it_is_whole(noise in prop::collection::vec(0xF0_u8..=0xFF, 0..4)) {
        let bytes = [noise, right()].concat();
        for end in 0..bytes.len() {
            prop_assert_eq!(asked().look(&bytes[..end], false).reply, None);
        }
        prop_assert_eq!(asked().look(&bytes, false).reply, values());
    }
}
