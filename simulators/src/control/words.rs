//! The verbs of paths and of scenario files.

use crate::io::OutputVerb;
use crate::panel::{GasLevel, PanelVerb, PointVerb};

/// What happens to a device.
pub(crate) fn point(verb: &str) -> Option<PointVerb> {
    Some(match verb {
        "alarm" => PointVerb::Alarm,
        "normal" => PointVerb::Normal,
        "fault" => PointVerb::Fault,
        "repaired" => PointVerb::Repaired,
        "disable" => PointVerb::Disable,
        "enable" => PointVerb::Enable,
        "gas_low" => PointVerb::Gas(GasLevel::Low),
        "gas_high" => PointVerb::Gas(GasLevel::High),
        _ => return None,
    })
}

/// What somebody does at a panel.
pub(crate) fn panel(verb: &str) -> Option<PanelVerb> {
    Some(match verb {
        "reset" => PanelVerb::Reset,
        "silence" => PanelVerb::Silence,
        "stop-sounders" => PanelVerb::StopSounders,
        "key/auto" => PanelVerb::KeyAuto,
        "key/manual" => PanelVerb::KeyManual,
        "mains/on" => PanelVerb::MainsOn,
        "mains/off" => PanelVerb::MainsOff,
        _ => return None,
    })
}

/// What happens to an output's device.
pub(crate) fn output(verb: &str) -> Option<OutputVerb> {
    Some(match verb {
        "stuck" => OutputVerb::Stuck,
        "free" => OutputVerb::Free,
        "restore" => OutputVerb::Restore,
        _ => return None,
    })
}

/// Whether a link is up after it.
pub(crate) fn link(verb: &str) -> Option<bool> {
    match verb {
        "drop" => Some(false),
        "restore" => Some(true),
        _ => None,
    }
}
