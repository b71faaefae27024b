//! The registry in memory: answers who might have made a proof without asking any database.
pub use crate::directory::kid::{Prints, prints};

use crate::directory::cells::Cells;
use crate::directory::chunks::Chunks;
use crate::directory::entry::Entry;
use crate::directory::index::Index;
use crate::directory::order::Order;
use crate::directory::rest::Rest;
use crate::model::{CompanionRecord, Record};
use dashmap::DashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

mod answer;
mod apply;
pub mod build;
mod cells;
mod chunks;
mod entry;
mod index;
mod kid;
mod look;
mod names;
mod order;
mod packed;
mod rest;
mod row;
mod thaw;
mod written;

/// Every row of the installation, ready to be asked. Reads never wait for the disk and hardly for writers; one account
/// changes from one state to the next in one step, so no proof is judged by half a change.
///
/// An account is packed, a few hundred bytes, until a request first needs it; from then on it is kept ready for use.
pub struct Directory {
    /// Seeded anew in each process, so that nobody can choose names that collide.
    hasher: RandomState,
    /// Leads to cells: accounts keep their places, so no entry changes when an account does.
    index: Index,
    cells: Cells,
    chunks: Chunks,
    ordered: RwLock<Order>,
    companions: DashMap<[u8; 32], Vec<Arc<CompanionRecord>>>,
    /// User name to "enabled".
    users: DashMap<String, bool>,
    rest: RwLock<Rest>,
    version: AtomicU64,
    accounts: AtomicUsize,
    keys: AtomicUsize,
    /// Held by whoever changes anything; the places of accounts that wait to be packed.
    applying: Mutex<Vec<u32>>,
}

/// What the index finds a place by. Different kinds never collide but by chance, and finds are compared.
#[derive(Hash)]
enum Term<'a> {
    Account(&'a str),
    Name(&'a str),
    Identifier(&'a str, &'a str),
    Key(&'a str),
    /// Half of a digest.
    Digest(&'a [u8; 16]),
}

impl Directory {
    /// An installation without a row, at version 0.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            hasher: RandomState::new(),
            index: Index::new(),
            cells: Cells::new(),
            chunks: Chunks::new(),
            ordered: RwLock::default(),
            companions: DashMap::new(),
            users: DashMap::new(),
            rest: RwLock::default(),
            version: AtomicU64::new(0),
            accounts: AtomicUsize::new(0),
            keys: AtomicUsize::new(0),
            applying: Mutex::default(),
        }
    }

    /// The version of the registry that this shows.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// How many accounts there are.
    #[must_use]
    pub fn account_count(&self) -> usize {
        self.accounts.load(Ordering::Relaxed)
    }

    /// How many keys there are, live or not.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    /// Every row, accounts before their keys; for comparing and copying.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        {
            let rest = self.rest();
            records.extend(rest.organisations.values().cloned().map(Record::Organisation));
            records.extend(rest.users.values().cloned().map(Record::User));
            records
                .extend(rest.companions.values().map(|row| Record::Companion(CompanionRecord::clone(row))));
            records.extend(rest.organisations.keys().flat_map(|id| rest.members_of(id)).map(Record::Member));
            records.extend(rest.join_codes.values().cloned().map(Record::JoinCode));
            records.extend(rest.secrets.values().cloned().map(Record::Secret));
        }
        for entry in self.ordered().iter().filter_map(|place| self.peek(place)) {
            records.push(Record::Account(entry.account()));
            records.extend(entry.keys().map(Record::Key));
        }
        records
    }

    /// No more of a hash than the index keeps: two terms of one account are either one entry to all who add and remove it, or two.
    fn hash(&self, term: &Term<'_>) -> u64 {
        self.hasher.hash_one(term) & index::KEPT
    }

    /// The place of an account, by its id: for whoever changes the directory. To others it may be another's a moment later; they
    /// ask [`Self::with_account`].
    fn place(&self, account: &str) -> Option<u32> {
        let is = |place| self.with_id(place, |id| *id == *account).unwrap_or(false);
        self.index.find(self.hash(&Term::Account(account)), |place| is(place).then_some(place))
    }

    /// The first account under a term that holds it, ready for use.
    fn holder(&self, term: &Term<'_>, holds: impl Fn(&Entry) -> bool) -> Option<(u32, Arc<Entry>)> {
        self.index.find(self.hash(term), |place| {
            let entry = self.may_hold(place, term).then(|| self.entry(place))??;
            holds(&entry).then_some((place, entry))
        })
    }

    /// The account with an id, ready for use.
    fn with_account(&self, id: &str) -> Option<Arc<Entry>> {
        self.holder(&Term::Account(id), |entry| *entry.caller.id == *id).map(|(_, entry)| entry)
    }

    fn rest(&self) -> RwLockReadGuard<'_, Rest> {
        self.rest.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn rest_mut(&self) -> RwLockWriteGuard<'_, Rest> {
        self.rest.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn ordered(&self) -> RwLockReadGuard<'_, Order> {
        self.ordered.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Directory({} accounts, {} keys, version {})",
            self.account_count(),
            self.key_count(),
            self.version()
        )
    }
}

#[cfg(test)]
mod tests;
