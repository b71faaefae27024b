//! Fills an empty directory from several threads at once: rows are packed as they come, and the index is made at the end.
pub use crate::directory::row::{AccountRow, KeyRow};

use crate::directory::cells::{Cell, PART, Rows};
use crate::directory::chunks::Pen;
use crate::directory::index::{self, SHARDS, shard_of};
use crate::directory::kid::{self, Prints};
use crate::directory::order::Order;
use crate::directory::packed;
use crate::directory::{Directory, Term};
use crate::fault::Fault;
use crate::model::{Identifier, KeyRecord, Loaded, Record, Write};
use countersign_keys::CompactKey;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::{Arc, Mutex, PoisonError};

/// Entries beside which starting a thread costs more than it saves.
const FEW: usize = 20_000;

/// A directory that is being filled.
pub struct Builder {
    directory: Directory,
    /// What loaders have taken up and indexed nowhere yet.
    shares: Mutex<Vec<Share>>,
}

/// Takes up rows on one thread. What it took up counts once it is [done](Loader::done).
pub struct Loader<'b> {
    directory: &'b Directory,
    shares: &'b Mutex<Vec<Share>>,
    share: Share,
    pen: Pen,
    /// Cells for the next accounts, and the place of the first.
    cells: Option<(u32, Arc<[Cell]>)>,
    used: u32,
    bytes: Vec<u8>,
}

/// What one loader leaves to be done when all rows have come.
struct Share {
    /// Entries of the index, by shards.
    entries: Vec<Vec<u64>>,
    /// Places of accounts.
    accounts: Vec<u32>,
    keys: usize,
    /// Rows that came before their accounts could be seen.
    early: Vec<Early>,
}

enum Early {
    Identifier(String, i64, Identifier),
    Key(Box<KeyRecord>, Option<Prints>),
}

impl Builder {
    /// An empty one with room for about as many accounts.
    #[must_use]
    pub fn new(accounts: usize) -> Self {
        let directory = Directory::empty();
        if accounts > FEW {
            directory.index.reserve(accounts);
        }
        Self { directory, shares: Mutex::default() }
    }

    /// Takes up rows on the thread that asks; each thread has its own. Accounts that a loader is [done](Loader::done)
    /// with are seen by all others, so it saves work to take up accounts first.
    pub fn loader(&self) -> Loader<'_> {
        Loader::new(&self.directory, &self.shares)
    }

    /// Takes up a row that is neither an account, an identifier nor a key; those are for a [`Loader`].
    pub fn put(&self, record: &Record) {
        let mut rest = self.directory.rest_mut();
        self.directory.apply_hot(&Write::Put(record.clone()));
        rest.put(record);
    }

    /// The directory, once all rows have come.
    ///
    /// # Errors
    /// [`Fault`] when a key or an identifier has no account.
    pub fn finish(self, version: u64) -> Result<Directory, Fault> {
        self.take_early()?;
        let shares = self.shares.into_inner().unwrap_or_else(PoisonError::into_inner);
        let directory = self.directory;
        let entries: usize = shares.iter().flat_map(|share| &share.entries).map(Vec::len).sum();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let next = std::sync::atomic::AtomicUsize::new(0);
        let index = || {
            loop {
                let shard = next.fetch_add(1, Relaxed);
                if shard >= SHARDS {
                    break;
                }
                let entries = shares.iter().filter_map(|share| share.entries.get(shard));
                directory.index.fill(shard, &entries.map(Vec::as_slice).collect::<Vec<_>>());
            }
        };
        let order = std::thread::scope(|scope| {
            if entries > FEW {
                (1..threads).for_each(|_| drop(scope.spawn(index)));
            }
            // Sorted beside the others, who then make the index; what is left of that is made here.
            let order = directory.sorted(&shares);
            index();
            order
        });
        *directory.ordered.write().unwrap_or_else(PoisonError::into_inner) = order;
        let keys = shares.iter().map(|share| share.keys).sum();
        let accounts = shares.iter().map(|share| share.accounts.len()).sum();
        directory.keys.store(keys, Relaxed);
        directory.accounts.store(accounts, Relaxed);
        directory.version.store(version, Release);
        Ok(directory)
    }

    /// Takes up what came before its account, now that all are there.
    fn take_early(&self) -> Result<(), Fault> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let early: Vec<Early> =
            shares.iter_mut().flat_map(|share| std::mem::take(&mut share.early)).collect();
        drop(shares);
        if early.is_empty() {
            return Ok(());
        }
        let mut loader = self.loader();
        for row in early {
            let account = match row {
                Early::Identifier(account, place, identifier) => {
                    loader.identifier(&account, place, &identifier.namespace, &identifier.value)?;
                    account
                }
                Early::Key(key, prints) => {
                    loader.key(&KeyRow::from(&*key), prints)?;
                    key.account
                }
            };
            if !loader.share.early.is_empty() {
                return Err(Fault::new(format!("wanted an account {account} for its rows, found none")));
            }
        }
        loader.done();
        Ok(())
    }
}

impl<'b> Loader<'b> {
    fn new(directory: &'b Directory, shares: &'b Mutex<Vec<Share>>) -> Self {
        let share = Share {
            entries: std::iter::repeat_with(Vec::new).take(SHARDS).collect(),
            accounts: Vec::new(),
            keys: 0,
            early: Vec::new(),
        };
        Self { directory, shares, share, pen: Pen::new(), cells: None, used: 0, bytes: Vec::new() }
    }

    /// Takes up an account; each comes once.
    ///
    /// # Errors
    /// [`Fault`] when there are more rows than this program holds.
    pub fn account(&mut self, row: &AccountRow<'_>) -> Result<(), Fault> {
        let directory = self.directory;
        self.bytes.clear();
        packed::write_account(row, &mut self.bytes);
        let written = self.pen.write(&directory.chunks, &self.bytes).ok_or_else(full)?;
        if self.cells.is_none() || self.used == PART {
            (self.cells, self.used) = (Some(directory.cells.grow().ok_or_else(full)?), 0);
        }
        let (first, cells) = self.cells.as_ref().ok_or_else(full)?;
        let place = first.saturating_add(self.used);
        let cell = usize::try_from(self.used).ok().and_then(|used| cells.get(used)).ok_or_else(full)?;
        cell.set_rows(Rows { account: written, ..Rows::NONE });
        self.used = self.used.saturating_add(1);
        if row.role.is_some() {
            directory.rest_mut().operators.insert(row.id.to_owned());
        }
        // Led to at once, so that keys and identifiers find it.
        directory.index.insert(directory.hash(&Term::Account(row.id)), place);
        self.lead(&Term::Name(row.name), place);
        self.share.accounts.push(place);
        Ok(())
    }

    /// Takes up an identifier; `place` orders those of one account.
    ///
    /// # Errors
    /// [`Fault`] when there are more rows than this program holds.
    pub fn identifier(
        &mut self,
        account: &str,
        place: i64,
        namespace: &str,
        value: &str,
    ) -> Result<(), Fault> {
        let Some(owner) = self.place(account) else {
            let identifier = Identifier { namespace: namespace.to_owned(), value: value.to_owned() };
            self.share.early.push(Early::Identifier(account.to_owned(), place, identifier));
            return Ok(());
        };
        self.bytes.clear();
        packed::write_identifier(place, (namespace, value), &mut self.bytes);
        let Self { directory, pen, bytes, .. } = self;
        pen.write_linked(&directory.chunks, bytes, |row| {
            directory.cells.at(owner, |cell| Some(cell.push_identifier(row)))
        })
        .ok_or_else(full)?;
        self.lead(&Term::Identifier(namespace, value), owner);
        Ok(())
    }

    /// Takes up a key, with what it is found by where that was kept.
    ///
    /// # Errors
    /// [`Fault`] when the row cannot be read; its text names the row.
    pub fn key(&mut self, row: &KeyRow<'_>, prints: Option<Prints>) -> Result<(), Fault> {
        self.bytes.clear();
        packed::write_key(row, &mut self.bytes)?;
        let Some(owner) = self.place(row.account) else {
            self.share.early.push(Early::Key(Box::new(row.to_record()), prints));
            return Ok(());
        };
        let Self { directory, pen, bytes, .. } = self;
        pen.write_linked(&directory.chunks, bytes, |row| {
            directory.cells.at(owner, |cell| Some(cell.push_key(row)))
        })
        .ok_or_else(full)?;
        let prints = match prints {
            Some(prints) => prints,
            None => CompactKey::from_spki_der(row.spki).map(|key| kid::prints(&key)).unwrap_or_default(),
        };
        self.lead(&Term::Key(row.id), owner);
        for print in &prints {
            self.lead(&Term::Digest(print), owner);
        }
        self.share.keys += 1;
        Ok(())
    }

    /// Takes up an account or a key as a record.
    ///
    /// # Errors
    /// [`Fault`] when it cannot be read; its text names the row.
    fn record(&mut self, record: &Record) -> Result<(), Fault> {
        match record {
            Record::Account(account) => {
                self.account(&AccountRow::from(account))?;
                for (place, own) in (0..).zip(&account.identifiers) {
                    self.identifier(&account.id, place, &own.namespace, &own.value)?;
                }
                Ok(())
            }
            Record::Key(key) => self.key(&KeyRow::from(key), None),
            _ => Ok(()),
        }
    }

    /// Shows what was taken up to the other loaders.
    pub fn done(mut self) {
        self.pen.show(&self.directory.chunks);
        if let Some((first, _)) = self.cells.take() {
            let unused = first.saturating_add(self.used)..first.saturating_add(PART);
            self.directory.cells.give_back(unused.rev());
        }
        self.shares.lock().unwrap_or_else(PoisonError::into_inner).push(self.share);
    }

    fn lead(&mut self, term: &Term<'_>, place: u32) {
        let hash = self.directory.hash(term);
        if let Some(entries) = self.share.entries.get_mut(shard_of(hash)) {
            entries.push(index::entry(hash, place));
        }
    }

    /// The place of an account whose row can be seen.
    fn place(&self, account: &str) -> Option<u32> {
        let directory = self.directory;
        let is = |place| {
            let row = directory.cells.at(place, |cell| Some(cell.rows().account))?;
            self.pen.read(&directory.chunks, row, |row| Some(packed::account_id(row)? == account))
        };
        let hash = directory.hash(&Term::Account(account));
        directory.index.find(hash, |place| is(place)?.then_some(place))
    }
}

fn full() -> Fault {
    Fault::new(
        "wanted room for another row, found sixteen gigabytes full; spread the accounts over installations",
    )
}

impl Directory {
    /// Takes up everything that a registry holds.
    ///
    /// # Errors
    /// [`Fault`] when a row cannot be read; its text names the row.
    pub fn load(loaded: Loaded) -> Result<Self, Fault> {
        let builder = Builder::new(loaded.records.len() / 2);
        let mut loader = builder.loader();
        for record in loaded.records {
            match record {
                Record::Account(_) | Record::Key(_) => loader.record(&record)?,
                other => builder.put(&other),
            }
        }
        loader.done();
        builder.finish(loaded.version)
    }

    /// The places of all accounts in the order of their ids.
    fn sorted(&self, shares: &[Share]) -> Order {
        let mut places: Vec<u32> = shares.iter().flat_map(|share| &share.accounts).copied().collect();
        // Ids sort by age, so most are in order as they come.
        places.sort_by(|one, other| {
            self.with_id(*one, |one| self.stands(*other, one).reverse()).unwrap_or(std::cmp::Ordering::Equal)
        });
        Order::new(&places)
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Builder({:?})", self.directory)
    }
}

impl std::fmt::Debug for Loader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Loader({} accounts)", self.share.accounts.len())
    }
}

#[cfg(test)]
mod tests;
