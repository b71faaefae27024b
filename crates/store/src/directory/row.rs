//! The rows that a directory is filled from, as a registry has them at hand: nothing is copied for them.
use crate::model::{Account, KeyRecord, Role};
use countersign::life::key::KeyLife;
use countersign::time::Time;

/// An account's row, as a registry has it at hand. Its identifiers come beside it.
#[derive(Clone, Copy, Debug)]
pub struct AccountRow<'a> {
    /// `acc_…`.
    pub id: &'a str,
    /// Unique name, chosen by people.
    pub name: &'a str,
    /// The organisation's id.
    pub organisation: Option<&'a str>,
    /// Whether it may come in.
    pub enabled: bool,
    /// Users it may act for, by name.
    pub acts_as: &'a [String],
    /// Path prefixes it may use; empty: all.
    pub paths: &'a [String],
    /// Where its JWKS document lives, when it has one.
    pub jwks_url: Option<&'a str>,
    /// For operators: what they may do.
    pub role: Option<Role>,
    /// When it was made.
    pub created: Time,
}

/// A key's row, as a registry has it at hand.
#[derive(Clone, Copy, Debug)]
pub struct KeyRow<'a> {
    /// `key_…`.
    pub id: &'a str,
    /// The account's id.
    pub account: &'a str,
    /// What its owner calls it.
    pub label: &'a str,
    /// SubjectPublicKeyInfo, DER.
    pub spki: &'a [u8],
    /// Where it stands in its life.
    pub life: KeyLife,
    /// Dialects it was registered for.
    pub dialects: &'a [String],
    /// Algorithms it is narrowed to.
    pub algorithms: &'a [String],
    /// Methods it is narrowed to.
    pub methods: &'a [String],
    /// Path prefixes it is narrowed to.
    pub paths: &'a [String],
    /// Client networks it is narrowed to.
    pub networks: &'a [String],
    /// When it was registered.
    pub created: Time,
    /// When it was last used.
    pub last_used: Option<Time>,
    /// From where it was last used.
    pub last_address: Option<&'a str>,
}

impl<'a> From<&'a Account> for AccountRow<'a> {
    fn from(row: &'a Account) -> Self {
        Self {
            id: &row.id,
            name: &row.name,
            organisation: row.organisation.as_deref(),
            enabled: row.enabled,
            acts_as: &row.acts_as,
            paths: &row.paths,
            jwks_url: row.jwks_url.as_deref(),
            role: row.role,
            created: row.created,
        }
    }
}

impl<'a> From<&'a KeyRecord> for KeyRow<'a> {
    fn from(row: &'a KeyRecord) -> Self {
        Self {
            id: &row.id,
            account: &row.account,
            label: &row.label,
            spki: &row.spki,
            life: row.life,
            dialects: &row.dialects,
            algorithms: &row.algorithms,
            methods: &row.methods,
            paths: &row.paths,
            networks: &row.networks,
            created: row.created,
            last_used: row.last_used,
            last_address: row.last_address.as_deref(),
        }
    }
}

impl KeyRow<'_> {
    /// The row as a record.
    pub(crate) fn to_record(self) -> KeyRecord {
        KeyRecord {
            id: self.id.to_owned(),
            account: self.account.to_owned(),
            label: self.label.to_owned(),
            spki: self.spki.to_owned(),
            life: self.life,
            dialects: self.dialects.to_owned(),
            algorithms: self.algorithms.to_owned(),
            methods: self.methods.to_owned(),
            paths: self.paths.to_owned(),
            networks: self.networks.to_owned(),
            created: self.created,
            last_used: self.last_used,
            last_address: self.last_address.map(str::to_owned),
        }
    }

    pub(crate) const EMPTY: Self = Self {
        id: "",
        account: "",
        label: "",
        spki: &[],
        life: KeyLife::ACTIVE,
        dialects: &[],
        algorithms: &[],
        methods: &[],
        paths: &[],
        networks: &[],
        created: Time::MIN,
        last_used: None,
        last_address: None,
    };
}
