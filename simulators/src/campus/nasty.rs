//! What is done wrong on the campus, on request or by a scenario.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{Campus, Refusal, unknown};
use crate::nasty::{self, catalogue};
use crate::scenario::{Running, Scenario, ScenarioView};
use crate::view::UnitView;
use crate::wire::{Heard, Outgoing};

impl Campus {
    /// Hears a request on a line and says what leaves.
    pub(crate) fn hear(&self, line: usize, heard: &Heard<'_>) -> Vec<Outgoing> {
        nasty::hear(&mut self.field(), line, heard)
    }

    /// Whether a line takes one client only.
    pub(crate) fn refuses_second(&self, line: usize) -> bool {
        self.field().nasty.refuses_second(line)
    }

    /// For how long a line is pulled out, if it is to be now.
    pub(crate) fn unplugged_for(&self, line: usize) -> Option<Duration> {
        self.field().nasty.unplugged_for(line)
    }

    /// Switches a behaviour of a unit on: `name`, its parameters, `times`, `function`.
    ///
    /// # Errors
    /// When there is no such unit, or the behaviour is not understood or cannot be there.
    pub fn misbehave(
        &self,
        line: &str,
        unit: u8,
        asked: Map<String, Value>,
    ) -> Result<UnitView, Refusal> {
        let at = self.unit(line, unit)?;
        let mut field = self.field();
        let way = field.layout.lines.get(at.0).map(|line| line.way());
        let way = way.ok_or_else(|| unknown("line", line))?;
        let order = catalogue::read(asked, way).map_err(|why| Refusal::Unfit { why })?;
        field.nasty.switch_on(at, order);
        drop(field);
        self.unit_view(line, unit)
    }

    /// Switches one behaviour of a unit off, or all.
    ///
    /// # Errors
    /// When there is no such unit.
    pub fn behave(&self, line: &str, unit: u8, name: Option<&str>) -> Result<UnitView, Refusal> {
        let at = self.unit(line, unit)?;
        self.field().nasty.switch_off(at, name);
        self.unit_view(line, unit)
    }

    fn unit(&self, line: &str, unit: u8) -> Result<(usize, u8), Refusal> {
        let field = self.field();
        let mut lines = field.layout.lines.iter();
        let at = lines.position(|one| one.id == line);
        let at = at.ok_or_else(|| unknown("line", line))?;
        if field.units_of(at).contains(&unit) {
            Ok((at, unit))
        } else {
            Err(unknown("unit", &format!("{line}/{unit}")))
        }
    }

    fn unit_view(&self, line: &str, unit: u8) -> Result<UnitView, Refusal> {
        let mut units = self.units().into_iter();
        units
            .find(|one| one.line == line && one.unit == unit)
            .ok_or_else(|| unknown("unit", &format!("{line}/{unit}")))
    }

    /// Starts a scenario; one that runs is ended.
    ///
    /// # Errors
    /// When a step of it names something that is not there.
    pub fn play(&self, scenario: Scenario) -> Result<ScenarioView, Refusal> {
        scenario.check(self)?;
        let running = Running::start(self.clone(), scenario);
        let view = running.view();
        *self.scenario_slot() = Some(running);
        Ok(view)
    }

    /// The scenario that runs or ran last.
    #[must_use]
    pub fn scenario(&self) -> Option<ScenarioView> {
        self.scenario_slot().as_ref().map(Running::view)
    }

    /// Ends the scenario; what it has done stays.
    pub fn stop_scenario(&self) {
        self.scenario_slot().take();
    }

    fn scenario_slot(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        let slot = self.0.scenario.lock();
        slot.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
