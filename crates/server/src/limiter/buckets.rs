//! Leaky buckets for any number of callers in a table of fixed size (generic cell rate algorithm).
use crate::config::limits::Rate;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Places that a key may have: a bucket gives way only when all of them are fuller.
const WAYS: usize = 8;
/// Sets behind one lock.
const SETS: usize = 64;

/// The table.
///
/// A library with a keyed limiter (governor) was looked at: its maps grow with the number of keys until somebody sweeps them, and strangers choose how
/// many keys there are. Here a key has eight places in a set that is found by its hash. When all are taken, the bucket that
/// is nearest to empty is forgotten: the one that says least, and never one that is as full as the newcomer's. A place takes 16 bytes.
pub(crate) struct Buckets {
    /// Each is empty until a key comes to it.
    shards: Box<[Mutex<Box<[Set]>>]>,
    sets: usize,
}

type Set = [Bucket; WAYS];

/// A caller's bucket: when it will be empty. The default is nobody's.
#[derive(Clone, Copy, Default)]
struct Bucket {
    key: u64,
    /// Nanoseconds since the table began.
    empty: u64,
}

/// How long until there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) Duration);

impl Buckets {
    /// A table with about this many places.
    pub(crate) fn new(places: usize) -> Self {
        let sets = (places / WAYS).max(1);
        let shards = sets.div_ceil(SETS);
        Self { shards: std::iter::repeat_with(Mutex::default).take(shards).collect(), sets: shards * SETS }
    }

    /// How long until there is room for one more; `None`: there is.
    pub(crate) fn wait(&self, key: u64, rate: Rate, now: Duration) -> Option<Wait> {
        let (empty, now) = (self.empty(key), nanos(now));
        rate.over(empty, now).map(|over| Wait(Duration::from_nanos(over)))
    }

    /// Takes room for one.
    ///
    /// # Errors
    /// When there is none; nothing is taken then.
    pub(crate) fn take(&self, key: u64, rate: Rate, now: Duration) -> Result<(), Wait> {
        let now = nanos(now);
        self.with(key, |set| {
            let bucket = place(set, key, now);
            if let Some(over) = rate.over(bucket.empty, now) {
                return Err(Wait(Duration::from_nanos(over)));
            }
            fill(bucket, rate, 1, now);
            Ok(())
        })
    }

    /// Takes room for as many as this, whether there is or not; never more than a full bucket.
    pub(crate) fn charge(&self, key: u64, cost: u32, rate: Rate, now: Duration) {
        let now = nanos(now);
        self.with(key, |set| fill(place(set, key, now), rate, cost, now));
    }

    /// Marks a key until then; among eight that share a place, the mark that ends first gives way.
    pub(crate) fn mark(&self, key: u64, until: Duration, now: Duration) {
        self.with(key, |set| place(set, key, nanos(now)).empty = nanos(until));
    }

    /// Whether a key is marked.
    pub(crate) fn is_marked(&self, key: u64, now: Duration) -> bool {
        self.empty(key) > nanos(now)
    }

    /// When a key's bucket will be empty.
    fn empty(&self, key: u64) -> u64 {
        let (shard, set) = self.at(key);
        let Some(shard) = self.shards.get(shard) else { return 0 };
        let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let found = shard.get(set).and_then(|set| set.iter().find(|bucket| bucket.key == key));
        found.map_or(0, |bucket| bucket.empty)
    }

    fn with<T>(&self, key: u64, what: impl FnOnce(&mut Set) -> T) -> T {
        let (shard, set) = self.at(key);
        let mut none = Set::default();
        let Some(shard) = self.shards.get(shard) else { return what(&mut none) };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if shard.is_empty() {
            *shard = vec![Set::default(); SETS].into_boxed_slice();
        }
        what(shard.get_mut(set).unwrap_or(&mut none))
    }

    /// The shard of a key, and the set in it. The key is a hash, random in all its bits.
    fn at(&self, key: u64) -> (usize, usize) {
        let set = usize::try_from(key % u64::try_from(self.sets).unwrap_or(1).max(1)).unwrap_or(0);
        (set / SETS, set % SETS)
    }
}

/// The bucket of a key; a new one takes the place of the emptiest.
fn place(set: &mut Set, key: u64, now: u64) -> &mut Bucket {
    let mut chosen = 0;
    let mut least = u64::MAX;
    for (index, bucket) in set.iter().enumerate() {
        if bucket.key == key {
            chosen = index;
            break;
        }
        if bucket.empty < least {
            (chosen, least) = (index, bucket.empty);
        }
    }
    let [first, rest @ ..] = set;
    let bucket = if chosen == 0 { first } else { rest.get_mut(chosen - 1).unwrap_or(first) };
    if bucket.key != key {
        *bucket = Bucket { key, empty: now };
    }
    bucket
}

fn fill(bucket: &mut Bucket, rate: Rate, cost: u32, now: u64) {
    let added = rate.interval().saturating_mul(u64::from(cost));
    let full = now.saturating_add(rate.ahead());
    // A smaller burst after a reload, too.
    bucket.empty = bucket.empty.max(now).saturating_add(added).min(full);
}

impl Rate {
    /// Nanoseconds between two at the long-term rate.
    fn interval(self) -> u64 {
        1_000_000_000 / u64::from(self.per_second.max(1))
    }

    /// Nanoseconds that a full bucket takes to empty.
    fn ahead(self) -> u64 {
        self.interval().saturating_mul(u64::from(self.burst.max(1)))
    }

    /// Nanoseconds until there is room for one more.
    fn over(self, empty: u64, now: u64) -> Option<u64> {
        let after = empty.max(now).saturating_add(self.interval());
        let over = after.saturating_sub(now.saturating_add(self.ahead()));
        (over > 0).then_some(over)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 3 };

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_burst_then_the_rate_and_each_key_for_itself() {
        let buckets = Buckets::new(1024);
        let taken =
            |key, at, tries| (0..tries).filter(|_| buckets.take(key, RATE, millis(at)).is_ok()).count();
        assert_eq!((taken(1, 0, 10), taken(2, 0, 10)), (3, 3));
        assert_eq!(buckets.wait(1, RATE, millis(0)), Some(Wait(millis(100))));
        assert_eq!(buckets.wait(3, RATE, millis(0)), None);
        assert_eq!((taken(1, 100, 10), taken(1, 10_000, 10)), (1, 3));
    }

    #[test]
    fn a_charge_never_costs_more_than_a_full_bucket() {
        let buckets = Buckets::new(1024);
        buckets.charge(1, 1_000_000, RATE, millis(0));
        assert!(buckets.wait(1, RATE, millis(50)).is_some());
        assert_eq!(buckets.wait(1, RATE, millis(100)), None);
    }

    #[test]
    fn marks_end_and_the_one_that_ends_first_gives_way() {
        let marks = Buckets::new(0);
        let sets = u64::try_from(marks.sets).unwrap();
        // Nine that share a place.
        for number in 1..=9 {
            marks.mark(number * sets, millis(number), millis(0));
        }
        assert!(!marks.is_marked(sets, millis(0)) && marks.is_marked(9 * sets, millis(8)));
        assert!(!marks.is_marked(9 * sets, millis(9)) && !marks.is_marked(10 * sets, millis(0)));
        marks.mark(9 * sets, millis(20), millis(9));
        assert!(marks.is_marked(9 * sets, millis(19)) && marks.is_marked(2 * sets, millis(1)));
    }

    #[test]
    fn memory_is_fixed_and_who_spent_most_is_remembered_longest() {
        let buckets = Buckets::new(0);
        let room = buckets.sets * WAYS;
        buckets.charge(u64::MAX, 3, RATE, millis(0));
        for key in 0..u64::try_from(room * 20).unwrap() {
            buckets.charge(key, 1, RATE, millis(0));
        }
        assert!(buckets.wait(u64::MAX, RATE, millis(0)).is_some());
        assert_eq!(buckets.shards.len(), 1);
    }
}
