//! Which lane an input takes, and which inputs wait for the journal.

use crate::domain::input::Input;
use crate::domain::weight::{self, Weight};

/// Whether it goes by the alarm lane.
pub(super) fn is_alarm(input: &Input) -> bool {
    match input {
        Input::Permit { .. }
        | Input::Written { .. }
        | Input::Link { .. }
        | Input::Unit { .. }
        | Input::Transmitted(_)
        | Input::Observed(_)
        | Input::Due { .. }
        | Input::Started { .. }
        | Input::Configured { .. }
        | Input::Durability { .. }
        | Input::ClockStepped { .. } => true,
        Input::AtBroker { .. }
        | Input::Reply(_)
        | Input::Report(_)
        | Input::Presence { .. }
        | Input::Verb(_)
        | Input::Broker { .. }
        | Input::SignedOn { .. }
        | Input::Proved { .. }
        | Input::SignedOff { .. }
        | Input::PeopleChanged { .. } => false,
    }
}

/// Whether an input must not wait for the journal: what the field says, what people answer, and every protective verb.
pub(super) fn is_urgent(input: &Input) -> bool {
    match input {
        Input::Observed(_)
        | Input::Link { .. }
        | Input::Unit { .. }
        | Input::Transmitted(_)
        | Input::Permit { .. }
        | Input::Written { .. }
        | Input::Reply(_)
        | Input::Report(_)
        | Input::Due { .. } => true,
        Input::Verb(verb) => weight::of(&verb.name, &verb.body) == Weight::Protects,
        Input::Started { .. }
        | Input::Configured { .. }
        | Input::AtBroker { .. }
        | Input::Presence { .. }
        | Input::ClockStepped { .. }
        | Input::Broker { .. }
        | Input::Durability { .. }
        | Input::SignedOn { .. }
        | Input::Proved { .. }
        | Input::SignedOff { .. }
        | Input::PeopleChanged { .. } => false,
    }
}

/// Whether an input is refused while the journal does not answer, so that it is asked for again.
pub(super) fn waits(input: &Input) -> bool {
    matches!(input, Input::Verb(_) | Input::PeopleChanged { .. })
}
