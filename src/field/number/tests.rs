use proptest::prelude::*;

use super::*;
use crate::domain::layout::Pattern;
use crate::field::testing::number;

fn of(number: &Number, words: &[u16]) -> Result<i64, Trouble> {
    measure(number, words).map(|value| value.0)
}

#[test]
fn every_format_is_read_in_thousandths() {
    let of = |format, words: &[u16]| of(&number(format), words);
    assert_eq!(of(Format::Int16, &[0xFFFF]), Ok(-1_000));
    assert_eq!(of(Format::Uint16, &[0xFFFF]), Ok(65_535_000));
    assert_eq!(of(Format::Bcd16, &[0x0123]), Ok(123_000));
    assert_eq!(of(Format::Int32, &[0xFFFF, 0xFFFE]), Ok(-2_000));
    assert_eq!(of(Format::Uint32, &[0x0001, 0x0002]), Ok(65_538_000));
    assert_eq!(of(Format::Bcd32, &[0x0012, 0x3456]), Ok(123_456_000));
    // 123.456 as IEEE 754.
    assert_eq!(of(Format::Float32, &[0x42F6, 0xE979]), Ok(123_456));
    assert_eq!(of(Format::Float32, &[0x8000, 0x0000]), Ok(0));
    assert_eq!(of(Format::Float32, &[0x0000, 0x0001]), Ok(0));
}

#[test]
fn the_order_of_the_bytes_is_that_of_the_profile() {
    for (swap_words, swap_bytes, words) in [
        (false, false, [0x4241, 0x0000]),
        (true, true, [0x0000, 0x4142]),
        (false, true, [0x4142, 0x0000]),
        (true, false, [0x0000, 0x4241]),
    ] {
        let mut number = number(Format::Float32);
        number.order = Order {
            swap_words,
            swap_bytes,
        };
        assert_eq!(of(&number, &words), Ok(48_250), "{words:04X?}");
    }
    let mut swapped = number(Format::Int16);
    swapped.order.swap_bytes = true;
    assert_eq!(of(&swapped, &[0x0100]), Ok(1_000));
}

#[test]
fn a_scale_an_offset_and_decimals_from_another_register() {
    let mut gas = number(Format::Uint16);
    (gas.scale_micro, gas.offset) = (100_000, Milli(-10_000));
    assert_eq!(of(&gas, &[0]), Ok(-10_000));
    assert_eq!(of(&gas, &[300]), Ok(20_000));
    assert_eq!(of(&gas, &[1_200]), Ok(110_000));
    let mut level = number(Format::Int16);
    (level.len, level.value_at, level.decimals_at) = (2, 1, Some(0));
    assert_eq!(of(&level, &[2, 345]), Ok(3_450));
    assert_eq!(of(&level, &[0, 345]), Ok(345_000));
    assert_eq!(of(&level, &[3, 0xFFFF]), Ok(-1));
    assert_eq!(of(&level, &[7, 345]), Err(Trouble::NotANumber));
    assert_eq!(of(&level, &[0xFFFF, 345]), Err(Trouble::NotANumber));
    // Half goes away from zero, on both sides.
    let mut fine = number(Format::Int16);
    fine.scale_micro = 500;
    assert_eq!(of(&fine, &[1]), Ok(1));
    assert_eq!(of(&fine, &[0xFFFF]), Ok(-1));
}

#[test]
fn what_is_no_value_is_a_trouble_with_its_name() {
    let float = number(Format::Float32);
    for words in [[0x7F80, 0], [0xFF80, 0], [0x7FC0, 0], [0x7F80, 1]] {
        assert_eq!(of(&float, &words), Err(Trouble::NotANumber), "{words:04X?}");
    }
    assert_eq!(of(&float, &[0x7F00, 0]), Err(Trouble::Implausible));
    assert_eq!(
        of(&number(Format::Bcd16), &[0x00A0]),
        Err(Trouble::NotANumber)
    );
    let mut loops = number(Format::Uint16);
    // A 4 to 20 mA input in µA: 4 mA is 0, 20 mA is 100 %LEL.
    (loops.scale_micro, loops.offset) = (6_250, Milli(-25_000));
    loops.plausible = (Milli(-5_000), Milli(110_000));
    loops.broken_below = Some(Milli(3_600_000));
    loops.shorted_above = Some(Milli(21_000_000));
    loops.missing = vec![Pattern {
        mask: 0xFFFF,
        value: 0xFFFF,
    }];
    assert_eq!(of(&loops, &[4_000]), Ok(0));
    assert_eq!(of(&loops, &[12_000]), Ok(50_000));
    assert_eq!(of(&loops, &[3_599]), Err(Trouble::Broken));
    assert_eq!(of(&loops, &[3_600]), Ok(-2_500));
    assert_eq!(of(&loops, &[21_000]), Ok(106_250));
    assert_eq!(of(&loops, &[21_001]), Err(Trouble::Shorted));
    assert_eq!(of(&loops, &[0xFFFF]), Err(Trouble::NotPresent));
    loops.plausible.1 = Milli(106_000);
    assert_eq!(of(&loops, &[21_000]), Err(Trouble::Implausible));
    assert_eq!(of(&loops, &[]), Err(Trouble::NotPresent));
}

proptest! {
    /// Whatever stands in the registers, the answer is a plausible value or a trouble; for a float it is the nearest thousandth.
    #[test]
    fn no_registers_can_stop_a_measurement(
        high in any::<u16>(),
        low in any::<u16>(),
        scale in prop_oneof![-1_000_000_000_000_i64..=1_000_000_000_000, Just(1_000_000)],
        decimals in 0_u16..9,
    ) {
        for format in [Format::Int32, Format::Uint32, Format::Bcd32, Format::Float32] {
            let mut number = number(format);
            (number.scale_micro, number.len, number.decimals_at) = (scale, 3, Some(2));
            let read = measure(&number, &[high, low, decimals]);
            let (least, greatest) = number.plausible;
            prop_assert!(read.is_err() || read.is_ok_and(|value| value >= least && value <= greatest));
        }
    }

    #[test]
    fn a_float_is_read_as_what_it_is(value in -1e6_f32..1e6) {
        let bits = value.to_bits().to_be_bytes();
        let words = [u16::from_be_bytes([bits[0], bits[1]]), u16::from_be_bytes([bits[2], bits[3]])];
        let read = measure(&number(Format::Float32), &words).unwrap();
        let exact = f64::from(value) * 1_000.0;
        let off = (exact - f64::from(i32::try_from(read.0).unwrap())).abs();
        prop_assert!(off <= 0.5, "{value} is {}", read.0);
    }
}
