//! What a vector file's registry and settings mean here: rows and setting names, through public doors only.
use super::VectorError;
use countersign::dialect::settings::Settings;
use countersign::life::key::{KeyLife, KeyState};
use countersign::time::Time;
use countersign_keys::{Policy, read_public_key, sha256};
use countersign_store::model::{Account, CompanionRecord, Identifier, KeyRecord, Record, User};
use serde_json::Value;

/// The dialects of HTTP message signatures.
const MESSAGES: &[&str] = &["adcp", "fapi-2", "http-signature", "visa-tap", "web-bot-auth"];

/// The dialect settings that a file's `config` asks for.
///
/// # Errors
/// [`VectorError`] for a member that means nothing here.
pub fn settings(dialect: &str, config: &Value) -> Result<Settings, VectorError> {
    let mut out = Settings::new();
    for (name, value) in config.as_object().into_iter().flat_map(|groups| groups.values()).flat_map(members) {
        if MESSAGES.contains(&dialect) {
            // Settings under their own names.
            out.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
            continue;
        }
        let names: &[&str] = match (dialect, name.as_str()) {
            ("skykit", "leeway_s") => &["iat_leeway", "exp_leeway"],
            ("skykit", "max_lifetime_s") => &["lifetime"],
            ("skykit", "algs") => &["algorithms"],
            ("asymmetric-jwt", "tolerance_s") => &["tolerance"],
            ("partner-key", "leeway_s") => &["leeway"],
            ("partner-key", "max_lifetime_s") => &["greatest_life"],
            // The digests are what the connections' keys are registered with.
            ("skillhive", "digests") => &[],
            _ => return Err(VectorError(format!("the setting {name} means nothing for {dialect}"))),
        };
        let text = match value {
            Value::Number(seconds) => format!("{seconds}s"),
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            other => other.to_string(),
        };
        out.extend(names.iter().map(|name| ((*name).to_owned(), text.clone())));
    }
    Ok(out)
}

/// The rows that a file's `registry` asks for.
///
/// # Errors
/// [`VectorError`] for a key that no intake takes.
pub fn records(dialect: &str, registry: &Value, config: &Value) -> Result<Vec<Record>, VectorError> {
    let group = registry.as_object().and_then(|groups| groups.values().next()).unwrap_or(&Value::Null);
    let mut rows = Rows { dialect, records: Vec::new(), digests: digests(config) };
    match dialect {
        "skykit" => rows.accounts("email", group, &[])?,
        "asymmetric-jwt" => rows.accounts("user", group, &[])?,
        "partner-key" => {
            rows.accounts("site", group.get("sites").unwrap_or(&Value::Null), &[])?;
            rows.companions(group.get("api_keys").unwrap_or(&Value::Null));
        }
        "skillhive" => {
            let users: Vec<String> = group
                .get("users")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            for name in &users {
                let user = User { name: name.clone(), enabled: true, created: Time::default() };
                rows.records.push(Record::User(user));
            }
            rows.accounts("connection", group.get("connections").unwrap_or(&Value::Null), &users)?;
        }
        message if MESSAGES.contains(&message) => rows.accounts("signer", group, &[])?,
        "spacetime" => rows.accounts("user-id", group.get("users").unwrap_or(&Value::Null), &[])?,
        other => return Err(VectorError(format!("no registry is known for {other}"))),
    }
    Ok(rows.records)
}

struct Rows<'a> {
    dialect: &'a str,
    records: Vec<Record>,
    digests: Vec<String>,
}

impl Rows<'_> {
    fn accounts(&mut self, namespace: &str, group: &Value, acts_as: &[String]) -> Result<(), VectorError> {
        for (number, (name, account)) in members(group).enumerate() {
            let id = format!("acc_{number}");
            let listed = account.get("keys").and_then(Value::as_array);
            for (place, key) in listed.into_iter().flatten().enumerate() {
                let own = account.get("digests").map(names);
                let algorithms = own.unwrap_or_else(|| self.digests.clone());
                let record = self.key(&format!("key_{number}_{place}"), &id, key, algorithms)?;
                self.records.push(record);
            }
            self.records.push(Record::Account(Account {
                id,
                name: name.clone(),
                organisation: None,
                enabled: enabled(account),
                identifiers: vec![Identifier { namespace: namespace.to_owned(), value: name.clone() }],
                acts_as: acts_as.to_vec(),
                paths: Vec::new(),
                jwks_url: None,
                role: None,
                created: Time::default(),
            }));
        }
        Ok(())
    }

    fn key(
        &self,
        id: &str,
        account: &str,
        key: &Value,
        algorithms: Vec<String>,
    ) -> Result<Record, VectorError> {
        let text = key.get("pem").or_else(|| key.get("b64")).and_then(Value::as_str).unwrap_or("");
        let read = read_public_key(text.as_bytes(), &Policy::default());
        let intake = read
            .map_err(|error| VectorError(format!("key {id}: {error}")))?
            .into_iter()
            .next()
            .ok_or_else(|| VectorError(format!("key {id}: none found")))?;
        let state = if enabled(key) { KeyState::Active } else { KeyState::Disabled };
        Ok(Record::Key(KeyRecord {
            id: id.to_owned(),
            account: account.to_owned(),
            label: String::new(),
            spki: intake.key.spki_der().to_vec(),
            life: KeyLife { state, ..KeyLife::ACTIVE },
            dialects: vec![self.dialect.to_owned()],
            algorithms,
            methods: Vec::new(),
            paths: Vec::new(),
            networks: Vec::new(),
            created: Time::default(),
            last_used: None,
            last_address: None,
        }))
    }

    fn companions(&mut self, list: &Value) {
        for (number, secret) in list.as_array().into_iter().flatten().filter_map(Value::as_str).enumerate() {
            self.records.push(Record::Companion(CompanionRecord {
                id: format!("cmp_{number}"),
                account: "acc_0".to_owned(),
                dialect: self.dialect.to_owned(),
                label: String::new(),
                digest: countersign::base64::encode_hex(&sha256(&[secret.as_bytes()])),
                bound: false,
                enabled: true,
                created: Time::default(),
            }));
        }
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn enabled(value: &Value) -> bool {
    value.get("enabled").and_then(Value::as_bool).unwrap_or(true)
}

fn digests(config: &Value) -> Vec<String> {
    config.get("skillhive").and_then(|group| group.get("digests")).map(names).unwrap_or_default()
}

fn names(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    items.map(|digest| digest.replace("SHA", "RSA-SHA")).collect()
}
