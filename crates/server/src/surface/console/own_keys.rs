//! The keys of whoever is signed in: seen, registered, replaced, renamed, switched off and ended by their owner.
use super::holder::Holder;
use super::state::Console;
use crate::surface::manage::access::keep_an_owner;
use crate::surface::manage::input::Input;
use crate::surface::manage::intake;
use crate::surface::manage::key_uses::{self, UseView};
use crate::surface::manage::keys::{KeyToRegister, Rotation, add, replace};
use crate::surface::manage::moment::{Length, Moment};
use crate::surface::manage::possession::Possession;
use crate::surface::manage::problem::{Changing, Problem, Reading};
use crate::surface::manage::rotation::{RotationProof, vouching};
use crate::surface::manage::standing::{By, Standing};
use crate::surface::manage::views::{KeyView, LimitsView};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use countersign::life::key::KeyState;
use countersign_keys::Algorithm;
use countersign_store::denied::{Denial, Denied};
use countersign_store::draft::{Draft, Vouch};
use countersign_store::model::KeyRecord;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The dialect of management calls.
const OPERATOR: &str = "operator";
/// Entries of the audit log that are looked through for who switched a key off.
const LOOKED_AT: u64 = 5000;

/// The calls about the account's keys.
pub(super) fn routes() -> OpenApiRouter<Arc<Console>> {
    OpenApiRouter::new()
        .routes(routes!(list_own_keys, register_own_key))
        .routes(routes!(check_key))
        .routes(routes!(rename_own_key))
        .routes(routes!(rotate_own_key))
        .routes(routes!(disable_own_key))
        .routes(routes!(enable_own_key))
        .routes(routes!(revoke_own_key))
}

/// The account's keys.
#[derive(Serialize, ToSchema)]
struct OwnKeys {
    /// Oldest first.
    items: Vec<OwnKey>,
}

/// A key and from where it was used.
#[derive(Serialize, ToSchema)]
struct OwnKey {
    /// The key.
    #[serde(flatten)]
    key: KeyView,
    /// From where it was used, newest first.
    uses: Vec<UseView>,
}

/// A text that may be a public key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyText {
    /// The public key in any usual spelling. Never the private half.
    public: String,
}

/// A public key to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OwnNewKey {
    /// The public key in any usual spelling. Never the private half.
    public: String,
    /// What its owner calls it.
    #[serde(default)]
    label: String,
    /// Dialects it is for; those of the key that is signed in with when left out.
    dialects: Option<Vec<String>>,
    /// Proof that the new key's private half is at hand.
    possession: Possession,
}

/// A key that takes the place of another one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OwnRotation {
    /// The new key: for what the old one is for.
    new: OwnSuccessor,
    /// How long the old key is still accepted, such as `7d`.
    overlap: Length,
    /// Proof by the old key, or by one kept for recovery, that the new one comes after it; not needed where the session was opened with
    /// the old key.
    old_proof: Option<RotationProof>,
}

/// A new key in the place of an old one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OwnSuccessor {
    /// The public key in any usual spelling. Never the private half.
    public: String,
    /// What its owner calls it; chosen here when left out.
    label: Option<String>,
    /// Proof that the new key's private half is at hand.
    possession: Possession,
}

/// A key that took the place of another one.
#[derive(Serialize, ToSchema)]
struct OwnRotated {
    /// The new key.
    key: KeyView,
    /// The old key, retiring.
    retiring: KeyView,
}

/// What to change of a key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OwnKeyChange {
    /// What its owner calls it.
    label: String,
}

/// List the account's keys.
#[utoipa::path(get, path = "/console/api/v1/keys", tag = "keys", responses((status = 200, body = OwnKeys), Reading))]
async fn list_own_keys(
    State(console): State<Arc<Console>>,
    holder: Holder,
) -> Result<Json<OwnKeys>, Problem> {
    let manage = &console.manage;
    let rows = key_uses::with_last(manage, console.app.directory.keys_of(&holder.account.id)).await?;
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let mut uses = key_uses::of_each(manage, &ids).await?;
    let own = |row: KeyRecord| {
        let uses = uses.remove(&row.id).unwrap_or_default();
        Ok(OwnKey { key: KeyView::of(row, holder.now)?, uses })
    };
    Ok(Json(OwnKeys { items: rows.into_iter().map(own).collect::<Result<_, Problem>>()? }))
}

/// Look at a public key before it is registered; nothing is kept.
#[utoipa::path(post, path = "/console/api/v1/keys/check", tag = "keys", request_body = KeyText,
    responses((status = 200, body = intake::CheckedKey), Changing))]
async fn check_key(
    State(console): State<Arc<Console>>,
    _holder: Holder,
    Input(text): Input<KeyText>,
) -> Result<Json<intake::CheckedKey>, Problem> {
    Ok(Json((&intake::one_key(&text.public, &console.manage.keys, "public")?).into()))
}

/// Register a public key, no wider and no longer than the key that is signed in with.
#[utoipa::path(post, path = "/console/api/v1/keys", tag = "keys", request_body = OwnNewKey,
    responses((status = 201, body = KeyView), Changing))]
async fn register_own_key(
    State(console): State<Arc<Console>>,
    holder: Holder,
    Input(new): Input<OwnNewKey>,
) -> Result<(StatusCode, Json<KeyView>), Problem> {
    let manage = &console.manage;
    let opener = holder.key.as_ref().and_then(|key| console.app.directory.key(&key.id));
    let dialects = match (new.dialects, &opener) {
        (Some(dialects), _) => dialects,
        (None, Some(opener)) => opener.dialects.clone(),
        (None, None) => {
            return Err(Problem::invalid("missing-dialects", "Say what the key is for.").at("dialects"));
        }
    };
    self_service(&console, &holder, &dialects, opener.as_ref())?;
    let read = intake::one_key(&new.public, &manage.keys, "public")?;
    if read.algorithm.is_some_and(Algorithm::is_weak) {
        let title = "The key names a weak algorithm.";
        return Err(Problem::invalid("weak-algorithm", title)
            .detail("Only an operator allows one.")
            .at("public"));
    }
    let key = read.key;
    // The proof is wanted always; that it lets a key stand under two accounts is for the setting to say.
    new.possession.holds(&holder.account.id, &key, holder.now, "possession")?;
    let (limits, expires) = opener.map_or_else(Default::default, confines);
    let new = KeyToRegister {
        public: new.public,
        label: new.label,
        dialects,
        algorithms: Vec::new(),
        limits,
        not_before: None,
        expires: expires.map(Moment),
        possession: None,
        pending: false,
        recovery: false,
    };
    let standing = Standing { shared: manage.shared_keys, by: By::Owner };
    let added = add(manage, &holder.actor(), holder.account.id.clone(), new, standing).await?;
    Ok((StatusCode::CREATED, Json(added.key)))
}

/// Replace a key that is signed in with: the new one is for the same, and the old one retires after the overlap.
#[utoipa::path(post, path = "/console/api/v1/keys/{key}/rotate", tag = "keys",
    params(("key" = String, Path, description = "The id of the key to replace.")),
    request_body = OwnRotation, responses((status = 201, body = OwnRotated), Changing))]
async fn rotate_own_key(
    State(console): State<Arc<Console>>,
    holder: Holder,
    Path(key): Path<String>,
    Input(rotation): Input<OwnRotation>,
) -> Result<(StatusCode, Json<OwnRotated>), Problem> {
    let manage = &console.manage;
    let old = own(&console, &holder, &key)?;
    if old.life.state == KeyState::Disabled && !switched_off_by(&console, &holder.account.id, &key).await? {
        return Err(not_the_owners());
    }
    let OwnRotation { new: OwnSuccessor { public, label, possession }, overlap, old_proof } = rotation;
    let read = intake::one_key(&public, &manage.keys, "new.public")?.key;
    possession.holds(&holder.account.id, &read, holder.now, "new.possession")?;
    let vouching = match &old_proof {
        Some(proof) => {
            let own = console.app.directory.keys_of(&holder.account.id);
            vouching(proof, &old, &own, &read, holder.now, "old_proof")?
        }
        None if holder.key.as_ref().is_some_and(|signed_in| *signed_in.id == *key) => key,
        None => {
            let title = "The old key's own proof is wanted.";
            return Err(Problem::invalid("old-proof-missing", title).at("old_proof").detail(
                "Sign in with the key that is to be replaced, or send `old_proof`: `countersign key rotate` shows how it is made.",
            ));
        }
    };
    let rotation = Rotation::same(public, label, old.life.expires.map(Moment), overlap);
    let standing = Standing { shared: manage.shared_keys, by: By::Owner };
    let rotated = replace(manage, &holder.actor(), old, rotation, standing, Vouch::Key(&vouching)).await?;
    Ok((StatusCode::CREATED, Json(OwnRotated { key: rotated.key, retiring: rotated.retiring })))
}

/// Give a key another label.
#[utoipa::path(patch, path = "/console/api/v1/keys/{key}", tag = "keys",
    params(("key" = String, Path, description = "The key's id.")), request_body = OwnKeyChange,
    responses((status = 200, body = KeyView), Changing))]
async fn rename_own_key(
    State(console): State<Arc<Console>>,
    holder: Holder,
    Path(key): Path<String>,
    Input(change): Input<OwnKeyChange>,
) -> Result<Json<KeyView>, Problem> {
    changed(&console, &holder, &key, |draft| draft.label_key(&key, &change.label)).await
}

/// Switch a key off at once; it may come back.
#[utoipa::path(post, path = "/console/api/v1/keys/{key}/disable", tag = "keys",
    params(("key" = String, Path, description = "The key's id.")),
    responses((status = 200, body = KeyView), Changing))]
async fn disable_own_key(
    State(console): State<Arc<Console>>,
    holder: Holder,
    Path(key): Path<String>,
) -> Result<Json<KeyView>, Problem> {
    changed(&console, &holder, &key, |draft| draft.disable_key(&key)).await
}

/// Switch a key on again that its owner switched off.
#[utoipa::path(post, path = "/console/api/v1/keys/{key}/enable", tag = "keys",
    params(("key" = String, Path, description = "The key's id.")),
    responses((status = 200, body = KeyView), Changing))]
async fn enable_own_key(
    State(console): State<Arc<Console>>,
    holder: Holder,
    Path(key): Path<String>,
) -> Result<Json<KeyView>, Problem> {
    own(&console, &holder, &key)?;
    if !switched_off_by(&console, &holder.account.id, &key).await? {
        return Err(not_the_owners());
    }
    changed(&console, &holder, &key, |draft| {
        // A key that waits for an operator is not for its owner to approve.
        match draft.key(&key)?.life.state {
            KeyState::Disabled => draft.activate_key(&key),
            _ => Err(Denied::new(
                Denial::State,
                "not-disabled",
                "only a key that is switched off is switched on",
            )),
        }
    })
    .await
}

/// Revoke a key at once and for ever; its sessions end.
#[utoipa::path(post, path = "/console/api/v1/keys/{key}/revoke", tag = "keys",
    params(("key" = String, Path, description = "The key's id.")),
    responses((status = 200, body = KeyView), Changing))]
async fn revoke_own_key(
    State(console): State<Arc<Console>>,
    holder: Holder,
    Path(key): Path<String>,
) -> Result<Json<KeyView>, Problem> {
    changed(&console, &holder, &key, |draft| draft.revoke_key(&key)).await
}

async fn changed(
    console: &Console,
    holder: &Holder,
    key: &str,
    decide: impl Fn(&mut Draft<'_>) -> Result<KeyRecord, Denied> + Send + Sync,
) -> Result<Json<KeyView>, Problem> {
    own(console, holder, key)?;
    let actor = holder.actor();
    let row = actor.change(&console.manage, |draft| {
        let row = decide(draft)?;
        keep_an_owner(&console.manage.directory, draft)?;
        Ok(row)
    });
    Ok(Json(KeyView::of(row.await?, holder.now)?))
}

/// What an operator switched off comes back by an operator alone, be it as itself or as its successor.
fn not_the_owners() -> Problem {
    let title = "This key was not switched off by its owner.";
    let detail = "An operator switched it off, or it waits for one; ask an operator.";
    Problem::new(StatusCode::FORBIDDEN, "not-the-owners", title).detail(detail)
}

/// A key of the account's; others' are not there. Keys for management calls are changed in a session that may manage.
fn own(console: &Console, holder: &Holder, key: &str) -> Result<KeyRecord, Problem> {
    let row = console.app.directory.key(key).filter(|row| row.account == holder.account.id);
    let row = row.ok_or_else(|| Problem::missing("key"))?;
    if holder.account.role.is_some()
        && holder.role().is_none()
        && row.dialects.iter().any(|name| name == OPERATOR)
    {
        return Err(operators());
    }
    Ok(row)
}

/// Dialects that an owner may register a key for by itself: those that routes take or the opening key has, and that of operators
/// only where the session may manage.
fn self_service(
    console: &Console,
    holder: &Holder,
    wanted: &[String],
    opener: Option<&KeyRecord>,
) -> Result<(), Problem> {
    if wanted.iter().any(|name| name == OPERATOR) && holder.role().is_none() {
        return Err(operators());
    }
    let taken = |name: &String| {
        name == OPERATOR
            || console.app.routes.takes(name)
            || opener.is_some_and(|opener| opener.dialects.contains(name))
    };
    if wanted.iter().all(taken) {
        return Ok(());
    }
    let title = "No route takes this dialect.";
    Err(Problem::invalid("dialect-not-taken", title)
        .detail("Wanted dialects that a route of this server takes; see the list of dialects.")
        .at("dialects"))
}

fn operators() -> Problem {
    let title = "Keys for management calls are changed by who signed in with one.";
    Problem::new(StatusCode::FORBIDDEN, "role-too-low", title)
        .detail("Sign in with a key for the dialect operator, or ask an owner of the installation.")
}

/// What confines a key, and when it ends: narrowing would mean nothing if its holder could add a wider one.
fn confines(key: KeyRecord) -> (LimitsView, Option<countersign::time::Time>) {
    let retires = match key.life.state {
        KeyState::Retiring { until } => Some(until),
        _ => None,
    };
    let expires = key.life.expires.into_iter().chain(retires).min();
    (LimitsView { methods: key.methods, paths: key.paths, networks: key.networks }, expires)
}

/// Whether the account itself was the last to switch a key off, as far as the newest part of the audit log tells.
async fn switched_off_by(console: &Console, account: &str, key: &str) -> Result<bool, Problem> {
    let newest = super::own_audit::newest(console, LOOKED_AT, |entry| {
        entry.subject == key && entry.action == "key.disable"
    });
    Ok(newest.await?.last().is_some_and(|last| last.entry.actor == account))
}
