//! The rows of the registry: what an installation knows about accounts, keys and everything around them.
use countersign::life::key::KeyLife;
use countersign::time::Time;
use serde::{Deserialize, Serialize};

/// Who is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// `acc_…`, made by the server.
    pub id: String,
    /// Unique name, chosen by people.
    pub name: String,
    /// The organisation's id.
    pub organisation: Option<String>,
    /// Whether it may come in.
    pub enabled: bool,
    /// How it names itself, each unique in its namespace over the installation.
    pub identifiers: Vec<Identifier>,
    /// Users it may act for, by name.
    pub acts_as: Vec<String>,
    /// Path prefixes it may use; empty: all.
    pub paths: Vec<String>,
    /// Where its JWKS document lives, when it has one.
    pub jwks_url: Option<String>,
    /// For operators: what they may do.
    pub role: Option<Role>,
    /// When it was made.
    pub created: Time,
}

/// One way an account names itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identifier {
    /// `email`, `user`, `connection`, `site`, `user-id`, `operator` or a provider's own.
    pub namespace: String,
    /// The identifier, byte for byte.
    pub value: String,
}

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Reads everything, changes nothing.
    Auditor,
    /// Everything but operators.
    Manager,
    /// Everything.
    Owner,
}

/// A registered public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// `key_…`.
    pub id: String,
    /// The account's id.
    pub account: String,
    /// What its owner calls it.
    pub label: String,
    /// SubjectPublicKeyInfo, DER.
    pub spki: Vec<u8>,
    /// Where it stands in its life.
    pub life: KeyLife,
    /// Dialects it was registered for.
    pub dialects: Vec<String>,
    /// Algorithms it is narrowed to (names of the algorithm table); empty: all of its kind that are not weak.
    pub algorithms: Vec<String>,
    /// Methods it is narrowed to.
    pub methods: Vec<String>,
    /// Path prefixes it is narrowed to.
    pub paths: Vec<String>,
    /// Client networks it is narrowed to.
    pub networks: Vec<String>,
    /// When it was registered.
    pub created: Time,
    /// When it was last used.
    pub last_used: Option<Time>,
    /// From where it was last used.
    pub last_address: Option<String>,
}

/// An API key some dialects want beside the proof; never enough by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanionRecord {
    /// `cmp_…`.
    pub id: String,
    /// The account's id.
    pub account: String,
    /// The dialect it goes with.
    pub dialect: String,
    /// What its owner calls it.
    pub label: String,
    /// SHA-256 of the secret, lower-case hexadecimal; the secret itself is shown once and not kept.
    pub digest: String,
    /// Whether it is good beside this account's proofs only.
    pub bound: bool,
    /// Whether it is switched on.
    pub enabled: bool,
    /// When it was made.
    pub created: Time,
}

/// A user that accounts may act for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The unique name, byte for byte.
    pub name: String,
    /// Whether it may be acted for.
    pub enabled: bool,
    /// When it was made.
    pub created: Time,
}

/// Accounts that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// `org_…`.
    pub id: String,
    /// Unique name.
    pub name: String,
    /// Whether keys that its members register themselves wait for a manager.
    #[serde(default)]
    pub approval: bool,
    /// When it was made.
    pub created: Time,
}

/// An account's place in an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The organisation's id.
    pub organisation: String,
    /// The account's id.
    pub account: String,
    /// `MEMBER`, `ADMIN` or `OWNER`.
    pub role: String,
}

/// A code that lets an account join an organisation by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinCode {
    /// SHA-256 of the code, lower-case hexadecimal.
    pub digest: String,
    /// The organisation's id.
    pub organisation: String,
    /// The role it gives.
    pub role: String,
    /// When it ends.
    pub expires: Time,
    /// Works once when true.
    pub once: bool,
    /// When it was made.
    pub created: Time,
}

/// One of the server's own secrets: signing keys, the challenge key, the replay memory's key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRecord {
    /// What it is for and which: `signing/<kid>`, `challenge`, `replay`.
    pub name: String,
    /// The secret, sealed when a key-encryption key is configured.
    pub value: Vec<u8>,
    /// Whether `value` is sealed.
    pub sealed: bool,
    /// When it was made.
    pub created: Time,
    /// From when it no longer signs (it still verifies).
    pub retired: Option<Time>,
}

impl std::fmt::Debug for SecretRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretRecord").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Any row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// An organisation, by id.
    Organisation(Organisation),
    /// An account, by id.
    Account(Account),
    /// A key, by id.
    Key(KeyRecord),
    /// A companion key, by id.
    Companion(CompanionRecord),
    /// A user, by name.
    User(User),
    /// A membership, by organisation and account.
    Member(Member),
    /// A join code, by digest.
    JoinCode(JoinCode),
    /// A secret, by name.
    Secret(SecretRecord),
}

/// One change of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Insert or replace the row with the same key.
    Put(Record),
    /// Remove the row that has the same key as this one.
    Delete(Record),
}

/// An audit entry before it is numbered and chained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditDraft {
    /// When.
    pub at: Time,
    /// Who did it: an account id, `local` (access to the data directory) or `self` (the caller itself).
    pub actor: String,
    /// What was done, such as `key.revoke`.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What changed, in words or JSON; never a secret.
    pub detail: String,
}

/// An audit entry as kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number, from 1, without gaps.
    pub number: u64,
    /// What it says.
    pub entry: AuditDraft,
    /// SHA-256 over the entry before it and this one, lower-case hexadecimal.
    pub chain: String,
}

/// All rows at one version.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The registry's version: grows by one with every unit written.
    pub version: u64,
    /// Every row.
    pub records: Vec<Record>,
}

/// A key that was used: when and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// The key's id.
    pub key: String,
    /// When.
    pub at: Time,
    /// From where, when known.
    pub address: Option<String>,
}

impl LastUse {
    /// A use as it is kept beside the keys: to the second.
    #[must_use]
    pub fn in_seconds(key: &str, address: &str, seconds: i64) -> Self {
        Self { key: key.to_owned(), at: Time::from_seconds(seconds), address: Some(address.to_owned()) }
    }
}
