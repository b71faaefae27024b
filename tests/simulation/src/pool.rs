//! One-time proofs as they went over the wire.
use crate::chance::Chance;
use http::HeaderMap;
use std::sync::{Mutex, PoisonError};

/// A proof as it went over the wire.
#[derive(Clone, Debug)]
pub struct Caught {
    /// Its number.
    pub number: u64,
    /// The key that signed it.
    pub key: String,
    /// The headers that carry it.
    pub headers: HeaderMap,
}

/// What went over the wire, for whoever listens.
#[derive(Debug, Default)]
pub struct Pool(Mutex<Vec<Caught>>);

impl Pool {
    /// Adds one, and numbers it.
    pub fn add(&self, caught: Caught) -> u64 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = u64::try_from(all.len()).unwrap_or(u64::MAX);
        all.push(Caught { number, ..caught });
        number
    }

    /// One by chance.
    pub fn any(&self, chance: &Chance) -> Option<Caught> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Mostly one of the last: those are still inside their window.
        let last = all.len().saturating_sub(if chance.in_hundred(80) { 60 } else { all.len() });
        chance.of(all.get(last..)?).cloned()
    }
}
