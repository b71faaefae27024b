//! Sixty-four-bit hashes to places, eight bytes each: readers take no lock, and the cost grows with no number of entries.
use arc_swap::ArcSwap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Enough that growing one shard is a matter of a millisecond at most, and that threads that fill them seldom meet.
pub(crate) const SHARDS: usize = 256;
/// A slot that never held anything ends a search.
const FREE: u64 = 0;
/// A slot whose entry was removed does not.
const REMOVED: u64 = u64::MAX;
/// Slots of a shard that holds its first entry.
const LEAST: usize = 8;

/// A map from hashes to places. Two things may share a hash, so whoever looks up must compare what it finds.
pub(crate) struct Index {
    shards: Box<[Shard]>,
}

struct Shard {
    /// Open addressing, searched from where the hash points until a free slot. Only replaced whole.
    slots: ArcSwap<Box<[AtomicU64]>>,
    /// Slots that are not free; held by whoever changes any.
    taken: Mutex<usize>,
}

/// What the index keeps of a hash: the byte that tells the shard, and the half that stands in the slot.
pub(crate) const KEPT: u64 = (0xff << 56) | 0xffff_ffff;

/// What stands in a slot: half of the hash, and a place that is never the largest.
pub(crate) fn entry(hash: u64, place: u32) -> u64 {
    (hash << 32) | u64::from(place.saturating_add(1))
}

/// Which shard an entry with this hash belongs to.
pub(crate) fn shard_of(hash: u64) -> usize {
    usize::try_from(hash >> 56).unwrap_or(0)
}

/// Where the search for an entry begins: its half of the hash, scaled to the table.
fn start(entry: u64, slots: usize) -> usize {
    let slots = u64::try_from(slots).unwrap_or(0);
    usize::try_from(((entry >> 32) * slots) >> 32).unwrap_or(0)
}

/// The slots from where the search for an entry begins, round to there again.
fn walk(slots: &[AtomicU64], entry: u64) -> impl Iterator<Item = &AtomicU64> {
    let (before, after) = slots.split_at_checked(start(entry, slots.len())).unwrap_or_default();
    after.iter().chain(before)
}

/// Slots for as many entries, a quarter and more of them free.
fn table(entries: usize) -> Box<[AtomicU64]> {
    let slots = entries.saturating_mul(4).div_ceil(3).max(LEAST);
    std::iter::repeat_with(|| AtomicU64::new(FREE)).take(slots).collect()
}

/// Puts an entry where it is found; gives whether it took a free slot. The table must have one.
fn put(slots: &[AtomicU64], entry: u64) -> bool {
    let mut to = None;
    for slot in walk(slots, entry) {
        match slot.load(Ordering::Relaxed) {
            FREE => {
                to.unwrap_or(slot).store(entry, Ordering::Release);
                return to.is_none();
            }
            REMOVED => to = to.or(Some(slot)),
            there if there == entry => return false,
            _ => {}
        }
    }
    false
}

impl Index {
    pub(crate) fn new() -> Self {
        let shard = || Shard { slots: ArcSwap::from_pointee(Box::default()), taken: Mutex::new(0) };
        Self { shards: std::iter::repeat_with(shard).take(SHARDS).collect() }
    }

    /// Makes room for as many entries, so that none is moved while they come.
    pub(crate) fn reserve(&self, entries: usize) {
        for shard in &self.shards {
            let taken = shard.lock();
            // Shards fill unevenly, by a few hundredths.
            shard.resize(&taken, (entries.div_ceil(SHARDS) * 21 / 20).max(*taken));
        }
    }

    /// The first thing that `pick` makes of the places under this hash.
    pub(crate) fn find<R>(&self, hash: u64, mut pick: impl FnMut(u32) -> Option<R>) -> Option<R> {
        let slots = self.shards.get(shard_of(hash))?.slots.load();
        let wanted = entry(hash, 0);
        for slot in walk(&slots, wanted) {
            let found = slot.load(Ordering::Acquire);
            if found == FREE {
                return None;
            }
            if found >> 32 == wanted >> 32
                && found != REMOVED
                && let Some(place) = place(found)
                && let Some(picked) = pick(place)
            {
                return Some(picked);
            }
        }
        None
    }

    /// Adds a place under a hash; the same place twice counts once.
    pub(crate) fn insert(&self, hash: u64, place: u32) {
        let Some(shard) = self.shards.get(shard_of(hash)) else { return };
        let mut taken = shard.lock();
        if *taken >= shard.slots.load().len() * 4 / 5 {
            // By half: what was removed goes, and a million entries do not take the room of two.
            *taken = shard.resize(&taken, shard.live() * 3 / 2 + 1);
        }
        if put(&shard.slots.load(), entry(hash, place)) {
            *taken += 1;
        }
    }

    /// Removes a place from under a hash.
    pub(crate) fn remove(&self, hash: u64, place: u32) {
        let Some(shard) = self.shards.get(shard_of(hash)) else { return };
        let _taken = shard.lock();
        let slots = shard.slots.load();
        let wanted = entry(hash, place);
        for slot in walk(&slots, wanted) {
            match slot.load(Ordering::Relaxed) {
                FREE => return,
                found if found == wanted => return slot.store(REMOVED, Ordering::Release),
                _ => {}
            }
        }
    }

    /// Adds many entries of one shard at once; after that it has just the room that it needs.
    pub(crate) fn fill(&self, number: usize, entries: &[&[u64]]) {
        let Some(shard) = self.shards.get(number) else { return };
        let mut taken = shard.lock();
        let more: usize = entries.iter().map(|entries| entries.len()).sum();
        *taken = shard.resize(&taken, shard.live() + more);
        let slots = shard.slots.load();
        for entry in entries.iter().copied().flatten() {
            *taken += usize::from(put(&slots, *entry));
        }
    }
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self) -> usize {
        let slots = self.slots.load();
        slots.iter().filter(|slot| !matches!(slot.load(Ordering::Relaxed), FREE | REMOVED)).count()
    }

    /// Moves everything to a table with room for as many entries; gives how many there are.
    fn resize(&self, _held: &MutexGuard<'_, usize>, entries: usize) -> usize {
        let (before, after) = (self.slots.load(), table(entries));
        let mut moved = 0;
        for slot in before.iter() {
            let entry = slot.load(Ordering::Relaxed);
            if !matches!(entry, FREE | REMOVED) {
                moved += usize::from(put(&after, entry));
            }
        }
        self.slots.store(after.into());
        moved
    }
}

fn place(entry: u64) -> Option<u32> {
    u32::try_from(entry & u64::from(u32::MAX)).ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn all(index: &Index, hash: u64) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        let _: Option<()> = index.find(hash, |place| {
            assert!(found.insert(place), "{place} twice");
            None
        });
        found
    }

    /// Hashes of one shard whose halves meet often and lie close together, also at the end of the table.
    fn hash() -> impl Strategy<Value = u64> {
        prop_oneof![0..6_u64, (0..6_u64).prop_map(|near| u64::from(u32::MAX) - near)]
            .prop_map(|half| (7 << 56) | half)
    }

    proptest! {
        #[test]
        fn it_finds_what_a_set_of_pairs_has(
            steps in prop::collection::vec((hash(), 0..12_u32, 0..3_u8), 0..200), filled in 0..3_usize,
        ) {
            let (index, mut model) = (Index::new(), BTreeSet::new());
            let at_once: Vec<u64> = (0..20).map(|place| entry(7 << 56 | 3, place)).collect();
            for _ in 0..filled {
                index.fill(7, &[&at_once, &at_once]);
                model.extend((0..20).map(|place| (7 << 56 | 3, place)));
            }
            for (hash, place, what) in steps {
                if what == 0 {
                    index.remove(hash, place);
                    model.remove(&(hash, place));
                } else {
                    index.insert(hash, place);
                    model.insert((hash, place));
                }
                let own = model.iter().filter(|(own, _)| *own == hash).map(|(_, place)| *place);
                prop_assert_eq!(all(&index, hash), own.collect());
            }
            prop_assert_eq!(all(&index, 9), BTreeSet::new());
        }
    }

    #[test]
    fn readers_find_what_stays_while_a_shard_grows_and_shrinks() {
        let index = Index::new();
        index.insert(5, 4);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for place in 10..3_000 {
                    index.insert(5 + u64::from(place % 3), place);
                    if place % 2 == 0 {
                        index.remove(5 + u64::from(place % 3), place);
                    }
                    if place % 500 == 0 {
                        (10..=place).for_each(|place| index.remove(5 + u64::from(place % 3), place));
                    }
                }
            });
            scope.spawn(|| {
                for _ in 0..20_000 {
                    assert_eq!(index.find(5, |place| (place == 4).then_some(place)), Some(4));
                }
            });
        });
    }
}
