//! The limits of the fire procedure. `procedures.toml` is the only place of these figures (DESIGN.md 5).

use std::time::Duration;

/// Every limit of the fire procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FireLimits {
    /// The recipient's device must confirm an order in this time (15 s), else the second channel.
    pub receive: Duration,
    /// 收到 in this time (30 s), else the next post as well.
    pub accept: Duration,
    /// On site in this time (180 s), else the chain is told.
    pub arrive: Duration,
    /// A verdict in this time after the first signal (300 s), else 「无人核实」.
    pub verdict: Duration,
    /// 接警 in this time (30 s), else everybody rings.
    pub take: Duration,
    /// The sound comes back after this time without verdict (180 s).
    pub mute: Duration,
    /// The 119 call in this time (90 s).
    pub call_119: Duration,
    /// A command that has no permit after this time is dropped (30 s).
    pub command_expiry: Duration,
    /// Two posts are sent when the nearest needs longer than this (180 s).
    pub two_posts_over: Duration,
    /// A hand-over of command unanswered for this time goes to the next (60 s).
    pub succession: Duration,
    /// The hold button 「转自动并启动」 must be answered in this time (30 s), else the chain is told.
    pub start_answer: Duration,
    /// Maintenance 维护 of an output ends by itself after this time (900 s).
    pub maintenance: Duration,
    /// By this site's rule one call point, flow or pressure switch makes a fire suspected; never an output.
    pub single_device_suspects: bool,
}
