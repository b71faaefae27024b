//! The installation file as it grows: accounts with their keys, what was left out of it, and what should be known about the rest.
use crate::exit::Failure;
use countersign::dialect::Dialect;
use countersign::hidden::is_hidden;
use countersign_keys::{Algorithm, Intake, Policy, PublicKey, read_one_public_key};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a server takes: bytes of a name, bytes of an identifier, keys of an account.
const LONGEST_NAME: usize = 128;
const LONGEST_IDENTIFIER: usize = 512;
const MOST_KEYS: usize = 64;

/// What all accounts of an import have in common, and the accounts.
pub(super) struct Draft {
    dialect: String,
    algorithms: Vec<Algorithm>,
    namespace: String,
    prefix: String,
    /// The account that was named by hand.
    pub(super) named: Option<String>,
    accounts: BTreeMap<String, Account>,
    /// Whose each key is: a server takes a key once.
    owners: BTreeMap<Vec<u8>, String>,
    /// Whose each identifier is.
    identifiers: BTreeMap<String, String>,
    left_out: Vec<Said>,
    notes: Vec<Said>,
}

/// Something to know about one entry of the source.
#[derive(Debug, Serialize)]
pub(super) struct Said {
    /// Which entry.
    #[serde(rename = "where")]
    pub(super) place: String,
    pub(super) why: String,
}

#[derive(Default)]
struct Account {
    identifiers: BTreeSet<String>,
    jwks_url: Option<String>,
    disabled: bool,
    keys: Vec<Key>,
}

/// A key with what restricts it.
pub(super) struct Key {
    pub(super) label: String,
    pub(super) key: PublicKey,
    /// The one algorithm that the source allows.
    pub(super) algorithm: Option<Algorithm>,
    pub(super) networks: Vec<String>,
    pub(super) expires: Option<String>,
}

#[derive(Serialize)]
struct File<'a> {
    account: Vec<FileAccount<'a>>,
}

#[derive(Serialize)]
struct FileAccount<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_url: Option<&'a str>,
    identifiers: BTreeMap<&'a str, &'a BTreeSet<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    key: Vec<FileKey<'a>>,
}

#[derive(Serialize)]
struct FileKey<'a> {
    label: &'a str,
    dialects: [&'a str; 1],
    public: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    algorithms: Vec<&'static str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    networks: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<&'a str>,
}

impl Draft {
    pub(super) fn new(dialect: &Dialect, namespace: &str, prefix: &str, named: Option<String>) -> Self {
        Self {
            dialect: dialect.name().to_string(),
            algorithms: dialect.algorithms().to_vec(),
            namespace: namespace.to_owned(),
            prefix: prefix.to_owned(),
            named,
            accounts: BTreeMap::new(),
            owners: BTreeMap::new(),
            identifiers: BTreeMap::new(),
            left_out: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Says that an entry stays behind.
    pub(super) fn leave(&mut self, place: impl Into<String>, why: impl std::fmt::Display) {
        self.left_out.push(Said { place: place.into(), why: why.to_string() });
    }

    /// Says something about an entry that is taken.
    pub(super) fn note(&mut self, place: impl Into<String>, why: impl std::fmt::Display) {
        self.notes.push(Said { place: place.into(), why: why.to_string() });
    }

    /// The account of this name; the name given by hand goes before. `None`, and said why, where a server would not take it.
    pub(super) fn account(&mut self, place: &str, name: &str, identifier: &str) -> Option<String> {
        let name = self.named.clone().unwrap_or_else(|| name.to_owned());
        let identifier = format!("{}{identifier}", self.prefix);
        for (what, text, most) in
            [("name", &name, LONGEST_NAME), ("identifier", &identifier, LONGEST_IDENTIFIER)]
        {
            if text.is_empty() || text.len() > most || text.trim() != text || text.chars().any(is_hidden) {
                self.leave(
                    place,
                    format!(
                        "wanted as {what} 1 to {most} bytes without control or invisible characters and without blanks at the ends, found {:?}",
                        text.chars().take(LONGEST_NAME).collect::<String>()
                    ),
                );
                return None;
            }
        }
        if let Some(holder) = self.identifiers.get(&identifier).filter(|holder| **holder != name) {
            let why = format!(
                "the account {holder} has the identifier {identifier}; what signs under it must be one account's"
            );
            self.leave(place, why);
            return None;
        }
        self.identifiers.insert(identifier.clone(), name.clone());
        self.accounts.entry(name.clone()).or_default().identifiers.insert(identifier);
        Some(name)
    }

    pub(super) fn disable(&mut self, account: &str) {
        if let Some(account) = self.accounts.get_mut(account) {
            account.disabled = true;
        }
    }

    /// Says where the keys of an account are; an account has one such address.
    pub(super) fn jwks_url(&mut self, place: &str, account: &str, url: &str) {
        let Some(known) = self.accounts.get_mut(account) else { return };
        match &known.jwks_url {
            Some(first) if first != url => {
                let why = format!("an account has one address of a key set, and {account} has {first}");
                self.leave(place, why);
            }
            _ => known.jwks_url = Some(url.to_owned()),
        }
    }

    /// Reads a key as a server with usual settings would; `None`, and said why, where it would not.
    pub(super) fn read(&mut self, place: &str, text: &str) -> Option<Intake> {
        match read_one_public_key(text.as_bytes(), &Policy::default()) {
            Ok(intake) => Some(intake),
            Err(error) => {
                self.leave(place, error);
                None
            }
        }
    }

    /// Takes a key, unless the dialect has no algorithm for it, or somebody has it already.
    pub(super) fn take(
        &mut self,
        place: &str,
        account: &str,
        identifier: &str,
        mut key: Key,
    ) -> Option<String> {
        let kind = key.key.kind();
        let fits = |algorithm: &Algorithm| {
            key.key.allows(*algorithm) && key.algorithm.is_none_or(|only| only == *algorithm)
        };
        if !self.algorithms.iter().any(fits) {
            let names: Vec<_> = self.algorithms.iter().map(|algorithm| algorithm.name()).collect();
            let only = key.algorithm.map_or(String::new(), |only| format!(" for {} alone", only.name()));
            self.leave(
                place,
                format!(
                    "{} takes {}, and this is a key of kind {kind}{only}",
                    self.dialect,
                    names.join(", ")
                ),
            );
            return None;
        }
        let account = self.named.clone().unwrap_or_else(|| account.to_owned());
        if let Some(owner) = self.owners.get(key.key.spki_der()) {
            let why = if *owner == account {
                "this key stands in the account already".to_owned()
            } else {
                format!(
                    "the account {owner} has this key; a server takes it under a second one only with [keys] shared = true and a proof"
                )
            };
            self.leave(place, why);
            return None;
        }
        if self.accounts.get(&account).is_some_and(|known| known.keys.len() >= MOST_KEYS) {
            self.leave(
                place,
                format!("the account {account} has {MOST_KEYS} keys, and a server takes no more"),
            );
            return None;
        }
        let name = self.account(place, &account, identifier)?;
        self.owners.insert(key.key.spki_der().to_vec(), account);
        let keys = &mut self.accounts.entry(name.clone()).or_default().keys;
        let wanted = label(&key.label);
        let mut label = wanted.clone();
        // Ends, since an account has a few keys and one of so many labels is free.
        for number in 2..=keys.len().saturating_add(1) {
            if !keys.iter().any(|other| other.label == label) {
                break;
            }
            label = format!("{wanted} {number}");
        }
        key.label = label;
        keys.push(key);
        Some(name)
    }

    pub(super) fn counts(&self) -> (usize, usize) {
        (self.accounts.len(), self.accounts.values().map(|account| account.keys.len()).sum())
    }

    /// How many keys an account has.
    pub(super) fn keys_of(&self, account: &str) -> usize {
        self.accounts.get(account).map_or(0, |account| account.keys.len())
    }

    pub(super) fn left_out(&self) -> &[Said] {
        &self.left_out
    }

    pub(super) fn notes(&self) -> &[Said] {
        &self.notes
    }

    /// The installation file.
    pub(super) fn text(&self) -> Result<String, Failure> {
        let accounts = self.accounts.iter().map(|(name, account)| FileAccount {
            name,
            enabled: account.disabled.then_some(false),
            jwks_url: account.jwks_url.as_deref(),
            identifiers: BTreeMap::from([(self.namespace.as_str(), &account.identifiers)]),
            key: account.keys.iter().map(|key| self.file_key(key)).collect(),
        });
        toml::to_string(&File { account: accounts.collect() })
            .map_err(|error| Failure::ours(format!("the installation file cannot be written: {error}")))
    }

    fn file_key<'a>(&'a self, key: &'a Key) -> FileKey<'a> {
        FileKey {
            label: &key.label,
            dialects: [&self.dialect],
            public: key.key.to_pem(),
            algorithms: key.algorithm.iter().map(|only| only.name()).collect(),
            networks: &key.networks,
            expires: key.expires.as_deref(),
        }
    }
}

/// The label as a server takes it, with room for a number behind it.
fn label(wanted: &str) -> String {
    let mut label = String::new();
    for letter in wanted.chars().filter(|letter| !is_hidden(*letter)) {
        if label.len() + letter.len_utf8() > LONGEST_NAME - 4 {
            break;
        }
        label.push(letter);
    }
    let label = label.trim();
    if label.is_empty() { "imported" } else { label }.to_owned()
}

impl Key {
    /// A key without restrictions.
    pub(super) fn plain(label: &str, key: PublicKey) -> Self {
        Self { label: label.to_owned(), key, algorithm: None, networks: Vec::new(), expires: None }
    }
}
