//! Chance that is the same in every run of a seed: streams for those who act, and draws that depend on nothing but their names.
use countersign_guard::clock::Entropy;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A stream of draws (SplitMix64). Each who acts has one of its own, so that no draw depends on who came first.
#[derive(Debug)]
pub struct Chance(Mutex<u64>);

impl Chance {
    /// The stream of this seed for this purpose.
    #[must_use]
    pub fn new(seed: u64, purpose: &str) -> Self {
        Self(Mutex::new(purpose.bytes().fold(mix(seed ^ 0x9e37), |state, byte| mix(state ^ u64::from(byte)))))
    }

    /// The next draw.
    pub fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(*state)
    }

    /// A number below `end`, which is not zero.
    pub fn below(&self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Whether something happens that does so this many times in a hundred.
    pub fn in_hundred(&self, times: u64) -> bool {
        self.below(100) < times
    }

    /// A time between two bounds, in milliseconds; not a whole number of them, so that few things happen at once.
    pub fn between(&self, from: u64, to: u64) -> Duration {
        Duration::from_micros(from * 1000 + self.below((to - from).max(1) * 1000))
    }

    /// One of several; `None` of none.
    pub fn of<'a, T>(&self, all: &'a [T]) -> Option<&'a T> {
        let place = self.below(u64::try_from(all.len()).unwrap_or(1));
        all.get(usize::try_from(place).unwrap_or(0))
    }
}

impl Entropy for Chance {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            for (to, from) in chunk.iter_mut().zip(self.next().to_be_bytes()) {
                *to = from;
            }
        }
    }
}

/// The finaliser of SplitMix64.
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
