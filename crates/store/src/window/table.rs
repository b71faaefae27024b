//! One shard of the replay memory: fingerprints and ends of time in buckets of one cache line, five places each.

/// Places of a bucket: as many as a cache line of 64 bytes holds, so that a claim seldom touches a second one.
const PLACES: usize = 5;
/// Built anew when more than 17 of 20 places would be taken, with 29 places for 20 uses: 15 to 19 bytes a use.
const FULL_NUMERATOR: usize = 17;
const GROWN_NUMERATOR: usize = 29;
const DENOMINATOR: usize = 20;
/// Buckets of the smallest table.
const SMALLEST: usize = 2;
/// A place without a use.
const EMPTY: u64 = 0;

/// Fingerprints with the second until which each counts.
#[derive(Default)]
pub(crate) struct Table {
    buckets: Box<[Bucket]>,
    /// Places in use, forgotten ones that were not reused included.
    used: usize,
    /// No use here ends before this.
    soonest: u32,
}

/// One cache line. Places fill from the front, and none is emptied until the table is built anew.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Bucket {
    fingerprints: [u64; PLACES],
    /// Unix seconds; whatever lies past 2106 counts until then and a use then is far from any window.
    untils: [u32; PLACES],
}

/// A bucket and a place in it.
type At = (usize, usize);

/// What was found where a use was to be remembered.
pub(crate) enum Found {
    /// The same use, still remembered.
    Before,
    /// Nothing: it is remembered now; so many forgotten ones were swept out for it.
    New { freed: usize },
    /// Nothing, and there is no room for more; it is not remembered.
    Full { freed: usize },
}

/// Where a search ended.
enum Sought {
    /// At the use, still remembered.
    Held(At),
    /// At an empty place or after a whole round; the first place met whose use is over may be taken as well.
    Absent { over: Option<At>, empty: Option<At> },
}

impl Table {
    /// Remembers a use until the given second (inclusive) unless it is remembered already; the later end stays.
    /// Uses that ended before `forgotten` make room. Without `room`, only their places may be taken.
    pub(crate) fn remember(&mut self, fingerprint: u64, until: i64, forgotten: i64, room: bool) -> Found {
        let fingerprint = fingerprint.max(1);
        let until = seconds(until);
        let (over, mut empty) = match self.seek(fingerprint, forgotten) {
            Sought::Held((bucket, place)) => {
                if let Some(end) = self.buckets.get_mut(bucket).and_then(|held| held.untils.get_mut(place)) {
                    *end = until.max(*end);
                }
                return Found::Before;
            }
            Sought::Absent { over, empty } => (over, empty),
        };
        if let Some(place) = over {
            self.set(place, fingerprint, until);
            return Found::New { freed: 1 };
        }
        let mut freed = 0;
        if !room && i64::from(self.soonest) >= forgotten {
            return Found::Full { freed };
        }
        if !room || !self.has_room() {
            freed = self.rebuild(forgotten);
            if !room && freed == 0 {
                return Found::Full { freed };
            }
            empty = self.empty_place(fingerprint);
        }
        let Some(place) = empty else { return Found::Full { freed } };
        self.set(place, fingerprint, until);
        self.used += 1;
        Found::New { freed }
    }

    /// Whether a use is remembered.
    pub(crate) fn has(&self, fingerprint: u64, forgotten: i64) -> bool {
        matches!(self.seek(fingerprint.max(1), forgotten), Sought::Held(_))
    }

    /// Sweeps out what ended before `forgotten`; gives how many.
    pub(crate) fn sweep(&mut self, forgotten: i64) -> usize {
        if i64::from(self.soonest) < forgotten { self.rebuild(forgotten) } else { 0 }
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    fn seek(&self, fingerprint: u64, forgotten: i64) -> Sought {
        let mut over = None;
        let mut at = self.home(fingerprint);
        // At most once around; three places in twenty are empty.
        for _ in 0..self.buckets.len() {
            let Some(bucket) = self.buckets.get(at) else { break };
            for (place, (held, end)) in bucket.fingerprints.iter().zip(&bucket.untils).enumerate() {
                if *held == EMPTY {
                    return Sought::Absent { over, empty: Some((at, place)) };
                }
                let ended = i64::from(*end) < forgotten;
                if *held == fingerprint && !ended {
                    return Sought::Held((at, place));
                }
                if ended && over.is_none() {
                    over = Some((at, place));
                }
            }
            at = self.next(at);
        }
        Sought::Absent { over, empty: None }
    }

    fn has_room(&self) -> bool {
        (self.used + 1) * DENOMINATOR <= self.buckets.len() * PLACES * FULL_NUMERATOR
    }

    /// Copies what is live into a table of the right size; gives how many were left out.
    fn rebuild(&mut self, forgotten: i64) -> usize {
        let old = std::mem::take(&mut self.buckets);
        let all = || {
            let places = old.iter().flat_map(|bucket| bucket.fingerprints.iter().zip(&bucket.untils));
            places.filter(|(held, end)| **held != EMPTY && i64::from(**end) >= forgotten)
        };
        let kept = all().count();
        let buckets = (kept * GROWN_NUMERATOR / DENOMINATOR + 1).div_ceil(PLACES).max(SMALLEST);
        self.buckets = vec![Bucket::default(); buckets].into();
        self.soonest = u32::MAX;
        for (held, end) in all() {
            if let Some(place) = self.empty_place(*held) {
                self.set(place, *held, *end);
            }
        }
        let before = std::mem::replace(&mut self.used, kept);
        before.saturating_sub(kept)
    }

    fn empty_place(&self, fingerprint: u64) -> Option<At> {
        let mut at = self.home(fingerprint);
        for _ in 0..self.buckets.len() {
            let bucket = self.buckets.get(at)?;
            if let Some(place) = bucket.fingerprints.iter().position(|held| *held == EMPTY) {
                return Some((at, place));
            }
            at = self.next(at);
        }
        None
    }

    fn set(&mut self, (bucket, place): At, fingerprint: u64, until: u32) {
        let Some(bucket) = self.buckets.get_mut(bucket) else { return };
        if let (Some(held), Some(end)) = (bucket.fingerprints.get_mut(place), bucket.untils.get_mut(place)) {
            (*held, *end) = (fingerprint, until);
            self.soonest = self.soonest.min(until);
        }
    }

    /// Where the search for a fingerprint starts: its low bits, spread evenly over the buckets.
    fn home(&self, fingerprint: u64) -> usize {
        let buckets = u64::try_from(self.buckets.len()).unwrap_or(0);
        usize::try_from(((fingerprint & u64::from(u32::MAX)) * buckets) >> 32).unwrap_or(0)
    }

    fn next(&self, bucket: usize) -> usize {
        if bucket + 1 < self.buckets.len() { bucket + 1 } else { 0 }
    }
}

fn seconds(until: i64) -> u32 {
    u32::try_from(until.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn it_remembers_like_a_map(
            steps in prop::collection::vec((0_u64..40, 0_i64..30, 0_i64..2), 1..400),
        ) {
            let (mut table, mut model, mut forgotten) = (Table::default(), HashMap::new(), 0);
            let mut held = 0_usize;
            for (number, life, tick) in steps {
                // Spread over the places as real fingerprints are, some on the same place.
                let fingerprint = (number % 7) << 29 | number << 40;
                forgotten += tick;
                let until = forgotten + life;
                let known = model.get(&fingerprint).is_some_and(|end| *end >= forgotten);
                prop_assert_eq!(table.has(fingerprint, forgotten), known);
                match table.remember(fingerprint, until, forgotten, true) {
                    Found::Before => prop_assert!(known),
                    Found::New { freed } => {
                        prop_assert!(!known);
                        held = held + 1 - freed;
                    }
                    Found::Full { .. } => prop_assert!(false),
                }
                let end = model.entry(fingerprint).or_insert(until);
                *end = if known { until.max(*end) } else { until };
                prop_assert!(model.iter().all(|(mark, end)| *end < forgotten || table.has(*mark, forgotten)));
                prop_assert_eq!(held, table.used);
            }
        }
    }

    #[test]
    fn a_use_costs_at_most_nineteen_bytes_once_there_are_some() {
        let mut table = Table::default();
        for number in 1..20_000_u64 {
            table.remember(number.wrapping_mul(0x9e37_79b9_7f4a_7c15), 100, 0, true);
            if number > 200 {
                assert!(table.bytes() <= 19 * table.used + 64, "{} for {number}", table.bytes());
            }
        }
    }

    #[test]
    fn without_room_only_forgotten_places_are_taken() {
        let mut table = Table::default();
        assert!(matches!(table.remember(1, 10, 0, false), Found::Full { .. }));
        assert!(matches!(table.remember(1, 10, 0, true), Found::New { .. }));
        assert!(matches!(table.remember(2, 10, 10, false), Found::Full { .. }));
        assert!(matches!(table.remember(2, 20, 11, false), Found::New { freed: 1 }));
        assert!(!table.has(1, 0) && table.has(2, 20));
    }
}
