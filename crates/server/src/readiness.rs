//! Who would pass if a route enforced: counted in memory while it does not, by account, or by network where no name is believed.
use crate::config::mode::Mode;
use countersign::reason::Reason;
use countersign::time::{Span, Time};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Accounts and networks remembered, at most so many of each (about 300 bytes): strangers choose networks, and must neither fill
/// the memory nor take the accounts' places.
const MOST: usize = 10_000;

/// Who signed a dialect that is being left within so many seconds still has to move: jobs that run once a day are seen.
const RECENTLY_SECONDS: i64 = 25 * 3600;

/// Stands for the network of callers whose address no proxy told.
pub const UNKNOWN: &str = "unknown";

/// What was seen of every caller on routes that do not enforce.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    rows: BTreeMap<(String, Who), Row>,
    since: Option<Time>,
    /// Rows of networks.
    networks: usize,
    /// Requests of callers that found no room.
    missed: u64,
}

/// Whom requests are counted under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// An account, by name. Whether it was proved, the row says.
    Account(String),
    /// The network that requests came from which named no account we know: a /24, or a /48 of IPv6, or [`UNKNOWN`].
    Network(String),
}

/// Whose a request is that would be refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tried<'r> {
    /// An account's: its signature held.
    Signed(&'r str),
    /// Anybody's: it names this account and proves nothing.
    Named(&'r str),
    /// Somebody's from this address; `None` where it is not known.
    Nobody(Option<IpAddr>),
}

/// What was seen of one caller on one route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The mode of its last request.
    pub mode: Mode,
    /// Requests that held.
    pub passed: u64,
    /// Requests whose signature held and that would be refused all the same; of a network, every one that would.
    pub failed: u64,
    /// Requests that name the account and prove nothing: its own with a wrong key, or anybody's.
    pub unproven: u64,
    /// Why the last one that failed did.
    pub reason: Option<Reason>,
    /// Why the last unproven one was none.
    pub unproven_reason: Option<Reason>,
    /// What it signed that the route's callers should move away from.
    pub leaving: Option<Leaving>,
    /// When the last request came.
    pub last: Time,
}

/// Requests in a dialect that callers should move away from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// The dialect of the last one.
    pub dialect: Arc<str>,
    /// How many held.
    pub passed: u64,
    /// When the last one came.
    pub last: Time,
}

/// Everything that was seen.
#[derive(Clone, Debug)]
pub struct Report {
    /// When the first request was counted.
    pub since: Option<Time>,
    /// Route, caller, and what was seen.
    pub rows: Vec<(String, Who, Row)>,
    /// Requests that were not counted, since too many callers were there.
    pub missed: u64,
}

impl Row {
    /// Whether the caller would pass: it proved itself, nothing it signed would be refused, and it has moved where it should. Names
    /// that others wrote do not count against it.
    #[must_use]
    pub fn is_ready(&self, now: Time) -> bool {
        self.passed > 0 && self.failed == 0 && self.still_leaving(now).is_none()
    }

    /// What it signed lately that it should move away from.
    #[must_use]
    pub fn still_leaving(&self, now: Time) -> Option<&Leaving> {
        self.leaving.as_ref().filter(|leaving| now.since(leaving.last) < Span::from_seconds(RECENTLY_SECONDS))
    }
}

impl Readiness {
    /// Counts a request that held; `left` is its dialect where callers should move away from that.
    pub(crate) fn passed(&self, route: &str, account: &str, left: Option<&Arc<str>>, mode: Mode, now: Time) {
        self.note(route, Who::Account(account.to_owned()), mode, now, |row| {
            row.passed = row.passed.saturating_add(1);
            if let Some(dialect) = left {
                let before = row.leaving.as_ref().map_or(0, |leaving| leaving.passed);
                row.leaving = Some(Leaving {
                    dialect: Arc::clone(dialect),
                    passed: before.saturating_add(1),
                    last: now,
                });
            }
        });
    }

    /// Counts a request that would be refused.
    pub(crate) fn failed(&self, route: &str, who: Tried<'_>, reason: Reason, mode: Mode, now: Time) {
        let counts = !matches!(who, Tried::Named(_));
        let who = match who {
            Tried::Signed(name) | Tried::Named(name) => Who::Account(name.to_owned()),
            Tried::Nobody(client) => Who::Network(client.map_or_else(|| UNKNOWN.to_owned(), network)),
        };
        self.note(route, who, mode, now, |row| {
            if counts {
                row.failed = row.failed.saturating_add(1);
                row.reason = Some(reason);
            } else {
                row.unproven = row.unproven.saturating_add(1);
                row.unproven_reason = Some(reason);
            }
        });
    }

    /// What was seen so far.
    #[must_use]
    pub fn report(&self) -> Report {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = seen.rows.iter().map(|((route, who), row)| (route.clone(), who.clone(), row.clone()));
        Report { since: seen.since, rows: rows.collect(), missed: seen.missed }
    }

    fn note(&self, route: &str, who: Who, mode: Mode, now: Time, count: impl FnOnce(&mut Row)) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.since.get_or_insert(now);
        let key = (route.to_owned(), who);
        if !seen.rows.contains_key(&key) {
            let network = matches!(key.1, Who::Network(_));
            let alike = if network { seen.networks } else { seen.rows.len().saturating_sub(seen.networks) };
            if alike >= MOST {
                seen.missed = seen.missed.saturating_add(1);
                return;
            }
            seen.networks = seen.networks.saturating_add(usize::from(network));
        }
        let row = seen.rows.entry(key).or_insert(Row {
            mode,
            passed: 0,
            failed: 0,
            unproven: 0,
            reason: None,
            unproven_reason: None,
            leaving: None,
            last: now,
        });
        row.mode = mode;
        row.last = now;
        count(row);
    }
}

/// The network of an address, as one party's: a /24, or a /48 of IPv6.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        Time::from_seconds(1)
    }

    #[test]
    fn a_forged_name_does_not_count_against_its_account() {
        let readiness = Readiness::default();
        let home: IpAddr = "192.0.2.7".parse().unwrap();
        readiness.passed("api", "alice", None, Mode::Shadow, now());
        readiness.failed("api", Tried::Named("alice"), Reason::BadSignature, Mode::Shadow, now());
        readiness.failed("api", Tried::Signed("bob"), Reason::Expired, Mode::Shadow, now());
        readiness.failed("api", Tried::Named("eve"), Reason::BadSignature, Mode::Shadow, now());
        readiness.failed("api", Tried::Nobody(Some(home)), Reason::MissingCredentials, Mode::Shadow, now());
        let report = readiness.report();
        let found: Vec<_> = report
            .rows
            .iter()
            .map(|(_, who, row)| (who.clone(), row.is_ready(now()), row.failed, row.unproven))
            .collect();
        let account = |name: &str| Who::Account(name.to_owned());
        assert_eq!(
            found,
            [
                (account("alice"), true, 0, 1),
                (account("bob"), false, 1, 0),
                (account("eve"), false, 0, 1),
                (Who::Network("192.0.2.0/24".to_owned()), false, 1, 0),
            ]
        );
    }

    #[test]
    fn who_signed_what_is_left_lately_still_has_to_move() {
        let (readiness, old) = (Readiness::default(), Arc::from("old"));
        readiness.passed("api", "alice", Some(&old), Mode::Enforce, now());
        readiness.passed("api", "alice", None, Mode::Enforce, now());
        let (_, _, row) = readiness.report().rows.pop().unwrap();
        assert_eq!((row.passed, row.leaving.as_ref().unwrap().passed), (2, 1));
        let later = |seconds: i64| now() + Span::from_seconds(seconds);
        assert!(!row.is_ready(later(24 * 3600)) && row.is_ready(later(26 * 3600)));
    }

    #[test]
    fn strangers_do_not_fill_the_memory() {
        let readiness = Readiness::default();
        for number in 0..20_000_u32 {
            let address = IpAddr::V4((number << 8).into());
            readiness.failed(
                "api",
                Tried::Nobody(Some(address)),
                Reason::MissingCredentials,
                Mode::Shadow,
                now(),
            );
        }
        let report = readiness.report();
        assert_eq!((report.rows.len(), report.missed), (MOST, 10_000));
        // Nor do they take the places of those who prove themselves.
        readiness.passed("api", "alice", None, Mode::Shadow, now());
        readiness.failed("api", Tried::Signed("bob"), Reason::Expired, Mode::Shadow, now());
        let report = readiness.report();
        assert_eq!((report.rows.len(), report.missed), (MOST + 2, 10_000));
        assert_eq!(network("2001:db8:1:2::3".parse().unwrap()), "2001:db8:1::/48");
    }
}
