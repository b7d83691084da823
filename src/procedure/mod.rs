//! The procedures as pure state machines: no I/O, no clock, no randomness, no configuration in `apply`.
//!
//! ```text
//! decide(&Campus, &Site, now, &Request) -> Decided      what an input directly causes
//! follow(&Campus, &Site, now, &touched) -> Vec<Event>   what must follow from the state, until nothing more does
//! apply(&mut Campus, &Stamp, &Event)                    the only way in which state changes
//! due(&Campus, &Cell) -> Option<EngineTime>             derived, never stored as a timer
//! owed(&Campus, &Cell) -> Vec<Owed>                     derived, never queued beside the state
//! ```
//! Whatever was decided from the configuration is copied into the event, so a replay needs none.

pub mod desk;
pub mod events;
pub mod fire;
pub mod gas;
pub mod maintenance;
pub mod outputs;
pub mod points;
pub mod timeline;
pub mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::actor::Actor;
use crate::domain::ids::{BusId, CaseId, CommandId, OrderId, OutputId, PointId, RecipientId};
use crate::domain::input::{Input, Request};
use crate::domain::site::Site;
use crate::domain::time::{EngineTime, Now, WallTime};
use desk::{Desk, RecipientState};
use events::Event;
use fire::Incident;
use outputs::OutputState;
use points::{LinkState, PointState};

/// Everything that is open, believed or switched on the campus.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Campus {
    /// What is believed of each point that was ever read.
    pub points: BTreeMap<PointId, PointState>,
    /// Lines of the field.
    pub links: BTreeMap<BusId, LinkState>,
    /// Presence of posts and persons.
    pub recipients: BTreeMap<RecipientId, RecipientState>,
    /// The latest command of each output.
    pub outputs: BTreeMap<OutputId, OutputState>,
    /// Mode, sound and what else the room as a whole has.
    pub desk: Desk,
    /// The last lines of the campus.
    pub recent: timeline::Lines,
    /// Open incidents; a closed one leaves memory.
    pub incidents: BTreeMap<CaseId, Incident>,
    /// Which of them are confirmed fires.
    pub fires: fire::spread::Fires,
}

impl Campus {
    /// Takes over in `fires` what an incident has become.
    pub fn note_fire(&mut self, cell: &Cell) {
        if let Cell::Incident(id) = cell
            && let Some(incident) = self.incidents.get(id)
        {
            self.fires.note(incident);
        }
    }
}

/// A part of the campus that is stored, due and shown on its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// The room as a whole.
    Desk,
    /// An incident 警情.
    Incident(CaseId),
    /// A line of the field.
    Link(BusId),
    /// An output.
    Output(OutputId),
    /// A point.
    Point(PointId),
    /// A post or person.
    Recipient(RecipientId),
    /// The last lines of the campus.
    Recent,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Desk => f.write_str("desk"),
            Self::Recent => f.write_str("recent"),
            Self::Incident(id) => write!(f, "incident/{id}"),
            Self::Link(id) => write!(f, "link/{id}"),
            Self::Output(id) => write!(f, "output/{id}"),
            Self::Point(id) => write!(f, "point/{id}"),
            Self::Recipient(id) => write!(f, "recipient/{id}"),
        }
    }
}

impl Cell {
    /// Reads the text form back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "desk" => return Some(Self::Desk),
            "recent" => return Some(Self::Recent),
            _ => {}
        }
        let (kind, id) = text.split_once('/')?;
        match kind {
            "incident" => Some(Self::Incident(id.into())),
            "link" => Some(Self::Link(id.into())),
            "output" => Some(Self::Output(id.into())),
            "point" => Some(Self::Point(id.into())),
            "recipient" => Some(Self::Recipient(id.into())),
            _ => None,
        }
    }
}

/// Who, when, where in the journal: what every event is stamped with.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamp {
    /// The entry.
    pub seq: u64,
    /// Both clocks at its decision.
    pub now: Now,
    /// Who caused it.
    pub actor: Actor,
}

/// Who did something, and when by civil time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: WallTime,
}

impl Stamp {
    /// As it is kept in state.
    #[must_use]
    pub fn by(&self) -> By {
        By {
            by: self.actor.clone(),
            at: self.now.wall,
        }
    }
}

/// Why a known person was refused; the words are `code.{code}` of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Stable code.
    pub code: String,
    /// Kind of refusal, which the HTTP edge turns into a status.
    pub kind: RefusalKind,
    /// Who settled the step before, if that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<By>,
    /// How it was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
}

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// No such case or verb (404).
    Unknown,
    /// Not with this role (403).
    Role,
    /// That step is settled, or another step must come first (409).
    Conflict,
    /// The body says nothing usable (422).
    Body,
}

impl Refusal {
    /// A refusal without a settled step.
    #[must_use]
    pub fn new(kind: RefusalKind, code: &str) -> Self {
        Self {
            code: code.to_owned(),
            kind,
            settled: None,
            how: None,
        }
    }

    /// A step that somebody settled before.
    #[must_use]
    pub fn settled(code: &str, by: &By, how: &str) -> Self {
        Self {
            code: code.to_owned(),
            kind: RefusalKind::Conflict,
            settled: Some(by.clone()),
            how: Some(how.to_owned()),
        }
    }
}

/// What an input directly causes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decided {
    /// Events in order; none for an input that changes nothing, which leaves no entry.
    pub events: Vec<Event>,
    /// Why a person was refused; the entry then holds the refusal alone.
    pub refusal: Option<Refusal>,
    /// The answer to a bus that asked for a permit.
    pub granted: Option<bool>,
}

impl Decided {
    /// Events and nothing else.
    #[must_use]
    pub fn events(events: Vec<Event>) -> Self {
        Self {
            events,
            ..Self::default()
        }
    }
}

/// What is owed to the world, with its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "owed", rename_all = "snake_case")]
pub enum Owed {
    /// A command waits for its bus.
    Write {
        /// The command, the idempotency key.
        command: CommandId,
        /// The output.
        output: OutputId,
        /// After this moment nothing may be written.
        expires: EngineTime,
    },
    /// An order is not at the broker yet.
    Deliver {
        /// The order, the idempotency key.
        order: OrderId,
        /// Whom it is for.
        recipient: RecipientId,
    },
}

impl Owed {
    /// Its key in the outbox.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Write { command, .. } => format!("write/{command}"),
            Self::Deliver { order, .. } => format!("deliver/{order}"),
        }
    }
}

/// What an input directly causes.
#[must_use]
pub fn decide(campus: &Campus, site: &Site, now: Now, request: &Request) -> Decided {
    match &request.input {
        Input::Started {
            boot_id,
            boot_ms_at_zero,
            program,
        } => {
            let mut events = vec![Event::Started {
                boot_id: boot_id.clone(),
                boot_ms_at_zero: *boot_ms_at_zero,
                program: program.clone(),
            }];
            events.extend(outputs::after_restart(campus, now));
            Decided::events(events)
        }
        Input::Configured { version } => Decided::events(vec![Event::Configured {
            version: version.clone(),
        }]),
        Input::Observed(observation) => {
            Decided::events(points::observed(campus, site, now, observation))
        }
        Input::Link { bus, up, reason } => Decided::events(points::link(campus, bus, *up, reason)),
        Input::Unit {
            bus,
            unit,
            up,
            reason,
        } => Decided::events(points::unit(campus, (bus, *unit), *up, reason)),
        Input::Transmitted(transmission) => {
            Decided::events(points::transmitted(site, transmission))
        }
        Input::Permit { command } => outputs::permit(campus, now, command),
        Input::Written { command, outcome } => {
            Decided::events(outputs::written(campus, site, now, command, *outcome))
        }
        Input::AtBroker { order } => Decided::events(fire::orders::at_broker(campus, order)),
        Input::Reply(reply) => fire::orders::replied(campus, site, now, reply),
        Input::Report(report) => fire::report::by_guard(campus, site, now, report),
        Input::Presence {
            recipient,
            online,
            via,
        } => Decided::events(desk::presence(campus, site, recipient, *via, *online)),
        Input::Verb(verb) => fire::verbs::decide(campus, site, now, request, verb),
        Input::Due { cell } => Decided::events(passed(campus, now, cell)),
        Input::Durability { to } => Decided::events(vec![Event::DurabilityChanged { to: *to }]),
        Input::ClockStepped { by_ms } => {
            Decided::events(vec![Event::ClockStepped { by_ms: *by_ms }])
        }
        Input::Broker { up } => Decided::events(desk::broker(campus, *up)),
        Input::SignedOn { account } => Decided::events(vec![Event::SignedOn {
            account: account.clone(),
        }]),
        Input::Proved { account } => Decided::events(vec![Event::Proved {
            account: account.clone(),
        }]),
        Input::SignedOff { account } => Decided::events(vec![Event::SignedOff {
            account: account.clone(),
        }]),
        Input::PeopleChanged { subject } => Decided::events(vec![Event::PeopleChanged {
            subject: subject.clone(),
        }]),
    }
}

/// What the limits that have passed cause.
fn passed(campus: &Campus, now: Now, cell: &str) -> Vec<Event> {
    match Cell::parse(cell) {
        Some(Cell::Incident(id)) => fire::limits::passed(campus, now, &id),
        Some(Cell::Output(id)) => outputs::passed(campus, now, &id),
        Some(Cell::Desk) => desk::passed(campus, now),
        Some(Cell::Link(_) | Cell::Point(_) | Cell::Recipient(_) | Cell::Recent) | None => {
            Vec::new()
        }
    }
}

/// What must follow from the state of the touched cells. The engine applies the result and asks again until it is empty.
#[must_use]
pub fn follow(campus: &Campus, site: &Site, now: Now, touched: &BTreeSet<Cell>) -> Vec<Event> {
    let mut events = outputs::follow(campus, site, touched);
    events.extend(maintenance::follow(campus, site, touched));
    for id in fire::follow::concerned(campus, site, touched) {
        events.extend(fire::follow::follow(campus, site, now, &id));
    }
    events
}

/// The only way in which state changes. Returns the cells that were touched.
pub fn apply(campus: &mut Campus, stamp: &Stamp, event: &Event) -> BTreeSet<Cell> {
    let mut touched = BTreeSet::new();
    points::apply(campus, stamp, event, &mut touched);
    outputs::apply(campus, stamp, event, &mut touched);
    desk::apply(campus, stamp, event, &mut touched);
    maintenance::apply(campus, stamp, event, &mut touched);
    gas::apply::apply(campus, stamp, event, &mut touched);
    fire::apply::apply(campus, stamp, event, &mut touched);
    timeline::apply(campus, stamp, event, &mut touched);
    for cell in &touched {
        campus.note_fire(cell);
    }
    touched
}

/// The next limit of a cell.
#[must_use]
pub fn due(campus: &Campus, cell: &Cell) -> Option<EngineTime> {
    match cell {
        Cell::Incident(id) => campus.incidents.get(id).and_then(fire::limits::next),
        Cell::Output(id) => campus.outputs.get(id).and_then(outputs::next_due),
        Cell::Desk => desk::next_due(&campus.desk),
        Cell::Link(_) | Cell::Point(_) | Cell::Recipient(_) | Cell::Recent => None,
    }
}

/// What a cell owes to the world.
#[must_use]
pub fn owed(campus: &Campus, cell: &Cell) -> Vec<Owed> {
    match cell {
        Cell::Incident(id) => campus
            .incidents
            .get(id)
            .map(fire::orders::owed)
            .unwrap_or_default(),
        Cell::Output(id) => campus
            .outputs
            .get(id)
            .and_then(outputs::owed)
            .into_iter()
            .collect(),
        Cell::Desk | Cell::Link(_) | Cell::Point(_) | Cell::Recipient(_) | Cell::Recent => {
            Vec::new()
        }
    }
}
