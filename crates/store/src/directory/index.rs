//! Sixty-four-bit hashes to shared values, in shards: the same cost for a thousand entries and for fifty million.
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

/// Enough that writers seldom meet readers, and that growing one shard stalls it for milliseconds at most.
const SHARDS: usize = 256;

/// A map from hashes to values. Two things may share a hash, so whoever looks up must compare what it finds.
pub(crate) struct Index<T> {
    shards: Box<[RwLock<Shard<T>>]>,
}

struct Shard<T> {
    first: Map<Arc<T>>,
    /// Further values under a hash that is taken: rare, so that the common entry stays at 16 bytes.
    more: Map<Vec<Arc<T>>>,
}

type Map<V> = HashMap<u64, V, BuildHasherDefault<Passed>>;

/// The keys are hashes already: pass them on.
#[derive(Default)]
struct Passed(u64);

impl Hasher for Passed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl<T> Index<T> {
    pub(crate) fn new() -> Self {
        let shard = || RwLock::new(Shard { first: Map::default(), more: Map::default() });
        Self { shards: std::iter::repeat_with(shard).take(SHARDS).collect() }
    }

    /// Makes room for as many values, so that none is moved while they come.
    pub(crate) fn reserve(&self, values: usize) {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            // Shards fill unevenly, by a few hundredths.
            shard.first.reserve(values.div_ceil(SHARDS) * 21 / 20);
        }
    }

    /// The first thing that `pick` makes of the values under this hash.
    pub(crate) fn find<R>(&self, hash: u64, mut pick: impl FnMut(&Arc<T>) -> Option<R>) -> Option<R> {
        let shard = self.shard(hash)?.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = shard.first.get(&hash).and_then(&mut pick) {
            return Some(found);
        }
        if shard.more.is_empty() {
            return None;
        }
        shard.more.get(&hash)?.iter().find_map(pick)
    }

    /// Adds a value under a hash; the same value twice counts once.
    pub(crate) fn insert(&self, hash: u64, value: &Arc<T>) {
        let Some(shard) = self.shard(hash) else { return };
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        let Shard { first, more } = &mut *shard;
        let holder = first.entry(hash).or_insert_with(|| value.clone());
        if Arc::ptr_eq(holder, value) {
            return;
        }
        let others = more.entry(hash).or_default();
        if !others.iter().any(|other| Arc::ptr_eq(other, value)) {
            others.push(value.clone());
        }
    }

    /// Removes a value from under a hash.
    pub(crate) fn remove(&self, hash: u64, value: &Arc<T>) {
        let Some(shard) = self.shard(hash) else { return };
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        let Shard { first, more } = &mut *shard;
        if let Some(others) = more.get_mut(&hash) {
            others.retain(|other| !Arc::ptr_eq(other, value));
        }
        if first.get(&hash).is_some_and(|holder| Arc::ptr_eq(holder, value)) {
            match more.get_mut(&hash).and_then(Vec::pop) {
                Some(next) => first.insert(hash, next),
                None => first.remove(&hash),
            };
        }
        if more.get(&hash).is_some_and(Vec::is_empty) {
            more.remove(&hash);
        }
    }

    fn shard(&self, hash: u64) -> Option<&RwLock<Shard<T>>> {
        // Bits that the map inside uses last: it takes the top seven as tags and the low ones as places.
        self.shards.get(usize::try_from((hash >> 48) & 0xff).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(index: &Index<u8>, hash: u64) -> Vec<u8> {
        let mut found = Vec::new();
        let _: Option<()> = index.find(hash, |value| {
            found.push(**value);
            None
        });
        found.sort_unstable();
        found
    }

    #[test]
    fn values_may_share_a_hash_and_leave_in_any_order() {
        let index = Index::new();
        let values: Vec<Arc<u8>> = (0..3).map(Arc::new).collect();
        for value in values.iter().chain(&values) {
            index.insert(7 << 48 | 5, value);
        }
        assert_eq!(all(&index, 7 << 48 | 5), [0, 1, 2]);
        index.remove(7 << 48 | 5, &values[0]);
        assert_eq!(all(&index, 7 << 48 | 5), [1, 2]);
        index.remove(7 << 48 | 5, &values[2]);
        index.remove(7 << 48 | 5, &values[2]);
        assert_eq!(all(&index, 7 << 48 | 5), [1]);
        index.remove(7 << 48 | 5, &values[1]);
        assert_eq!(all(&index, 7 << 48 | 5), [0_u8; 0]);
        assert_eq!(all(&index, 9), [0_u8; 0]);
    }
}
