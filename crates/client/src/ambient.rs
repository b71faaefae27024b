//! The two doors to the world that signing needs: the time and fresh random bytes.
use countersign::time::Time;
use std::fmt;
use std::sync::Arc;

/// Where the time and random bytes come from. The program hands it in; this crate opens neither itself.
#[derive(Clone)]
pub struct Ambient {
    now: Arc<dyn Fn() -> Time + Send + Sync>,
    random: Arc<dyn Fn() -> [u8; 16] + Send + Sync>,
}

impl Ambient {
    /// From two functions; `random` must give bytes that nobody can guess, new ones with each call.
    pub fn new(
        now: impl Fn() -> Time + Send + Sync + 'static,
        random: impl Fn() -> [u8; 16] + Send + Sync + 'static,
    ) -> Self {
        Self { now: Arc::new(now), random: Arc::new(random) }
    }

    /// The time on this machine.
    #[must_use]
    pub fn now(&self) -> Time {
        (self.now)()
    }

    /// Fresh random bytes.
    #[must_use]
    pub fn random(&self) -> [u8; 16] {
        (self.random)()
    }
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ambient(a clock and a source of random bytes)")
    }
}
