//! Where the engine's commands wait for their bus.
//!
//! A command is only an offer: the bus asks for the engine's permit before it writes. Nothing here blocks the engine, and a
//! command that waits twice waits once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::counters::{Counters, Counts};
use super::probe::{self, Questions};
use super::stagger::Supplies;
use super::trace::Ring;
use crate::domain::ids::{BusId, CommandId};
use crate::domain::probe::{Frame, LinePlace, Question};
use crate::domain::time::EngineTime;
use crate::engine::handle::Handle;
use crate::engine::ports::{Asking, Count, Field, NotAsked, WriteEffect};

/// Most commands that may wait for one bus; each output has at most one that lives.
pub(crate) const COMMANDS_WAITING_MAX: usize = 256;

/// The engine's end of all buses.
#[derive(Debug, Default)]
pub struct FieldHandle {
    pub(crate) ports: BTreeMap<BusId, Arc<Port>>,
    /// Address or port of every line.
    pub(crate) places: BTreeMap<BusId, String>,
}

impl FieldHandle {
    /// What happened on a bus since the start.
    #[must_use]
    pub fn counters(&self, bus: &BusId) -> Option<Counts> {
        self.ports.get(bus).map(|port| port.counters.read())
    }

    /// The same for each unit of the bus that was asked.
    #[must_use]
    pub fn unit_counters(&self, bus: &BusId) -> BTreeMap<u8, Counts> {
        let port = self.ports.get(bus);
        port.map(|port| port.counters.units()).unwrap_or_default()
    }

    /// The latest frames of a bus.
    #[must_use]
    pub fn trace(&self, bus: &BusId) -> Option<Arc<Ring>> {
        self.ports.get(bus).map(|port| Arc::clone(&port.ring))
    }
}

impl Field for FieldHandle {
    fn write(&self, effect: WriteEffect) {
        let Some(port) = self.ports.get(&effect.bus) else {
            tracing::error!(
                bus.id = %effect.bus, command.id = %effect.command,
                "a command names a bus that does not exist; it will expire"
            );
            return;
        };
        if let Err(Full(effect)) = port.commands.push(effect) {
            port.counters
                .change(None, |counts| counts.commands_dropped += 1);
            tracing::error!(
                bus.id = %effect.bus, command.id = %effect.command,
                "too many commands wait for this bus; this one will expire"
            );
        }
    }

    fn counts(&self) -> Vec<Count> {
        let mut all = Vec::new();
        for (bus, port) in &self.ports {
            let line = (None, port.counters.read());
            let units = port.counters.units().into_iter();
            let units = units.map(|(unit, counts)| (Some(unit), counts));
            for (unit, counts) in std::iter::once(line).chain(units) {
                let counts = counts.kinds().into_iter();
                all.extend(counts.map(|(kind, count)| Count {
                    bus: bus.clone(),
                    unit,
                    kind,
                    count,
                }));
            }
        }
        all
    }

    fn places(&self) -> Vec<LinePlace> {
        let place = |(bus, place): (&BusId, &String)| LinePlace {
            bus: bus.clone(),
            place: place.clone(),
        };
        self.places.iter().map(place).collect()
    }

    fn frames(&self, bus: &BusId, from: u64, at_most: usize) -> Option<Vec<Frame>> {
        let ring = self.trace(bus)?;
        let frames = ring.since(from, at_most);
        Some(frames.iter().map(probe::frame).collect())
    }

    fn ask(&self, bus: &BusId, question: Question) -> Asking {
        match self.ports.get(bus) {
            Some(port) => port.questions.ask(question),
            None => {
                let is_known = self.places.contains_key(bus);
                let why = if is_known {
                    NotAsked::OnlyListens
                } else {
                    NotAsked::NoBus
                };
                Box::pin(std::future::ready(Err(why)))
            }
        }
    }
}

/// What a bus and the rest of the process share.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) commands: Commands,
    pub(crate) counters: Counters,
    pub(crate) ring: Arc<Ring>,
    pub(crate) questions: Questions,
    /// Of all buses together.
    pub(crate) supplies: Arc<Supplies>,
}

impl Port {
    pub(crate) fn new(handle: Handle, supplies: Arc<Supplies>) -> Self {
        Self {
            commands: Commands::default(),
            counters: Counters::default(),
            ring: Arc::new(Ring::new(handle)),
            questions: Questions::default(),
            supplies,
        }
    }
}

/// The queue is full.
#[derive(Debug)]
pub(crate) struct Full(WriteEffect);

/// Commands in the order they came, each once.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    inner: Mutex<Inner>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<WriteEffect>,
    /// Waiting, or in the hand of the bus.
    known: BTreeSet<CommandId>,
}

impl Commands {
    /// Puts a command in unless it is there already.
    pub(crate) fn push(&self, effect: WriteEffect) -> Result<(), Full> {
        let mut inner = self.lock();
        if inner.known.contains(&effect.command) {
            return Ok(());
        }
        if inner.waiting.len() >= COMMANDS_WAITING_MAX {
            return Err(Full(effect));
        }
        inner.known.insert(effect.command.clone());
        inner.waiting.push_back(effect);
        drop(inner);
        self.arrived.notify_one();
        Ok(())
    }

    /// Drops what has expired (the engine expires it itself) and takes the first command that can be written now. It stays
    /// known until [`Commands::forget`].
    pub(crate) fn take(
        &self,
        now: EngineTime,
        can_write: impl Fn(&WriteEffect) -> bool,
    ) -> Option<WriteEffect> {
        let mut inner = self.lock();
        let Inner { waiting, known } = &mut *inner;
        waiting.retain(|effect| {
            let lives = now < effect.expires;
            if !lives {
                known.remove(&effect.command);
            }
            lives
        });
        let first = waiting.iter().position(can_write)?;
        waiting.remove(first)
    }

    /// The bus is through with a command: if the engine offers it again it is taken again.
    pub(crate) fn forget(&self, command: &CommandId) {
        self.lock().known.remove(command);
    }

    /// Returns when a command may have come.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
