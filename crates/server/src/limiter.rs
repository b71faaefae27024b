//! What one address or account may cost: failed checks of signatures, requests, connections, and judgements that wait.
//!
//! What is limited by address is what *fails* after a signature was checked, so that a good caller is not held back by its own success.
//! An address that spent its allowance is refused before the next check. These go on all the same:
//! tokens whose check is remembered, and accounts that were recognised from there before or on the same connection just now.
pub(crate) mod allowance;
mod buckets;
pub(crate) mod conduct;
pub(crate) mod doors;
pub(crate) mod network;
pub(crate) mod waiting;

use crate::config::limits::Rate;
use buckets::{Buckets, Wait};
use network::Network;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use waiting::Waiting;

/// Places of each table, eight of which a key may have: 1 MiB each, once they are used.
const PLACES: usize = 65_536;
/// How long an account that was recognised from an address counts as at home there.
const AT_HOME: Duration = Duration::from_secs(24 * 3600);
/// New connections a second of an address that spent its allowance, and at once: each costs more than a refusal does.
pub(crate) const CONNECTING: Rate = Rate { per_second: 20, burst: 100 };

/// Questions of one account that are explained in full, a second and at once: each costs some tens of milliseconds of one core.
const QUESTIONS: Rate = Rate { per_second: 1, burst: 10 };
/// Such explanations that are worked out at one time, whoever asks: good callers need the other cores.
const EXPLAINED: usize = 1;

/// The tables. They outlive a reload; what is allowed is told with each question.
pub(crate) struct Limiter {
    begun: Instant,
    hasher: RandomState,
    /// Failed checks, by address.
    failures: Buckets,
    /// Failed checks of accounts that are at home at an address that spent its own.
    failures_at_home: Buckets,
    /// Accounts that were recognised from an address.
    homes: Buckets,
    /// Requests, by address and by account, where the operator limits them.
    by_address: Buckets,
    by_account: Buckets,
    /// New connections of addresses that spent their allowance.
    connecting: Buckets,
    /// Questions of accounts about their own requests.
    questions: Buckets,
    pub(crate) waiting: Waiting,
    /// Explanations that are worked out, where many things are tried.
    pub(crate) explaining: Semaphore,
    /// Milliseconds after `begun` before which no limit is told again.
    told: AtomicU64,
}

/// How often the log tells of limits, at most: a flood must not fill it.
const TELLING: Duration = Duration::from_secs(10);

/// Which allowance of failures: an address has another one where routes do not enforce, so that trying a scheme out changes nothing for its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purse {
    /// Where proofs must hold.
    Enforced(Network),
    /// Where they are only looked at.
    Tried(Network),
}

/// A limit is reached: how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spent(pub(crate) Duration);

impl Default for Limiter {
    fn default() -> Self {
        Self::of(PLACES)
    }
}

impl Limiter {
    fn of(places: usize) -> Self {
        Self {
            begun: Instant::now(),
            hasher: RandomState::new(),
            failures: Buckets::new(places),
            failures_at_home: Buckets::new(places),
            homes: Buckets::new(places),
            by_address: Buckets::new(places),
            by_account: Buckets::new(places),
            connecting: Buckets::new(places),
            questions: Buckets::new(places),
            waiting: Waiting::default(),
            explaining: Semaphore::new(EXPLAINED),
            told: AtomicU64::new(0),
        }
    }

    /// Whether an address may make another check fail.
    pub(crate) fn has_spent(&self, purse: Purse, rate: Rate) -> Option<Spent> {
        self.failures.wait(self.key(&purse), rate, self.now()).map(spent)
    }

    /// Notes checks that were made for nothing.
    pub(crate) fn failed(&self, purse: Purse, cost: u32, rate: Rate) {
        self.failures.charge(self.key(&purse), cost, rate, self.now());
    }

    /// Notes that an account was recognised from an address.
    pub(crate) fn held(&self, network: Network, account: &str) {
        let now = self.now();
        self.homes.mark(self.key(&(network, account)), now + AT_HOME, now);
    }

    /// Whether an account may make another check fail at an address that spent its own allowance: only where it is at home.
    pub(crate) fn may_at_home(&self, purse: Purse, account: &str, rate: Rate) -> bool {
        let (Purse::Enforced(network) | Purse::Tried(network)) = purse;
        let (home, spent, now) = (self.key(&(network, account)), self.key(&(purse, account)), self.now());
        self.homes.is_marked(home, now) && self.failures_at_home.wait(spent, rate, now).is_none()
    }

    /// Notes failed checks for such an account.
    pub(crate) fn failed_at_home(&self, purse: Purse, account: &str, cost: u32, rate: Rate) {
        self.failures_at_home.charge(self.key(&(purse, account)), cost, rate, self.now());
    }

    /// Counts a request of an address.
    ///
    /// # Errors
    /// When it sent too many.
    pub(crate) fn request_from(&self, network: Network, rate: Rate) -> Result<(), Spent> {
        self.by_address.take(self.key(&network), rate, self.now()).map_err(spent)
    }

    /// Whether an account may send another request.
    pub(crate) fn may_request(&self, account: &str, rate: Rate) -> Option<Spent> {
        self.by_account.wait(self.key(&account), rate, self.now()).map(spent)
    }

    /// Counts a request that an account proved.
    pub(crate) fn request_of(&self, account: &str, rate: Rate) {
        self.by_account.charge(self.key(&account), 1, rate, self.now());
    }

    /// Counts a question of an account about a request of its own.
    ///
    /// # Errors
    /// When it asked too many.
    pub(crate) fn question_of(&self, account: &str) -> Result<(), Spent> {
        self.questions.take(self.key(&account), QUESTIONS, self.now()).map_err(spent)
    }

    /// Whether an address may connect: always, but seldom once it spent its allowance.
    pub(crate) fn may_connect(&self, network: Network, rate: Rate) -> bool {
        let (key, now) = (self.key(&Purse::Enforced(network)), self.now());
        self.failures.wait(key, rate, now).is_none() || self.connecting.take(key, CONNECTING, now).is_ok()
    }

    /// Tells the operator of a limit that was reached, once in a while; the metrics have each time.
    pub(crate) fn tell(&self, limit: &str, address: IpAddr) {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (now, due) = (self.now(), self.told.load(Ordering::Relaxed));
        let next = millis(now + TELLING);
        let swap = |due| self.told.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed);
        if millis(now) >= due && swap(due).is_ok() {
            tracing::warn!(
                limit,
                %address,
                "an address reached a limit; if it carries many callers (a NAT, a balancer), look at [limits]"
            );
        }
    }

    /// What an account is known by on a connection.
    pub(crate) fn account(&self, account: &str) -> NonZeroU64 {
        NonZeroU64::new(self.key(&account)).unwrap_or(NonZeroU64::MAX)
    }

    fn key(&self, of: &impl Hash) -> u64 {
        self.hasher.hash_one(of)
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }
}

fn spent(Wait(wait): Wait) -> Spent {
    Spent(wait)
}

#[cfg(test)]
mod tests;
