//! From conditions to the bits of a point: which words of the map say just this.

use std::collections::{BTreeMap, BTreeSet};

use super::Condition;
use super::file::{CodesEntry, Missing, Pattern, Table};

/// Conditions of a point.
pub(super) type Shown = BTreeSet<Condition>;

/// What the bits of a point mean.
#[derive(Clone, Debug)]
pub(super) enum Sign {
    /// One bit. Without a condition of its own it says what its device is for: fire, or active.
    Contact {
        inverted: bool,
        shows: Option<Condition>,
    },
    States(States),
}

/// Bits with a meaning, a code among them, and what says that there is no device.
#[derive(Clone, Debug)]
pub(super) struct States {
    bits: Vec<(u16, Condition)>,
    codes: Option<Codes>,
    missing: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Codes {
    mask: u16,
    /// Set while the code counts.
    when: Option<u16>,
    table: BTreeMap<u16, Shown>,
}

impl Sign {
    /// Every word that shows these conditions and no others, the plainest first.
    pub(super) fn words(&self, shown: &Shown) -> Vec<u16> {
        match self {
            Self::Contact { inverted, .. } if shown.is_empty() => vec![u16::from(*inverted)],
            Self::Contact { inverted, .. } if shown.len() == 1 && shown.is_subset(&self.can()) => {
                vec![u16::from(!*inverted)]
            }
            Self::Contact { .. } => Vec::new(),
            Self::States(states) => states.words(shown),
        }
    }

    /// Conditions that can be shown at all.
    pub(super) fn can(&self) -> Shown {
        match self {
            Self::Contact { shows: None, .. } => [Condition::Fire, Condition::Active].into(),
            Self::Contact {
                shows: Some(shows), ..
            } => [*shows].into(),
            Self::States(states) => {
                let codes = states.codes.iter().flat_map(|codes| codes.table.values());
                let bits = states.bits.iter().map(|(_, condition)| *condition);
                bits.chain(codes.flatten().copied()).collect()
            }
        }
    }

    /// Every word that says that there is no such device.
    pub(super) fn absent(&self) -> Vec<u16> {
        match self {
            Self::Contact { .. } => Vec::new(),
            Self::States(states) => {
                let missing = states.missing.iter();
                missing
                    .filter_map(|one| one.value.try_into().ok())
                    .collect()
            }
        }
    }

    /// Words with a code that the map does not have.
    pub(super) fn strange(&self) -> Vec<u16> {
        let Self::States(states) = self else {
            return Vec::new();
        };
        let Some(codes) = &states.codes else {
            return Vec::new();
        };
        let unlisted = (0..=codes.most()).filter(|code| !codes.table.contains_key(code));
        let words = unlisted.map(|code| codes.word(code));
        words
            .filter(|word| states.is_there(*word))
            .take(1)
            .collect()
    }
}

impl States {
    /// Reads them from a table whose points have so many bits.
    pub(super) fn read(table: &Table, width: u8) -> Result<Self, String> {
        let all = u16::MAX.checked_shr(16_u32.saturating_sub(width.into()));
        let all = all.ok_or("a point without bits")?;
        let codes = table.codes.as_ref().map(|codes| Codes::read(codes, all));
        let bits = table.bits.iter().flat_map(|(condition, listed)| {
            let bits = listed.numbers().iter();
            bits.map(|bit| Some((1_u16.checked_shl(u32::from(*bit))?, *condition)))
        });
        let bits: Option<Vec<_>> = bits.collect();
        Ok(Self {
            bits: bits.ok_or("a bit beyond the fifteenth")?,
            codes: codes.transpose()?,
            missing: missing(table.missing.as_ref(), all),
        })
    }

    fn words(&self, shown: &Shown) -> Vec<u16> {
        // No code at all, the codes that count for nothing, and then those that say a part of it.
        let mut begun: Vec<(u16, &Shown)> = Vec::new();
        let none = Shown::new();
        let codes = self.codes.as_ref();
        if codes.is_none_or(|codes| codes.when.is_some()) {
            begun.push((0, &none));
        }
        if let Some(codes) = codes {
            let table = codes.table.iter();
            begun.extend(table.map(|(code, said)| (codes.word(*code), said)));
        }
        begun.retain(|(_, said)| said.is_subset(shown));
        begun.sort_by_key(|(_, said)| said.len());
        let words = begun.into_iter().flat_map(|(word, said)| {
            let rest = shown.difference(said);
            rest.fold(vec![word], |words, condition| {
                self.each_with(&words, *condition)
            })
        });
        words.filter(|word| self.is_there(*word)).collect()
    }

    /// Each of the words with each bit that means the condition.
    fn each_with(&self, words: &[u16], condition: Condition) -> Vec<u16> {
        let bits = self.bits.iter().filter(|(_, meant)| *meant == condition);
        bits.flat_map(|(bit, _)| words.iter().map(move |word| word | bit))
            .collect()
    }

    fn is_there(&self, word: u16) -> bool {
        let word = u32::from(word);
        let mut missing = self.missing.iter();
        !missing.any(|one| word & one.mask == one.value)
    }
}

impl Codes {
    fn read(entry: &CodesEntry, all: u16) -> Result<Self, String> {
        let mask = entry.mask.unwrap_or(all);
        if mask == 0 {
            return Err("a code without bits".to_owned());
        }
        let mut table: BTreeMap<u16, Shown> = BTreeMap::new();
        for (condition, listed) in entry.lists() {
            for code in listed.iter().flat_map(|listed| listed.numbers()) {
                table.entry(*code).or_default().extend(condition);
            }
        }
        Ok(Self {
            mask,
            when: entry.when.and_then(|bit| 1_u16.checked_shl(bit.into())),
            table,
        })
    }

    /// The word of a code that counts.
    fn word(&self, code: u16) -> u16 {
        code << self.mask.trailing_zeros() | self.when.unwrap_or_default()
    }

    /// The greatest code.
    fn most(&self) -> u16 {
        self.mask >> self.mask.trailing_zeros()
    }
}

fn missing(entry: Option<&Missing>, all: u16) -> Vec<Pattern> {
    entry.map_or_else(Vec::new, |missing| missing.patterns(all.into()))
}
