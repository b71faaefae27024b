//! One shard of what is remembered: places for checks that held, traces of first sights, and the checks under way.
use std::task::Waker;

/// Places in which one credential may stand: few enough to look at all of them.
const WAYS: usize = 4;
/// Tasks that wait for one check; whoever comes beyond checks for itself.
const MOST_WAITING: usize = 1024;
/// Checks under way at one time that others may wait for: threads check, so there are never many.
const MOST_UNDER_WAY: usize = 64;
/// A place and a trace.
pub(super) const BYTES_EACH: usize = size_of::<Place>() + size_of::<u32>();

pub(super) struct Shard {
    /// Empty until the first check is seen.
    places: Box<[Place]>,
    /// What was seen once, by tag: as many as places.
    traces: Box<[u32]>,
    groups: usize,
    under_way: Vec<UnderWay>,
    /// Number of the next check under way.
    next: u64,
    /// Counts uses, so that the place used least recently is known.
    uses: u32,
}

/// A check that held; free while `until` is zero.
#[derive(Clone, Copy, Default)]
struct Place {
    digest: [u8; 32],
    tag: u64,
    until: u32,
    used: u32,
}

struct UnderWay {
    tag: u64,
    number: u64,
    waiting: Vec<Waker>,
}

/// What a shard says to a check about to be made.
pub(super) enum Begun {
    /// Something with this tag is remembered.
    Found([u8; 32]),
    /// Nothing is known; others can wait for this number from now on.
    First(u64),
    /// Somebody is at it.
    UnderWay(u64),
    /// Nothing is known, and there are too many to keep account of.
    Crowded,
}

impl Shard {
    pub(super) fn new(most: usize) -> Self {
        Self {
            places: Box::default(),
            traces: Box::default(),
            groups: (most / WAYS).max(1),
            under_way: Vec::new(),
            next: 0,
            uses: 0,
        }
    }

    pub(super) fn begin(&mut self, tag: u64) -> Begun {
        if let Some(digest) = self.find(tag) {
            return Begun::Found(digest);
        }
        if let Some(other) = self.under_way.iter().find(|other| other.tag == tag) {
            return if other.waiting.len() < MOST_WAITING {
                Begun::UnderWay(other.number)
            } else {
                Begun::Crowded
            };
        }
        if self.under_way.len() >= MOST_UNDER_WAY {
            return Begun::Crowded;
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.under_way.push(UnderWay { tag, number, waiting: Vec::new() });
        Begun::First(number)
    }

    /// The digest that stands under a tag.
    pub(super) fn find(&mut self, tag: u64) -> Option<[u8; 32]> {
        self.uses = self.uses.wrapping_add(1);
        let uses = self.uses;
        let place = self.group(tag)?.iter_mut().find(|place| place.until != 0 && place.tag == tag)?;
        place.used = uses;
        Some(place.digest)
    }

    /// Whether a check that held is worth remembering: it was seen before, or others wait for it. Leaves a trace if not.
    pub(super) fn seen_again(&mut self, tag: u64, number: Option<u64>) -> bool {
        let awaited = |other: &UnderWay| Some(other.number) == number && !other.waiting.is_empty();
        if self.under_way.iter().any(awaited) {
            return true;
        }
        if self.traces.is_empty() {
            self.traces = vec![0; self.groups * WAYS].into();
        }
        // Never zero, which is no trace; other bits than those that choose the place.
        let trace = u32::try_from(tag >> 32).unwrap_or(0) | 1;
        let at = usize::try_from(tag & 0xffff_ffff).unwrap_or(0) % self.traces.len();
        match self.traces.get_mut(at) {
            Some(seen) if *seen == trace => true,
            Some(seen) => {
                *seen = trace;
                false
            }
            None => false,
        }
    }

    /// Remembers a check: in its own place, a free one, one whose credential has ended, or else the one used least recently.
    pub(super) fn put(&mut self, tag: u64, digest: [u8; 32], until: u32, now: u32) {
        if self.places.is_empty() {
            self.places = vec![Place::default(); self.groups * WAYS].into();
        }
        let uses = self.uses;
        let Some(group) = self.group(tag) else { return };
        let rank = |place: &Place| match place {
            place if place.until != 0 && place.tag == tag => (0, 0),
            place if place.until < now => (1, 0),
            place => (2, u32::MAX - uses.wrapping_sub(place.used)),
        };
        if let Some(place) = group.iter_mut().min_by_key(|place| rank(place)) {
            *place = Place { digest, tag, until, used: uses };
        }
    }

    /// Ends a check under way and gives who waited for it.
    pub(super) fn end(&mut self, number: u64) -> Vec<Waker> {
        let at = self.under_way.iter().position(|other| other.number == number);
        at.map(|at| self.under_way.swap_remove(at).waiting).unwrap_or_default()
    }

    /// Has a task woken when a check ends; false when it ended already, or too many wait.
    pub(super) fn join(&mut self, number: u64, waker: &Waker) -> bool {
        let Some(other) = self.under_way.iter_mut().find(|other| other.number == number) else {
            return false;
        };
        if other.waiting.iter().any(|known| known.will_wake(waker)) {
            return true;
        }
        if other.waiting.len() >= MOST_WAITING {
            return false;
        }
        other.waiting.push(waker.clone());
        true
    }

    pub(super) fn count(&self) -> usize {
        self.places.iter().filter(|place| place.until != 0).count()
    }

    fn group(&mut self, tag: u64) -> Option<&mut [Place]> {
        let at = usize::try_from(tag & 0xffff_ffff).unwrap_or(0) % self.groups;
        self.places.chunks_exact_mut(WAYS).nth(at)
    }
}
