//! How often one address may ask what strangers may ask: a leaky bucket for each address, in bounded memory.
use crate::session::settings::Rate;
use countersign::time::{Span, Time};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// Addresses remembered at once: about 4 MB. Beyond them, newcomers share one bucket until others have emptied.
const MOST_ADDRESSES: usize = 65_536;
/// Between two looks through all addresses lies at least a second: a flood of addresses must not make every call slow.
const SWEEP_MILLIS: i64 = 1000;

/// The buckets (generic cell rate algorithm: one instant for each address).
pub(crate) struct Pace {
    /// Nanoseconds between two calls at the long-term rate.
    interval: i128,
    /// How far an address may run ahead of that.
    ahead: i128,
    most: usize,
    buckets: Mutex<Buckets>,
}

#[derive(Default)]
struct Buckets {
    /// When the bucket of an address would be empty.
    empty: HashMap<IpAddr, i128>,
    swept: Option<Time>,
}

/// Too many calls from there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Pace {
    pub(crate) fn new(rate: Rate) -> Self {
        let interval = 1_000_000_000 / i128::from(rate.per_second.max(1));
        let ahead = interval * i128::from(rate.burst.max(1));
        Self { interval, ahead, most: MOST_ADDRESSES, buckets: Mutex::default() }
    }

    /// Counts a call, or refuses it and counts nothing.
    pub(crate) fn admit(&self, from: IpAddr, now: Time) -> Result<(), TooMany> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut place = network(from);
        if !buckets.empty.contains_key(&place) && buckets.empty.len() >= self.most {
            buckets.sweep(now);
            if buckets.empty.len() >= self.most {
                place = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            }
        }
        let now = now.nanos();
        let empty = buckets.empty.entry(place).or_insert(now);
        // Never further ahead than a full bucket, whatever our clock did meanwhile.
        *empty = (*empty).clamp(now, now + self.ahead);
        if *empty + self.interval > now + self.ahead {
            return Err(TooMany);
        }
        *empty += self.interval;
        Ok(())
    }
}

impl Buckets {
    fn sweep(&mut self, now: Time) {
        if self.swept.is_some_and(|swept| now.since(swept).abs() < Span::from_millis(SWEEP_MILLIS)) {
            return;
        }
        self.swept = Some(now);
        self.empty.retain(|_, empty| *empty > now.nanos());
    }
}

/// One caller has a whole /64 of IPv6 addresses, and one IPv4 address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(four) => IpAddr::V4(four),
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(most: usize) -> Pace {
        Pace { most, ..Pace::new(Rate { per_second: 10, burst: 3 }) }
    }
    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }
    fn admitted(pace: &Pace, from: &str, millis: i64, calls: usize) -> usize {
        (0..calls).filter(|_| pace.admit(ip(from), Time::from_millis(millis)).is_ok()).count()
    }

    #[test]
    fn a_burst_then_the_rate_and_each_address_for_itself() {
        let pace = pace(100);
        assert_eq!(admitted(&pace, "10.0.0.1", 0, 10), 3);
        assert_eq!(admitted(&pace, "10.0.0.2", 0, 10), 3);
        assert_eq!(admitted(&pace, "::ffff:10.0.0.1", 0, 1), 0);
        assert_eq!(admitted(&pace, "10.0.0.1", 100, 10), 1);
        assert_eq!(admitted(&pace, "10.0.0.1", 10_000, 10), 3);
        assert_eq!(admitted(&pace, "2001:db8::1", 0, 10), 3);
        assert_eq!(admitted(&pace, "2001:db8::ffff:1", 0, 10), 0);
        assert_eq!(admitted(&pace, "2001:db8:0:1::1", 0, 10), 3);
    }

    #[test]
    fn a_clock_that_steps_back_locks_nobody_out() {
        let pace = pace(100);
        assert_eq!(admitted(&pace, "10.0.0.1", 1_000_000, 3), 3);
        assert_eq!(admitted(&pace, "10.0.0.1", 0, 1), 0);
        assert_eq!(admitted(&pace, "10.0.0.1", 300, 9), 3);
    }

    #[test]
    fn memory_is_bounded_and_newcomers_are_served_still() {
        let pace = pace(4);
        for last in 0..=255 {
            let _ = pace.admit(ip(&format!("10.0.0.{last}")), Time::from_millis(0));
        }
        assert!(pace.buckets.lock().unwrap().empty.len() <= 5);
        assert_eq!(admitted(&pace, "10.1.0.1", 5_000, 3), 3);
    }
}
