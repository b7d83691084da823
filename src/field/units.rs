//! How the units of a bus answer, and how long a silent one is left alone so that it costs the others one timeout per probe.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::modbus::fault::Fault;
use super::modbus::pdu::{Reply, Span};
use super::recent::DOUBLED_WITHIN;
use super::terms::Terms;

/// The longest pause of a unit while others on its bus answer.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The longest pause when nobody else is waiting.
const PAUSE_ALONE_MAX: Duration = Duration::from_secs(2);
/// The longest pause of a single block.
const BLOCK_PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long a unit must answer well before one reply is enough again. No reply is late by so much.
const DOUBTED_FOR: Duration = Duration::from_secs(10);
/// Most replies that a unit is taken to owe: it is given up before it owes more.
const OWED_MAX: usize = 4;
/// So many replies in a row are more than it can owe, though they differ: a measured value may do so every time.
const REPLIES_MAX: usize = OWED_MAX + 1;

#[derive(Clone, Debug, Default)]
struct Health {
    failures: u32,
    /// It is given up for now, not just one block of it.
    is_silent: bool,
    fault: Option<Fault>,
    ask_after: Option<Instant>,
    doubt: Option<Doubt>,
}

/// On a line that does not tell replies apart, a reply may be an older one: one that was lost, or one of somebody who speaks without
/// being asked. Each block is asked until it has had more replies in a row than are owed, and the same twice where somebody speaks,
/// as long as there is cause and for some time after it.
#[derive(Clone, Debug, Default)]
struct Doubt {
    /// The block that is asked; any while none is chosen.
    of: Option<Span>,
    seen: Option<Reply>,
    /// Its replies in a row.
    replies: usize,
    /// When those replies were lost that may still come.
    owed: Vec<Instant>,
    /// Frames were heard that nobody had asked for.
    speaks: bool,
    /// Since when it has answered well.
    well_since: Option<Instant>,
}

impl Doubt {
    fn choose(&mut self, of: Option<Span>) {
        (self.of, self.seen, self.replies) = (of, None, 0);
    }

    /// The last of so many replies in a row is the block's own, for they come in the order of their questions.
    fn replies_needed(&self) -> usize {
        1 + self.owed.len().max(1)
    }
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

    /// A reply of the unit was lost: the next one may be that. Any block may be asked.
    pub(crate) fn lost_reply(&mut self, unit: u8, fault: Fault, now: Instant) {
        if let Some(health) = self.by_unit.get_mut(&unit) {
            let doubt = health.doubt.get_or_insert_default();
            doubt.choose(None);
            doubt.well_since = None;
            let may_come = |at: &Instant| now.saturating_duration_since(*at) < DOUBTED_FOR;
            doubt.owed.retain(may_come);
            if fault.leaves_owed() && doubt.owed.len() < OWED_MAX {
                doubt.owed.push(now);
            }
        }
    }

    /// Something was heard that nobody had asked for and that may be the unit's: a reply that is owed no more, or one too many.
    pub(crate) fn spoke(&mut self, unit: u8) {
        if let Some(health) = self.by_unit.get_mut(&unit) {
            let doubt = health.doubt.get_or_insert_default();
            (doubt.speaks, doubt.well_since) = (true, None);
            doubt.owed.pop();
        }
    }

    fn doubt(&self, unit: u8) -> Option<&Doubt> {
        self.by_unit.get(&unit)?.doubt.as_ref()
    }

    /// How many replies in a row it takes to believe one of them.
    pub(crate) fn replies_needed(&self, unit: u8) -> usize {
        self.doubt(unit).map_or(1, Doubt::replies_needed)
    }

    /// How long the line is listened to behind a reply of the unit.
    pub(crate) fn settle(&self, unit: u8) -> Duration {
        match self.doubt(unit) {
            Some(Doubt { speaks: true, .. }) => DOUBLED_WITHIN,
            Some(_) | None => Duration::ZERO,
        }
    }

    /// The only block of a doubted unit that is asked from now on, until it is believed; any, when there is none.
    pub(crate) fn choose(&mut self, unit: u8, of: Option<Span>) {
        let health = self.by_unit.get_mut(&unit);
        if let Some(doubt) = health.and_then(|health| health.doubt.as_mut()) {
            doubt.choose(of);
        }
    }

    /// Whether the reply for this block can be believed: there is no doubt, or it can only be its own.
    pub(crate) fn agrees(&mut self, unit: u8, span: Span, reply: &Reply) -> bool {
        let health = self.by_unit.get_mut(&unit);
        let Some(doubt) = health.and_then(|health| health.doubt.as_mut()) else {
            return true;
        };
        if doubt.of != Some(span) {
            doubt.choose(Some(span));
        }
        doubt.replies += 1;
        // Who speaks unasked may say more than what is owed.
        let is_clear =
            !doubt.speaks || doubt.seen.as_ref() == Some(reply) || doubt.replies >= REPLIES_MAX;
        let is_believed = doubt.replies >= doubt.replies_needed() && is_clear;
        if is_believed {
            doubt.choose(None);
        } else {
            doubt.seen = Some(reply.clone());
        }
        is_believed
    }

    /// The unit answered something that is not believed yet.
    pub(crate) fn heard(&mut self, unit: u8) {
        let health = self.by_unit.entry(unit).or_default();
        *health = Health {
            doubt: health.doubt.take(),
            ..Health::default()
        };
    }

    /// Leaves the unit alone until then, or for longer if it is given up.
    pub(crate) fn rest(&mut self, unit: u8, until: Instant) {
        if let Some(health) = self.by_unit.get_mut(&unit) {
            health.ask_after = health.ask_after.max(Some(until));
        }
    }

    /// The unit answered and is believed. Returns true when it had been given up.
    pub(crate) fn answered(&mut self, unit: u8, now: Instant) -> bool {
        let was_silent = self.is_silent(unit);
        let health = self.by_unit.entry(unit).or_default();
        let doubt = health.doubt.take().filter(|doubt| {
            let since = doubt.well_since.unwrap_or(now);
            now.saturating_duration_since(since) < DOUBTED_FOR
        });
        *health = Health {
            doubt: doubt.map(|doubt| Doubt {
                well_since: doubt.well_since.or(Some(now)),
                ..doubt
            }),
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
    use crate::field::modbus::pdu::{BadReply, Values};
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

    fn reads(n: u16) -> Reply {
        Reply::Values(Values::Registers(vec![n; 4]))
    }

    #[test]
    fn after_a_lost_reply_each_block_is_asked_until_no_reply_can_be_the_lost_one() {
        let now = Instant::now();
        let other = Span::new(Area::Holding, 40, 4).unwrap();
        let mut units = Units::new([1].into_iter());
        assert!(units.agrees(1, span(), &reads(1)), "no doubt");
        units.lost_reply(1, Fault::Timeout, now);
        units.choose(1, Some(span()));
        assert!(units.may_ask(1, span(), (now, 1)) && !units.may_ask(1, other, (now, 1)));
        assert!(!units.agrees(1, span(), &Reply::Exception(6)));
        assert!(units.agrees(1, span(), &reads(2)), "a second is its own");
        units.answered(1, now);
        // The one that was lost may still come, to whatever is asked then. The first that is asked is the chosen one.
        assert!(units.may_ask(1, other, (now, 1)) && units.replies_needed(1) == 2);
        assert!(!units.agrees(1, other, &reads(3)));
        assert!(!units.may_ask(1, span(), (now, 1)) && units.may_ask(1, other, (now, 1)));
        units.choose(1, None);
        assert!(units.may_ask(1, span(), (now, 1)));
        assert!(!units.agrees(1, span(), &reads(2)) && units.agrees(1, span(), &reads(2)));
        units.answered(1, now + DOUBTED_FOR);
        assert!(units.replies_needed(1) == 1 && units.agrees(1, other, &reads(3)));
    }

    /// A gateway stalls and then gives its replies in order: each comes as many questions too late as were lost.
    #[test]
    fn replies_that_come_in_order_are_never_taken_for_those_of_another_block() {
        let now = Instant::now();
        let blocks = [0, 40].map(|start| Span::new(Area::Holding, start, 4).unwrap());
        for lag in 1..=OWED_MAX {
            let mut units = Units::new([1].into_iter());
            let mut replies: std::collections::VecDeque<Span> = [blocks[0]; OWED_MAX].into();
            replies.truncate(lag);
            (0..lag).for_each(|_| units.lost_reply(1, Fault::Timeout, now));
            for block in blocks.repeat(2) {
                let mut asked = || {
                    replies.push_back(block);
                    replies.pop_front().unwrap()
                };
                let mut said = asked();
                while !units.agrees(1, block, &reads(said.start())) {
                    said = asked();
                }
                assert_eq!(said, block, "{lag} are owed");
                units.answered(1, now);
            }
        }
    }

    #[test]
    fn only_what_may_still_come_is_owed() {
        let now = Instant::now();
        let mut units = Units::new([1].into_iter());
        units.lost_reply(1, Fault::Timeout, now);
        units.lost_reply(1, Fault::Timeout, now);
        assert_eq!(units.replies_needed(1), 3);
        // It came, and was spoilt.
        units.lost_reply(1, Fault::Bad(BadReply::Checksum), now);
        assert_eq!(units.replies_needed(1), 3);
        // It came, too late.
        units.spoke(1);
        assert_eq!(units.replies_needed(1), 2);
        (0..9).for_each(|_| units.lost_reply(1, Fault::Timeout, now));
        assert_eq!(units.replies_needed(1), REPLIES_MAX);
        units.lost_reply(1, Fault::Timeout, now + DOUBTED_FOR);
        assert_eq!(units.replies_needed(1), 2);
    }

    #[test]
    fn a_value_that_differs_every_time_is_believed_when_no_older_reply_can_be_left() {
        let mut units = Units::new([1].into_iter());
        units.spoke(1);
        let believed = (0..10).map(|n| units.agrees(1, span(), &reads(n)));
        let first = believed.take_while(|believed| !believed).count();
        assert_eq!(first + 1, REPLIES_MAX);
        let given_up_after = Terms {
            // The most that site.toml may say.
            retries: 2,
            ..terms()
        };
        assert!(OWED_MAX >= usize::try_from(given_up_after.unit_failures()).unwrap());
    }

    #[test]
    fn who_speaks_without_being_asked_is_listened_to_until_all_has_been_well_for_long() {
        let now = Instant::now();
        let mut units = Units::new([1].into_iter());
        assert_eq!(units.settle(1), Duration::ZERO);
        units.spoke(1);
        // It goes on: a double behind every reply, and the replies agree.
        assert!(!units.agrees(1, span(), &reads(1)));
        units.spoke(1);
        assert!(units.agrees(1, span(), &reads(1)));
        units.answered(1, now);
        units.spoke(1);
        units.answered(1, now + DOUBTED_FOR);
        assert_eq!(units.settle(1), DOUBLED_WITHIN);
        units.lost_reply(1, Fault::Timeout, now);
        assert_eq!(units.settle(1), DOUBLED_WITHIN);
        units.answered(1, now + DOUBTED_FOR);
        units.answered(1, now + DOUBTED_FOR * 2);
        assert_eq!(units.replies_needed(1), 1);
        // Nobody doubts who is not read.
        units.spoke(2);
        assert_eq!(units.all().collect::<Vec<u8>>(), [1]);
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
