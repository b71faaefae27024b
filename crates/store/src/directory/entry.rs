//! One account ready for use: replaced whole when anything about it changes, so that no reader sees half a change.
use crate::directory::names::Names;
use crate::directory::row::KeyRow;
use crate::fault::Fault;
use crate::model::{Account, Identifier, KeyRecord, Role};
use countersign::ask::{Caller, KeyLimits, KnownKey, Network};
use countersign::time::Time;
use countersign_keys::{Algorithm, CompactKey, KeyError};
use std::sync::{Arc, Mutex, PoisonError};

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
    pub(crate) created: Time,
    last_address: Mutex<Option<Box<str>>>,
}

/// A key on its way into an entry.
pub(crate) type Part = (Arc<KnownKey>, Kept);

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
        self.caller
            .keys
            .iter()
            .zip(&self.kept)
            .map(|(known, kept)| (known.clone(), Kept::new(kept.created, kept.address().as_deref())))
    }

    /// Its keys beside what judging does not need of them.
    pub(crate) fn kept(&self) -> impl Iterator<Item = (&KnownKey, &Kept)> {
        self.caller.keys.iter().map(|known| &**known).zip(&self.kept)
    }

    /// Whether any of its keys was needed for a proof, so that making it ready for use again would cost something.
    pub(crate) fn is_in_use(&self) -> bool {
        self.caller.keys.iter().any(|known| known.is_parsed() || known.last_used() != 0)
    }

    /// Notes when and from where a key was last used.
    pub(crate) fn came_from(&self, key: &str, at: Time, address: Option<&str>) {
        if let Some((known, kept)) = self.kept().find(|(known, _)| *known.id == *key) {
            // A use noted on a state of the account that has been replaced meanwhile.
            if at.seconds() > known.last_used() {
                known.touch(at);
            }
            if let Some(address) = address {
                *kept.last_address.lock().unwrap_or_else(PoisonError::into_inner) = Some(address.into());
            }
        }
    }
}

impl Kept {
    pub(crate) fn new(created: Time, last_address: Option<&str>) -> Self {
        Self { created, last_address: Mutex::new(last_address.map(Into::into)) }
    }

    pub(crate) fn address(&self) -> Option<Box<str>> {
        self.last_address.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads a row into what judging needs.
///
/// # Errors
/// [`Fault`] when the row holds what this version cannot read: such a key must not be judged by a part of its limits.
pub(crate) fn part(record: &KeyRecord) -> Result<Part, Fault> {
    let row = KeyRow::from(record);
    let key = CompactKey::from_spki_der(row.spki).map_err(|error| no_key(row.id, error))?;
    let mut known = KnownKey::new(row.id, row.label, row.life, key);
    known.dialects = boxed(row.dialects);
    (known.algorithms, known.limits) = limits(&row)?;
    if let Some(last_used) = row.last_used {
        known.touch(last_used);
    }
    Ok((Arc::new(known), Kept::new(row.created, row.last_address)))
}

/// Writes the packed key of a row.
///
/// # Errors
/// [`Fault`] when it cannot be read.
pub(crate) fn part_key(row: &KeyRow<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    CompactKey::pack_spki(row.spki, out).map_err(|error| no_key(row.id, error))
}

/// What a row says about where its key may be used.
///
/// # Errors
/// [`Fault`] when it names what this version does not know.
pub(crate) fn limits(row: &KeyRow<'_>) -> Result<(Box<[Algorithm]>, KeyLimits), Fault> {
    let algorithm =
        |name: &String| Algorithm::from_name(name).ok_or_else(|| unread(row.id, "algorithm", name));
    let network = |text: &String| Network::parse(text).ok_or_else(|| unread(row.id, "network", text));
    let limits = KeyLimits {
        methods: boxed(row.methods),
        paths: boxed(row.paths),
        networks: row.networks.iter().map(network).collect::<Result<_, _>>()?,
    };
    Ok((row.algorithms.iter().map(algorithm).collect::<Result<_, _>>()?, limits))
}

fn no_key(id: &str, error: KeyError) -> Fault {
    Fault::caused(format!("the public key of {id} cannot be read"), error)
}

fn unread(id: &str, what: &str, found: &str) -> Fault {
    Fault::new(format!(
        "wanted {what}s that this version knows in key {id}; found {found:?}; run the version that wrote it, or correct the key"
    ))
}

pub(crate) fn record(account: &str, known: &KnownKey, kept: &Kept) -> KeyRecord {
    let last_used = known.last_used();
    KeyRecord {
        id: known.id.to_string(),
        account: account.to_owned(),
        label: known.label.to_string(),
        spki: known.compact().to_spki_der(),
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
