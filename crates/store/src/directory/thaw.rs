//! From packed rows to an account ready for use, when a request first needs it, and back again for new accounts at rest.
use crate::directory::cells::{Cell, NO_ROW, Rows};
use crate::directory::chunks::Pen;
use crate::directory::entry::Entry;
use crate::directory::packed;
use crate::directory::row::{AccountRow, KeyRow};
use crate::directory::{Directory, Term};
use crate::fault::Fault;
use crate::model::Account;
use std::sync::Arc;

/// New accounts that wait to be packed: enough to fill a piece of memory.
const FRESH: usize = 2048;

impl Directory {
    /// The account at a place, ready for use from now on.
    pub(super) fn entry(&self, place: u32) -> Option<Arc<Entry>> {
        if let Some(entry) = self.cells.at(place, |cell| cell.now.load_full()) {
            return Some(entry);
        }
        // Nobody changes the account meanwhile, so what was read is what counts when it is shown.
        let _lock = self.cells.lock(place)?;
        self.cells.at(place, |cell| {
            let entry = self.current(cell)?;
            cell.now.store(Some(entry.clone()));
            Some(entry)
        })
    }

    /// The account at a place as it is now, for a look that leaves it packed.
    pub(super) fn peek(&self, place: u32) -> Option<Arc<Entry>> {
        let _lock = self.cells.lock(place)?;
        self.cells.at(place, |cell| self.current(cell))
    }

    /// The account in a cell, whose lock is held.
    pub(super) fn current(&self, cell: &Cell) -> Option<Arc<Entry>> {
        cell.now.load_full().or_else(|| self.unpacked(cell.rows()).map(Arc::new))
    }

    fn unpacked(&self, rows: Rows) -> Option<Entry> {
        let mut account = self.packed_account(rows)?;
        let mut identifiers = Vec::new();
        let _: Option<()> = self.each_identifier(rows, |place, namespace, value| {
            identifiers.push((
                place,
                crate::model::Identifier { namespace: namespace.to_owned(), value: value.to_owned() },
            ));
            None
        });
        identifiers.sort_by_key(|(place, _)| *place);
        account.identifiers = identifiers.into_iter().map(|(_, identifier)| identifier).collect();
        let mut parts = Vec::new();
        let mut row = rows.keys;
        // Each row leads to one that was written before it, so this ends.
        while row != NO_ROW {
            let (next, part) = self.chunks.read(row, packed::read_key)?;
            parts.push(part);
            row = next;
        }
        let organisation = account.organisation.as_deref().and_then(|id| self.organisation(id));
        Some(Entry::new(&account, organisation.as_ref().map(|row| row.name.as_str()), parts))
    }

    /// The account's row, without its identifiers.
    pub(super) fn packed_account(&self, rows: Rows) -> Option<Account> {
        if rows.account == NO_ROW { None } else { self.chunks.read(rows.account, packed::read_account) }
    }

    /// The first thing that `pick` makes of the packed identifiers, in no order.
    fn each_identifier<R>(
        &self,
        rows: Rows,
        mut pick: impl FnMut(i64, &str, &str) -> Option<R>,
    ) -> Option<R> {
        let mut row = rows.identifiers;
        while row != NO_ROW {
            let (next, picked) = self.chunks.read(row, |bytes| {
                let (next, place, namespace, value) = packed::read_identifier(bytes)?;
                Some((next, pick(place, namespace, value)))
            })?;
            if picked.is_some() {
                return picked;
            }
            row = next;
        }
        None
    }

    /// What `look` makes of the id of the account at a place.
    pub(super) fn with_id<R>(&self, place: u32, look: impl FnOnce(&str) -> R) -> Option<R> {
        self.cells.at(place, |cell| match cell.now.load().as_ref() {
            Some(entry) => Some(look(&entry.caller.id)),
            None => match cell.rows().account {
                NO_ROW => None,
                row => self.chunks.read(row, |bytes| packed::account_id(bytes).map(look)),
            },
        })
    }

    /// Whether the account at a place may have this id, name or identifier, or a key with this id: one that is packed is
    /// not made ready for use on a mere chance. Who holds what is asked again of what is ready.
    pub(super) fn may_hold(&self, place: u32, term: &Term<'_>) -> bool {
        let held = self.cells.at(place, |cell| {
            if cell.now.load().is_some() {
                return Some(true);
            }
            let rows = cell.rows();
            match term {
                Term::Account(id) => {
                    self.chunks.read(rows.account, |row| Some(packed::account_id(row)? == *id))
                }
                Term::Name(name) => Some(self.packed_account(rows)?.name == *name),
                Term::Identifier(namespace, value) => {
                    let is =
                        |_, one: &str, other: &str| (one == *namespace && other == *value).then_some(true);
                    self.each_identifier(rows, is)
                }
                Term::Key(id) => {
                    let mut row = rows.keys;
                    while row != NO_ROW {
                        let (next, is) = self
                            .chunks
                            .read(row, |row| packed::key_id(row).map(|(next, own)| (next, own == *id)))?;
                        if is {
                            return Some(true);
                        }
                        row = next;
                    }
                    None
                }
                Term::Digest(_) => Some(true),
            }
        });
        held.unwrap_or(false)
    }

    /// Packs accounts that were added and are not in use, once there are enough of them. One that changes after that
    /// stays as it is until the next start, so what is packed holds each account once.
    pub(super) fn pack_fresh(&self, fresh: &mut Vec<u32>) {
        if fresh.len() >= FRESH {
            self.pack(fresh);
        }
    }

    fn pack(&self, fresh: &mut Vec<u32>) {
        let mut pen = Pen::new();
        let mut written = Vec::new();
        for place in fresh.drain(..) {
            let entry =
                self.cells.at(place, |cell| cell.now.load_full().filter(|_| cell.rows() == Rows::NONE));
            // When there is no room for more rows, accounts stay as they are.
            if let Some(entry) = entry
                && let Ok(Some(rows)) = self.write(&entry, &mut pen)
            {
                written.push((place, rows));
            }
        }
        pen.show(&self.chunks);
        for (place, rows) in written {
            let _lock = self.cells.lock(place);
            let _: Option<()> = self.cells.at(place, |cell| {
                cell.set_rows(rows);
                if !cell.now.load().as_ref()?.is_in_use() {
                    cell.now.store(None);
                }
                None
            });
        }
    }

    fn write(&self, entry: &Entry, pen: &mut Pen) -> Result<Option<Rows>, Fault> {
        let mut bytes = Vec::new();
        let mut rows = Rows::NONE;
        let account = entry.account();
        packed::write_account(&AccountRow::from(&account), &mut bytes);
        let Some(row) = pen.write(&self.chunks, &bytes) else { return Ok(None) };
        rows.account = row;
        for (place, identifier) in (0..).zip(&account.identifiers) {
            bytes.clear();
            let both = (identifier.namespace.as_str(), identifier.value.as_str());
            packed::write_identifier(place, both, &mut bytes);
            let next = rows.identifiers;
            let Some(row) = pen.write_linked(&self.chunks, &bytes, |_| Some(next)) else { return Ok(None) };
            rows.identifiers = row;
        }
        for key in entry.keys() {
            bytes.clear();
            packed::write_key(&KeyRow::from(&key), &mut bytes)?;
            let next = rows.keys;
            let Some(row) = pen.write_linked(&self.chunks, &bytes, |_| Some(next)) else { return Ok(None) };
            rows.keys = row;
        }
        Ok(Some(rows))
    }
}

#[cfg(test)]
impl Directory {
    /// Packs what is fresh, however little.
    pub(super) fn pack_now(&self) {
        self.pack(&mut self.applying.lock().unwrap());
    }

    /// How many accounts are ready for use, that is not packed.
    pub(super) fn ready(&self) -> usize {
        let ready = |place: &u32| self.cells.at(*place, |cell| cell.now.load_full()).is_some();
        self.ordered().iter().filter(ready).count()
    }
}
