//! What is to be made: accounts, keys and companion keys before they have ids; and which keys another may replace.
use crate::denied::Denied;
use crate::model::{Identifier, KeyRecord, Role};
use countersign::life::key::{InvalidMove, KeyState};
use countersign::time::Time;
use countersign_keys::{CompactKey, PublicKey};

/// An account to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewAccount {
    /// Its unique name.
    pub name: String,
    /// The organisation's id; it becomes a `MEMBER` there.
    pub organisation: Option<String>,
    /// Whether it may come in at once.
    pub enabled: bool,
    /// How it names itself.
    pub identifiers: Vec<Identifier>,
    /// Users it may act for.
    pub acts_as: Vec<String>,
    /// Path prefixes it may use; empty: all.
    pub paths: Vec<String>,
    /// Where its JWKS document lives.
    pub jwks_url: Option<String>,
    /// For operators.
    pub role: Option<Role>,
}

/// A key to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// The account's id.
    pub account: String,
    /// What its owner calls it, unique among the account's keys that are not revoked; empty: chosen here.
    pub label: String,
    /// SubjectPublicKeyInfo, DER, as intake gives it: structure is checked here, quality is intake's.
    pub spki: Vec<u8>,
    /// Dialects it is for; at least one.
    pub dialects: Vec<String>,
    /// What it is narrowed to.
    pub narrowing: Narrowing,
    /// Pending, active or disabled.
    pub state: KeyState,
    /// Not accepted before.
    pub not_before: Option<Time>,
    /// Not accepted from then on.
    pub expires: Option<Time>,
    /// Whether it may be registered at another account too: only after a fresh proof of possession, where a setting allows it.
    pub shared: bool,
}

/// What a key is narrowed to; an empty list narrows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// Algorithms by name; empty: all of its kind that are not weak.
    pub algorithms: Vec<String>,
    /// Methods in capitals.
    pub methods: Vec<String>,
    /// Path prefixes.
    pub paths: Vec<String>,
    /// Client networks.
    pub networks: Vec<String>,
}

impl NewKey {
    /// An active key for one dialect, without dates or limits.
    #[must_use]
    pub fn new(account: &str, label: &str, spki: &[u8], dialect: &str) -> Self {
        Self {
            account: account.to_owned(),
            label: label.to_owned(),
            spki: spki.to_vec(),
            dialects: vec![dialect.to_owned()],
            narrowing: Narrowing::default(),
            state: KeyState::Active,
            not_before: None,
            expires: None,
            shared: false,
        }
    }
}

impl NewKey {
    /// The next key as a caller registers it by itself, for [`Draft::rotate_key`](crate::draft::Draft::rotate_key): for the same dialects, narrowed as the old one, and good for as
    /// long as that one was from its registration to its end. Narrowing would mean nothing if its holder could register a wider key.
    #[must_use]
    pub fn after(old: &KeyRecord, new: &PublicKey, label: &str, now: Time) -> Self {
        let same_kind = CompactKey::from_spki_der(&old.spki).is_ok_and(|old| old.kind() == new.kind());
        Self {
            dialects: old.dialects.clone(),
            narrowing: Narrowing {
                algorithms: if same_kind { old.algorithms.clone() } else { Vec::new() },
                methods: old.methods.clone(),
                paths: old.paths.clone(),
                networks: old.networks.clone(),
            },
            expires: old.life.expires.map(|end| now + end.since(old.created)),
            ..Self::new(&old.account, label, new.spki_der(), "")
        }
    }
}

/// On whose word a key takes the place of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouch<'a> {
    /// An operator's.
    Operator,
    /// That of a key of the account, by its id, which signed for the new one: the old key itself, or one kept for recovery.
    Key(&'a str),
}

/// A companion key to be made; its secret stays with whoever drew it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCompanion {
    /// The account's id.
    pub account: String,
    /// The dialect it goes with.
    pub dialect: String,
    /// What its owner calls it, unique in the account.
    pub label: String,
    /// SHA-256 of the secret, 64 small hexadecimal digits.
    pub digest: String,
    /// Whether it is good beside this account's proofs only.
    pub bound: bool,
    /// Whether it is switched on.
    pub enabled: bool,
}

/// Whether another key may take this one's place. A key is replaced once: a second successor would be a third live key that nobody looks
/// for, and would move the end that was told for this one. One that was revoked is replaced only where another key vouches (`by_another`),
/// which then must be kept for recovery: so comes back whose keys are all gone.
///
/// # Errors
/// [`Denied`] `key-retiring` or `key-state`, with the way on.
pub fn replaceable(old: &KeyRecord, by_another: bool) -> Result<(), Denied> {
    let state = match old.life.state {
        KeyState::Active | KeyState::Disabled => return Ok(()),
        KeyState::Revoked if by_another => return Ok(()),
        KeyState::Retiring { until } => {
            let text = format!(
                "wanted a key that was not replaced yet; this one retires until Unix time {until} already; rotate the key that came \
                 after it, or register another one"
            );
            return Err(Denied::state("key-retiring", text));
        }
        KeyState::Recovery => {
            return Err(Denied::state(
                "key-state",
                "wanted a key that signs requests, found one for recovery; register the next recovery key, and revoke this one",
            ));
        }
        KeyState::Pending | KeyState::Revoked => old.life.state,
    };
    let invalid = InvalidMove { from: state, asked: "rotate" };
    Err(Denied::state("key-state", format!("{invalid}; register another key, or choose one that is in use")))
}
