//! Where each account is: one small cell with a number of its own, whether the account is packed or ready for use.
use crate::directory::entry::Entry;
use arc_swap::{ArcSwap, ArcSwapOption};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Cells made together.
pub(crate) const PART: u32 = 1024;
/// Locks for changing cells: many, so that two callers hardly ever meet at one.
const LOCKS: u32 = 64;
/// No row: the account is new, or gone.
pub(crate) const NO_ROW: u32 = u32::MAX;

/// All cells, by their places. Reading takes no lock.
pub(crate) struct Cells {
    parts: ArcSwap<Vec<Arc<[Cell]>>>,
    locks: Box<[Mutex<()>]>,
    /// Places that hold no account.
    free: Mutex<Vec<u32>>,
}

/// One account: what is ready for use counts, else what is packed, else there is none.
pub(crate) struct Cell {
    pub(crate) now: ArcSwapOption<Entry>,
    /// The packed rows: the account's own, the first of its identifiers and the first of its keys.
    account: AtomicU32,
    identifiers: AtomicU32,
    keys: AtomicU32,
}

/// The packed rows of one account.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) account: u32,
    pub(crate) identifiers: u32,
    pub(crate) keys: u32,
}

impl Rows {
    pub(crate) const NONE: Self = Self { account: NO_ROW, identifiers: NO_ROW, keys: NO_ROW };
}

impl Cell {
    fn new() -> Self {
        let none = || AtomicU32::new(NO_ROW);
        Self { now: ArcSwapOption::empty(), account: none(), identifiers: none(), keys: none() }
    }

    pub(crate) fn rows(&self) -> Rows {
        Rows {
            account: self.account.load(Ordering::Acquire),
            identifiers: self.identifiers.load(Ordering::Acquire),
            keys: self.keys.load(Ordering::Acquire),
        }
    }

    pub(crate) fn set_rows(&self, rows: Rows) {
        self.identifiers.store(rows.identifiers, Ordering::Release);
        self.keys.store(rows.keys, Ordering::Release);
        self.account.store(rows.account, Ordering::Release);
    }

    /// Puts a row in front of the account's identifiers; gives the one that was there.
    pub(crate) fn push_identifier(&self, row: u32) -> u32 {
        self.identifiers.swap(row, Ordering::AcqRel)
    }

    /// Puts a row in front of the account's keys; gives the one that was there.
    pub(crate) fn push_key(&self, row: u32) -> u32 {
        self.keys.swap(row, Ordering::AcqRel)
    }
}

impl Cells {
    pub(crate) fn new() -> Self {
        Self {
            parts: ArcSwap::default(),
            locks: std::iter::repeat_with(Mutex::default).take(usize::try_from(LOCKS).unwrap_or(1)).collect(),
            free: Mutex::default(),
        }
    }

    /// What `look` makes of the cell at a place.
    pub(crate) fn at<R>(&self, place: u32, look: impl FnOnce(&Cell) -> Option<R>) -> Option<R> {
        let parts = self.parts.load();
        let part = parts.get(usize::try_from(place / PART).ok()?)?;
        look(part.get(usize::try_from(place % PART).ok()?)?)
    }

    /// To be held while a cell changes, or while it is made ready for use from its rows.
    pub(crate) fn lock(&self, place: u32) -> Option<MutexGuard<'_, ()>> {
        let lock = self.locks.get(usize::try_from(place % LOCKS).ok()?)?;
        Some(lock.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A place for an account; `None` when there are four thousand million already.
    pub(crate) fn take(&self) -> Option<u32> {
        let free = |cells: &Self| cells.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free(self).or_else(|| {
            let (first, _) = self.grow()?;
            self.give_back((first..first.saturating_add(PART)).rev());
            free(self)
        })
    }

    /// Places whose accounts are gone.
    pub(crate) fn give_back(&self, places: impl IntoIterator<Item = u32>) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).extend(places);
    }

    /// As many new cells as are made together, and the place of the first.
    pub(crate) fn grow(&self) -> Option<(u32, Arc<[Cell]>)> {
        // Held so that no two threads add a part at the same number.
        let _alone = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut parts = Vec::clone(&self.parts.load());
        let first = u32::try_from(parts.len()).ok()?.checked_mul(PART)?;
        first.checked_add(PART).filter(|end| *end < u32::MAX)?;
        let part: Arc<[Cell]> = std::iter::repeat_with(Cell::new).take(usize::try_from(PART).ok()?).collect();
        parts.push(part.clone());
        self.parts.store(Arc::new(parts));
        Some((first, part))
    }
}
