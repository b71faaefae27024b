//! The keys of an account: list, register, rotate, show.
use super::access;
use super::found;
use super::input::Input;
use super::intake;
use super::key_uses;
use super::moment::{Length, Moment};
use super::operator::{Actor, Operator};
use super::page::{Ask, Page};
use super::possession::{Possession, may_share};
use super::problem::{Changing, Problem, ReadingOne};
use super::rotation::{self, RotationProof};
use super::standing::{By, Standing, unchanged};
use super::state::Manage;
use super::views::{KeyView, LimitsView};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use countersign::life::key::KeyState;
use countersign_keys::{CompactKey, Intake};
use countersign_store::draft::{Narrowing, NewKey, Vouch};
use countersign_store::model::KeyRecord;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The calls about the keys of an account.
pub(crate) fn routes() -> OpenApiRouter<Arc<Manage>> {
    OpenApiRouter::new()
        .routes(routes!(list_keys, register_key))
        .routes(routes!(rotate_key))
        .routes(routes!(get_key))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// The id of the last entry seen.
    after: Option<String>,
    /// Entries wanted, at most 200.
    limit: Option<u32>,
}

/// A key to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyToRegister {
    /// The public key in any usual spelling: PEM, OpenSSH line, JWK, base64 or hexadecimal of Ed25519. Never the private half.
    pub(crate) public: String,
    /// What its owner calls it.
    #[serde(default)]
    pub(crate) label: String,
    /// Dialects it is for; one, unless you mean more: a proof of one must not double as a proof of another.
    pub(crate) dialects: Vec<String>,
    /// Algorithms it is narrowed to; empty: the one that a JWK names (`alg`), else all of its kind that are not weak. A weak one must
    /// be named here.
    #[serde(default)]
    pub(crate) algorithms: Vec<String>,
    /// Where it may be used.
    #[serde(default)]
    pub(crate) limits: LimitsView,
    /// Not accepted before.
    pub(crate) not_before: Option<Moment>,
    /// Not accepted from then on.
    pub(crate) expires: Option<Moment>,
    /// Lets a key that another account has stand here too, where [keys] shared allows it.
    pub(crate) possession: Option<Possession>,
    /// Whether it waits for `activate`.
    #[serde(default)]
    pub(crate) pending: bool,
    /// Whether it is put away for the day on which the account's other keys are lost: it proves a rotation, and no request.
    #[serde(default)]
    pub(crate) recovery: bool,
}

/// A key that takes the place of another one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    /// The new key. Dialects, algorithms and limits that are left out are those of the key it replaces.
    new: Successor,
    /// How long the old key is still accepted, such as `7d`; `0s` ends it at once.
    overlap: Length,
    /// Proof by the old key, or by one kept for recovery, that the new one comes after it. An operator may go without; the audit
    /// log says which.
    old_proof: Option<RotationProof>,
}

/// A new key in the place of an old one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Successor {
    /// The public key in any usual spelling. Never the private half.
    public: String,
    /// What its owner calls it; chosen here when left out.
    label: Option<String>,
    /// Dialects it is for; the old key's when left out.
    dialects: Option<Vec<String>>,
    /// Algorithms it is narrowed to; the old key's when left out and the kind of key is the same.
    algorithms: Option<Vec<String>>,
    /// Where it may be used; the old key's when left out.
    limits: Option<LimitsView>,
    /// Not accepted from then on.
    expires: Option<Moment>,
    /// Lets a key that another account has stand here too, where [keys] shared allows it.
    possession: Option<Possession>,
}

/// A key just registered.
#[derive(Serialize, ToSchema)]
pub(crate) struct RegisteredKey {
    /// The key.
    pub(crate) key: KeyView,
    /// What was repaired in its spelling; send it so next time.
    repaired: Vec<String>,
}

/// A key that took the place of another one.
#[derive(Serialize, ToSchema)]
pub(crate) struct RotatedKey {
    /// The new key.
    pub(crate) key: KeyView,
    /// The old key, retiring.
    pub(crate) retiring: KeyView,
    /// What was repaired in the new key's spelling.
    repaired: Vec<String>,
}

/// List the keys of an account.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/keys", tag = "keys",
    params(("account" = String, Path, description = "The account's id."), Paging),
    responses((status = 200, body = Page<KeyView>), ReadingOne))]
async fn list_keys(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(account): Path<String>,
    Ask(ask): Ask<Paging>,
) -> Result<Json<Page<KeyView>>, Problem> {
    found::account(&manage, &account)?;
    let mut rows = manage.directory.keys_of(&account);
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    let page = Page::cut(rows, ask.after.as_deref(), ask.limit, |row| row.id.clone(), |row| row)?;
    let rows = key_uses::with_last(&manage, page.items).await?;
    let items = rows.into_iter().map(|row| KeyView::of(row, operator.now)).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next: page.next }))
}

/// Register a public key. The answer shows every fingerprint and what was repaired in the spelling.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/keys", tag = "keys",
    params(("account" = String, Path, description = "The account's id.")), request_body = KeyToRegister,
    responses((status = 201, body = RegisteredKey), Changing))]
async fn register_key(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(account): Path<String>,
    Input(new): Input<KeyToRegister>,
) -> Result<(StatusCode, Json<RegisteredKey>), Problem> {
    operator.may_change_keys(&found::account(&manage, &account)?)?;
    operator.may_give(&account, &new.dialects)?;
    let read = intake::one_key(&new.public, &manage.keys, "public")?;
    let at = "possession";
    let shared = may_share(new.possession.as_ref(), &account, &read.key, &manage, operator.now, at)?;
    let standing = Standing { shared, by: By::Operator };
    let added = add(&manage, &operator.actor(), account, new, standing, None).await?;
    Ok((StatusCode::CREATED, Json(added)))
}

/// Registers a key in somebody's name who may; `opener` is the key that lets it in and confines the new one.
pub(crate) async fn add(
    manage: &Manage,
    actor: &Actor,
    account: String,
    new: KeyToRegister,
    standing: Standing,
    opener: Option<&KeyRecord>,
) -> Result<RegisteredKey, Problem> {
    let state = match (new.pending, new.recovery) {
        (true, true) => {
            let title = "A key waits for approval, or is kept for recovery.";
            return Err(Problem::invalid("invalid-state", title)
                .detail("Send `pending` or `recovery`, not both.")
                .at("recovery"));
        }
        (true, false) => KeyState::Pending,
        (false, true) => KeyState::Recovery,
        (false, false) => KeyState::Active,
    };
    let read = intake::one_key(&new.public, &manage.keys, "public")?;
    known_dialects(manage, &new.dialects)?;
    let LimitsView { methods, paths, networks } = new.limits;
    let key = NewKey {
        account,
        label: new.label,
        spki: read.key.spki_der().to_vec(),
        dialects: new.dialects,
        narrowing: Narrowing { algorithms: meant(new.algorithms, &read), methods, paths, networks },
        state,
        not_before: new.not_before.map(|moment| moment.0),
        expires: new.expires.map(|moment| moment.0),
        shared: standing.shared,
    };
    let row = actor.change(manage, |draft| {
        opener.map_or(Ok(()), |opener| unchanged(draft, opener))?;
        let state = standing.by.begins(draft, &key.account, key.state)?;
        draft.add_key(&NewKey { state, ..key.clone() })
    });
    let row = row.await?;
    Ok(RegisteredKey { key: KeyView::of(row, actor.now)?, repaired: repaired(&read) })
}

/// Replace a key: the new one is active at once, the old one retires after the overlap.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/keys/{key}/rotate", tag = "keys",
    params(("account" = String, Path, description = "The account's id."),
        ("key" = String, Path, description = "The id of the key to replace.")),
    request_body = Rotation, responses((status = 201, body = RotatedKey), Changing))]
async fn rotate_key(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path((account, key)): Path<(String, String)>,
    Input(rotation): Input<Rotation>,
) -> Result<(StatusCode, Json<RotatedKey>), Problem> {
    operator.may_change_keys(&found::account(&manage, &account)?)?;
    let old = found::key(&manage, &key)?;
    if old.account != account {
        return Err(Problem::missing("key"));
    }
    operator.may_give(&account, rotation.new.dialects.as_ref().unwrap_or(&old.dialects))?;
    let read = intake::one_key(&rotation.new.public, &manage.keys, "new.public")?;
    let at = "new.possession";
    let proof = rotation.new.possession.as_ref();
    let shared = may_share(proof, &account, &read.key, &manage, operator.now, at)?;
    let own = manage.directory.keys_of(&account);
    let vouching = rotation.old_proof.as_ref();
    let vouching =
        vouching.map(|proof| rotation::vouching(proof, &old, &own, &read.key, operator.now, "old_proof"));
    let vouching = vouching.transpose()?;
    let vouch = vouching.as_deref().map_or(Vouch::Operator, Vouch::Key);
    let standing = Standing { shared, by: By::Operator };
    let rotated = replace(&manage, &operator.actor(), old, rotation, standing, vouch).await?;
    Ok((StatusCode::CREATED, Json(rotated)))
}

/// Puts a key in the place of an old one in somebody's name who may, on the word of `vouch`.
pub(crate) async fn replace(
    manage: &Manage,
    actor: &Actor,
    old: KeyRecord,
    rotation: Rotation,
    standing: Standing,
    vouch: Vouch<'_>,
) -> Result<RotatedKey, Problem> {
    let seen = old.clone();
    let KeyRecord { id, account, .. } = old.clone();
    let Rotation { new, overlap, old_proof: _ } = rotation;
    let read = intake::one_key(&new.public, &manage.keys, "new.public")?;
    let dialects = new.dialects.unwrap_or(old.dialects);
    known_dialects(manage, &dialects)?;
    let same_kind = CompactKey::from_spki_der(&old.spki).is_ok_and(|old| old.kind() == read.key.kind());
    let limits =
        new.limits.unwrap_or(LimitsView { methods: old.methods, paths: old.paths, networks: old.networks });
    let next = NewKey {
        account,
        // The old label stays with the old key until it ends, so a next key without one gets a number.
        label: new.label.unwrap_or_default(),
        spki: read.key.spki_der().to_vec(),
        dialects,
        narrowing: Narrowing {
            algorithms: match new.algorithms {
                Some(algorithms) => algorithms,
                None => meant(if same_kind { old.algorithms } else { Vec::new() }, &read),
            },
            methods: limits.methods,
            paths: limits.paths,
            networks: limits.networks,
        },
        state: KeyState::Active,
        not_before: None,
        expires: new.expires.map(|moment| moment.0),
        shared: standing.shared,
    };
    let rows = actor.change(manage, |draft| {
        unchanged(draft, &seen)?;
        let state = standing.by.begins(draft, &next.account, KeyState::Active)?;
        let rows = draft.rotate_key(&id, &NewKey { state, ..next.clone() }, overlap.0, vouch)?;
        access::keep_an_owner(&manage.directory, draft)?;
        Ok(rows)
    });
    let (old, new) = rows.await?;
    Ok(RotatedKey {
        key: KeyView::of(new, actor.now)?,
        retiring: KeyView::of(old, actor.now)?,
        repaired: repaired(&read),
    })
}

impl Rotation {
    /// For what the old key is for, until the same end.
    pub(crate) fn same(
        public: String,
        label: Option<String>,
        expires: Option<Moment>,
        overlap: Length,
    ) -> Self {
        let new = Successor {
            public,
            label,
            dialects: None,
            algorithms: None,
            limits: None,
            expires,
            possession: None,
        };
        Self { new, overlap, old_proof: None }
    }
}

/// Show a key.
#[utoipa::path(get, path = "/api/v1/keys/{key}", tag = "keys",
    params(("key" = String, Path, description = "The key's id.")),
    responses((status = 200, body = KeyView), ReadingOne))]
async fn get_key(
    State(manage): State<Arc<Manage>>,
    operator: Operator,
    Path(key): Path<String>,
) -> Result<Json<KeyView>, Problem> {
    let rows = key_uses::with_last(&manage, vec![found::key(&manage, &key)?]).await?;
    let row = rows.into_iter().next().ok_or_else(|| Problem::missing("key"))?;
    Ok(Json(KeyView::of(row, operator.now)?))
}

/// A key for a dialect that is not spoken here could never be used: say so at once.
pub(crate) fn known_dialects(manage: &Manage, wanted: &[String]) -> Result<(), Problem> {
    let known = |name: &String| manage.dialects.iter().any(|dialect| **dialect.name() == **name);
    if wanted.iter().all(known) {
        return Ok(());
    }
    let names: Vec<&str> = manage.dialects.iter().map(|dialect| &**dialect.name()).collect();
    Err(Problem::invalid("unknown-dialect", "This server does not know the dialect.")
        .detail(format!("Wanted dialects among {}; choose from these.", names.join(", ")))
        .at("dialects"))
}

/// The algorithms that were named; else the one that the key itself says it is for.
fn meant(named: Vec<String>, read: &Intake) -> Vec<String> {
    match read.algorithm {
        Some(algorithm) if named.is_empty() => vec![algorithm.name().to_owned()],
        _ => named,
    }
}

fn repaired(read: &Intake) -> Vec<String> {
    read.repaired.iter().map(ToString::to_string).collect()
}
