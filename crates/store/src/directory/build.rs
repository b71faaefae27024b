//! Fills an empty directory from several threads at once: rows come in any order and become accounts at the end.
use crate::directory::kid::{self, Prints};
use crate::directory::seat::{ById, Entry, Part, Seat, part};
use crate::directory::{Directory, Term};
use crate::fault::Fault;
use crate::model::{Account, Identifier, KeyRecord, Loaded, Record, Write};
use dashmap::DashMap;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::{Arc, PoisonError};

/// Names that a caller with one key is found by: id, name, identifier, the key's id and its four fingerprints.
const NAMES: usize = 8;

/// A directory that is being filled.
pub struct Builder {
    directory: Directory,
    arriving: DashMap<Box<str>, Arriving>,
}

/// An account of which some rows have come.
struct Arriving {
    seat: Arc<Seat>,
    account: Option<Account>,
    identifiers: Vec<(i64, Identifier)>,
    parts: Vec<Part>,
}

impl Builder {
    /// An empty one with room for about as many rows.
    #[must_use]
    pub fn new(rows: usize) -> Self {
        let directory = Directory::empty();
        directory.index.reserve(rows.saturating_mul(NAMES / 2));
        Self { directory, arriving: DashMap::with_capacity(rows / 2) }
    }

    /// Takes up a row; each row comes once.
    ///
    /// # Errors
    /// [`Fault`] when it cannot be read; its text names the row.
    pub fn put(&self, record: Record) -> Result<(), Fault> {
        match record {
            Record::Account(account) => {
                self.account(account);
                Ok(())
            }
            Record::Key(key) => self.key(&key, None),
            other => {
                let mut rest = self.directory.rest_mut();
                self.directory.apply_hot(&Write::Put(other.clone()));
                rest.put(&other);
                Ok(())
            }
        }
    }

    /// Takes up an account.
    pub fn account(&self, account: Account) {
        if account.role.is_some() {
            self.directory.rest_mut().put(&Record::Account(account.clone()));
        }
        let (by_id, by_name) = (Term::Account(&account.id), Term::Name(&account.name));
        let mut hashes = vec![self.directory.hash(&by_id), self.directory.hash(&by_name)];
        hashes.extend(account.identifiers.iter().map(|own| self.identifier_hash(own)));
        let id = account.id.clone();
        let seat = self.arriving(&id, |arriving| {
            arriving.account = Some(account);
            arriving.seat.clone()
        });
        self.lead(&hashes, &seat);
    }

    /// Takes up an identifier that its account does not carry; `place` orders those of one account.
    pub fn identifier(&self, account: &str, place: i64, identifier: Identifier) {
        let hash = self.identifier_hash(&identifier);
        let seat = self.arriving(account, |arriving| {
            arriving.identifiers.push((place, identifier));
            arriving.seat.clone()
        });
        self.lead(&[hash], &seat);
    }

    /// Takes up a key, with what it is found by where that was kept.
    ///
    /// # Errors
    /// [`Fault`] when the row cannot be read; its text names the row.
    pub fn key(&self, key: &KeyRecord, prints: Option<Prints>) -> Result<(), Fault> {
        let part = part(key)?;
        let prints = prints.unwrap_or_else(|| kid::prints(part.0.compact()));
        let by_print = prints.iter().map(|print| self.directory.hash(&Term::Digest(print)));
        let hashes: Vec<u64> = by_print.chain([self.directory.hash(&Term::Key(&key.id))]).collect();
        let seat = self.arriving(&key.account, |arriving| {
            arriving.parts.push(part);
            arriving.seat.clone()
        });
        self.lead(&hashes, &seat);
        Ok(())
    }

    /// The directory, once all rows have come.
    ///
    /// # Errors
    /// [`Fault`] when a key or an identifier has no account.
    pub fn finish(self, version: u64) -> Result<Directory, Fault> {
        let Self { directory, arriving } = self;
        let mut all: Vec<Arriving> = arriving.into_iter().map(|(_, arriving)| arriving).collect();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let part = all.len().div_ceil(threads).max(1);
        let seats = std::thread::scope(|scope| {
            let mut works = Vec::new();
            while !all.is_empty() {
                let work = all.split_off(all.len().saturating_sub(part));
                works.push(scope.spawn(|| directory.settle(work)));
            }
            let mut seats = Vec::new();
            for work in works {
                let settled = work.join();
                seats.extend(settled.map_err(|_| Fault::new("a thread that read the registry broke"))??);
            }
            Ok::<_, Fault>(seats)
        })?;
        *directory.ordered.write().unwrap_or_else(PoisonError::into_inner) =
            seats.into_iter().map(ById).collect();
        directory.version.store(version, Release);
        Ok(directory)
    }

    fn identifier_hash(&self, own: &Identifier) -> u64 {
        self.directory.hash(&Term::Identifier(&own.namespace, &own.value))
    }

    fn lead(&self, hashes: &[u64], seat: &Arc<Seat>) {
        hashes.iter().for_each(|hash| self.directory.index.insert(*hash, seat));
    }

    fn arriving<R>(&self, account: &str, change: impl FnOnce(&mut Arriving) -> R) -> R {
        if let Some(mut there) = self.arriving.get_mut(account) {
            return change(&mut there);
        }
        let new = || Arriving {
            seat: Seat::new(account),
            account: None,
            identifiers: Vec::new(),
            parts: Vec::new(),
        };
        change(&mut self.arriving.entry(account.into()).or_insert_with(new))
    }
}

impl Directory {
    /// Takes up everything that a registry holds.
    ///
    /// # Errors
    /// [`Fault`] when a row cannot be read; its text names the row.
    pub fn load(loaded: Loaded) -> Result<Self, Fault> {
        let builder = Builder::new(loaded.records.len());
        for record in loaded.records {
            builder.put(record)?;
        }
        builder.finish(loaded.version)
    }

    /// Makes accounts of what has come; gives their seats.
    fn settle(&self, work: Vec<Arriving>) -> Result<Vec<Arc<Seat>>, Fault> {
        let mut seats = Vec::with_capacity(work.len());
        for Arriving { seat, account, mut identifiers, parts } in work {
            let Some(mut account) = account else {
                return Err(Fault::new(format!("wanted an account {} for its rows, found none", seat.id)));
            };
            identifiers.sort_by_key(|(place, _)| *place);
            account.identifiers.extend(identifiers.into_iter().map(|(_, identifier)| identifier));
            let organisation = account.organisation.as_deref().and_then(|id| self.organisation(id));
            self.keys.fetch_add(parts.len(), Relaxed);
            let entry = Entry::new(&account, organisation.as_ref().map(|row| row.name.as_str()), parts);
            seat.now.store(Some(Arc::new(entry)));
            seats.push(seat);
        }
        Ok(seats)
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Builder({} accounts)", self.arriving.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::time::Time;

    #[test]
    fn rows_without_an_account_are_a_fault_that_names_it() {
        let builder = Builder::new(0);
        let identifier = Identifier { namespace: "email".into(), value: "a@b".into() };
        builder.identifier("acc_gone", 0, identifier);
        let fault = builder.finish(1).unwrap_err().to_string();
        assert!(fault.contains("acc_gone"), "{fault}");
    }

    #[test]
    fn identifiers_stand_by_place_whenever_they_come() {
        let builder = Builder::new(0);
        let identifier = |value: &str| Identifier { namespace: "email".into(), value: value.into() };
        builder.identifier("acc_a", 1, identifier("second"));
        builder.account(Account {
            id: "acc_a".into(),
            name: "a".into(),
            organisation: None,
            enabled: true,
            identifiers: Vec::new(),
            acts_as: Vec::new(),
            paths: Vec::new(),
            jwks_url: None,
            role: None,
            created: Time::from_seconds(1),
        });
        builder.identifier("acc_a", 0, identifier("first"));
        let directory = builder.finish(3).unwrap();
        let account = directory.account_by_identifier("email", "second").unwrap();
        assert_eq!(account.identifiers, [identifier("first"), identifier("second")]);
        assert_eq!((directory.version(), directory.account_count()), (3, 1));
    }
}
