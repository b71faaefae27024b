//! The only doors to time and chance; everything below takes them as arguments.
use countersign::time::{Span, Time};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Time;
}

/// Draws random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random ones.
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// The machine's random source.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

/// A clock that stands until it is moved, for tests and for judging captured requests.
#[derive(Debug)]
pub struct FrozenClock(Mutex<Time>);

/// Bytes that look random and are the same in every run, for tests.
#[derive(Debug, Default)]
pub struct SeededEntropy(AtomicU64);

impl Clock for SystemClock {
    fn now(&self) -> Time {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
        let now = std::time::SystemTime::now();
        let nanos = match now.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => i128::try_from(since.as_nanos()).unwrap_or(i128::MAX),
            Err(before) => -i128::try_from(before.duration().as_nanos()).unwrap_or(i128::MAX),
        };
        Time::from_nanos(nanos)
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // From the system itself: the crypto library first gathers chance of its own for thirty milliseconds, which a start
        // would wait for.
        #[expect(clippy::disallowed_methods, reason = "this is the one place that draws random bytes")]
        let drawn = getrandom::fill(bytes);
        if drawn.is_err() {
            // Without chance nothing that follows is safe: no nonce, no token, no key.
            tracing::error!("the system gave no random bytes; stopping");
            std::process::abort();
        }
    }
}

impl FrozenClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: Time) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves it to `now`, forward or back.
    pub fn set(&self, now: Time) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = now;
    }

    /// Moves it on.
    pub fn advance(&self, span: Span) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = *now + span;
    }
}

impl Clock for FrozenClock {
    fn now(&self) -> Time {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl SeededEntropy {
    /// A source that starts from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            let digest = countersign_keys::sha256(&[b"seeded", &count.to_be_bytes()]);
            for (to, from) in chunk.iter_mut().zip(digest) {
                *to = from;
            }
        }
    }
}

/// Draws `N` random bytes.
pub fn draw<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}
