//! Vectors are frames of the specifications: the examples of MODBUS Application Protocol V1.1b3, 6 and 7, with the header of
//! MODBUS Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3 (transaction 0x1501, unit 0xFF as in its example).

use proptest::prelude::*;

use super::mbap::{Asked, Progress};
use super::pdu::{BadReply, Identity, Lenient, Reply, Request, Span, Values};
use crate::domain::profile::Area;

/// V1.1b3, 6.1: coils 20 to 38.
const READ_COILS: &[u8] = &[0x01, 0x00, 0x13, 0x00, 0x13];
const READ_COILS_REPLY: &[u8] = &[0x01, 0x03, 0xCD, 0x6B, 0x05];
/// V1.1b3, 6.2: discrete inputs 197 to 218.
const READ_INPUTS: &[u8] = &[0x02, 0x00, 0xC4, 0x00, 0x16];
const READ_INPUTS_REPLY: &[u8] = &[0x02, 0x03, 0xAC, 0xDB, 0x35];
/// V1.1b3, 6.3: holding registers 108 to 110.
const READ_HOLDING: &[u8] = &[0x03, 0x00, 0x6B, 0x00, 0x03];
const READ_HOLDING_REPLY: &[u8] = &[0x03, 0x06, 0x02, 0x2B, 0x00, 0x00, 0x00, 0x64];
/// V1.1b3, 6.4: input register 9.
const READ_INPUT: &[u8] = &[0x04, 0x00, 0x08, 0x00, 0x01];
const READ_INPUT_REPLY: &[u8] = &[0x04, 0x02, 0x00, 0x0A];
const COIL_ON: u16 = 0xFF00;
/// V1.1b3, 6.5: coil 173 on; request and reply.
const WRITE_COIL: &[u8] = &[0x05, 0x00, 0xAC, 0xFF, 0x00];
/// V1.1b3, 6.6: register 2 to 0x0003; request and reply.
const WRITE_REGISTER: &[u8] = &[0x06, 0x00, 0x01, 0x00, 0x03];
/// V1.1b3, 6.11: coils 20 to 29.
const WRITE_COILS: &[u8] = &[0x0F, 0x00, 0x13, 0x00, 0x0A, 0x02, 0xCD, 0x01];
const WRITE_COILS_REPLY: &[u8] = &[0x0F, 0x00, 0x13, 0x00, 0x0A];
/// V1.1b3, 6.12: registers 2 and 3.
const WRITE_REGISTERS: &[u8] = &[0x10, 0x00, 0x01, 0x00, 0x02, 0x04, 0x00, 0x0A, 0x01, 0x02];
const WRITE_REGISTERS_REPLY: &[u8] = &[0x10, 0x00, 0x01, 0x00, 0x02];
/// V1.1b3, 6.16: register 5 with AND F2 and OR 25; request and reply.
const MASK_WRITE: &[u8] = &[0x16, 0x00, 0x04, 0x00, 0xF2, 0x00, 0x25];
/// V1.1b3, 6.17: three registers from 15 on are written, six from 4 on read.
const WRITE_READ: &[u8] = &[
    0x17, 0x00, 0x03, 0x00, 0x06, 0x00, 0x0E, 0x00, 0x03, 0x06, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF,
];
const WRITE_READ_REPLY: &[u8] = &[
    0x17, 0x0C, 0x00, 0xFE, 0x0A, 0xCD, 0x00, 0x01, 0x00, 0x03, 0x00, 0x0D, 0x00, 0xFF,
];
/// V1.1b3, 6.21: the basic identity; three objects. (Its example counts 0D for the fifteen letters of its product code.)
const IDENTIFY: &[u8] = &[0x2B, 0x0E, 0x01, 0x00];
const IDENTIFY_REPLY: &[u8] =
    b"\x2B\x0E\x01\x01\x00\x00\x03\x00\x16Company identification\x01\x0FProduct code XX\x02\x05V2.11";
/// V1.1b3, 7: illegal data address for a read of coil 1185.
const REFUSAL: &[u8] = &[0x81, 0x02];
/// Messaging on TCP/IP V1.0b, 4.4.2.1: reads register 5 of unit 0xFF in transaction 0x1501.
const TCP_REQUEST: &[u8] = &[
    0x15, 0x01, 0x00, 0x00, 0x00, 0x06, 0xFF, 0x03, 0x00, 0x04, 0x00, 0x01,
];
const TCP_REPLY: &[u8] = &[
    0x15, 0x01, 0x00, 0x00, 0x00, 0x05, 0xFF, 0x03, 0x02, 0x12, 0x34,
];

fn read(area: Area, start: u16, count: u16) -> Request {
    Request::Read(Span::new(area, start, count).unwrap())
}

fn bits_of(text: &str) -> Vec<bool> {
    text.chars().map(|c| c == '1').collect()
}

fn bits(text: &str) -> Values {
    Values::Bits(bits_of(text))
}

fn asked(request: Request) -> Asked {
    Asked {
        transaction: 0x1501,
        unit: 0xFF,
        request,
        lenient: Lenient::default(),
    }
}

/// A reply with the header that fits [`asked`].
fn framed(pdu: &[u8]) -> Vec<u8> {
    let length = u16::try_from(pdu.len() + 1).unwrap().to_be_bytes();
    let mut frame = vec![0x15, 0x01, 0x00, 0x00, length[0], length[1], 0xFF];
    frame.extend(pdu);
    frame
}

fn done(reply: Reply) -> Result<Progress, BadReply> {
    Ok(Progress::Done(reply))
}

fn bits_read(text: &str) -> Reply {
    Reply::Values(bits(text))
}

fn words_read(words: &[u16]) -> Reply {
    Reply::Values(Values::Registers(words.to_vec()))
}

/// Every request of ours with its reply and what the reply says.
#[expect(clippy::too_many_lines, reason = "a list, or one case after the other")]
fn vectors() -> Vec<(Request, &'static [u8], &'static [u8], Reply)> {
    let ten = bits_of("1011001110");
    let three = Span::new(Area::Holding, 3, 6).unwrap();
    vec![
        (
            read(Area::Coil, 19, 19),
            READ_COILS,
            READ_COILS_REPLY,
            bits_read("1011001111010110101"),
        ),
        (
            read(Area::Discrete, 196, 22),
            READ_INPUTS,
            READ_INPUTS_REPLY,
            bits_read("0011010111011011101011"),
        ),
        (
            read(Area::Holding, 107, 3),
            READ_HOLDING,
            READ_HOLDING_REPLY,
            words_read(&[555, 0, 100]),
        ),
        (
            read(Area::Input, 8, 1),
            READ_INPUT,
            READ_INPUT_REPLY,
            words_read(&[10]),
        ),
        (
            Request::WriteCoil {
                address: 172,
                value: COIL_ON,
            },
            WRITE_COIL,
            WRITE_COIL,
            Reply::Written,
        ),
        (
            Request::WriteRegister {
                address: 1,
                value: 3,
            },
            WRITE_REGISTER,
            WRITE_REGISTER,
            Reply::Written,
        ),
        (
            Request::write_coils(19, ten).unwrap(),
            WRITE_COILS,
            WRITE_COILS_REPLY,
            Reply::Written,
        ),
        (
            Request::write_registers(1, vec![0x000A, 0x0102]).unwrap(),
            WRITE_REGISTERS,
            WRITE_REGISTERS_REPLY,
            Reply::Written,
        ),
        (
            Request::MaskWrite {
                address: 4,
                and: 0xF2,
                or: 0x25,
            },
            MASK_WRITE,
            MASK_WRITE,
            Reply::Written,
        ),
        (
            Request::write_read(14, vec![0xFF; 3], three).unwrap(),
            WRITE_READ,
            WRITE_READ_REPLY,
            words_read(&[0xFE, 0x0ACD, 1, 3, 13, 255]),
        ),
        (
            Request::Identify {
                level: 1,
                object: 0,
            },
            IDENTIFY,
            IDENTIFY_REPLY,
            Reply::Identity(Identity {
                objects: vec![
                    (0, b"Company identification".to_vec()),
                    (1, b"Product code XX".to_vec()),
                    (2, b"V2.11".to_vec()),
                ],
                next: None,
            }),
        ),
    ]
}

#[test]
fn requests_and_replies_are_those_of_the_specification() {
    for (request, bytes, reply, said) in vectors() {
        assert_eq!(request.encode(), bytes);
        let length = u16::try_from(reply.len()).unwrap();
        assert!(request.reply_len().allows(length), "{request:?}");
        assert_eq!(request.decode(reply), Ok(said));
    }
    let refused = read(Area::Coil, 1_184, 1).decode(REFUSAL);
    assert_eq!(refused, Ok(Reply::Exception(2)));
}

#[test]
fn the_frame_is_that_of_the_implementation_guide() {
    let asked = asked(read(Area::Holding, 4, 1));
    assert_eq!(asked.encode(), TCP_REQUEST);
    assert_eq!(asked.decode(TCP_REPLY), done(words_read(&[0x1234])));
}

#[test]
fn a_reply_may_come_byte_by_byte() {
    for (request, _, reply, said) in vectors() {
        let length = request.reply_len();
        let (asked, frame) = (asked(request), framed(reply));
        for have in 0..frame.len() {
            let missing = frame.len() - have;
            let progress = asked.decode(&frame[..have]);
            if length.least == length.most {
                assert_eq!(progress, Ok(Progress::More(missing)));
            } else {
                // How long it is stands in its header; it is never read past.
                let is_right = |at_most| (1..=missing).contains(&at_most);
                assert!(matches!(progress, Ok(Progress::More(n)) if is_right(n)));
            }
        }
        assert_eq!(asked.decode(&frame), done(said));
    }
}

#[test]
fn a_refusal_may_come_byte_by_byte_and_is_never_read_past() {
    let asked = asked(read(Area::Holding, 0, 48));
    let frame = framed(&[0x83, 0x06]);
    for have in 6..frame.len() {
        let missing = frame.len() - have;
        assert_eq!(asked.decode(&frame[..have]), Ok(Progress::More(missing)));
    }
    assert_eq!(
        asked.decode(&frame),
        Ok(Progress::Done(Reply::Exception(6)))
    );
}

#[test]
fn two_replies_at_once_are_no_reply() {
    for (request, _, reply, _) in vectors() {
        let twice = [framed(reply), framed(reply)].concat();
        assert_eq!(asked(request).decode(&twice), Err(BadReply::Surplus));
    }
}

/// Changes one byte of a good reply to three registers.
fn spoilt(at: usize, value: u8) -> Result<Progress, BadReply> {
    let mut frame = framed(READ_HOLDING_REPLY);
    frame[at] = value;
    asked(read(Area::Holding, 107, 3)).decode(&frame)
}

#[test]
fn every_field_of_the_header_must_fit() {
    let (expected, got) = (0x1501, 0x1502);
    assert_eq!(
        spoilt(1, 0x02),
        Err(BadReply::Transaction { expected, got })
    );
    assert_eq!(spoilt(3, 1), Err(BadReply::Protocol { got: 1 }));
    let (expected, got) = (9, 0xFF09);
    assert_eq!(spoilt(4, 0xFF), Err(BadReply::Length { expected, got }));
    let (expected, got) = (0xFF, 0);
    assert_eq!(spoilt(6, 0), Err(BadReply::Unit { expected, got }));
    let (expected, got) = (3, 4);
    assert_eq!(spoilt(7, 4), Err(BadReply::Function { expected, got }));
    let (expected, got) = (6, 4);
    assert_eq!(spoilt(8, 4), Err(BadReply::ByteCount { expected, got }));
}

#[test]
fn a_reply_with_more_or_fewer_elements_is_no_reply() {
    let asked = asked(read(Area::Holding, 107, 3));
    for words in [0_u8, 1, 2, 4, 5, 125] {
        let mut pdu = vec![0x03, words * 2];
        pdu.resize(2 + usize::from(words) * 2, 0xAA);
        assert!(asked.decode(&framed(&pdu)).is_err(), "{words} words");
    }
    // One bit more than a byte needs two bytes.
    let nine = read(Area::Discrete, 0, 9);
    assert!(nine.decode(&[0x02, 0x01, 0xFF]).is_err());
    assert!(nine.decode(&[0x02, 0x02, 0xFF, 0x01]).is_ok());
}

#[test]
fn the_echo_of_a_write_must_be_the_write() {
    let coil = Request::WriteCoil {
        address: 172,
        value: COIL_ON,
    };
    let (expected, got) = (172, 173);
    assert_eq!(
        coil.decode(&[0x05, 0x00, 0xAD, 0xFF, 0x00]),
        Err(BadReply::EchoAddress { expected, got })
    );
    // Some relay boards answer 0x0100 for "on" (seen in the field); that is not what was asked for.
    for got in [0x0100, 0x0000, 0xFF01] {
        let [high, low] = u16::to_be_bytes(got);
        let expected = 0xFF00;
        assert_eq!(
            coil.decode(&[0x05, 0x00, 0xAC, high, low]),
            Err(BadReply::EchoValue { expected, got })
        );
    }
}

#[test]
fn a_span_is_never_longer_than_one_request_nor_past_the_last_address() {
    assert!(Span::new(Area::Holding, 0, 0).is_none());
    assert!(Span::new(Area::Holding, 0, 125).is_some());
    assert!(Span::new(Area::Input, 0, 126).is_none());
    assert!(Span::new(Area::Coil, 0, 2_000).is_some());
    assert!(Span::new(Area::Discrete, 0, 2_001).is_none());
    assert!(Span::new(Area::Holding, 65_535, 1).is_some());
    assert!(Span::new(Area::Holding, 65_535, 2).is_none());
}

#[test]
fn a_write_is_never_longer_than_one_request_nor_past_the_last_address() {
    assert!(Request::write_coils(0, vec![true; 1_968]).is_some());
    assert!(Request::write_coils(0, vec![true; 1_969]).is_none());
    assert!(Request::write_coils(0, Vec::new()).is_none());
    assert!(Request::write_registers(0, vec![0; 123]).is_some());
    assert!(Request::write_registers(0, vec![0; 124]).is_none());
    assert!(Request::write_registers(65_535, vec![0; 2]).is_none());
    let span = Span::new(Area::Holding, 0, 125).unwrap();
    assert!(Request::write_read(0, vec![0; 121], span).is_some());
    assert!(Request::write_read(0, vec![0; 122], span).is_none());
    let span = Span::new(Area::Input, 0, 1).unwrap();
    assert!(Request::write_read(0, vec![0], span).is_none());
}

#[test]
fn the_echo_of_more_than_one_must_name_their_number_and_the_mask() {
    let coils = Request::write_coils(19, bits_of("1011001110")).unwrap();
    let (expected, got) = (10, 9);
    assert_eq!(
        coils.decode(&[0x0F, 0x00, 0x13, 0x00, 0x09]),
        Err(BadReply::EchoValue { expected, got })
    );
    // The request itself is no reply to it.
    assert!(coils.decode(WRITE_COILS).is_err());
    let mask = Request::MaskWrite {
        address: 4,
        and: 0xF2,
        or: 0x25,
    };
    let (expected, got) = (0x25, 0x24);
    assert_eq!(
        mask.decode(&[0x16, 0x00, 0x04, 0x00, 0xF2, 0x00, 0x24]),
        Err(BadReply::EchoValue { expected, got })
    );
    assert!(mask.decode(&MASK_WRITE[..5]).is_err());
}

#[test]
fn an_identity_whose_lengths_do_not_add_up_is_none_and_its_next_object_goes_on() {
    let identify = Request::Identify {
        level: 1,
        object: 0,
    };
    for end in 0..IDENTIFY_REPLY.len() {
        assert!(identify.decode(&IDENTIFY_REPLY[..end]).is_err(), "{end}");
    }
    let more = [IDENTIFY_REPLY, &[0]].concat();
    assert_eq!(identify.decode(&more), Err(BadReply::Surplus));
    // Another level than was asked for.
    let mut other = IDENTIFY_REPLY.to_vec();
    other[2] = 2;
    assert!(identify.decode(&other).is_err());
    let next_of = |next| match identify.decode(&[0x2B, 0x0E, 1, 1, 0xFF, next, 1, 0, 1, b'X']) {
        Ok(Reply::Identity(identity)) => identity.next,
        other => panic!("{other:?}"),
    };
    assert_eq!(next_of(1), Some(1));
    // One that begins again would never end.
    assert_eq!(next_of(0), None);
}

#[test]
fn what_a_profile_allows_is_accepted_and_nothing_else() {
    let request = read(Area::Holding, 107, 3);
    let lenient = |unit_zero, any_transaction| Asked {
        lenient: Lenient {
            unit_zero,
            any_transaction,
        },
        ..asked(request.clone())
    };
    let reply = |transaction, unit| {
        let mut frame = framed(READ_HOLDING_REPLY);
        (frame[1], frame[6]) = (transaction, unit);
        frame
    };
    let said = done(words_read(&[555, 0, 100]));
    assert_eq!(lenient(true, false).decode(&reply(1, 0)), said);
    assert_eq!(lenient(false, true).decode(&reply(9, 0xFF)), said);
    assert!(lenient(false, true).decode(&reply(9, 0)).is_err());
    assert!(lenient(true, false).decode(&reply(1, 7)).is_err());
    assert!(lenient(true, false).decode(&reply(9, 0)).is_err());
}

fn any_request() -> impl Strategy<Value = Request> {
    let area = prop_oneof![
        Just(Area::Coil),
        Just(Area::Discrete),
        Just(Area::Holding),
        Just(Area::Input)
    ];
    let reads = (area, 0_u16..=u16::MAX, 1_u16..=2_000)
        .prop_filter_map("a span", |(area, start, count)| {
            Span::new(area, start, count).map(Request::Read)
        });
    prop_oneof![
        reads,
        (any::<u16>(), any::<u16>())
            .prop_map(|(address, value)| Request::WriteCoil { address, value }),
        (any::<u16>(), any::<u16>())
            .prop_map(|(address, value)| Request::WriteRegister { address, value }),
        (
            any::<u16>(),
            proptest::collection::vec(any::<bool>(), 1..1_968)
        )
            .prop_filter_map("a row", |(address, bits)| Request::write_coils(
                address, bits
            )),
        (
            any::<u16>(),
            proptest::collection::vec(any::<u16>(), 1..123)
        )
            .prop_filter_map("a row", |(at, words)| Request::write_registers(at, words)),
        (any::<u16>(), any::<u16>(), any::<u16>())
            .prop_map(|(address, and, or)| Request::MaskWrite { address, and, or }),
        (1_u8..=4, any::<u8>()).prop_map(|(level, object)| Request::Identify { level, object }),
    ]
}

/// Random bytes that often begin like a right reply.
fn any_reply() -> impl Strategy<Value = (Asked, Vec<u8>)> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..300);
    (any_request(), any::<u16>(), any::<u8>(), bytes, 0_usize..12).prop_map(
        |(request, transaction, unit, bytes, right)| {
            let asked = Asked {
                transaction,
                unit,
                request: request.clone(),
                lenient: Lenient::default(),
            };
            let length = (request.reply_len().least + 1).to_be_bytes();
            let [t1, t0] = transaction.to_be_bytes();
            let count = u8::try_from(request.reply_len().least - 2).unwrap();
            let head = [
                t1,
                t0,
                0,
                0,
                length[0],
                length[1],
                unit,
                request.function(),
                count,
            ];
            let mut frame: Vec<u8> = head.into_iter().take(right).collect();
            frame.extend(bytes);
            (asked, frame)
        },
    )
}

proptest! {
    #[test]
    fn random_bytes_never_panic_and_never_become_values_of_another_length(
        (asked, frame) in any_reply()
    ) {
        // Fed as they would come: never more than was asked for.
        let mut have = 0;
        while let Ok(Progress::More(at_most)) = asked.decode(&frame[..have]) {
            prop_assert!(at_most > 0);
            let next = (have + at_most).min(frame.len());
            if next == have {
                break;
            }
            have = next;
        }
        let Ok(Progress::Done(Reply::Values(values))) = asked.decode(&frame[..have]) else {
            return Ok(());
        };
        let Request::Read(span) = asked.request else {
            panic!("values for {:?}", asked.request);
        };
        let (is_bits, count) = match values {
            Values::Bits(bits) => (true, bits.len()),
            Values::Registers(words) => (false, words.len()),
        };
        prop_assert_eq!(span.area().is_bits(), is_bits);
        prop_assert_eq!(count, usize::from(span.count()));
    }

    #[test]
    fn a_whole_right_reply_decodes_to_what_the_device_holds(
        words in proptest::collection::vec(any::<u16>(), 1..=125),
        start in 0_u16..60_000,
    ) {
        let count = u16::try_from(words.len()).unwrap();
        let asked = asked(read(Area::Input, start, count));
        let mut pdu = vec![0x04, u8::try_from(count * 2).unwrap()];
        pdu.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        prop_assert_eq!(asked.decode(&framed(&pdu)), done(words_read(&words)));
    }
}
