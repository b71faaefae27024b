//! The two questions judging asks the world: which keys, and is this the first use.
use crate::life::key::KeyLife;
use crate::time::Time;
use countersign_keys::{Algorithm, CompactKey, Digests, Fingerprints, PublicKey, sha256};
use smallvec::SmallVec;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

/// First question: who might have made this proof? Nothing in it is believed yet.
#[derive(Clone, Copy, Debug)]
pub struct KeyQuery<'a> {
    /// Name of the dialect that asks.
    pub dialect: &'a str,
    /// What to look up.
    pub who: Who<'a>,
    /// The proof's own hint at a key, in any spelling; a hint only.
    pub kid: Option<&'a str>,
    /// The companion API key as presented.
    pub companion: Option<&'a str>,
    /// The user the caller wants to act for.
    pub acting_as: Option<&'a str>,
}

/// How the caller names itself.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// By an identifier in a namespace (`email`, `user`, `connection`, `site`, `user-id`).
    Identifier {
        /// The namespace.
        namespace: &'a str,
        /// The identifier, byte for byte.
        identifier: &'a str,
    },
    /// By a key: the key id or any fingerprint spelling (`kid` is the same text).
    Key(&'a str),
    /// By a session that we issued; the keys are then our own signing keys.
    Session(&'a str),
}

/// Answer to the first question.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// The account, or `None` when nobody has that identifier.
    pub caller: Option<Arc<Caller>>,
    /// Keys that might have signed, last used first: the account's own, or our signing keys for a session token.
    pub keys: SmallVec<[Arc<KnownKey>; 4]>,
    /// The hint names a key of another account.
    pub kid_elsewhere: bool,
    /// What is known of the companion key.
    pub companion: Companion,
    /// What is known of the user to act for.
    pub acting_as: ActingAs,
    /// What is known of the session.
    pub session: Standing,
    /// The account's key that opened the session: its limits hold for the session's tokens too.
    pub opened_by: Option<Arc<KnownKey>>,
    /// RFC 7638 thumbprint of the key that the session's tokens are bound to; `None`: to none.
    pub bound_to: Option<Box<str>>,
    /// How many checks an identifier without keys costs; `None`: one.
    pub decoys: Option<Decoys>,
}

/// The secret that says how many checks an identifier without keys costs: as many as some account's would, and for one
/// identifier always the same number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Decoys([u8; 16]);

impl Decoys {
    /// From a secret of the installation that outlives restarts: numbers that changed would tell the unknown.
    #[must_use]
    pub fn new(secret: [u8; 16]) -> Self {
        Self(secret)
    }

    /// One check for three of four identifiers, and each further one for a quarter of the rest; at most `most`.
    #[must_use]
    pub(crate) fn count(&self, dialect: &str, identifier: &str, most: usize) -> usize {
        let digest =
            sha256(&[b"countersign decoys\0", &self.0, dialect.as_bytes(), b"\0", identifier.as_bytes()]);
        let quarters = digest.iter().take_while(|byte| **byte < 64).count();
        quarters.saturating_add(1).min(most.max(1))
    }
}

impl std::fmt::Debug for Decoys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Decoys(secret not shown)")
    }
}

/// An account as judging needs it: immutable, replaced whole when anything about it changes.
#[derive(Debug)]
pub struct Caller {
    /// The account's id.
    pub id: Box<str>,
    /// The account's name.
    pub name: Box<str>,
    /// Name of its organisation.
    pub organisation: Option<Box<str>>,
    /// Whether it may come in at all.
    pub enabled: bool,
    /// Path prefixes (on segment borders) it may use; empty: all.
    pub paths: Box<[Box<str>]>,
    /// All its keys, live or not.
    pub keys: Box<[Arc<KnownKey>]>,
}

/// A registered key as judging needs it.
#[derive(Debug)]
pub struct KnownKey {
    /// The key's id.
    pub id: Box<str>,
    /// What its owner calls it.
    pub label: Box<str>,
    /// Where it stands in its life.
    pub life: KeyLife,
    /// The dialects it may be used with.
    pub dialects: Box<[Box<str>]>,
    /// The algorithms it may be used with; empty: all its kind has that are not weak.
    pub algorithms: Box<[Algorithm]>,
    /// Where it may be used.
    pub limits: KeyLimits,
    key: CompactKey,
    /// Boxed, since most registered keys are not in use.
    parsed: OnceLock<Box<PublicKey>>,
    fingerprints: OnceLock<Box<Fingerprints>>,
    digests: OnceLock<Option<Box<Digests>>>,
    last_used: AtomicI64,
}

/// Restrictions on one key; an empty list restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyLimits {
    /// Methods, upper case.
    pub methods: Box<[Box<str>]>,
    /// Path prefixes on segment borders.
    pub paths: Box<[Box<str>]>,
    /// Client networks.
    pub networks: Box<[Network]>,
}

/// An address range, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

/// What is known of a companion API key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Companion {
    /// None was presented.
    #[default]
    Missing,
    /// Nobody has it.
    Unknown,
    /// Known, but switched off.
    Disabled,
    /// Known, but bound to another account.
    Elsewhere,
    /// Known and good beside this account's proof.
    Known,
}

/// What is known of the user to act for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ActingAs {
    /// Nobody was named.
    #[default]
    Nobody,
    /// No such user.
    Unknown,
    /// The user exists; this account may not act for it.
    NotDelegated,
    /// The account may act for it.
    Delegated,
}

/// What is known of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// No session was named.
    #[default]
    None,
    /// No such session.
    Unknown,
    /// It ended.
    Ended,
    /// It lives until then, unless ended before.
    Live(Time),
}

/// Second question: is this the first time? What must not be used twice, told by meaning and never by bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Digest of dialect, account and the parts the dialect names, each with its length.
    pub mark: [u8; 32],
    /// The earliest instant at which the proof can have been used: its date less how far ahead it may be dated. A store that may
    /// have forgotten refuses what can have been used before.
    pub since: Time,
    /// Until when the use must be remembered (inclusive).
    pub until: Time,
}

/// Answer to the second question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// First use; now remembered, durably where the store promises that.
    First,
    /// Used before.
    Again,
    /// Dated before what the store can vouch for (after a restart or a step of the clock).
    Barred,
}

impl Caller {
    /// Its key with this id.
    #[must_use]
    pub fn key(&self, id: &str) -> Option<&Arc<KnownKey>> {
        self.keys.iter().find(|key| *key.id == *id)
    }
}

impl KnownKey {
    /// A key with its conditions; `last_used` in Unix seconds, 0 for never.
    #[must_use]
    pub fn new(id: &str, label: &str, life: KeyLife, key: CompactKey) -> Self {
        Self {
            id: id.into(),
            label: label.into(),
            life,
            dialects: Box::default(),
            algorithms: Box::default(),
            limits: KeyLimits::default(),
            key,
            parsed: OnceLock::new(),
            fingerprints: OnceLock::new(),
            digests: OnceLock::new(),
            last_used: AtomicI64::new(0),
        }
    }

    /// The parsed key; parsed at the first call and kept.
    pub fn key(&self) -> &PublicKey {
        self.parsed.get_or_init(|| Box::new(self.key.parse()))
    }

    /// Whether the parsed key is there already.
    #[must_use]
    pub fn is_parsed(&self) -> bool {
        self.parsed.get().is_some()
    }

    /// The compact form.
    #[must_use]
    pub fn compact(&self) -> &CompactKey {
        &self.key
    }

    /// Whether this key may be used with an algorithm: its kind has it, and its list names it (a weak one must be named).
    #[must_use]
    pub fn allows(&self, algorithm: Algorithm) -> bool {
        self.key().allows(algorithm)
            && if self.algorithms.is_empty() {
                !algorithm.is_weak()
            } else {
                self.algorithms.contains(&algorithm)
            }
    }

    /// Its fingerprints, worked out at the first call and kept.
    pub fn fingerprints(&self) -> &Fingerprints {
        self.fingerprints.get_or_init(|| Box::new(self.key().fingerprints()))
    }

    /// The digests that its fingerprints spell, worked out at the first call and kept.
    pub fn digests(&self) -> Option<&Digests> {
        self.digests.get_or_init(|| self.key.digests().map(Box::new)).as_deref()
    }

    /// Whether it was registered for this dialect.
    #[must_use]
    pub fn serves(&self, dialect: &str) -> bool {
        self.dialects.iter().any(|name| **name == *dialect)
    }

    /// Remembers a use, without a lock; the store writes it down later.
    pub fn touch(&self, now: Time) {
        self.last_used.store(now.seconds(), Ordering::Relaxed);
    }

    /// When it was last used, Unix seconds; 0 for never.
    #[must_use]
    pub fn last_used(&self) -> i64 {
        self.last_used.load(Ordering::Relaxed)
    }
}

impl Network {
    /// Reads `10.0.0.0/8`, `::1/128` or a bare address. `None` for anything else or for bits past the prefix.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (base, bits) = text.split_once('/').unwrap_or((text, ""));
        let base: IpAddr = base.parse().ok()?;
        let width = if base.is_ipv4() { 32 } else { 128 };
        let bits: u8 = if bits.is_empty() { width } else { bits.parse().ok()? };
        let network = Self { base, bits };
        (bits <= width && value(base) & !network.mask() == 0).then_some(network)
    }

    /// Whether the address lies inside; an IPv4 address written as IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.base.is_ipv4() && value(address) & self.mask() == value(self.base)
    }

    /// Whether every address of another network lies inside.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        self.bits <= other.bits && self.contains(other.base)
    }

    fn mask(&self) -> u128 {
        let width: u32 = if self.base.is_ipv4() { 32 } else { 128 };
        let ones = u128::MAX.checked_shl(width.saturating_sub(u32::from(self.bits))).unwrap_or(0);
        if width == 32 { ones & u128::from(u32::MAX) } else { ones }
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

fn value(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => u128::from(u32::from(four)),
        IpAddr::V6(six) => u128::from(six),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_what_they_say() {
        let net = |text: &str| Network::parse(text).unwrap();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(net("10.0.0.0/8").contains(ip("10.255.0.1")));
        assert!(net("10.0.0.0/8").contains(ip("::ffff:10.1.1.1")));
        assert!(!net("10.0.0.0/8").contains(ip("11.0.0.1")));
        assert!(net("0.0.0.0/0").contains(ip("1.2.3.4")) && !net("0.0.0.0/0").contains(ip("::1")));
        assert!(net("::/0").contains(ip("::1")) && net("::1").contains(ip("::1")));
        assert!(!net("127.0.0.1").contains(ip("127.0.0.2")));
        for bad in ["", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "x/8", "10.0.0.0/8/8"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }
}
