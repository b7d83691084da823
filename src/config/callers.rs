//! `source` and `from` of a unit in `[[buses]]`: how a transmission device is known when it connects (GB/T 26875.3).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;

use super::names::Word;
use super::scope::Scope;
use crate::domain::line::Line;
use crate::domain::transmitter::{Caller, Network};

/// The first number that six bytes cannot hold.
const SOURCES: u64 = 1 << 48;
/// Digits of six bytes in hexadecimal.
const HEX_DIGITS: usize = 12;

/// What the file says of a unit.
pub(super) struct Claim {
    /// Where its number stands.
    pub(super) unit: Range<usize>,
    pub(super) source: Option<Word>,
    pub(super) from: Option<Word>,
}

/// The devices of one bus.
#[derive(Default)]
pub(super) struct Callers(BTreeMap<u64, Range<usize>>);

impl Callers {
    /// How the unit is known; `None` on a line on which we ask.
    pub(super) fn read(
        &mut self,
        claim: Claim,
        line: &Line,
        scope: &mut Scope<'_>,
    ) -> Option<Caller> {
        if !matches!(line, Line::Listen(_)) {
            for word in [claim.source, claim.from].into_iter().flatten() {
                let message = "only a device that connects to us has this key";
                scope.error(
                    word.span(),
                    message,
                    "delete it, or write `listen` for the bus",
                );
            }
            return None;
        }
        let Some(word) = claim.source else {
            scope.error(
                claim.unit,
                "nothing says how this device is known when it connects",
                "write source = \"…\": its source address as its maker's tool shows it (a number), or its six bytes as 12 hexadecimal digits",
            );
            return None;
        };
        let source = source(word.as_ref());
        let Some(source) = source else {
            scope.error(
                word.span(),
                format!("`{}` is no source address", word.as_ref()),
                format!("write a number below {SOURCES}, or the six bytes of the frame as 12 hexadecimal digits"),
            );
            return None;
        };
        if let Some(first) = self.0.insert(source, word.span()) {
            let message = format!("two units have the source address {source}");
            let help = "each device has one of its own; correct one of the two, or give it a port of its own";
            scope.clash(word.span(), first, message, help);
        }
        let from = claim.from.and_then(|word| {
            let network = network(word.as_ref());
            if network.is_none() {
                let message = format!("`{}` is no network", word.as_ref());
                let help = "write an address and the number of its fixed bits, for example \"10.20.0.0/24\"";
                scope.error(word.span(), message, help);
            }
            network
        });
        Some(Caller { source, from })
    }
}

/// Twelve digits are the six bytes as they stand in a frame; anything else is a number.
fn source(text: &str) -> Option<u64> {
    if text.len() != HEX_DIGITS {
        return text.parse().ok().filter(|number| *number < SOURCES);
    }
    let bytes = u64::from_str_radix(text, 16).ok()?;
    Some(bytes.swap_bytes() >> 16)
}

/// An address, or an address with the number of bits that all of the network share.
fn network(text: &str) -> Option<Network> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let (address, width) = match address.parse().ok()? {
        IpAddr::V4(address) => (u128::from(address.to_ipv6_mapped()), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let bits = bits.unwrap_or(width);
    (bits <= width).then_some(Network {
        address,
        bits: 128 - width + bits,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_number_or_its_six_bytes() {
        assert_eq!(source("889"), Some(889));
        assert_eq!(source("790300000000"), Some(889));
        assert_eq!(source("C0A801046D1D"), Some(0x1D6D_0401_A8C0));
        assert_eq!(source("281474976710656"), None);
        assert_eq!(source("-1"), None);
        assert_eq!(source("79030000000G"), None);
    }

    #[test]
    fn a_network_is_an_address_with_or_without_bits() {
        assert_eq!(network("10.20.0.0/24").map(|n| n.bits), Some(120));
        assert_eq!(network("10.20.0.7").map(|n| n.bits), Some(128));
        assert_eq!(network("fd00::/8").map(|n| n.bits), Some(8));
        for wrong in ["10.20.0.0/33", "10.20.0", "fd00::/129", "a/8", "10.0.0.0/"] {
            assert_eq!(network(wrong), None, "{wrong}");
        }
    }
}
