//! A public key in the form that the lanes take.

use countersign_keys_lanes::Prepared;
use std::sync::atomic::AtomicBool;

/// The prepared key, with what the watch over the lanes remembers of it.
pub(crate) struct LaneKey {
    pub(crate) prepared: Prepared,
    /// Whether both ways have agreed about a good signature of this key.
    pub(crate) confirmed: AtomicBool,
}

impl LaneKey {
    /// `None` for keys that the lanes do not serve.
    pub(crate) fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        Some(Self { prepared: Prepared::new(modulus, exponent)?, confirmed: AtomicBool::new(false) })
    }
}
