//! Units that answer by a panel map.

use super::{Campus, Refusal, unknown};
use crate::map::{MappedView, State, Unset};

impl Campus {
    /// The points of a unit with a map, those of one group when it is named.
    ///
    /// # Errors
    /// When there is no such unit.
    pub fn mapped(&self, id: &str, group: Option<&str>) -> Result<Vec<MappedView>, Refusal> {
        let mut field = self.field();
        let unit = field.mapped(id).ok_or_else(|| unknown("unit", id))?;
        Ok(unit.points(group))
    }

    /// Sets a point of a unit with a map, in the `way`-th way in which the map says it, from 0 on.
    ///
    /// # Errors
    /// When there is no such point, or the map has no word for this.
    pub fn set_mapped(
        &self,
        id: &str,
        (group, index): (&str, &str),
        (state, way): (&State, usize),
    ) -> Result<MappedView, Refusal> {
        let mut field = self.field();
        let unit = field.mapped(id).ok_or_else(|| unknown("unit", id))?;
        let point = || format!("{id}/{group}/{index}");
        unit.set((group, index), state, way)
            .map_err(|why| match why {
                Unset::Unknown => unknown("point", &point()),
                Unset::Unsayable => Refusal::Unfit {
                    why: format!("the map of {} has no such word", point()),
                },
            })
    }
}
