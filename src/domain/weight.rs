//! What a verb does to the protection of people (DESIGN.md 4, rule 15): one table, so that no verb is ever both.

use serde_json::Value;

/// The weight of a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Protects people: it is taken even while the journal does not answer, and never asks for anything first.
    Protects,
    /// Neither: a report, a tick, a hand-over.
    Plain,
    /// Weakens protection: whoever does it has just proved that it is he.
    Weakens,
}

/// Verbs that protect, whatever their body says.
pub const PROTECTIVE: [&str; 18] = [
    "take",
    "mute",
    "dispatch",
    "confirm_fire",
    "call_119",
    "start",
    "report",
    "auto_and_start",
    "start_gas",
    "evacuated",
    "gas_company",
    "cordon",
    "power_outside",
    "record_reply",
    "take_over",
    "take_command",
    "accept_command",
    "end_maintenance",
];

/// Verbs that weaken, whatever their body says: 停止警报, 复位, 解除警情, 更正为误报, the countersign of a verdict by camera, maintenance of
/// an output and what is written in it.
pub const WEAKENING: [&str; 7] = [
    "stop_sounders",
    "reset",
    "all_clear",
    "correct_false",
    "countersign_false",
    "maintenance",
    "write",
];

/// The weight of a verb with its body: linkage to 自动 protects, to anything else it weakens.
#[must_use]
pub fn of(name: &str, body: &Value) -> Weight {
    match name {
        "mode" if body["mode"] == "auto" => Weight::Protects,
        "mode" => Weight::Weakens,
        "people_report" if body["leak"] == true => Weight::Protects,
        _ if PROTECTIVE.contains(&name) => Weight::Protects,
        _ if WEAKENING.contains(&name) => Weight::Weakens,
        _ => Weight::Plain,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_verb_protects_and_weakens() {
        for name in PROTECTIVE {
            assert!(!WEAKENING.contains(&name), "{name}");
            assert_eq!(of(name, &json!({})), Weight::Protects, "{name}");
        }
    }

    #[test]
    fn linkage_protects_in_automatic_and_weakens_in_manual() {
        let of = |mode: &str| of("mode", &json!({ "mode": mode }));
        assert_eq!(of("auto"), Weight::Protects);
        assert_eq!(
            (of("manual"), of("else")),
            (Weight::Weakens, Weight::Weakens)
        );
    }
}
