//! Verdicts of the lanes.
