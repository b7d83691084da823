//! Setting a point: the words that its tables must have so that it says what is asked.

use super::states::{Shown, Sign};
use super::table::{Elements, Group, Meaning, Part};
use super::{Condition, Said, Trouble, Unset};

/// What becomes of a point that is set.
pub(super) struct Setting {
    /// The words of its tables, by their places in the group.
    pub(super) puts: Vec<(usize, Vec<u16>)>,
    way: usize,
    pub(super) ways: usize,
    pub(super) said: Said,
}

impl Setting {
    /// Nothing of it is set yet.
    pub(super) fn new(group: &Group, way: usize) -> Self {
        Self {
            puts: Vec::new(),
            way,
            ways: 1,
            said: calm_said(group),
        }
    }

    /// Each table shows what it can of the conditions; what is left is shown by the limits of a value.
    pub(super) fn show(&mut self, parts: &[Part], wanted: &Shown) -> Result<(), Unset> {
        let mut rest = wanted.clone();
        for (n, part) in parts.iter().enumerate() {
            match &part.meaning {
                Meaning::Word { sign, .. } | Meaning::Slot { sign, .. } => {
                    let own: Shown = rest.intersection(&sign.can()).copied().collect();
                    let words = sign.words(&own);
                    let word = self.choose(&words, !own.is_empty())?;
                    self.puts.push((n, vec![word]));
                    rest.retain(|condition| !own.contains(condition));
                }
                Meaning::Number { number, .. } => {
                    let own: Shown = rest.intersection(&number.can()).copied().collect();
                    let held = number.showing(&own).ok_or(Unset::Unsayable)?;
                    self.puts.push((n, held.words));
                    self.said.value = Some(held.value);
                    self.said.shows.extend(number.shown(held.value));
                    rest.retain(|condition| !own.contains(condition));
                }
            }
        }
        self.said.shows.extend(wanted);
        if rest.is_empty() {
            return Ok(());
        }
        // A value has no bit for it and can be faulty all the same.
        let is_fault = *wanted == Shown::from([Condition::Fault]);
        let mut troubles = Trouble::OF_VALUES.into_iter().filter(|_| is_fault);
        let found = troubles.find(|trouble| self.trouble(parts, *trouble).is_ok());
        found.map(drop).ok_or(Unset::Unsayable)
    }

    /// The first table that can says that there is nothing.
    pub(super) fn trouble(&mut self, parts: &[Part], trouble: Trouble) -> Result<(), Unset> {
        for (n, part) in parts.iter().enumerate() {
            let said: Vec<Vec<u16>> = match &part.meaning {
                Meaning::Word { sign, .. } | Meaning::Slot { sign, .. } => {
                    let words = troubled(sign, trouble).into_iter();
                    words.map(|word| vec![word]).collect()
                }
                Meaning::Number { number, .. } => number.troubled(trouble),
            };
            if said.is_empty() {
                continue;
            }
            let words = self.choose(&said, true)?;
            self.puts.push((n, words));
            if let Meaning::Number { .. } = &part.meaning {
                self.said.value = None;
            }
            self.said.trouble = Some(trouble);
            self.said.shows = [Condition::Fault].into();
            return Ok(());
        }
        Err(Unset::Unsayable)
    }

    pub(super) fn measure(&mut self, parts: &[Part], value: f64) -> Result<(), Unset> {
        for (n, part) in parts.iter().enumerate() {
            let Meaning::Number { number, .. } = &part.meaning else {
                continue;
            };
            let held = number.hold(value).ok_or(Unset::Unsayable)?;
            self.puts.push((n, held.words));
            self.said.shows = number.shown(held.value);
            self.said.value = Some(held.value);
            return Ok(());
        }
        Err(Unset::Unsayable)
    }

    /// The way that is asked for; `counts` where it is the one that says what was asked.
    fn choose<T: Clone>(&mut self, words: &[T], counts: bool) -> Result<T, Unset> {
        let way = if counts { self.way } else { 0 };
        if counts {
            self.ways = words.len();
        }
        words.get(way).cloned().ok_or(Unset::Unsayable)
    }
}

fn troubled(sign: &Sign, trouble: Trouble) -> Vec<u16> {
    match trouble {
        Trouble::NotPresent => sign.absent(),
        Trouble::UnknownCode => sign.strange(),
        Trouble::Broken | Trouble::Shorted | Trouble::Implausible | Trouble::NotANumber => {
            Vec::new()
        }
    }
}

/// What the points of a group say at rest.
pub(super) fn calm_said(group: &Group) -> Said {
    let numbers = group.parts.iter().find_map(|part| match &part.meaning {
        Meaning::Number { number, .. } => Some(number),
        Meaning::Word { .. } | Meaning::Slot { .. } => None,
    });
    Said {
        value: numbers
            .and_then(|number| number.calm())
            .map(|held| held.value),
        unit: numbers.map(|number| number.unit.clone()),
        ..Said::default()
    }
}

/// Puts the points of a group at rest, where the map has a word for it. All elements are 0 before.
pub(super) fn calm(group: &Group, elements: &mut Elements) {
    for part in &group.parts {
        let words = match &part.meaning {
            Meaning::Word { sign, .. } | Meaning::Slot { sign, .. } => {
                let words = sign.words(&Shown::new()).into_iter();
                words.take(1).filter(|word| *word != 0).collect()
            }
            Meaning::Number { number, .. } => {
                number.calm().map_or_else(Vec::new, |held| held.words)
            }
        };
        if words.is_empty() {
            continue;
        }
        for (_, at) in group.points() {
            part.put(elements, at, &words);
        }
    }
}
