//! A vector file's registry in the registry's own words: accounts with identifiers, keys and companions, for any dialect.
use super::VectorError;
use countersign::base64::encode_hex;
use countersign::dialect::settings::Settings;
use countersign::life::key::{KeyLife, KeyState};
use countersign::time::Time;
use countersign_keys::{Policy, read_public_key, sha256};
use countersign_store::model::{Account, CompanionRecord, Identifier, KeyRecord, Record, User};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegistryFile {
    #[serde(default)]
    users: Vec<String>,
    accounts: Vec<AccountFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountFile {
    name: String,
    /// Values by namespace.
    #[serde(default)]
    identifiers: BTreeMap<String, String>,
    #[serde(default)]
    acts_as: Vec<String>,
    #[serde(default)]
    companions: Vec<String>,
    #[serde(default)]
    keys: Vec<KeyFile>,
    #[serde(default)]
    disabled: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    /// A public key in any form that intake takes.
    public: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    algorithms: Vec<String>,
    #[serde(default)]
    disabled: bool,
}

/// The dialect's settings: names and texts.
///
/// # Errors
/// [`VectorError`] for a setting that is no text.
pub fn settings(config: &Value) -> Result<Settings, VectorError> {
    if config.is_null() {
        return Ok(Settings::new());
    }
    serde_json::from_value(config.clone())
        .map_err(|error| VectorError(format!("config: every setting is a text: {error}")))
}

/// The rows that a file's `registry` asks for.
///
/// # Errors
/// [`VectorError`] for a registry in another shape, or a key that no intake takes.
pub fn records(dialect: &str, registry: &Value) -> Result<Vec<Record>, VectorError> {
    let file: RegistryFile = serde_json::from_value(registry.clone())
        .map_err(|error| VectorError(format!("registry: {error}")))?;
    let mut records = Vec::new();
    for name in file.users {
        records.push(Record::User(User { name, enabled: true, created: Time::default() }));
    }
    for (number, account) in file.accounts.into_iter().enumerate() {
        let id = format!("acc_{number}");
        for (place, key) in account.keys.iter().enumerate() {
            records.push(row(&format!("key_{number}_{place}"), &id, dialect, key)?);
        }
        for (place, secret) in account.companions.iter().enumerate() {
            records.push(Record::Companion(CompanionRecord {
                id: format!("cmp_{number}_{place}"),
                account: id.clone(),
                dialect: dialect.to_owned(),
                label: String::new(),
                digest: encode_hex(&sha256(&[secret.as_bytes()])),
                bound: true,
                enabled: true,
                created: Time::default(),
            }));
        }
        let identifiers = account.identifiers.into_iter();
        records.push(Record::Account(Account {
            id,
            name: account.name,
            organisation: None,
            enabled: !account.disabled,
            identifiers: identifiers.map(|(namespace, value)| Identifier { namespace, value }).collect(),
            acts_as: account.acts_as,
            paths: Vec::new(),
            jwks_url: None,
            role: None,
            created: Time::default(),
        }));
    }
    Ok(records)
}

fn row(id: &str, account: &str, dialect: &str, key: &KeyFile) -> Result<Record, VectorError> {
    let told = |error: &dyn std::fmt::Display| VectorError(format!("key {id}: {error}"));
    let read = read_public_key(key.public.as_bytes(), &Policy::default()).map_err(|error| told(&error))?;
    let intake = read.into_iter().next().ok_or_else(|| told(&"none found"))?;
    let state = if key.disabled { KeyState::Disabled } else { KeyState::Active };
    Ok(Record::Key(KeyRecord {
        id: id.to_owned(),
        account: account.to_owned(),
        label: key.label.clone(),
        spki: intake.key.spki_der().to_vec(),
        life: KeyLife { state, ..KeyLife::ACTIVE },
        dialects: vec![dialect.to_owned()],
        algorithms: key.algorithms.clone(),
        methods: Vec::new(),
        paths: Vec::new(),
        networks: Vec::new(),
        created: Time::default(),
        last_used: None,
        last_address: None,
    }))
}
