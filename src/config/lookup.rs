//! What points.csv and linkage.toml look up in the other files: the profile behind a bus and unit, the place of a
//! floor.

use std::collections::BTreeMap;

use toml::Spanned;

use super::names::{Noun, Word};
use super::plans::Plan;
use super::profile::Known;
use super::scope::Scope;
use super::site::Campus;
use crate::domain::ids::PointId;
use crate::domain::point::Point;

/// Everything that was read before.
pub(super) struct Lookup<'a> {
    pub(super) campus: &'a Campus,
    pub(super) profiles: &'a BTreeMap<String, Known>,
    pub(super) plans: &'a BTreeMap<String, Plan>,
    pub(super) points: &'a BTreeMap<PointId, Point>,
}

impl<'a> Lookup<'a> {
    /// The unit's number and profile. `None` after a report, and where the bus or the profile itself is wrong.
    pub(super) fn profile(
        &self,
        bus: &Word,
        unit: &Spanned<i64>,
        scope: &mut Scope<'_>,
    ) -> Option<(u8, &'a Known)> {
        scope.refer(Noun::Bus, bus);
        let number: u8 = scope.number(unit, 0..=255, "unit")?;
        let line = self.campus.buses.get(bus.as_ref().as_str())?;
        let Some(found) = line.units.iter().find(|unit| unit.unit == number) else {
            let units: Vec<String> = line.units.iter().map(|u| u.unit.to_string()).collect();
            scope.error(
                unit.span(),
                format!("bus `{}` has no unit {number}", bus.as_ref()),
                format!("its units in site.toml: {}", units.join(", ")),
            );
            return None;
        };
        Some((number, self.profiles.get(&found.profile)?))
    }
}
