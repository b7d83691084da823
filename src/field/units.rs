//! How the units of a bus answer, and how long a silent one is left alone so that it costs the others one timeout per probe.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::modbus::fault::Fault;
use super::modbus::pdu::{Span, Values};
use super::terms::Terms;

/// The longest pause of a unit while others on its bus answer.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The longest pause when nobody else is waiting.
const PAUSE_ALONE_MAX: Duration = Duration::from_secs(2);
/// The longest pause of a single block.
const BLOCK_PAUSE_MAX: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, Default)]
struct Health {
    failures: u32,
    /// It is given up for now, not just one block of it.
    is_silent: bool,
    fault: Option<Fault>,
    ask_after: Option<Instant>,
    doubt: Option<Doubt>,
}

/// After a lost reply, on a line that does not tell replies apart, the next one may be the one that was lost. The same block is
/// asked until two replies agree, and then the unit is left alone until nothing can come any more.
#[derive(Clone, Debug, Default)]
struct Doubt {
    /// The block that is asked; any while none is chosen.
    of: Option<Span>,
    seen: Option<Values>,
}

/// The units of a bus.
#[derive(Debug, Default)]
pub(crate) struct Units {
    by_unit: BTreeMap<u8, Health>,
    /// Told as lost while others on the line answer.
    lost: BTreeSet<u8>,
    /// The cycle in which a silent unit was last asked in vain. One such question a cycle is what the others pay for all of them.
    spent_in: Option<u64>,
}

impl Units {
    pub(crate) fn new(units: impl Iterator<Item = u8>) -> Self {
        let by_unit = units.map(|unit| (unit, Health::default())).collect();
        Self {
            by_unit,
            lost: BTreeSet::new(),
            spent_in: None,
        }
    }

    /// All units that are read.
    pub(crate) fn all(&self) -> impl Iterator<Item = u8> {
        self.by_unit.keys().copied()
    }

    /// Units that are not told as lost.
    pub(crate) fn standing(&self) -> impl Iterator<Item = u8> {
        self.all().filter(|unit| !self.is_lost(*unit))
    }

    pub(crate) fn is_lost(&self, unit: u8) -> bool {
        self.lost.contains(&unit)
    }

    /// Why the unit did not answer the last time.
    pub(crate) fn fault(&self, unit: u8) -> Option<Fault> {
        self.by_unit.get(&unit).and_then(|health| health.fault)
    }

    /// Marks a unit as lost or found; true when that is new.
    pub(crate) fn set_lost(&mut self, unit: u8, is_lost: bool) -> bool {
        if is_lost {
            self.lost.insert(unit)
        } else {
            self.lost.remove(&unit)
        }
    }

    /// Whether the unit answered the last time, or was not asked yet.
    pub(crate) fn is_answering(&self, unit: u8) -> bool {
        self.by_unit
            .get(&unit)
            .is_none_or(|health| health.failures == 0)
    }

    /// Whether the whole unit is given up for now, not just one block of it.
    pub(crate) fn is_silent(&self, unit: u8) -> bool {
        self.by_unit
            .get(&unit)
            .is_some_and(|health| health.is_silent)
    }

    /// Whether this block of the unit may be asked now, in this cycle.
    pub(crate) fn may_ask(&self, unit: u8, span: Span, (now, round): (Instant, u64)) -> bool {
        let Some(health) = self.by_unit.get(&unit) else {
            return true;
        };
        if health.is_silent && self.spent_in == Some(round) && self.others_answer(unit) {
            return false;
        }
        let chosen = health.doubt.as_ref().and_then(|doubt| doubt.of);
        health.ask_after.is_none_or(|at| at <= now) && chosen.is_none_or(|of| of == span)
    }

    /// From here on a reply of the unit may be an older one.
    pub(crate) fn doubt(&mut self, unit: u8, of: Option<Span>) {
        self.by_unit.entry(unit).or_default().doubt = Some(Doubt { of, seen: None });
    }

    /// The block that is doubted may not exist any more: any is asked.
    pub(crate) fn any_block(&mut self, unit: u8) {
        let health = self.by_unit.get_mut(&unit);
        if let Some(doubt) = health.and_then(|health| health.doubt.as_mut()) {
            *doubt = Doubt::default();
        }
    }

    /// Whether the values of this block can be believed: there is no doubt, or the reply before said the same.
    pub(crate) fn agrees(&mut self, unit: u8, span: Span, values: &Values) -> bool {
        let health = self.by_unit.get_mut(&unit);
        let Some(doubt) = health.and_then(|health| health.doubt.as_mut()) else {
            return true;
        };
        let is_same = doubt.of == Some(span) && doubt.seen.as_ref() == Some(values);
        doubt.of = Some(span);
        doubt.seen = Some(values.clone());
        is_same
    }

    /// The unit answered something that is not believed yet.
    pub(crate) fn heard(&mut self, unit: u8) {
        let health = self.by_unit.entry(unit).or_default();
        *health = Health {
            doubt: health.doubt.take(),
            ..Health::default()
        };
    }

    /// The unit is none of those that are read.
    pub(crate) fn forget(&mut self, unit: u8) {
        self.by_unit.remove(&unit);
    }

    /// Leaves the unit alone until then.
    pub(crate) fn rest(&mut self, unit: u8, until: Instant) {
        self.by_unit.entry(unit).or_default().ask_after = Some(until);
    }

    /// The unit answered. If it had been doubted it is left alone until `rest`. Returns true when it had been given up.
    pub(crate) fn answered(&mut self, unit: u8, rest: Instant) -> bool {
        let was_silent = self.is_silent(unit);
        let health = self.by_unit.entry(unit).or_default();
        let ask_after = health.doubt.is_some().then_some(rest);
        *health = Health {
            ask_after,
            ..Health::default()
        };
        was_silent
    }

    /// The unit did not answer.
    pub(crate) fn failed(
        &mut self,
        unit: u8,
        fault: Fault,
        (now, round): (Instant, u64),
        terms: &Terms,
    ) {
        let most = if self.others_answer(unit) {
            PAUSE_MAX
        } else {
            PAUSE_ALONE_MAX
        };
        let health = self.by_unit.entry(unit).or_default();
        if health.is_silent {
            self.spent_in = Some(round);
        }
        health.failures = health.failures.saturating_add(1);
        health.fault = Some(fault);
        let pause = pause(health.failures, terms.unit_failures(), most);
        health.is_silent = pause.is_some();
        health.ask_after = pause.map(|pause| now + pause);
    }

    fn others_answer(&self, unit: u8) -> bool {
        let mut others = self.by_unit.iter();
        others.any(|(other, health)| *other != unit && health.failures == 0)
    }
}

/// How long a block that failed so often in a row is left alone.
pub(crate) fn block_pause(failures: u32, terms: &Terms) -> Option<Duration> {
    pause(failures, terms.block_failures(), BLOCK_PAUSE_MAX)
}

/// 1, 2, 4 … seconds from the first failure that counts.
fn pause(failures: u32, from: u32, most: Duration) -> Option<Duration> {
    let doublings = failures.checked_sub(from)?;
    let seconds = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
    Some(Duration::from_secs(seconds).min(most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::Area;
    use crate::field::terms::AllTerms;

    fn terms() -> Terms {
        let bus = crate::field::testing::bus("b", "-", &[]);
        AllTerms::new(&bus, &BTreeMap::new()).line()
    }

    fn span() -> Span {
        Span::new(Area::Holding, 0, 4).unwrap()
    }

    #[test]
    fn a_silent_unit_is_asked_less_and_less_while_others_answer() {
        let now = Instant::now();
        let mut units = Units::new([1, 2].into_iter());
        units.failed(2, Fault::Timeout, (now, 0), &terms());
        units.failed(2, Fault::Timeout, (now, 0), &terms());
        assert!(units.may_ask(2, span(), (now, 1)) && !units.is_answering(2));
        let mut pauses = Vec::new();
        for _ in 0..7 {
            units.failed(2, Fault::Timeout, (now, 0), &terms());
            let after =
                (0..=60).find(|s| units.may_ask(2, span(), (now + Duration::from_secs(*s), 1)));
            pauses.push(after.unwrap());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        assert!(units.may_ask(1, span(), (now, 1)));
        assert!(units.answered(2, now));
        assert!(units.may_ask(2, span(), (now, 1)) && units.is_answering(2));
    }

    #[test]
    fn a_unit_that_is_alone_is_asked_at_least_every_two_seconds() {
        let now = Instant::now();
        let mut units = Units::new([1].into_iter());
        (0..40).for_each(|_| units.failed(1, Fault::Timeout, (now, 0), &terms()));
        assert!(units.may_ask(1, span(), (now + PAUSE_ALONE_MAX, 1)));
    }

    #[test]
    fn after_a_lost_reply_the_same_block_is_asked_until_two_replies_agree() {
        let (now, rest) = (Instant::now(), Instant::now() + PAUSE_ALONE_MAX);
        let other = Span::new(Area::Holding, 40, 4).unwrap();
        let values = |n| Values::Registers(vec![n; 4]);
        let mut units = Units::new([1].into_iter());
        assert!(units.agrees(1, span(), &values(1)), "no doubt");
        units.doubt(1, Some(span()));
        assert!(units.may_ask(1, span(), (now, 1)) && !units.may_ask(1, other, (now, 1)));
        assert!(!units.agrees(1, span(), &values(1)));
        assert!(!units.agrees(1, span(), &values(2)), "they differ");
        assert!(units.agrees(1, span(), &values(2)));
        units.answered(1, rest);
        // What may still come meets no other question.
        assert!(!units.may_ask(1, other, (now, 1)) && units.may_ask(1, other, (rest, 1)));
        // Without a chosen block the first that is asked is the chosen one.
        units.doubt(1, None);
        assert!(!units.agrees(1, other, &values(3)));
        assert!(!units.may_ask(1, span(), (rest, 1)) && units.may_ask(1, other, (rest, 1)));
        units.any_block(1);
        assert!(units.may_ask(1, span(), (rest, 1)));
    }

    #[test]
    fn a_shift_past_the_width_is_the_longest_pause() {
        assert_eq!(block_pause(1, &terms()), None);
        assert_eq!(block_pause(u32::MAX, &terms()), Some(BLOCK_PAUSE_MAX));
    }

    #[test]
    fn of_all_that_are_silent_one_a_cycle_is_asked_in_vain_while_others_answer() {
        let now = Instant::now();
        let mut units = Units::new([1, 2, 3].into_iter());
        for unit in [2, 3] {
            (0..3).for_each(|_| units.failed(unit, Fault::Timeout, (now, 0), &terms()));
        }
        let later = now + PAUSE_MAX;
        assert!(units.may_ask(2, span(), (later, 5)));
        units.failed(2, Fault::Timeout, (later, 5), &terms());
        assert!(!units.may_ask(3, span(), (later, 5)) && units.may_ask(1, span(), (later, 5)));
        assert!(units.may_ask(3, span(), (later, 6)));
        // When nobody else is waiting the others are asked at once.
        (0..3).for_each(|_| units.failed(1, Fault::Timeout, (later, 5), &terms()));
        assert!(units.may_ask(3, span(), (later, 5)));
    }
}
