//! The installation the corpus expects: accounts, keys in every state, users, API keys, and the settings it runs with.
use countersign::dialect::settings::Settings;
use countersign::life::key::{KeyLife, KeyState};
use countersign::time::Time;
use countersign_keys::{Algorithm, Policy, read_public_key, sha256};
use countersign_store::model::{
    Account, CompanionRecord, Identifier, KeyRecord, Member, Organisation, Record, User,
};
use serde::Deserialize;
use std::collections::BTreeSet;

/// The instant every record was signed for.
pub const NOW: i64 = 1_767_225_600;
/// The host every record is addressed to.
pub const HOST: &str = "api.example.test";

#[derive(Deserialize)]
struct File {
    principals: Vec<Principal>,
    now: i64,
}

#[derive(Deserialize)]
struct Principal {
    dialect: String,
    id: String,
    state: Option<String>,
    api_key: Option<String>,
    org: Option<String>,
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    algs: Vec<String>,
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    pem: String,
    public_pem: String,
    keyid: Option<String>,
    state: Option<String>,
    not_after: Option<i64>,
    not_before: Option<i64>,
}

/// Our name of a dialect that the corpus names in its own way, and the namespace of its identifiers.
pub fn dialect(corpus: &str) -> Option<(&'static str, &'static str)> {
    Some(match corpus {
        "skykit" | "http" => ("skykit", "email"),
        "ajwt" => ("asymmetric-jwt", "user"),
        "helplightning" => ("partner-key", "site"),
        "skillhive" => ("skillhive", "connection"),
        "sxt" => ("spacetime", "user-id"),
        "rfc9421" => ("http-signature", "signer"),
        "pkjwt" => ("client-assertion", "client"),
        _ => return None,
    })
}

/// The settings that the corpus runs with, where they differ from the shipped ones.
pub fn settings(dialect: &str) -> Settings {
    let pairs: &[(&str, &str)] = match dialect {
        "skykit" => &[("kid", "strict"), ("greatest_ahead", "1h"), ("refuse_unknown_audience", "on")],
        "asymmetric-jwt" => &[("kid", "strict"), ("nonce_kind", "text"), ("nonce_bytes", "256")],
        "partner-key" => &[
            ("kid", "strict"),
            ("scheme", ""),
            ("leeway", "0s"),
            ("greatest_life", "1h"),
            ("sole_audience", "true"),
        ],
        "client-assertion" => &[("kid", "strict"), ("greatest_life", "5m")],
        _ => &[],
    };
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Every row of the registry.
///
/// # Errors
/// What cannot be read in `principals.json`.
pub fn rows(text: &str) -> Result<Vec<Record>, String> {
    let file: File = serde_json::from_str(text).map_err(|error| format!("principals.json: {error}"))?;
    if file.now != NOW {
        return Err(format!("principals.json is for {}, the records are for {NOW}", file.now));
    }
    let created = Time::from_seconds(NOW - 86_400);
    let mut rows = Vec::new();
    let users: BTreeSet<&String> = file.principals.iter().flat_map(|principal| &principal.users).collect();
    rows.extend(
        users.into_iter().map(|name| Record::User(User { name: name.clone(), enabled: true, created })),
    );
    let organisations: BTreeSet<&String> =
        file.principals.iter().filter_map(|principal| principal.org.as_ref()).collect();
    rows.extend(organisations.into_iter().map(|name| {
        Record::Organisation(Organisation {
            id: format!("org_{name}"),
            name: name.clone(),
            approval: false,
            created,
        })
    }));
    for principal in &file.principals {
        rows.extend(principal_rows(principal, created)?);
    }
    Ok(rows)
}

fn principal_rows(principal: &Principal, created: Time) -> Result<Vec<Record>, String> {
    let (dialect, namespace) = dialect(&principal.dialect)
        .ok_or_else(|| format!("principals.json: no dialect {:?}", principal.dialect))?;
    let account = format!("acc_{dialect}_{}", principal.id);
    let organisation = principal.org.as_ref().map(|name| format!("org_{name}"));
    let mut rows = vec![Record::Account(Account {
        id: account.clone(),
        name: format!("{dialect} {}", principal.id),
        organisation: organisation.clone(),
        enabled: principal.state.as_deref() != Some("disabled"),
        identifiers: vec![Identifier { namespace: namespace.to_owned(), value: principal.id.clone() }],
        acts_as: principal.users.clone(),
        paths: principal.paths.clone(),
        jwks_url: None,
        role: None,
        created,
    })];
    if let Some(organisation) = organisation {
        rows.push(Record::Member(Member {
            organisation,
            account: account.clone(),
            role: "MEMBER".to_owned(),
        }));
    }
    for key in &principal.keys {
        rows.push(Record::Key(key_row(key, dialect, &principal.algs, &account, created)?));
    }
    if let Some(secret) = &principal.api_key {
        let digest = sha256(&[secret.as_bytes()]).iter().map(|byte| format!("{byte:02x}")).collect();
        rows.push(Record::Companion(CompanionRecord {
            id: format!("cmp_{}", principal.id),
            account,
            dialect: dialect.to_owned(),
            label: String::new(),
            digest,
            bound: true,
            enabled: true,
            created,
        }));
    }
    Ok(rows)
}

fn key_row(
    key: &Key,
    dialect: &str,
    listed: &[String],
    account: &str,
    created: Time,
) -> Result<KeyRecord, String> {
    let intake = read_public_key(key.public_pem.as_bytes(), &Policy::default())
        .map_err(|error| format!("principals.json: key {}: {error}", key.pem))?;
    let spki = intake.first().ok_or_else(|| format!("key {} is empty", key.pem))?.key.spki_der().to_vec();
    let algorithms: Vec<String> = match dialect {
        "skillhive" => ["RSA-SHA256", "RSA-SHA1"].map(str::to_owned).into(),
        "client-assertion" => {
            let names = listed.iter().filter_map(|name| Algorithm::from_jose(name));
            names.map(|algorithm| algorithm.name().to_owned()).collect()
        }
        _ => Vec::new(),
    };
    let state = match key.state.as_deref() {
        None => KeyState::Active,
        Some("revoked") => KeyState::Revoked,
        Some(other) => return Err(format!("principals.json: no key state {other:?}")),
    };
    let life = KeyLife {
        state,
        not_before: key.not_before.map(Time::from_seconds),
        expires: key.not_after.map(Time::from_seconds),
    };
    Ok(KeyRecord {
        id: key.keyid.clone().unwrap_or_else(|| format!("key_{}_{}", key.pem, account)),
        account: account.to_owned(),
        label: key.pem.clone(),
        spki,
        life,
        dialects: vec![dialect.to_owned()],
        algorithms,
        methods: Vec::new(),
        paths: Vec::new(),
        networks: Vec::new(),
        created,
        last_used: None,
        last_address: None,
    })
}
