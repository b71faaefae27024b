//! How much a caller takes of its answers while it is waited for: little each time is as bad as nothing.
use std::time::Duration;

/// Who is waited for must take at least this much a second, as whoever sends a body must send; a modem did more.
const LEAST_RATE: u64 = 1024;

/// How much the other end took while it was waited for.
#[derive(Default)]
pub(super) struct Taking {
    bytes: usize,
    waited: Duration,
}

impl Taking {
    /// Adds what it took.
    pub(super) fn took(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Adds a wait; false when all waits together were longer than the patience and too little was taken in them.
    pub(super) fn is_enough(&mut self, waited: Duration, patience: Duration) -> bool {
        self.waited = self.waited.saturating_add(waited);
        if self.waited < patience {
            return true;
        }
        let wanted = self.waited.as_millis().saturating_mul(u128::from(LEAST_RATE)) / 1000;
        let enough = u128::try_from(self.bytes).unwrap_or(u128::MAX) >= wanted;
        *self = Self::default();
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_waits_for_little_are_too_much() {
        let (second, patience) = (Duration::from_secs(1), Duration::from_secs(3));
        let waits = |bytes: usize| {
            let mut taking = Taking::default();
            (0..9).all(|_| {
                taking.took(bytes);
                taking.is_enough(second, patience)
            })
        };
        assert!(waits(1024) && waits(usize::MAX) && !waits(1023) && !waits(0));
        // What was taken at once is no credit for later.
        let mut taking = Taking::default();
        taking.took(1_000_000);
        assert!(taking.is_enough(patience, patience) && !taking.is_enough(patience, patience));
    }
}
