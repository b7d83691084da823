//! What an output may never be, proven before anything is written to the field (DESIGN.md 4, rules 5 and 6; DESIGN.md
//! 11).

use std::collections::BTreeMap;

use super::lines;
use super::linkage::OutputEntry;
use super::lookup::Lookup;
use super::names::Noun;
use super::profile::Registers;
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
    check_deferred(entry, scope);
    check_gas(entry, lookup, scope);
    check_exhaust(entry, scope);
    check_stagger(entry, scope);
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

/// Only pumps wait for each other's start, on the supply that they share.
fn check_stagger(entry: &OutputEntry, scope: &mut Scope<'_>) {
    let Some(stagger) = &entry.stagger else {
        return;
    };
    if *entry.kind.as_ref() != OutputKind::PumpStart {
        let message = format!(
            "`{}` is no pump, so its start waits for none",
            entry.id.as_ref()
        );
        let help = "delete `stagger`: only pumps of one supply start one after the other";
        scope.error(stagger.span(), message, help);
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
        && !lines::is_simulated(&bus.line)
    {
        scope.error(
            entry.arming_span(),
            format!("the demo site may not write to `{}`, which is no simulation", bus.line.place()),
            "for a real site write `demo = false` in site.toml and arm each output after its test; for the demo use a 127.0.0.1 address or a pseudo-terminal",
        );
    }
}

/// Only a feeder can wait for a person (GB 50116-2013 4.10.1), and then no rule may cut it.
fn check_deferred(entry: &OutputEntry, scope: &mut Scope<'_>) {
    let Some(word) = entry.deferred.as_ref().filter(|word| *word.as_ref()) else {
        return;
    };
    if *entry.kind.as_ref() != OutputKind::FeederTrip {
        let message = format!("`{}` may not wait for a person", entry.id.as_ref());
        let help =
            "delete `deferred`: only a feeder_trip is deferred; everything else goes at once";
        scope.error(word.span(), message, help);
    } else if entry.arming() == Arming::Auto {
        scope.clash(
            entry.arming_span(),
            word.span(),
            format!(
                "`{}` is deferred, and a rule would cut it",
                entry.id.as_ref()
            ),
            "write arming = \"assist\": a person starts it; or delete `deferred`",
        );
    }
}

/// What a gas leak switches: a valve and an exhaust fan, each by gas detectors and by nothing else.
fn check_gas(entry: &OutputEntry, lookup: &Lookup<'_>, scope: &mut Scope<'_>) {
    let Some(list) = &entry.gas_detectors else {
        return;
    };
    if !is_of_gas(*entry.kind.as_ref()) {
        let message = format!("a gas leak never switches `{}`", entry.id.as_ref());
        let help = "delete `gas_detectors`: only gas_close and exhaust_fan are started by them, everything else could make a spark";
        scope.error(list.span(), message, help);
        return;
    }
    for word in list.as_ref() {
        scope.refer(Noun::Point, word);
        let point = lookup.points.get(word.as_ref().as_str());
        if point.is_some_and(|point| point.kind != PointKind::Gas) {
            let message = format!("`{}` is not a gas detector", word.as_ref());
            let help = "name points of kind `gas`; no other device starts this output alone";
            scope.error(word.span(), message, help);
        }
    }
}

fn is_of_gas(kind: OutputKind) -> bool {
    matches!(kind, OutputKind::GasClose | OutputKind::ExhaustFan)
}

/// A fan that could make a spark is never started into gas. The program cannot know, so the site says so.
fn check_exhaust(entry: &OutputEntry, scope: &mut Scope<'_>) {
    let is_fan = *entry.kind.as_ref() == OutputKind::ExhaustFan;
    match (&entry.explosion_proof, is_fan) {
        (Some(word), false) => scope.error(
            word.span(),
            "`explosion_proof` belongs to kind \"exhaust_fan\"",
            "delete the key",
        ),
        (Some(word), true) if !*word.as_ref() => scope.error(
            word.span(),
            format!("`{}` could light the gas that it should carry away", entry.id.as_ref()),
            "leave it out of this file: only an explosion-proof fan may be started during a leak",
        ),
        (None, true) => scope.error(
            entry.id.span(),
            format!("nothing says that `{}` is explosion-proof", entry.id.as_ref()),
            "look at the fan's plate and write explosion_proof = true; else leave it out of this file",
        ),
        (Some(_), true) | (None, false) => {}
    }
    if is_fan && entry.detectors().is_empty() {
        scope.error(
            entry.id.span(),
            format!("no gas detector starts `{}`", entry.id.as_ref()),
            "add `gas_detectors = [\"…\"]`: this kind is started by a gas leak and never by a fire",
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
        | OutputKind::Broadcast
        | OutputKind::EmergencyLighting
        | OutputKind::ExhaustFan
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

/// A device that lets go when Fengsui falls silent would stop a pump, re-lock a door, re-open a valve, stop the sounders, restore
/// a feeder or send a lift back to service by itself: what no verb does, silence must not do.
pub(super) fn check_silence(entry: &OutputEntry, known: &Registers, scope: &mut Scope<'_>) {
    let must_hold = !entry.kind.as_ref().is_panel();
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
