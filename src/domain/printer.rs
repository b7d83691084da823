//! A panel that only prints: what its records look like and what each of them says. It is data (`config/panels/*.toml` with
//! `protocol = "printer"`), checked when it is loaded.
//!
//! Text is events, not levels. What was printed stands until something else is printed; silence proves nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use super::point::{Condition, PointKind};
use super::template::{LabelForm, Template};

/// Group of the points that the panel names by a label.
pub const POINTS: &str = "points";
/// Group of the one point that takes what cannot be placed.
pub const OTHER: &str = "other";
/// Group of the panel's own states.
pub const PANEL: &str = "panel";

/// The unit has not been reset since the line was opened: what it said before was not heard.
pub const NOT_HEARD: &str = "not_heard";
/// Too many records in a row cannot be read.
pub const UNREADABLE: &str = "unreadable";
/// The panel prints its sign of life no more.
pub const NO_SIGN: &str = "no_sign";

/// A printing panel's profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printer {
    /// File name without `.toml`.
    pub name: String,
    /// How its characters are written.
    pub encoding: Encoding,
    /// Where a record begins and ends.
    pub framing: Framing,
    /// In this order the first that matches is what a record says.
    pub patterns: Vec<Pattern>,
    /// Words of an alarm: a record that has one and matches nothing is still an alarm.
    pub alarm_words: Vec<String>,
    /// What the panel's reset ends beside fire.
    pub reset_clears: BTreeSet<Condition>,
    /// Longest silence that is normal; `None` when the panel gives no sign of life and its silence proves nothing.
    pub silence_max: Option<Duration>,
}

/// How characters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// GB 18030, with GB 2312 and GBK inside.
    Gb18030,
    /// UTF-8.
    Utf8,
}

/// Where a record begins and ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framing {
    /// Bytes that begin every record; empty when nothing does.
    pub starts: Vec<u8>,
    /// Bytes of which any ends a record.
    pub ends: Vec<Vec<u8>>,
    /// Bytes of a record of fixed length.
    pub length: Option<usize>,
    /// A pause so long ends a record. Where ends or a length are stated the record is then not whole.
    pub idle: Duration,
    /// Sequences that are for the printer and no text.
    pub drops: Vec<Vec<u8>>,
    /// Longest record in bytes; a longer one is none.
    pub bytes_max: usize,
}

/// One thing that is printed, in all forms in which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// What it says.
    pub says: Says,
    /// Whether that begins to hold, or ends.
    pub holds: bool,
    /// The forms.
    pub forms: Vec<Template>,
    /// What it is said of; `None` for the panel itself, and where no point is named.
    pub label: Option<LabelForm>,
}

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// Something of a point.
    Point(Condition),
    /// Something of the panel.
    Panel(PanelSign),
    /// 复位: fire is over at the panel until it is printed again.
    Reset,
    /// Nothing that changes a point; the panel lives.
    Alive,
}

/// A state of the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanelSign {
    /// 消音.
    Silenced,
    /// The evacuation sounders are on.
    Sounders,
    /// 主电故障.
    MainsFault,
    /// The key stands at 自动.
    Automatic,
}

/// What a point of this kind shows of what is printed of it, if anything. A fire device shows fire where others are active.
#[must_use]
pub fn shown(condition: Condition, kind: PointKind) -> Option<Condition> {
    match condition {
        Condition::Fire | Condition::Active if kind.is_fire() => Some(Condition::Fire),
        Condition::Active if kind != PointKind::Gas => Some(Condition::Active),
        Condition::Low | Condition::High if kind == PointKind::Gas => Some(condition),
        Condition::Fault | Condition::Disabled | Condition::Test => Some(condition),
        Condition::Fire | Condition::Active | Condition::Low | Condition::High => None,
    }
}

impl PanelSign {
    /// The states by the words of points.csv, with the kind of point that shows each.
    pub const ALL: [(&'static str, Self, PointKind); 4] = [
        ("silenced", Self::Silenced, PointKind::PanelSilenced),
        ("sounders", Self::Sounders, PointKind::PanelSounders),
        ("mains", Self::MainsFault, PointKind::PanelMains),
        ("automatic", Self::Automatic, PointKind::PanelKey),
    ];

    /// The kind of point that shows it, and whether that is active while it holds.
    #[must_use]
    pub fn shown(self, holds: bool) -> (PointKind, bool) {
        match self {
            Self::Silenced => (PointKind::PanelSilenced, holds),
            Self::Sounders => (PointKind::PanelSounders, holds),
            Self::MainsFault => (PointKind::PanelMains, !holds),
            Self::Automatic => (PointKind::PanelKey, holds),
        }
    }
}

/// Whether a unit is lost only for what it may have said unheard: what it has printed stands, only its silence is not believed.
#[must_use]
pub fn is_gap(reason: &str) -> bool {
    [NOT_HEARD, UNREADABLE, NO_SIGN].contains(&reason)
}
