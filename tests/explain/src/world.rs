//! The installation that every broken request is judged against: one caller with keys of every state, and a stranger beside it.
use countersign::life::key::{KeyLife, KeyState};
use countersign::time::Time;
use countersign_keys::{KeyKind, PrivateKey, sha256};
use countersign_store::model::{Account, CompanionRecord, Identifier, KeyRecord, Record, User};
use std::collections::BTreeMap;

/// When everything is judged, Unix seconds.
pub const NOW: i64 = 1_790_000_000;
/// The caller's account, and the stranger's.
pub const ALICE: &str = "acc_alice";
/// The account that is nobody's business.
pub const BOB: &str = "acc_bob";
/// The caller's companion key.
pub const COMPANION: &str = "companion-of-alice";
/// The stranger's.
pub const COMPANION_OF_BOB: &str = "companion-of-bob";
/// The caller's companion key that is switched off.
pub const COMPANION_OFF: &str = "companion-switched-off";

/// Key pairs that are used for nothing else, always the same so that a score is, and the rows that name them.
pub struct World {
    keys: BTreeMap<&'static str, PrivateKey>,
}

/// Each key: its id, its kind, the account that has it, where it stands.
const KEYS: &[(&str, KeyKind, &str, KeyState)] = &[
    ("key_main", KeyKind::Rsa, ALICE, KeyState::Active),
    ("key_second", KeyKind::Rsa, ALICE, KeyState::Active),
    ("key_old", KeyKind::Rsa, ALICE, KeyState::Revoked),
    ("key_ed", KeyKind::Ed25519, ALICE, KeyState::Active),
    ("key_ed_old", KeyKind::Ed25519, ALICE, KeyState::Revoked),
    ("key_es", KeyKind::P256, ALICE, KeyState::Active),
    ("key_es_old", KeyKind::P256, ALICE, KeyState::Revoked),
    ("key_bob", KeyKind::Rsa, BOB, KeyState::Active),
    ("key_bob_ed", KeyKind::Ed25519, BOB, KeyState::Active),
];
/// Every key pair, those among them that nobody registered.
const FILES: &[(&str, &[u8])] = &[
    ("key_main", include_bytes!("../keys/key_main.pem")),
    ("key_second", include_bytes!("../keys/key_second.pem")),
    ("key_old", include_bytes!("../keys/key_old.pem")),
    ("key_ed", include_bytes!("../keys/key_ed.pem")),
    ("key_ed_old", include_bytes!("../keys/key_ed_old.pem")),
    ("key_es", include_bytes!("../keys/key_es.pem")),
    ("key_es_old", include_bytes!("../keys/key_es_old.pem")),
    ("key_bob", include_bytes!("../keys/key_bob.pem")),
    ("key_bob_ed", include_bytes!("../keys/key_bob_ed.pem")),
    ("nobody", include_bytes!("../keys/nobody.pem")),
    ("nobody_long", include_bytes!("../keys/nobody_long.pem")),
    ("nobody_ed", include_bytes!("../keys/nobody_ed.pem")),
    ("nobody_es", include_bytes!("../keys/nobody_es.pem")),
];

/// What stands before the 32 bytes of an Ed25519 key in PKCS#8 (RFC 8410 section 7).
const HALF: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

impl World {
    /// Reads the key pairs.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn new() -> Result<Self, String> {
        let read = |(id, pem): &(&'static str, &[u8])| {
            PrivateKey::read(pem, None).map(|key| (*id, key)).map_err(|error| format!("{id}: {error}"))
        };
        let mut keys: BTreeMap<_, _> = FILES.iter().map(read).collect::<Result<_, String>>()?;
        let public = keys.get("key_ed").and_then(|key| key.public_key().ed25519_bytes()).unwrap_or_default();
        // PKCS#8 of the public half, as if it were the secret: of the 64 bytes that NaCl keeps, the wrong 32.
        let half = [&HALF[..], &public].concat();
        keys.insert("key_ed_half", PrivateKey::from_pkcs8_der(&half).map_err(|error| error.to_string())?);
        Ok(Self { keys })
    }

    /// A key pair.
    ///
    /// # Errors
    /// When the corpus asks for one that is not in the table.
    pub fn key(&self, id: &str) -> Result<&PrivateKey, String> {
        self.keys.get(id).ok_or_else(|| format!("the corpus has no key {id}"))
    }

    /// The rows.
    ///
    /// # Errors
    /// As [`World::key`].
    pub fn records(&self) -> Result<Vec<Record>, String> {
        let mut records = vec![account(ALICE, "alice", "1001"), account(BOB, "bob", "2002")];
        for (id, kind, owner, state) in KEYS {
            let dialects: &[&str] = match kind {
                KeyKind::Rsa => &["skykit", "asymmetric-jwt", "partner-key", "skillhive"],
                KeyKind::Ed25519 => &["asymmetric-jwt", "spacetime", "http-signature"],
                _ => &["operator"],
            };
            records.push(Record::Key(KeyRecord {
                id: (*id).to_owned(),
                account: (*owner).to_owned(),
                label: String::new(),
                spki: self.key(id)?.public_key().spki_der().to_vec(),
                life: KeyLife { state: *state, not_before: None, expires: None },
                dialects: dialects.iter().map(|name| (*name).to_owned()).collect(),
                algorithms: Vec::new(),
                methods: Vec::new(),
                paths: Vec::new(),
                networks: Vec::new(),
                created: Time::default(),
                last_used: None,
                last_address: None,
            }));
        }
        for user in ["carol@example.com", "dave@example.com"] {
            records.push(Record::User(User {
                name: user.to_owned(),
                enabled: true,
                created: Time::default(),
            }));
        }
        for (secret, owner, enabled) in
            [(COMPANION, ALICE, true), (COMPANION_OF_BOB, BOB, true), (COMPANION_OFF, ALICE, false)]
        {
            records.push(Record::Companion(CompanionRecord {
                id: format!("cmp_{secret}"),
                account: owner.to_owned(),
                dialect: "partner-key".to_owned(),
                label: String::new(),
                digest: countersign::base64::encode_hex(&sha256(&[secret.as_bytes()])),
                bound: true,
                enabled,
                created: Time::default(),
            }));
        }
        Ok(records)
    }
}

fn account(id: &str, name: &str, site: &str) -> Record {
    let named = |namespace: &str, value: String| Identifier { namespace: namespace.to_owned(), value };
    Record::Account(Account {
        id: id.to_owned(),
        name: name.to_owned(),
        organisation: None,
        enabled: true,
        identifiers: vec![
            named("email", format!("{name}@example.com")),
            named("user", name.to_owned()),
            named("site", site.to_owned()),
            named("connection", format!("c7{name}")),
            named("user-id", name.to_owned()),
        ],
        acts_as: std::iter::once("carol@example.com".to_owned()).collect(),
        paths: Vec::new(),
        jwks_url: None,
        role: None,
        created: Time::default(),
    })
}
