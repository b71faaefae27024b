//! How the caller on one connection behaves: whether its proofs hold, and until when it is not listened to.
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// A connection whose request was refused by a limit is not read for this long; the refusal itself goes out at once.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// What a connection is known by.
#[derive(Debug)]
pub(crate) struct Conduct {
    begun: Instant,
    /// Whose proof held when one was last checked on it, as a hash; 0: none did.
    good: AtomicU64,
    /// Milliseconds after `begun` before which nothing is read.
    until: AtomicU64,
}

impl Conduct {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), good: AtomicU64::new(0), until: AtomicU64::new(0) }
    }

    /// Whether this account's proofs hold on it.
    pub(crate) fn is_good(&self, account: NonZeroU64) -> bool {
        self.good.load(Ordering::Relaxed) == account.get()
    }

    /// Notes whose proof was checked and held; `None`: it did not hold.
    pub(crate) fn set_good(&self, account: Option<NonZeroU64>) {
        let account = account.map_or(0, NonZeroU64::get);
        if self.good.load(Ordering::Relaxed) != account {
            self.good.store(account, Ordering::Relaxed);
        }
    }

    /// Stops listening for a while.
    pub(crate) fn pause(&self) {
        let until = (self.begun.elapsed() + PAUSE).as_millis();
        self.until.store(u64::try_from(until).unwrap_or(0), Ordering::Relaxed);
    }

    /// Until when the connection is not read, if that is not over.
    pub(crate) fn paused(&self) -> Option<Instant> {
        let until = self.until.load(Ordering::Relaxed);
        if until == 0 {
            return None;
        }
        let until = self.begun + Duration::from_millis(until);
        if until > Instant::now() {
            return Some(until);
        }
        self.until.store(0, Ordering::Relaxed);
        None
    }
}
