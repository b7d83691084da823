//! Unknown origins: each is worth a line in the log now and then, and many of them are not worth many lines (DESIGN.md 4, rule 13).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::time::EngineTime;

/// Origins that are told apart.
const STRANGERS_MAX: usize = 64;
/// The same one is told again after this.
const TOLD_AGAIN: Duration = Duration::from_secs(600);

/// Who was told of, and when.
#[derive(Debug, Default)]
pub(super) struct Strangers(BTreeMap<String, EngineTime>);

impl Strangers {
    /// Whether to write a line.
    pub(super) fn is_worth_a_line(&mut self, who: &str, now: EngineTime) -> bool {
        self.0.retain(|_, told_at| now - *told_at < TOLD_AGAIN);
        if self.0.contains_key(who) || self.0.len() >= STRANGERS_MAX {
            return false;
        }
        self.0.insert(who.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stranger_is_told_once_and_many_are_not_told_at_all() {
        let mut strangers = Strangers::default();
        let told = |strangers: &mut Strangers, who: &str, at| {
            strangers.is_worth_a_line(who, EngineTime(at))
        };
        assert!(told(&mut strangers, "a", 0));
        assert!(!told(&mut strangers, "a", 599_999));
        assert!(told(&mut strangers, "a", 600_000));
        let lines = (0..1_000).filter(|n| told(&mut strangers, &n.to_string(), 600_001));
        assert_eq!(lines.count(), STRANGERS_MAX - 1);
    }
}
