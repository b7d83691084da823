//! The I/O module and the devices behind it: valves, pumps, doors, feeders, a lift.
//!
//! A pure machine over field time. A coil is what was asked; the discrete input of the same number is what the device
//! did, and never follows the coil by itself. A stuck device takes the write and does not move.

use std::collections::BTreeMap;

use tokio_modbus::ExceptionCode;

use crate::layout::{InputLayout, IoLayout, Layout, OutputLayout};

/// What happens to a device behind the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputVerb {
    /// It jams where it is.
    Stuck,
    /// It moves again, on to where it was asked to go.
    Free,
    /// Somebody puts it back by hand and clears its coil.
    Restore,
}

/// What a write asked that no program may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Violation {
    /// A coil was cleared whose device only a person may put back.
    Undo,
    /// A lift's feeder was cut while the lift was not home. Right only after a person at the landing has reported it
    /// level, open and empty.
    LiftNotHome,
}

#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) layout: OutputLayout,
    pub(crate) stuck: bool,
    /// Where the device was last asked to go: true is its commanded position.
    pub(crate) driven: bool,
    travelled_ms: u64,
}

impl Output {
    pub(crate) fn feedback(&self) -> bool {
        self.travelled_ms >= self.layout.stroke_ms
    }

    /// How far it has moved, in thousandths.
    pub(crate) fn progress(&self) -> u64 {
        self.travelled_ms.saturating_mul(1000) / self.layout.stroke_ms.max(1)
    }

    fn travel(&mut self, elapsed_ms: u64) {
        if self.stuck {
            return;
        }
        self.travelled_ms = if self.driven {
            self.layout
                .stroke_ms
                .min(self.travelled_ms.saturating_add(elapsed_ms))
        } else {
            self.travelled_ms.saturating_sub(elapsed_ms)
        };
    }

    fn restore(&mut self) {
        self.driven = false;
        self.travelled_ms = 0;
    }
}

/// The module.
#[derive(Debug)]
pub(crate) struct IoModule {
    layout: IoLayout,
    /// Each coil, and since when it has been on.
    coils: Vec<Option<u64>>,
    outputs: BTreeMap<u16, Output>,
    /// Contacts that no output drives, and whether each is closed.
    inputs: BTreeMap<u16, (InputLayout, bool)>,
    now: u64,
}

impl IoModule {
    pub(crate) fn new(campus: &Layout, layout: &IoLayout) -> Self {
        Self {
            layout: layout.clone(),
            coils: vec![None; usize::from(layout.channels)],
            outputs: campus
                .outputs_of(&layout.id)
                .map(|output| (output.coil, Output::new(output.clone())))
                .collect(),
            inputs: campus
                .inputs
                .iter()
                .filter(|input| input.io == layout.id)
                .map(|input| (input.channel, (input.clone(), false)))
                .collect(),
            now: 0,
        }
    }

    /// Lets time pass: devices travel, pulses end.
    pub(crate) fn advance(&mut self, now: u64) {
        let elapsed = now.saturating_sub(self.now);
        let moves: Vec<(u16, u64)> = self
            .outputs
            .iter()
            .map(|(coil, output)| (*coil, elapsed.min(self.powered_for(output))))
            .collect();
        for (coil, elapsed) in moves {
            if let Some(output) = self.outputs.get_mut(&coil) {
                output.travel(elapsed);
            }
        }
        for (coil, output) in &self.outputs {
            if let Some(slot) = self.coils.get_mut(usize::from(*coil))
                && output.layout.pulse
                && slot.is_some_and(|since| now >= since.saturating_add(self.layout.pulse_ms))
            {
                *slot = None;
            }
        }
        self.now = now;
    }

    /// For how long from now a device still has power.
    fn powered_for(&self, output: &Output) -> u64 {
        let Some(feeder) = output
            .layout
            .powered_by
            .as_deref()
            .and_then(|id| self.find(id))
        else {
            return u64::MAX;
        };
        if feeder.feedback() {
            0
        } else if feeder.driven && !feeder.stuck {
            feeder.layout.stroke_ms.saturating_sub(feeder.travelled_ms)
        } else {
            u64::MAX
        }
    }

    fn find(&self, id: &str) -> Option<&Output> {
        self.outputs.values().find(|output| output.layout.id == id)
    }

    /// Reads coils (01): what was asked.
    pub(crate) fn read_coils(&self, address: u16, count: u16) -> Result<Vec<bool>, ExceptionCode> {
        self.range(address, count, 2000)?
            .map(|coil| Ok(self.is_on(coil)))
            .collect()
    }

    /// Reads discrete inputs (02): what the devices did.
    pub(crate) fn read_inputs(&self, address: u16, count: u16) -> Result<Vec<bool>, ExceptionCode> {
        self.range(address, count, 2000)?
            .map(|input| {
                let device = self.outputs.get(&input).is_some_and(Output::feedback);
                let contact = self.inputs.get(&input).is_some_and(|(_, closed)| *closed);
                Ok(device || contact)
            })
            .collect()
    }

    /// Writes coils (05, 15) and says what was asked that nobody may ask. All of them or none is taken.
    pub(crate) fn write(
        &mut self,
        address: u16,
        values: &[bool],
    ) -> Result<Option<Violation>, ExceptionCode> {
        let count = u16::try_from(values.len()).map_err(|_| ExceptionCode::IllegalDataValue)?;
        let mut violation = None;
        for (coil, on) in self.range(address, count, 1968)?.zip(values) {
            violation = violation.or(self.write_one(coil, *on));
        }
        Ok(violation)
    }

    fn write_one(&mut self, coil: u16, on: bool) -> Option<Violation> {
        let violation = self.violation(coil, on);
        if let Some(slot) = self.coils.get_mut(usize::from(coil)) {
            // A coil that is on already keeps its time: a pulse is not made longer by a second write.
            *slot = on.then_some(slot.unwrap_or(self.now));
        }
        if let Some(output) = self.outputs.get_mut(&coil)
            && (on || output.layout.undo)
        {
            output.driven = on;
        }
        violation
    }

    /// Every relay falls off: the module's own watchdog. A device that latches stays where it is.
    pub(crate) fn drop_relays(&mut self) {
        self.coils.fill(None);
        for output in self.outputs.values_mut() {
            output.driven &= !output.layout.undo;
        }
    }

    fn violation(&self, coil: u16, on: bool) -> Option<Violation> {
        let output = self.outputs.get(&coil)?;
        if !on {
            return (!output.layout.undo).then_some(Violation::Undo);
        }
        self.outputs
            .values()
            .any(|other| {
                other.layout.powered_by.as_ref() == Some(&output.layout.id) && !other.feedback()
            })
            .then_some(Violation::LiftNotHome)
    }

    fn range(
        &self,
        address: u16,
        count: u16,
        count_max: u16,
    ) -> Result<std::ops::Range<u16>, ExceptionCode> {
        if !(1..=count_max).contains(&count) {
            return Err(ExceptionCode::IllegalDataValue);
        }
        match address.checked_add(count) {
            Some(end) if end <= self.layout.channels => Ok(address..end),
            Some(_) | None => Err(ExceptionCode::IllegalDataAddress),
        }
    }

    /// Applies what happens to a device; false when there is no such output.
    pub(crate) fn act(&mut self, id: &str, verb: OutputVerb) -> bool {
        let Some(output) = self
            .outputs
            .values_mut()
            .find(|output| output.layout.id == id)
        else {
            return false;
        };
        match verb {
            OutputVerb::Stuck => output.stuck = true,
            OutputVerb::Free => output.stuck = false,
            OutputVerb::Restore => {
                output.restore();
                if let Some(slot) = self.coils.get_mut(usize::from(output.layout.coil)) {
                    *slot = None;
                }
            }
        }
        true
    }

    /// Opens or closes a contact that no output drives; false when there is no such one.
    pub(crate) fn contact(&mut self, id: &str, closed: bool) -> bool {
        let found = self.inputs.values_mut().find(|(input, _)| input.id == id);
        if let Some((_, state)) = found {
            *state = closed;
            return true;
        }
        false
    }

    pub(crate) fn contacts(&self) -> impl Iterator<Item = &(InputLayout, bool)> {
        self.inputs.values()
    }

    /// Every device at rest, every coil off, every contact open.
    pub(crate) fn calm(&mut self) {
        for (_, closed) in self.inputs.values_mut() {
            *closed = false;
        }
        self.coils.fill(None);
        for output in self.outputs.values_mut() {
            output.restore();
            output.stuck = false;
        }
    }

    pub(crate) fn is_on(&self, coil: u16) -> bool {
        self.coils
            .get(usize::from(coil))
            .is_some_and(Option::is_some)
    }

    pub(crate) fn outputs(&self) -> impl Iterator<Item = &Output> {
        self.outputs.values()
    }

    pub(crate) fn id_of(&self, coil: u16) -> Option<&str> {
        self.outputs
            .get(&coil)
            .map(|output| output.layout.id.as_str())
    }
}

impl Output {
    fn new(layout: OutputLayout) -> Self {
        Self {
            layout,
            stuck: false,
            driven: false,
            travelled_ms: 0,
        }
    }
}

#[cfg(test)]
mod tests;
