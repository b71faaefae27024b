//! One shard of the replay memory: fingerprints and ends of time side by side, twelve bytes a place.

/// Grown so that four fifths are never exceeded and about five eighths are in use after growing: 15 to 19 bytes a use.
const FULL_NUMERATOR: usize = 4;
const FULL_DENOMINATOR: usize = 5;
/// Places of the smallest table.
const SMALLEST: usize = 16;
/// A place without a use.
const EMPTY: u64 = 0;

/// Fingerprints with the second until which each counts.
#[derive(Default)]
pub(crate) struct Table {
    fingerprints: Box<[u64]>,
    /// Unix seconds; whatever lies past 2106 counts until then and a use then is far from any window.
    untils: Box<[u32]>,
    /// Places in use, forgotten ones that were not reused included.
    used: usize,
    /// No use here ends before this.
    soonest: u32,
}

/// What was found where a use was to be remembered.
pub(crate) enum Found {
    /// The same use, still remembered.
    Before,
    /// Nothing: it is remembered now; so many forgotten ones were swept out for it.
    New { freed: usize },
    /// Nothing, and there is no room for more; it is not remembered.
    Full { freed: usize },
}

impl Table {
    /// Remembers a use until the given second (inclusive) unless it is remembered already; the later end stays.
    /// Uses that ended before `forgotten` make room. Without `room`, only their places may be taken.
    pub(crate) fn remember(&mut self, fingerprint: u64, until: i64, forgotten: i64, room: bool) -> Found {
        let fingerprint = fingerprint.max(1);
        let until = seconds(until);
        let mut reusable = None;
        let mut place = self.home(fingerprint);
        // At most once around: a fifth of the places is empty.
        for _ in 0..self.fingerprints.len() {
            let (Some(held), Some(end)) = (self.fingerprints.get(place).copied(), self.untils.get_mut(place))
            else {
                break;
            };
            if held == EMPTY {
                break;
            }
            let over = i64::from(*end) < forgotten;
            if held == fingerprint && !over {
                *end = until.max(*end);
                return Found::Before;
            }
            if over && reusable.is_none() {
                reusable = Some(place);
            }
            place = self.next(place);
        }
        if let Some(place) = reusable {
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
            place = self.free_place(fingerprint);
        }
        self.set(place, fingerprint, until);
        self.used += 1;
        Found::New { freed }
    }

    /// Whether a use is remembered.
    pub(crate) fn has(&self, fingerprint: u64, forgotten: i64) -> bool {
        let fingerprint = fingerprint.max(1);
        let mut place = self.home(fingerprint);
        for _ in 0..self.fingerprints.len() {
            match (self.fingerprints.get(place), self.untils.get(place)) {
                (None | Some(&EMPTY), _) | (_, None) => return false,
                (Some(held), Some(end)) if *held == fingerprint && i64::from(*end) >= forgotten => {
                    return true;
                }
                _ => place = self.next(place),
            }
        }
        false
    }

    /// Sweeps out what ended before `forgotten`; gives how many.
    pub(crate) fn sweep(&mut self, forgotten: i64) -> usize {
        if i64::from(self.soonest) < forgotten { self.rebuild(forgotten) } else { 0 }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.fingerprints.len() * (size_of::<u64>() + size_of::<u32>())
    }

    fn has_room(&self) -> bool {
        (self.used + 1) * FULL_DENOMINATOR <= self.fingerprints.len() * FULL_NUMERATOR
    }

    /// Copies what is live into a table of the right size; gives how many were left out.
    fn rebuild(&mut self, forgotten: i64) -> usize {
        let fingerprints = std::mem::take(&mut self.fingerprints);
        let untils = std::mem::take(&mut self.untils);
        let live = |(held, end): &(u64, u32)| *held != EMPTY && i64::from(*end) >= forgotten;
        let kept = fingerprints.iter().copied().zip(untils.iter().copied()).filter(live).count();
        let places = (kept + kept * 9 / 16 + 1).max(SMALLEST);
        self.fingerprints = vec![EMPTY; places].into();
        self.untils = vec![0; places].into();
        self.soonest = u32::MAX;
        for (held, end) in fingerprints.iter().copied().zip(untils.iter().copied()).filter(live) {
            let place = self.free_place(held);
            self.set(place, held, end);
        }
        let before = std::mem::replace(&mut self.used, kept);
        before.saturating_sub(kept)
    }

    fn free_place(&self, fingerprint: u64) -> usize {
        let mut place = self.home(fingerprint);
        for _ in 0..self.fingerprints.len() {
            if self.fingerprints.get(place).is_none_or(|held| *held == EMPTY) {
                break;
            }
            place = self.next(place);
        }
        place
    }

    fn set(&mut self, place: usize, fingerprint: u64, until: u32) {
        if let (Some(held), Some(end)) = (self.fingerprints.get_mut(place), self.untils.get_mut(place)) {
            (*held, *end) = (fingerprint, until);
            self.soonest = self.soonest.min(until);
        }
    }

    /// Where the search for a fingerprint starts: its low bits, spread evenly over the places.
    fn home(&self, fingerprint: u64) -> usize {
        let places = u64::try_from(self.fingerprints.len()).unwrap_or(0);
        usize::try_from(((fingerprint & u64::from(u32::MAX)) * places) >> 32).unwrap_or(0)
    }

    fn next(&self, place: usize) -> usize {
        if place + 1 < self.fingerprints.len() { place + 1 } else { 0 }
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
                let fingerprint = (number % 20) << 28 | number << 40;
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
                assert!(table.bytes() <= 19 * table.used + 19 * 2, "{} for {number}", table.bytes());
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
