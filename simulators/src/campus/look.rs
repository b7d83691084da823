//! What can be seen of the campus.

use std::sync::atomic::Ordering;

use super::Campus;
use crate::panel::Panel;
use crate::view::{FloorView, LinkView, OutputView, PanelView, PointView, StateView, UnitView};
use crate::wire::serial::Cable;
use crate::wire::tcp::Link;
use crate::writes::Writes;

/// Writes that the state document carries.
const STATE_WRITES: usize = 200;

impl Campus {
    /// Every line with its counters.
    #[must_use]
    pub fn links(&self) -> Vec<LinkView> {
        let links = self.0.links.iter().map(|link| self.link_view(link));
        let cables = self.0.cables.iter().map(|cable| self.cable_view(cable));
        links.chain(cables).collect()
    }

    /// Every unit with what is wrong with it.
    #[must_use]
    pub fn units(&self) -> Vec<UnitView> {
        self.field().units()
    }

    /// Every device.
    #[must_use]
    pub fn points(&self) -> Vec<PointView> {
        self.field().points()
    }

    /// Every output.
    #[must_use]
    pub fn outputs(&self) -> Vec<OutputView> {
        self.field().outputs()
    }

    /// Every panel with its lamps and key.
    #[must_use]
    pub fn panels(&self) -> Vec<PanelView> {
        let field = self.field();
        let view = |panel: &Panel| PanelView {
            id: panel.layout().id.clone(),
            name: panel.layout().name.clone(),
            lamps: panel.lamps(),
        };
        field.panels.iter().map(view).collect()
    }

    /// Writes after number `since`, oldest first; 0 for all that are kept.
    #[must_use]
    pub fn writes(&self, since: u64) -> Writes {
        self.field().writes.after(since, usize::MAX)
    }

    /// Everything, for the page.
    #[must_use]
    pub fn state(&self) -> StateView {
        let links = self.links();
        let guards = self.guards();
        let panels = self.panels();
        let field = self.field();
        StateView {
            site: field.layout.id.clone(),
            name: field.layout.name.clone(),
            speed: self.0.clock.speed(),
            at_ms: field.now.at_ms,
            wall_ms: field.now.wall_ms,
            panels,
            units: field.units(),
            scenario: self.scenario(),
            buildings: field.layout.buildings.clone(),
            links,
            floors: field
                .layout
                .floors
                .iter()
                .map(|floor| FloorView {
                    id: floor.id.clone(),
                    building: floor.building.clone(),
                    name: floor.name.clone(),
                })
                .collect(),
            points: field.points(),
            outputs: field.outputs(),
            people: field.layout.people.clone(),
            guards,
            writes: field.writes.after(0, STATE_WRITES),
        }
    }

    pub(super) fn link_view(&self, link: &Link) -> LinkView {
        let field = self.field();
        LinkView {
            id: field.link_id(link.line).to_owned(),
            name: field.link_name(link.line),
            address: link.address.to_string(),
            up: link.is_up(),
            connections: link.connections.load(Ordering::Relaxed),
            requests: link.requests.load(Ordering::Relaxed),
            early: 0,
            noise: 0,
        }
    }

    pub(super) fn cable_view(&self, cable: &Cable) -> LinkView {
        let field = self.field();
        LinkView {
            id: field.link_id(cable.line).to_owned(),
            name: field.link_name(cable.line),
            address: cable.path().display().to_string(),
            up: cable.is_up(),
            connections: 0,
            requests: cable.requests.load(Ordering::Relaxed),
            early: cable.early.load(Ordering::Relaxed),
            noise: cable.noise.load(Ordering::Relaxed),
        }
    }
}
