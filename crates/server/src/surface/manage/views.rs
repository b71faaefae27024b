//! What the management API shows of accounts and keys: the rows in the words of the API, never a secret.
use super::intake::FingerprintsView;
use super::moment::Moment;
use countersign::life::key::KeyState;
use countersign::time::Time;
use countersign_keys::CompactKey;
use countersign_store::fault::Fault;
use countersign_store::model::{Account, Identifier, KeyRecord, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who is recognised.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountView {
    /// `acc_…`.
    id: String,
    /// Unique name.
    name: String,
    /// The organisation's id.
    organisation: Option<String>,
    /// Whether it may come in.
    enabled: bool,
    /// How it names itself.
    identifiers: Vec<IdentifierView>,
    /// Users it may act for, by name.
    acts_as: Vec<String>,
    /// Path prefixes it may use; empty: all.
    paths: Vec<String>,
    /// Where its JWKS document lives.
    jwks_url: Option<String>,
    /// For operators: what they may do.
    role: Option<RoleView>,
    /// When it was made.
    created: Moment,
}

/// One way an account names itself.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdentifierView {
    /// `email`, `user`, `connection`, `site`, `user-id`, `operator` or a provider's own.
    pub(crate) namespace: String,
    /// The identifier, byte for byte.
    pub(crate) value: String,
}

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RoleView {
    /// Reads everything, changes nothing.
    Auditor,
    /// Everything but operators and signing keys.
    Manager,
    /// Everything.
    Owner,
}

/// A registered public key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyView {
    /// `key_…`.
    id: String,
    /// The account's id.
    account: String,
    /// What its owner calls it.
    label: String,
    /// `RSA`, `Ed25519`, `P-256`, `P-384` or `P-521`.
    kind: &'static str,
    /// RSA: bits of the modulus; otherwise of the curve.
    bits: u32,
    /// `pending`, `active`, `retiring`, `disabled`, `recovery` or `revoked`.
    state: &'static str,
    /// For a retiring key: from when it is no longer accepted.
    until: Option<Moment>,
    /// Not accepted before.
    not_before: Option<Moment>,
    /// Not accepted from then on.
    expires: Option<Moment>,
    /// Whether a proof by it counts right now.
    live: bool,
    /// Dialects it was registered for.
    dialects: Vec<String>,
    /// Algorithms it is narrowed to; empty: all of its kind that are not weak.
    algorithms: Vec<String>,
    /// Where it may be used.
    limits: LimitsView,
    /// Every usual fingerprint.
    fingerprints: FingerprintsView,
    /// The public key as SPKI PEM.
    public: String,
    /// When it was registered.
    created: Moment,
    /// When it was last used.
    last_used: Option<Moment>,
    /// From where it was last used.
    last_address: Option<String>,
}

/// Where a key may be used; an empty list restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsView {
    /// Methods, such as `GET`.
    pub(crate) methods: Vec<String>,
    /// Path prefixes on segment borders, such as `/reports`.
    pub(crate) paths: Vec<String>,
    /// Client networks, such as `10.0.0.0/8`.
    pub(crate) networks: Vec<String>,
}

impl From<Account> for AccountView {
    fn from(row: Account) -> Self {
        Self {
            id: row.id,
            name: row.name,
            organisation: row.organisation,
            enabled: row.enabled,
            identifiers: row.identifiers.into_iter().map(Into::into).collect(),
            acts_as: row.acts_as,
            paths: row.paths,
            jwks_url: row.jwks_url,
            role: row.role.map(Into::into),
            created: Moment(row.created),
        }
    }
}

impl From<Identifier> for IdentifierView {
    fn from(row: Identifier) -> Self {
        Self { namespace: row.namespace, value: row.value }
    }
}

impl From<IdentifierView> for Identifier {
    fn from(view: IdentifierView) -> Self {
        Self { namespace: view.namespace, value: view.value }
    }
}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        match role {
            Role::Auditor => Self::Auditor,
            Role::Manager => Self::Manager,
            Role::Owner => Self::Owner,
        }
    }
}

impl From<RoleView> for Role {
    fn from(view: RoleView) -> Self {
        match view {
            RoleView::Auditor => Self::Auditor,
            RoleView::Manager => Self::Manager,
            RoleView::Owner => Self::Owner,
        }
    }
}

impl KeyView {
    /// The view of a key as it stands at `now`.
    ///
    /// # Errors
    /// [`Fault`] when the row holds no key that this version can read.
    pub(crate) fn of(row: KeyRecord, now: Time) -> Result<Self, Fault> {
        let key = CompactKey::from_spki_der(&row.spki)
            .map_err(|error| Fault::caused(format!("the public key of {} cannot be read", row.id), error))?
            .parse();
        let until = match row.life.state {
            KeyState::Retiring { until } => Some(Moment(until)),
            _ => None,
        };
        Ok(Self {
            id: row.id,
            account: row.account,
            label: row.label,
            kind: key.kind().name(),
            bits: key.bits(),
            state: row.life.state.name(),
            until,
            not_before: row.life.not_before.map(Moment),
            expires: row.life.expires.map(Moment),
            live: row.life.is_live(now),
            dialects: row.dialects,
            algorithms: row.algorithms,
            limits: LimitsView { methods: row.methods, paths: row.paths, networks: row.networks },
            fingerprints: key.fingerprints().into(),
            public: key.to_pem(),
            created: Moment(row.created),
            last_used: row.last_used.map(Moment),
            last_address: row.last_address,
        })
    }
}
