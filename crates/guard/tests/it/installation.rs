//! A small installation: one account with a key for each dialect.
use countersign::dialect::Dialect;
use countersign::dialect::settings::Settings;
use countersign::life::key::KeyLife;
use countersign::time::Time;
use countersign_guard::clock::FrozenClock;
use countersign_guard::guard::Guard;
use countersign_guard::policy::Policy;
use countersign_keys::{KeyKind, PrivateKey, sha256};
use countersign_store::directory::Directory;
use countersign_store::memory::MemoryStore;
use countersign_store::model::{Account, CompanionRecord, Identifier, KeyRecord, Record, User};
use countersign_store::registry::Loaded;
use std::sync::{Arc, OnceLock};

pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const API_KEY: &str = "an-api-key";
pub(crate) const USER: &str = "user@example.com";
/// Dialect, namespace, identifier.
pub(crate) const DIALECTS: [(&str, &str, &str); 5] = [
    ("skykit", "email", "ops@example.com"),
    ("skillhive", "connection", "c7ds89"),
    ("asymmetric-jwt", "user", "guido"),
    ("partner-key", "site", "54344"),
    ("operator", "operator", "root"),
];

pub(crate) fn rsa() -> &'static PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| PrivateKey::generate(KeyKind::Rsa, 2048).unwrap())
}

pub(crate) fn stranger() -> &'static PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| PrivateKey::generate(KeyKind::Rsa, 2048).unwrap())
}

pub(crate) fn dialect(name: &str) -> Arc<Dialect> {
    Arc::new(countersign_dialects::load(name, &Settings::new()).unwrap())
}

pub(crate) fn records() -> Vec<Record> {
    let identifiers = DIALECTS
        .map(|(_, namespace, value)| Identifier { namespace: namespace.to_owned(), value: value.to_owned() });
    let account = Account {
        id: "acc_1".to_owned(),
        name: "ops".to_owned(),
        organisation: None,
        enabled: true,
        identifiers: identifiers.to_vec(),
        acts_as: vec![USER.to_owned()],
        paths: Vec::new(),
        jwks_url: None,
        role: None,
        created: Time::default(),
    };
    let key = KeyRecord {
        id: "key_1".to_owned(),
        account: "acc_1".to_owned(),
        label: "first".to_owned(),
        spki: rsa().public_key().spki_der().to_vec(),
        life: KeyLife::ACTIVE,
        dialects: DIALECTS.map(|(name, ..)| name.to_owned()).to_vec(),
        algorithms: Vec::new(),
        methods: Vec::new(),
        paths: Vec::new(),
        networks: Vec::new(),
        created: Time::default(),
        last_used: None,
        last_address: None,
    };
    let companion = CompanionRecord {
        id: "cmp_1".to_owned(),
        account: "acc_1".to_owned(),
        dialect: "partner-key".to_owned(),
        label: String::new(),
        digest: countersign::base64::encode_hex(&sha256(&[API_KEY.as_bytes()])),
        bound: true,
        enabled: true,
        created: Time::default(),
    };
    let user = User { name: USER.to_owned(), enabled: true, created: Time::default() };
    vec![Record::Account(account), Record::Key(key), Record::Companion(companion), Record::User(user)]
}

pub(crate) fn guard() -> Guard {
    let directory = Directory::load(Loaded { version: 1, records: records() }).unwrap();
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(FrozenClock::at(Time::from_seconds(NOW)));
    Guard::new(Arc::new(directory), store.clone(), store, clock)
}

pub(crate) fn policy(name: &str) -> Policy {
    Policy::of(vec![dialect(name)])
}
