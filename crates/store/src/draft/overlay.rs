//! Rows of one kind that a draft has changed, over those that the directory has.
use std::collections::BTreeMap;

/// By key: the row before and after; `None` where there is none.
pub(crate) struct Overlay<T>(BTreeMap<String, Changed<T>>);

struct Changed<T> {
    before: Option<T>,
    after: Option<T>,
}

impl<T> Default for Overlay<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Clone + PartialEq> Overlay<T> {
    /// The row as changed here: `None` when nothing was, `Some(None)` when it was deleted.
    pub(crate) fn get(&self, key: &str) -> Option<Option<&T>> {
        self.0.get(key).map(|changed| changed.after.as_ref())
    }

    /// The row as changed here, or else what the directory has.
    pub(crate) fn or(&self, key: &str, directory: impl FnOnce() -> Option<T>) -> Option<T> {
        self.get(key).map_or_else(directory, |changed| changed.cloned())
    }

    /// Sets a row; `before` is what the directory has.
    pub(crate) fn set(&mut self, key: &str, before: impl FnOnce() -> Option<T>, after: Option<T>) {
        let changed = self.0.entry(key.to_owned());
        changed.or_insert_with(|| Changed { before: before(), after: None }).after = after;
    }

    /// Rows that are here after the draft.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &T> {
        self.0.values().filter_map(|changed| changed.after.as_ref())
    }

    /// Rows that are new or another than before.
    pub(crate) fn put(&self) -> impl Iterator<Item = T> {
        self.0
            .values()
            .filter(|changed| changed.after != changed.before)
            .filter_map(|changed| changed.after.clone())
    }

    /// Rows that were and are no more.
    pub(crate) fn deleted(&self) -> impl Iterator<Item = T> {
        self.0.values().filter(|changed| changed.after.is_none()).filter_map(|changed| changed.before.clone())
    }
}
