//! Ids of requests and refusals: unique over restarts, and cheap, since every request gets one.
use countersign::base64::encode_hex;
use countersign_guard::clock::{Entropy, draw};
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes ids.
pub struct Ids {
    start: String,
    next: AtomicU64,
}

impl Ids {
    /// Ids of this process begin with a random part of their own.
    #[must_use]
    pub fn new(entropy: &dyn Entropy) -> Self {
        let start = draw::<6>(entropy);
        Self { start: encode_hex(&start), next: AtomicU64::new(0) }
    }

    /// The next id of a kind, such as `req_5f…`.
    #[must_use]
    pub fn next(&self, kind: &str) -> String {
        format!("{kind}_{}{:x}", self.start, self.next.fetch_add(1, Ordering::Relaxed))
    }
}
