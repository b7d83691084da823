//! The frames of `tests/vectors/gb26875.json`.

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Vectors {
    pub(super) frames: Vec<FrameVector>,
    pub(super) units: Vec<UnitVector>,
}

#[derive(Deserialize)]
pub(super) struct FrameVector {
    pub(super) name: String,
    pub(super) hex: String,
    pub(super) sum: String,
    pub(super) sequence: u16,
    pub(super) version: [u8; 2],
    pub(super) sent: String,
    pub(super) source: u64,
    pub(super) destination: u64,
    pub(super) command: String,
    pub(super) adu: String,
    /// What the unit says, one line an object; `None` when it is not one of the standard.
    pub(super) unit: Option<Vec<String>>,
}

#[derive(Deserialize)]
pub(super) struct UnitVector {
    pub(super) name: String,
    pub(super) hex: String,
    pub(super) unit: Option<Vec<String>>,
}

pub(super) fn vectors() -> Vectors {
    let text = include_str!("../../../tests/vectors/gb26875.json");
    serde_json::from_str(text).expect("the vectors parse")
}

pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(digits).collect()
}

/// As the vectors write a time.
pub(super) fn civil(label: [u8; 6]) -> String {
    let [second, minute, hour, day, month, year] = label;
    format!("20{year:02}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}
