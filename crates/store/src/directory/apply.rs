//! How the directory changes: a unit of writes becomes one new state of each account it touches.
use crate::directory::cells::Rows;
use crate::directory::entry::{Entry, Part, part};
use crate::directory::order::Order;
use crate::directory::rest::Rest;
use crate::directory::{Directory, Term, kid};
use crate::fault::Fault;
use crate::model::{Account, CompanionRecord, KeyRecord, Loaded, Record, Write};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLockWriteGuard};

/// What a unit does to one account.
#[derive(Default)]
struct Touched<'w> {
    account: Option<&'w Account>,
    deleted: bool,
    put: Vec<Part>,
    dropped: Vec<&'w str>,
}

impl Directory {
    /// Takes up a unit that the registry has written. Calls must come one after another, in the order of versions.
    ///
    /// # Errors
    /// [`Fault`] when a row cannot be read or has no account; nothing has changed then.
    pub fn apply(&self, writes: &[Write], version: u64) -> Result<(), Fault> {
        let mut fresh = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        let mut touched: HashMap<&str, Touched<'_>> = HashMap::new();
        for write in writes {
            self.sort_out(write, &mut touched)?;
        }
        for (id, change) in &touched {
            if !change.put.is_empty() && change.account.is_none() && self.place(id).is_none() {
                return Err(Fault::new(format!("wanted an account {id} for its keys, found none")));
            }
        }
        self.apply_rest(writes);
        for (id, change) in touched {
            fresh.extend(self.change(id, change));
        }
        self.pack_fresh(&mut fresh);
        self.version.store(version, Ordering::Release);
        Ok(())
    }

    /// Becomes what the registry holds now, changing only what differs; for units that another process wrote.
    ///
    /// # Errors
    /// [`Fault`] when a row cannot be read; nothing has changed then.
    pub fn reload(&self, loaded: Loaded) -> Result<(), Fault> {
        let mut before: HashMap<Vec<String>, Record> =
            self.records().into_iter().map(|record| (place(&record), record)).collect();
        let mut writes = Vec::new();
        for record in loaded.records {
            match before.remove(&place(&record)) {
                Some(known) if same(&known, &record) => {}
                _ => writes.push(Write::Put(record)),
            }
        }
        writes.extend(before.into_values().map(Write::Delete));
        self.apply(&writes, loaded.version)
    }

    fn sort_out<'w>(
        &self,
        write: &'w Write,
        touched: &mut HashMap<&'w str, Touched<'w>>,
    ) -> Result<(), Fault> {
        // Of several writes to one row, the last counts.
        match write {
            Write::Put(Record::Account(account)) => {
                let change = touched.entry(&account.id).or_default();
                (change.account, change.deleted) = (Some(account), false);
            }
            Write::Delete(Record::Account(account)) => {
                touched.entry(&account.id).or_default().deleted = true;
            }
            Write::Put(Record::Key(key)) => {
                let part = self.keep_last_use(key)?;
                let change = touched.entry(&key.account).or_default();
                change.put.retain(|(other, _)| *other.id != *key.id);
                change.put.push(part);
            }
            Write::Delete(Record::Key(key)) => {
                let change = touched.entry(&key.account).or_default();
                change.put.retain(|(other, _)| *other.id != *key.id);
                change.dropped.push(&key.id);
            }
            _ => {}
        }
        Ok(())
    }

    /// A new state of a key keeps a use that was noted since the row was read.
    fn keep_last_use(&self, key: &KeyRecord) -> Result<Part, Fault> {
        let part = part(key)?;
        if let Some((_, entry)) = self.owner(&key.id)
            && let Some(known) = entry.caller.keys.iter().find(|known| *known.id == *key.id)
            && known.last_used() > part.0.last_used()
        {
            part.0.touch(countersign::time::Time::from_seconds(known.last_used()));
        }
        Ok(part)
    }

    /// Gives an account its next state; gives its place when it is new.
    fn change(&self, id: &str, change: Touched<'_>) -> Option<u32> {
        let known = self.place(id);
        let before = known.and_then(|place| self.peek(place));
        let account = match (change.deleted, change.account, &before) {
            (true, ..) | (_, None, None) => None,
            (_, Some(account), _) => Some(account.clone()),
            (_, None, Some(entry)) => Some(entry.account()),
        };
        let Some(account) = account else {
            if let (Some(place), Some(before)) = (known, before) {
                self.remove(place, &before);
            }
            return None;
        };
        let place = known.or_else(|| self.cells.take())?;
        let entry = {
            // Uses noted since then are in the parts that are taken along.
            let _lock = self.cells.lock(place);
            let before = self.cells.at(place, |cell| self.current(cell));
            let mut parts: Vec<Part> =
                before.as_ref().map(|entry| entry.parts().collect()).unwrap_or_default();
            let replaced = |key: &str| change.put.iter().any(|(new, _)| *new.id == *key);
            parts.retain(|(key, _)| !replaced(&key.id) && !change.dropped.contains(&&*key.id));
            parts.extend(change.put);
            let organisation = account.organisation.as_deref().and_then(|id| self.organisation(id));
            let organisation = organisation.as_ref().map(|row| row.name.as_str());
            let entry = Arc::new(Entry::new(&account, organisation, parts));
            self.show(place, Some(entry.clone()));
            entry
        };
        // New names lead here before old ones stop doing so; what is found is compared, so neither ever misleads.
        let wanted = self.hashes(&entry);
        let had = before.as_deref().map(|before| self.hashes(before)).unwrap_or_default();
        for hash in &wanted {
            self.index.insert(*hash, place);
        }
        for hash in had.iter().filter(|hash| !wanted.contains(hash)) {
            self.index.remove(*hash, place);
        }
        self.recount(before.as_deref(), Some(&entry));
        if before.is_none() {
            self.ordered_mut().insert(place, |other| self.stands(other, id));
        }
        before.is_none().then_some(place)
    }

    fn remove(&self, place: u32, before: &Entry) {
        // First, since the order is told by the ids of what is there.
        self.ordered_mut().remove(place, |other| self.stands(other, &before.caller.id));
        {
            let _lock = self.cells.lock(place);
            let _: Option<()> = self.cells.at(place, |cell| {
                cell.set_rows(Rows::NONE);
                cell.now.store(None);
                None
            });
        }
        for hash in self.hashes(before) {
            self.index.remove(hash, place);
        }
        self.recount(Some(before), None);
        self.cells.give_back([place]);
    }

    /// Shows a state of an account; its cell's lock is held.
    fn show(&self, place: u32, entry: Option<Arc<Entry>>) {
        let _: Option<()> = self.cells.at(place, |cell| {
            cell.now.store(entry);
            None
        });
    }

    fn ordered_mut(&self) -> RwLockWriteGuard<'_, Order> {
        self.ordered.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn recount(&self, before: Option<&Entry>, after: Option<&Entry>) {
        let count = |entry: Option<&Entry>| entry.map_or(0, |entry| entry.caller.keys.len());
        self.keys.fetch_add(count(after), Ordering::Relaxed);
        self.keys.fetch_sub(count(before), Ordering::Relaxed);
        self.accounts.fetch_add(usize::from(after.is_some()), Ordering::Relaxed);
        self.accounts.fetch_sub(usize::from(before.is_some()), Ordering::Relaxed);
    }

    /// Everything an account can be found by.
    fn hashes(&self, entry: &Entry) -> Vec<u64> {
        let caller = &entry.caller;
        let mut hashes = vec![self.hash(&Term::Account(&caller.id)), self.hash(&Term::Name(&caller.name))];
        for (namespace, value) in entry.identifiers.iter() {
            hashes.push(self.hash(&Term::Identifier(namespace, value)));
        }
        for key in &caller.keys {
            hashes.push(self.hash(&Term::Key(&key.id)));
            hashes.extend(
                kid::digests(key.compact()).map(|digest| self.hash(&Term::Digest(&kid::print(&digest)))),
            );
        }
        hashes
    }

    /// Everything but accounts' states: done first, so that accounts find their organisation's name.
    fn apply_rest(&self, writes: &[Write]) {
        let mut renamed = Vec::new();
        let mut rest = self.rest_mut();
        for write in writes {
            match write {
                Write::Put(record) => {
                    if let Record::Organisation(organisation) = record
                        && let Some(before) = rest.organisations.get(&organisation.id)
                        && before.name != organisation.name
                    {
                        renamed.extend(rest.members_of(&organisation.id).map(|member| member.account));
                    }
                    self.forget_companion(&rest, record);
                    rest.put(record);
                }
                Write::Delete(record) => {
                    self.forget_companion(&rest, record);
                    rest.delete(record);
                }
            }
            self.apply_hot(write);
        }
        drop(rest);
        // Their callers carry the organisation's name.
        for account in renamed {
            self.rename_organisation(&account);
        }
    }

    /// Takes up the new name of an account's organisation, unless it is packed and will ask for it.
    fn rename_organisation(&self, account: &str) {
        let Some(place) = self.place(account) else { return };
        let _lock = self.cells.lock(place);
        let ready = self.cells.at(place, |cell| cell.now.load_full());
        if let Some(before) = ready {
            let account = before.account();
            let organisation = account.organisation.as_deref().and_then(|id| self.organisation(id));
            let name = organisation.as_ref().map(|row| row.name.as_str());
            self.show(place, Some(Arc::new(Entry::new(&account, name, before.parts().collect()))));
        }
    }

    pub(super) fn apply_hot(&self, write: &Write) {
        match write {
            Write::Put(Record::User(user)) => {
                self.users.insert(user.name.clone(), user.enabled);
            }
            Write::Delete(Record::User(user)) => {
                self.users.remove(&user.name);
            }
            Write::Put(Record::Companion(row)) => {
                if let Some(digest) = kid::digest(&row.digest) {
                    self.companions.entry(digest).or_default().push(Arc::new(row.clone()));
                }
            }
            _ => {}
        }
    }

    /// A companion key about to be replaced or removed is no longer found by the digest it had.
    fn forget_companion(&self, rest: &Rest, record: &Record) {
        if let Record::Companion(CompanionRecord { id, .. }) = record
            && let Some(before) = rest.companions.get(id)
            && let Some(digest) = kid::digest(&before.digest)
        {
            if let Some(mut rows) = self.companions.get_mut(&digest) {
                rows.retain(|other| other.id != *id);
            }
            self.companions.remove_if(&digest, |_, rows| rows.is_empty());
        }
    }
}

/// Where a row belongs: its kind and its key.
fn place(record: &Record) -> Vec<String> {
    let (kind, keys): (&str, Vec<&String>) = match record {
        Record::Organisation(row) => ("organisation", vec![&row.id]),
        Record::Account(row) => ("account", vec![&row.id]),
        Record::Key(row) => ("key", vec![&row.id]),
        Record::Companion(row) => ("companion", vec![&row.id]),
        Record::User(row) => ("user", vec![&row.name]),
        Record::Member(row) => ("member", vec![&row.organisation, &row.account]),
        Record::JoinCode(row) => ("join-code", vec![&row.digest]),
        Record::Secret(row) => ("secret", vec![&row.name]),
    };
    std::iter::once(kind.to_owned()).chain(keys.into_iter().cloned()).collect()
}

/// Whether two rows say the same, last uses aside: those are no change of the registry.
fn same(one: &Record, other: &Record) -> bool {
    match (one, other) {
        (Record::Key(one), Record::Key(other)) => {
            let plain = |key: &KeyRecord| KeyRecord { last_used: None, last_address: None, ..key.clone() };
            plain(one) == plain(other)
        }
        _ => one == other,
    }
}
