//! Uses of keys that wait to be written: when and from which addresses, the newest of each.
use countersign::time::Time;
use countersign_store::registry::{LastUse, MOST_ADDRESSES};
use std::collections::HashMap;
use std::net::IpAddr;

/// Uses waiting at most; what comes beyond is written with a later use.
const MOST: usize = 100_000;

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

    /// Everything that was noted, of each key the oldest first.
    pub(crate) fn told(self) -> Vec<LastUse> {
        let mut told = Vec::with_capacity(self.many);
        for (key, mut places) in self.keys {
            places.others.sort_by_key(|(at, _)| *at);
            for (at, client) in places.others.into_iter().chain([places.last]) {
                told.push(LastUse { key: key.to_string(), at, address: Some(client.to_string()) });
            }
        }
        told
    }
}

impl Places {
    /// Notes a use; whether there is an address more than before.
    fn note(&mut self, at: Time, client: IpAddr, full: bool) -> bool {
        if self.last.1 == client {
            self.last.0 = at;
            return false;
        }
        let before = std::mem::replace(&mut self.last, (at, client));
        if let Some(known) = self.others.iter_mut().find(|(_, address)| *address == client) {
            *known = before;
            return false;
        }
        if self.others.len() + 1 < MOST_ADDRESSES && !full {
            self.others.push(before);
            return true;
        }
        if let Some(oldest) = self.others.iter_mut().min_by_key(|(at, _)| *at) {
            *oldest = before;
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
