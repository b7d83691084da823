//! The lines of linked fires and of the hold button.

use super::Said;
use crate::procedure::events::Event;

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other events speak elsewhere or not at all"
)]
pub(super) fn said(event: &Event) -> Option<Said<'_>> {
    let said = |class, key, incident| Said {
        class,
        key,
        incident: Some(incident),
        ..Said::default()
    };
    Some(match event {
        Event::Spread { incident, of } => Said {
            args: vec![("of", of.to_string())],
            ..said("fire", "spread", incident)
        },
        Event::StartOffered { incident, .. } => said("system", "start_offered", incident),
        Event::StartUnanswered { incident } => said("fault", "start_unanswered", incident),
        _ => return None,
    })
}
