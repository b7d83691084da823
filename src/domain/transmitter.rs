//! A user information transmission device 用户信息传输装置 (GB/T 26875.3-2011): how one is known when it connects, what it departs
//! from the standard in, and the names by which points.csv calls what it tells. Values only.

use std::fmt;
use std::time::Duration;

use super::point::PointKind;

/// How one kind of device speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmitter {
    /// File name without `.toml`.
    pub name: String,
    /// Without any valid frame for so long the device is lost.
    pub silent_after: Duration,
    /// How points.csv writes the four address bytes of a part.
    pub part_address: PartAddress,
    /// Bytes of the text of a part; 31 by the standard.
    pub text_bytes: usize,
    /// Bit 0 of a state is believed: 0 is 测试. By default it is not, because many devices send it as 0 in a real fire.
    pub honour_test_bit: bool,
    /// 启动 counts as the feedback of an output too; by default only 反馈 does.
    pub started_is_feedback: bool,
    /// The alarm of a gas detector is its high limit; by default the low one, which switches nothing.
    pub gas_alarm_is_high: bool,
    /// The device answers questions about states; else only its clock is set.
    pub answers: bool,
}

/// How the four bytes of a part's address are written. The standard does not divide them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartAddress {
    /// 区号 in the first two bytes, 位号 in the last two, low byte first: `0A 00 02 00` is 10-2.
    #[default]
    ZoneUnit,
    /// The other way round: `0A 00 02 00` is 2-10.
    UnitZone,
}

impl PartAddress {
    /// The address that points.csv writes as `first-second`.
    #[must_use]
    pub fn read(self, first: u16, second: u16) -> u32 {
        let (low, high) = match self {
            Self::ZoneUnit => (first, second),
            Self::UnitZone => (second, first),
        };
        u32::from(high) << 16 | u32::from(low)
    }

    /// As points.csv writes it.
    #[must_use]
    pub fn text(self, part: u32) -> String {
        let (low, high) = (part & 0xFFFF, part >> 16);
        match self {
            Self::ZoneUnit => format!("{low}-{high}"),
            Self::UnitZone => format!("{high}-{low}"),
        }
    }
}

/// Who a device is when it connects. There is no login: both are claims, and the network must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The source address of its frames, six bytes as a number, least significant first.
    pub source: u64,
    /// Where it may come from; anywhere without it.
    pub from: Option<Network>,
}

/// A network of IP addresses, IPv4 as IPv6 writes it (`::ffff:a.b.c.d`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Any address of it.
    pub address: u128,
    /// Leading bits that all its addresses share.
    pub bits: u8,
}

impl Network {
    /// Whether an address belongs to it.
    #[must_use]
    pub fn contains(self, address: u128) -> bool {
        let rest = u32::from(128_u8.saturating_sub(self.bits));
        (self.address ^ address).checked_shr(rest).unwrap_or(0) == 0
    }
}

/// What a point of a transmission device is told by: the `group` of points.csv.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// `parts`: the state of a part (type 2).
    Part,
    /// `system`: the state of a facility as a whole (type 1).
    System,
    /// `device`: the state of the transmission device (type 21).
    Device,
    /// `other`: everything that no point of points.csv stands for, so that nothing is dropped.
    Other,
    /// A measured value of a part (type 3).
    Analog(Quantity),
}

impl Told {
    /// By its name in points.csv.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "parts" => Some(Self::Part),
            "system" => Some(Self::System),
            "device" => Some(Self::Device),
            "other" => Some(Self::Other),
            _ => Quantity::ALL
                .into_iter()
                .find(|quantity| quantity.name == name)
                .map(Self::Analog),
        }
    }

    /// Every name.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let words = ["parts", "system", "device", "other"];
        words
            .into_iter()
            .chain(Quantity::ALL.map(|quantity| quantity.name))
    }

    /// Whether a point of this kind can be told so; one that cannot would be normal for ever.
    #[must_use]
    pub fn can_tell(self, kind: PointKind) -> bool {
        match self {
            Self::Part => {
                kind != PointKind::PanelFire && kind.is_fire()
                    || matches!(
                        kind,
                        PointKind::Gas | PointKind::Supervisory | PointKind::Feedback
                    )
            }
            Self::System => matches!(
                kind,
                PointKind::PanelFire
                    | PointKind::PanelKey
                    | PointKind::PanelMains
                    | PointKind::Supervisory
            ),
            Self::Device => matches!(kind, PointKind::PanelMains | PointKind::Supervisory),
            Self::Other => kind == PointKind::PanelFire,
            Self::Analog(_) => kind == PointKind::Supervisory,
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Part => "parts",
            Self::System => "system",
            Self::Device => "device",
            Self::Other => "other",
            Self::Analog(quantity) => quantity.name,
        })
    }
}

/// A measured quantity (table 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity {
    /// 模拟量类型.
    pub code: u8,
    /// The group of points.csv.
    pub name: &'static str,
    /// Thousandths of the unit of measurement that one count is.
    pub milli: i64,
    /// The least and the greatest value that the standard allows, in counts.
    pub counts: (i16, i16),
}

impl Quantity {
    /// All of the standard; 0 is unused, 13 to 127 are reserved, the rest are makers' own.
    pub const ALL: [Self; 12] = [
        Self::new(1, "count", 1_000, (0, 32_000)),
        Self::new(2, "height_m", 10, (0, 32_000)),
        Self::new(3, "temperature_c", 100, (-2_730, 32_000)),
        Self::new(4, "pressure_mpa", 100, (0, 32_000)),
        Self::new(5, "pressure_kpa", 100, (0, 32_000)),
        Self::new(6, "gas_lel", 100, (0, 1_000)),
        Self::new(7, "time_s", 1_000, (0, 32_000)),
        Self::new(8, "voltage_v", 100, (0, 32_000)),
        Self::new(9, "current_a", 100, (0, 32_000)),
        Self::new(10, "flow_l_s", 100, (0, 32_000)),
        Self::new(11, "air_m3_min", 100, (0, 32_000)),
        Self::new(12, "wind_m_s", 1_000, (0, 20)),
    ];

    const fn new(code: u8, name: &'static str, milli: i64, counts: (i16, i16)) -> Self {
        Self {
            code,
            name,
            milli,
            counts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_written_as_its_profile_divides_it() {
        let samples = [
            (PartAddress::ZoneUnit, "217-6"),
            (PartAddress::UnitZone, "6-217"),
        ];
        for (split, text) in samples {
            assert_eq!(split.text(0x0006_00D9), text);
        }
        assert_eq!(PartAddress::ZoneUnit.read(217, 6), 0x0006_00D9);
        assert_eq!(PartAddress::UnitZone.read(6, 217), 0x0006_00D9);
    }

    #[test]
    fn a_network_has_the_addresses_that_share_its_first_bits() {
        let v4 = |text: &str| {
            let address: std::net::Ipv4Addr = text.parse().expect("an address");
            u128::from(address.to_ipv6_mapped())
        };
        let network = |address, bits| Network {
            address: v4(address),
            bits,
        };
        assert!(network("10.20.0.0", 96 + 24).contains(v4("10.20.0.255")));
        assert!(!network("10.20.0.0", 96 + 24).contains(v4("10.20.1.0")));
        assert!(network("10.20.0.7", 128).contains(v4("10.20.0.7")));
        assert!(!network("10.20.0.7", 128).contains(v4("10.20.0.6")));
        assert!(network("0.0.0.0", 0).contains(v4("192.0.2.1")));
    }

    #[test]
    fn every_group_is_found_by_its_name() {
        for name in Told::names() {
            assert_eq!(
                Told::of(name).map(|told| told.to_string()),
                Some(name.to_owned())
            );
        }
        assert_eq!(Told::of("analogs"), None);
    }
}
