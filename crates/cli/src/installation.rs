//! An installation described in a TOML file: organisations, users, and accounts with their keys and companion keys.
use crate::exit::Failure;
use crate::{keyring, world};
use countersign::life::key::{KeyLife, KeyState};
use countersign::time::Time;
use countersign_keys::{PublicKey, read_public_key, sha256};
use countersign_store::model::{Account, CompanionRecord, Identifier, KeyRecord, Organisation, Record, User};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The file as it is written.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    prune: bool,
    #[serde(default)]
    organisation: Vec<WrittenOrganisation>,
    #[serde(default)]
    user: Vec<WrittenUser>,
    #[serde(default)]
    account: Vec<WrittenAccount>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct WrittenOrganisation {
    name: String,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct WrittenUser {
    name: String,
    enabled: Option<bool>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct WrittenAccount {
    name: String,
    organisation: Option<String>,
    identifiers: Option<BTreeMap<String, OneOrMore>>,
    acts_as: Option<Vec<String>>,
    paths: Option<Vec<String>>,
    jwks_url: Option<String>,
    role: Option<String>,
    enabled: Option<bool>,
    #[serde(default)]
    key: Vec<WrittenKey>,
    #[serde(default)]
    companion: Vec<WrittenCompanion>,
}

#[derive(Deserialize, Debug)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct WrittenKey {
    #[serde(default)]
    label: String,
    dialects: Vec<String>,
    file: Option<PathBuf>,
    public: Option<String>,
    #[serde(default)]
    algorithms: Vec<String>,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    networks: Vec<String>,
    expires: Option<String>,
    enabled: Option<bool>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct WrittenCompanion {
    #[serde(default)]
    label: String,
    dialect: String,
    secret_file: PathBuf,
    #[serde(default = "yes")]
    bound: bool,
    #[serde(default = "yes")]
    enabled: bool,
}

/// The file with every key and secret it names, read and judged.
#[derive(Debug, Default)]
pub(crate) struct Installation {
    /// Whether what is not described is removed.
    pub(crate) prune: bool,
    pub(crate) organisations: Vec<String>,
    pub(crate) users: Vec<(String, Option<bool>)>,
    pub(crate) accounts: Vec<Described>,
}

/// An account as described; what is left out stays as it is.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) name: String,
    pub(crate) organisation: Option<String>,
    pub(crate) identifiers: Option<BTreeMap<String, Vec<String>>>,
    pub(crate) acts_as: Option<Vec<String>>,
    pub(crate) paths: Option<Vec<String>>,
    pub(crate) jwks_url: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) enabled: Option<bool>,
    pub(crate) keys: Vec<DescribedKey>,
    pub(crate) companions: Vec<DescribedCompanion>,
}

/// A key as described.
#[derive(Debug)]
pub(crate) struct DescribedKey {
    pub(crate) label: String,
    pub(crate) key: PublicKey,
    pub(crate) dialects: Vec<String>,
    pub(crate) algorithms: Vec<String>,
    pub(crate) methods: Vec<String>,
    pub(crate) paths: Vec<String>,
    pub(crate) networks: Vec<String>,
    pub(crate) expires: Option<String>,
    pub(crate) enabled: Option<bool>,
}

/// A companion key as described.
pub(crate) struct DescribedCompanion {
    pub(crate) label: String,
    pub(crate) dialect: String,
    pub(crate) secret: Zeroizing<String>,
    pub(crate) bound: bool,
    pub(crate) enabled: bool,
}

impl std::fmt::Debug for DescribedCompanion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DescribedCompanion").field("label", &self.label).finish_non_exhaustive()
    }
}

impl Installation {
    /// Reads a file; names in it are relative to its folder.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = world::read_text(path)?;
        let written: Written = toml::from_str(&text)
            .map_err(|error| Failure::usage(format!("{}: {}", path.display(), error.to_string().trim())))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let at = |account: &str, failure: Failure| Failure {
            message: format!("{}: account {account}: {}", path.display(), failure.message),
            ..failure
        };
        let mut accounts = Vec::new();
        for account in written.account {
            let name = account.name.clone();
            accounts.push(account.resolve(folder).map_err(|failure| at(&name, failure))?);
        }
        Ok(Self {
            prune: written.prune,
            organisations: written.organisation.into_iter().map(|row| row.name).collect(),
            users: written.user.into_iter().map(|row| (row.name, row.enabled)).collect(),
            accounts,
        })
    }

    /// What the management API is asked for, for some of the accounts; what is left out of the file is left out here.
    pub(crate) fn document(&self, accounts: &[Described]) -> Value {
        let users =
            self.users.iter().map(|(name, enabled)| sparse(json!({ "name": name, "enabled": enabled })));
        json!({
            "prune": self.prune,
            "organisations": self.organisations.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
            "users": users.collect::<Vec<_>>(),
            "accounts": accounts.iter().map(Described::document).collect::<Vec<_>>(),
        })
    }

    /// The rows of a registry that holds exactly this, for judging offline.
    pub(crate) fn records(&self, now: Time) -> Vec<Record> {
        let organisation = |name: &String| format!("org_{name}");
        let mut records: Vec<Record> = Vec::new();
        for name in &self.organisations {
            records.push(Record::Organisation(Organisation {
                id: organisation(name),
                name: name.clone(),
                approval: false,
                created: now,
            }));
        }
        for (name, enabled) in &self.users {
            records.push(Record::User(User {
                name: name.clone(),
                enabled: enabled.unwrap_or(true),
                created: now,
            }));
        }
        for account in &self.accounts {
            let id = format!("acc_{}", account.name);
            let identifiers = account.identifiers.iter().flatten().flat_map(|(namespace, values)| {
                values.iter().map(|value| Identifier { namespace: namespace.clone(), value: value.clone() })
            });
            records.push(Record::Account(Account {
                id: id.clone(),
                name: account.name.clone(),
                organisation: account.organisation.as_ref().map(organisation),
                enabled: account.enabled.unwrap_or(true),
                identifiers: identifiers.collect(),
                acts_as: account.acts_as.clone().unwrap_or_default(),
                paths: account.paths.clone().unwrap_or_default(),
                jwks_url: None,
                role: None,
                created: now,
            }));
            let keys = account.keys.iter().enumerate();
            records.extend(keys.map(|(number, key)| Record::Key(key.row(&id, number, now))));
            let companions = account.companions.iter().enumerate();
            records.extend(companions.map(|(number, row)| Record::Companion(row.row(&id, number, now))));
        }
        records
    }
}

impl Described {
    fn document(&self) -> Value {
        let keys = self.keys.iter().map(|key| {
            sparse(json!({
                "label": key.label,
                "public": key.key.to_pem(),
                "dialects": key.dialects,
                "algorithms": key.algorithms,
                "methods": key.methods,
                "paths": key.paths,
                "networks": key.networks,
                "expires": key.expires,
            }))
        });
        let companions = self.companions.iter().map(|row| {
            json!({
                "label": row.label,
                "dialect": row.dialect,
                "digest": row.digest(),
                "bound": row.bound,
                "enabled": row.enabled,
            })
        });
        sparse(json!({
            "name": self.name,
            "organisation": self.organisation,
            "enabled": self.enabled,
            "identifiers": self.identifiers,
            "acts_as": self.acts_as,
            "paths": self.paths,
            "jwks_url": self.jwks_url,
            "role": self.role,
            "keys": keys.collect::<Vec<_>>(),
            "companions": companions.collect::<Vec<_>>(),
        }))
    }
}

impl DescribedKey {
    fn row(&self, account: &str, number: usize, now: Time) -> KeyRecord {
        let state = if self.enabled.unwrap_or(true) { KeyState::Active } else { KeyState::Disabled };
        KeyRecord {
            id: format!("key_{}_{number}", account.trim_start_matches("acc_")),
            account: account.to_owned(),
            label: self.label.clone(),
            spki: self.key.spki_der().to_vec(),
            life: KeyLife { state, ..KeyLife::ACTIVE },
            dialects: self.dialects.clone(),
            algorithms: self.algorithms.clone(),
            methods: self.methods.clone(),
            paths: self.paths.clone(),
            networks: self.networks.clone(),
            created: now,
            last_used: None,
            last_address: None,
        }
    }
}

impl DescribedCompanion {
    /// What a registry keeps of the secret.
    fn digest(&self) -> String {
        countersign::base64::encode_hex(&sha256(&[self.secret.as_bytes()]))
    }

    fn row(&self, account: &str, number: usize, now: Time) -> CompanionRecord {
        CompanionRecord {
            id: format!("cmp_{}_{number}", account.trim_start_matches("acc_")),
            account: account.to_owned(),
            dialect: self.dialect.clone(),
            label: self.label.clone(),
            digest: self.digest(),
            bound: self.bound,
            enabled: self.enabled,
            created: now,
        }
    }
}

impl WrittenAccount {
    fn resolve(self, folder: &Path) -> Result<Described, Failure> {
        let list = |values| match values {
            OneOrMore::One(value) => vec![value],
            OneOrMore::More(values) => values,
        };
        let identifiers =
            self.identifiers.map(|all| all.into_iter().map(|(name, values)| (name, list(values))).collect());
        let keys = self.key.into_iter().map(|key| key.resolve(folder)).collect::<Result<_, _>>()?;
        let companions =
            self.companion.into_iter().map(|row| row.resolve(folder)).collect::<Result<_, _>>()?;
        Ok(Described {
            name: self.name,
            organisation: self.organisation,
            identifiers,
            acts_as: self.acts_as,
            paths: self.paths,
            jwks_url: self.jwks_url,
            role: self.role,
            enabled: self.enabled,
            keys,
            companions,
        })
    }
}

impl WrittenKey {
    fn resolve(self, folder: &Path) -> Result<DescribedKey, Failure> {
        let key = match (&self.file, &self.public) {
            (Some(file), None) => keyring::public_key(&folder.join(file))?.key,
            (None, Some(text)) => {
                let read = read_public_key(text.as_bytes(), &keyring::policy());
                let read = read.map_err(|error| Failure::usage(format!("key {:?}: {error}", self.label)))?;
                let one = read.into_iter().next();
                one.ok_or_else(|| {
                    Failure::usage(format!(
                        "key {:?}: the set is empty; put one public key there",
                        self.label
                    ))
                })?
                .key
            }
            _ => {
                return Err(Failure::usage(format!(
                    "key {:?}: wanted either file = \"…\" or public = \"…\"; write one of the two",
                    self.label
                )));
            }
        };
        Ok(DescribedKey {
            label: self.label,
            key,
            dialects: self.dialects,
            algorithms: self.algorithms,
            methods: self.methods,
            paths: self.paths,
            networks: self.networks,
            expires: self.expires,
            enabled: self.enabled,
        })
    }
}

impl WrittenCompanion {
    fn resolve(self, folder: &Path) -> Result<DescribedCompanion, Failure> {
        Ok(DescribedCompanion {
            secret: world::read_secret(&folder.join(&self.secret_file))?,
            label: self.label,
            dialect: self.dialect,
            bound: self.bound,
            enabled: self.enabled,
        })
    }
}

/// An object without the members that say nothing.
fn sparse(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    value
}

const fn yes() -> bool {
    true
}
