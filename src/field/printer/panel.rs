//! What a printing panel has said: from records to the conditions of its points. Pure.
//!
//! What is printed stands until something else is printed. A record that no pattern knows, or that names a point which the site
//! does not know, is never dropped when it may be an alarm: it is shown at the panel's own point for everything else.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::records::Record;
use super::text::{self, Text, Words};
use crate::domain::ids::PointId;
use crate::domain::point::{Address, Condition, Conditions, Point, PointKind};
use crate::domain::printer::{self, PanelSign, Pattern, Printer, Says};
use crate::domain::site::Site;
use crate::domain::template::Captured;
use crate::domain::time::WallTime;

/// A point whose conditions were said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) point: PointId,
    pub(crate) conditions: Conditions,
    pub(crate) device_time: Option<WallTime>,
}

/// How well a record was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Understood {
    /// A pattern knows it, and the site what it names.
    Known,
    /// The panel was reset.
    Reset,
    /// A pattern knows it, but nothing of the site is named so.
    Unlisted,
    /// It can be read, but no pattern knows it.
    Unknown,
    /// It is not whole, or has bytes that are no text.
    Damaged,
}

/// What a record led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) understood: Understood,
    pub(crate) changes: Vec<Change>,
    /// As a log shows it.
    pub(crate) text: String,
}

#[derive(Clone, Debug)]
struct Known {
    kind: PointKind,
    conditions: Conditions,
}

/// One panel with its points.
#[derive(Debug)]
pub(crate) struct Panel {
    profile: Arc<Printer>,
    words: Words,
    utc_offset_minutes: i32,
    points: BTreeMap<PointId, Known>,
    by_label: BTreeMap<String, PointId>,
    states: BTreeMap<PointKind, PointId>,
    /// The point for everything else.
    other: Option<PointId>,
}

impl Panel {
    /// The panel behind a unit of a bus.
    pub(crate) fn new(site: &Site, profile: Printer, of: impl Fn(&Point) -> bool) -> Self {
        let mut panel = Self {
            words: Words::new(&profile.alarm_words),
            profile: Arc::new(profile),
            utc_offset_minutes: site.utc_offset_minutes,
            points: BTreeMap::new(),
            by_label: BTreeMap::new(),
            states: BTreeMap::new(),
            other: None,
        };
        for point in site.points.values().filter(|point| of(point)) {
            panel.add(point);
        }
        panel
    }

    fn add(&mut self, point: &Point) {
        let id = || point.id.clone();
        let known = Known {
            kind: point.kind,
            conditions: Conditions::default(),
        };
        self.points.insert(id(), known);
        match (point.group.as_str(), &point.address) {
            (printer::OTHER, _) => self.other = Some(id()),
            (printer::PANEL, _) => {
                self.states.insert(point.kind, id());
            }
            (_, Address::Label(label)) => {
                self.by_label.insert(label.clone(), id());
            }
            (_, Address::Index(_) | Address::Part { .. }) => {}
        }
    }

    /// The points of the panel.
    pub(crate) fn points(&self) -> impl Iterator<Item = &PointId> {
        self.points.keys()
    }

    /// What was believed of a point before this process began.
    pub(crate) fn remember(&mut self, point: &PointId, conditions: Conditions) {
        if let Some(known) = self.points.get_mut(point) {
            known.conditions = conditions;
        }
    }

    /// Takes a record: what was said in it, which is one thing unless records have run together.
    pub(crate) fn hear(&mut self, record: &Record) -> Vec<Heard> {
        let profile = Arc::clone(&self.profile);
        let text = text::read(&record.bytes, profile.encoding, &profile.framing.drops);
        let mut heard = Vec::new();
        if let (Text::Clean(text), true) = (&text, record.is_whole) {
            let mut rest = text.as_str();
            while let Some((pattern, captured)) = said(&profile.patterns, rest) {
                let next = joined(&profile.patterns, &captured);
                heard.push(self.one(pattern, &captured, next.is_none()));
                match next {
                    Some(next) => rest = next,
                    None => return heard,
                }
            }
            heard.push(self.not_known(record, Understood::Unknown, &Text::Clean(rest.to_owned())));
        } else {
            heard.push(self.not_known(record, Understood::Damaged, &text));
        }
        heard
    }

    /// One thing that a pattern knows. Words of it that nobody has looked at may hold an alarm.
    fn one(&mut self, pattern: &Pattern, captured: &Captured<'_>, is_last: bool) -> Heard {
        let said = Said {
            label: pattern.label.as_ref().and_then(|form| form.of(captured)),
            time: captured.time(self.utc_offset_minutes),
            says: pattern.says,
            holds: pattern.holds,
        };
        let (understood, mut changes) = self.take(&said);
        let mut free = captured.free().iter();
        if is_last && free.any(|free| self.words.are_in(free.as_bytes())) {
            changes.extend(self.elsewhere(Condition::Fire, said.time));
        }
        Heard {
            understood,
            changes,
            text: Text::Clean(captured.whole().to_owned()).shown(),
        }
    }

    /// What nobody knows is an alarm when it has a word of one.
    fn not_known(&mut self, record: &Record, understood: Understood, text: &Text) -> Heard {
        let is_alarm = self.words.are_in(&record.bytes);
        Heard {
            understood,
            changes: if is_alarm {
                self.elsewhere(Condition::Fire, None)
            } else {
                Vec::new()
            },
            text: text.shown(),
        }
    }

    fn take(&mut self, said: &Said) -> (Understood, Vec<Change>) {
        let changes = match said.says {
            Says::Alive => return (Understood::Known, Vec::new()),
            Says::Reset => return (Understood::Reset, self.reset(said.time)),
            Says::Point(condition) => self.of_point(condition, said),
            Says::Panel(sign) => self.of_panel(sign, said),
        };
        match changes {
            Some(change) => (Understood::Known, vec![change]),
            None => {
                let condition = match said.says {
                    Says::Point(condition) => condition,
                    Says::Panel(PanelSign::MainsFault) => Condition::Fault,
                    // A state that the site does not show is news to nobody.
                    Says::Panel(_) | Says::Reset | Says::Alive => {
                        return (Understood::Known, Vec::new());
                    }
                };
                let changes = if said.holds {
                    self.elsewhere(condition, said.time)
                } else {
                    Vec::new()
                };
                (Understood::Unlisted, changes)
            }
        }
    }

    /// The named point; `None` when the site has none of this name that could show it.
    fn of_point(&mut self, condition: Condition, said: &Said) -> Option<Change> {
        let point = self.by_label.get(said.label.as_ref()?)?.clone();
        let shown = printer::shown(condition, self.points.get(&point)?.kind)?;
        self.set(&point, said.time, |conditions| {
            *conditions = conditions.with(shown, said.holds);
        })
    }

    fn of_panel(&mut self, sign: PanelSign, said: &Said) -> Option<Change> {
        let (kind, is_active) = sign.shown(said.holds);
        let point = self.states.get(&kind)?.clone();
        self.set(&point, said.time, |conditions| {
            conditions.active = is_active
        })
    }

    /// Shows an alarm or a fault that has no point of its own.
    fn elsewhere(&mut self, condition: Condition, time: Option<WallTime>) -> Vec<Change> {
        let shown = match condition {
            Condition::Fire | Condition::Low | Condition::High => Condition::Fire,
            Condition::Fault => Condition::Fault,
            // A module that starts is no alarm, and these take nothing from what is shown.
            Condition::Active | Condition::Disabled | Condition::Test => return Vec::new(),
        };
        let Some(point) = self.other.clone() else {
            return Vec::new();
        };
        let change = self.set(&point, time, |conditions| {
            *conditions = conditions.with(shown, true);
        });
        change.into_iter().collect()
    }

    /// The panel begins anew: it prints again what it still finds.
    fn reset(&mut self, time: Option<WallTime>) -> Vec<Change> {
        let clears = self.profile.reset_clears.clone();
        let ids: Vec<PointId> = self.points.keys().cloned().collect();
        let mut changes = Vec::new();
        for point in ids {
            let is_other = self.other.as_ref() == Some(&point);
            let state = self.states.iter().find(|(_, id)| **id == point);
            let change = match state.map(|(kind, _)| *kind) {
                // A reset ends 消音 and the sounders; of mains and key it says nothing.
                Some(PointKind::PanelSilenced | PointKind::PanelSounders) => {
                    self.set(&point, time, |conditions| conditions.active = false)
                }
                Some(_) => None,
                None => self.set(&point, time, |conditions| {
                    conditions.fire = false;
                    conditions.fault &= !is_other;
                    for condition in &clears {
                        *conditions = conditions.with(*condition, false);
                    }
                }),
            };
            changes.extend(change);
        }
        changes
    }

    fn set(
        &mut self,
        point: &PointId,
        device_time: Option<WallTime>,
        change: impl FnOnce(&mut Conditions),
    ) -> Option<Change> {
        let known = self.points.get_mut(point)?;
        change(&mut known.conditions);
        Some(Change {
            point: point.clone(),
            conditions: known.conditions,
            device_time,
        })
    }
}

/// What a record says, by the first pattern that knows it.
struct Said {
    says: Says,
    holds: bool,
    label: Option<String>,
    time: Option<WallTime>,
}

fn said<'p, 't>(patterns: &'p [Pattern], text: &'t str) -> Option<(&'p Pattern, Captured<'t>)> {
    patterns.iter().find_map(|pattern| {
        let captured = pattern.forms.iter().find_map(|form| form.read(text))?;
        Some((pattern, captured))
    })
}

/// The record that has run into the last words of another, which has lost its end.
fn joined<'t>(patterns: &[Pattern], captured: &Captured<'t>) -> Option<&'t str> {
    let words = captured.tail()?;
    let mut begins = words
        .char_indices()
        .map(|(at, _)| words.get(at..).unwrap_or_default());
    begins.find(|rest| {
        let mut forms = patterns.iter().flat_map(|pattern| &pattern.forms);
        forms.any(|form| form.begins_with_a_number() && form.read(rest).is_some())
    })
}

#[cfg(test)]
pub(crate) mod tests;
