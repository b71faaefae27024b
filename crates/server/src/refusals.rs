//! Refused requests, kept for some minutes so that their owners and operators can ask why: redacted, bounded, and in memory only.
pub(crate) mod capture;
pub(crate) mod redact;

use countersign::reason::Reason;
use countersign::time::{Span, Time};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Refusals kept of one account whose signature held: a client that goes on failing fails in the same way.
const MOST_OF_ACCOUNT: usize = 16;
/// Accounts of which such are kept.
const MOST_ACCOUNTS: usize = 1024;
/// Explained refusals kept of everybody else: at the pace below they last some minutes, whatever strangers send.
const MOST_NAMED: usize = 512;
/// Refusals of which only a line is kept, since more came than are explained.
const MOST_BRIEF: usize = 512;
/// Bytes of explanations kept, of each of the two kinds.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// Refusals of strangers explained a second and at once: each costs at most some tens of milliseconds of one core.
const STRANGERS: Pace = Pace { per_second: 2, burst: 16 };
/// Refusals explained whose signature held: nothing has to be tried for these.
const PROVEN: Pace = Pace { per_second: 8, burst: 64 };

/// One refusal. Nothing in it is a credential.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Its id, as the answer's header has it.
    pub reject: Box<str>,
    /// When it was refused.
    pub at: Time,
    /// The route.
    pub route: Arc<str>,
    /// The dialect that was judged.
    pub dialect: Option<Arc<str>>,
    /// Why.
    pub reason: Reason,
    /// Whether its signature held, by a live key of the account it names.
    pub proved: bool,
    /// The id and the name of that account; nobody proved it where `proved` is false.
    pub account: Option<(Box<str>, Box<str>)>,
    /// The caller's address.
    pub client: Option<IpAddr>,
    /// The method.
    pub method: Box<str>,
    /// The path, without the query.
    pub path: Box<str>,
    /// The headers, credentials replaced by their length and digest.
    pub headers: Vec<(String, String)>,
    /// Bytes of the body.
    pub body_bytes: usize,
    /// The explanation for operators.
    pub told: Option<Arc<Value>>,
    /// The explanation for the account itself.
    pub own: Option<Arc<Value>>,
}

/// What is kept.
#[derive(Default)]
pub struct Refusals {
    kept: Mutex<Kept>,
    missed: AtomicU64,
}

#[derive(Default)]
struct Kept {
    proven: HashMap<Box<str>, VecDeque<Refused>>,
    named: VecDeque<Refused>,
    brief: VecDeque<Refused>,
    proven_bytes: usize,
    named_bytes: usize,
    strangers: Purse,
    owners: Purse,
}

#[derive(Clone, Copy)]
struct Pace {
    per_second: u32,
    burst: u32,
}

/// What is left to spend, in thousandths of an explanation.
#[derive(Default)]
struct Purse {
    left: i64,
    since: Option<Time>,
}

/// What an account sees: its own in full, and how many more only named it.
#[derive(Debug, Default)]
pub struct OfAccount {
    /// Those whose signature by its own key held, the newest first.
    pub own: Vec<Refused>,
    /// Those that name it, which anybody can.
    pub named: usize,
}

impl Refusals {
    /// Whether this refusal is to be explained; otherwise `line` is kept alone. Never waits: where somebody else is at it, only a number
    /// is left.
    pub(crate) fn takes(
        &self,
        proved: bool,
        now: Time,
        keep: Duration,
        line: impl FnOnce() -> Refused,
    ) -> bool {
        let Ok(mut kept) = self.kept.try_lock() else {
            self.missed.fetch_add(1, Ordering::Relaxed);
            return false;
        };
        let (purse, pace) =
            if proved { (&mut kept.owners, PROVEN) } else { (&mut kept.strangers, STRANGERS) };
        if purse.spend(pace, now) {
            return true;
        }
        kept.forget(now, keep);
        if kept.brief.len() >= MOST_BRIEF {
            kept.brief.pop_front();
        }
        kept.brief.push_back(line());
        false
    }

    /// Keeps an explained refusal.
    pub(crate) fn keep(&self, refused: Refused, keep: Duration) {
        let now = refused.at;
        // Counted before the lock is taken: whoever takes a refusal down does not wait for it.
        let size = refused.size();
        let mut kept = self.lock();
        kept.forget(now, keep);
        match refused.account.as_ref().filter(|_| refused.proved).map(|(id, _)| id.clone()) {
            Some(account) => {
                if !kept.proven.contains_key(&account) && kept.proven.len() >= MOST_ACCOUNTS {
                    kept.drop_oldest_account();
                }
                kept.proven_bytes = kept.proven_bytes.saturating_add(size);
                let own = kept.proven.entry(account).or_default();
                own.push_back(refused);
                let dropped = if own.len() > MOST_OF_ACCOUNT { own.pop_front() } else { None };
                kept.proven_bytes = kept.proven_bytes.saturating_sub(dropped.map_or(0, |old| old.size()));
                // Bounded by the accounts that there are.
                while kept.proven_bytes > MOST_BYTES && kept.drop_oldest_account() {}
            }
            None => {
                kept.named_bytes = kept.named_bytes.saturating_add(size);
                kept.named.push_back(refused);
                while kept.named.len() > MOST_NAMED || kept.named_bytes > MOST_BYTES {
                    let Some(old) = kept.named.pop_front() else { break };
                    kept.named_bytes = kept.named_bytes.saturating_sub(old.size());
                }
            }
        }
    }

    /// All that are kept, the newest first.
    #[must_use]
    pub fn all(&self, now: Time, keep: Duration) -> Vec<Refused> {
        let mut kept = self.lock();
        kept.forget(now, keep);
        let mut all: Vec<Refused> =
            kept.proven.values().flatten().chain(&kept.named).chain(&kept.brief).cloned().collect();
        all.sort_by_key(|refused| std::cmp::Reverse(refused.at));
        all
    }

    /// The one with this id.
    #[must_use]
    pub fn one(&self, reject: &str, now: Time, keep: Duration) -> Option<Refused> {
        self.all(now, keep).into_iter().find(|refused| *refused.reject == *reject)
    }

    /// What the account with this id may see.
    #[must_use]
    pub fn of_account(&self, account: &str, now: Time, keep: Duration) -> OfAccount {
        let is = |refused: &Refused| refused.account.as_ref().is_some_and(|(id, _)| **id == *account);
        let (own, named): (Vec<_>, Vec<_>) =
            self.all(now, keep).into_iter().filter(is).partition(|refused| refused.proved);
        OfAccount { own, named: named.len() }
    }

    /// The explanation that the account with this id may see of its own refusal.
    #[must_use]
    pub fn told_to(&self, account: &str, reject: &str, now: Time, keep: Duration) -> Option<Arc<Value>> {
        self.of_account(account, now, keep).own.into_iter().find(|refused| *refused.reject == *reject)?.own
    }

    /// How many left no line, since another was just being kept.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Drops what is older than it is kept.
    fn forget(&mut self, now: Time, keep: Duration) {
        let span = Span::from_millis(i64::try_from(keep.as_millis()).unwrap_or(i64::MAX));
        let old = |refused: &Refused| refused.at + span < now;
        while self.named.front().is_some_and(old) {
            let size = self.named.pop_front().map_or(0, |refused| refused.size());
            self.named_bytes = self.named_bytes.saturating_sub(size);
        }
        while self.brief.front().is_some_and(old) {
            self.brief.pop_front();
        }
        let mut freed = 0_usize;
        self.proven.retain(|_, own| {
            while own.front().is_some_and(old) {
                freed = freed.saturating_add(own.pop_front().map_or(0, |refused| refused.size()));
            }
            !own.is_empty()
        });
        self.proven_bytes = self.proven_bytes.saturating_sub(freed);
    }

    /// Drops the account that was heard of the longest ago; false when there is none.
    fn drop_oldest_account(&mut self) -> bool {
        let newest = |own: &VecDeque<Refused>| own.back().map(|refused| refused.at);
        let oldest = self.proven.iter().min_by_key(|(_, own)| newest(own)).map(|(id, _)| id.clone());
        let Some(own) = oldest.and_then(|id| self.proven.remove(&id)) else { return false };
        let freed: usize = own.iter().map(Refused::size).sum();
        self.proven_bytes = self.proven_bytes.saturating_sub(freed);
        true
    }
}

impl Refused {
    /// About how many bytes it takes.
    fn size(&self) -> usize {
        let told = |value: &Option<Arc<Value>>| value.as_ref().map_or(0, |value| value.to_string().len());
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        // A tree of JSON takes about twice its text.
        256 + self.path.len() + headers + 2 * told(&self.told) + 2 * told(&self.own)
    }
}

impl Purse {
    fn spend(&mut self, pace: Pace, now: Time) -> bool {
        const WHOLE: i64 = 1000;
        let most = i64::from(pace.burst) * WHOLE;
        let passed = self.since.map_or(i64::MAX / 1_000_000, |since| now.since(since).millis().max(0));
        self.left = self.left.saturating_add(passed.saturating_mul(i64::from(pace.per_second))).min(most);
        self.since = Some(now);
        let may = self.left >= WHOLE;
        if may {
            self.left -= WHOLE;
        }
        may
    }
}

#[cfg(test)]
mod tests;
