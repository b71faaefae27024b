//! Uses of keys that wait to be written: when and from which addresses, the newest of each.
use countersign::time::Time;
use countersign_store::registry::{LastUse, MOST_ADDRESSES};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Uses waiting at most; what comes beyond is written with a later use.
const MOST: usize = 100_000;

/// Uses that no store is known to have. Until a write is known to have been made, what it writes stays here: at no time is a use
/// neither here nor there, and one that could not be written is written with the next ones.
#[derive(Default)]
pub(crate) struct Unwritten {
    next: Uses,
    /// What is being written, of each key the oldest first.
    writing: Arc<[LastUse]>,
}

/// Uses of keys since they were written last. A key that comes again from where it came last costs one look-up.
#[derive(Default)]
pub(crate) struct Uses {
    keys: HashMap<Box<str>, Places>,
    /// How many uses there are in all.
    many: usize,
}

/// Where one key came from.
struct Places {
    last: (Time, IpAddr),
    /// Other addresses, in no order; one that came from one address alone has none, and no memory for them.
    others: Vec<(Time, IpAddr)>,
}

impl Unwritten {
    /// Notes a use.
    pub(crate) fn note(&mut self, key: &str, at: Time, client: IpAddr) {
        self.next.note(key, at, client);
    }

    /// What is to be written now, of each key the oldest first.
    pub(crate) fn begin(&mut self) -> Arc<[LastUse]> {
        let newer = std::mem::take(&mut self.next).told();
        self.writing = if self.writing.is_empty() {
            newer.into()
        } else {
            let mut both = Uses::default();
            for LastUse { key, at, address } in self.writing.iter().chain(&newer) {
                if let Some(Ok(client)) = address.as_ref().map(|address| address.parse()) {
                    both.note(key, *at, client);
                }
            }
            both.told().into()
        };
        Arc::clone(&self.writing)
    }

    /// Takes note that the store has what was being written.
    pub(crate) fn written(&mut self) {
        self.writing = Arc::default();
    }

    /// The uses of these keys that came in, and all that are being written: those are looked through without keeping requests waiting.
    fn of(&self, keys: &[String]) -> (Vec<LastUse>, Arc<[LastUse]>) {
        let noted =
            |key: &String| self.next.of(key).into_iter().map(|(at, client)| told(key, at, client)).collect();
        (keys.iter().flat_map(|key| -> Vec<LastUse> { noted(key) }).collect(), Arc::clone(&self.writing))
    }
}

/// The uses of these keys that no store is known to have, in no order.
pub(crate) fn waiting(unwritten: &Mutex<Unwritten>, keys: &[String]) -> Vec<LastUse> {
    let (mut found, writing) = unwritten.lock().unwrap_or_else(PoisonError::into_inner).of(keys);
    let wanted: HashSet<&str> = keys.iter().map(String::as_str).collect();
    found.extend(writing.iter().filter(|one| wanted.contains(one.key.as_str())).cloned());
    found
}

impl Uses {
    /// Notes a use.
    pub(crate) fn note(&mut self, key: &str, at: Time, client: IpAddr) {
        if let Some(places) = self.keys.get_mut(key) {
            let full = self.many >= MOST;
            self.many += usize::from(places.note(at, client, full));
        } else if self.many < MOST {
            self.keys.insert(key.into(), Places { last: (at, client), others: Vec::new() });
            self.many += 1;
        }
    }

    /// What was noted of one key, in no order.
    pub(crate) fn of(&self, key: &str) -> Vec<(Time, IpAddr)> {
        let known = self.keys.get(key).into_iter();
        known.flat_map(|places| places.others.iter().chain([&places.last])).copied().collect()
    }

    /// Everything that was noted, of each key the oldest first.
    pub(crate) fn told(self) -> Vec<LastUse> {
        let mut told = Vec::with_capacity(self.many);
        for (key, mut places) in self.keys {
            places.others.sort_by_key(|(at, _)| *at);
            for (at, client) in places.others.into_iter().chain([places.last]) {
                told.push(self::told(&key, at, client));
            }
        }
        told
    }
}

fn told(key: &str, at: Time, client: IpAddr) -> LastUse {
    LastUse { key: key.to_owned(), at, address: Some(client.to_string()) }
}

impl Places {
    /// Notes a use; whether there is an address more than before. Uses come in no order of time: a request that takes long is told when it ends.
    fn note(&mut self, at: Time, client: IpAddr, full: bool) -> bool {
        if self.last.1 == client {
            self.last.0 = self.last.0.max(at);
            return false;
        }
        let known = self.others.iter_mut().find(|(_, address)| *address == client);
        let older = if at >= self.last.0 {
            let before = std::mem::replace(&mut self.last, (at, client));
            if let Some(known) = known {
                *known = before;
                return false;
            }
            before
        } else {
            if let Some(known) = known {
                known.0 = known.0.max(at);
                return false;
            }
            (at, client)
        };
        if self.others.len() + 1 < MOST_ADDRESSES && !full {
            self.others.push(older);
            return true;
        }
        if let Some(oldest) = self.others.iter_mut().min_by_key(|(at, _)| *at) {
            *oldest = older.max(*oldest);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn the_newest_addresses_of_a_key_are_told_oldest_first() {
        let mut uses = Uses::default();
        for (second, number) in (0..).zip([1_u32, 2, 3, 4, 5, 6, 7, 8, 9, 10, 3, 10, 10]) {
            uses.note("key_1", Time::from_seconds(second), from(number));
        }
        uses.note("key_2", Time::from_seconds(5), from(1));
        let told = uses.told();
        let of: Vec<_> = told.iter().filter(|one| one.key == "key_1").collect();
        assert_eq!(of.len(), MOST_ADDRESSES);
        let last = of.last().unwrap();
        assert_eq!((last.at, last.address.as_deref()), (Time::from_seconds(12), Some("0.0.0.10")));
        assert!(of.is_sorted_by_key(|one| one.at));
        assert!(
            !of.iter().any(|one| matches!(one.address.as_deref(), Some("0.0.0.1" | "0.0.0.2"))),
            "{of:?}"
        );
        assert_eq!(told.len(), MOST_ADDRESSES + 1);
    }

    #[test]
    fn a_use_is_known_until_it_is_known_to_be_written() {
        let uses = Mutex::new(Unwritten::default());
        let note = |key: &str, second, number| {
            uses.lock().unwrap().note(key, Time::from_seconds(second), from(number));
        };
        let begin = || uses.lock().unwrap().begin().len();
        let known = || {
            let waiting = waiting(&uses, &["key_1".to_owned()]);
            let mut known: Vec<i64> = waiting.iter().map(|one| one.at.seconds()).collect();
            known.sort_unstable();
            known
        };
        note("key_1", 1, 1);
        note("key_2", 1, 1);
        assert_eq!(begin(), 2);
        note("key_1", 2, 2);
        assert_eq!(known(), [1, 2], "while it is being written");
        // The write came to nothing: the next one has all, and the newest of each address.
        note("key_1", 3, 1);
        assert_eq!(begin(), 3);
        assert_eq!(known(), [2, 3]);
        uses.lock().unwrap().written();
        assert_eq!((known(), begin()), (vec![], 0));
    }

    #[test]
    fn a_use_that_is_told_late_takes_no_newer_one_back() {
        let mut uses = Uses::default();
        for (second, number) in [(5, 1), (9, 1), (4, 1), (7, 2), (6, 2), (12, 3)] {
            uses.note("key_1", Time::from_seconds(second), from(number));
        }
        let told: Vec<_> =
            uses.told().into_iter().map(|one| (one.at.seconds(), one.address.unwrap())).collect();
        let wanted = [(7, "0.0.0.2"), (9, "0.0.0.1"), (12, "0.0.0.3")];
        assert_eq!(told, wanted.map(|(second, address)| (second, address.to_owned())));
    }

    #[test]
    fn what_waits_is_bounded_whoever_comes_from_wherever() {
        let mut uses = Uses::default();
        let mut number = 0;
        while number < 150_000 {
            uses.note(&format!("key_{}", number / 3), Time::from_seconds(1), from(number));
            number += 1;
        }
        // A key that is known goes on being told where it came from last.
        uses.note("key_0", Time::from_seconds(9), from(7));
        let told = uses.told();
        assert_eq!(told.len(), MOST);
        let last = told.iter().rfind(|one| one.key == "key_0").unwrap();
        assert_eq!(last.at, Time::from_seconds(9));
    }
}
