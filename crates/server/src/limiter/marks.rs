//! Which keys were marked and until when, in a table of fixed size.
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Places that a key may have; the oldest mark gives way.
const WAYS: usize = 8;

/// The table. A place takes 16 bytes.
pub(crate) struct Marks {
    sets: Box<[Mutex<[Mark; WAYS]>]>,
}

/// A mark; the default is nobody's.
#[derive(Clone, Copy, Default)]
struct Mark {
    key: u64,
    until: Duration,
}

impl Marks {
    /// A table with about this many places.
    pub(crate) fn new(places: usize) -> Self {
        let sets = (places / WAYS).max(1);
        Self { sets: std::iter::repeat_with(Mutex::default).take(sets).collect() }
    }

    /// Marks a key.
    pub(crate) fn mark(&self, key: u64, until: Duration) {
        let Some(set) = self.set(key) else { return };
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        let known = set.iter().position(|mark| mark.key == key);
        let oldest = || set.iter().enumerate().min_by_key(|(_, mark)| mark.until).map(|(index, _)| index);
        if let Some(place) = known.or_else(oldest).and_then(|index| set.get_mut(index)) {
            *place = Mark { key, until };
        }
    }

    /// Whether a key is marked now.
    pub(crate) fn is_marked(&self, key: u64, now: Duration) -> bool {
        let Some(set) = self.set(key) else { return false };
        let set = set.lock().unwrap_or_else(PoisonError::into_inner);
        set.iter().any(|mark| mark.key == key && mark.until > now)
    }

    fn set(&self, key: u64) -> Option<&Mutex<[Mark; WAYS]>> {
        let sets = u64::try_from(self.sets.len()).unwrap_or(1).max(1);
        self.sets.get(usize::try_from(key % sets).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_end_and_the_oldest_gives_way() {
        let marks = Marks::new(1);
        let at = Duration::from_secs;
        for key in 1..=9 {
            marks.mark(key, at(key));
        }
        assert!(!marks.is_marked(1, at(0)), "the ninth took its place");
        assert!(marks.is_marked(9, at(8)) && !marks.is_marked(9, at(9)));
        marks.mark(9, at(20));
        assert!(marks.is_marked(9, at(9)) && marks.is_marked(2, at(1)));
    }
}
