//! The clock of one node: simulated time, run a little fast or slow, and stepped when somebody sets it.
use countersign::time::{Span, Time};
use countersign_guard::clock::Clock;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::time::Instant;

/// Where every simulation begins: 2026-01-01T00:00:00Z.
pub const START: i64 = 1_767_225_600;

/// Simulated time itself, which nobody in the simulation can read but the checker.
#[derive(Clone, Copy, Debug)]
pub struct True(Instant);

/// The clock of a node.
#[derive(Debug)]
pub struct Watch {
    truth: True,
    /// Microseconds ahead.
    ahead: AtomicI64,
    /// Microseconds gained in a second.
    drift: i64,
}

impl True {
    /// Time that begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// Microseconds since the beginning.
    #[must_use]
    pub fn micros(self) -> i64 {
        i64::try_from(self.0.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    /// The time as a right clock shows it.
    #[must_use]
    pub fn now(self) -> Time {
        at(self.micros())
    }
}

impl Watch {
    /// A clock that is right now and gains `drift` microseconds in a second.
    #[must_use]
    pub fn new(truth: True, drift: i64) -> Self {
        Self { truth, ahead: AtomicI64::new(0), drift }
    }

    /// Sets it this many milliseconds before the truth, or behind when negative.
    pub fn set(&self, millis: i64) {
        let drifted = self.truth.micros() / 1_000_000 * self.drift;
        self.ahead.store(millis * 1000 - drifted, Ordering::Relaxed);
    }

    /// How far it is from the truth, whole seconds rounded up.
    #[must_use]
    pub fn off(&self) -> i64 {
        (self.now().since(self.truth.now()).millis().abs() + 999) / 1000
    }
}

impl Clock for Watch {
    fn now(&self) -> Time {
        let micros = self.truth.micros();
        at(micros + self.ahead.load(Ordering::Relaxed) + micros / 1_000_000 * self.drift)
    }
}

fn at(micros: i64) -> Time {
    Time::from_seconds(START) + Span::from_millis(micros.div_euclid(1000))
}
