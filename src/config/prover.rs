//! What an output may never be, proven before anything is written to the field (DESIGN.md 4, rules 5 and 6; DESIGN.md
//! 11).

use std::collections::BTreeMap;

use super::buses;
use super::linkage::OutputEntry;
use super::lookup::Lookup;
use super::names::Noun;
use super::profile::Known;
use super::scope::Scope;
use crate::domain::output::{Arming, Master, OutputKind};
use crate::domain::point::PointKind;

/// Everything that can be said of one output without its profile.
pub(super) fn check(
    entry: &OutputEntry,
    kinds: &BTreeMap<String, OutputKind>,
    lookup: &Lookup<'_>,
    scope: &mut Scope<'_>,
) {
    check_wait(entry, kinds, scope);
    check_master(entry, scope);
    check_supply(entry, lookup, scope);
    check_demo(entry, lookup, scope);
    check_feedback(entry, lookup, scope);
}

/// Nothing but a lift's feeder waits, and only for a lift. So no circle of waiting outputs is possible.
fn check_wait(entry: &OutputEntry, kinds: &BTreeMap<String, OutputKind>, scope: &mut Scope<'_>) {
    let Some(word) = &entry.waits_for else {
        return;
    };
    if *entry.kind.as_ref() != OutputKind::FeederTrip {
        let message = format!("`{}` may not wait for another output", entry.id.as_ref());
        let help = "delete `waits_for`: sounders, doors, lifts, gas and pumps all go at once; only a lift's feeder waits, for its lift";
        scope.error(word.span(), message, help);
        return;
    }
    scope.refer(Noun::Output, word);
    let other = kinds.get(word.as_ref());
    if other.is_some_and(|kind| *kind != OutputKind::ElevatorRecall) {
        let message = format!("`{}` is not an elevator_recall", word.as_ref());
        let help =
            "a feeder waits only for its lift: name the lift's recall, or delete `waits_for`";
        scope.error(word.span(), message, help);
    }
}

/// One master, and commands to the panel are given by people.
fn check_master(entry: &OutputEntry, scope: &mut Scope<'_>) {
    let is_panel = entry.kind.as_ref().is_panel();
    if is_panel && entry.arming() == Arming::Auto {
        scope.error(
            entry.arming_span(),
            "no rule may give a command to the panel itself",
            "write arming = \"assist\": a person gives it",
        );
    } else if entry.arming() == Arming::Auto && entry.master() == Master::Panel {
        scope.error(
            entry.arming_span(),
            "two masters: the panel runs this output, and a rule of Fengsui would write it as well",
            "write master = \"fengsui\" once the panel's own cause and effect for it is removed, else arming = \"assist\" or \"observe\"",
        );
    }
    if is_panel && entry.master() == Master::Fengsui {
        let span = entry
            .master
            .as_ref()
            .map_or(entry.id.span(), toml::Spanned::span);
        let help = "delete `master`, or write master = \"panel\"";
        scope.error(
            span,
            "a command to the panel has the panel as its master",
            help,
        );
    }
}

/// A feeder that powers Fengsui is never cut by it.
fn check_supply(entry: &OutputEntry, lookup: &Lookup<'_>, scope: &mut Scope<'_>) {
    let head = lookup.campus.head.as_ref();
    let id = entry.id.as_ref().as_str();
    let powers = head.is_some_and(|head| head.powered_by.iter().any(|by| by.as_str() == id));
    if powers && *entry.kind.as_ref() == OutputKind::FeederTrip && entry.arming() != Arming::Observe
    {
        scope.error(
            entry.arming_span(),
            format!("`{id}` powers Fengsui, its network or its I/O (`powered_by` in site.toml)"),
            "write arming = \"observe\"; whoever cuts this feeder does it by hand",
        );
    }
}

/// The demo is a simulated campus: it never writes to a device outside of this machine.
fn check_demo(entry: &OutputEntry, lookup: &Lookup<'_>, scope: &mut Scope<'_>) {
    let is_demo = lookup.campus.head.as_ref().is_some_and(|head| head.demo);
    if !is_demo || entry.arming() == Arming::Observe {
        return;
    }
    let bus = lookup.campus.buses.get(entry.bus.as_ref().as_str());
    if let Some(bus) = bus
        && !buses::is_loopback(&bus.address)
    {
        scope.error(
            entry.arming_span(),
            format!("the demo site may not write to `{}`, which is another machine", bus.address),
            "for a real site write `demo = false` in site.toml and arm each output after its test; for the demo use a 127.0.0.1 address",
        );
    }
}

/// Sent is never done: an armed output is proven by a point of the right kind.
fn check_feedback(entry: &OutputEntry, lookup: &Lookup<'_>, scope: &mut Scope<'_>) {
    let kind = *entry.kind.as_ref();
    let Some(feedback) = &entry.feedback else {
        if entry.arming() != Arming::Observe && kind != OutputKind::PanelReset {
            let message = format!("nothing proves that `{}` has acted", entry.id.as_ref());
            let help = "add `feedback = { point = \"…\", active = true, window_seconds = 10 }`, or write arming = \"observe\"";
            scope.error(entry.id.span(), message, help);
        }
        return;
    };
    scope.refer(Noun::Point, &feedback.point);
    let wanted = proof(kind);
    let point = lookup.points.get(feedback.point.as_ref().as_str());
    if let Some(point) = point
        && Some(point.kind) != wanted
    {
        let message = format!(
            "`{}` cannot prove that `{}` has acted",
            point.id,
            entry.id.as_ref()
        );
        let help = match wanted {
            Some(PointKind::Feedback) => {
                "name a point of kind `feedback`: a contact of the device itself"
            }
            Some(_) => "name the point of the panel that shows the state of this very command",
            None => "delete `feedback`: a reset is proven by what the panel then shows",
        };
        scope.error(feedback.point.span(), message, help);
    }
}

/// The kind of point that proves a kind of output.
fn proof(kind: OutputKind) -> Option<PointKind> {
    match kind {
        OutputKind::Sounder
        | OutputKind::DoorRelease
        | OutputKind::ElevatorRecall
        | OutputKind::GasClose
        | OutputKind::PumpStart
        | OutputKind::FeederTrip => Some(PointKind::Feedback),
        OutputKind::PanelSilence => Some(PointKind::PanelSilenced),
        OutputKind::PanelStopSounders => Some(PointKind::PanelSounders),
        OutputKind::PanelAuto => Some(PointKind::PanelKey),
        OutputKind::PanelReset => None,
    }
}

/// A device that lets go when Fengsui falls silent would stop a pump, re-lock a door or re-open a valve by itself.
pub(super) fn check_silence(entry: &OutputEntry, known: &Known, scope: &mut Scope<'_>) {
    let must_hold = matches!(
        entry.kind.as_ref(),
        OutputKind::PumpStart | OutputKind::DoorRelease | OutputKind::GasClose
    );
    let releases = known.released_when_silent.contains(entry.write.as_ref());
    if must_hold && releases {
        let message = format!(
            "`{}` lets go by itself when Fengsui falls silent",
            entry.write.as_ref()
        );
        let help = "use a relay that holds (when_silent = \"hold\"), or switch the module's communication watchdog off and correct the profile";
        scope.error(entry.write.span(), message, help);
    }
}
