//! The keys of whoever is signed in: seen, registered, replaced, renamed, switched off and ended by their owner.
use super::holder::Holder;
use super::reach::{Confines, changeable, own, self_service, switched_off_by};
use super::state::Console;
use crate::surface::manage::access::keep_an_owner;
use crate::surface::manage::input::Input;
use crate::surface::manage::intake;
use crate::surface::manage::key_uses::{self, Known, UseView};
use crate::surface::manage::keys::{KeyToRegister, Rotation, add, replace};
use crate::surface::manage::moment::{Length, Moment};
use crate::surface::manage::possession::Possession;
use crate::surface::manage::problem::{Changing, Problem, Reading};
use crate::surface::manage::rotation::{RotationProof, vouching};
use crate::surface::manage::standing::{By, Standing};
use crate::surface::manage::views::KeyView;
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

/// Tries to switch a key on while others write: each looks through the log.
const TRIES: u32 = 4;
/// Another change came between looking and changing.
const MEANWHILE: &str = "changed-meanwhile";

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
    #[serde(flatten)]
    known: Known,
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
    let items = rows.into_iter().map(own).collect::<Result<_, Problem>>()?;
    Ok(Json(OwnKeys { items, known: Known::of(manage, holder.now) }))
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

/// Register a public key, no wider in methods, paths and networks and no longer than the key that is signed in with. What it is for is free
/// among the dialects that routes take: a key for one does not keep its holder from another.
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
    let Confines { algorithms, limits, expires } =
        opener.clone().map_or_else(Confines::default, |opener| Confines::of(opener, &key));
    let new = KeyToRegister {
        public: new.public,
        label: new.label,
        dialects,
        // One that the key itself names goes before.
        algorithms: if read.algorithm.is_some() { Vec::new() } else { algorithms },
        limits,
        not_before: None,
        expires: expires.map(Moment),
        possession: None,
        pending: false,
        recovery: false,
    };
    let standing = Standing { shared: manage.shared_keys, by: By::Owner };
    let account = holder.account.id.clone();
    let added = add(manage, &holder.actor(), account, new, standing, opener.as_ref()).await?;
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
    // Who ended it is not looked up: what an operator ended, no page of its owner's gives a successor.
    if old.life.state == KeyState::Revoked {
        let title = "This key is revoked.";
        let detail = "Wanted a key that may come back or is in use; ask an operator, who puts another in its place on the word of the recovery key.";
        return Err(Problem::new(StatusCode::CONFLICT, "key-state", title).detail(detail));
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

/// Switch a key off at once; it may come back. One that waits for approval is revoked instead.
#[utoipa::path(post, path = "/console/api/v1/keys/{key}/disable", tag = "keys",
    params(("key" = String, Path, description = "The key's id.")),
    responses((status = 200, body = KeyView), Changing))]
async fn disable_own_key(
    State(console): State<Arc<Console>>,
    holder: Holder,
    Path(key): Path<String>,
) -> Result<Json<KeyView>, Problem> {
    changed(&console, &holder, &key, |draft| match draft.key(&key)?.life.state {
        // Switched on again, it would count without anybody's approval.
        KeyState::Pending => Err(Denied::new(
            Denial::State,
            "key-state",
            "this key waits for a manager of this server and counts nowhere yet; revoke it if it is not wanted",
        )),
        _ => draft.disable_key(&key),
    })
    .await
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
    changeable(&console, &holder, &key)?;
    let directory = &console.app.directory;
    for _ in 0..TRIES {
        // What the log tells is of this version at least.
        let seen = directory.version();
        if !switched_off_by(&console, &holder.account.id, &key).await? {
            return Err(not_the_owners());
        }
        let tried = changed(&console, &holder, &key, |draft| {
            if draft.directory().version() != seen {
                return Err(Denied::new(
                    Denial::State,
                    MEANWHILE,
                    "others changed the registry meanwhile, all the time; try again",
                ));
            }
            // A key that waits for approval is not for its owner to approve.
            match draft.key(&key)?.life.state {
                KeyState::Disabled => draft.activate_key(&key),
                _ => Err(Denied::new(
                    Denial::State,
                    "not-disabled",
                    "only a key that is switched off is switched on",
                )),
            }
        });
        match tried.await {
            // An operator may have switched it off as well: it is looked up again.
            Err(problem) if problem.code() == MEANWHILE => {}
            done => return done,
        }
    }
    Err(Problem::new(StatusCode::CONFLICT, MEANWHILE, "Others changed the registry meanwhile.")
        .detail("Wanted to know who switched the key off, found other writers all the time; try again."))
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
    changeable(console, holder, key)?;
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
    let detail =
        "An operator switched it off, or it waits until a manager of this server approves it; ask one.";
    Problem::new(StatusCode::FORBIDDEN, "not-the-owners", title).detail(detail)
}
