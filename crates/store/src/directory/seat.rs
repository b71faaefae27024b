//! One account in memory: a fixed seat whose content is replaced whole, so that no reader sees half a change.
use crate::directory::names::Names;
use crate::fault::Fault;
use crate::model::{Account, Identifier, KeyRecord, Role};
use arc_swap::ArcSwapOption;
use countersign::ask::{Caller, KeyLimits, KnownKey, Network};
use countersign::time::Time;
use countersign_keys::{Algorithm, CompactKey};
use std::cmp::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// Where an account sits; every index points here and none needs to change when the account does.
pub(crate) struct Seat {
    pub(crate) id: Box<str>,
    pub(crate) now: ArcSwapOption<Entry>,
}

/// An account with its keys, as it is until something about it changes.
pub(crate) struct Entry {
    pub(crate) caller: Arc<Caller>,
    pub(crate) identifiers: Names,
    pub(crate) organisation: Option<Box<str>>,
    pub(crate) acts_as: Box<[Box<str>]>,
    pub(crate) jwks_url: Option<Box<str>>,
    pub(crate) role: Option<Role>,
    created: Time,
    /// What judging does not need of each key, in the order of `caller.keys`.
    kept: Box<[Kept]>,
}

/// What a key's row has beyond what judging needs.
pub(crate) struct Kept {
    created: Time,
    last_address: Mutex<Option<Box<str>>>,
}

/// A key on its way into an entry.
pub(crate) type Part = (Arc<KnownKey>, Kept);

impl Seat {
    pub(crate) fn new(id: &str) -> Arc<Self> {
        Arc::new(Self { id: id.into(), now: ArcSwapOption::empty() })
    }
}

impl Entry {
    pub(crate) fn new(account: &Account, organisation: Option<&str>, mut parts: Vec<Part>) -> Self {
        // Oldest first, so that listings and answers do not depend on the order of reading.
        parts.sort_by(|(one, kept), (other, other_kept)| {
            kept.created.cmp(&other_kept.created).then_with(|| one.id.cmp(&other.id))
        });
        let (keys, kept): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let caller = Caller {
            id: account.id.as_str().into(),
            name: account.name.as_str().into(),
            organisation: organisation.map(Into::into),
            enabled: account.enabled,
            paths: boxed(&account.paths),
            keys: keys.into(),
        };
        Self {
            caller: Arc::new(caller),
            identifiers: Names::new(&account.identifiers),
            organisation: account.organisation.as_deref().map(Into::into),
            acts_as: boxed(&account.acts_as),
            jwks_url: account.jwks_url.as_deref().map(Into::into),
            role: account.role,
            created: account.created,
            kept: kept.into(),
        }
    }

    /// The account's row.
    pub(crate) fn account(&self) -> Account {
        Account {
            id: self.caller.id.to_string(),
            name: self.caller.name.to_string(),
            organisation: self.organisation.as_deref().map(str::to_owned),
            enabled: self.caller.enabled,
            identifiers: self.identifiers.iter().map(identifier).collect(),
            acts_as: texts(&self.acts_as),
            paths: texts(&self.caller.paths),
            jwks_url: self.jwks_url.as_deref().map(str::to_owned),
            role: self.role,
            created: self.created,
        }
    }

    /// The rows of its keys, oldest first.
    pub(crate) fn keys(&self) -> impl Iterator<Item = KeyRecord> {
        self.caller.keys.iter().zip(&self.kept).map(|(known, kept)| record(&self.caller.id, known, kept))
    }

    /// Its keys as parts of a next entry; what is parsed stays parsed.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part> {
        self.caller.keys.iter().zip(&self.kept).map(|(known, kept)| {
            let last_address = Mutex::new(kept.address());
            (known.clone(), Kept { created: kept.created, last_address })
        })
    }

    /// Notes from where a key was last used.
    pub(crate) fn came_from(&self, key: &str, address: &str) {
        let keys = self.caller.keys.iter().zip(&self.kept);
        if let Some((_, kept)) = keys.into_iter().find(|(known, _)| &*known.id == key) {
            *kept.last_address.lock().unwrap_or_else(PoisonError::into_inner) = Some(address.into());
        }
    }
}

impl Kept {
    fn address(&self) -> Option<Box<str>> {
        self.last_address.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads a row into what judging needs.
///
/// # Errors
/// [`Fault`] when the row holds what this version cannot read: such a key must not be judged by a part of its limits.
pub(crate) fn part(record: &KeyRecord) -> Result<Part, Fault> {
    let key = CompactKey::from_spki_der(&record.spki)
        .map_err(|error| Fault::caused(format!("the public key of {} cannot be read", record.id), error))?;
    let mut known = KnownKey::new(&record.id, &record.label, record.life, key);
    known.dialects = boxed(&record.dialects);
    known.algorithms = record
        .algorithms
        .iter()
        .map(|name| Algorithm::from_name(name).ok_or_else(|| unread(record, "algorithm", name)))
        .collect::<Result<_, _>>()?;
    known.limits = KeyLimits {
        methods: boxed(&record.methods),
        paths: boxed(&record.paths),
        networks: record
            .networks
            .iter()
            .map(|text| Network::parse(text).ok_or_else(|| unread(record, "network", text)))
            .collect::<Result<_, _>>()?,
    };
    if let Some(last_used) = record.last_used {
        known.touch(last_used);
    }
    let last_address = Mutex::new(record.last_address.as_deref().map(Into::into));
    Ok((Arc::new(known), Kept { created: record.created, last_address }))
}

fn unread(record: &KeyRecord, what: &str, found: &str) -> Fault {
    Fault::new(format!(
        "wanted {what}s that this version knows in key {}; found {found:?}; run the version that wrote it, or correct the key",
        record.id
    ))
}

fn record(account: &str, known: &KnownKey, kept: &Kept) -> KeyRecord {
    let last_used = known.last_used();
    KeyRecord {
        id: known.id.to_string(),
        account: account.to_owned(),
        label: known.label.to_string(),
        spki: known.compact().spki_der().to_vec(),
        life: known.life,
        dialects: texts(&known.dialects),
        algorithms: known.algorithms.iter().map(|algorithm| algorithm.name().to_owned()).collect(),
        methods: texts(&known.limits.methods),
        paths: texts(&known.limits.paths),
        networks: known.limits.networks.iter().map(ToString::to_string).collect(),
        created: kept.created,
        last_used: (last_used != 0).then(|| Time::from_seconds(last_used)),
        last_address: kept.address().map(String::from),
    }
}

fn boxed(texts: &[String]) -> Box<[Box<str>]> {
    texts.iter().map(|text| text.as_str().into()).collect()
}

fn texts(boxed: &[Box<str>]) -> Vec<String> {
    boxed.iter().map(|text| text.to_string()).collect()
}

fn identifier((namespace, value): (&str, &str)) -> Identifier {
    Identifier { namespace: namespace.to_owned(), value: value.to_owned() }
}

/// A seat ordered by its account's id, so that accounts can be listed page by page.
pub(crate) struct ById(pub(crate) Arc<Seat>);

impl std::borrow::Borrow<str> for ById {
    fn borrow(&self) -> &str {
        &self.0.id
    }
}

impl Ord for ById {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.id.cmp(&other.0.id)
    }
}

impl PartialOrd for ById {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}
