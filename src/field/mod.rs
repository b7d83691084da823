//! The field: one task per bus owns its socket and its pacing; profiles decode registers to points.
