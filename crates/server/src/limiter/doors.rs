//! How many connections each address has open on one listener.
use super::network::Network;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

/// Whether a connection is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// It is, and not counted.
    Open,
    /// It is while its address has fewer than this many.
    Counted(Network, usize),
    /// It is not.
    Shut,
}

/// The counts; as many as connections are open, at most.
#[derive(Default)]
pub(crate) struct Doors(Mutex<HashMap<Network, usize>>);

/// One open connection of an address.
pub(crate) struct Entered {
    doors: Arc<Doors>,
    network: Network,
}

impl Doors {
    /// Counts a connection; `None` when its address has as many as it may.
    pub(crate) fn enter(self: &Arc<Self>, network: Network, most: usize) -> Option<Entered> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(network).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Entered { doors: Arc::clone(self), network })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut counts = self.doors.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = counts.entry(self.network) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    #[test]
    fn each_address_has_its_own_count_and_nothing_is_left_of_it() {
        let doors = Arc::new(Doors::default());
        let network = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
        let one = doors.enter(network("192.0.2.1"), 2);
        let two = doors.enter(network("192.0.2.1"), 2);
        assert!(one.is_some() && two.is_some());
        assert!(doors.enter(network("192.0.2.1"), 2).is_none());
        let six = doors.enter(network("2001:db8::1"), 1);
        assert!(six.is_some() && doors.enter(network("2001:db8::2"), 1).is_none());
        drop((one, six));
        assert!(doors.enter(network("192.0.2.1"), 2).is_some());
        drop(two);
        assert!(doors.0.lock().unwrap().is_empty());
    }
}
