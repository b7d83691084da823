//! Looked at anew: a fire that was judged false or is over burns again, by a later signal or by somebody who sees it. What the former
//! verdict let happen counts for nothing any more but for what is still to be put back.

use super::{Call119, Incident, Stage};
use crate::procedure::Stamp;

/// Forgets what the former verdict brought. The brigade that still comes stays told; one that has left is called again.
pub(super) fn start(incident: &mut Incident, stamp: &Stamp) {
    let was_over = incident.stage == Stage::Restoring;
    let comes = incident.call_119.as_ref().is_some_and(Call119::is_coming);
    if was_over || !comes {
        incident.call_119 = None;
    }
    incident.anew = stamp.seq;
    incident.verdict_by = stamp.now.engine + (incident.verdict_by - incident.opened);
    incident.unverified = None;
    // It may have been put back since.
    incident.plan = None;
    incident.asked.clear();
    incident.lifts_clear.clear();
    incident.restore.retain(|(_, by)| by.is_none());
    incident.start_offer = None;
    incident.all_clear = None;
    incident.cleared_over = None;
    incident.scene.fire_out = None;
    incident.scene.head_count = None;
    incident.handover.brigade = None;
    incident.handover.handed_back = None;
}
