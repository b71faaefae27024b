//! Checks of RSA signatures in vector lanes (`[server] lanes`): set up when the operator asks for them, and watched.
use countersign_guard::batch::Batcher;
use countersign_guard::clock::{Entropy, draw};
use countersign_keys::Lanes;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One result of the lanes in so many is checked again by the scalar library: 2 percent of what the lanes save.
const EVERY: NonZeroU32 = NonZeroU32::new(1024).unwrap();

/// The lanes as the server keeps them: with whether their alarm was logged.
pub struct Side {
    /// Gathers the checks.
    pub batcher: Arc<Batcher>,
    told: AtomicBool,
}

impl Side {
    /// Sets them up; `None` where the CPU has none, which the log says.
    pub(crate) fn new(entropy: &dyn Entropy) -> Option<Self> {
        let Some(lanes) = Lanes::new(EVERY, u64::from_le_bytes(draw::<8>(entropy))) else {
            tracing::warn!(
                "[server] lanes is on, but this CPU has no AVX-512 IFMA: signatures are checked one by one"
            );
            return None;
        };
        tracing::info!(
            "RSA signatures are checked in vector lanes, those of requests that wait together side by side"
        );
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Some(Self { batcher: Arc::new(Batcher::new(lanes, threads)), told: AtomicBool::new(false) })
    }

    /// Logs the alarm once, if there is one.
    pub(crate) fn tell(&self) {
        if let Some(difference) = self.batcher.lanes().difference()
            && !self.told.swap(true, Ordering::Relaxed)
        {
            tracing::error!(%difference, "lanes");
        }
    }
}
