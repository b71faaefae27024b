//! The registry in memory: answers who might have made a proof without asking any database.
pub use crate::directory::kid::{Prints, prints};

use crate::directory::index::Index;
use crate::directory::rest::Rest;
use crate::directory::seat::{ById, Seat};
use crate::model::{CompanionRecord, Record};
use dashmap::DashMap;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

mod answer;
mod apply;
pub mod build;
mod index;
mod kid;
mod look;
mod names;
mod rest;
mod seat;

/// Every row of the installation, ready to be asked. Reads never wait for the disk and hardly for writers; one account
/// changes from one state to the next in one step, so no proof is judged by half a change.
pub struct Directory {
    /// Seeded anew in each process, so that nobody can choose names that collide.
    hasher: RandomState,
    index: Index<Seat>,
    ordered: RwLock<BTreeSet<ById>>,
    companions: DashMap<[u8; 32], Vec<Arc<CompanionRecord>>>,
    /// User name to "enabled".
    users: DashMap<String, bool>,
    rest: RwLock<Rest>,
    version: AtomicU64,
    keys: AtomicUsize,
    applying: Mutex<()>,
}

/// What the index finds a seat by. Different kinds never collide but by chance, and finds are compared.
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
            ordered: RwLock::default(),
            companions: DashMap::new(),
            users: DashMap::new(),
            rest: RwLock::default(),
            version: AtomicU64::new(0),
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
        self.ordered().len()
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
        for seat in self.ordered().iter() {
            if let Some(entry) = seat.0.now.load().as_ref() {
                records.push(Record::Account(entry.account()));
                records.extend(entry.keys().map(Record::Key));
            }
        }
        records
    }

    fn hash(&self, term: &Term<'_>) -> u64 {
        self.hasher.hash_one(term)
    }

    fn seat(&self, account: &str) -> Option<Arc<Seat>> {
        self.index
            .find(self.hash(&Term::Account(account)), |seat| (*seat.id == *account).then(|| seat.clone()))
    }

    fn rest(&self) -> RwLockReadGuard<'_, Rest> {
        self.rest.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn rest_mut(&self) -> RwLockWriteGuard<'_, Rest> {
        self.rest.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn ordered(&self) -> RwLockReadGuard<'_, BTreeSet<ById>> {
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
