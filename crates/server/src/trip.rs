//! One request's way to its upstream and back, counted while it happens, for the log.
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What happened on the way; bodies and tunnels count while they run.
#[derive(Debug, Default)]
pub struct Trip {
    upstream: Mutex<Option<Arc<str>>>,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    micros: AtomicU64,
    retries: AtomicU64,
    whole: AtomicBool,
}

impl Trip {
    /// Notes the address that a request goes to now.
    pub(crate) fn went(&self, address: &Arc<str>) {
        *self.upstream.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(address));
    }

    /// Notes a further attempt.
    pub(crate) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes how long the upstream took to begin its answer.
    pub(crate) fn took(&self, micros: u64) {
        self.micros.store(micros.max(1), Ordering::Relaxed);
    }

    /// Notes bytes of the caller's that were passed on.
    pub(crate) fn passed_in(&self, bytes: usize) {
        self.bytes_in.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Notes bytes of the upstream's that were passed on.
    pub(crate) fn passed_out(&self, bytes: usize) {
        self.bytes_out.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Notes that the answer came to its proper end.
    pub(crate) fn ended(&self) {
        self.whole.store(true, Ordering::Relaxed);
    }

    /// The address that the last attempt went to.
    #[must_use]
    pub fn upstream(&self) -> Option<Arc<str>> {
        self.upstream.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Bytes of the request's body.
    #[must_use]
    pub fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Ordering::Relaxed)
    }

    /// Bytes of the answer's body.
    #[must_use]
    pub fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Ordering::Relaxed)
    }

    /// Microseconds until the upstream began its answer; `None` when it gave none.
    #[must_use]
    pub fn micros(&self) -> Option<u64> {
        Some(self.micros.load(Ordering::Relaxed)).filter(|micros| *micros > 0)
    }

    /// Attempts beyond the first.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Whether the answer came to its proper end.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Relaxed)
    }
}
