//! Scenario files: at so many seconds something happens to a point, a panel, an output, a link or a unit. TOML, as
//! docs/simulator.md describes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::campus::{Campus, Refusal};
use crate::control::words;
use crate::layout::Name;
use crate::map::State;

/// A scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    version: u32,
    name: Name,
    #[serde(rename = "step")]
    steps: Vec<Step>,
}

/// One thing that happens: exactly one of `point`, `mapped`, `panel`, `output`, `link` and `unit`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// Seconds since the start.
    at: f64,
    point: Option<String>,
    /// `unit1/detectors/L2D15`: a point of a unit with a map.
    mapped: Option<String>,
    panel: Option<String>,
    output: Option<String>,
    link: Option<String>,
    /// `panel1/1`: line and unit.
    unit: Option<String>,
    /// The verb of the control API; not for a unit.
    #[serde(rename = "do")]
    verb: Option<String>,
    /// Of a unit: switched on.
    behaviour: Option<Map<String, Value>>,
    /// Of a unit: the behaviour that is switched off, or `all`.
    clear: Option<String>,
}

impl Scenario {
    /// Reads the text of a scenario file.
    ///
    /// # Errors
    /// What is wrong with it, with its line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let scenario: Self = toml::from_str(text).map_err(|why| why.to_string())?;
        if scenario.version != 1 {
            return Err(format!("scenario version {}, expected 1", scenario.version));
        }
        Ok(scenario)
    }

    /// Looks at every step before anything happens.
    pub(crate) fn check(&self, campus: &Campus) -> Result<(), Refusal> {
        for (n, step) in self.steps.iter().enumerate() {
            step.check(campus).map_err(|why| Refusal::Unfit {
                why: format!("step {}: {why}", n + 1),
            })?;
        }
        Ok(())
    }
}

/// What a step does, once it is understood.
enum Act<'a> {
    Point(&'a str, crate::panel::PointVerb),
    Mapped(&'a str, (&'a str, &'a str), State),
    Panel(&'a str, crate::panel::PanelVerb),
    Output(&'a str, crate::io::OutputVerb),
    Link(&'a str, bool),
    On(&'a str, u8, &'a Map<String, Value>),
    Off(&'a str, u8, Option<&'a str>),
}

impl Step {
    fn act(&self) -> Result<Act<'_>, String> {
        if !(self.at.is_finite() && self.at >= 0.0) {
            return Err("`at` is a number of seconds from 0 on".to_owned());
        }
        let verb = self.verb.as_deref();
        let no = |what: &str| format!("no such verb for a {what}: {}", verb.unwrap_or("none"));
        let things = [
            &self.point,
            &self.mapped,
            &self.panel,
            &self.output,
            &self.link,
            &self.unit,
        ];
        if things.iter().filter(|thing| thing.is_some()).count() != 1 {
            return Err("name one of point, mapped, panel, output, link and unit".to_owned());
        }
        if let Some(id) = &self.point {
            let verb = verb.and_then(words::point).ok_or_else(|| no("point"))?;
            return Ok(Act::Point(id, verb));
        }
        if let Some(place) = &self.mapped {
            let state = verb.ok_or_else(|| no("mapped point"))?.parse()?;
            let mut place = place.splitn(3, '/');
            let place = (place.next(), place.next(), place.next());
            let (Some(unit), Some(group), Some(index)) = place else {
                return Err("a mapped point is written unit/group/index".to_owned());
            };
            return Ok(Act::Mapped(unit, (group, index), state));
        }
        if let Some(id) = &self.panel {
            let verb = verb.and_then(words::panel).ok_or_else(|| no("panel"))?;
            return Ok(Act::Panel(id, verb));
        }
        if let Some(id) = &self.output {
            let verb = verb.and_then(words::output).ok_or_else(|| no("output"))?;
            return Ok(Act::Output(id, verb));
        }
        if let Some(id) = &self.link {
            let up = verb.and_then(words::link).ok_or_else(|| no("link"))?;
            return Ok(Act::Link(id, up));
        }
        self.of_unit()
    }

    fn of_unit(&self) -> Result<Act<'_>, String> {
        let split = self.unit.as_deref().and_then(|unit| unit.rsplit_once('/'));
        let unit = split.and_then(|(line, unit)| Some((line, unit.parse().ok()?)));
        let (line, unit) = unit.ok_or("a unit is written line/number, for example panel1/1")?;
        match (&self.behaviour, self.clear.as_deref()) {
            (Some(behaviour), None) => Ok(Act::On(line, unit, behaviour)),
            (None, Some("all")) => Ok(Act::Off(line, unit, None)),
            (None, Some(name)) => Ok(Act::Off(line, unit, Some(name))),
            (Some(_), Some(_)) | (None, None) => {
                Err("a unit has either `behaviour` or `clear`".to_owned())
            }
        }
    }

    fn check(&self, campus: &Campus) -> Result<(), String> {
        let state = campus.state();
        let missing = |id: &str| Err(format!("there is no {id}"));
        let unit = |line: &str, unit: u8| {
            let mut units = state.units.iter();
            units.find(|one| one.line == line && one.unit == unit)
        };
        match self.act()? {
            Act::Point(id, _) if !state.points.iter().any(|one| one.id == id) => missing(id),
            Act::Mapped(id, (group, index), _) => {
                let points = campus.mapped(id, Some(group)).unwrap_or_default();
                match points.iter().any(|point| point.index == index) {
                    true => Ok(()),
                    false => missing(&format!("{id}/{group}/{index}")),
                }
            }
            Act::Panel(id, _) if !state.panels.iter().any(|one| one.id == id) => missing(id),
            Act::Output(id, _) if !state.outputs.iter().any(|one| one.id == id) => missing(id),
            Act::Link(id, _) if !state.links.iter().any(|one| one.id == id) => missing(id),
            Act::On(line, number, behaviour) => match unit(line, number) {
                Some(unit) => crate::nasty::catalogue::read(behaviour.clone(), unit.way).map(drop),
                None => missing(&format!("{line}/{number}")),
            },
            Act::Off(line, number, _) if unit(line, number).is_none() => {
                missing(&format!("{line}/{number}"))
            }
            Act::Point(..) | Act::Panel(..) | Act::Output(..) | Act::Link(..) | Act::Off(..) => {
                Ok(())
            }
        }
    }

    async fn happen(&self, campus: &Campus) -> Result<(), Refusal> {
        match self.act().map_err(|why| Refusal::Unfit { why })? {
            Act::Point(id, verb) => campus.point(id, verb).map(drop),
            Act::Mapped(id, place, state) => campus.set_mapped(id, place, (&state, 0)).map(drop),
            Act::Panel(id, verb) => campus.panel(Some(id), verb).map(drop),
            Act::Output(id, verb) => campus.output(id, verb).map(drop),
            Act::Link(id, up) => campus.link(id, up).await.map(drop),
            Act::On(line, unit, behaviour) => {
                campus.misbehave(line, unit, behaviour.clone()).map(drop)
            }
            Act::Off(line, unit, name) => campus.behave(line, unit, name).map(drop),
        }
    }
}

/// How far a scenario is.
#[derive(Clone, Debug, Serialize)]
pub struct ScenarioView {
    /// Its name.
    pub name: Name,
    /// Steps that have happened.
    pub done: usize,
    /// All of them.
    pub steps: usize,
}

/// A scenario that runs; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    name: Name,
    steps: usize,
    done: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(campus: Campus, mut scenario: Scenario) -> Self {
        scenario.steps.sort_by(|a, b| a.at.total_cmp(&b.at));
        let (name, steps) = (scenario.name.clone(), scenario.steps.len());
        let done = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&done);
        let task = tokio::spawn(async move {
            let started = Instant::now();
            for step in &scenario.steps {
                tokio::time::sleep_until(started + Duration::from_secs_f64(step.at)).await;
                if let Err(refusal) = step.happen(&campus).await {
                    tracing::warn!(
                        ?refusal,
                        at = step.at,
                        "a step of the scenario did not happen"
                    );
                }
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self {
            name,
            steps,
            done,
            task,
        }
    }

    pub(crate) fn view(&self) -> ScenarioView {
        ScenarioView {
            name: self.name.clone(),
            done: self.done.load(Ordering::Relaxed),
            steps: self.steps,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
