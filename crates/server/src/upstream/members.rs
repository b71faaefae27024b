//! The addresses of a pool: chooses one for a request, and leaves those out that cannot be reached.
use super::member::Member;
use crate::config::upstream::{Balance, Upstream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// The addresses of a pool, shared with the task that looks after them.
pub(crate) struct Members {
    pub(crate) settings: Upstream,
    pub(crate) all: Vec<Arc<Member>>,
    turn: AtomicU64,
    /// Two that fail at once must not leave each other out as the last ones.
    ejecting: Mutex<()>,
}

impl Members {
    pub(super) fn new(settings: &Upstream, all: Vec<Arc<Member>>) -> Self {
        Self { settings: settings.clone(), all, turn: AtomicU64::new(0), ejecting: Mutex::default() }
    }

    /// An address for a request, among those that are well and were not tried.
    pub(super) fn choose(&self, tried: &[usize]) -> Option<(usize, &Arc<Member>)> {
        let untried = || self.all.iter().enumerate().filter(|(index, _)| !tried.contains(index));
        let mut well: Vec<_> = untried().filter(|(_, member)| member.is_well()).collect();
        if well.is_empty() && !self.all.iter().any(|member| member.is_well()) {
            // Nobody is left out when nobody else is there; but who is ill is not asked.
            well = untried().filter(|(_, member)| !member.is_ill()).collect();
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let at = |number: u64, count: usize| {
            let count = u64::try_from(count).unwrap_or(1).max(1);
            usize::try_from(number % count).unwrap_or(0)
        };
        let count = well.len();
        match self.settings.balance {
            // Equals take turns.
            Balance::LeastRequests => {
                let start = at(turn, count);
                let (left, right) = well.split_at_checked(start)?;
                right.iter().chain(left).min_by_key(|(_, member)| member.in_flight()).copied()
            }
            Balance::TwoChoices => {
                let drawn = scattered(turn);
                let first = at(drawn, count);
                // Another one than the first, where there is one.
                let second = (first + 1 + at(drawn >> 32, count.saturating_sub(1))) % count.max(1);
                let (first, second) = (well.get(first)?, well.get(second)?);
                Some(if second.1.in_flight() < first.1.in_flight() { *second } else { *first })
            }
        }
    }

    /// Notes that an address could not be reached; leaves it out for a while when that came often, unless it is the last.
    pub(super) fn unreached(&self, index: usize) {
        let Some(member) = self.all.get(index) else { return };
        let failures = member.failed();
        if self.settings.eject_after == 0 || failures < self.settings.eject_after {
            return;
        }
        let _alone = self.ejecting.lock().unwrap_or_else(PoisonError::into_inner);
        let others = self.all.iter().enumerate().any(|(other, member)| other != index && member.is_well());
        if others && !member.is_ejected() {
            tracing::warn!(
                upstream = self.settings.name,
                address = &*member.label,
                "cannot be reached: left out for a while"
            );
            member.eject(Instant::now() + self.settings.eject_for);
        }
    }
}

/// Spreads a counter over all numbers (splitmix64), so that neighbours draw differently. Balancing needs no secret chance.
fn scattered(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
