//! Life cycles: which states keys, challenges and sessions have and which moves are allowed; no storage, no clock.
pub mod challenge;
pub mod key;
pub mod session;
